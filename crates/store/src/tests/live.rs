//! The event stream of people.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures::StreamExt;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::kit::{Kit, Printer, until};
use crate::live::Topic;

const NONCE: &str = "0123456789abcdef";

struct Stream {
    body: BodyDataStream,
    read: String,
}

#[derive(Debug, PartialEq)]
struct Event {
    name: String,
    data: Value,
}

impl Stream {
    /// A stream that said hello.
    async fn of(kit: &Kit, token: &str) -> Self {
        let request = Request::get("/api/v1/events")
            .header("authorization", format!("Bearer {token}"))
            .body(Body::empty())
            .unwrap();
        let response = kit.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut stream = Self { body: response.into_body().into_data_stream(), read: String::new() };
        assert_eq!(stream.next().await.unwrap().name, "hello", "whoever connects reads everything once");
        stream
    }

    /// The next event that is no heartbeat; `None` when the stream ended.
    async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((event, rest)) = self.read.split_once("\n\n") {
                let field = |name: &str| {
                    event
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(|value| value.trim().to_owned())
                };
                let name = field("event:").unwrap();
                let data = serde_json::from_str(&field("data:").unwrap()).unwrap();
                self.read = rest.to_owned();
                if name != "ping" {
                    return Some(Event { name, data });
                }
            }
            let piece = tokio::time::timeout(Duration::from_secs(60), self.body.next());
            let piece = piece.await.expect("the stream says something or ends")?.unwrap();
            self.read.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    /// The job when it is told of in this state; how often it was told of before.
    async fn until(&mut self, job: &str, state: &str) -> (Value, usize) {
        let mut before = 0;
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.name != "job" || event.data["id"] != job {
                continue;
            }
            if event.data["state"] == state {
                return (event.data, before);
            }
            before += 1;
        }
    }
}

async fn progress(kit: &Kit, printer: &Printer, job: &str, id: usize) {
    let body = json!({
        "report_id": format!("p{id}"), "lease": 1, "status": "printing", "progress_permille": id, "layer": id,
    });
    let path = format!("/api/v1/jobs/{job}/reports");
    let answer = kit.agent(printer, http::Method::POST, &path, Some(body)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}

#[tokio::test]
async fn buyer_and_publisher_are_told_of_a_job_as_each_sees_it_and_nobody_else_is() {
    let kit = Kit::new().await;
    let (seller, buyer, other) = (kit.person("sel").await, kit.person("buy").await, kit.person("oth").await);
    let printer = kit.printer(&buyer, true).await;
    let licence = kit.bought(&seller, &buyer, json!({})).await;
    let mut streams = [Stream::of(&kit, &buyer).await, Stream::of(&kit, &seller).await];
    let mut strangers = Stream::of(&kit, &other).await;
    let job = kit.ready_job(&buyer, &licence, &printer).await;
    kit.claim(&printer, &job, NONCE).await;
    kit.report(&printer, &job, 1, "r1", "printing").await;
    for (stream, (person, role)) in streams.iter_mut().zip([(&buyer, "buyer"), (&seller, "publisher")]) {
        let (told, _) = stream.until(&job, "printing").await;
        assert_eq!(told, kit.get(&format!("/api/v1/jobs/{job}"), person).await.json());
        assert_eq!(told["role"], role);
        assert_eq!(told["may_cancel"], role == "buyer");
    }
    // Even who is told of it by mistake reads nothing.
    let stranger = kit.get("/api/v1/me", &other).await.string("user_id");
    kit.store.state.live.tell(&stranger, Topic::Job { id: job });
    kit.store.state.live.tell(&stranger, Topic::Notice { kind: "test".to_owned(), about: None });
    assert_eq!(strangers.next().await.unwrap().name, "notice");
}

#[tokio::test]
async fn of_many_reports_the_newest_state_is_told_and_few_others() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let printer = kit.printer(&buyer, true).await;
    let licence = kit.bought(&seller, &buyer, json!({})).await;
    let job = kit.ready_job(&buyer, &licence, &printer).await;
    kit.claim(&printer, &job, NONCE).await;
    let mut stream = Stream::of(&kit, &buyer).await;
    let begin = std::time::Instant::now();
    for id in 1..=200 {
        progress(&kit, &printer, &job, id).await;
    }
    kit.report(&printer, &job, 1, "end", "success").await;
    let (told, before) = stream.until(&job, "success").await;
    assert_eq!((&told["progress_permille"], &told["layer"]), (&json!(1000), &json!(200)));
    // Two a second, and the first at once.
    let most = 1 + begin.elapsed().as_millis() as usize / 500;
    assert!(before <= most, "{before} of 200 reports were told of, and {most} would do");
}

#[tokio::test]
async fn a_session_that_ended_is_told_nothing_more() {
    let kit = Kit::with(|config| config.heartbeat_s = 1).await;
    let buyer = kit.person("buy").await;
    let id = kit.get("/api/v1/me", &buyer).await.string("user_id");
    let mut stream = Stream::of(&kit, &buyer).await;
    assert_eq!(kit.post("/auth/logout", &buyer, json!({})).await.status, StatusCode::NO_CONTENT);
    kit.store.state.live.tell(&id, Topic::Notice { kind: "secret".to_owned(), about: None });
    assert_eq!(stream.next().await, None);
    let mut silent = Stream::of(&kit, &kit.sign_in("buy").await).await;
    kit.execute("UPDATE accounts SET disabled_at = 1").await;
    assert_eq!(silent.next().await, None, "nothing has to be told for a stream to end");
}

#[tokio::test]
async fn a_stream_that_nobody_may_have_is_refused() {
    let kit = Kit::new().await;
    assert_eq!(kit.get("/api/v1/events", "").await.problem(), (401, "sign_in_required".to_owned()));
    let buyer = kit.person("buy").await;
    let mut streams = Vec::new();
    for _ in 0..32 {
        streams.push(Stream::of(&kit, &buyer).await);
    }
    let refused = kit.get("/api/v1/events", &buyer).await;
    assert_eq!(refused.problem(), (429, "too_many_streams".to_owned()));
    streams.pop();
    Stream::of(&kit, &buyer).await;
}

#[tokio::test]
async fn a_store_that_stops_ends_its_streams_and_the_next_one_says_hello() {
    let kit = Kit::new().await;
    let buyer = kit.person("buy").await;
    let mut stream = Stream::of(&kit, &buyer).await;
    kit.store.state.live.close();
    assert_eq!(stream.next().await, None);
    Stream::of(&kit.again().await, &buyer).await;
}

#[tokio::test]
async fn a_job_that_is_taken_back_is_told_of_whoever_does_it() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let printer = kit.printer(&buyer, true).await;
    let licence = kit.bought(&seller, &buyer, json!({"prints": 3})).await;
    let mut stream = Stream::of(&kit, &buyer).await;
    let job = kit.ready_job(&buyer, &licence, &printer).await;
    kit.call(http::Method::DELETE, &format!("/api/v1/printers/{}", printer.id), &buyer, None).await;
    let (told, _) = stream.until(&job, "cancelled").await;
    assert_eq!(told["reason"]["code"], "cancelled_by_store");
}

#[tokio::test]
async fn on_postgres_pages_at_another_process_are_told_too() {
    let kit = Kit::new().await;
    if kit.store.state.db.backend() != sea_orm::DbBackend::Postgres {
        return;
    }
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let printer = kit.printer(&buyer, true).await;
    let licence = kit.bought(&seller, &buyer, json!({})).await;
    let other = kit.again().await;
    let mut stream = Stream::of(&other, &buyer).await;
    let id = kit.get("/api/v1/me", &buyer).await.string("user_id");
    // Until the other process listens to this one.
    until(async || {
        kit.store.state.live.tell(&id, Topic::Notice { kind: "here".to_owned(), about: None });
        let event = tokio::time::timeout(Duration::from_millis(200), stream.next());
        event.await.is_ok_and(|event| event.unwrap().name == "notice")
    })
    .await;
    let job = kit.ready_job(&buyer, &licence, &printer).await;
    stream.until(&job, "ready_to_print").await;
    kit.claim(&printer, &job, NONCE).await;
    for id in 1..=5 {
        progress(&kit, &printer, &job, id).await;
    }
    kit.report(&printer, &job, 1, "end", "success").await;
    stream.until(&job, "success").await;
}
