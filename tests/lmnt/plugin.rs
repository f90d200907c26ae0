//! The client in Python.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use sealpost_tests::programs::{python, root};
use serde_json::{Map, Value, json};

/// A running client. It ends with the end of its input.
pub(crate) struct Plugin {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Plugin {
    /// Starts one that keeps its token in `folder`.
    pub(crate) fn start(store: &str, folder: &Path) -> Result<Self> {
        let mut command = Command::new(python()?);
        command.arg(root().join("tests/lmnt/plugin/client.py")).arg(store).arg(folder);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let requests = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().context("the client has no output")?);
        Ok(Self { child, requests, answers })
    }

    /// What an operation gives; an error says where the plugin could not go on.
    pub(crate) fn ask(&mut self, operation: &str, fields: Value) -> Result<Value> {
        let mut request = Map::from_iter([("op".to_owned(), operation.into())]);
        let Value::Object(fields) = fields else { bail!("the fields of a request are an object") };
        request.extend(fields);
        let line = format!("{}\n", Value::Object(request));
        // A proxy of the test may run on this very thread.
        tokio::task::block_in_place(|| {
            self.requests.as_mut().context("the client is gone")?.write_all(line.as_bytes())?;
            let mut answer = String::new();
            self.answers.read_line(&mut answer)?;
            ensure!(!answer.is_empty(), "the client ended over {operation}");
            let mut answer: Value = serde_json::from_str(&answer)?;
            match answer["ok"].take() {
                Value::Null => bail!("{operation}: {}", answer["error"].as_str().unwrap_or_default()),
                ok => Ok(ok),
            }
        })
    }

    /// Everything said over the wire since this was asked last.
    pub(crate) fn exchanges(&mut self) -> Result<Vec<Value>> {
        let mut told = self.ask("exchanges", json!({}))?;
        let Value::Array(exchanges) = told["exchanges"].take() else { bail!("no exchanges") };
        Ok(exchanges)
    }

    /// The one job of a poll.
    pub(crate) fn poll(&mut self) -> Result<Option<String>> {
        let polled = self.ask("poll", json!({}))?;
        let jobs = polled["jobs"].as_array().with_context(|| format!("a poll gave {polled}"))?;
        ensure!(jobs.len() < 2, "a poll claims at most one job: {polled}");
        Ok(jobs.first().and_then(Value::as_str).map(str::to_owned))
    }

    /// Sends a report that must be taken.
    pub(crate) fn report(&mut self, job: &str, state: &str) -> Result<()> {
        let fields = json!({"job": job, "state": state, "message": format!("Print {state}")});
        let answer = self.ask("report", fields)?;
        ensure!(answer["status"] == 200, "{state}: {answer}");
        Ok(())
    }

    /// The G-code of a job.
    pub(crate) fn fetch(&mut self, operation: &str, fields: Value) -> Result<Vec<u8>> {
        let answer = self.ask(operation, fields)?;
        Ok(hex::decode(answer["plain"].as_str().context("no file")?)?)
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        drop(self.requests.take());
        // It is gone either way.
        let _ = self.child.wait();
    }
}
