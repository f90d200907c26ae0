//! Jobs of a restored store: who may claim them, and what their ends cost.

use http::Method;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use super::backup::{Place, Shop, backed_up, counts, shop, sign_in};
use super::kit::{GCODE, Kit, Printer};
use crate::schema::licence;

/// A store restored while one job waited and another one was claimed; its printer had asked before.
struct Scene {
    kit: Kit,
    buyer: String,
    licence: String,
    printer: Printer,
    waiting: String,
    claimed: String,
}

async fn scene() -> Scene {
    let Shop { kit, buyer, licence, printer, .. } = shop().await;
    let waiting = kit.ready_job(&buyer, &licence, &printer).await;
    let claimed = kit.ready_job(&buyer, &licence, &printer).await;
    kit.claim(&printer, &claimed, "nonce-nonce-nonce-1").await.json();
    kit.poll(&printer).await;
    let backup = backed_up(&kit).await;
    let place = Place::new().await;
    place.restore(&backup).await.unwrap();
    let kit = place.kit().await;
    let buyer = sign_in(&kit, "buyer").await;
    Scene { kit, buyer, licence, printer, waiting, claimed }
}

impl Scene {
    /// Claims as soon as it is sealed anew; before that it is told to come again.
    async fn claim(&self, job: &str, nonce: &str) -> Value {
        loop {
            let mut sealed = self.kit.store.state.hub.wait(&self.printer.id);
            let answer = self.kit.claim(&self.printer, job, nonce).await;
            if answer.status.is_success() {
                return answer.json();
            }
            assert_eq!(answer.problem(), (503, "sealing_anew".to_owned()));
            sealed.ring().await.unwrap();
        }
    }

    fn listed(offers: &Value) -> Vec<&str> {
        offers["jobs"].as_array().unwrap().iter().map(|job| job["print_job_id"].as_str().unwrap()).collect()
    }

    /// Prints used and reserved, and free retries used.
    async fn counts(&self) -> [u64; 3] {
        let [used, reserved] = counts(&self.kit.licence(&self.buyer, &self.licence).await);
        let db = self.kit.store.state.db.read();
        let row = licence::Entity::find_by_id(&self.licence).one(db).await.unwrap().unwrap();
        [used, reserved, u64::from(row.to_market().unwrap().free_retries_used)]
    }
}

#[tokio::test]
async fn a_job_that_was_being_prepared_is_sealed_anew_and_printed() {
    let scene = scene().await;
    for (job, nonce, lease) in
        [(&scene.waiting, "nonce-nonce-nonce-2", 1), (&scene.claimed, "nonce-nonce-nonce-3", 2)]
    {
        let answer = scene.claim(job, nonce).await;
        assert_eq!(answer["lease"], lease);
        assert_eq!(scene.kit.open_claimed(&scene.printer, &answer).await, GCODE);
        let done = scene.kit.report(&scene.printer, job, lease, &format!("rep_{lease}"), "success").await;
        assert_eq!(done.string("state"), "success");
    }
    assert_eq!(scene.counts().await, [2, 0, 0]);
}

#[tokio::test]
async fn an_agent_that_goes_on_with_the_lease_it_had_is_told_to_come_again_and_breaks_nothing() {
    let scene = scene().await;
    let beat = scene.kit.report(&scene.printer, &scene.claimed, 1, "rep_1", "processing").await;
    assert_eq!(beat.string("state"), "processing");
    let path = format!("/api/printer-agent/download-gcode?print_job_id={}", scene.claimed);
    let blob = scene.kit.agent(&scene.printer, Method::GET, &path, None).await;
    assert!(blob.status.is_success() || blob.status == 503, "{}", blob.text());
    let answer = scene.claim(&scene.claimed, "nonce-nonce-nonce-2").await;
    assert_eq!(scene.kit.open_claimed(&scene.printer, &answer).await, GCODE);
}

#[tokio::test]
async fn what_the_restore_broke_off_costs_nothing() {
    let scene = scene().await;
    let failed = scene.kit.report(&scene.printer, &scene.claimed, 1, "rep_1", "failure").await;
    assert_eq!(failed.string("state"), "failure");
    assert_eq!(scene.counts().await, [0, 1, 0]);
}

#[tokio::test]
async fn a_held_job_that_is_taken_off_at_the_printer_costs_nothing() {
    let scene = scene().await;
    let path = format!("/api/printer-agent/1.0.0/job-status/{}", scene.waiting);
    let told =
        scene.kit.agent(&scene.printer, Method::POST, &path, Some(json!({"status": "cancelled"}))).await;
    assert_eq!(told.string("state"), "cancelled", "{}", told.text());
    assert_eq!(scene.counts().await, [0, 1, 0]);
}

#[tokio::test]
async fn an_agent_that_lost_what_it_remembered_is_given_nothing_of_before_the_restore() {
    let mut scene = scene().await;
    scene.claim(&scene.waiting, "nonce-nonce-nonce-2").await;
    let known = std::mem::replace(&mut scene.printer.memory, "another-document-of-the-printer".to_owned());
    // Twice: that the store knows the new document by then changes nothing.
    for nonce in ["nonce-nonce-nonce-3", "nonce-nonce-nonce-4"] {
        let refused = scene.kit.claim(&scene.printer, &scene.claimed, nonce).await;
        assert_eq!(refused.problem(), (409, "job_state".to_owned()));
        let offers = scene.kit.poll(&scene.printer).await;
        assert!(!Scene::listed(&offers).contains(&scene.claimed.as_str()), "{offers}");
    }
    scene.printer.memory = known;
    scene.claim(&scene.claimed, "nonce-nonce-nonce-5").await;
}
