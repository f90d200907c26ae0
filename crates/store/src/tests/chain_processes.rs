//! Several processes of one store whose settings differ, and stores that were open without their chain for a while.

use http::Method;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use sealpost_envelope::ecdh::Curve;
use serde_json::{Value, json};

use super::chain_kit::{Action, Chain, FINALITY, Paid, SELLER, USDC};
use super::chain_settling::price;
use super::chain_shop::*;
use super::kit::{Kit, START_S};
use crate::schema::{chain_offer, purchase};

/// Amount, token, and until when in seconds from the start.
async fn history(kit: &Kit) -> Vec<(String, Option<String>, Option<i64>)> {
    let rows = chain_offer::Entity::find().order_by_asc(chain_offer::Column::SinceMs);
    let rows = rows.all(kit.store.state.db.read()).await.unwrap();
    let until = |row: &chain_offer::Model| row.until_ms.map(|until| until / 1000 - START_S);
    rows.iter().map(|row| (row.amount.clone(), row.token.clone(), until(row))).collect()
}

async fn change(kit: &Kit, token: &str, change: Value) {
    let path = format!("/api/v1/listings/{PLUGIN}");
    let answer = kit.call(Method::PATCH, &path, token, Some(change)).await;
    assert!(answer.status.is_success(), "{}", answer.text());
}

async fn offer(kit: &Kit) -> Value {
    kit.get(&format!("/api/v1/listings/{PLUGIN}/offer"), "").await.json()
}

#[tokio::test]
async fn a_process_that_knows_nothing_of_the_chain_ends_no_sale_there() {
    let shop = shop().await;
    shop.chain.list(ITEM, SELLER, None, PRICE);
    shop.kit.pass_s(10);
    let without = shop.kit.again_on(None).await;
    change(&without, &shop.seller, json!({"title": "Another"})).await;
    assert_eq!(history(&shop.kit).await, [(PRICE.to_string(), None, None)]);
    shop.kit.pass_s(7_200);
    assert_eq!(offer(&shop.kit).await["listed"], "yes");
    let wallet = wallet(Curve::P256);
    let tx = shop.chain.pay(ITEM, &on_chain(&wallet), PRICE);
    shop.chain.mine_at(START_S as u64 + 7_200, FINALITY);
    shop.watch().await;
    assert_eq!(shop.payment().await, ("settled".to_owned(), None));
    assert!(opens(&shop.collect("", &wallet, tx).await.json(), &wallet));
}

#[tokio::test]
async fn what_was_paid_while_a_store_was_open_without_its_chain_counts_when_it_is_back() {
    let shop = shop_alone().await;
    let wallet = wallet(Curve::P256);
    let without = shop.kit.again_on(None).await;
    change(&without, &shop.seller, json!({"description": "Longer"})).await;
    shop.chain.pay(ITEM, &on_chain(&wallet), PRICE);
    shop.chain.mine_at(START_S as u64 + 7_200, FINALITY);
    shop.kit.pass_s(9_000);
    let back = shop.kit.again().await;
    watch_with(&back).await;
    assert_eq!(shop.payment().await, ("settled".to_owned(), None));
    assert_eq!(history(&back).await, [(PRICE.to_string(), None, None)]);
}

#[tokio::test]
async fn a_process_that_lacks_a_token_ends_no_sale_in_it() {
    let shop = shop_with(json!({"price": {"amount": "25", "currency": "USDC"}})).await;
    shop.kit.pass_s(10);
    let without = shop.kit.again_on(Some(&Chain::without_tokens(START_S as u64))).await;
    change(&without, &shop.seller, json!({"title": "Another"})).await;
    assert_eq!(history(&shop.kit).await, [("25".to_owned(), Some(USDC.to_string()), None)]);
    // It sells nothing that it has no name for.
    let answer = without.get(&format!("/api/v1/listings/{PLUGIN}/offer"), "").await;
    assert_eq!(answer.problem(), (404, "not_sold_on_chain".to_owned()));
}

#[tokio::test]
async fn a_price_that_is_changed_anywhere_ends_the_old_offer_and_the_chains_process_makes_the_new_one() {
    let shop = shop().await;
    shop.kit.pass_s(10);
    let without = shop.kit.again_on(None).await;
    change(&without, &shop.seller, json!({"price": {"amount": "2000", "currency": "ETH"}})).await;
    assert_eq!(history(&shop.kit).await, [(PRICE.to_string(), None, Some(10))]);
    shop.kit.pass_s(10);
    assert_eq!(offer(&shop.kit).await["amount"], "2000");
    let expected = [(PRICE.to_string(), None, Some(10)), ("2000".to_owned(), None, None)];
    assert_eq!(history(&shop.kit).await, expected);
}

#[tokio::test]
async fn nobody_is_told_a_price_that_is_not_in_the_history() {
    let shop = shop().await;
    let close = chain_offer::ActiveModel { until_ms: Set(Some(START_S * 1000)), ..Default::default() };
    let close = chain_offer::Entity::update_many().set(close).filter(chain_offer::Column::UntilMs.is_null());
    shop.kit
        .store
        .state
        .db
        .write(move |tx| {
            let close = close.clone();
            Box::pin(async move { close.exec(tx).await.map(drop).map_err(crate::fault::Fault::from) })
        })
        .await
        .unwrap();
    shop.chain.list(ITEM, SELLER, None, PRICE);
    shop.kit.pass_s(30);
    for _ in 0..3 {
        assert_eq!(offer(&shop.kit).await["listed"], "yes");
    }
    let expected = [(PRICE.to_string(), None, Some(0)), (PRICE.to_string(), None, None)];
    assert_eq!(history(&shop.kit).await, expected);
}

#[tokio::test]
async fn another_contract_has_a_history_of_its_own() {
    let shop = shop().await;
    let moved = Chain::elsewhere(START_S as u64);
    let other = shop.kit.again_on(Some(&moved)).await;
    let both = [(PRICE.to_string(), None, None), (PRICE.to_string(), None, None)];
    assert_eq!(history(&shop.kit).await, both);
    // Both end by what the seller does.
    other.pass_s(10);
    change(&other, &shop.seller, json!({"price": {"amount": "7", "currency": "EUR"}})).await;
    let until: Vec<_> = history(&shop.kit).await.into_iter().map(|(_, _, until)| until).collect();
    assert_eq!(until, [Some(10), Some(10)]);
}

#[tokio::test]
async fn what_was_paid_is_kept_in_the_money_it_was_offered_in() {
    let shop = shop_alone().await;
    shop.change_listing(json!({"price": {"amount": "25", "currency": "USDC"}})).await;
    // The price is another one when it settles, and no settings name the token any more.
    shop.change_listing(json!({"price": {"amount": "1999", "currency": "EUR"}})).await;
    let chain = Chain::without_tokens(START_S as u64);
    let paid = Paid { token: Some(USDC), amount: 25, ..price(&wallet(Curve::P256)) };
    chain.send(Action::Pay(vec![paid]));
    chain.mine(FINALITY);
    watch_with(&shop.kit.again_on(Some(&chain)).await).await;
    let rows = shop.purchases().await;
    let money = |row: &purchase::Model| (row.price_amount.clone(), row.price_currency.clone());
    assert_eq!(
        rows.iter().map(money).collect::<Vec<_>>(),
        [(Some("25".to_owned()), Some("USDC".to_owned()))]
    );
}
