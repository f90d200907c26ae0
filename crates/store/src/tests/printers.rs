//! Printers and jobs as people see them.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::kit::{Kit, Printer, until};

const NONCE: &str = "0123456789abcdef";

struct Scene {
    kit: Kit,
    seller: String,
    buyer: String,
    printer: Printer,
    licence: String,
}

impl Scene {
    async fn new() -> Self {
        let kit = Kit::new().await;
        let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
        let printer = kit.printer(&buyer, true).await;
        let licence = kit.bought(&seller, &buyer, json!({"prints": 9})).await;
        Self { kit, seller, buyer, printer, licence }
    }

    async fn job(&self) -> String {
        self.kit.ready_job(&self.buyer, &self.licence, &self.printer).await
    }

    async fn shown(&self) -> Value {
        self.kit.get(&format!("/api/v1/printers/{}", self.printer.id), &self.buyer).await.json()
    }

    async fn ids(&self, person: &str, query: &str) -> Vec<String> {
        let answer = self.kit.get(&format!("/api/v1/jobs?{query}"), person).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let jobs = answer.json()["jobs"].as_array().unwrap().clone();
        jobs.iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn a_printer_says_what_it_is_at_and_whether_it_is_there() {
    let scene = Scene::new().await;
    let never = scene.shown().await;
    assert_eq!((&never["online"], &never["waiting"]), (&json!(false), &json!(0)));
    let (job, _other) = (scene.job().await, scene.job().await);
    scene.kit.poll(&scene.printer).await;
    scene.kit.claim(&scene.printer, &job, NONCE).await;
    scene.kit.report(&scene.printer, &job, 1, "r1", "printing").await;
    let prints = scene.shown().await;
    assert_eq!((&prints["online"], &prints["waiting"]), (&json!(true), &json!(1)));
    assert_eq!((&prints["job"]["id"], &prints["job"]["state"]), (&json!(job), &json!("printing")));
    scene.kit.pass_s(600);
    assert_eq!(scene.shown().await["online"], false, "it has not been heard of for ten minutes");
    let path = format!("/api/v1/printers/{}", scene.printer.id);
    assert_eq!(scene.kit.get(&path, &scene.seller).await.problem().0, 404, "it is nobody else's");
}

#[tokio::test]
async fn jobs_are_listed_by_how_they_stand_and_for_whom() {
    let scene = Scene::new().await;
    let kit = &scene.kit;
    let (waits, ends, lost) = (scene.job().await, scene.job().await, scene.job().await);
    for job in [&ends, &lost] {
        kit.claim(&scene.printer, job, NONCE).await;
        kit.report(&scene.printer, job, 1, &format!("r{job}"), "printing").await;
    }
    kit.report(&scene.printer, &ends, 1, "end", "success").await;
    kit.report(&scene.printer, &lost, 1, "lost", "interrupted").await;
    assert_eq!(scene.ids(&scene.buyer, "state=open").await, [waits.as_str()]);
    assert_eq!(scene.ids(&scene.buyer, "state=ended").await, [ends.as_str()]);
    assert_eq!(scene.ids(&scene.seller, "state=interrupted&role=publisher").await, [lost.as_str()]);
    assert_eq!(scene.ids(&scene.seller, "").await, [""; 0], "what others print is no print of theirs");
    assert_eq!(scene.ids(&scene.buyer, "role=publisher").await, [""; 0]);
    let listing = kit.get(&format!("/api/v1/jobs/{ends}"), &scene.buyer).await.string("listing");
    assert_eq!(scene.ids(&scene.buyer, &format!("listing={listing}&limit=2")).await.len(), 2);
    assert_eq!(scene.ids(&scene.buyer, "listing=l_none").await.len(), 0);
    assert_eq!(kit.get("/api/v1/jobs?state=lost", &scene.buyer).await.problem().0, 400);
}

#[tokio::test]
async fn a_job_says_what_is_left_who_may_do_what_and_what_happened() {
    let scene = Scene::new().await;
    let kit = &scene.kit;
    let job = scene.job().await;
    let path = format!("/api/v1/jobs/{job}");
    let waits = kit.get(&path, &scene.buyer).await.json();
    assert_eq!((&waits["may_cancel"], &waits["may_resolve"]), (&json!(true), &json!(false)));
    assert!(waits["expires_at"].is_string() && waits["started_at"].is_null());
    kit.execute("UPDATE jobs SET estimated_s = 1000, layers = 21").await;
    kit.claim(&scene.printer, &job, NONCE).await;
    let report = json!({
        "report_id": "r1", "lease": 1, "status": "printing", "progress_permille": 500, "layer": 10, "print_duration": 700,
    });
    kit.agent(&scene.printer, Method::POST, &format!("{path}/reports"), Some(report)).await.json();
    let prints = kit.get(&path, &scene.buyer).await.json();
    // Half by the slicer's estimate (500 s), half by the pace so far (700 s).
    assert_eq!((&prints["remaining_s"], &prints["layers"]), (&json!(600), &json!(21)));
    assert!(prints["started_at"].is_string());
    kit.pass_s(3600);
    until(async || kit.state_of(&scene.buyer, &job).await == "interrupted").await;
    let lost = kit.get(&path, &scene.seller).await.json();
    assert_eq!((&lost["role"], &lost["may_resolve"]), (&json!("publisher"), &json!(true)));
    assert_eq!(lost["reason"]["code"], "printer_silent");
    assert!(!lost["reason"]["hint"].as_str().unwrap().is_empty());
    kit.post(&format!("{path}/resolve"), &scene.seller, json!({"outcome": "failure"})).await.json();
    let over = kit.get(&path, &scene.buyer).await.json();
    assert!(over["ended_at"].is_string() && over["remaining_s"].is_null());
    assert!(over["revision"].as_u64().unwrap() > lost["revision"].as_u64().unwrap());
    let steps = kit.get(&format!("{path}/timeline"), &scene.buyer).await.json()["steps"].clone();
    let told: Vec<_> = steps.as_array().unwrap().iter().map(|step| (&step["what"], &step["by"])).collect();
    let told = serde_json::to_value(told).unwrap();
    let expected = json!([
        ["created", "buyer"],
        ["sealed", "store"],
        ["key_released", "printer"],
        ["printing", "printer"],
        ["interrupted", "store"],
        ["decided", "publisher"],
        ["failure", "publisher"],
    ]);
    assert_eq!(told, expected);
    let stranger = kit.person("str").await;
    assert_eq!(kit.get(&format!("{path}/timeline"), &stranger).await.problem().0, 404);
}
