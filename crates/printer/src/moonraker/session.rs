//! One connection after another: identify, find Klipper, subscribe, answer requests.

use std::{collections::HashMap, io, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, interval, sleep, timeout},
};

use super::{
    Address, CallError, Request,
    observer::{Observer, klipper, wanted},
    transport::Transport,
};
use crate::core::{Klipper, Observation};

/// How often Klipper's state is asked for while it is not ready; also the sign of life of the connection.
const ASK: Duration = Duration::from_secs(3);
/// Longest silence before the connection counts as dead.
const SILENCE: Duration = Duration::from_secs(20);

pub(super) async fn supervise(
    address: Address,
    mut inbox: mpsc::Receiver<Request>,
    observe: impl Fn(Observation),
) {
    let mut pause = Duration::from_millis(500);
    let mut told = false;
    loop {
        match timeout(Duration::from_secs(10), Transport::connect(&address)).await {
            Ok(Ok(transport)) => {
                tracing::info!("connected to Moonraker");
                told = false;
                let begin = Instant::now();
                let mut session = Session::new(transport, &observe);
                let ended = session.run(&address, &mut inbox).await;
                match ended {
                    Ok(()) => return,
                    Err(error) => tracing::info!(%error, "the connection to Moonraker ended"),
                }
                if begin.elapsed() > Duration::from_secs(30) {
                    pause = Duration::from_millis(500);
                }
            }
            Ok(Err(error)) if !told => {
                told = true;
                tracing::warn!(%error, "Moonraker is not reached");
            }
            Ok(Err(_)) | Err(_) => {}
        }
        observe(Observation::default());
        if refuse_for(&mut inbox, pause).await {
            return;
        }
        pause = (pause * 2).min(Duration::from_secs(15));
    }
}

/// Answers requests while there is no connection. True when nobody is left to ask.
async fn refuse_for(inbox: &mut mpsc::Receiver<Request>, pause: Duration) -> bool {
    let mut end = std::pin::pin!(sleep(pause));
    loop {
        tokio::select! {
            () = &mut end => return false,
            request = inbox.recv() => match request {
                Some(Request::Call { answer, .. }) => drop(answer.send(Err(CallError::Unreachable))),
                Some(Request::Look { answer }) => drop(answer.send(Err(CallError::Unreachable))),
                None => return true,
            },
        }
    }
}

struct Session<'a, F> {
    transport: Transport,
    observer: Observer,
    observe: &'a F,
    waiting: HashMap<u64, Waiting>,
    last_id: u64,
    subscribed: bool,
    asked: bool,
}

enum Waiting {
    Call(oneshot::Sender<Result<Value, CallError>>),
    Look(oneshot::Sender<Result<Observation, CallError>>),
    Identify,
    Info,
    Subscribe,
}

#[derive(Deserialize)]
struct Frame {
    id: Option<u64>,
    method: Option<String>,
    #[serde(default)]
    params: Value,
    result: Option<Value>,
    error: Option<RpcError>,
}

#[derive(Deserialize)]
struct RpcError {
    #[serde(default)]
    message: String,
}

impl<'a, F: Fn(Observation)> Session<'a, F> {
    fn new(transport: Transport, observe: &'a F) -> Self {
        Self {
            transport,
            observer: Observer::default(),
            observe,
            waiting: HashMap::new(),
            last_id: 0,
            subscribed: false,
            asked: false,
        }
    }

    /// Ends with an error when the connection is lost, without one when nobody is left to ask.
    async fn run(&mut self, address: &Address, inbox: &mut mpsc::Receiver<Request>) -> io::Result<()> {
        self.identify(address).await?;
        let mut ask = interval(ASK);
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                frame = self.transport.receive() => {
                    heard = Instant::now();
                    match frame? {
                        Some(frame) => self.take(&frame).await?,
                        None => return Err(io::ErrorKind::UnexpectedEof.into()),
                    }
                }
                request = inbox.recv() => match request {
                    Some(request) => self.ask(request).await?,
                    None => return Ok(()),
                },
                _ = ask.tick() => {
                    if heard.elapsed() > SILENCE {
                        return Err(io::Error::other("Moonraker fell silent"));
                    }
                    self.waiting.retain(|_, waiting| !waiting.given_up());
                    if !self.asked && (!self.subscribed || heard.elapsed() > ASK) {
                        self.asked = true;
                        self.send("server.info", Value::Null, Waiting::Info).await?;
                    }
                }
            }
        }
    }

    async fn identify(&mut self, address: &Address) -> io::Result<()> {
        let mut params = json!({
            "client_name": "sealpost-printer",
            "version": env!("CARGO_PKG_VERSION"),
            "type": "other",
            "url": env!("CARGO_PKG_REPOSITORY"),
        });
        if let Some(path) = &address.api_key_file {
            params["api_key"] = std::fs::read_to_string(path)?.trim().into();
        }
        self.send("server.connection.identify", params, Waiting::Identify).await
    }

    async fn ask(&mut self, request: Request) -> io::Result<()> {
        match request {
            Request::Call { method, params, answer } => {
                self.send(method, params, Waiting::Call(answer)).await
            }
            Request::Look { answer } => {
                self.send("printer.objects.query", wanted(), Waiting::Look(answer)).await
            }
        }
    }

    async fn send(&mut self, method: &str, params: Value, waiting: Waiting) -> io::Result<()> {
        self.last_id += 1;
        self.waiting.insert(self.last_id, waiting);
        let mut request = json!({"jsonrpc": "2.0", "method": method, "id": self.last_id});
        if !params.is_null() {
            request["params"] = params;
        }
        match timeout(SILENCE, self.transport.send(request.to_string())).await {
            Ok(sent) => sent,
            Err(_) => Err(io::Error::other("Moonraker does not read")),
        }
    }

    async fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        let frame: Frame = serde_json::from_slice(bytes).map_err(io::Error::other)?;
        if let Some(method) = &frame.method {
            return self.notified(method, &frame.params).await;
        }
        let Some(waiting) = frame.id.and_then(|id| self.waiting.remove(&id)) else { return Ok(()) };
        let result = match frame.error {
            Some(error) => Err(CallError::Refused(error.message)),
            None => Ok(frame.result.unwrap_or_default()),
        };
        match waiting {
            Waiting::Call(answer) => drop(answer.send(result)),
            Waiting::Look(answer) => {
                let result = result.map(|value| {
                    self.observer.replace(&value["status"]);
                    self.observer.observation()
                });
                drop(answer.send(result));
            }
            Waiting::Identify => {
                if let Err(error) = result {
                    return Err(io::Error::other(error));
                }
            }
            Waiting::Info => {
                self.asked = false;
                if let Ok(info) = result {
                    self.informed(&info).await?;
                }
            }
            Waiting::Subscribe => match result {
                Ok(value) => {
                    self.subscribed = true;
                    self.observer.replace(&value["status"]);
                    self.tell();
                }
                // Klipper is not there yet; the next question finds out.
                Err(_) => self.subscribed = false,
            },
        }
        Ok(())
    }

    async fn informed(&mut self, info: &Value) -> io::Result<()> {
        let state = klipper(info["klippy_state"].as_str().unwrap_or_default());
        let usable = matches!(state, Klipper::Ready | Klipper::Shutdown);
        if usable && !self.subscribed {
            return self.subscribe().await;
        }
        if !usable {
            self.subscribed = false;
            self.observer.lose(state);
            self.tell();
        }
        Ok(())
    }

    async fn notified(&mut self, method: &str, params: &Value) -> io::Result<()> {
        match method {
            "notify_status_update" => {
                self.observer.merge(&params[0]);
                self.tell();
            }
            "notify_klippy_ready" => return self.subscribe().await,
            "notify_klippy_shutdown" => {
                self.observer.lose(Klipper::Shutdown);
                self.tell();
            }
            "notify_klippy_disconnected" => {
                self.subscribed = false;
                self.observer.lose(Klipper::Disconnected);
                self.tell();
            }
            _ => {}
        }
        Ok(())
    }

    async fn subscribe(&mut self) -> io::Result<()> {
        self.send("printer.objects.subscribe", wanted(), Waiting::Subscribe).await
    }

    fn tell(&self) {
        (self.observe)(self.observer.observation());
    }
}

impl Waiting {
    fn given_up(&self) -> bool {
        match self {
            Self::Call(answer) => answer.is_closed(),
            Self::Look(answer) => answer.is_closed(),
            Self::Identify | Self::Info | Self::Subscribe => false,
        }
    }
}
