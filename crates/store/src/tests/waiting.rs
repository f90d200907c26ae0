//! Printers that wait are told at once.

use axum::body::Body;
use futures::StreamExt;
use http::{Method, Request};
use serde_json::json;
use tower::ServiceExt;

use super::kit::{Kit, Printer};

async fn next_event(
    body: &mut (impl futures::Stream<Item = Result<bytes::Bytes, axum::Error>> + Unpin),
) -> String {
    let piece = body.next().await.unwrap().unwrap();
    String::from_utf8(piece.to_vec()).unwrap().lines().next().unwrap().to_owned()
}

async fn listen(kit: &Kit, printer: &Printer) -> axum::body::BodyDataStream {
    let request = Request::get("/api/printer-agent/events")
        .header("authorization", format!("Bearer {}", printer.token))
        .header("sealpost-agent", "1")
        .body(Body::empty())
        .unwrap();
    let response = kit.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    response.into_body().into_data_stream()
}

#[tokio::test]
async fn the_event_stream_tells_of_jobs_and_of_cancelled_ones() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let printer = kit.printer(&buyer, true).await;
    let licence = kit.bought(&seller, &buyer, json!({})).await;
    let mut events = listen(&kit, &printer).await;
    assert_eq!(next_event(&mut events).await, "event: jobs", "whoever connects asks once");
    assert_eq!(next_event(&mut events).await, "event: ping");
    let job = kit.ready_job(&buyer, &licence, &printer).await;
    assert_eq!(next_event(&mut events).await, "event: jobs");
    kit.claim(&printer, &job, "0123456789abcdef").await;
    kit.post(&format!("/api/v1/jobs/{job}/cancel"), &buyer, json!({})).await;
    assert_eq!(next_event(&mut events).await, "event: cancel");
}

#[tokio::test]
async fn a_long_poll_ends_when_a_job_is_ready() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    for sealpost in [true, false] {
        let printer = kit.printer(&buyer, sealpost).await;
        let licence = kit.bought(&seller, &buyer, json!({})).await;
        let path = "/api/printer-agent/poll-print-queue?wait=60";
        let (poll, job) = tokio::join!(
            kit.agent(&printer, Method::GET, path, None),
            kit.ready_job(&buyer, &licence, &printer)
        );
        assert_eq!(poll.json()["jobs"][0]["print_job_id"], job.as_str());
    }
}

#[tokio::test]
async fn a_store_that_stops_lets_waiting_printers_go() {
    let kit = Kit::new().await;
    let buyer = kit.person("buy").await;
    let printer = kit.printer(&buyer, true).await;
    let mut events = listen(&kit, &printer).await;
    next_event(&mut events).await;
    next_event(&mut events).await;
    kit.store.state.hub.close();
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn on_postgres_printers_that_wait_at_another_process_are_told_too() {
    let kit = Kit::new().await;
    if kit.store.state.db.backend() != sea_orm::DbBackend::Postgres {
        return;
    }
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let printer = kit.printer(&buyer, true).await;
    let licence = kit.bought(&seller, &buyer, json!({})).await;
    let path = "/api/printer-agent/poll-print-queue?wait=60";
    let other = kit.again().await;
    let (poll, job) = tokio::join!(
        other.agent(&printer, Method::GET, path, None),
        kit.ready_job(&buyer, &licence, &printer)
    );
    assert_eq!(poll.json()["jobs"][0]["print_job_id"], job.as_str());
}
