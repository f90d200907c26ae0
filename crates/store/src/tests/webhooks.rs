//! Programs of sellers are told what happens: signed, until it is taken, and by nobody twice at a time.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use sea_orm::EntityTrait;
use sealpost_accounts::limit::Rate;
use serde_json::{Value, json};

use super::kit::{Kit, START_S, until};
use super::receiver::{Message, Receiver, near};
use crate::fault::Fault;
use crate::schema::{happening, webhook_endpoint};
use crate::webhooks;

/// A signature by the scheme's own words, apart from the store's code.
fn signed(secret: &str, message: &Message) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    let head = format!("{}.{}.", message.header("webhook-id"), message.header("webhook-timestamp"));
    mac.update(head.as_bytes());
    mac.update(&message.body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

async fn hook(kit: &Kit, person: &str, receiver: &Receiver, more: Value) -> Value {
    let mut body = json!({"url": receiver.url()});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = kit.post("/api/v1/webhooks", person, body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    answer.json()
}

async fn delivery(kit: &Kit, person: &str, hook: &Value, place: usize) -> Value {
    let id = hook["id"].as_str().unwrap();
    let list = kit.get(&format!("/api/v1/webhooks/{id}/deliveries"), person).await.json();
    let message = list["deliveries"][place]["id"].as_str().unwrap().to_owned();
    kit.get(&format!("/api/v1/webhooks/{id}/deliveries/{message}"), person).await.json()
}

async fn until_state(kit: &Kit, person: &str, hook: &Value, state: &str) -> Value {
    let mut last = Value::Null;
    until(async || {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        last = delivery(kit, person, hook, 0).await;
        last["delivery"]["state"] == state
    })
    .await;
    last
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_is_told_to_its_seller_signed_and_to_nobody_else() {
    let kit = Kit::with(near).await;
    let (seller, other, buyer) = (kit.person("ann").await, kit.person("eve").await, kit.person("bob").await);
    let (mine, theirs, picky) = (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    let made = hook(&kit, &seller, &mine, json!({"kinds": ["purchase.paid"]})).await;
    hook(&kit, &other, &theirs, json!({})).await;
    hook(&kit, &seller, &picky, json!({"kinds": ["review.written"]})).await;
    kit.bought(&seller, &buyer, json!({})).await;

    let message = mine.wait(1).await.remove(0);
    assert_eq!(message.header("webhook-signature"), signed(made["secret"].as_str().unwrap(), &message));
    assert_eq!(message.header("webhook-timestamp"), START_S.to_string());
    let event = message.json();
    assert_eq!((&event["type"], &event["version"]), (&json!("purchase.paid"), &json!(1)));
    assert_eq!(event["data"]["title"], "Benchy");
    assert!(event["data"]["licence"].is_string(), "{event}");

    let told = until_state(&kit, &seller, &made, "delivered").await;
    assert_eq!(told["tries"][0]["status"], 200);
    assert_eq!(told["tries"][0]["body"], "thanks");
    assert_eq!(told["payload"].as_str().unwrap().as_bytes(), &message.body[..]);
    assert_eq!((theirs.heard().len(), picky.heard().len()), (0, 0));
    let path = format!("/api/v1/webhooks/{}", made["id"].as_str().unwrap());
    assert_eq!(kit.get(&path, &other).await.problem(), (404, "not_found".to_owned()));
    assert!(kit.get(&path, &seller).await.json().get("secret").is_none(), "it is shown once");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_lie_sealed_and_overlap_for_a_day_when_they_change() {
    let kit = Kit::with(near).await;
    let seller = kit.person("ann").await;
    let receiver = Receiver::start().await;
    let made = hook(&kit, &seller, &receiver, json!({})).await;
    let (id, first) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let row = webhook_endpoint::Entity::find().one(kit.store.state.db.read()).await.unwrap().unwrap();
    assert!(row.secret.starts_with("sk1."), "sealed by the keyring");

    let changed = kit.post(&format!("/api/v1/webhooks/{id}/rotate"), &seller, json!({})).await.json();
    let second = changed["secret"].as_str().unwrap();
    let test = format!("/api/v1/webhooks/{id}/test");
    assert_eq!(kit.post(&test, &seller, json!({})).await.status, StatusCode::CREATED);
    let message = receiver.wait(1).await.remove(0);
    let both = format!("{} {}", signed(second, &message), signed(first, &message));
    assert_eq!(message.header("webhook-signature"), both);
    assert_eq!(message.json()["type"], "ping");

    kit.pass_s(24 * 3600 + 1);
    until_state(&kit, &seller, &made, "delivered").await;
    // Tokens last shorter than that.
    let seller = kit
        .post("/auth/login", "", json!({"email": "ann@example.org", "password": "correct horse battery"}))
        .await
        .string("token");
    assert_eq!(kit.post(&test, &seller, json!({})).await.status, StatusCode::CREATED);
    let message = receiver.wait(2).await.remove(1);
    assert_eq!(message.header("webhook-signature"), signed(second, &message));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_taken_is_sent_again_under_its_id_until_it_is() {
    let kit = Kit::with(near).await;
    let seller = kit.person("ann").await;
    let receiver = Receiver::start().await;
    let made = hook(&kit, &seller, &receiver, json!({})).await;
    receiver.answer(500, None);
    receiver.answer(503, None);
    kit.post(&format!("/api/v1/webhooks/{}/test", made["id"].as_str().unwrap()), &seller, json!({})).await;
    for heard in 1..=3 {
        receiver.wait(heard).await;
        until(async || {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            delivery(&kit, &seller, &made, 0).await["tries"].as_array().unwrap().len() == heard
        })
        .await;
        kit.pass_s(400);
    }
    let told = until_state(&kit, &seller, &made, "delivered").await;
    let statuses: Vec<_> =
        told["tries"].as_array().unwrap().iter().map(|each| each["status"].clone()).collect();
    assert_eq!(statuses, [200, 503, 500]);
    let ids: std::collections::BTreeSet<_> =
        receiver.heard().iter().map(|message| message.header("webhook-id").to_owned()).collect();
    assert_eq!(ids.len(), 1);

    let id = told["delivery"]["id"].as_str().unwrap();
    let again = format!("/api/v1/webhooks/{}/deliveries/{id}/redeliver", made["id"].as_str().unwrap());
    assert_eq!(kit.post(&again, &seller, json!({})).await.status, StatusCode::OK);
    assert_eq!(receiver.wait(4).await[3].header("webhook-id"), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_gone_fails_and_what_happens_is_held_until_it_is_resumed() {
    let kit = Kit::with(near).await;
    let (seller, buyer) = (kit.person("ann").await, kit.person("bob").await);
    let receiver = Receiver::start().await;
    let made = hook(&kit, &seller, &receiver, json!({"kinds": ["purchase.paid"]})).await;
    let path = format!("/api/v1/webhooks/{}", made["id"].as_str().unwrap());
    receiver.answer(410, None);
    kit.post(&format!("{path}/test"), &seller, json!({})).await;
    until(async || kit.get(&path, &seller).await.json()["state"] == "failing").await;
    kit.bought(&seller, &buyer, json!({})).await;
    until(async || kit.get(&path, &seller).await.json()["held"] == 1).await;
    let refused = kit.post(&format!("{path}/test"), &seller, json!({})).await;
    assert_eq!(refused.problem(), (409, "webhook_not_active".to_owned()));
    assert_eq!(receiver.heard().len(), 1, "nothing is sent to it");

    let resumed = kit.call(Method::PATCH, &path, &seller, Some(json!({"state": "active"}))).await;
    assert_eq!(resumed.json()["state"], "active");
    assert_eq!(receiver.wait(2).await[1].json()["type"], "purchase.paid");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_about_three_days_an_endpoint_that_takes_nothing_fails() {
    let kit = Kit::with(near).await;
    let seller = kit.person("ann").await;
    let receiver = Receiver::start().await;
    let made = hook(&kit, &seller, &receiver, json!({})).await;
    let id = made["id"].as_str().unwrap().to_owned();
    kit.post(&format!("/api/v1/webhooks/{id}/test"), &seller, json!({})).await;
    receiver.wait(1).await;
    for _ in 0..20 {
        receiver.answer(500, None);
    }
    // The first one was taken; what counts is what came since.
    kit.pass_s(1);
    kit.post(&format!("/api/v1/webhooks/{id}/test"), &seller, json!({})).await;
    let endpoint = async || {
        let row = webhook_endpoint::Entity::find_by_id(&id).one(kit.store.state.db.read()).await;
        row.unwrap().unwrap()
    };
    let mut tries = 1;
    while endpoint().await.state == "active" {
        tries += 1;
        receiver.wait(tries).await;
        until(async || {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            let row = endpoint().await;
            row.state != "active" || row.lease_owner.is_none()
        })
        .await;
        kit.pass_s(30 * 3600);
    }
    assert_eq!(tries - 1, sealpost_market::retry::ATTEMPTS as usize);
    assert_eq!(endpoint().await.reason.as_deref(), Some("it answered 500"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_store_was_killed_before_it_noted_the_answer_comes_again_under_its_id() {
    let kit = Kit::with(near).await;
    let seller = kit.person("ann").await;
    let receiver = Receiver::start().await;
    let made = hook(&kit, &seller, &receiver, json!({})).await;
    receiver.fall_silent();
    kit.post(&format!("/api/v1/webhooks/{}/test", made["id"].as_str().unwrap()), &seller, json!({})).await;
    receiver.wait(1).await;
    let kit = {
        let next = kit.again_with(near).await;
        drop(kit);
        next
    };
    receiver.speak();
    // As after a kill, its turn was not given back.
    kit.pass_s(61);
    let heard = receiver.wait(2).await;
    assert_eq!(heard[0].header("webhook-id"), heard[1].header("webhook-id"));
    until_state(&kit, &seller, &made, "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_endpoint_holds_up_no_other() {
    let kit = Kit::with(near).await;
    let (seller, buyer) = (kit.person("ann").await, kit.person("bob").await);
    let (slow, quick) = (Receiver::start().await, Receiver::start().await);
    slow.fall_silent();
    hook(&kit, &seller, &slow, json!({})).await;
    hook(&kit, &seller, &quick, json!({})).await;
    kit.bought(&seller, &buyer, json!({})).await;
    slow.wait(1).await;
    // Release and purchase.
    assert_eq!(quick.wait(2).await.len(), 2);
    assert_eq!(slow.heard().len(), 1, "one at a time");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_of_many_slow_endpoints_leaves_places_to_others() {
    let kit = Kit::with(near).await;
    let (ann, ben, buyer) = (kit.person("ann").await, kit.person("ben").await, kit.person("bob").await);
    let (slow, quick) = (Receiver::start().await, Receiver::start().await);
    slow.fall_silent();
    for _ in 0..12 {
        hook(&kit, &ann, &slow, json!({"kinds": ["purchase.paid"]})).await;
    }
    hook(&kit, &ben, &quick, json!({"kinds": ["purchase.paid"]})).await;
    kit.bought(&ann, &buyer, json!({})).await;
    slow.wait(4).await;
    kit.bought(&ben, &buyer, json!({})).await;
    quick.wait(1).await;
    assert_eq!(slow.heard().len(), 4, "so many at the same time");
    slow.speak();
    assert_eq!(slow.wait(12).await.len(), 12, "each has its turn");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_people_ask_for_are_so_many_and_no_more() {
    let kit = Kit::with(|config| {
        near(config);
        config.rate_limits.webhook = Rate::new(2, 60_000);
    })
    .await;
    let seller = kit.person("ann").await;
    let receiver = Receiver::start().await;
    let made = hook(&kit, &seller, &receiver, json!({})).await;
    let path = format!("/api/v1/webhooks/{}", made["id"].as_str().unwrap());
    let test = async || kit.post(&format!("{path}/test"), &seller, json!({})).await;
    let message = test().await.string("id");
    let again =
        async || kit.post(&format!("{path}/deliveries/{message}/redeliver"), &seller, json!({})).await;
    assert_eq!(again().await.status, StatusCode::OK);
    for refused in [test().await, again().await] {
        assert_eq!(refused.problem(), (429, "too_many_attempts".to_owned()));
    }
    kit.pass_s(60);
    assert_eq!(again().await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_an_endpoint_is_resumed_is_not_held_for_ever() {
    let kit = std::sync::Arc::new(Kit::with(near).await);
    let seller = kit.person("ann").await;
    let receiver = Receiver::start().await;
    let made = hook(&kit, &seller, &receiver, json!({})).await;
    let path = format!("/api/v1/webhooks/{}", made["id"].as_str().unwrap());
    let turn =
        async |state: &str| kit.call(Method::PATCH, &path, &seller, Some(json!({"state": state}))).await;
    assert_eq!(turn("paused").await.status, StatusCode::OK);

    let happened = happening::Model {
        id: "evt_1".to_owned(),
        kind: "purchase.paid".to_owned(),
        seller: kit.get("/api/v1/me", &seller).await.string("user_id"),
        other: None,
        listing: "l_1".to_owned(),
        payload: "{}".to_owned(),
        at: START_S * 1000,
    };
    let told = std::sync::Arc::new(tokio::sync::Notify::new());
    let (go, may_go) = tokio::sync::watch::channel(false);
    let telling = {
        let (kit, told) = (kit.clone(), told.clone());
        tokio::spawn(async move {
            let shared = std::sync::Arc::new((happened, told, may_go));
            let wrote = kit.store.state.db.write(move |tx| {
                let shared = shared.clone();
                Box::pin(async move {
                    let (happened, told, may_go) = &*shared;
                    webhooks::fan::tell(tx, happened).await?;
                    told.notify_one();
                    may_go.clone().wait_for(|may| *may).await.unwrap();
                    Ok::<_, Fault>(())
                })
            });
            wrote.await.unwrap();
        })
    };
    told.notified().await;
    let resuming = turn("active");
    tokio::pin!(resuming);
    // Whoever has to wait for the other one is let go on after a moment.
    let early = tokio::time::timeout(std::time::Duration::from_millis(300), &mut resuming).await;
    go.send_replace(true);
    let resumed = match early {
        Ok(resumed) => resumed,
        Err(_) => resuming.await,
    };
    assert_eq!(resumed.status, StatusCode::OK, "{}", resumed.text());
    telling.await.unwrap();
    assert_eq!(receiver.wait(1).await.len(), 1);
    assert_eq!(kit.get(&path, &seller).await.json()["held"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_address_of_somebodys_own_network_is_asked_and_no_redirect_is_followed() {
    let plain = Kit::new().await;
    let seller = plain.person("ann").await;
    for (url, code) in [
        ("https://127.0.0.1/hook", "address_forbidden"),
        ("https://[::ffff:10.0.0.1]/hook", "address_forbidden"),
        ("https://169.254.169.254/latest", "address_forbidden"),
        ("http://example.org/hook", "address_unusable"),
        ("https://ann:secret@example.org/hook", "address_unusable"),
        ("file:///etc/passwd", "address_unusable"),
    ] {
        let answer = plain.post("/api/v1/webhooks", &seller, json!({"url": url})).await;
        assert_eq!(answer.problem(), (422, code.to_owned()), "{url}");
    }
    // A name is judged when it is looked up.
    let answer = plain.post("/api/v1/webhooks", &seller, json!({"url": "https://localhost/hook"})).await;
    let made = answer.json();
    plain.post(&format!("/api/v1/webhooks/{}/test", answer.string("id")), &seller, json!({})).await;
    until(async || !delivery(&plain, &seller, &made, 0).await["tries"].as_array().unwrap().is_empty()).await;
    let told = delivery(&plain, &seller, &made, 0).await;
    let error = told["tries"][0]["error"].as_str().unwrap();
    assert!(error.contains("must not reach"), "{error}");

    let kit = Kit::with(near).await;
    let seller = kit.person("ann").await;
    let (lure, inside) = (Receiver::start().await, Receiver::start().await);
    lure.answer(307, Some(inside.url()));
    let made = hook(&kit, &seller, &lure, json!({})).await;
    kit.post(&format!("/api/v1/webhooks/{}/test", made["id"].as_str().unwrap()), &seller, json!({})).await;
    until(async || !delivery(&kit, &seller, &made, 0).await["tries"].as_array().unwrap().is_empty()).await;
    let told = delivery(&kit, &seller, &made, 0).await;
    assert!(told["tries"][0]["error"].as_str().unwrap().contains("redirects"), "{told}");
    assert_eq!(inside.heard().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_of_a_store_send_each_message_once() {
    let one = Kit::with(near).await;
    if one.store.state.db.backend() == sea_orm::DbBackend::Sqlite {
        return;
    }
    let two = one.again_with(near).await;
    let (seller, buyer) = (one.person("ann").await, one.person("bob").await);
    let receiver = Receiver::start().await;
    let made = hook(&one, &seller, &receiver, json!({"kinds": ["purchase.paid"]})).await;
    let listing = one.listing(&seller, json!({})).await;
    for place in 0..12 {
        let kit = if place % 2 == 0 { &one } else { &two };
        let body = json!({"listing": listing, "payment": {"method": "free"}});
        assert_eq!(kit.post("/api/v1/purchases", &buyer, body).await.status, StatusCode::CREATED);
    }
    let heard = receiver.wait(12).await;
    let id = made["id"].as_str().unwrap();
    until(async || one.get(&format!("/api/v1/webhooks/{id}"), &seller).await.json()["waiting"] == 0).await;
    let ids: std::collections::BTreeSet<_> =
        heard.iter().map(|message| message.header("webhook-id").to_owned()).collect();
    assert_eq!((ids.len(), receiver.heard().len()), (12, 12));
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_alone_hear_of_everybody() {
    let kit = Kit::with(near).await;
    let operator = kit.operator().await;
    let (seller, buyer) = (kit.person("ann").await, kit.person("bob").await);
    let receiver = Receiver::start().await;
    let body = json!({"url": receiver.url(), "everybody": true});
    assert_eq!(kit.post("/api/v1/webhooks", &seller, body).await.problem().1, "operator_required");
    hook(&kit, &operator, &receiver, json!({"everybody": true})).await;
    kit.bought(&seller, &buyer, json!({})).await;
    let heard = receiver.wait(2).await;
    // They happened in the same millisecond.
    let kinds: std::collections::BTreeSet<_> =
        heard.iter().map(|message| message.json()["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(Vec::from_iter(kinds), ["purchase.paid", "release.published"]);
}
