//! Purchases, vouchers, repetitions.

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use super::kit::{Answer, GCODE, Kit};

async fn once(kit: &Kit, path: &str, token: &str, key: &str, body: &Value) -> Answer {
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", key)
        .body(Body::from(body.to_string()))
        .unwrap();
    kit.send(request).await
}

#[tokio::test]
async fn a_repeated_purchase_is_answered_as_the_first_one_and_happens_once() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let listing = kit.listing(&seller, json!({})).await;
    let body = json!({"listing": listing, "payment": {"method": "free"}});
    let first = once(&kit, "/api/v1/purchases", &buyer, "k-1", &body).await;
    let again = once(&kit, "/api/v1/purchases", &buyer, "k-1", &body).await;
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    let other = json!({"listing": listing, "payment": {"method": "marked_paid"}});
    let reused = once(&kit, "/api/v1/purchases", &buyer, "k-1", &other).await;
    assert_eq!(reused.problem(), (422, "idempotency_key_reused".to_owned()));
    let licences = kit.get("/api/v1/licences", &buyer).await.json();
    assert_eq!(licences["licences"].as_array().unwrap().len(), 1);
    let theirs = once(&kit, "/api/v1/purchases", &seller, "k-1", &body).await;
    assert_ne!(theirs.body, first.body, "keys belong to whoever sent them");
}

#[tokio::test]
async fn a_voucher_pays_once_for_each_person_and_as_often_as_it_says() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    let listing = kit.listing(&seller, json!({"price": {"amount": "500", "currency": "EUR"}})).await;
    let body = json!({"listing": listing, "uses": 2, "prints": 7});
    let voucher = kit.post("/api/v1/vouchers", &seller, body).await.string("code");
    let pay = json!({"listing": listing, "payment": {"method": "voucher", "code": voucher.to_lowercase()}});
    let [a, b, c] = [kit.person("ann").await, kit.person("ben").await, kit.person("cid").await];
    let bought = kit.post("/api/v1/purchases", &a, pay.clone()).await;
    assert_eq!(bought.json()["licence"]["prints_allowed"], 7, "{}", bought.text());
    let twice = kit.post("/api/v1/purchases", &a, pay.clone()).await;
    assert_eq!(twice.problem(), (409, "voucher_used_by_you".to_owned()));
    assert_eq!(kit.post("/api/v1/purchases", &b, pay.clone()).await.status, StatusCode::CREATED);
    assert_eq!(kit.post("/api/v1/purchases", &c, pay).await.problem(), (410, "voucher_used_up".to_owned()));
    let free = json!({"listing": listing, "payment": {"method": "free"}});
    assert_eq!(kit.post("/api/v1/purchases", &c, free).await.problem(), (402, "not_free".to_owned()));
}

#[tokio::test]
async fn an_unpaid_purchase_gives_nothing_until_the_seller_says_that_it_is_paid() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let listing = kit.listing(&seller, json!({"price": {"amount": "500", "currency": "EUR"}})).await;
    let body = json!({"listing": listing, "payment": {"method": "marked_paid"}});
    let pending = kit.post("/api/v1/purchases", &buyer, body).await.json();
    assert_eq!((&pending["licence"], &pending["purchase"]["state"]), (&Value::Null, &json!("pending")));
    let path = format!("/api/v1/purchases/{}/mark-paid", pending["purchase"]["id"].as_str().unwrap());
    assert_eq!(kit.post(&path, &buyer, json!({})).await.problem(), (403, "not_allowed".to_owned()));
    let paid = kit.post(&path, &seller, json!({})).await.json();
    assert_eq!(paid["purchase"]["state"], "paid");
    assert_eq!(paid["licence"]["prints_allowed"], 1);
}

#[tokio::test]
async fn a_refund_revokes_the_licence_and_takes_back_what_waits() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let printer = kit.printer(&buyer, true).await;
    let licence = kit.bought(&seller, &buyer, json!({})).await;
    let job = kit.ready_job(&buyer, &licence, &printer).await;
    let purchase = kit.licence(&buyer, &licence).await["purchase"].as_str().unwrap().to_owned();
    let answer = kit.post(&format!("/api/v1/purchases/{purchase}/refund"), &buyer, json!({})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(kit.state_of(&buyer, &job).await, "cancelled");
    let licence_now = kit.licence(&buyer, &licence).await;
    assert_eq!((&licence_now["state"], &licence_now["prints_reserved"]), (&json!("revoked"), &json!(0)));
    let body = json!({"licence": licence, "printer": printer.id});
    assert_eq!(kit.post("/api/v1/jobs", &buyer, body).await.problem(), (403, "licence_inactive".to_owned()));
}

#[tokio::test]
async fn the_catalogue_comes_in_pages_and_shows_what_is_listed() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(kit.listing(&seller, json!({})).await);
    }
    let path = format!("/api/v1/listings/{}", made[2]);
    kit.call(Method::PATCH, &path, &seller, Some(json!({"state": "unlisted"}))).await;
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = kit.get(&format!("/api/v1/listings?limit=2{after}"), "").await.json();
        seen.extend(
            page["listings"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    seen.sort();
    let mut expected: Vec<_> = made.iter().filter(|id| **id != made[2]).cloned().collect();
    expected.sort();
    assert_eq!(seen, expected);
    let suspend = kit.call(Method::PATCH, &path, &seller, Some(json!({"state": "suspended"}))).await;
    assert_eq!(suspend.problem(), (403, "not_allowed".to_owned()));
}

#[tokio::test]
async fn a_yanked_release_is_printed_only_by_name() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let printer = kit.printer(&buyer, true).await;
    let licence = kit.bought(&seller, &buyer, json!({"prints": 5})).await;
    let listing = kit.licence(&buyer, &licence).await["listing"].as_str().unwrap().to_owned();
    let newer =
        kit.publish(&seller, json!({"listing": listing, "version": "2.0.0"}), GCODE).await.string("id");
    kit.post(&format!("/api/v1/releases/{newer}/yank"), &seller, json!({})).await;
    let body = json!({"licence": licence, "printer": printer.id});
    assert_ne!(kit.post("/api/v1/jobs", &buyer, body).await.string("release"), newer);
    let body = json!({"licence": licence, "printer": printer.id, "release": newer});
    assert_eq!(kit.post("/api/v1/jobs", &buyer, body).await.string("release"), newer);
}

#[tokio::test]
async fn titles_are_found_without_regard_to_case_and_signs_stand_for_themselves() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    let wanted = kit.listing(&seller, json!({"title": "Big 50% Vase"})).await;
    kit.listing(&seller, json!({"title": "Big 50 Vase"})).await;
    for (text, found) in [("big%2050%25", 1), ("VASE", 2), ("b_g", 0), ("", 2)] {
        let page = kit.get(&format!("/api/v1/listings?q={text}"), "").await.json();
        assert_eq!(page["listings"].as_array().unwrap().len(), found, "{text}");
    }
    let page = kit.get("/api/v1/listings?q=%25", "").await.json();
    assert_eq!(page["listings"][0]["id"], wanted.as_str());
}

#[tokio::test]
async fn a_repeated_refund_is_answered_as_the_first_one() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let licence = kit.bought(&seller, &buyer, json!({})).await;
    let purchase = kit.licence(&buyer, &licence).await["purchase"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/purchases/{purchase}/refund");
    let first = once(&kit, &path, &seller, "k-1", &json!({})).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    assert_eq!(once(&kit, &path, &seller, "k-1", &json!({})).await.body, first.body);
    let other = once(&kit, &path, &seller, "k-2", &json!({})).await;
    assert_eq!(other.problem(), (409, "purchase_state".to_owned()));
}
