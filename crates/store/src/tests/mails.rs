//! News by mail: whom they go to, and how they end. The mail server is a port where nobody answers: letters wait.

use http::{Method, StatusCode};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use super::kit::{Kit, until};
use super::receiver::{Receiver, near};

async fn kit() -> Kit {
    Kit::with(|config| {
        config.smtp_url = Some("smtp://127.0.0.1:9".to_owned());
        config.mail_from = Some("Store <post@store.example>".to_owned());
    })
    .await
}

async fn confirm(kit: &Kit, name: &str) {
    kit.execute(&format!("UPDATE accounts SET email_confirmed_at = 1 WHERE username = '{name}'")).await;
}

/// Kinds and addresses of the letters that wait.
async fn waiting(kit: &Kit, operator: &str) -> Vec<(String, String)> {
    let mails = kit.get("/api/v1/mails?state=waiting", operator).await.json();
    let text = |mail: &Value, field: &str| mail[field].as_str().unwrap().to_owned();
    mails["mails"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mail| (text(mail, "kind"), text(mail, "address")))
        .collect()
}

async fn is_told(kit: &Kit, operator: &str, kind: &str, address: &str) -> bool {
    waiting(kit, operator).await.contains(&(kind.to_owned(), address.to_owned()))
}

#[tokio::test]
async fn a_seller_who_confirmed_their_address_is_told_of_sales_until_they_unsubscribe() {
    let kit = kit().await;
    let operator = kit.operator().await;
    let (seller, silent) = (kit.person("seller").await, kit.person("silent").await);
    confirm(&kit, "seller").await;
    let buyer = kit.person("buyer").await;
    kit.bought(&silent, &buyer, json!({})).await;
    kit.bought(&seller, &buyer, json!({})).await;
    until(async || is_told(&kit, &operator, "sale", "seller@example.org").await).await;
    assert!(!is_told(&kit, &operator, "sale", "silent@example.org").await, "the address may be another's");

    let db = kit.store.state.db.read();
    let sql = "SELECT mail_key FROM accounts WHERE username = 'seller'";
    let row =
        db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap().unwrap();
    let key: String = row.try_get_by_index(0).unwrap();
    // A mail program that follows links changes nothing.
    let page = kit.get(&format!("/api/v1/unsubscribe?key={key}&kind=sale"), "").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    let choices = async || kit.get("/api/v1/me/account", &seller).await.json()["mails"]["sale"].clone();
    assert_eq!(choices().await, true);
    let wrong = kit.call(Method::POST, "/api/v1/unsubscribe?key=nobody&kind=sale", "", None).await;
    assert_eq!(wrong.problem(), (403, "link_over".to_owned()));
    for _ in 0..2 {
        let done =
            kit.call(Method::POST, &format!("/api/v1/unsubscribe?key={key}&kind=sale"), "", None).await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.text());
    }
    assert_eq!(choices().await, false);

    let before = waiting(&kit, &operator).await.len();
    kit.bought(&seller, &buyer, json!({})).await;
    // Something else that is told by mail comes behind it.
    kit.person("later").await;
    until(async || is_told(&kit, &operator, "confirm_address", "later@example.org").await).await;
    let sales = waiting(&kit, &operator).await;
    assert!(sales.len() <= before + 1, "{sales:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_webhook_that_is_given_up_is_told_once_and_not_of_each_failure() {
    let kit = Kit::with(|config| {
        near(config);
        config.smtp_url = Some("smtp://127.0.0.1:9".to_owned());
        config.mail_from = Some("Store <post@store.example>".to_owned());
    })
    .await;
    let operator = kit.operator().await;
    let seller = kit.person("seller").await;
    confirm(&kit, "seller").await;
    let receiver = Receiver::start().await;
    let made = kit.post("/api/v1/webhooks", &seller, json!({"url": receiver.url()})).await;
    let path = format!("/api/v1/webhooks/{}", made.string("id"));
    let told = async || {
        let letters = waiting(&kit, &operator).await;
        letters.iter().filter(|(kind, _)| kind == "webhook_failing").count()
    };
    receiver.answer(500, None);
    kit.post(&format!("{path}/test"), &seller, json!({})).await;
    until(async || kit.get(&path, &seller).await.json()["failing_since"].is_string()).await;
    assert_eq!(told().await, 0, "it is tried again");
    receiver.answer(410, None);
    kit.post(&format!("{path}/test"), &seller, json!({})).await;
    until(async || kit.get(&path, &seller).await.json()["state"] == "failing").await;
    assert_eq!(told().await, 1);
    assert!(is_told(&kit, &operator, "webhook_failing", "seller@example.org").await);
    // Resumed, it is given up again.
    receiver.answer(410, None);
    let resumed = kit.call(Method::PATCH, &path, &seller, Some(json!({"state": "active"}))).await;
    assert_eq!(resumed.status, StatusCode::OK);
    receiver.wait(3).await;
    until(async || kit.get(&path, &seller).await.json()["state"] == "failing").await;
    assert_eq!(told().await, 2);
}

#[tokio::test]
async fn the_outbox_holds_no_link_that_somebody_could_read() {
    let kit = kit().await;
    let operator = kit.operator().await;
    kit.person("ann").await;
    until(async || is_told(&kit, &operator, "confirm_address", "ann@example.org").await).await;
    let db = kit.store.state.db.read();
    let sql = "SELECT sealed FROM mails WHERE address = 'ann@example.org'";
    let row =
        db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap().unwrap();
    let sealed: String = row.try_get_by_index(0).unwrap();
    assert!(sealed.starts_with("sk1.") && !sealed.contains("shop/confirm"), "{sealed}");
    let shown = kit.get("/api/v1/mails?state=waiting", &operator).await.text();
    assert!(!shown.contains('#'), "{shown}");
}

#[tokio::test]
async fn a_forgotten_password_is_answered_before_anybody_is_looked_up() {
    let kit = kit().await;
    let operator = kit.operator().await;
    kit.person("ann").await;
    let mut answers = Vec::new();
    for email in ["nobody@example.org", "ann@example.org"] {
        let answer = kit.post("/auth/password/forgot", "", json!({"email": email})).await;
        answers.push((answer.status, answer.text()));
    }
    assert_eq!(answers[0], answers[1]);
    until(async || is_told(&kit, &operator, "password_reset", "ann@example.org").await).await;
    assert!(!waiting(&kit, &operator).await.iter().any(|(_, address)| address == "nobody@example.org"));
}

#[tokio::test]
async fn nobody_but_operators_sees_the_outbox() {
    let kit = kit().await;
    let person = kit.person("ann").await;
    assert_eq!(kit.get("/api/v1/mails", &person).await.problem(), (403, "operator_required".to_owned()));
}
