//! What sellers see of their sales, and what receipts say.

use http::{Method, StatusCode};
use sealpost_envelope::VerifyingKey;
use serde_json::{Value, json};

use super::kit::{GCODE, Kit, claims};

async fn priced(kit: &Kit, seller: &str, title: &str) -> String {
    let price = json!({"amount": "1999", "currency": "EUR"});
    let listing =
        kit.listing(seller, json!({"title": title, "price": price, "prints": 2, "free_retries": 1})).await;
    let release = json!({"listing": listing, "version": "1.0.0"});
    assert_eq!(kit.publish(seller, release, GCODE).await.status, StatusCode::CREATED);
    listing
}

async fn ordered(kit: &Kit, buyer: &str, listing: &str) -> String {
    let body = json!({"listing": listing, "payment": {"method": "marked_paid"}});
    let answer = kit.post("/api/v1/purchases", buyer, body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    answer.json()["purchase"]["id"].as_str().unwrap().to_owned()
}

async fn mark_paid(kit: &Kit, seller: &str, purchase: &str) -> Value {
    let answer = kit.post(&format!("/api/v1/purchases/{purchase}/mark-paid"), seller, json!({})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn sums_are_of_what_was_paid_less_the_fee_and_what_was_given_back() {
    let kit = Kit::new().await;
    let operator = kit.operator().await;
    let set =
        kit.call(Method::PATCH, "/api/v1/operator/settings", &operator, Some(json!({"fee_bps": 250}))).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text());
    let (seller, other, buyer) = (kit.person("ann").await, kit.person("eve").await, kit.person("bob").await);
    let listing = priced(&kit, &seller, "Benchy").await;
    let mut bought = Vec::new();
    for _ in 0..3 {
        let purchase = ordered(&kit, &buyer, &listing).await;
        mark_paid(&kit, &seller, &purchase).await;
        bought.push(purchase);
    }
    ordered(&kit, &buyer, &listing).await;
    kit.pass_s(86_400);
    let refunded = kit.post(&format!("/api/v1/purchases/{}/refund", bought[0]), &seller, json!({})).await;
    assert_eq!(refunded.status, StatusCode::OK, "{}", refunded.text());

    let summary = kit.get("/api/v1/sales/summary?days=7", &seller).await.json();
    let total = &summary["totals"][0];
    assert_eq!(
        *total,
        json!({
            "currency": "EUR", "decimals": 2, "count": 3, "gross": "5997", "fee": "98", "refunds": 1,
            "refunded": "1999", "net": "3900",
        })
    );
    assert_eq!(summary["days"].as_array().unwrap().len(), 2);
    assert_eq!(summary["days"][1]["sums"][0]["net"], "-1999");
    assert_eq!(summary["waiting"], 1);
    let nothing = kit.get("/api/v1/sales/summary", &other).await.json();
    assert_eq!((&nothing["totals"], &nothing["waiting"]), (&json!([]), &json!(0)));
    assert_eq!(kit.get("/api/v1/sales?everybody=true", &seller).await.problem().1, "operator_required");
    let all = kit.get("/api/v1/sales?everybody=true&state=paid", &operator).await.json();
    assert_eq!(all["sales"].as_array().unwrap().len(), 2);
    assert_eq!((&all["sales"][0]["fee"], &all["sales"][0]["net"]), (&json!("49"), &json!("1950")));
}

#[tokio::test]
async fn orders_are_listed_in_pages_and_their_file_holds_no_formula() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("ann").await, kit.person("bob").await);
    let listing = priced(&kit, &seller, "=HYPERLINK(\"http://x\",\"y\")").await;
    for _ in 0..3 {
        ordered(&kit, &buyer, &listing).await;
        kit.pass_s(1);
    }
    let first = kit.get("/api/v1/sales?limit=2", &seller).await.json();
    assert_eq!(first["sales"].as_array().unwrap().len(), 2);
    assert_eq!(first["sales"][0]["buyer_name"], "bob");
    let next = first["next"].as_str().unwrap();
    let second = kit.get(&format!("/api/v1/sales?limit=2&after={next}"), &seller).await.json();
    assert_eq!(second["sales"].as_array().unwrap().len(), 1);
    assert_eq!(kit.get("/api/v1/sales", &buyer).await.json()["sales"], json!([]));
    let file = kit.get("/api/v1/sales.csv", &seller).await;
    assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8");
    let text = file.text();
    assert_eq!(text.matches("\r\n").count(), 4);
    assert_eq!(text.matches(",\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\",").count(), 3, "{text}");
    assert!(text.contains(",19.99,EUR,"), "{text}");
}

#[tokio::test]
async fn an_interrupted_print_is_shown_with_what_comes_of_each_decision() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("ann").await, kit.person("bob").await);
    let listing = priced(&kit, &seller, "Benchy").await;
    let purchase = ordered(&kit, &buyer, &listing).await;
    let licence = mark_paid(&kit, &seller, &purchase).await["licence"]["id"].as_str().unwrap().to_owned();
    let printer = kit.printer(&buyer, true).await;
    let job = kit.ready_job(&buyer, &licence, &printer).await;
    kit.poll(&printer).await;
    let claimed = kit.claim(&printer, &job, "nonce-0000000001").await;
    assert_eq!(claimed.status, StatusCode::OK, "{}", claimed.text());
    kit.report(&printer, &job, 1, "report-00000001", "interrupted").await;
    let list = kit.get("/api/v1/sales/interrupted", &seller).await.json();
    assert_eq!(list["jobs"][0]["job"]["id"], job);
    assert_eq!(list["jobs"][0]["buyer_name"], "bob");
    assert_eq!(
        list["jobs"][0]["choices"],
        json!([
            {"outcome": "success", "counts": true, "free_retry": false, "prints_left": 1, "free_retries_left": 1},
            {"outcome": "failure", "counts": false, "free_retry": true, "prints_left": 2, "free_retries_left": 0},
            {"outcome": "cancelled", "counts": false, "free_retry": true, "prints_left": 2, "free_retries_left": 0},
        ])
    );
    assert_eq!(kit.get("/api/v1/sales/summary", &seller).await.json()["interrupted"], 1);
    let body = json!({"outcome": "failure", "message": "It came loose."});
    let decided = kit.post(&format!("/api/v1/jobs/{job}/resolve"), &seller, body).await;
    assert_eq!(decided.status, StatusCode::OK, "{}", decided.text());
    assert_eq!(kit.get("/api/v1/sales/interrupted", &seller).await.json()["jobs"], json!([]));
    let prints = &kit.get("/api/v1/sales/summary", &seller).await.json()["prints"];
    assert_eq!((&prints[0]["failure"], &prints[0]["filament_mm_x100"]), (&json!(1), &json!(1250)));
}

#[tokio::test]
async fn a_receipt_is_signed_by_a_published_key_and_is_for_buyer_and_seller_alone() {
    let kit = Kit::new().await;
    let (seller, other, buyer) = (kit.person("ann").await, kit.person("eve").await, kit.person("bob").await);
    let listing = priced(&kit, &seller, "Benchy").await;
    let purchase = ordered(&kit, &buyer, &listing).await;
    let path = format!("/api/v1/purchases/{purchase}/receipt");
    assert_eq!(kit.get(&path, &buyer).await.problem(), (409, "not_paid".to_owned()));
    mark_paid(&kit, &seller, &purchase).await;
    assert_eq!(kit.get(&path, &other).await.problem(), (404, "not_found".to_owned()));
    let signed = kit.get(&path, &buyer).await.json();
    let receipt = &signed["receipt"];
    assert_eq!(receipt["price"], json!({"amount": "1999", "currency": "EUR"}));
    assert_eq!((&receipt["seller"]["name"], &receipt["buyer"]["name"]), (&json!("ann"), &json!("bob")));
    assert!(receipt.get("fee").is_none());
    assert_eq!(kit.get(&path, &seller).await.json()["receipt"]["number"], receipt["number"]);

    // It says what was sold by whom to whom, whatever they are called since.
    let rename = json!({"title": "Tugboat"});
    assert!(
        kit.call(Method::PATCH, &format!("/api/v1/listings/{listing}"), &seller, Some(rename))
            .await
            .status
            .is_success()
    );
    for (who, name) in [(&seller, "anna"), (&buyer, "robert")] {
        let named = kit.post("/api/v1/me/username", who, json!({"username": name})).await;
        assert!(named.status.is_success(), "{}", named.text());
    }
    let later = &kit.get(&path, &buyer).await.json()["receipt"];
    for part in ["seller", "buyer", "item"] {
        assert_eq!(later[part], receipt[part]);
    }
    assert_eq!(
        kit.execute("UPDATE purchases SET title = NULL, seller_name = NULL, buyer_name = NULL").await,
        1
    );
    let older = &kit.get(&path, &buyer).await.json()["receipt"];
    assert_eq!((&older["item"]["title"], &older["seller"]["name"]), (&json!("Tugboat"), &json!("anna")));

    let jws = signed["jws"].as_str().unwrap();
    assert_eq!(claims(jws), *receipt);
    let keys = kit.get("/.well-known/jwks.json", "").await.json();
    let find = |kid: &str| {
        use base64::Engine;
        let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == kid)?;
        let x = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(key["x"].as_str()?).ok()?;
        VerifyingKey::from_bytes(&x.try_into().ok()?).ok()
    };
    let read: Value = sealpost_envelope::receipt::verify(jws, find).unwrap();
    assert_eq!(read, *receipt);
}
