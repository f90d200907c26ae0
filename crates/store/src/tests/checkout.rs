//! External payments: a provider says that money came, signed, and what it says counts once.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use super::kit::{Answer, GCODE, Kit, START_S, until};

const PRICE: u64 = 1999;

/// Somebody's payment provider.
pub(super) struct Provider {
    source: String,
    secret: String,
}

impl Provider {
    pub(super) async fn attach(kit: &Kit, person: &str, more: Value) -> Self {
        let mut body = json!({"name": "Card", "checkout_url": "https://pay.example/?ref={purchase}&a={amount}&d={amount_decimal}&c={currency}"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = kit.post("/api/v1/payments/sources", person, body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        Self { source: answer.string("id"), secret: answer.string("secret") }
    }

    pub(super) async fn say(&self, kit: &Kit, id: &str, at: i64, body: &Value) -> Answer {
        use hmac::{Hmac, KeyInit, Mac};
        let key = STANDARD.decode(self.secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{id}.{at}.{body}").as_bytes());
        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/api/v1/payments/webhook/{}", self.source))
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", at.to_string())
            .header("webhook-signature", signature)
            .body(body.to_string().into())
            .unwrap();
        kit.send(request).await
    }
}

async fn listing(kit: &Kit, seller: &str) -> String {
    let price = json!({"amount": PRICE.to_string(), "currency": "EUR"});
    let listing = kit.listing(seller, json!({"price": price})).await;
    let release = json!({"listing": listing, "version": "1.0.0"});
    assert_eq!(kit.publish(seller, release, GCODE).await.status, StatusCode::CREATED);
    listing
}

async fn order(kit: &Kit, buyer: &str, listing: &str) -> Value {
    let body = json!({"listing": listing, "payment": {"method": "external"}});
    let answer = kit.post("/api/v1/purchases", buyer, body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    answer.json()
}

fn paid(purchase: &str) -> Value {
    json!({"purchase": purchase, "amount": PRICE.to_string(), "currency": "EUR", "status": "paid", "reference": "ch_1"})
}

fn id_of(order: &Value) -> String {
    order["purchase"]["id"].as_str().unwrap().to_owned()
}

async fn audited(kit: &Kit, operator: &str, action: &str) -> usize {
    let log = kit.get(&format!("/api/v1/audit?action={action}"), operator).await.json();
    log["entries"].as_array().unwrap().len()
}

#[tokio::test]
async fn what_a_provider_says_was_paid_is_a_licence_once_and_what_it_gave_back_is_refunded() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("ann").await, kit.person("bob").await);
    let provider = Provider::attach(&kit, &seller, json!({})).await;
    let listing = listing(&kit, &seller).await;
    let ways = kit.get(&format!("/api/v1/listings/{listing}/payment"), "").await.json();
    assert_eq!(ways["methods"], json!(["external", "marked_paid", "voucher"]));
    let order = order(&kit, &buyer, &listing).await;
    let purchase = id_of(&order);
    assert_eq!(order["purchase"]["state"], "pending");
    assert!(order["licence"].is_null());
    assert_eq!(order["payment_url"], format!("https://pay.example/?ref={purchase}&a=1999&d=19.99&c=EUR"));

    let first = provider.say(&kit, "msg_1", START_S, &paid(&purchase)).await;
    assert_eq!(first.json(), json!({"purchase": purchase, "state": "paid", "repeated": false}));
    let again = provider.say(&kit, "msg_1", START_S, &paid(&purchase)).await;
    assert_eq!(again.json()["repeated"], true);
    let path = format!("/api/v1/purchases/{purchase}");
    let bought = kit.get(&path, &buyer).await.json();
    assert_eq!(bought["purchase"]["state"], "paid");
    assert!(bought["payment_url"].is_null());
    let licences = kit.get("/api/v1/licences", &buyer).await.json();
    assert_eq!(licences["licences"].as_array().unwrap().len(), 1);

    let other = provider.say(&kit, "msg_1", START_S, &json!({"purchase": "other"})).await;
    assert_eq!(other.problem(), (422, "invalid".to_owned()));
    let mut changed = paid(&purchase);
    changed["reference"] = json!("ch_2");
    let reused = provider.say(&kit, "msg_1", START_S, &changed).await;
    assert_eq!(reused.problem(), (409, "message_reused".to_owned()));

    let mut back = paid(&purchase);
    back["status"] = json!("refunded");
    assert_eq!(provider.say(&kit, "msg_2", START_S, &back).await.json()["state"], "refunded");
    assert_eq!(kit.get("/api/v1/licences", &buyer).await.json()["licences"][0]["state"], "revoked");
    let late = provider.say(&kit, "msg_3", START_S, &paid(&purchase)).await;
    assert_eq!(late.problem(), (409, "purchase_state".to_owned()));
}

#[tokio::test]
async fn what_does_not_fit_or_is_signed_by_others_pays_for_nothing_and_is_audited() {
    let kit = Kit::new().await;
    let operator = kit.operator().await;
    let (seller, other, buyer) = (kit.person("ann").await, kit.person("eve").await, kit.person("bob").await);
    let provider = Provider::attach(&kit, &seller, json!({})).await;
    let theirs = Provider::attach(&kit, &other, json!({})).await;
    let purchase = id_of(&order(&kit, &buyer, &listing(&kit, &seller).await).await);

    for (field, value) in [("amount", json!("1998")), ("amount", json!(199_900)), ("currency", json!("USD"))]
    {
        let mut body = paid(&purchase);
        body[field] = value;
        let answer = provider.say(&kit, "msg_a", START_S, &body).await;
        assert_eq!(answer.problem(), (422, "amount_mismatch".to_owned()), "{body}");
    }
    let unknown = provider.say(&kit, "msg_b", START_S, &paid("p_nothing")).await;
    assert_eq!(unknown.problem(), (404, "purchase_unknown".to_owned()));
    let foreign = theirs.say(&kit, "msg_c", START_S, &paid(&purchase)).await;
    assert_eq!(foreign.problem(), (404, "purchase_unknown".to_owned()));
    assert_eq!(audited(&kit, &operator, "payment.refused").await, 5);

    let forged = Provider { source: provider.source.clone(), secret: theirs.secret.clone() };
    let nobody = Provider { source: "ps_nobody".to_owned(), secret: theirs.secret.clone() };
    for (says, at) in
        [(&forged, START_S), (&nobody, START_S), (&provider, START_S - 301), (&provider, START_S + 301)]
    {
        let answer = says.say(&kit, "msg_d", at, &paid(&purchase)).await;
        assert_eq!(answer.problem(), (401, "signature_wrong".to_owned()), "{at}");
    }
    let state = kit.get(&format!("/api/v1/purchases/{purchase}"), &buyer).await.json();
    assert_eq!(state["purchase"]["state"], "pending");
}

#[tokio::test]
async fn a_payment_that_never_came_is_given_up_and_counts_when_it_comes_after_all() {
    let kit = Kit::with(|config| config.payment_expires_s = 60).await;
    let (seller, buyer) = (kit.person("ann").await, kit.person("bob").await);
    let provider = Provider::attach(&kit, &seller, json!({})).await;
    let purchase = id_of(&order(&kit, &buyer, &listing(&kit, &seller).await).await);
    let path = format!("/api/v1/purchases/{purchase}");
    kit.pass_s(61);
    until(async || kit.get(&path, &buyer).await.json()["purchase"]["state"] == "failed").await;
    let late = provider.say(&kit, "msg_1", START_S + 61, &paid(&purchase)).await;
    assert_eq!(late.json()["state"], "paid", "{}", late.text());
    assert!(kit.get(&path, &buyer).await.json()["licence"].is_object());
}

#[tokio::test]
async fn a_source_that_is_removed_says_nothing_and_one_of_the_store_speaks_for_all() {
    let kit = Kit::new().await;
    let operator = kit.operator().await;
    let (seller, buyer) = (kit.person("ann").await, kit.person("bob").await);
    let body = json!({"name": "Card", "everybody": true});
    assert_eq!(kit.post("/api/v1/payments/sources", &seller, body).await.problem().1, "operator_required");
    let store = Provider::attach(&kit, &operator, json!({"everybody": true})).await;
    let listing = listing(&kit, &seller).await;
    let purchase = id_of(&order(&kit, &buyer, &listing).await);
    assert_eq!(store.say(&kit, "msg_1", START_S, &paid(&purchase)).await.json()["state"], "paid");

    let next = id_of(&order(&kit, &buyer, &listing).await);
    let path = format!("/api/v1/payments/sources/{}", store.source);
    assert_eq!(kit.call(Method::DELETE, &path, &operator, None).await.status, StatusCode::NO_CONTENT);
    let refused = store.say(&kit, "msg_2", START_S, &paid(&next)).await;
    assert_eq!(refused.problem(), (401, "signature_wrong".to_owned()));
    let body = json!({"listing": listing, "payment": {"method": "external"}});
    let nobody = kit.post("/api/v1/purchases", &buyer, body).await;
    assert_eq!(nobody.problem(), (422, "payment_refused".to_owned()));
}
