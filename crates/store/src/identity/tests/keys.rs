use http::StatusCode;
use sealpost_envelope::{KeySet, KeySetError, KeyUse};

use serde_json::json;

use super::rig::{ORIGIN, Rig, code, printer_secret};

async fn fetch(rig: &Rig) -> String {
    rig.get("/api/v1/keys", None).await.1["key_set"].as_str().unwrap().to_owned()
}

async fn rotate(rig: &Rig, operator: &str, key: &str, lost: bool) {
    let body = json!({"key": key, "lost": lost});
    let (status, answer) = rig.post("/api/v1/keys/rotate", Some(operator), body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["key_set"], fetch(rig).await);
}

#[tokio::test]
async fn the_key_set_is_signed_by_the_root_and_names_the_keys_in_use() {
    let rig = Rig::new().await;
    let keys = rig.identity.keys().await.unwrap();
    let set = KeySet::verify(&fetch(&rig).await, &rig.identity.root_key(), None).unwrap();
    assert_eq!((set.iss.as_str(), set.version), (ORIGIN, keys.version));
    let job_key = set.find(&keys.jobs.kid, KeyUse::Jobs).unwrap();
    assert_eq!(*job_key, keys.jobs.secret.verifying_key());
    assert!(set.find(&keys.jobs.kid, KeyUse::Tokens).is_none());
    assert_eq!(set.with_use(KeyUse::Tokens).count(), 1);

    let jwks = rig.get("/.well-known/jwks.json", None).await.1;
    let kids: Vec<_> =
        jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!(kids.len(), 2);
    assert!(kids.contains(&keys.jobs.kid.as_str()));
}

#[tokio::test]
async fn a_rotation_gives_a_newer_set_that_still_knows_the_old_key() {
    let rig = Rig::new().await;
    let before = rig.identity.keys().await.unwrap();
    let operator = rig.operator().await;
    rotate(&rig, &operator, "jobs", false).await;
    let after = rig.identity.keys().await.unwrap();
    assert_ne!(after.jobs.kid, before.jobs.kid);
    let root = rig.identity.root_key();
    let set = KeySet::verify(&after.signed, &root, Some(before.version)).unwrap();
    assert!(set.find(&before.jobs.kid, KeyUse::Jobs).is_some());
    let old = KeySet::verify(&before.signed, &root, Some(after.version)).unwrap_err();
    assert!(matches!(old, KeySetError::NotNewer { .. }));

    rig.pass_s(32 * 86_400);
    let later = rig.identity.keys().await.unwrap();
    assert!(later.version > after.version);
    let set = KeySet::verify(&later.signed, &root, Some(after.version)).unwrap();
    assert!(set.find(&before.jobs.kid, KeyUse::Jobs).is_none(), "nothing it signed is alive");
}

#[tokio::test]
async fn a_lost_token_key_ends_its_tokens_at_once_and_an_ordinary_rotation_does_not() {
    let rig = Rig::new().await;
    let (ann, _) = rig.person("ann").await;
    let token = rig.paired(&printer_secret(), &ann).await.token;
    let operator = rig.operator().await;
    rotate(&rig, &operator, "tokens", false).await;
    assert_eq!(rig.whoami(token.expose()).await.0, 200);
    rotate(&rig, &operator, "tokens", true).await;
    assert_eq!(code(&rig.whoami(token.expose()).await.1), "token_invalid");
    assert_eq!(code(&rig.get("/api/v1/me", Some(&ann)).await.1), "token_invalid");
}

#[tokio::test]
async fn only_operators_rotate_keys_and_nobody_the_root() {
    let rig = Rig::new().await;
    let (ann, _) = rig.person("ann").await;
    let operator = rig.operator().await;
    let before = fetch(&rig).await;
    let ask = async |user: &str, key: &str| {
        rig.post("/api/v1/keys/rotate", Some(user), json!({"key": key, "lost": true})).await
    };
    assert_eq!(code(&ask(&ann, "jobs").await.1), "operator_required");
    assert_eq!(ask(&operator, "root").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(fetch(&rig).await, before);
}
