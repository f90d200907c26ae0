//! Orders that wait for the seller: how they are paid, what both write, and how either calls them off.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::checkout::Provider;
use super::kit::{GCODE, Kit, START_S};

async fn listing(kit: &Kit, seller: &str) -> String {
    let listing = kit.listing(seller, json!({"price": {"amount": "450", "currency": "EUR"}})).await;
    let release = json!({"listing": listing, "version": "1.0.0"});
    assert_eq!(kit.publish(seller, release, GCODE).await.status, StatusCode::CREATED);
    listing
}

async fn order(kit: &Kit, buyer: &str, listing: &str, method: &str) -> String {
    let body =
        json!({"listing": listing, "payment": {"method": method}, "note": " I pay from bob's account.\n"});
    let answer = kit.post("/api/v1/purchases", buyer, body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    answer.json()["purchase"]["id"].as_str().unwrap().to_owned()
}

async fn shown(kit: &Kit, person: &str, purchase: &str) -> Value {
    kit.get(&format!("/api/v1/purchases/{purchase}"), person).await.json()
}

async fn act(kit: &Kit, person: &str, purchase: &str, what: &str, body: Value) -> (u16, String) {
    let answer = kit.post(&format!("/api/v1/purchases/{purchase}/{what}"), person, body).await;
    if answer.status == StatusCode::OK {
        return (200, answer.json()["purchase"]["state"].as_str().unwrap().to_owned());
    }
    answer.problem()
}

fn is(status: u16, what: &str) -> (u16, String) {
    (status, what.to_owned())
}

#[tokio::test]
async fn a_buyer_reads_how_the_seller_is_paid_and_the_seller_what_the_buyer_wrote() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("ann").await, kit.person("bob").await);
    let listing = listing(&kit, &seller).await;
    let purchase = order(&kit, &buyer, &listing, "marked_paid").await;
    let before = shown(&kit, &buyer, &purchase).await;
    assert!(before["how_to_pay"].is_null(), "{before}");
    assert_eq!(before["seller_name"], "ann");

    let page = json!({"how_to_pay": " Bank: AT00 1234\nann@example.org ", "about": "I make boats."});
    let saved = kit.call(Method::PUT, "/api/v1/me/seller", &seller, Some(page)).await;
    assert_eq!(
        saved.json(),
        json!({"how_to_pay": "Bank: AT00 1234\nann@example.org", "about": "I make boats."})
    );
    assert_eq!(shown(&kit, &buyer, &purchase).await["how_to_pay"], "Bank: AT00 1234\nann@example.org");
    let ways = format!("/api/v1/listings/{listing}/payment");
    assert_eq!(kit.get(&ways, &buyer).await.json()["how_to_pay"], "Bank: AT00 1234\nann@example.org");
    assert!(kit.get(&ways, "").await.json()["how_to_pay"].is_null(), "nobody reads it in passing");
    let owner = before["purchase"]["listing"].as_str().unwrap();
    let publisher = kit.get(&format!("/api/v1/listings/{owner}"), "").await.string("publisher");
    let about = kit.get(&format!("/api/v1/publishers/{publisher}"), "").await.json();
    assert_eq!((&about["name"], &about["about"]), (&json!("ann"), &json!("I make boats.")));
    let stranger = kit.get("/api/v1/publishers/acc_nobody", "").await;
    assert_eq!(stranger.problem(), is(404, "not_found"));

    let sales = kit.get("/api/v1/sales", &seller).await.json();
    assert_eq!(sales["sales"][0]["note"], "I pay from bob's account.");
    let waiting = kit.get(&format!("/api/v1/purchases?state=pending&listing={listing}"), &buyer).await.json();
    assert_eq!(waiting["purchases"][0]["id"], purchase);
    let none = kit.get("/api/v1/purchases?state=paid", &buyer).await.json();
    assert_eq!(none["purchases"], json!([]));

    assert_eq!(act(&kit, &seller, &purchase, "mark-paid", json!({})).await, is(200, "paid"));
    assert!(shown(&kit, &buyer, &purchase).await["how_to_pay"].is_null(), "it is paid");
    assert_eq!(act(&kit, &buyer, &purchase, "cancel", json!({})).await, is(409, "purchase_state"));
}

#[tokio::test]
async fn texts_that_are_too_long_or_no_plain_text_are_refused() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("ann").await, kit.person("bob").await);
    let listing = listing(&kit, &seller).await;
    for text in ["a".repeat(1_001), "bell \u{7}".to_owned()] {
        for field in ["how_to_pay", "about"] {
            let refused =
                kit.call(Method::PUT, "/api/v1/me/seller", &seller, Some(json!({field: text}))).await;
            assert_eq!(refused.problem(), is(422, "invalid"));
        }
        let body = json!({"listing": listing, "payment": {"method": "marked_paid"}, "note": text});
        assert_eq!(kit.post("/api/v1/purchases", &buyer, body).await.problem(), is(422, "invalid"));
        let purchase = order(&kit, &buyer, &listing, "marked_paid").await;
        assert_eq!(
            act(&kit, &seller, &purchase, "decline", json!({"answer": text})).await,
            is(422, "invalid")
        );
        assert_eq!(shown(&kit, &buyer, &purchase).await["purchase"]["state"], "pending");
    }
}

#[tokio::test]
async fn an_order_that_waits_is_cancelled_by_its_buyer_alone_and_once() {
    let kit = Kit::new().await;
    let (seller, buyer, other) = (kit.person("ann").await, kit.person("bob").await, kit.person("eve").await);
    let listing = listing(&kit, &seller).await;
    let purchase = order(&kit, &buyer, &listing, "marked_paid").await;
    assert_eq!(act(&kit, &other, &purchase, "cancel", json!({})).await, is(404, "not_found"));
    assert_eq!(act(&kit, &seller, &purchase, "cancel", json!({})).await, is(403, "not_allowed"));
    assert_eq!(act(&kit, &buyer, &purchase, "decline", json!({})).await, is(403, "not_allowed"));
    for _ in 0..2 {
        assert_eq!(act(&kit, &buyer, &purchase, "cancel", json!({})).await, is(200, "cancelled"));
    }
    // What was called off is not handed over by anybody's word.
    assert_eq!(act(&kit, &seller, &purchase, "mark-paid", json!({})).await, is(409, "purchase_state"));
    assert_eq!(act(&kit, &seller, &purchase, "decline", json!({})).await, is(409, "purchase_state"));
    assert_eq!(kit.get("/api/v1/licences", &buyer).await.json()["licences"], json!([]));
    assert_eq!(kit.get("/api/v1/sales", &seller).await.json()["sales"][0]["state"], "cancelled");
}

#[tokio::test]
async fn a_buyer_reads_why_an_order_was_declined_and_what_was_said_first_stands() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("ann").await, kit.person("bob").await);
    let listing = listing(&kit, &seller).await;
    let purchase = order(&kit, &buyer, &listing, "marked_paid").await;
    for answer in ["No money came.", "Something else."] {
        let said = json!({"answer": answer});
        assert_eq!(act(&kit, &seller, &purchase, "decline", said).await, is(200, "declined"));
        let read = shown(&kit, &buyer, &purchase).await;
        assert_eq!(
            (&read["purchase"]["state"], &read["purchase"]["answer"]),
            (&json!("declined"), &json!("No money came."))
        );
    }
    assert_eq!(act(&kit, &buyer, &purchase, "cancel", json!({})).await, is(409, "purchase_state"));
    let silent = order(&kit, &buyer, &listing, "marked_paid").await;
    assert_eq!(act(&kit, &seller, &silent, "decline", json!({})).await, is(200, "declined"));
    assert!(shown(&kit, &buyer, &silent).await["purchase"]["answer"].is_null());
}

#[tokio::test]
async fn money_that_a_provider_tells_of_counts_also_after_an_order_was_called_off() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("ann").await, kit.person("bob").await);
    let provider = Provider::attach(&kit, &seller, json!({})).await;
    let listing = listing(&kit, &seller).await;
    for (number, (who, what, method)) in
        [(&buyer, "cancel", "external"), (&seller, "decline", "external"), (&buyer, "cancel", "marked_paid")]
            .into_iter()
            .enumerate()
    {
        let purchase = order(&kit, &buyer, &listing, method).await;
        assert_eq!(act(&kit, who, &purchase, what, json!({})).await.0, 200);
        let said = json!({"purchase": purchase, "amount": "450", "currency": "EUR", "status": "paid", "reference": "ch_1"});
        let noted = provider.say(&kit, &format!("msg_{number}"), START_S, &said).await;
        assert_eq!(noted.json()["state"], "paid", "{}", noted.text());
        let licences = kit.get("/api/v1/licences", &buyer).await.json();
        assert_eq!(licences["licences"].as_array().unwrap().len(), number + 1);
        assert_eq!(shown(&kit, &buyer, &purchase).await["purchase"]["state"], "paid");
        // Now it is to be refunded, and not to be called off.
        assert_eq!(act(&kit, who, &purchase, what, json!({})).await, is(409, "purchase_state"));
    }
}

#[tokio::test]
async fn what_buyer_and_seller_wrote_is_taken_along_and_goes_with_them() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("ann").await, kit.person("bob").await);
    let listing = listing(&kit, &seller).await;
    let page = json!({"how_to_pay": "AT00 1234", "about": "Boats."});
    assert_eq!(
        kit.call(Method::PUT, "/api/v1/me/seller", &seller, Some(page.clone())).await.status,
        StatusCode::OK
    );
    let declined = order(&kit, &buyer, &listing, "marked_paid").await;
    let said = json!({"answer": "Sold out."});
    assert_eq!(act(&kit, &seller, &declined, "decline", said).await, is(200, "declined"));
    assert_eq!(kit.get("/api/v1/me/export", &seller).await.json()["seller"], page);
    let taken = kit.get("/api/v1/me/export", &buyer).await.json();
    assert_eq!(taken["purchases"][0]["note"], "I pay from bob's account.");
    assert_eq!(taken["purchases"][0]["answer"], "Sold out.");

    let waits = order(&kit, &buyer, &listing, "marked_paid").await;
    let proof = json!({"password": "correct horse battery"});
    assert_eq!(kit.post("/api/v1/me/delete", &seller, proof.clone()).await.status, StatusCode::NO_CONTENT);
    assert!(shown(&kit, &buyer, &waits).await["how_to_pay"].is_null());
    assert!(shown(&kit, &buyer, &declined).await["purchase"]["answer"].is_null());
    let operator = kit.operator().await;
    assert_eq!(shown(&kit, &operator, &waits).await["purchase"]["note"], "I pay from bob's account.");
    assert_eq!(kit.post("/api/v1/me/delete", &buyer, proof).await.status, StatusCode::NO_CONTENT);
    assert!(shown(&kit, &operator, &waits).await["purchase"]["note"].is_null());
}
