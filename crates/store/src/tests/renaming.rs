//! Another name stands at once where the old one stood.

use http::{Method, StatusCode};
use serde_json::json;

use super::kit::Kit;

#[tokio::test]
async fn a_new_name_stands_at_listings_and_reviews_and_is_what_they_are_found_by() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("oldshop").await, kit.person("oldbuyer").await);
    let licence = kit.bought(&seller, &buyer, json!({"id": "part"})).await;
    let printer = kit.printer(&buyer, true).await;
    let job = kit.ready_job(&buyer, &licence, &printer).await;
    kit.poll(&printer).await;
    kit.claim(&printer, &job, "00112233445566778899aabbccddeeff").await;
    for (id, status) in [("r-1", "starting"), ("r-2", "printing"), ("r-3", "success")] {
        let answer = kit.report(&printer, &job, 1, id, status).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    }
    let review = json!({"stars": 5, "text": "Fine"});
    let written = kit.call(Method::PUT, "/api/v1/listings/part/review", &buyer, Some(review)).await;
    assert_eq!(written.status, StatusCode::OK, "{}", written.text());
    for (who, name) in [(&seller, "Newshop"), (&buyer, "Newbuyer")] {
        let answer = kit.post("/api/v1/me/username", who, json!({"username": name})).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
        assert_eq!(kit.get("/api/v1/me", who).await.string("username"), name);
    }
    assert_eq!(kit.get("/api/v1/listings/part", "").await.string("publisher_name"), "Newshop");
    let found = async |name: &str| {
        let page = kit.get(&format!("/api/v1/listings?q={name}"), "").await.json();
        page["listings"].as_array().unwrap().len()
    };
    assert_eq!((found("newshop").await, found("oldshop").await), (1, 0));
    let reviews = kit.get("/api/v1/listings/part/reviews", "").await.json();
    assert_eq!(reviews["reviews"][0]["author_name"], "Newbuyer");
}

#[tokio::test]
async fn a_name_that_is_taken_changes_nothing() {
    let kit = Kit::new().await;
    let (ann, _bob) = (kit.person("ann").await, kit.person("bob").await);
    kit.listing(&ann, json!({"id": "part"})).await;
    let rename = async |name: &str| kit.post("/api/v1/me/username", &ann, json!({"username": name})).await;
    assert_eq!(rename("BOB").await.problem(), (409, "username_taken".to_owned()));
    assert_eq!(rename("a b").await.problem(), (422, "bad_username".to_owned()));
    assert_eq!(rename("ANN").await.status, StatusCode::NO_CONTENT, "their own in other letters");
    assert_eq!(kit.get("/api/v1/me", &ann).await.string("username"), "ANN");
    assert_eq!(kit.get("/api/v1/listings/part", &ann).await.string("publisher_name"), "ANN");
}
