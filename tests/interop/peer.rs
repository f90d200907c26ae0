//! Another implementation, as a program that answers requests.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Map, Value};

/// A running peer. It ends with the end of its input.
pub(crate) struct Peer {
    family: &'static str,
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// A family of `peers/node`.
    pub(crate) fn node(family: &'static str) -> Self {
        let program = folder().join("node.mjs");
        assert!(
            folder().with_file_name("node_modules").exists(),
            "the JavaScript peers are not installed: run `cargo xtask test interop`"
        );
        Self::start(family, Command::new("node").arg(program))
    }

    /// A family of `peers/python`.
    pub(crate) fn python(family: &'static str) -> Self {
        let python = sealpost_tests::programs::python().unwrap();
        Self::start(family, Command::new(python).arg(folder().join("python.py")))
    }

    /// What the peer answers; fails when it refuses.
    pub(crate) fn ask(&mut self, operation: &str, fields: Value) -> Value {
        let family = self.family;
        self.try_ask(operation, fields)
            .unwrap_or_else(|refusal| panic!("{family}.{operation} refused: {refusal}"))
    }

    /// What the peer answers, or why it refuses.
    pub(crate) fn try_ask(&mut self, operation: &str, fields: Value) -> Result<Value, String> {
        let mut request = Map::from_iter([("op".into(), format!("{}.{operation}", self.family).into())]);
        let Value::Object(fields) = fields else { panic!("the fields of a request are an object") };
        request.extend(fields);
        let mut line = Value::Object(request).to_string();
        line.push('\n');
        self.requests.as_mut().unwrap().write_all(line.as_bytes()).unwrap();

        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert!(!answer.is_empty(), "the peer {} ended over {operation}", self.family);
        let mut answer: Value = serde_json::from_str(&answer).unwrap();
        match (answer["ok"].take(), answer["error"].take()) {
            (ok @ Value::Object(_), Value::Null) => Ok(ok),
            (Value::Null, Value::String(error)) => Err(error),
            (ok, error) => panic!("neither an answer nor a refusal: {ok} {error}"),
        }
    }

    /// The bytes in one field of the answer.
    pub(crate) fn ask_bytes(&mut self, operation: &str, field: &str, fields: Value) -> Vec<u8> {
        bytes(&self.ask(operation, fields), field)
    }

    fn start(family: &'static str, command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("the peer {family} does not start ({command:?}): {error}"));
        let requests = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { family, child, requests, answers }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.requests.take());
        // It is gone either way.
        let _ = self.child.wait();
    }
}

/// The bytes in a field of an answer.
pub(crate) fn bytes(answer: &Value, field: &str) -> Vec<u8> {
    hex::decode(text(answer, field)).unwrap()
}

/// The text in a field of an answer.
pub(crate) fn text<'a>(answer: &'a Value, field: &str) -> &'a str {
    answer[field].as_str().unwrap_or_else(|| panic!("no text {field} in {answer}"))
}

fn folder() -> std::path::PathBuf {
    sealpost_tests::programs::root().join("tests/interop/peers")
}
