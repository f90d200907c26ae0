//! The agent between a store that can lie and a printer that records: what is printed, and what never is.

mod legacy;
mod support;

use axum::http::StatusCode;
use sealpost_api::printer::ClaimedJob;
use sealpost_envelope::{ContentCipher, JobManifest};
use serde_json::{Value, json};

use self::support::{Scene, eventually, store::Change};

const PART: &[u8] = b"; a part\r\nG28\nM104 S200\nG1 X10 Y10 E1\nM117 \xff\nM400";

#[tokio::test]
async fn both_ciphers_print_byte_for_byte_and_are_reported_with_statistics() {
    let scene = Scene::start().await;
    for (job, cipher) in [("j_age", ContentCipher::Age), ("j_cbc", ContentCipher::Aes256Cbc)] {
        scene.store.add_job(job, cipher, PART);
        assert_eq!(scene.ended(job).await.0, "success");
        let statistics = scene.store.job(job, |job| job.reports.last().unwrap().statistics.clone());
        assert_eq!(statistics.filament_used, Some(12.5));
        let stub = std::fs::read_to_string(scene.folder.path().join(format!("gcodes/sealpost/{job}.gcode")))
            .unwrap();
        assert!(stub.contains(&format!("SEALPOST_JOB JOB={job}")) && !stub.contains("G28"));
    }
    assert_eq!(scene.printer.printed(), [PART, PART]);
    let cached = || std::fs::read_dir(scene.folder.path().join("cache")).unwrap().count();
    eventually("an empty cache", || async { (cached() == 0).then_some(()) }).await;
    let pictures = ["sealpost/j_age.gcode", "sealpost/j_cbc.gcode"];
    eventually("both pictures", || async { (scene.printer.read() == pictures).then_some(()) }).await;
}

#[tokio::test]
async fn a_picture_that_moonraker_cannot_read_yet_is_read_again() {
    let scene = Scene::start().await;
    scene.printer.fail_to_read(1);
    scene.store.add_job("j_1", ContentCipher::Age, PART);
    eventually("the picture", || async { scene.printer.read().pop() }).await;
    assert_eq!(scene.ended("j_1").await.0, "success");
}

#[tokio::test]
async fn a_picture_that_moonraker_never_reads_keeps_nothing_from_printing() {
    let scene = Scene::start().await;
    scene.printer.fail_to_read(u32::MAX);
    scene.store.add_job("j_1", ContentCipher::Age, PART);
    assert_eq!(scene.ended("j_1").await.0, "success");
    assert_eq!(scene.printer.printed(), [PART]);
    assert_eq!(scene.printer.read(), Vec::<String>::new());
}

#[tokio::test]
async fn klipper_that_restarts_while_a_file_is_prepared_costs_no_print() {
    let scene = Scene::start().await;
    scene.printer.restart(2);
    scene.store.add_job("j_1", ContentCipher::Age, PART);
    assert_eq!(scene.ended("j_1").await.0, "success");
    assert_eq!(scene.printer.printed(), [PART]);
}

#[tokio::test]
async fn a_store_that_lost_a_file_is_waited_for_and_the_job_says_so() {
    let scene = Scene::start().await;
    scene.store.with(|inner| inner.withhold = Some((StatusCode::SERVICE_UNAVAILABLE, "file_missing")));
    scene.store.add_job("j_1", ContentCipher::Age, PART);
    eventually("the reason", || async {
        (scene.status().await["last_error"]["code"] == "file_missing").then_some(())
    })
    .await;
    scene.store.with(|inner| inner.withhold = None);
    assert_eq!(scene.ended("j_1").await.0, "success");
    assert!(!scene.store.job("j_1", |job| job.statuses()).contains(&"failure".to_owned()));
    let error = scene.status().await["last_error"].clone();
    assert!(error.is_null(), "{error}");
}

#[tokio::test]
async fn a_job_that_is_sealed_anew_while_it_is_fetched_is_claimed_again_and_prints() {
    let scene = Scene::start().await;
    scene.store.with(|inner| inner.withhold = Some((StatusCode::CONFLICT, "claim_again")));
    scene.store.add_job("j_1", ContentCipher::Age, PART);
    eventually("another claim", || async { scene.store.job("j_1", |job| job.lease > 1).then_some(()) }).await;
    scene.store.with(|inner| inner.withhold = None);
    assert_eq!(scene.ended("j_1").await.0, "success");
    assert!(!scene.store.job("j_1", |job| job.statuses()).contains(&"failure".to_owned()));
    assert_eq!(scene.printer.printed(), [PART]);
}

#[tokio::test]
async fn nothing_that_was_changed_reaches_klipper_and_each_has_its_own_code() {
    let scene = Scene::start().await;
    let flip = |text: &mut String, at: usize| {
        let other = if &text[at..=at] == "A" { "B" } else { "A" };
        text.replace_range(at..=at, other);
    };
    let claims: Vec<(&str, Change<ClaimedJob>)> = vec![
        ("manifest_package_mismatch", Box::new(move |claimed| flip(&mut claimed.gcode_dek_package, 70))),
        ("manifest_iv_mismatch", Box::new(|claimed| claimed.gcode_iv_hex = Some("00".repeat(16)))),
        ("manifest_cipher_mismatch", Box::new(|claimed| claimed.cipher = "age".to_owned())),
        (
            "download_elsewhere",
            Box::new(|claimed| claimed.encrypted_gcode_download_url = "http://127.0.0.1:1/x".to_owned()),
        ),
    ];
    for (index, (code, meddle)) in claims.into_iter().enumerate() {
        scene.store.with(|inner| inner.meddle = Some(meddle));
        refused(&scene, &format!("j_claim{index}"), code).await;
    }
    scene.store.with(|inner| inner.meddle = None);

    let signed: Vec<(&str, Change<JobManifest>)> = vec![
        ("manifest_wrong_printer", Box::new(|manifest| manifest.aud = "p_2".to_owned())),
        ("manifest_wrong_job", Box::new(|manifest| manifest.job = "j_other".to_owned())),
        ("manifest_replayed", Box::new(|manifest| manifest.nonce = "0".repeat(40))),
        ("manifest_expired", Box::new(|manifest| (manifest.iat, manifest.exp) = (1, 2))),
        ("blob_corrupt", Box::new(|manifest| manifest.iv.as_mut().unwrap()[0] ^= 1)),
        ("blob_corrupt", Box::new(|manifest| manifest.plain_sha256[0] ^= 1)),
        ("manifest_blob_mismatch", Box::new(|manifest| manifest.blob_sha256[0] ^= 1)),
    ];
    for (index, (code, mislead)) in signed.into_iter().enumerate() {
        scene.store.with(|inner| {
            inner.mislead = Some(mislead);
            // The IV travels in the claim as well: let it follow.
            inner.meddle = Some(Box::new(|claimed| claimed.gcode_iv_hex = None));
        });
        refused(&scene, &format!("j_signed{index}"), code).await;
    }
    assert_eq!(scene.printer.printed(), Vec::<Vec<u8>>::new());
    assert_eq!(scene.printer.starts(), Vec::<String>::new());
}

async fn refused(scene: &Scene, job: &str, code: &str) {
    scene.store.add_job(job, ContentCipher::Aes256Cbc, PART);
    let (word, message) = scene.ended(job).await;
    assert_eq!(word, "failure", "{job}: {message}");
    let said = message.split(':').next().unwrap_or_default();
    // A nonce of another claim and one that was used before are both replays.
    let said = if said == "manifest_wrong_nonce" { "manifest_replayed" } else { said };
    assert_eq!(said, code, "{job}: {message}");
}

#[tokio::test]
async fn what_is_no_gcode_or_too_hot_for_this_printer_is_refused() {
    let scene = Scene::start().await;
    scene.store.add_job("j_jpeg", ContentCipher::Age, b"\xff\xd8\xff\xe0\0\x10JFIF\0aaaaaaaaaaaaaaaa");
    assert!(scene.ended("j_jpeg").await.1.starts_with("gcode_is_jpeg"));
    scene.store.add_job("j_hot", ContentCipher::Age, b"G28\nM104 S300\nG1 X1\n");
    assert!(scene.ended("j_hot").await.1.starts_with("gcode_too_hot"));
    assert_eq!(scene.printer.starts(), Vec::<String>::new());
    assert_eq!(scene.status().await["last_error"]["code"], "gcode_too_hot");
}

#[tokio::test]
async fn a_download_that_breaks_off_is_taken_up_where_it_broke() {
    let scene = Scene::start().await;
    let part: Vec<u8> = b"G28\n".iter().copied().chain(b"G1 X1 Y1\n".repeat(20_000)).collect();
    scene.store.with(|inner| inner.cut = Some(50_000));
    scene.store.add_job("j_cut", ContentCipher::Age, &part);
    eventually("a second request", || async {
        scene.store.with(|inner| (inner.asked.get("download").copied() > Some(1)).then_some(()))
    })
    .await;
    scene.store.with(|inner| inner.cut = None);
    assert_eq!(scene.ended("j_cut").await.0, "success");
    assert_eq!(scene.printer.printed(), [part]);
}

#[tokio::test]
async fn a_blob_that_stays_too_short_is_given_up() {
    let scene = Scene::start().await;
    scene.store.with(|inner| inner.cut = Some(20));
    scene.store.add_job("j_short", ContentCipher::Age, PART);
    assert!(scene.ended("j_short").await.1.starts_with("blob_incomplete"));
}

#[tokio::test]
async fn a_void_token_is_replaced_by_proof_of_the_key() {
    let scene = Scene::start().await;
    scene.store.with(|inner| inner.token += 1);
    scene.store.add_job("j_1", ContentCipher::Age, PART);
    assert_eq!(scene.ended("j_1").await.0, "success");
    assert_eq!(scene.store.with(|inner| inner.asked["challenge"]), 1);
}

#[tokio::test]
async fn a_print_goes_on_without_the_agent_and_its_end_is_reported_by_the_next_one() {
    let mut scene = Scene::start().await;
    scene.printer.hold(true);
    scene.store.add_job("j_1", ContentCipher::Age, PART);
    eventually("the print", || async { (!scene.printer.starts().is_empty()).then_some(()) }).await;
    scene.stop_agent().await;
    scene.printer.hold(false);
    scene.start_agent().await;
    assert_eq!(scene.ended("j_1").await.0, "success");
    assert_eq!(scene.printer.starts(), ["j_1"]);
}

#[tokio::test]
async fn a_print_that_somebody_asks_to_stop_is_stopped() {
    let scene = Scene::start().await;
    scene.printer.hold(true);
    scene.store.add_job("j_1", ContentCipher::Age, PART);
    eventually("the print", || async { (!scene.printer.starts().is_empty()).then_some(()) }).await;
    scene.store.with(|inner| inner.cancel.push("j_1".to_owned()));
    scene.store.signal.send_modify(|count| *count += 1);
    assert_eq!(
        scene.ended("j_1").await,
        ("cancelled".to_owned(), "stop_asked: the printer was asked to stop by the store".to_owned())
    );
}

#[tokio::test]
async fn without_the_stores_consent_nothing_is_started() {
    let scene = Scene::start().await;
    scene.store.with(|inner| inner.refuse_reports = Some(StatusCode::CONFLICT));
    scene.store.add_job("j_1", ContentCipher::Age, PART);
    eventually("a refused report", || async {
        (scene.status().await["last_error"]["code"] == "report_refused").then_some(())
    })
    .await;
    eventually("an idle agent", || async {
        scene.status().await["jobs"]["current_job"].is_null().then_some(())
    })
    .await;
    assert_eq!(scene.printer.starts(), Vec::<String>::new());
}

#[tokio::test]
async fn a_job_that_is_removed_here_is_not_claimed() {
    let scene = Scene::start().await;
    scene.printer.hold(true);
    scene.store.add_job("j_1", ContentCipher::Age, PART);
    eventually("the print", || async { (!scene.printer.starts().is_empty()).then_some(()) }).await;
    scene.store.add_job("j_2", ContentCipher::Age, PART);
    let mut client = scene.client().await;
    eventually("the job in the queue", || async {
        let queue = scene.client().await.call("queue_list", Value::Null).await.unwrap();
        queue["jobs"].as_array().unwrap().iter().any(|job| job["id"] == "j_2").then_some(())
    })
    .await;
    assert_eq!(client.call("queue_remove", json!({"job": "j_1"})).await.unwrap_err().code, "printing");
    assert_eq!(client.call("queue_remove", json!({"job": "j_9"})).await.unwrap_err().code, "unknown_job");
    client.call("queue_remove", json!({"job": "j_2"})).await.unwrap();
    scene.store.add_job("j_3", ContentCipher::Age, PART);
    scene.printer.hold(false);
    assert_eq!(scene.ended("j_3").await.0, "success");
    assert_eq!(scene.printer.starts(), ["j_1", "j_3"]);
}

#[tokio::test]
async fn no_answer_of_the_socket_holds_a_token_or_a_key() {
    let scene = Scene::start().await;
    scene.printer.hold(true);
    scene.store.add_job("j_1", ContentCipher::Age, PART);
    eventually("the print", || async { (!scene.printer.starts().is_empty()).then_some(()) }).await;
    let key = std::fs::read_to_string(scene.folder.path().join("state/identity.key")).unwrap();
    let mut client = scene.client().await;
    for method in ["status", "queue_list", "check_jobs", "refresh_token", "check", "start_pairing"] {
        let answer = client.call(method, Value::Null).await.unwrap().to_string();
        for secret in [key.trim(), "token-", "encrypted_gcode_download_url", "gcode_dek_package"] {
            assert!(!answer.contains(secret), "{method} shows {secret}");
        }
    }
}

#[tokio::test]
async fn a_job_that_is_carried_here_by_hand_prints_once_by_its_manifest() {
    let scene = Scene::start().await;
    // As polls stand, the store has nothing for this printer.
    scene.store.add_job("j_hand", ContentCipher::Aes256Cbc, PART);
    scene.store.job("j_hand", |job| job.state = sealpost_market::JobState::Sealing);
    let carried = scene.store.carried("j_hand");
    scene.store.job("j_hand", |job| job.state = sealpost_market::JobState::Printing);
    let mut client = scene.client().await;

    let mut changed = carried.clone();
    changed["gcode_iv_hex"] = "00".repeat(16).into();
    changed["job_id"] = "j_other".into();
    let refused = eventually("the store's keys", || async {
        let refused = scene.client().await.call("start_print", changed.clone()).await.unwrap_err();
        (!["no_key_set", "moonraker_unreachable"].contains(&refused.code.as_str())).then_some(refused)
    })
    .await;
    assert_eq!(refused.code, "manifest_wrong_job");

    let opened = client.call("start_print", carried.clone()).await.unwrap();
    assert_eq!(opened["status"], "success");
    eventually("the end", || async {
        scene.store.job("j_hand", |job| job.said.contains(&"success".to_owned()).then_some(()))
    })
    .await;
    assert_eq!(scene.printer.printed(), [PART]);
    assert_eq!(client.call("start_print", carried).await.unwrap_err().code, "job_not_taken");
    assert_eq!(scene.printer.starts(), ["j_hand"]);
}
