//! Printers that change hands, are registered and removed.

use http::{Method, StatusCode};
use sealpost_accounts::audit;
use serde_json::{Value, json};

use super::rig::{Rig, code, printer_secret};

async fn left(rig: &Rig, printer: &str) -> Vec<Value> {
    let entries = audit::about(&rig.db, &format!("left:{printer}"), 0, 10).await.unwrap();
    entries.into_iter().map(|entry| entry.details["owner"].clone()).collect()
}

#[tokio::test]
async fn a_known_printer_moves_to_its_new_owner_when_it_uses_the_new_token() {
    let rig = Rig::new().await;
    let ((ann, ann_id), (bob, bob_id)) = (rig.person("ann").await, rig.person("bob").await);
    let secret = printer_secret();
    let old = rig.paired(&secret, &ann).await;
    assert_eq!(rig.whoami(old.token.expose()).await.1["owner"], ann_id);

    let new = rig.paired(&secret, &bob).await;
    assert_eq!(new.printer_id, old.printer_id);
    assert_eq!(rig.whoami(old.token.expose()).await.1["owner"], ann_id, "nothing moved yet");
    assert!(left(&rig, &old.printer_id).await.is_empty());

    assert_eq!(rig.whoami(new.token.expose()).await.1["owner"], bob_id);
    assert_eq!(code(&rig.whoami(old.token.expose()).await.1), "token_revoked");
    assert_eq!(left(&rig, &old.printer_id).await, [json!(ann_id)]);
    let (_, of_ann) = rig.get("/api/v1/printers", Some(&ann)).await;
    let (_, of_bob) = rig.get("/api/v1/printers", Some(&bob)).await;
    assert_eq!(
        (of_ann["printers"].as_array().unwrap().len(), of_bob["printers"].as_array().unwrap().len()),
        (0, 1)
    );
}

#[tokio::test]
async fn whoever_only_knows_the_public_key_changes_nothing() {
    let rig = Rig::new().await;
    let ((ann, ann_id), (eve, _)) = (rig.person("ann").await, rig.person("eve").await);
    let secret = printer_secret();
    let owned = rig.paired(&secret, &ann).await;
    rig.whoami(owned.token.expose()).await;

    let started = rig.start(&secret).await;
    rig.approve(&started, &eve).await;
    assert_eq!(rig.complete(&started).await.0, StatusCode::OK, "sealed to the printer's key");
    let body = json!({"printer_name": "mine", "printer_public_key": secret.public().to_string()});
    assert_eq!(code(&rig.post("/api/register-printer", Some(&eve), body).await.1), "printer_of_another");

    assert_eq!(rig.whoami(owned.token.expose()).await.1["owner"], ann_id);
    let (_, of_eve) = rig.get("/api/v1/printers", Some(&eve)).await;
    assert_eq!(of_eve["printers"], json!([]));
}

#[tokio::test]
async fn pairing_again_with_the_same_person_keeps_printer_and_jobs() {
    let rig = Rig::new().await;
    let (ann, _) = rig.person("ann").await;
    let secret = printer_secret();
    let first = rig.paired(&secret, &ann).await;
    rig.whoami(first.token.expose()).await;
    let second = rig.paired(&secret, &ann).await;
    assert_eq!(rig.whoami(second.token.expose()).await.1["id"], first.printer_id);
    assert!(left(&rig, &first.printer_id).await.is_empty());
}

#[tokio::test]
async fn registration_answers_with_the_documented_fields() {
    let rig = Rig::new().await;
    let (ann, ann_id) = rig.person("ann").await;
    let public = printer_secret().public();
    let body = json!({
        "printer_name": "My Printer", "manufacturer": "Brand", "model": "Model",
        "printer_public_key": public.to_string(),
    });
    let (status, first) = rig.post("/api/register-printer", Some(&ann), body.clone()).await;
    assert_eq!(status, StatusCode::OK, "{first}");
    assert_eq!(first["user_id"], ann_id);
    assert_eq!(
        (&first["printer_name"], &first["manufacturer"], &first["model"]),
        (&json!("My Printer"), &json!("Brand"), &json!("Model"))
    );
    assert_eq!(first["kek_id"], public.key_id());
    assert!(first["token_expires"].as_str().unwrap().ends_with('Z'));
    assert_eq!(rig.whoami(first["printer_token"].as_str().unwrap()).await.1["id"], first["id"]);

    let (_, again) = rig.post("/api/register-printer", Some(&ann), body).await;
    assert_eq!(again["id"], first["id"]);
    let (_, me) = rig.whoami(again["printer_token"].as_str().unwrap()).await;
    assert_eq!(me["owner"], ann_id);
}

#[tokio::test]
async fn a_removed_printer_is_out_at_once_and_comes_back_as_a_new_one() {
    let rig = Rig::new().await;
    let ((ann, ann_id), (bob, _)) = (rig.person("ann").await, rig.person("bob").await);
    let secret = printer_secret();
    let grant = rig.paired(&secret, &ann).await;
    rig.whoami(grant.token.expose()).await;
    let path = format!("/api/v1/printers/{}", grant.printer_id);
    assert_eq!(code(&rig.call(Method::DELETE, &path, Some(&bob), None).await.1), "not_found");
    assert_eq!(rig.call(Method::DELETE, &path, Some(&ann), None).await.0, StatusCode::NO_CONTENT);

    assert_eq!(left(&rig, &grant.printer_id).await, [json!(ann_id)]);
    assert_eq!(code(&rig.whoami(grant.token.expose()).await.1), "token_revoked");
    let challenge = json!({"printer_id": grant.printer_id});
    assert_eq!(code(&rig.post("/api/printers/challenge", None, challenge).await.1), "printer_unknown");
    assert_eq!(rig.call(Method::DELETE, &path, Some(&ann), None).await.0, StatusCode::NOT_FOUND);
    let back = rig.paired(&secret, &bob).await;
    assert_ne!(back.printer_id, grant.printer_id);
    assert_eq!(rig.whoami(back.token.expose()).await.0, StatusCode::OK);
}

#[tokio::test]
async fn only_the_owner_renames() {
    let rig = Rig::new().await;
    let ((ann, _), (bob, _)) = (rig.person("ann").await, rig.person("bob").await);
    let grant = rig.paired(&printer_secret(), &ann).await;
    let path = format!("/api/v1/printers/{}", grant.printer_id);
    let rename = async |user: &str, name: &str| {
        rig.call(Method::PATCH, &path, Some(user), Some(&json!({"name": name}))).await
    };
    assert_eq!(rename(&bob, "his").await.0, StatusCode::NOT_FOUND);
    assert_eq!(rename(&ann, "\n").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(rename(&ann, "Cellar").await.1["name"], "Cellar");
}
