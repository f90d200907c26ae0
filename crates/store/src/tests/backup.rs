//! Backups, and stores made of them, by the store's own routes.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::kit::{GCODE, Kit, Printer, START_S, claims, postgres};
use crate::backup::{Backup, BackupError, Contents, Opened, Restored, restore};
use crate::{Clock, Config, Error, Store};

const LATER_S: i64 = START_S + 3_600;

async fn written(kit: &Kit, allow_missing: bool) -> Result<(Vec<u8>, Contents), BackupError> {
    let state = &kit.store.state;
    let backup = Backup::open(state.config.clone(), state.clock.clone()).await?;
    let mut out = Vec::new();
    let (_, contents) = backup.write(&mut out, allow_missing, &mut |_| ()).await?;
    backup.made(&contents, &crate::backup::Lies::default()).await?;
    Ok((out, contents))
}

pub(crate) async fn backed_up(kit: &Kit) -> Vec<u8> {
    written(kit, false).await.unwrap().0
}

/// A place for a store, and its database.
pub(crate) struct Place {
    pub(crate) folder: Arc<TempDir>,
    database_url: Option<String>,
}

impl Place {
    pub(crate) async fn new() -> Self {
        Self { folder: Arc::new(tempfile::tempdir().unwrap()), database_url: postgres().await }
    }

    pub(crate) fn config(&self) -> Config {
        let mut config = Config::in_dir(self.folder.path().join("data"));
        config.database_url.clone_from(&self.database_url);
        config
    }

    pub(crate) async fn restore(&self, backup: &[u8]) -> Result<Restored, BackupError> {
        let clock = Clock::new(|| LATER_S * 1000);
        restore(self.config(), clock, Opened::new(backup)?, &mut |_| ()).await
    }

    pub(crate) async fn kit(&self) -> Kit {
        Kit::in_place(self.folder.clone(), LATER_S * 1000, self.database_url.clone()).await
    }
}

pub(crate) async fn sign_in(kit: &Kit, name: &str) -> String {
    let body = json!({"username": name, "password": "correct horse battery"});
    kit.post("/auth/login", "", body).await.string("token")
}

async fn checked(backup: &[u8]) -> Result<Contents, BackupError> {
    Opened::new(backup)?.check(&mut |_| ()).await.map(|(_, contents)| contents)
}

/// A store in which somebody sells and somebody bought, with both kinds of printers.
pub(crate) struct Shop {
    pub(crate) kit: Kit,
    pub(crate) buyer: String,
    pub(crate) licence: String,
    pub(crate) printer: Printer,
    pub(crate) lmnt: Printer,
}

pub(crate) async fn shop() -> Shop {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("seller").await, kit.person("buyer").await);
    let licence = kit.bought(&seller, &buyer, json!({"prints": 9, "free_retries": 1})).await;
    let (printer, lmnt) = (kit.printer(&buyer, true).await, kit.printer(&buyer, false).await);
    Shop { kit, buyer, licence, printer, lmnt }
}

pub(crate) fn counts(licence: &Value) -> [u64; 2] {
    ["prints_used", "prints_reserved"].map(|name| licence[name].as_u64().unwrap())
}

#[tokio::test]
async fn what_a_restored_store_does_not_know_is_believed_of_printers_and_decided_by_people() {
    let Shop { kit, buyer, licence, printer, lmnt, .. } = shop().await;
    let over = kit.ready_job(&buyer, &licence, &printer).await;
    kit.claim(&printer, &over, "nonce-nonce-nonce-1").await.json();
    kit.report(&printer, &over, 1, "rep_1", "success").await.json();
    let waiting = kit.ready_job(&buyer, &licence, &printer).await;
    let untouched = kit.ready_job(&buyer, &licence, &printer).await;
    let for_lmnt = kit.ready_job(&buyer, &licence, &lmnt).await;
    let claimed = kit.ready_job(&buyer, &licence, &printer).await;
    kit.claim(&printer, &claimed, "nonce-nonce-nonce-2").await.json();
    let printing = kit.ready_job(&buyer, &licence, &printer).await;
    kit.claim(&printer, &printing, "nonce-nonce-nonce-3").await.json();
    kit.report(&printer, &printing, 1, "rep_2", "printing").await.json();
    assert_eq!(counts(&kit.licence(&buyer, &licence).await), [1, 5]);

    kit.poll(&printer).await;
    let backup = backed_up(&kit).await;
    let place = Place::new().await;
    let restored = place.restore(&backup).await.unwrap();
    assert_eq!(restored.held_jobs, 5);
    let kit = place.kit().await;
    assert_eq!(kit.licence(&buyer, &licence).await["code"], "token_revoked", "tokens of people are void");
    let buyer = sign_in(&kit, "buyer").await;
    let seller = sign_in(&kit, "seller").await;
    assert_eq!(counts(&kit.licence(&buyer, &licence).await), [1, 5]);
    for job in [&waiting, &untouched, &for_lmnt, &claimed, &printing] {
        assert_eq!(kit.state_of(&buyer, job).await, "interrupted");
    }
    assert_eq!(kit.state_of(&buyer, &over).await, "success");

    // An LMNT printer is given nothing, because it remembers nothing.
    assert_eq!(kit.agent(&lmnt, Method::GET, "/api/poll-print-queue", None).await.json(), json!({}));
    let named = format!("/api/get-print-job?print_job_id={for_lmnt}");
    let named = kit.agent(&lmnt, Method::GET, &named, None).await.json();
    assert_eq!((&named["status"], &named["gcode_dek_package"]), (&json!("interrupted"), &Value::Null));
    assert_eq!(kit.claim(&lmnt, &for_lmnt, "nonce-nonce-nonce-5").await.problem().1, "job_state");

    // Somebody claimed this one since, and printed it: the lease is one that the store never heard of.
    let late = kit.report(&printer, &waiting, 3, "rep_3", "success").await;
    assert_eq!(late.string("state"), "success", "{}", late.text());
    assert_eq!(kit.report(&printer, &claimed, 2, "rep_4", "starting").await.string("state"), "printing");
    assert_eq!(kit.report(&printer, &claimed, 1, "rep_5", "success").await.problem().1, "old_lease");
    assert_eq!(kit.report(&printer, &claimed, 3, "rep_5", "success").await.problem().1, "unknown_lease");
    assert_eq!(kit.report(&printer, &printing, 1, "rep_6", "success").await.string("state"), "success");
    let unknown = kit.report(&printer, "job_of_the_lost_time", 1, "rep_7", "success").await;
    assert_eq!(unknown.problem(), (404, "not_found".to_owned()), "an answer for good, which blocks nobody");
    assert_eq!(counts(&kit.licence(&buyer, &licence).await), [3, 3]);

    // One that its printer never started is sealed anew, listed, claimed and opened.
    let mut waits = kit.store.state.hub.wait(&printer.id);
    let poll = "/api/printer-agent/poll-print-queue";
    let offers = loop {
        let offers = kit.agent(&printer, Method::GET, poll, None).await.json();
        if offers["jobs"].as_array().is_some_and(|jobs| !jobs.is_empty()) {
            break offers;
        }
        waits.ring().await.unwrap();
    };
    assert_eq!(offers["jobs"][0]["print_job_id"], untouched);
    let answer = kit.claim(&printer, &untouched, "nonce-nonce-nonce-4").await.json();
    assert_eq!(kit.open_claimed(&printer, &answer).await, GCODE);
    assert_eq!(claims(answer["job_manifest"].as_str().unwrap())["job"], untouched);
    kit.report(&printer, &untouched, 1, "rep_8", "success").await.json();

    // What a person says was never printed costs nothing, not even the free retry.
    let decided =
        kit.post(&format!("/api/v1/jobs/{for_lmnt}/resolve"), &seller, json!({"outcome": "cancelled"})).await;
    assert_eq!(decided.string("state"), "cancelled", "{}", decided.text());
    assert_eq!(kit.report(&printer, &claimed, 2, "rep_9", "failure").await.string("state"), "failure");
    assert_eq!(counts(&kit.licence(&buyer, &licence).await), [4, 0], "the free retry was still there");
}

#[tokio::test]
async fn keys_of_a_restored_store_are_newer_than_any_that_printers_saw() {
    let kit = Kit::new().await;
    let operator = kit.operator().await;
    let backup = backed_up(&kit).await;
    let version = async |kit: &Kit| {
        claims(&kit.get("/api/v1/keys", "").await.string("key_set"))["version"]
            .as_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let before = version(&kit).await;
    for _ in 0..3 {
        let rotated = kit.post("/api/v1/keys/rotate", &operator, json!({"key": "jobs", "lost": true})).await;
        assert!(rotated.status.is_success(), "{}", rotated.text());
    }
    let seen_since = version(&kit).await;
    assert!(before < seen_since);
    let place = Place::new().await;
    place.restore(&backup).await.unwrap();
    assert!(version(&place.kit().await).await > seen_since);
}

#[tokio::test]
async fn a_one_time_link_of_before_the_restore_is_void() {
    let kit = Kit::new().await;
    let link = kit.store.first_steps().await.unwrap().setup_link.unwrap();
    let token = link.expose().split_once('#').unwrap().1.to_owned();
    let place = Place::new().await;
    place.restore(&backed_up(&kit).await).await.unwrap();
    let body = json!({
        "setup_token": token, "email": "op@example.org", "username": "op", "password": "correct horse battery",
    });
    assert!(!place.kit().await.post("/api/v1/setup", "", body).await.status.is_success());
}

#[tokio::test]
async fn a_backup_is_noted_in_the_store_and_a_restore_in_the_new_one() {
    let kit = Kit::new().await;
    let backup = backed_up(&kit).await;
    let noted = sealpost_accounts::audit::about(&kit.store.state.db, "store:backup", 0, 9).await.unwrap();
    assert_eq!(noted.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>(), ["backup.made"]);
    let place = Place::new().await;
    place.restore(&backup).await.unwrap();
    let kit = place.kit().await;
    let noted = sealpost_accounts::audit::about(&kit.store.state.db, "store:backup", 0, 9).await.unwrap();
    assert_eq!(noted.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>(), ["backup.restored"]);
}

#[tokio::test]
async fn a_place_that_is_not_empty_is_refused_and_left_as_it_is() {
    let Shop { kit, buyer, licence, .. } = shop().await;
    let backup = backed_up(&kit).await;
    let before = counts(&kit.licence(&buyer, &licence).await);
    let state = &kit.store.state;
    let refused = async |config: Config| {
        let opened = Opened::new(&backup[..]).unwrap();
        restore(config, Clock::system(), opened, &mut |_| ()).await.unwrap_err()
    };
    let mut own = state.config.clone();
    own.data_dir = kit.folder.path().join("elsewhere");
    own.database_url = Some(state.config.database_address());
    if own.database_url.as_ref().is_some_and(|url| url.starts_with("postgres")) {
        assert!(matches!(refused(own).await, BackupError::NotEmpty(_)));
    }
    for part in ["blobs", "keys"] {
        let place = Place::new().await;
        let mut config = place.config();
        match part {
            "blobs" => config.blob_dir = Some(state.config.blob_path()),
            _ => config.kek_file = Some(state.config.kek_path()),
        }
        assert!(matches!(refused(config).await, BackupError::NotEmpty(_)), "{part}");
        assert!(!place.folder.path().join("data").exists(), "nothing was written");
    }
    assert_eq!(counts(&kit.licence(&buyer, &licence).await), before);
    assert!(!kit.blobs().is_empty());
}

#[tokio::test]
async fn a_store_does_not_open_until_its_restore_is_finished_and_the_restore_can_begin_again() {
    let Shop { kit, licence, .. } = shop().await;
    let backup = backed_up(&kit).await;
    let place = Place::new().await;
    for cut in [backup.len() * 2 / 3, backup.len() - 1600] {
        let failed = place.restore(&backup[..cut]).await.unwrap_err();
        assert!(matches!(failed, BackupError::Truncated), "{failed:?}");
        let refused = Store::open(place.config()).await.unwrap_err();
        assert!(matches!(refused, Error::RestoreUnfinished), "{refused:?}");
        let no_backup = Backup::open(place.config(), Clock::system()).await.unwrap_err();
        assert!(matches!(no_backup, BackupError::Unfinished));
    }
    place.restore(&backup).await.unwrap();
    let kit = place.kit().await;
    assert_eq!(counts(&kit.licence(&sign_in(&kit, "buyer").await, &licence).await), [0, 0]);
    assert_eq!(kit.blobs().len(), 1);
}

#[tokio::test]
async fn every_changed_byte_and_every_missing_end_is_noticed() {
    let kit = Kit::new().await;
    let backup = backed_up(&kit).await;
    checked(&backup).await.unwrap();
    for cut in (0..backup.len() - 1024).step_by(509) {
        assert!(checked(&backup[..cut]).await.is_err(), "cut at {cut} of {}", backup.len());
    }
    for at in (0..backup.len()).step_by(61) {
        let mut changed = backup.clone();
        changed[at] ^= 0x01;
        assert!(checked(&changed).await.is_err(), "flipped at {at} of {}", backup.len());
    }
    let mut longer = backup;
    longer.extend_from_slice(b"more");
    assert!(checked(&longer).await.is_err());
}

#[tokio::test]
async fn backups_of_newer_programs_are_refused_by_name() {
    let kit = Kit::new().await;
    let backup = backed_up(&kit).await;
    let replaced = |old: &str, new: &str| {
        let at = backup.windows(old.len()).position(|bytes| bytes == old.as_bytes()).unwrap();
        let mut changed = backup.clone();
        changed[at..at + old.len()].copy_from_slice(new.as_bytes());
        Opened::new(&changed[..]).map(drop).unwrap_err()
    };
    let format = replaced("\"format\":1", "\"format\":9");
    assert!(matches!(format, BackupError::NewerFormat { found: 9, known: 1 }), "{format:?}");
    let migration = replaced("m0004_chain", "m9994_chain");
    assert!(matches!(&migration, BackupError::NewerBackup(name) if name == "m9994_chain"), "{migration:?}");
}

#[tokio::test]
async fn a_sealed_file_that_is_gone_or_damaged_is_not_passed_over_in_silence() {
    let Shop { kit, .. } = shop().await;
    let blob = kit.blobs().remove(0);
    let whole = std::fs::read(&blob).unwrap();
    let mut flipped = whole.clone();
    flipped[40] ^= 1;
    for damage in [Some(flipped.as_slice()), Some(&whole[..whole.len() - 1]), None] {
        match damage {
            Some(bytes) => std::fs::write(&blob, bytes).unwrap(),
            None => std::fs::remove_file(&blob).unwrap(),
        }
        let refused = written(&kit, false).await.unwrap_err();
        assert!(matches!(refused, BackupError::BlobMissing(_)), "{refused:?}");
        let (backup, contents) = written(&kit, true).await.unwrap();
        assert_eq!((contents.blobs, contents.missing.len()), (0, 1));
        assert_eq!(checked(&backup).await.unwrap(), contents);
    }
}

#[tokio::test]
async fn a_key_file_that_opens_another_store_is_no_backup() {
    let kit = Kit::new().await;
    let stranger = Kit::new().await;
    let (ours, theirs) = (kit.store.state.config.kek_path(), stranger.store.state.config.kek_path());
    std::fs::copy(theirs, ours).unwrap();
    assert!(matches!(written(&kit, false).await.unwrap_err(), BackupError::OtherKeys(_)));
}
