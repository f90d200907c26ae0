//! Reviews: by whom, how often, and what they add up to.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::kit::{Answer, Kit};
use super::plugin_kit::{PLUGIN, WASM};

async fn write(kit: &Kit, who: &str, listing: &str, stars: u8, text: &str) -> Answer {
    let body = json!({"stars": stars, "text": text});
    kit.call(Method::PUT, &format!("/api/v1/listings/{listing}/review"), who, Some(body)).await
}

async fn rating(kit: &Kit, listing: &str) -> Value {
    kit.get(&format!("/api/v1/listings/{listing}"), "").await.json()["rating"].clone()
}

/// Prints once to the end.
async fn print(kit: &Kit, buyer: &str, licence: &str, outcome: &str) {
    let printer = kit.printer(buyer, true).await;
    let job = kit.ready_job(buyer, licence, &printer).await;
    kit.poll(&printer).await;
    let claimed = kit.claim(&printer, &job, "00112233445566778899aabbccddeeff").await;
    assert_eq!(claimed.status, StatusCode::OK, "{}", claimed.text());
    for (id, status) in [("r-1", "starting"), ("r-2", "printing"), ("r-3", outcome)] {
        let answer = kit.report(&printer, &job, 1, &format!("{job}{id}"), status).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    }
}

async fn buy(kit: &Kit, buyer: &str, listing: &str) -> Value {
    let body = json!({"listing": listing, "payment": {"method": "free"}});
    kit.post("/api/v1/purchases", buyer, body).await.json()
}

#[tokio::test]
async fn only_who_bought_it_and_printed_it_reviews_it_once_and_may_change_it() {
    let kit = Kit::new().await;
    let (seller, buyer, stranger) =
        (kit.person("sel").await, kit.person("buy").await, kit.person("str").await);
    let licence = kit.bought(&seller, &buyer, json!({"id": "part", "prints": 5})).await;
    assert_eq!(write(&kit, "", "part", 5, "").await.problem().0, 401);
    assert_eq!(write(&kit, &stranger, "part", 5, "").await.problem(), (403, "review_not_bought".to_owned()));
    assert_eq!(write(&kit, &seller, "part", 5, "").await.problem(), (403, "review_own_listing".to_owned()));
    assert_eq!(write(&kit, &buyer, "part", 5, "").await.problem(), (403, "review_not_used".to_owned()));
    let own = kit.get("/api/v1/listings/part/review", &buyer).await.json();
    assert_eq!((&own["allowed"], &own["reason"]), (&json!(false), &json!("review_not_used")));
    print(&kit, &buyer, &licence, "success").await;
    assert_eq!(write(&kit, &buyer, "part", 0, "").await.problem(), (422, "review_stars".to_owned()));
    assert_eq!(write(&kit, &buyer, "part", 6, "").await.problem(), (422, "review_stars".to_owned()));
    assert_eq!(write(&kit, &buyer, "part", 5, "a\u{7}").await.problem(), (422, "review_text".to_owned()));
    let first = write(&kit, &buyer, "part", 5, "  <b>Fine</b> ").await.json();
    assert_eq!(
        (&first["text"], &first["version"], &first["author_name"]),
        (&json!("<b>Fine</b>"), &json!("1.0.0"), &json!("buy"))
    );
    assert_eq!(rating(&kit, "part").await, json!({"average_x100": 500, "count": 1}));
    kit.pass_s(60);
    let second = write(&kit, &buyer, "part", 2, "It broke").await.json();
    assert_eq!(second["id"], first["id"]);
    assert!(second["edited_at"].is_string());
    assert_eq!(rating(&kit, "part").await, json!({"average_x100": 200, "count": 1}));
    let page = kit.get("/api/v1/listings/part/reviews", "").await.json();
    assert_eq!((&page["stars"], &page["reviews"].as_array().unwrap().len()), (&json!([0, 1, 0, 0, 0]), &1));
    assert_eq!(page["reviews"][0].get("author"), None, "accounts are nobody's business");
}

#[tokio::test]
async fn a_device_of_a_plugin_is_use_and_a_print_that_never_began_is_none() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    kit.plugin(&seller, None).await;
    kit.publish_plugin(&seller, json!({}), WASM).await;
    let licence = buy(&kit, &buyer, PLUGIN).await["licence"]["id"].as_str().unwrap().to_owned();
    assert_eq!(write(&kit, &buyer, PLUGIN, 4, "").await.problem(), (403, "review_not_used".to_owned()));
    let device = json!({"curve": "x25519", "public_key": "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"});
    let answer = kit.post(&format!("/api/v1/licences/{licence}/devices"), &buyer, device).await;
    assert!(answer.status.is_success(), "{}", answer.text());
    assert_eq!(write(&kit, &buyer, PLUGIN, 4, "").await.status, StatusCode::OK);

    let licence = kit.bought(&seller, &buyer, json!({"id": "part"})).await;
    let printer = kit.printer(&buyer, true).await;
    let job = kit.ready_job(&buyer, &licence, &printer).await;
    kit.post(&format!("/api/v1/jobs/{job}/cancel"), &buyer, json!({})).await;
    assert_eq!(kit.state_of(&buyer, &job).await, "cancelled");
    assert_eq!(write(&kit, &buyer, "part", 1, "").await.problem(), (403, "review_not_used".to_owned()));
    print(&kit, &buyer, &licence, "failure").await;
    assert_eq!(write(&kit, &buyer, "part", 1, "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn neither_money_back_nor_a_revoked_licence_silences_a_buyer() {
    let kit = Kit::new().await;
    let (seller, one, two) = (kit.person("sel").await, kit.person("one").await, kit.person("two").await);
    let first = kit.bought(&seller, &one, json!({"id": "part", "prints": 2})).await;
    let bought = buy(&kit, &two, "part").await;
    let second = bought["licence"]["id"].as_str().unwrap().to_owned();
    print(&kit, &one, &first, "success").await;
    print(&kit, &two, &second, "success").await;
    write(&kit, &one, "part", 5, "").await;
    write(&kit, &two, "part", 1, "bad").await;
    assert_eq!(rating(&kit, "part").await, json!({"average_x100": 300, "count": 2}));
    let revoked = kit.post(&format!("/api/v1/licences/{first}/revoke"), &seller, json!({})).await;
    assert_eq!(revoked.status, StatusCode::OK, "{}", revoked.text());
    assert_eq!(rating(&kit, "part").await["count"], 2, "whoever takes a licence away silences nobody");
    let purchase = bought["purchase"]["id"].as_str().unwrap();
    let refunded = kit.post(&format!("/api/v1/purchases/{purchase}/refund"), &seller, json!({})).await;
    assert_eq!(refunded.status, StatusCode::OK, "{}", refunded.text());
    assert_eq!(rating(&kit, "part").await, json!({"average_x100": 300, "count": 2}));
    let page = kit.get("/api/v1/listings/part/reviews", "").await.json();
    let said =
        |by: &str| page["reviews"].as_array().unwrap().iter().find(|row| row["author_name"] == by).cloned();
    assert_eq!(said("two").unwrap()["refunded"], true);
    assert_eq!(said("one").unwrap().get("refunded"), None, "nothing was paid back to this one");
    let own = kit.get("/api/v1/listings/part/review", &two).await.json();
    assert_eq!((&own["shown"], &own["allowed"]), (&json!(true), &json!(false)));
    assert_eq!(write(&kit, &two, "part", 1, "worse").await.problem(), (403, "review_not_bought".to_owned()));
}

#[tokio::test]
async fn a_publisher_answers_once_and_author_and_operator_remove() {
    let kit = Kit::new().await;
    let (seller, one, two) = (kit.person("sel").await, kit.person("one").await, kit.person("two").await);
    let operator = kit.operator().await;
    let licence = kit.bought(&seller, &one, json!({"id": "part"})).await;
    print(&kit, &one, &licence, "success").await;
    let review = write(&kit, &one, "part", 3, "").await.string("id");
    let path = format!("/api/v1/reviews/{review}/answer");
    let say = json!({"text": "Thank you"});
    for (who, status, code) in [(&two, 403, "review_not_publisher"), (&operator, 403, "review_not_publisher")]
    {
        assert_eq!(kit.post(&path, who, say.clone()).await.problem(), (status, code.to_owned()));
    }
    assert_eq!(
        kit.post(&path, &seller, json!({"text": " "})).await.problem(),
        (422, "review_answer_empty".to_owned())
    );
    assert_eq!(kit.post(&path, &seller, say.clone()).await.json()["answer"]["text"], "Thank you");
    assert_eq!(kit.post(&path, &seller, say).await.problem(), (409, "review_answered".to_owned()));
    let changed = write(&kit, &one, "part", 4, "better").await.json();
    assert_eq!(changed["answer"]["text"], "Thank you");
    let path = format!("/api/v1/reviews/{review}");
    for who in [&two, &seller] {
        let refused = kit.call(Method::DELETE, &path, who, None).await;
        assert_eq!(refused.problem(), (403, "review_not_yours".to_owned()));
    }
    assert_eq!(kit.call(Method::DELETE, &path, &operator, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(rating(&kit, "part").await, Value::Null);
    let again = write(&kit, &one, "part", 4, "").await.string("id");
    let own = format!("/api/v1/reviews/{again}");
    assert_eq!(kit.call(Method::DELETE, &own, &one, None).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn the_best_rated_come_first_and_one_voice_is_not_many() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    for id in ["many", "single", "silent"] {
        let listing = kit
            .listing(&seller, json!({"id": id, "kind": "plugin", "plugin": {"plugin_id": id, "devices": 9}}))
            .await;
        let release = json!({"listing": listing, "version": "1.0.0", "manifest": {"name": "a"}});
        assert_eq!(kit.publish(&seller, release, WASM).await.status, StatusCode::CREATED);
    }
    let device = json!({"curve": "x25519", "public_key": "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"});
    for n in 0..9 {
        let buyer = kit.person(&format!("b{n}")).await;
        let listing = if n == 0 { "single" } else { "many" };
        let body = json!({"listing": listing, "payment": {"method": "free"}, "recipient": device});
        assert_eq!(kit.post("/api/v1/purchases", &buyer, body).await.status, StatusCode::CREATED);
        let stars = if n == 1 { 4 } else { 5 };
        assert_eq!(write(&kit, &buyer, listing, stars, "").await.status, StatusCode::OK);
    }
    let page = kit.get("/api/v1/listings?sort=rating", "").await.json();
    let order: Vec<_> =
        page["listings"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(order, ["many", "single", "silent"]);
    assert_eq!(page["listings"][0]["rating"], json!({"average_x100": 488, "count": 8}));
}
