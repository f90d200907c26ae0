//! The commands' side of the agent's socket.

use std::{io, path::Path, time::Duration};

use sealpost_api::Problem;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
    time::timeout,
};

/// A connection to a running agent.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
    last_id: u64,
}

impl Client {
    /// Connects; `None` where no agent listens.
    pub async fn connect(path: &Path) -> io::Result<Option<Self>> {
        match UnixStream::connect(path).await {
            Ok(stream) => Ok(Some(Self { stream: BufReader::new(stream), last_id: 0 })),
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Calls a method.
    pub async fn call(&mut self, method: &str, params: Value) -> Result<Value, Problem> {
        self.last_id += 1;
        let line = format!("{}\n", json!({"id": self.last_id, "method": method, "params": params}));
        let exchange = async {
            self.stream.write_all(line.as_bytes()).await?;
            let mut answer = String::new();
            self.stream.read_line(&mut answer).await?;
            serde_json::from_str::<Value>(&answer).map_err(io::Error::other)
        };
        let lost = |detail: String| {
            Problem::new(502, "agent_lost", "The agent did not answer")
                .detail(detail)
                .hint("Look into its log: `journalctl -u sealpost-printer`.")
        };
        let answer = match timeout(Duration::from_secs(180), exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(lost(error.to_string())),
            Err(_) => return Err(lost("no answer in time".to_owned())),
        };
        match answer.get("result") {
            Some(result) => Ok(result.clone()),
            None => {
                Err(serde_json::from_value(answer["error"].clone()).unwrap_or_else(|_| lost(String::new())))
            }
        }
    }
}
