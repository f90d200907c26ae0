//! Printers of older stores: keys in custody, and sealed files on the printer's own disk.
#![expect(clippy::unwrap_used, reason = "test support: a failure here is a failed test")]

use std::{
    fs,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE},
};
use hmac::{Hmac, KeyInit, Mac};
use sealpost_api::Problem;
use sealpost_envelope::{ContentCipher, Dek, PrinterPublic, Sealer, nacl_box};
use sealpost_printer::machine::rng;
use serde_json::{Value, json};

use crate::support::{
    self, Scene, eventually,
    store::{Change, wrap_with_psek},
};

const PSEK: [u8; 32] = [0xc7; 32];
const SEALED_PSEK: &str = "blob-of-the-custodian";
const PART: &[u8] = b"; a part\r\nG28\nM104 S200\nG1 X10 Y10 E1\nM117 \xff\nM400";
const HOT: &[u8] = b"G28\nM104 S300\nG1 X1\n";

/// A stand-in CWS: what it was asked, and how it answers.
#[derive(Clone)]
struct Cws {
    url: String,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
    status: Arc<Mutex<StatusCode>>,
}

impl Cws {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let cws = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            asked: Arc::default(),
            status: Arc::new(Mutex::new(StatusCode::OK)),
        };
        let routes = Router::new().route("/ops/decrypt-data", post(decrypt)).with_state(cws.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        cws
    }

    fn asked(&self) -> Vec<(String, Value)> {
        self.asked.lock().unwrap().clone()
    }

    fn answer_with(&self, status: StatusCode) {
        *self.status.lock().unwrap() = status;
    }
}

async fn decrypt(State(cws): State<Cws>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let token = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let ours = body["dataToDecrypt"] == SEALED_PSEK;
    cws.asked.lock().unwrap().push((token.to_owned(), body));
    let status = *cws.status.lock().unwrap();
    match (status, ours) {
        (StatusCode::OK, true) => {
            Json(json!({"decryptedData": BASE64_STANDARD.encode(PSEK)})).into_response()
        }
        (StatusCode::OK, false) => StatusCode::FORBIDDEN.into_response(),
        (status, _) => status.into_response(),
    }
}

/// A paired printer whose key is in custody.
async fn in_custody() -> (Scene, Cws) {
    let cws = Cws::start().await;
    let scene = Scene::start_with(&format!("cws_url = {:?}\n", cws.url)).await;
    keep_psek(&scene, SEALED_PSEK);
    scene.store.with(|inner| inner.psek = Some(PSEK));
    (scene, cws)
}

fn keep_psek(scene: &Scene, text: &str) {
    fs::create_dir_all(scene.folder.path().join("state/keys")).unwrap();
    fs::write(scene.folder.path().join("state/keys/kek_id"), text).unwrap();
}

fn lay(scene: &Scene, name: &str, bytes: &[u8]) {
    let path = scene.folder.path().join("gcodes").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn age(dek: &Dek, plain: &[u8]) -> Vec<u8> {
    let mut sealer = Sealer::new(ContentCipher::Age, dek, &mut rng(), Vec::new()).unwrap();
    std::io::Write::write_all(&mut sealer, plain).unwrap();
    sealer.finish().unwrap()
}

/// A token by the specification: the first half of the key signs, the second encrypts.
fn fernet(key: &[u8; 32], plain: &[u8]) -> Vec<u8> {
    use cbc::cipher::{BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
    let iv = [3; 16];
    let mut token = [[0x80].as_slice(), &1_750_000_000u64.to_be_bytes(), &iv].concat();
    let cipher = cbc::Encryptor::<aes::Aes128>::new_from_slices(&key[16..], &iv).unwrap();
    token.extend(cipher.encrypt_padded_vec::<Pkcs7>(plain));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key[..16]).unwrap();
    mac.update(&token);
    token.extend(mac.finalize().into_bytes());
    BASE64_URL_SAFE.encode(token).into_bytes()
}

async fn open(scene: &Scene, fields: Value) -> Result<Value, Problem> {
    // Moonraker is heard of soon after the start.
    eventually("the printer", || async {
        let answer = scene.client().await.call("start_print", fields.clone()).await;
        let early =
            ["moonraker_unreachable", "klipper_not_ready", "extra_missing", "printer_busy", "job_at_hand"];
        (!answer.as_ref().is_err_and(|problem| early.contains(&problem.code.as_str()))).then_some(answer)
    })
    .await
}

async fn refused(scene: &Scene, fields: Value) -> String {
    open(scene, fields).await.unwrap_err().code
}

fn public(scene: &Scene) -> PrinterPublic {
    scene.store.with(|inner| inner.printer.unwrap())
}

#[tokio::test]
async fn a_job_whose_key_is_in_custody_is_opened_through_the_cws_with_the_printers_token() {
    let (scene, cws) = in_custody().await;
    for (job, cipher) in [("j_cbc", ContentCipher::Aes256Cbc), ("j_age", ContentCipher::Age)] {
        scene.store.add_job(job, cipher, PART);
        assert_eq!(scene.ended(job).await.0, "success");
    }
    assert_eq!(scene.printer.printed(), [PART, PART]);
    let call = ("Bearer token-1".to_owned(), json!({"dataToDecrypt": SEALED_PSEK}));
    assert_eq!(cws.asked(), [call.clone(), call]);
}

#[tokio::test]
async fn a_key_that_cannot_be_had_is_a_failure_with_its_reason_and_the_next_job_prints() {
    let (scene, cws) = in_custody().await;
    let change = |inner: &mut support::store::Inner, meddle: Change<sealpost_api::printer::ClaimedJob>| {
        inner.meddle = Some(meddle)
    };
    for (job, status, code) in
        [("j_403", StatusCode::FORBIDDEN, "cws_refused"), ("j_404", StatusCode::NOT_FOUND, "cws_refused")]
    {
        cws.answer_with(status);
        scene.store.add_job(job, ContentCipher::Aes256Cbc, PART);
        let (word, message) = scene.ended(job).await;
        assert_eq!((word.as_str(), message.split(':').next()), ("failure", Some(code)), "{message}");
    }
    cws.answer_with(StatusCode::OK);

    // A package that was changed is not worth a question.
    let before = cws.asked().len();
    scene
        .store
        .with(|inner| change(inner, Box::new(|claimed| claimed.gcode_dek_package.replace_range(0..2, "00"))));
    scene.store.add_job("j_changed", ContentCipher::Aes256Cbc, PART);
    assert!(scene.ended("j_changed").await.1.starts_with("manifest_package_mismatch"));
    scene.store.with(|inner| inner.meddle = None);
    assert_eq!(cws.asked().len(), before);

    // Another printer's key opens nothing.
    scene.store.with(|inner| inner.psek = Some([1; 32]));
    scene.store.add_job("j_other", ContentCipher::Aes256Cbc, PART);
    assert!(scene.ended("j_other").await.1.starts_with("key_package_not_for_us"));
    scene.store.with(|inner| inner.psek = Some(PSEK));

    keep_psek(&scene, "two\nlines");
    scene.store.add_job("j_damaged", ContentCipher::Aes256Cbc, PART);
    assert!(scene.ended("j_damaged").await.1.starts_with("psek_damaged"));
    keep_psek(&scene, SEALED_PSEK);

    assert_eq!(scene.printer.starts(), Vec::<String>::new());
    scene.store.add_job("j_good", ContentCipher::Aes256Cbc, PART);
    assert_eq!(scene.ended("j_good").await.0, "success");
    assert_eq!(scene.printer.printed(), [PART]);
}

#[tokio::test]
async fn no_file_and_no_answer_holds_the_key_that_came_from_custody() {
    let (scene, _cws) = in_custody().await;
    scene.printer.hold(true);
    scene.store.add_job("j_1", ContentCipher::Aes256Cbc, PART);
    eventually("the print", || async { (!scene.printer.starts().is_empty()).then_some(()) }).await;
    let shown = scene.status().await.to_string();
    let mut kept = Vec::new();
    let mut folders = vec![scene.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if entry.file_type().unwrap().is_file() {
                kept.extend(fs::read(entry.path()).unwrap());
            }
        }
    }
    for secret in [PSEK.to_vec(), BASE64_STANDARD.encode(PSEK).into_bytes(), hex::encode(PSEK).into_bytes()] {
        assert!(!kept.windows(secret.len()).any(|window| window == secret));
        assert!(!shown.as_bytes().windows(secret.len()).any(|window| window == secret));
    }
}

#[tokio::test]
async fn a_sealed_file_of_the_owners_prints_by_its_key_and_reports_nothing() {
    let (scene, cws) = in_custody().await;
    let dek = Dek::generate(&mut rng());
    lay(&scene, "own/ring.gcode", &age(&dek, PART));
    let package = nacl_box::wrap(&dek, &public(&scene), &mut rng()).unwrap();
    let opened =
        open(&scene, json!({"filename": "own/ring.gcode", "gcode_dek_package": package})).await.unwrap();
    assert_eq!(opened["status"], "success");
    assert!(cws.asked().is_empty());

    // By the printer's key: of the file, and of its content key.
    lay(&scene, "old.gcode", &fernet(&PSEK, PART));
    open(&scene, json!({"filename": "old.gcode"})).await.unwrap();
    let key = [0x21; 32];
    lay(&scene, "older.gcode", &fernet(&key, PART));
    let package = wrap_with_psek(&PSEK, &Dek::from_bytes(key));
    open(&scene, json!({"filename": "older.gcode", "gcode_dek_package": package})).await.unwrap();
    assert_eq!(cws.asked().len(), 2);

    assert_eq!(scene.printer.printed(), [PART, PART, PART]);
    assert!(scene.printer.starts().iter().all(|job| job.starts_with("own_")));
    let status = scene.status().await;
    assert_eq!((&status["reports_waiting"], &status["last_error"]), (&json!(0), &Value::Null), "{status}");

    // What a store sends is printed afterwards as ever.
    scene.store.add_job("j_1", ContentCipher::Aes256Cbc, PART);
    assert_eq!(scene.ended("j_1").await.0, "success");
}

#[tokio::test]
async fn a_plain_file_passes_through_and_nothing_that_fails_to_open_is_tried_as_one() {
    let (scene, cws) = in_custody().await;
    // Its owner may print it by every other way too.
    lay(&scene, "plain.gcode", HOT);
    let opened = open(&scene, json!({"filename": "plain.gcode"})).await.unwrap();
    assert!(opened["message"].as_str().unwrap().contains("not sealed"), "{opened}");
    assert_eq!(scene.printer.starts(), ["plain.gcode"]);

    let dek = Dek::generate(&mut rng());
    let other = Dek::generate(&mut rng());
    let wrap = |dek: &Dek| nacl_box::wrap(dek, &public(&scene), &mut rng()).unwrap();
    let mut cut = age(&dek, PART);
    cut.pop();
    let mut changed = fernet(&PSEK, PART);
    changed[60] = if changed[60] == b'A' { b'B' } else { b'A' };
    let stub = "; generated by x\nSEALPOST_JOB JOB=j_1\nSDCARD_RESET_FILE\n";
    lay(&scene, "age.gcode", &age(&dek, PART));
    lay(&scene, "cut.gcode", &cut);
    lay(&scene, "hot.gcode", &age(&dek, HOT));
    lay(&scene, "fernet.gcode", &changed);
    lay(&scene, "stub.gcode", stub.as_bytes());
    lay(&scene, "jpeg.gcode", b"\xff\xd8\xff\xe0\0\x10JFIF");
    for (fields, code) in [
        (json!({"filename": "age.gcode"}), "key_missing"),
        (json!({"filename": "age.gcode", "gcode_dek_package": "AA:AA:AA"}), "key_package_malformed"),
        (json!({"filename": "age.gcode", "gcode_dek_package": wrap(&other)}), "blob_corrupt"),
        (json!({"filename": "cut.gcode", "gcode_dek_package": wrap(&dek)}), "blob_corrupt"),
        (json!({"filename": "hot.gcode", "gcode_dek_package": wrap(&dek)}), "gcode_too_hot"),
        (json!({"filename": "fernet.gcode"}), "blob_corrupt"),
        (json!({"filename": "stub.gcode"}), "file_is_stub"),
        (json!({"filename": "jpeg.gcode"}), "gcode_is_jpeg"),
        (json!({"filename": "none.gcode"}), "no_such_file"),
        (json!({"filename": "../state/identity.key"}), "bad_file_name"),
        (json!({"filename": "/etc/passwd"}), "bad_file_name"),
        (json!({"filename": "own"}), "no_such_file"),
        (json!({"filename": 7}), "bad_request"),
        (json!({}), "bad_request"),
    ] {
        let said = refused(&scene, fields.clone()).await;
        assert_eq!(said, code, "{fields}");
    }
    cws.answer_with(StatusCode::FORBIDDEN);
    lay(&scene, "old.gcode", &fernet(&PSEK, PART));
    assert_eq!(refused(&scene, json!({"filename": "old.gcode"})).await, "cws_refused");
    // AES-CBC comes with a manifest or not at all.
    let cbc = json!({"filename": "age.gcode", "encrypted_gcode": "AAAA", "gcode_iv_hex": "00".repeat(16)});
    assert_eq!(refused(&scene, cbc).await, "bad_request");
    assert_eq!(scene.printer.starts(), ["plain.gcode"]);
    assert_eq!(scene.printer.printed(), Vec::<Vec<u8>>::new());
}

#[tokio::test]
async fn a_file_of_the_owners_does_not_come_before_a_job_at_hand() {
    let (scene, _cws) = in_custody().await;
    lay(&scene, "old.gcode", &fernet(&PSEK, PART));
    scene.printer.hold(true);
    scene.store.add_job("j_1", ContentCipher::Aes256Cbc, PART);
    eventually("the print", || async { (!scene.printer.starts().is_empty()).then_some(()) }).await;
    let said = scene.client().await.call("start_print", json!({"filename": "old.gcode"})).await.unwrap_err();
    assert!(["printer_busy", "job_at_hand"].contains(&said.code.as_str()), "{said}");
    scene.printer.hold(false);
    assert_eq!(scene.ended("j_1").await.0, "success");
    open(&scene, json!({"filename": "old.gcode"})).await.unwrap();
    assert_eq!(scene.printer.printed(), [PART, PART]);
}

#[tokio::test]
async fn a_custodian_that_is_away_or_does_not_know_the_token_yet_costs_no_print() {
    let (scene, cws) = in_custody().await;
    cws.answer_with(StatusCode::SERVICE_UNAVAILABLE);
    let jobs = ["j_1", "j_2", "j_3"];
    for job in jobs {
        scene.store.add_job(job, ContentCipher::Aes256Cbc, PART);
    }
    let asked = |times: usize| {
        let cws = cws.clone();
        eventually("the question", move || {
            let count = cws.asked().len();
            async move { (count >= times).then_some(()) }
        })
    };
    asked(2).await;
    let status = scene.status().await;
    assert_eq!(status["last_error"]["code"], "cws_unavailable", "{status}");
    cws.answer_with(StatusCode::UNAUTHORIZED);
    asked(3).await;
    // One is at hand, the others wait unclaimed.
    let claimed = jobs.iter().filter(|job| scene.store.job(job, |job| job.lease > 0)).count();
    assert_eq!(claimed, 1);
    cws.answer_with(StatusCode::OK);
    for job in jobs {
        assert_eq!(scene.ended(job).await.0, "success");
        assert!(!scene.store.job(job, |job| job.statuses()).contains(&"failure".to_owned()));
    }
    assert_eq!(scene.printer.printed(), [PART, PART, PART]);
}

#[tokio::test]
async fn nobody_on_the_printer_can_have_the_token_sent_to_an_address_of_theirs() {
    let lure = Cws::start().await;
    let scene = Scene::start().await;
    keep_psek(&scene, SEALED_PSEK);
    scene.client().await.call("configure", json!({"cws_url": lure.url})).await.unwrap();
    lay(&scene, "lure.gcode", &fernet(&PSEK, PART));
    assert_eq!(refused(&scene, json!({"filename": "lure.gcode"})).await, "cws_not_trusted");
    scene.store.with(|inner| inner.psek = Some(PSEK));
    scene.store.add_job("j_1", ContentCipher::Aes256Cbc, PART);
    eventually("the reason", || async {
        (scene.status().await["last_error"]["code"] == "cws_not_trusted").then_some(())
    })
    .await;
    assert_eq!(lure.asked(), []);
    assert!(scene.store.job("j_1", |job| !job.statuses().contains(&"failure".to_owned())));

    // Where the agent's settings name one, nobody else is asked.
    let (scene, cws) = in_custody().await;
    scene.client().await.call("configure", json!({"cws_url": lure.url})).await.unwrap();
    scene.store.add_job("j_1", ContentCipher::Aes256Cbc, PART);
    assert_eq!(scene.ended("j_1").await.0, "success");
    assert_eq!((cws.asked().len(), lure.asked().len()), (1, 0));
}

#[tokio::test]
async fn a_file_of_the_owners_that_did_not_start_is_not_left_in_klipper() {
    let (scene, _cws) = in_custody().await;
    lay(&scene, "old.gcode", &fernet(&PSEK, PART));
    scene.printer.refuse_start();
    assert_eq!(refused(&scene, json!({"filename": "old.gcode"})).await, "start_refused");
    assert_eq!(scene.printer.held(), None);
    let stubs = fs::read_dir(scene.folder.path().join("gcodes/sealpost")).unwrap().count();
    assert_eq!((stubs, scene.printer.starts()), (0, Vec::new()));
    open(&scene, json!({"filename": "old.gcode"})).await.unwrap();
    assert_eq!(scene.printer.printed(), [PART]);
}
