//! Blocks that are taken back, transactions that are dropped, money that goes back.

use http::{Method, StatusCode};
use sealpost_envelope::ecdh::Curve;
use sealpost_market::chain::item_id;
use serde_json::json;

use super::chain_kit::{Action, FINALITY, SELLER};
use super::chain_shop::*;
use super::kit::GCODE;

#[tokio::test]
async fn a_payment_that_the_chain_takes_back_suspends_its_licence_until_it_is_mined_again() {
    let shop = shop().await;
    let wallet = wallet(Curve::P256);
    let ann = shop.holder("ann", &wallet).await;
    let tx = shop.paid(&wallet);
    shop.watch().await;
    let id = shop.purchases().await[0].id.clone();
    let licence = shop.licences().await[0].id.clone();
    let given = shop.collect("", &wallet, tx).await;
    // Deeper than what counts as settled: payment and all that was built on it.
    shop.chain.fork(FINALITY as usize + 1);
    shop.chain.drop_pool();
    shop.chain.mine(FINALITY + 3);
    shop.watch().await;
    assert_eq!(shop.payment().await.0, "undone");
    let shown = shop.purchase(&ann, &id).await;
    assert_eq!(
        (&shown["purchase"]["state"], &shown["payment"]["state"]),
        (&json!("undone"), &json!("undone"))
    );
    assert_eq!(shop.kit.licence(&ann, &licence).await["state"], "suspended");
    assert_eq!(shop.collect("", &wallet, tx).await.problem(), (403, "payment_undone".to_owned()));
    let bundle = format!("/api/v1/licences/{licence}/bundle");
    assert_eq!(shop.kit.get(&bundle, &ann).await.problem(), (403, "payment_undone".to_owned()));
    // It is sent again, as it was.
    shop.chain.resend(tx, Action::Pay(vec![super::chain_settling::price(&wallet)]));
    shop.chain.mine(FINALITY);
    shop.watch().await;
    assert_eq!(shop.payment().await.0, "settled");
    assert_eq!(shop.purchase(&ann, &id).await["purchase"]["state"], "paid");
    assert_eq!(shop.collect("", &wallet, tx).await.json(), given.json());
    assert_eq!((shop.licences().await.len(), shop.purchases().await.len()), (1, 1));
}

#[tokio::test]
async fn a_payment_that_moves_to_another_block_stays_paid() {
    let shop = shop().await;
    let wallet = wallet(Curve::P256);
    let tx = shop.paid(&wallet);
    shop.watch().await;
    let before = shop.payments().await[0].block_hash.clone();
    shop.chain.fork(FINALITY as usize + 1);
    shop.chain.mine(FINALITY + 1);
    shop.watch().await;
    assert_eq!(shop.payment().await.0, "settled");
    assert_ne!(shop.payments().await[0].block_hash, before);
    assert!(opens(&shop.collect("", &wallet, tx).await.json(), &wallet));
    assert_eq!(shop.licences().await.len(), 1);
}

#[tokio::test]
async fn a_fork_above_a_payment_changes_nothing_of_it() {
    let shop = shop().await;
    let wallet = wallet(Curve::P256);
    shop.paid(&wallet);
    shop.chain.mine(20);
    shop.watch().await;
    let version = shop.payments().await[0].row_version;
    shop.chain.fork(10);
    shop.chain.mine(20);
    shop.watch().await;
    assert_eq!((shop.payment().await.0.as_str(), shop.payments().await[0].row_version), ("settled", version));
}

#[tokio::test]
async fn a_shorter_chain_proves_nothing_until_it_grows_another_way() {
    let shop = shop().await;
    let wallet = wallet(Curve::P256);
    shop.paid(&wallet);
    shop.chain.mine(5);
    shop.watch().await;
    // As of a node that lags behind.
    shop.chain.fork(shop.chain.head().number as usize);
    shop.watch().await;
    assert_eq!(shop.payment().await.0, "settled");
    shop.chain.drop_pool();
    shop.chain.mine(20);
    shop.watch().await;
    assert_eq!(shop.payment().await.0, "undone");
}

#[tokio::test]
async fn another_chain_altogether_undoes_everything() {
    let shop = shop().await;
    let wallets = [wallet(Curve::P256), wallet(Curve::Secp256k1)];
    for wallet in &wallets {
        shop.paid(wallet);
        shop.watch().await;
    }
    shop.chain.fork(shop.chain.head().number as usize);
    shop.chain.drop_pool();
    shop.chain.mine(100);
    shop.watch().await;
    assert!(shop.payments().await.iter().all(|row| row.state == "undone"));
    assert!(shop.licences().await.iter().all(|row| row.payment == "undone"));
}

#[tokio::test]
async fn what_an_operator_suspended_stays_suspended_when_a_payment_comes_back() {
    let shop = shop().await;
    let wallet = wallet(Curve::P256);
    let ann = shop.holder("ann", &wallet).await;
    let tx = shop.paid(&wallet);
    shop.watch().await;
    let licence = shop.licences().await[0].id.clone();
    let revoked = shop.kit.post(&format!("/api/v1/licences/{licence}/revoke"), &shop.seller, json!({})).await;
    assert_eq!(revoked.status, StatusCode::OK, "{}", revoked.text());
    shop.chain.fork(FINALITY as usize + 1);
    shop.chain.drop_pool();
    shop.chain.mine(FINALITY + 2);
    shop.watch().await;
    shop.chain.resend(tx, Action::Pay(vec![super::chain_settling::price(&wallet)]));
    shop.chain.mine(FINALITY);
    shop.watch().await;
    assert_eq!(shop.licences().await[0].payment, "good");
    assert_eq!(shop.kit.licence(&ann, &licence).await["state"], "revoked");
    assert_eq!(shop.collect("", &wallet, tx).await.problem(), (403, "licence_inactive".to_owned()));
}

#[tokio::test]
async fn a_transaction_that_stays_unknown_is_given_up_and_still_counts_when_it_comes() {
    let shop = shop().await;
    let wallet = wallet(Curve::P256);
    let ann = shop.holder("ann", &wallet).await;
    let tx = shop.chain.pay(ITEM, &on_chain(&wallet), PRICE);
    let id = shop.buy(&ann, &wallet, tx).await.json()["purchase"]["id"].as_str().unwrap().to_owned();
    shop.chain.drop_pool();
    shop.kit.pass_s(3_500);
    shop.watch().await;
    assert_eq!(shop.payment().await.0, "seen");
    shop.kit.pass_s(200);
    shop.watch().await;
    assert_eq!(shop.payment().await.0, "dropped");
    let shown = shop.purchase(&ann, &id).await;
    assert_eq!(
        (&shown["purchase"]["state"], &shown["payment"]["state"]),
        (&json!("failed"), &json!("dropped"))
    );
    let asked = shop.chain.asked("transaction");
    shop.watch().await;
    assert_eq!(shop.chain.asked("transaction"), asked, "nobody looks for it");
    shop.chain.resend(tx, Action::Pay(vec![super::chain_settling::price(&wallet)]));
    shop.chain.mine(FINALITY);
    shop.watch().await;
    assert_eq!(shop.payment().await.0, "settled");
    assert_eq!(shop.purchase(&ann, &id).await["purchase"]["state"], "paid");
    assert_eq!(shop.licences().await.len(), 1);
}

#[tokio::test]
async fn a_refund_on_chain_ends_the_licence_and_another_purchase_gives_another() {
    let shop = shop().await;
    let wallet = wallet(Curve::P256);
    let ann = shop.holder("ann", &wallet).await;
    let tx = shop.paid(&wallet);
    shop.watch().await;
    let id = shop.purchases().await[0].id.clone();
    let by_hand = shop.kit.post(&format!("/api/v1/purchases/{id}/refund"), &shop.seller, json!({})).await;
    assert_eq!(by_hand.problem(), (409, "refund_on_chain".to_owned()));
    shop.chain.send(Action::Refund { item: item_id(ITEM), key: on_chain(&wallet) });
    shop.chain.mine(FINALITY);
    shop.watch().await;
    assert_eq!(shop.payment().await.0, "refunded");
    let shown = shop.purchase(&ann, &id).await;
    assert_eq!(
        (&shown["purchase"]["state"], &shown["payment"]["state"]),
        (&json!("refunded"), &json!("refunded"))
    );
    assert_eq!(shown["licence"]["state"], "revoked");
    assert_eq!(shop.collect("", &wallet, tx).await.problem(), (403, "payment_refunded".to_owned()));
    shop.kit.pass_s(60);
    let again = shop.paid(&wallet);
    shop.watch().await;
    assert!(opens(&shop.collect("", &wallet, again).await.json(), &wallet));
    assert_eq!(shop.collect("", &wallet, tx).await.problem(), (403, "payment_refunded".to_owned()));
    assert_eq!(shop.licences().await.len(), 2);
}

#[tokio::test]
async fn a_refund_that_the_chain_takes_back_gives_the_licence_back() {
    let shop = shop().await;
    let wallet = wallet(Curve::P256);
    let tx = shop.paid(&wallet);
    shop.watch().await;
    shop.chain.send(Action::Refund { item: item_id(ITEM), key: on_chain(&wallet) });
    shop.chain.mine(FINALITY);
    shop.watch().await;
    assert_eq!(shop.payment().await.0, "refunded");
    shop.chain.fork(FINALITY as usize + 1);
    shop.chain.drop_pool();
    shop.chain.mine(FINALITY + 2);
    shop.watch().await;
    assert_eq!(shop.payment().await.0, "settled");
    assert!(opens(&shop.collect("", &wallet, tx).await.json(), &wallet));
}

#[tokio::test]
async fn what_was_paid_and_given_back_while_the_store_was_away_gives_nothing() {
    let shop = shop().await;
    let wallet = wallet(Curve::P256);
    shop.chain.fail(Some(crate::chain::ChainFault::Unreachable("no endpoint answers".to_owned())));
    let tx = shop.chain.pay(ITEM, &on_chain(&wallet), PRICE);
    shop.chain.mine(2_100);
    shop.chain.send(Action::Refund { item: item_id(ITEM), key: on_chain(&wallet) });
    shop.chain.mine(2_100);
    shop.chain.fail(None);
    shop.watch().await;
    assert_eq!(shop.payment().await.0, "refunded");
    let refused = shop.collect("", &wallet, tx).await;
    assert!(matches!(refused.problem().0, 403 | 422), "{}", refused.text());
    assert!(shop.licences().await.iter().all(|licence| licence.payment == "refunded"));
}

#[tokio::test]
async fn a_refund_takes_back_the_jobs_that_wait() {
    let shop = shop().await;
    let price = json!({"amount": PRICE.to_string(), "currency": "ETH"});
    let listing = shop.kit.listing(&shop.seller, json!({"prints": 4, "price": price})).await;
    shop.kit.publish(&shop.seller, json!({"listing": listing, "version": "1.0.0"}), GCODE).await;
    let path = format!("/api/v1/listings/{listing}/payout");
    let body = Some(json!({"address": SELLER.to_string()}));
    shop.kit.call(Method::PUT, &path, &shop.seller, body).await;
    let wallet = wallet(Curve::P256);
    let ann = shop.holder("ann", &wallet).await;
    let item = format!("{listing}@1.0.0");
    shop.chain.pay(&item, &on_chain(&wallet), PRICE);
    shop.chain.mine(FINALITY);
    shop.watch().await;
    let licence = shop.licences().await[0].id.clone();
    let printer = shop.kit.printer(&ann, true).await;
    let job = shop.kit.ready_job(&ann, &licence, &printer).await;
    shop.chain.send(Action::Refund { item: item_id(&item), key: on_chain(&wallet) });
    shop.chain.mine(FINALITY);
    shop.watch().await;
    assert_eq!(shop.kit.state_of(&ann, &job).await, "cancelled");
    let body = json!({"licence": licence, "printer": printer.id});
    let refused = shop.kit.post("/api/v1/jobs", &ann, body).await;
    assert_eq!(refused.problem(), (403, "payment_refunded".to_owned()));
}

#[tokio::test]
async fn nobody_says_by_hand_that_a_purchase_on_chain_is_paid() {
    let shop = shop().await;
    let wallet = wallet(Curve::P256);
    let ann = shop.holder("ann", &wallet).await;
    let tx = shop.chain.pay(ITEM, &on_chain(&wallet), PRICE);
    let id = shop.buy(&ann, &wallet, tx).await.json()["purchase"]["id"].as_str().unwrap().to_owned();
    let answer = shop.kit.post(&format!("/api/v1/purchases/{id}/mark-paid"), &shop.seller, json!({})).await;
    assert_eq!(answer.problem(), (409, "paid_on_chain".to_owned()));
}

#[tokio::test]
async fn what_was_refused_is_judged_anew_when_it_is_mined_anew() {
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
    shop.chain.mine(FINALITY + 2);
    shop.watch().await;
    assert_eq!(shop.payment().await.0, "undone");
    shop.chain.resend(tx, Action::Pay(vec![super::chain_settling::price(&wallet)]));
    shop.kit.pass_s(5);
    let begun = shop.buy(&ann, &wallet, tx).await;
    assert_eq!(begun.status, StatusCode::CREATED, "{}", begun.text());
    shop.chain.mine(FINALITY);
    shop.watch().await;
    assert_eq!(shop.payment().await, ("settled".to_owned(), None));
    assert_eq!((shop.licences().await.len(), shop.purchases().await.len()), (1, 1));
}

#[tokio::test]
async fn a_job_that_waits_for_an_undone_payment_holds_up_nobody() {
    let shop = shop().await;
    let price = json!({"amount": PRICE.to_string(), "currency": "ETH"});
    let listing = shop.kit.listing(&shop.seller, json!({"prints": 4, "price": price})).await;
    shop.kit.publish(&shop.seller, json!({"listing": listing, "version": "1.0.0"}), GCODE).await;
    let path = format!("/api/v1/listings/{listing}/payout");
    let body = Some(json!({"address": SELLER.to_string()}));
    shop.kit.call(Method::PUT, &path, &shop.seller, body).await;
    let wallet = wallet(Curve::P256);
    let ann = shop.holder("ann", &wallet).await;
    shop.chain.pay(&format!("{listing}@1.0.0"), &on_chain(&wallet), PRICE);
    shop.chain.mine(FINALITY);
    shop.watch().await;
    let licence = shop.licences().await[0].id.clone();
    let printer = shop.kit.printer(&ann, true).await;
    let job = shop.kit.ready_job(&ann, &licence, &printer).await;
    shop.chain.fork(FINALITY as usize + 1);
    shop.chain.drop_pool();
    shop.chain.mine(FINALITY + 2);
    shop.watch().await;
    assert_eq!(shop.kit.state_of(&ann, &job).await, "cancelled");
    let held = shop.kit.licence(&ann, &licence).await;
    assert_eq!((&held["state"], &held["prints_reserved"]), (&json!("suspended"), &json!(0)));
}

#[tokio::test]
async fn what_a_request_settled_ahead_of_the_watcher_is_undone_by_the_watcher() {
    let shop = shop_alone().await;
    let state = &shop.kit.store.state;
    let port = state.chain.clone().unwrap();
    shop.watch().await;
    // The watcher has a long way to go: more than it reads at once.
    shop.chain.mine(2_100);
    let wallet = wallet(Curve::P256);
    let tx = shop.paid(&wallet);
    assert!(crate::chain::watch::round(state, &*port).await.unwrap(), "there is more to read");
    assert!(shop.payments().await.is_empty());
    assert!(opens(&shop.collect("", &wallet, tx).await.json(), &wallet));
    assert_eq!(shop.payment().await.0, "settled");
    shop.chain.fork(FINALITY as usize + 1);
    shop.chain.drop_pool();
    shop.chain.mine(FINALITY + 3);
    shop.watch().await;
    assert_eq!(shop.payment().await.0, "undone");
    assert_eq!(shop.collect("", &wallet, tx).await.problem(), (403, "payment_undone".to_owned()));
    assert_eq!(shop.licences().await[0].payment, "undone");
}

#[tokio::test]
async fn a_payment_that_endpoints_leave_out_is_found_with_the_next_blocks() {
    let shop = shop().await;
    let wallet = wallet(Curve::P256);
    shop.watch().await;
    shop.chain.leave_out(true);
    let tx = shop.paid(&wallet);
    shop.watch().await;
    assert!(shop.payments().await.is_empty());
    shop.chain.leave_out(false);
    shop.chain.mine(0);
    shop.watch().await;
    assert_eq!(shop.payment().await.0, "settled");
    assert!(opens(&shop.collect("", &wallet, tx).await.json(), &wallet));
    // What is known is not looked at again.
    let (version, verified) = (shop.payments().await[0].row_version, shop.chain.asked("verified"));
    for _ in 0..5 {
        shop.chain.mine(0);
        shop.watch().await;
    }
    let now = (shop.payments().await[0].row_version, shop.chain.asked("verified"));
    assert_eq!(now, (version, verified));
}

#[tokio::test]
async fn what_endpoints_left_out_for_long_is_found_too_with_its_refund() {
    let shop = shop().await;
    let (kept, returned) = (wallet(Curve::P256), wallet(Curve::X25519));
    shop.watch().await;
    shop.chain.leave_out(true);
    let tx = shop.paid(&kept);
    shop.paid(&returned);
    let back = Action::Refund { item: item_id(ITEM), key: on_chain(&returned) };
    shop.chain.send(back);
    shop.chain.mine(FINALITY);
    shop.watch().await;
    // More than is read again each time, and more than is read together.
    shop.chain.mine(3_000);
    shop.watch().await;
    assert!(shop.payments().await.is_empty());
    shop.chain.leave_out(false);
    for _ in 0..50 {
        shop.chain.mine(40);
        shop.watch().await;
    }
    let mut states: Vec<_> = shop.payments().await.into_iter().map(|row| row.state).collect();
    states.sort();
    assert_eq!(states, ["refunded", "settled"]);
    assert!(opens(&shop.collect("", &kept, tx).await.json(), &kept));
}

#[tokio::test]
async fn what_a_request_settled_stays_though_its_event_is_left_out() {
    let shop = shop_alone().await;
    let state = &shop.kit.store.state;
    let port = state.chain.clone().unwrap();
    shop.watch().await;
    shop.chain.mine(2_100);
    let wallet = wallet(Curve::P256);
    let tx = shop.paid(&wallet);
    assert!(crate::chain::watch::round(state, &*port).await.unwrap(), "there is more to read");
    assert!(opens(&shop.collect("", &wallet, tx).await.json(), &wallet));
    shop.chain.leave_out(true);
    shop.watch().await;
    assert_eq!(shop.payment().await.0, "settled");
    assert!(opens(&shop.collect("", &wallet, tx).await.json(), &wallet));
    assert_eq!(shop.licences().await[0].payment, "good");
}
