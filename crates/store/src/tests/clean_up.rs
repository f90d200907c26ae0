//! What is left where a process was killed, and what is removed of it: the files are those that are needed, and no others.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use http::{Method, StatusCode};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

use super::kit::{GCODE, Kit, Printer, START_S, until};
use crate::blobs::{Audit, look, pending};
use crate::fault::Fault;
use crate::publish::Unowned;
use crate::schema::{job, pending_blob, release};

const UNIQUE: &str = "0123456789abcdef";

struct Scene {
    kit: Kit,
    seller: String,
    buyer: String,
    printer: Printer,
    licence: String,
}

async fn scene() -> Scene {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let printer = kit.printer(&buyer, true).await;
    let licence = kit.bought(&seller, &buyer, json!({"prints": 9})).await;
    Scene { kit, seller, buyer, printer, licence }
}

impl Scene {
    fn path(&self, name: &str) -> PathBuf {
        self.kit.store.state.config.blob_path().join(name)
    }

    /// Writes a file that lies there since long ago.
    fn left(&self, name: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, b"left behind").unwrap();
    }

    async fn note(&self, name: &str) {
        pending::announce(&self.kit.store.state, name).await.unwrap();
    }

    async fn give_up(&self, name: &str) {
        let (name, state) = (name.to_owned(), self.kit.store.state.clone());
        let now = state.clock.now_ms();
        state
            .db
            .write(move |tx| {
                let name = name.clone();
                Box::pin(async move { pending::orphan(tx, &name, now).await })
            })
            .await
            .unwrap();
    }

    async fn notes(&self) -> usize {
        pending_blob::Entity::find().all(self.kit.store.state.db.read()).await.unwrap().len()
    }

    fn files(&self) -> BTreeSet<String> {
        let folder = self.path("");
        let named = |path: &String| path.strip_prefix(folder.to_str().unwrap()).unwrap().to_owned();
        self.kit.blobs().iter().map(named).collect()
    }

    async fn needed(&self) -> BTreeSet<String> {
        let db = self.kit.store.state.db.read();
        let releases = release::Entity::find().all(db).await.unwrap();
        let ended = ["success", "failure", "cancelled", "expired"];
        let open = job::Entity::find().filter(job::Column::State.is_not_in(ended)).all(db).await.unwrap();
        releases.into_iter().map(|row| row.blob).chain(open.into_iter().filter_map(|row| row.blob)).collect()
    }

    async fn ready_job(&self) -> String {
        self.kit.ready_job(&self.buyer, &self.licence, &self.printer).await
    }

    async fn blob_of(&self, job: &str) -> String {
        crate::jobs::find(self.kit.store.state.db.read(), job).await.unwrap().blob.unwrap()
    }
}

#[tokio::test]
async fn after_a_kill_between_any_two_steps_the_files_are_those_that_are_needed() {
    let scene = scene().await;
    let waiting = scene.ready_job().await;
    let ended = scene.ready_job().await;
    let old = scene.blob_of(&ended).await;
    scene.kit.post(&format!("/api/v1/jobs/{ended}/cancel"), &scene.buyer, json!({})).await;
    let expected = scene.needed().await;
    assert_eq!(expected.len(), 2, "a release and a job");
    let release = expected.iter().find(|name| name.starts_with("releases/")).unwrap().clone();

    // Noted, and killed before the first byte, before the name, before the row.
    scene.note("releases/r_noted").await;
    scene.note("releases/r_half").await;
    scene.left("releases/r_half#1");
    let written = format!("jobs/{waiting}-{UNIQUE}");
    scene.note(&written).await;
    scene.left(&written);
    // Given up, and killed before the file was deleted, or before the note was.
    scene.give_up("releases/r_given_up").await;
    scene.left("releases/r_given_up");
    scene.give_up("releases/r_deleted").await;
    // Without a row and without a note.
    scene.left("releases/r_nobody");
    scene.left(&format!("{release}#1"));
    scene.left(&old);

    // On PostgreSQL, another process could still be writing them.
    scene.kit.pass_s(20 * 60);
    let again = scene.kit.again().await;
    look(&again.store.state).await;
    assert_eq!(scene.files(), expected);
    assert_eq!(scene.notes().await, 0);
    let claimed = scene.kit.claim(&scene.printer, &waiting, "0123456789abcdef").await.json();
    assert_eq!(scene.kit.open_claimed(&scene.printer, &claimed).await, GCODE);
}

#[tokio::test]
async fn what_another_process_is_writing_is_left_alone_until_it_is_silent_for_long() {
    let scene = scene().await;
    let state = &scene.kit.store.state;
    scene.note("releases/r_busy").await;
    scene.left("releases/r_busy#1");
    scene.kit.pass_s(14 * 60);
    pending::sweep(state).await.unwrap();
    look(state).await;
    assert!(scene.files().contains("releases/r_busy#1"));
    scene.kit.pass_s(60);
    pending::sweep(state).await.unwrap();
    look(state).await;
    assert_eq!((scene.files(), scene.notes().await), (scene.needed().await, 0));
}

#[tokio::test]
async fn a_writer_that_was_given_up_gets_no_row() {
    let scene = scene().await;
    let state = &scene.kit.store.state;
    let blob = Unowned::announce(state, "releases/r_slow".to_owned()).await.unwrap();
    scene.kit.pass_s(3600);
    pending::sweep(state).await.unwrap();
    // It comes back, and ends what it was writing.
    scene.left("releases/r_slow");
    let adopted = state
        .db
        .write(|tx| Box::pin(async move { pending::adopt(tx, "releases/r_slow").await }))
        .await
        .unwrap_err();
    assert_eq!(adopted.problem().code, "given_up");
    drop(blob);
    until(async || scene.files() == scene.needed().await).await;
}

#[tokio::test]
async fn versions_that_were_taken_back_and_hidden_stay_for_those_who_bought_them() {
    let scene = scene().await;
    let state = &scene.kit.store.state;
    let before = scene.files();
    let row = release::Entity::find().one(state.db.read()).await.unwrap().unwrap();
    let path = format!("/api/v1/listings/{}", row.listing);
    let hidden =
        scene.kit.call(Method::PATCH, &path, &scene.seller, Some(json!({"state": "unlisted"}))).await;
    assert!(hidden.status.is_success(), "{}", hidden.text());
    let yanked = scene.kit.post(&format!("/api/v1/releases/{}/yank", row.id), &scene.seller, json!({})).await;
    assert!(yanked.status.is_success(), "{} {}", yanked.status, yanked.text());
    scene.kit.pass_s(400 * 86_400);
    pending::sweep(state).await.unwrap();
    look(state).await;
    assert_eq!(scene.files(), before);
}

#[tokio::test]
async fn young_files_and_files_of_others_are_left_alone() {
    let scene = scene().await;
    let state = &scene.kit.store.state;
    for name in ["releases/r_young", "notes.txt", "jobs/readme", "releases/deep/file"] {
        scene.left(name);
    }
    let young = File::options().write(true).open(scene.path("releases/r_young")).unwrap();
    young.set_modified(UNIX_EPOCH + Duration::from_secs(START_S as u64 - 60)).unwrap();
    let audit = look(state).await;
    assert_eq!((audit.removed, audit.strange), (0, 3));
    assert_eq!(scene.files().len(), 5);
}

#[tokio::test]
async fn a_database_beside_another_stores_files_removes_none() {
    let scene = scene().await;
    let other = Kit::with(|config| config.blob_dir = Some(scene.path(""))).await;
    other.pass_s(86_400);
    let audit = look(&other.store.state).await;
    assert_eq!(audit.removed, 0);
    assert_eq!(scene.files(), scene.needed().await);
}

#[tokio::test]
async fn a_waiting_job_whose_file_is_gone_is_sealed_anew_and_prints() {
    let scene = scene().await;
    let job = scene.ready_job().await;
    let lost = scene.blob_of(&job).await;
    fs::remove_file(scene.path(&lost)).unwrap();
    let audit = look(&scene.kit.store.state).await;
    assert_eq!(audit.lost_jobs, 1);
    until(async || scene.kit.state_of(&scene.buyer, &job).await != "sealing").await;
    let claimed = scene.kit.claim(&scene.printer, &job, "0123456789abcdef").await;
    assert_eq!(claimed.status, StatusCode::OK, "{}", claimed.text());
    assert_eq!(scene.kit.open_claimed(&scene.printer, &claimed.json()).await, GCODE);
    assert_ne!(scene.blob_of(&job).await, lost);
}

#[tokio::test]
async fn a_held_job_whose_file_is_gone_is_to_be_sealed_anew() {
    let scene = scene().await;
    let job = scene.ready_job().await;
    let (lost, held) = (scene.blob_of(&job).await, job.clone());
    let stopped = scene.kit.store.state.db.write(move |tx| {
        let change = job::Entity::update_many()
            .col_expr(job::Column::State, Expr::value("interrupted"))
            .filter(job::Column::Id.eq(&held));
        Box::pin(async move { change.exec(tx).await.map(drop).map_err(Fault::from) })
    });
    stopped.await.unwrap();
    fs::remove_file(scene.path(&lost)).unwrap();
    assert_eq!(look(&scene.kit.store.state).await, Audit { lost_jobs: 1, ..Audit::default() });
    let row = crate::jobs::find(scene.kit.store.state.db.read(), &job).await.unwrap();
    assert_ne!(row.blob, Some(lost), "it is to be sealed anew");
    assert_eq!(scene.kit.state_of(&scene.buyer, &job).await, "interrupted");
}

#[tokio::test]
async fn a_lost_file_is_told_while_its_printer_fetches_it() {
    let scene = scene().await;
    let job = scene.ready_job().await;
    scene.kit.claim(&scene.printer, &job, "0123456789abcdef").await.json();
    fs::remove_file(scene.path(&scene.blob_of(&job).await)).unwrap();
    assert_eq!(look(&scene.kit.store.state).await, Audit { lost_claims: 1, ..Audit::default() });
    assert_eq!(scene.kit.state_of(&scene.buyer, &job).await, "processing");
}

#[tokio::test]
async fn what_cannot_be_looked_at_holds_up_nothing_else() {
    let scene = scene().await;
    let job = scene.ready_job().await;
    fs::remove_file(scene.path(&scene.blob_of(&job).await)).unwrap();
    fs::rename(scene.path("releases"), scene.kit.folder.path().join("elsewhere")).unwrap();
    fs::write(scene.path("releases"), b"no folder").unwrap();
    let audit = look(&scene.kit.store.state).await;
    assert_eq!((audit.failed, audit.lost_jobs), (1, 1));
}

#[tokio::test]
async fn first_answers_and_vouchers_that_ran_out_are_forgotten_though_nobody_asks() {
    use crate::schema::{answer, voucher};
    use sea_orm::PaginatorTrait;
    let scene = scene().await;
    let (kit, db) = (&scene.kit, scene.kit.store.state.db.read());
    let row = release::Entity::find().one(db).await.unwrap().unwrap();
    let body = json!({"listing": row.listing, "expires_at": "2027-01-16T00:00:00Z"});
    for number in 0..300 {
        let request = http::Request::builder()
            .method(Method::POST)
            .uri("/api/v1/vouchers")
            .header("authorization", format!("Bearer {}", scene.seller))
            .header("content-type", "application/json")
            .header("idempotency-key", format!("key-{number}"));
        let answer = kit.send(request.body(body.to_string().into()).unwrap()).await;
        assert!(answer.status.is_success(), "{}", answer.text());
    }
    assert_eq!(voucher::Entity::find().count(db).await.unwrap(), 300);
    assert!(answer::Entity::find().count(db).await.unwrap() >= 300);
    kit.pass_s(49 * 3600);
    until(async || answer::Entity::find().count(db).await.unwrap() == 0).await;
    assert_eq!(voucher::Entity::find().count(db).await.unwrap(), 300, "they still say that they ran out");
    kit.pass_s(31 * 86_400);
    until(async || voucher::Entity::find().count(db).await.unwrap() == 0).await;
}
