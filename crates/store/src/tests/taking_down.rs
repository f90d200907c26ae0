//! Listings that operators look at: found, reported, taken down and put back.

use http::{Method, StatusCode};
use serde_json::json;

use super::kit::{GCODE, Kit};
use super::operate_kit::actions;

#[tokio::test]
async fn a_listing_is_taken_down_with_a_reason_that_its_publisher_reads_and_comes_back_as_it_was() {
    let kit = Kit::new().await;
    let (operator, ann, bob) = (kit.operator().await, kit.person("ann").await, kit.person("bob").await);
    let listing = kit.listing(&ann, json!({})).await;
    kit.publish(&ann, json!({"listing": listing, "version": "1.0.0"}), GCODE).await;
    let path = format!("/api/v1/listings/{listing}");
    let hide = kit.call(Method::PATCH, &path, &ann, Some(json!({"state": "unlisted"}))).await;
    assert_eq!(hide.status, StatusCode::OK);
    let why = format!("{path}/suspension");
    assert_eq!(kit.get(&why, &ann).await.problem().0, 404);
    for bad in [" ", &"x".repeat(501)] {
        let refused = kit.post(&format!("{path}/suspend"), &operator, json!({"reason": bad})).await;
        assert_eq!(refused.problem(), (422, "invalid".to_owned()));
    }
    let down = kit.post(&format!("{path}/suspend"), &operator, json!({"reason": "Not <b>yours</b>"})).await;
    assert_eq!(down.status, StatusCode::OK, "{}", down.text());
    assert_eq!(kit.get(&why, &ann).await.string("reason"), "Not <b>yours</b>");
    assert_eq!(kit.get(&why, &bob).await.problem(), (403, "not_your_listing".to_owned()));
    let back = kit.call(Method::PATCH, &path, &ann, Some(json!({"state": "listed"}))).await;
    assert_eq!(back.problem(), (403, "not_allowed".to_owned()));
    let all = kit.get("/api/v1/operator/listings?state=suspended&q=BENCH", &operator).await.json();
    assert_eq!(all["listings"][0]["suspension"]["reason"], "Not <b>yours</b>");
    // Another reason, and it is still what it was before.
    assert!(
        kit.post(&format!("{path}/suspend"), &operator, json!({"reason": "Second"}))
            .await
            .status
            .is_success()
    );
    assert_eq!(kit.post(&format!("{path}/lift"), &operator, json!({})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(kit.get(&path, &ann).await.string("state"), "unlisted");
    assert_eq!(kit.get(&why, &ann).await.problem().0, 404);
    // An operator who ends it otherwise leaves no old reason behind.
    kit.post(&format!("{path}/suspend"), &operator, json!({"reason": "Third"})).await;
    kit.call(Method::PATCH, &path, &operator, Some(json!({"state": "listed"}))).await;
    kit.call(Method::PATCH, &path, &operator, Some(json!({"state": "suspended"}))).await;
    assert_eq!(kit.get(&why, &ann).await.problem().0, 404);
    let said = actions(&kit, &operator, &format!("q=listing:{listing}")).await;
    assert_eq!(said.iter().filter(|action| *action == "listing.suspended").count(), 3, "{said:?}");
}

#[tokio::test]
async fn what_people_report_waits_until_an_operator_closes_it() {
    let kit = Kit::new().await;
    let (operator, ann, bob) = (kit.operator().await, kit.person("ann").await, kit.person("bob").await);
    let listing = kit.listing(&ann, json!({})).await;
    let path = format!("/api/v1/listings/{listing}/reports");
    assert_eq!(kit.post(&path, "", json!({"reason": "stolen"})).await.problem().0, 401);
    for bad in [
        json!({"reason": "ugly"}),
        json!({"reason": "other"}),
        json!({"reason": "stolen", "words": "x".repeat(2001)}),
    ] {
        assert_eq!(kit.post(&path, &bob, bad).await.problem(), (422, "invalid".to_owned()));
    }
    let report = kit.post(&path, &bob, json!({"reason": "stolen", "words": "It is mine."})).await;
    assert_eq!(report.status, StatusCode::CREATED, "{}", report.text());
    let again = kit.post(&path, &bob, json!({"reason": "stolen"})).await;
    assert_eq!(again.problem(), (409, "reported_already".to_owned()));
    let overview = kit.get("/api/v1/operator/overview", &operator).await.json();
    assert_eq!(overview["open_reports"], 1);
    let queue = kit.get("/api/v1/operator/reports", &operator).await.json();
    let first = &queue["reports"][0];
    assert_eq!((&first["reporter_name"], &first["words"]), (&json!("bob"), &json!("It is mine.")));
    assert_eq!((&first["title"], &first["listing_state"]), (&json!("Benchy"), &json!("listed")));
    let close = format!("/api/v1/operator/reports/{}/close", report.string("id"));
    assert_eq!(kit.post(&close, &operator, json!({"note": "asked"})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(kit.post(&close, &operator, json!({"note": "twice"})).await.status, StatusCode::NO_CONTENT);
    let closed = kit.get("/api/v1/operator/reports?state=closed", &operator).await.json();
    assert_eq!(closed["reports"][0]["note"], "asked");
    let open = kit.get("/api/v1/operator/reports", &operator).await.json();
    assert!(open["reports"].as_array().unwrap().is_empty());
    assert!(kit.post(&path, &bob, json!({"reason": "dangerous"})).await.status.is_success());
    // Whoever reports without an end is held back.
    let listings = futures::future::join_all((0..12).map(|_| kit.listing(&ann, json!({})))).await;
    let mut held = 0;
    for listing in listings {
        let path = format!("/api/v1/listings/{listing}/reports");
        held += u32::from(
            kit.post(&path, &bob, json!({"reason": "stolen"})).await.status == StatusCode::TOO_MANY_REQUESTS,
        );
    }
    assert!(held > 0);
}

#[tokio::test]
async fn operators_find_listings_as_the_catalogue_is_searched() {
    let kit = Kit::new().await;
    let (operator, ann) = (kit.operator().await, kit.person("ann").await);
    let draft = kit.listing(&ann, json!({"title": "Étui ÖRTEL", "state": "draft"})).await;
    kit.listing(&ann, json!({"title": "A 100% box"})).await;
    let found = async |query: &str| {
        let page = kit.get(&format!("/api/v1/operator/listings?q={query}"), &operator).await.json();
        let rows = page["listings"].as_array().unwrap().iter();
        let mut titles: Vec<_> = rows.map(|one| one["title"].as_str().unwrap().to_owned()).collect();
        titles.sort();
        titles.join(", ")
    };
    for query in ["%C3%A9TUI", "etui", "%C3%B6rtel", "ortel+ann", draft.as_str()] {
        assert_eq!(found(query).await, "Étui ÖRTEL", "{query}");
    }
    assert_eq!(found("100%25").await, "A 100% box", "no pattern, but a letter");
    assert_eq!(found("ann").await, "A 100% box, Étui ÖRTEL");
    assert_eq!(found("%CC%88").await, "", "a mark alone is no word");
}
