//! A printer that changes hands: its new owner gets nothing of what the old one bought.

use http::{Method, StatusCode};
use sea_orm::ConnectionTrait;
use sealpost_market::{AccountId, PrinterId};
use serde_json::{Value, json};

use super::kit::{Answer, Kit, Printer};
use crate::fault::Fault;
use crate::jobs::{self, printer_left};

const NONCE: &str = "0123456789abcdef";
const POLL: &str = "/api/printer-agent/poll-print-queue";

/// Ann's jobs on the printer that Bob has now: one that waits, one that is fetched, one that is printed.
struct Scene {
    kit: Kit,
    ann: String,
    bobs: Printer,
    printer: Printer,
    jobs: [String; 3],
}

async fn scene(sealpost: bool) -> Scene {
    let kit = Kit::new().await;
    let (seller, ann, bob) = (kit.person("sel").await, kit.person("ann").await, kit.person("bob").await);
    let printer = kit.printer(&ann, sealpost).await;
    let licence = kit.bought(&seller, &ann, json!({"prints": 9})).await;
    let ready = async || kit.ready_job(&ann, &licence, &printer).await;
    let jobs = [ready().await, ready().await, ready().await];
    let bobs = kit.printer(&bob, sealpost).await;
    Scene { kit, ann, bobs, printer, jobs }
}

impl Scene {
    async fn begin(&self) {
        for job in &self.jobs[1..] {
            assert_eq!(self.kit.claim(&self.printer, job, NONCE).await.status, StatusCode::OK);
        }
        self.kit.report(&self.printer, &self.jobs[2], 1, "r1", "printing").await.json();
    }

    async fn leave(&self) {
        let row = jobs::find(self.kit.store.state.db.read(), &self.jobs[0]).await.unwrap();
        let now = self.kit.store.state.clock.now_ms();
        let hub = self.kit.store.state.hub.clone();
        let left = self.kit.store.state.db.write(move |tx| {
            let (printer, owner) = (PrinterId::parse(&row.printer), AccountId::parse(&row.owner));
            let hub = hub.clone();
            Box::pin(async move { printer_left(tx, &hub, printer.unwrap(), owner.unwrap(), now).await })
        });
        left.await.unwrap();
    }

    async fn hand_over(&self) {
        let owner = format!("SELECT owner FROM printers WHERE id = '{}'", self.bobs.id);
        let change = format!("UPDATE printers SET owner = ({owner}) WHERE id = '{}'", self.printer.id);
        let moved = self.kit.store.state.db.write(move |tx| {
            let change = change.clone();
            Box::pin(async move { tx.execute_unprepared(&change).await.map(drop).map_err(Fault::from) })
        });
        moved.await.unwrap();
    }

    async fn asked(&self, path: &str) -> Answer {
        self.kit.agent(&self.printer, Method::GET, path, None).await
    }
}

#[tokio::test]
async fn jobs_of_the_one_before_are_neither_listed_nor_claimed_nor_fetched_and_their_ends_are_heard() {
    let scene = scene(true).await;
    scene.begin().await;
    scene.hand_over().await;
    assert_eq!(scene.asked(POLL).await.json()["jobs"], json!([]));
    for job in &scene.jobs {
        assert_eq!(scene.kit.claim(&scene.printer, job, NONCE).await.problem().0, 404);
        let blob = format!("/api/printer-agent/download-gcode?print_job_id={job}");
        assert_eq!(scene.asked(&blob).await.problem().0, 404);
        let named = format!("/api/get-print-job?print_job_id={job}");
        assert_eq!(scene.asked(&named).await.problem().0, 404);
    }
    let ended = scene.kit.report(&scene.printer, &scene.jobs[2], 1, "r2", "success").await;
    assert_eq!(ended.string("state"), "success");
}

#[tokio::test]
async fn an_lmnt_printer_is_given_no_job_of_the_one_before() {
    let scene = scene(false).await;
    scene.hand_over().await;
    assert_eq!(scene.asked("/api/poll-print-queue").await.json(), json!({}));
    assert_eq!(scene.kit.state_of(&scene.ann, &scene.jobs[0]).await, "ready_to_print");
}

#[tokio::test]
async fn what_waits_is_taken_back_and_what_is_under_way_is_to_stop_for_whoever_comes_next() {
    let scene = scene(true).await;
    scene.begin().await;
    scene.leave().await;
    scene.hand_over().await;
    let states = async |job: &String| scene.kit.state_of(&scene.ann, job).await;
    let [waiting, fetched, printed] = &scene.jobs;
    assert_eq!(states(waiting).await, "cancelled");
    assert_eq!((states(fetched).await, states(printed).await), ("processing".into(), "printing".into()));
    let poll = scene.asked(POLL).await.json();
    let mut asked: Vec<&str> =
        poll["cancel_requested"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    asked.sort_unstable();
    let mut running = [fetched.as_str(), printed.as_str()];
    running.sort_unstable();
    assert_eq!((asked.as_slice(), &poll["jobs"]), (running.as_slice(), &json!([])));
}
