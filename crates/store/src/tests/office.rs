//! What is the store's own, and who answers for it.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::kit::{Kit, until};
use super::operate_kit::{actions, me, proved};

struct Rig {
    kit: Kit,
    operator: String,
    /// The second operator, and their account.
    ann: String,
    id: String,
    webhook: String,
    source: String,
}

impl Rig {
    async fn new() -> Self {
        let kit = Kit::new().await;
        let (operator, ann) = (kit.operator().await, kit.person("ann").await);
        let id = me(&kit, &ann).await;
        role(&kit, &operator, &id, true).await;
        let body = json!({"url": "https://hooks.example/all", "everybody": true});
        let webhook = kit.post("/api/v1/webhooks", &ann, body).await.string("id");
        let body = json!({"name": "Card", "everybody": true});
        let source = kit.post("/api/v1/payments/sources", &ann, body).await.string("id");
        Self { kit, operator, ann, id, webhook, source }
    }

    async fn states(&self) -> (String, String) {
        let webhook = self.kit.get(&format!("/api/v1/webhooks/{}", self.webhook), &self.operator).await;
        let sources = self.kit.get("/api/v1/payments/sources", &self.operator).await.json();
        let sources = sources["sources"].as_array().unwrap();
        let source = sources.iter().find(|source| source["id"] == self.source.as_str()).unwrap();
        (webhook.string("state"), source["state"].as_str().unwrap().to_owned())
    }

    async fn take_into_use(&self, path: &str) {
        let done = self.kit.call(Method::PATCH, path, &self.operator, Some(json!({"state": "active"}))).await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.text());
    }

    /// How messages stand, the newest first, once there are so many.
    async fn messages(&self, count: usize) -> Vec<String> {
        let path = format!("/api/v1/webhooks/{}/deliveries", self.webhook);
        let mut states = Vec::new();
        until(async || {
            let list = self.kit.get(&path, &self.operator).await.json();
            let all: &Vec<Value> = list["deliveries"].as_array().unwrap();
            states = all.iter().map(|one| one["state"].as_str().unwrap().to_owned()).collect();
            states.len() >= count
        })
        .await;
        states
    }
}

async fn role(kit: &Kit, operator: &str, id: &str, gives: bool) {
    let body = Some(proved(json!({"operator": gives})));
    let done = kit.call(Method::PATCH, &format!("/api/v1/people/{id}"), operator, body).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text());
}

fn paused() -> (String, String) {
    ("paused".to_owned(), "paused".to_owned())
}

#[tokio::test]
async fn what_an_operator_attached_rests_when_their_role_is_taken_until_another_takes_it_into_use() {
    let rig = Rig::new().await;
    role(&rig.kit, &rig.operator, &rig.id, false).await;
    assert_eq!(rig.states().await, paused());
    let theirs = rig.kit.get("/api/v1/payments/sources", &rig.ann).await.json();
    assert_eq!(theirs["sources"], json!([]), "it is the store's");
    for action in ["webhook.paused", "payment_source.paused"] {
        let said = actions(&rig.kit, &rig.operator, &format!("action={action}")).await;
        assert_eq!(said, [action], "it is written down");
    }
    let (seller, buyer) = (rig.kit.person("sel").await, rig.kit.person("buy").await);
    rig.kit.bought(&seller, &buyer, json!({})).await;
    let told = rig.messages(2).await;
    assert!(told.iter().all(|state| state == "held"), "{told:?}");

    let rotate = format!("/api/v1/payments/sources/{}/rotate", rig.source);
    assert_eq!(rig.kit.post(&rotate, &rig.operator, json!({})).await.status, StatusCode::OK);
    rig.take_into_use(&format!("/api/v1/webhooks/{}", rig.webhook)).await;
    rig.take_into_use(&format!("/api/v1/payments/sources/{}", rig.source)).await;
    let operator = me(&rig.kit, &rig.operator).await;
    for table in ["webhook_endpoints", "payment_sources"] {
        let sql = format!("UPDATE {table} SET row_version = row_version WHERE owner = '{operator}'");
        assert_eq!(rig.kit.execute(&sql).await, 1, "{table}: theirs now");
    }
    let known = "UPDATE payment_sources SET row_version = row_version WHERE old_secret IS NOT NULL";
    assert_eq!(rig.kit.execute(known).await, 0, "who left knows no secret that counts");
}

#[tokio::test]
async fn what_an_operator_attached_rests_when_they_are_suspended() {
    let rig = Rig::new().await;
    let path = format!("/api/v1/people/{}/suspend", rig.id);
    let done = rig.kit.post(&path, &rig.operator, proved(json!({"reason": "away"}))).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text());
    assert_eq!(rig.states().await, paused());
}

#[tokio::test]
async fn what_an_operator_attached_outlives_their_account_and_rests() {
    let rig = Rig::new().await;
    let own = json!({"name": "Own", "checkout_url": "https://pay.example/{purchase}"});
    rig.kit.post("/api/v1/payments/sources", &rig.ann, own).await;
    let gone = rig.kit.post("/api/v1/me/delete", &rig.ann, proved(json!({}))).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.text());
    assert_eq!(rig.states().await, paused());
    let kept = "UPDATE payment_sources SET row_version = row_version WHERE state <> 'gone'";
    assert_eq!(rig.kit.execute(kept).await, 1, "their own went with them");
}

#[tokio::test]
async fn nobody_who_runs_the_store_no_more_is_told_of_everybody() {
    let rig = Rig::new().await;
    // As one who lost the role before what they attached rested with it.
    rig.kit.execute(&format!("UPDATE accounts SET operator = FALSE WHERE id = '{}'", rig.id)).await;
    let (seller, buyer) = (rig.kit.person("sel").await, rig.kit.person("buy").await);
    rig.kit.bought(&seller, &buyer, json!({})).await;
    let told = rig.messages(2).await;
    assert!(told.iter().all(|state| state == "held"), "{told:?}");
}
