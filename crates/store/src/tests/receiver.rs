//! A program of somebody's that takes messages, over real sockets.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;
use tokio::sync::{Semaphore, watch};

use super::kit::until;
use crate::Config;

/// A message as it came.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

#[derive(Clone)]
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    heard: Mutex<Vec<Message>>,
    /// What is answered next; 200 when nothing is left.
    answers: Mutex<VecDeque<(StatusCode, Option<String>)>>,
    /// Nobody is answered while there is none.
    may_answer: Semaphore,
    _stop: watch::Sender<()>,
}

impl Message {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, mut stopped) = watch::channel(());
        let shared = Arc::new(Shared {
            heard: Mutex::default(),
            answers: Mutex::default(),
            may_answer: Semaphore::new(1_000_000),
            _stop: stop,
        });
        let weak = Arc::downgrade(&shared);
        let router = Router::new().fallback(hear).with_state(weak);
        tokio::spawn(async move {
            let serving = axum::serve(listener, router);
            tokio::select! { _ = serving => {}, _ = stopped.changed() => {} }
        });
        Self { address, shared }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// What is answered to the next ones.
    pub(super) fn answer(&self, status: u16, location: Option<String>) {
        let status = StatusCode::from_u16(status).unwrap();
        self.shared.answers.lock().unwrap().push_back((status, location));
    }

    /// From now on it hears and says nothing.
    pub(super) fn fall_silent(&self) {
        let all = self.shared.may_answer.available_permits();
        self.shared.may_answer.forget_permits(all);
    }

    pub(super) fn speak(&self) {
        self.shared.may_answer.add_permits(1_000_000);
    }

    pub(super) fn heard(&self) -> Vec<Message> {
        self.shared.heard.lock().unwrap().clone()
    }

    /// So many messages, once they are there.
    pub(super) async fn wait(&self, count: usize) -> Vec<Message> {
        until(async || {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            self.heard().len() >= count
        })
        .await;
        self.heard()
    }
}

/// Lets webhooks go to programs of this machine.
pub(super) fn near(config: &mut Config) {
    config.webhook_networks = vec!["127.0.0.0/8".to_owned()];
    config.webhook_http = true;
}

async fn hear(State(shared): State<std::sync::Weak<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(shared) = shared.upgrade() else { return StatusCode::GONE.into_response() };
    let answer = shared.answers.lock().unwrap().pop_front();
    shared.heard.lock().unwrap().push(Message { headers, body });
    shared.may_answer.acquire().await.unwrap().forget();
    match answer {
        Some((status, Some(location))) => (status, [(header::LOCATION, location)]).into_response(),
        Some((status, None)) => (status, "no").into_response(),
        None => "thanks".into_response(),
    }
}
