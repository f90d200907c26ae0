//! What comes between the watcher and a payment: requests, other processes, endpoints that refuse or leave out, and people who pay
//! to be a nuisance.

use http::StatusCode;
use sealpost_envelope::ecdh::Curve;
use sealpost_market::chain::{Address, BuyerKey, item_id};
use serde_json::{Value, json};

use super::chain_kit::{Action, FINALITY, Paid, USDC};
use super::chain_settling::price;
use super::chain_shop::*;
use crate::chain::watch;

#[tokio::test]
async fn what_was_settled_by_a_request_while_the_chain_changed_counts_nowhere() {
    let shop = shop_alone().await;
    let state = &shop.kit.store.state;
    let port = state.chain.clone().unwrap();
    shop.watch().await;
    shop.chain.mine(2_100);
    let wallet = wallet(Curve::P256);
    let tx = shop.paid(&wallet);
    assert!(watch::round(state, &*port).await.unwrap(), "there is more to read");
    // The request has its answers; before it writes, the chain takes the payment back and the watcher reads past it.
    let gate = shop.chain.gate("verified");
    let between = async {
        gate.answered.notified().await;
        shop.chain.fork(FINALITY as usize + 1);
        shop.chain.drop_pool();
        shop.chain.mine(FINALITY + 3);
        shop.watch().await;
        gate.opened.notify_one();
    };
    let (answer, ()) = futures::join!(shop.collect("", &wallet, tx), between);
    assert_eq!(answer.problem(), (409, "payment_pending".to_owned()));
    assert!(shop.payments().await.is_empty() && shop.licences().await.is_empty());
}

#[tokio::test]
async fn what_was_settled_while_the_watcher_asked_is_looked_at_by_it() {
    let shop = shop_alone().await;
    let state = &shop.kit.store.state;
    let port = state.chain.clone().unwrap();
    shop.watch().await;
    shop.chain.mine(2_100);
    let [ann, ben] = [wallet(Curve::P256), wallet(Curve::X25519)];
    let (of_ann, of_ben) = (shop.paid(&ann), shop.paid(&ben));
    assert!(watch::round(state, &*port).await.unwrap(), "there is more to read");
    shop.chain.hide(of_ann, true);
    // The watcher does not see Ann's payment and waits for its answer about Ben's; a request settles hers meanwhile.
    let gate = shop.chain.gate("verified");
    let between = async {
        gate.answered.notified().await;
        assert!(opens(&shop.collect("", &ann, of_ann).await.json(), &ann));
        gate.opened.notify_one();
    };
    let (read, ()) = futures::join!(watch::round(state, &*port), between);
    assert_eq!(read.map_err(|fault| fault.problem().code), Ok(false));
    shop.watch().await;
    for (wallet, tx) in [(&ann, of_ann), (&ben, of_ben)] {
        assert!(opens(&shop.collect("", wallet, tx).await.json(), wallet));
    }
}

#[tokio::test]
async fn an_undone_payment_is_found_by_its_receipt_though_endpoints_leave_its_event_out() {
    // The store's own watcher would put off what it was about to look for when the transaction came back.
    let shop = shop_alone().await;
    let wallet = wallet(Curve::P256);
    let tx = shop.paid(&wallet);
    shop.watch().await;
    shop.chain.fork(FINALITY as usize + 1);
    shop.chain.drop_pool();
    shop.chain.mine(FINALITY + 3);
    shop.watch().await;
    assert_eq!(shop.payment().await.0, "undone");
    shop.chain.hide(tx, true);
    shop.chain.resend(tx, Action::Pay(vec![price(&wallet)]));
    shop.chain.mine(FINALITY);
    shop.kit.pass_s(60);
    shop.watch().await;
    assert_eq!(shop.payment().await.0, "settled");
    assert!(opens(&shop.collect("", &wallet, tx).await.json(), &wallet));
}

#[tokio::test]
async fn a_named_payment_that_was_refused_and_undone_does_not_wait_for_ever() {
    for comes in [false, true] {
        let shop = shop().await;
        let wallet = wallet(Curve::P256);
        let ann = shop.holder("ann", &wallet).await;
        shop.chain.deny(true);
        let tx = shop.paid(&wallet);
        shop.watch().await;
        assert_eq!(shop.payment().await.0, "refused");
        shop.chain.deny(false);
        shop.chain.fork(FINALITY as usize + 1);
        shop.chain.drop_pool();
        shop.chain.mine(FINALITY + 3);
        shop.watch().await;
        assert_eq!(shop.payment().await.0, "undone");
        let begun = shop.buy(&ann, &wallet, tx).await;
        assert_eq!(begun.status, StatusCode::CREATED, "{}", begun.text());
        assert_eq!(begun.json()["payment"]["state"], "waiting");
        let id = begun.json()["purchase"]["id"].as_str().unwrap().to_owned();
        if comes {
            shop.chain.resend(tx, Action::Pay(vec![price(&wallet)]));
            shop.chain.mine(FINALITY);
        }
        shop.kit.pass_s(3_700);
        shop.watch().await;
        let state = if comes { "paid" } else { "failed" };
        assert_eq!(shop.purchase(&ann, &id).await["purchase"]["state"], state);
    }
}

#[tokio::test]
async fn what_nobody_ever_sent_is_forgotten_after_days_and_bought_when_it_comes_even_later() {
    let shop = shop().await;
    let wallet = wallet(Curve::P256);
    let ann = shop.holder("ann", &wallet).await;
    let tx = shop.chain.pay(ITEM, &on_chain(&wallet), PRICE);
    assert_eq!(shop.buy(&ann, &wallet, tx).await.status, StatusCode::CREATED);
    shop.chain.drop_pool();
    shop.kit.pass_s(3_700);
    shop.watch().await;
    assert_eq!(shop.payment().await.0, "dropped");
    shop.kit.pass_s(6 * 86_400);
    shop.watch().await;
    assert_eq!(shop.payments().await.len(), 1);
    shop.kit.pass_s(2 * 86_400);
    shop.watch().await;
    assert!(shop.payments().await.is_empty() && shop.purchases().await.is_empty());
    shop.chain.resend(tx, Action::Pay(vec![price(&wallet)]));
    shop.chain.mine(FINALITY);
    shop.watch().await;
    assert_eq!(shop.payment().await.0, "settled");
    assert!(opens(&shop.collect(&ann, &wallet, tx).await.json(), &wallet));
}

#[tokio::test]
async fn what_is_refused_anyway_costs_no_question_and_what_nobody_offered_no_row() {
    let shop = shop_alone().await;
    shop.watch().await;
    let bare = shop.kit.listing(&shop.seller, json!({"price": {"amount": "5", "currency": "ETH"}})).await;
    let release = json!({"listing": bare, "version": "1.0.0"});
    shop.kit.publish(&shop.seller, release, super::kit::GCODE).await;
    let asked = shop.chain.asked("verified");
    let wallets = [wallet(Curve::P256), wallet(Curve::P256), wallet(Curve::P256)];
    let stranger = Address::new([0x66; 20]);
    let changes = [
        Paid { amount: PRICE - 1, ..price(&wallets[0]) },
        Paid { token: Some(USDC), ..price(&wallets[1]) },
        Paid { publisher: stranger, ..price(&wallets[2]) },
        Paid { key: BuyerKey::from_chain([4; 65]), ..price(&wallets[0]) },
        Paid { item: item_id(&format!("{bare}@1.0.0")), publisher: stranger, ..price(&wallets[0]) },
    ];
    for paid in changes {
        shop.chain.send(Action::Pay(vec![paid]));
        shop.chain.mine(FINALITY);
        shop.watch().await;
    }
    assert_eq!(shop.chain.asked("verified"), asked);
    let rows = shop.payments().await;
    assert_eq!(rows.len(), 4, "none of what is not for sale on chain");
    assert!(rows.iter().all(|row| row.state == "refused"));
}

#[tokio::test]
async fn endpoints_that_refuse_after_a_while_are_read_bit_by_bit() {
    let shop = shop_alone().await;
    let state = &shop.kit.store.state;
    let port = state.chain.clone().unwrap();
    shop.watch().await;
    for _ in 0..100 {
        shop.chain.pay(ITEM, &on_chain(&wallet(Curve::P256)), PRICE);
        shop.chain.mine(0);
    }
    shop.chain.mine(FINALITY);
    shop.chain.allow("verified", Some(70));
    assert!(watch::round(state, &*port).await.is_err());
    let taken = shop.licences().await.len();
    assert!((1..=70).contains(&taken), "{taken}");
    shop.chain.allow("verified", None);
    let asked = shop.chain.asked("verified");
    shop.watch().await;
    assert_eq!(shop.licences().await.len(), 100);
    assert_eq!(shop.chain.asked("verified") - asked, 100 - taken, "nothing is asked twice");
}

#[tokio::test]
async fn a_refund_gives_back_what_was_paid_before_it_in_its_block() {
    let shop = shop_alone().await;
    let state = &shop.kit.store.state;
    let port = state.chain.clone().unwrap();
    shop.watch().await;
    shop.chain.mine(2_100);
    let wallet = wallet(Curve::P256);
    let foreign = Paid { item: item_id("somebody.else@1.0.0"), ..price(&wallet) };
    let first = shop.chain.send(Action::Pay(vec![price(&wallet)]));
    shop.chain.send(Action::Refund { item: item_id(ITEM), key: on_chain(&wallet) });
    let second = shop.chain.send(Action::Pay(vec![foreign, price(&wallet)]));
    shop.chain.mine(FINALITY);
    assert!(watch::round(state, &*port).await.unwrap(), "there is more to read");
    for tx in [first, second] {
        assert!(opens(&shop.collect("", &wallet, tx).await.json(), &wallet), "settled by a request");
    }
    shop.watch().await;
    let state_of = |tx: sealpost_market::chain::ChainHash| {
        let rows = shop.payments();
        async move { rows.await.into_iter().find(|row| row.tx_hash == tx.to_string()).unwrap().state }
    };
    assert_eq!((state_of(first).await.as_str(), state_of(second).await.as_str()), ("refunded", "settled"));
}

#[tokio::test]
async fn buying_and_giving_back_without_end_ends_each_with_its_own_refund() {
    let shop = shop_alone().await;
    let wallet = wallet(Curve::P256);
    for _ in 0..150 {
        shop.chain.pay(ITEM, &on_chain(&wallet), PRICE);
        shop.chain.send(Action::Refund { item: item_id(ITEM), key: on_chain(&wallet) });
    }
    shop.chain.mine(FINALITY);
    let kept = shop.paid(&wallet);
    shop.watch().await;
    let rows = shop.payments().await;
    let refunds: std::collections::HashSet<_> = rows.iter().filter_map(|row| row.refund_tx.clone()).collect();
    assert_eq!((rows.len(), refunds.len()), (151, 150));
    let standing: Vec<_> = rows.iter().filter(|row| row.state == "settled").collect();
    assert!(standing.len() == 1 && standing[0].tx_hash == kept.to_string(), "{standing:#?}");
    // As the refunds follow their payments in the block.
    assert!(
        rows.iter()
            .filter(|row| row.state == "refunded")
            .all(|row| row.refund_block_number == row.block_number)
    );
}

#[tokio::test]
async fn an_earlier_first_block_is_read_from_there_and_a_later_one_changes_nothing() {
    let shop = shop_alone().await;
    let early = wallet(Curve::P256);
    let tx = shop.paid(&early);
    shop.chain.mine(20);
    let late = shop.chain.under(|terms| terms.from_block = 10);
    let kit = shop.kit.again_on(Some(&late)).await;
    // The shop's own watcher looked at the beginning, where nothing was.
    let source = crate::chain::source(crate::chain::ChainPort::terms(&*late));
    forget(&shop, &source).await;
    watch_with(&kit).await;
    assert!(shop.payments().await.is_empty());
    let kit = kit.again_on(Some(&late.under(|terms| terms.from_block = 1))).await;
    watch_with(&kit).await;
    assert_eq!(shop.payment().await.0, "settled");
    let version = shop.payments().await[0].row_version;
    let cursor = cursor_of(&shop, &source).await;
    let kit = kit.again_on(Some(&late)).await;
    watch_with(&kit).await;
    let after = cursor_of(&shop, &source).await;
    assert_eq!((after.from_block, after.block_number), (cursor.from_block, cursor.block_number));
    assert_eq!(shop.payments().await[0].row_version, version);
    let _ = tx;
}

async fn cursor_of(shop: &Shop, source: &str) -> crate::schema::chain_cursor::Model {
    use sea_orm::EntityTrait;
    let db = shop.kit.store.state.db.read();
    crate::schema::chain_cursor::Entity::find_by_id(source).one(db).await.unwrap().unwrap()
}

/// As if the contract had never been read.
async fn forget(shop: &Shop, source: &str) {
    use sea_orm::EntityTrait;
    let source = source.to_owned();
    let forgotten = shop.kit.store.state.db.write(move |tx| {
        let source = source.clone();
        Box::pin(async move {
            crate::schema::chain_cursor::Entity::delete_by_id(source).exec(tx).await?;
            crate::schema::chain_checkpoint::Entity::delete_many().exec(tx).await?;
            crate::schema::chain_payment::Entity::delete_many().exec(tx).await?;
            Ok::<_, crate::fault::Fault>(())
        })
    });
    forgotten.await.unwrap();
}

#[tokio::test]
async fn endpoints_that_are_behind_are_not_said_to_be_caught_up() {
    let shop = shop_alone().await;
    shop.chain.mine(20);
    shop.watch().await;
    let info = async || shop.kit.get("/api/v1/chain", "").await.json();
    assert_eq!(info().await["caught_up"], true);
    shop.chain.fork(10);
    shop.watch().await;
    let shown = info().await;
    assert_eq!(shown["caught_up"], false);
    assert!(shown["error"].as_str().is_some_and(|error| error.contains("behind")), "{shown}");
    shop.chain.mine(20);
    shop.watch().await;
    assert_eq!((&info().await["caught_up"], &info().await["error"]), (&json!(true), &Value::Null));
}
