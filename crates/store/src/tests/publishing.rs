//! Uploads.

use http::StatusCode;
use sealpost_envelope::{ContentCipher, Dek, Sealer, digest, ecdh};
use serde_json::json;

use super::kit::{GCODE, Kit, form, until};
use crate::random;

#[tokio::test]
async fn nothing_of_the_plaintext_is_on_the_disk() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    let listing = kit.listing(&seller, json!({})).await;
    let marked = b"; PLAINTEXT-MARK\nG28\nG1 X1\n";
    let answer = kit.publish(&seller, json!({"listing": listing, "version": "1"}), marked).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let mut files = kit.blobs();
    let data = kit.folder.path().join("data");
    files.extend(["store.sqlite", "store.sqlite-wal"].map(|name| data.join(name).display().to_string()));
    assert!(!kit.blobs().is_empty());
    for file in files {
        // On PostgreSQL there are no files of the database here.
        let Ok(bytes) = std::fs::read(&file) else { continue };
        assert!(!bytes.windows(14).any(|window| window == b"PLAINTEXT-MARK"), "{file}");
    }
}

#[tokio::test]
async fn what_is_no_gcode_is_refused_and_leaves_nothing() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    let listing = kit.listing(&seller, json!({})).await;
    let jpeg = [b"\xff\xd8\xff\xe0".as_slice(), &[0x55; 300_000]].concat();
    let bgcode = [b"GCDE\x01\0\0\0".as_slice(), &[1; 1000]].concat();
    for file in [jpeg.as_slice(), &bgcode, b"", b"hello, this is a letter"] {
        let answer = kit.publish(&seller, json!({"listing": listing, "version": "1"}), file).await;
        let (status, code) = answer.problem();
        assert_eq!(status, 422, "{}", answer.text());
        assert!(!code.is_empty() && !answer.json()["hint"].as_str().unwrap().is_empty());
    }
    nothing_is_left(&kit).await;
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    let listing = kit.listing(&seller, json!({})).await;
    let whole = form(&json!({"listing": listing, "version": "1"}), &b"G28\nG1 X1\n".repeat(100_000));
    let cut = whole[..whole.len() / 2].to_vec();
    let answer = kit.publish_body(&seller, cut).await;
    assert_eq!(answer.problem(), (400, "upload_broken".to_owned()));
    nothing_is_left(&kit).await;
}

#[tokio::test]
async fn an_upload_over_the_limit_is_refused() {
    let kit = Kit::with(|config| config.max_upload_bytes = 1000).await;
    let seller = kit.person("sel").await;
    let listing = kit.listing(&seller, json!({})).await;
    let answer =
        kit.publish(&seller, json!({"listing": listing, "version": "1"}), &b"G28\n".repeat(1000)).await;
    assert_eq!(answer.problem(), (413, "file_too_large".to_owned()));
    nothing_is_left(&kit).await;
}

#[tokio::test]
async fn a_file_sealed_by_its_publisher_is_opened_and_checked() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let vault = kit.get("/api/v1/vault-key", "").await.string("public_key");
    let vault = ecdh::Recipient::from_hex(ecdh::Curve::X25519, &vault).unwrap();
    let listing = kit.listing(&seller, json!({})).await;
    for (version, cipher) in [("1", ContentCipher::Age), ("2", ContentCipher::Aes256Cbc)] {
        let dek = Dek::generate(&mut random::rng());
        let (blob, iv) = seal(&dek, cipher, GCODE);
        let plain_sha256 = digest::sha256_hex(GCODE);
        let plugin_id = format!("vault:{plain_sha256}");
        let envelope = ecdh::wrap(&dek, &vault, &plugin_id, &mut random::rng()).unwrap();
        let mut sealed = json!({"cipher": cipher, "envelope": envelope, "plain_sha256": plain_sha256, "plain_size": GCODE.len()});
        if let Some(iv) = iv {
            sealed["iv"] = hex::encode(iv).into();
        }
        let mut lie = sealed.clone();
        lie["plain_size"] = 1.into();
        let release = json!({"listing": listing, "version": version, "sealed": lie});
        let answer = kit.publish(&seller, release, &blob).await;
        assert_eq!(answer.problem(), (422, "plain_mismatch".to_owned()));
        let mut damaged = blob.clone();
        *damaged.last_mut().unwrap() ^= 1;
        let release = json!({"listing": listing, "version": version, "sealed": sealed});
        assert_eq!(kit.publish(&seller, release.clone(), &damaged).await.problem().0, 422);
        let answer = kit.publish(&seller, release, &blob).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        assert_eq!(answer.json()["cipher"], cipher.as_str());
    }
    let printer = kit.printer(&buyer, true).await;
    let body = json!({"listing": listing, "payment": {"method": "free"}});
    let licence = kit.post("/api/v1/purchases", &buyer, body).await.json()["licence"]["id"].clone();
    let job = kit.ready_job(&buyer, licence.as_str().unwrap(), &printer).await;
    let claimed = kit.claim(&printer, &job, "0123456789abcdef").await.json();
    assert_eq!(kit.open_claimed(&printer, &claimed).await, GCODE);
}

#[tokio::test]
async fn a_version_is_published_once_and_shown_at_once() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    let listing = kit.listing(&seller, json!({})).await;
    let path = format!("/api/v1/listings/{listing}");
    assert_eq!(kit.get(&path, "").await.json()["releases"], json!([]));
    let release = json!({"listing": listing, "version": "1.0"});
    let published = kit.publish(&seller, release.clone(), GCODE).await.json();
    assert_eq!(published["preview"]["slicer"], "PrusaSlicer");
    assert_eq!(kit.publish(&seller, release, GCODE).await.problem(), (409, "version_taken".to_owned()));
    let shown = kit.get(&path, "").await;
    assert_eq!(shown.json()["releases"][0]["version"], "1.0.0");
    let other = kit.person("other").await;
    let foreign = kit.publish(&other, json!({"listing": listing, "version": "2"}), GCODE).await;
    assert_eq!(foreign.problem(), (403, "not_your_listing".to_owned()));
}

#[tokio::test]
async fn what_a_machine_has_to_have_is_told_of_files_sealed_here_and_there() {
    const FILE: &[u8] =
        b"; generated by PrusaSlicer 2.7.4 on 2024-05-01 at 10:00:00 UTC\nM140 S60\nM104 S215\nG28\n\
        G1 X10 Y20 Z0.2 F3000\nG1 X190.5 Y200 E5\nG1 Z40\nG1 X10 E2\n; printer_model = MK4\n\
        ; nozzle_diameter = 0.4\n; layer_height = 0.2\n; bed_shape = 0x0,250x0,250x210,0x210\n";
    let told = json!({
        "slicer": "PrusaSlicer", "printer": "MK4", "bed_mm": [250, 210], "nozzle_mm_x1000": 400,
        "layer_height_mm_x1000": 200, "nozzle_temp_c": 215, "bed_temp_c": 60,
        "extent": {"min_mm_x100": [1000, 2000, 20], "max_mm_x100": [19050, 20000, 4000]},
    });
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    let listing = kit.listing(&seller, json!({})).await;
    let release = json!({"listing": listing, "version": "1.0"});
    assert_eq!(kit.publish(&seller, release, FILE).await.json()["preview"], told);
    let vault = kit.get("/api/v1/vault-key", "").await.string("public_key");
    let vault = ecdh::Recipient::from_hex(ecdh::Curve::X25519, &vault).unwrap();
    let dek = Dek::generate(&mut random::rng());
    let (blob, _) = seal(&dek, ContentCipher::Age, FILE);
    let plain_sha256 = digest::sha256_hex(FILE);
    let envelope = ecdh::wrap(&dek, &vault, &format!("vault:{plain_sha256}"), &mut random::rng()).unwrap();
    let sealed = json!({"cipher": "age", "envelope": envelope, "plain_sha256": plain_sha256, "plain_size": FILE.len()});
    let release = json!({"listing": listing, "version": "2.0", "sealed": sealed});
    assert_eq!(kit.publish(&seller, release, &blob).await.json()["preview"], told);
}

fn seal(dek: &Dek, cipher: ContentCipher, file: &[u8]) -> (Vec<u8>, Option<[u8; 16]>) {
    use std::io::Write;
    let mut sealer = Sealer::new(cipher, dek, &mut random::rng(), Vec::new()).unwrap();
    let iv = sealer.iv();
    sealer.write_all(file).unwrap();
    (sealer.finish().unwrap(), iv)
}

pub(crate) async fn nothing_is_left(kit: &Kit) {
    use sea_orm::EntityTrait;
    let notes = crate::schema::pending_blob::Entity::find();
    until(async || notes.clone().all(kit.store.state.db.read()).await.unwrap().is_empty()).await;
    assert_eq!(kit.blobs(), Vec::<String>::new());
}
