//! Moonraker by its documented JSON-RPC: a supervised connection that subscribes, asks and comes back by itself.

mod observer;
mod session;
mod transport;
mod upload;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use sealpost_api::Problem;
use sealpost_gcode::Limits;
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};
use url::Url;

use crate::{core::Observation, handover::Process};

/// How long a restart of Moonraker or Klipper is waited for, and how often they are asked meanwhile.
const RESTART: Duration = Duration::from_secs(120);
const AGAIN: Duration = Duration::from_millis(500);

/// Where Moonraker is and how to get in.
#[derive(Clone, Debug)]
pub struct Address {
    /// HTTP address; uploads always go there.
    pub url: Url,
    /// Unix socket, preferred where given.
    pub socket: Option<PathBuf>,
    /// File with an API key.
    pub api_key_file: Option<PathBuf>,
}

/// A handle on the connection.
#[derive(Clone, Debug)]
pub struct Moonraker {
    requests: mpsc::Sender<Request>,
    address: Address,
    http: reqwest::Client,
}

/// Why a call failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// Moonraker or Klipper said no.
    #[error("{0}")]
    Refused(String),
    /// No connection, or it was lost; whether the call was carried out is not known.
    #[error("Moonraker is not reached")]
    Unreachable,
    /// No answer in time; whether the call was carried out is not known.
    #[error("Moonraker did not answer in time")]
    Timeout,
}

#[derive(Debug)]
enum Request {
    Call { method: &'static str, params: Value, answer: oneshot::Sender<Result<Value, CallError>> },
    Look { answer: oneshot::Sender<Result<Observation, CallError>> },
}

impl Moonraker {
    /// Starts the connection. Every change of the printer is given to `observe`.
    pub fn connect(
        address: Address,
        http: reqwest::Client,
        observe: impl Fn(Observation) + Send + Sync + 'static,
    ) -> Self {
        let (requests, inbox) = mpsc::channel(32);
        tokio::spawn(session::supervise(address.clone(), inbox, observe));
        Self { requests, address, http }
    }

    /// Calls a method. Times out after `limit`.
    pub async fn call(
        &self,
        method: &'static str,
        params: Value,
        limit: Duration,
    ) -> Result<Value, CallError> {
        self.ask(limit, |answer| Request::Call { method, params, answer }).await
    }

    /// Looks at the printer afresh.
    pub async fn look(&self) -> Result<Observation, CallError> {
        self.ask(Duration::from_secs(10), |answer| Request::Look { answer }).await
    }

    /// Starts a print.
    pub async fn start_print(&self, name: &str) -> Result<(), CallError> {
        self.call("printer.print.start", json!({"filename": name}), Duration::from_secs(60)).await.map(drop)
    }

    /// Cancels the print that runs.
    pub async fn cancel_print(&self) -> Result<(), CallError> {
        self.call("printer.print.cancel", Value::Null, Duration::from_secs(60)).await.map(drop)
    }

    /// Klipper's process; `None` where Klipper does not tell.
    pub async fn klipper_process(&self) -> Result<Option<Process>, Problem> {
        let info = self.call("printer.info", Value::Null, Duration::from_secs(10)).await;
        let info = info.map_err(|error| error.problem())?;
        let pid = info["process_id"].as_u64().and_then(|pid| u32::try_from(pid).ok());
        Ok(pid.map(Process::with))
    }

    /// Where Klipper's extra listens; `configured` where that was said.
    pub async fn handover_socket(&self, configured: Option<&Path>) -> Result<PathBuf, Problem> {
        if let Some(path) = configured {
            return Ok(path.to_owned());
        }
        let objects = json!({"objects": {"sealpost": ["socket"]}});
        let answer = self.call("printer.objects.query", objects, Duration::from_secs(10)).await;
        let answer = answer.map_err(|error| error.problem())?;
        answer["status"]["sealpost"]["socket"].as_str().map(PathBuf::from).ok_or_else(|| {
            Problem::new(503, "extra_missing", "Klipper runs without the Sealpost extra").hint(
                "Put the extra in place and `[sealpost]` into printer.cfg, then restart Klipper's service.",
            )
        })
    }

    /// What the printer allows, as its configuration says. Nothing is printed that cannot be checked.
    pub async fn limits(&self) -> Result<Limits, Problem> {
        let objects = json!({"objects": {
            "configfile": ["settings"], "toolhead": ["axis_minimum", "axis_maximum"], "gcode": ["commands"],
        }});
        let answer = self.call("printer.objects.query", objects, Duration::from_secs(10)).await;
        let answer = answer.map_err(|error| error.problem())?;
        Limits::of_printer(&answer["status"]).map_err(|error| {
            Problem::new(503, "limits_unread", "The printer's limits cannot be read")
                .detail(error.to_string())
                .hint("Nothing is printed that cannot be checked. Is Klipper ready, and its configuration complete?")
        })
    }

    /// Does what a printer is needed for, again while Moonraker or Klipper may only be restarting. For jobs whose key is out: that
    /// a service restarts costs nobody a print.
    pub async fn patiently<T, F: Future<Output = Result<T, Problem>>>(
        &self,
        ask: impl Fn() -> F,
    ) -> Result<T, Problem> {
        let begin = Instant::now();
        loop {
            match ask().await {
                Err(problem) if (502..=504).contains(&problem.status) && begin.elapsed() < RESTART => {
                    tracing::info!(code = problem.code, "the printer is asked again: {problem}");
                    sleep(AGAIN).await;
                }
                answer => return answer,
            }
        }
    }

    /// Makes Moonraker read a file's metadata now.
    pub async fn scan_metadata(&self, name: &str) -> Result<Value, CallError> {
        self.call("server.files.metascan", json!({"filename": name}), Duration::from_secs(15)).await
    }

    /// What Moonraker knows of a file; it refuses while it has not read it.
    pub async fn metadata(&self, name: &str) -> Result<Value, CallError> {
        self.call("server.files.metadata", json!({"filename": name}), Duration::from_secs(15)).await
    }

    /// Puts a small file into the `gcodes` folder.
    pub async fn upload(&self, folder: &str, name: &str, content: &str) -> Result<(), Problem> {
        upload::upload(&self.http, &self.address, folder, name, content).await
    }

    /// A file below `gcodes`, as it comes; `None` where there is none.
    pub async fn file(&self, name: &str) -> Result<Option<reqwest::Response>, Problem> {
        upload::file(&self.http, &self.address, name).await
    }

    /// Names and times of the files below `gcodes/<folder>`.
    pub async fn list(&self, folder: &str) -> Result<Vec<(String, f64)>, CallError> {
        let answer =
            self.call("server.files.list", json!({"root": "gcodes"}), Duration::from_secs(15)).await?;
        let files = answer.as_array().map(Vec::as_slice).unwrap_or_default();
        let below = files.iter().filter_map(|file| {
            let name = file["path"].as_str()?.strip_prefix(folder)?.strip_prefix('/')?;
            Some((name.to_owned(), file["modified"].as_f64().unwrap_or_default()))
        });
        Ok(below.collect())
    }

    /// Removes a file below `gcodes/`.
    pub async fn delete(&self, path: &str) -> Result<(), CallError> {
        let params = json!({"path": format!("gcodes/{path}")});
        self.call("server.files.delete_file", params, Duration::from_secs(15)).await.map(drop)
    }

    async fn ask<T>(
        &self,
        limit: Duration,
        request: impl FnOnce(oneshot::Sender<Result<T, CallError>>) -> Request,
    ) -> Result<T, CallError> {
        let (answer, wait) = oneshot::channel();
        let asking = async {
            self.requests.send(request(answer)).await.map_err(|_| CallError::Unreachable)?;
            wait.await.unwrap_or(Err(CallError::Unreachable))
        };
        timeout(limit, asking).await.unwrap_or(Err(CallError::Timeout))
    }
}

impl CallError {
    /// For people.
    pub fn problem(&self) -> Problem {
        let problem = match self {
            Self::Refused(_) => Problem::new(502, "moonraker_refused", "Moonraker refused"),
            Self::Unreachable => Problem::new(503, "moonraker_unreachable", "Moonraker is not reached"),
            Self::Timeout => Problem::new(504, "moonraker_timeout", "Moonraker did not answer in time"),
        };
        problem.detail(self.to_string()).hint("Is Moonraker running, and does it trust this machine?")
    }
}
