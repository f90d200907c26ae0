//! The agent's own socket (docs/printer-sockets.md): newline-delimited JSON, answers in any order.

mod client;

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use sealpost_api::Problem;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::{mpsc, oneshot},
    task::AbortHandle,
};

use crate::problem::{bad_request, file as file_problem};

pub use self::client::Client;

const LINE_LIMIT: u64 = 64 << 10;
const LARGE_LINE_LIMIT: u64 = 64 << 20;
/// The one method whose requests hold a whole file.
const LARGE_METHOD: &[u8] = b"start_print";

/// One request and where its answer goes.
#[derive(Debug)]
pub struct Request {
    /// Which method.
    pub method: String,
    /// Its parameters; `null` where there are none.
    pub params: Value,
    /// The answer.
    pub answer: oneshot::Sender<Result<Value, Problem>>,
}

/// A socket that is served until this is dropped.
#[derive(Debug)]
pub struct Served {
    path: PathBuf,
    task: AbortHandle,
}

/// Listens at `path`; a socket file that nobody listens at is replaced.
pub fn serve(path: &Path, take: impl Fn(Request) + Send + Sync + 'static) -> Result<Served, Problem> {
    let listener = bind(path).map_err(|error| file_problem(path, &error))?;
    let take = Arc::new(take);
    let task = tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(tokio::spawn(talk(stream, take.clone()))),
                Err(error) => {
                    tracing::warn!(%error, "a connection to the agent's socket failed");
                    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
                }
            }
        }
    });
    Ok(Served { path: path.to_owned(), task: task.abort_handle() })
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
        let _ = fs::remove_file(&self.path);
    }
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    if path.exists() {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

async fn talk(stream: UnixStream, take: Arc<impl Fn(Request) + Send + Sync + 'static>) {
    let (reader, mut writer) = stream.into_split();
    let (answers, mut outgoing) = mpsc::channel::<String>(16);
    let writing = tokio::spawn(async move {
        while let Some(line) = outgoing.recv().await {
            if writer.write_all(line.as_bytes()).await.is_err() {
                return;
            }
        }
    });
    let mut reader = BufReader::new(reader);
    while let Ok(Some(line)) = read_line(&mut reader).await {
        let (answer, wait) = oneshot::channel();
        let (id, understood) = parse(&line);
        drop(line);
        match understood {
            Ok((method, params)) => take(Request { method, params, answer }),
            Err(problem) => drop(answer.send(Err(problem))),
        }
        let answers = answers.clone();
        tokio::spawn(async move {
            let gone = Problem::new(503, "agent_stopping", "The agent is stopping")
                .hint("Try again when it runs again.");
            let result = wait.await.unwrap_or(Err(gone));
            let _ = answers.send(render(&id, result)).await;
        });
    }
    drop(answers);
    let _ = writing.await;
}

/// A whole line, or `None` at the end or when it is too long.
async fn read_line(reader: &mut (impl AsyncBufReadExt + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    (&mut *reader).take(LINE_LIMIT).read_until(b'\n', &mut line).await?;
    if line.len() as u64 == LINE_LIMIT && !line.ends_with(b"\n") {
        if !line.windows(LARGE_METHOD.len()).any(|window| window == LARGE_METHOD) {
            return Ok(None);
        }
        (&mut *reader).take(LARGE_LINE_LIMIT - LINE_LIMIT).read_until(b'\n', &mut line).await?;
    }
    Ok(line.ends_with(b"\n").then_some(line))
}

/// The id to answer with, and the method with its parameters where they can be understood.
fn parse(line: &[u8]) -> (Value, Result<(String, Value), Problem>) {
    #[derive(Deserialize)]
    struct Raw {
        #[serde(default)]
        id: Value,
        method: Option<String>,
        #[serde(default)]
        params: Value,
    }
    let Ok(raw) = serde_json::from_slice::<Raw>(line) else {
        return (Value::Null, Err(bad_request("The line is not a JSON object with `id` and `method`.")));
    };
    if !raw.id.is_i64() && !raw.id.is_u64() {
        return (Value::Null, Err(bad_request("`id` is an integer.")));
    }
    let understood = match (raw.method, raw.params) {
        (Some(method), params @ (Value::Null | Value::Object(_))) => Ok((method, params)),
        (Some(_), _) => Err(bad_request("`params` is an object.")),
        (None, _) => Err(bad_request("`method` is missing.")),
    };
    (raw.id, understood)
}

fn render(id: &Value, result: Result<Value, Problem>) -> String {
    let answer = match result {
        Ok(result) => json!({"id": id, "result": result}),
        Err(problem) => json!({"id": id, "error": {
            "code": problem.code, "title": problem.title, "detail": problem.detail,
            "hint": problem.hint, "status": problem.status,
        }}),
    };
    let mut line = answer.to_string();
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nonsense_gets_an_error_and_the_connection_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.sock");
        let _served = serve(&path, |request| {
            let _ = request.answer.send(Ok(json!({"asked": request.method})));
        })
        .unwrap();
        let mut stream = BufReader::new(UnixStream::connect(&path).await.unwrap());
        stream
            .write_all(b"nonsense\n[]\n{\"id\":\"x\",\"method\":\"a\"}\n{\"id\":4,\"method\":\"status\",\"params\":7}\n{\"id\":5,\"method\":\"status\"}\n")
            .await
            .unwrap();

        let mut answers = Vec::new();
        for _ in 0..5 {
            let mut line = String::new();
            stream.read_line(&mut line).await.unwrap();
            answers.push(serde_json::from_str::<Value>(&line).unwrap());
        }

        assert_eq!(answers.iter().filter(|answer| answer["error"]["code"] == "bad_request").count(), 4);
        let good = answers.iter().find(|answer| answer["id"] == 5).unwrap();
        assert_eq!(good["result"]["asked"], "status");
    }

    #[tokio::test]
    async fn a_line_over_the_limit_ends_the_connection() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.sock");
        let _served = serve(&path, |_| {}).unwrap();
        let mut stream = UnixStream::connect(&path).await.unwrap();
        let _ = stream.write_all(&vec![b' '; LINE_LIMIT as usize + 10]).await;
        let mut rest = Vec::new();
        // Unread bytes at the other end make this a reset.
        let _ = stream.read_to_end(&mut rest).await;
        assert!(rest.is_empty());
    }
}
