//! Short questions to the Klipper and the Moonraker of this machine while they run.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::system::ApiKey;

const DEADLINE: Duration = Duration::from_secs(5);
/// What ends a message of Klipper's and Moonraker's sockets.
const END: u8 = 0x03;
const ANSWER_LIMIT: usize = 1 << 20;

/// What Klipper is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// It does not run.
    Down,
    /// Nothing is printed.
    Idle,
    /// A print is under way or paused.
    Printing,
    /// It runs and does not say.
    Unknown,
}

/// Whether Moonraker turns this machine away without a key; `None` where it does not answer.
pub(super) fn wants_key(port: u16) -> Option<bool> {
    let mut stream = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), DEADLINE).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    stream.write_all(b"GET /server/info HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").ok()?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).ok()?;
    Some(&head[9..] == b"401")
}

/// Moonraker's API key, by its own socket, which asks nobody for a sign-in and is open to its user and to root.
pub(super) fn api_key(socket: &Path) -> Option<ApiKey> {
    let answer = ask(socket, &json!({"jsonrpc": "2.0", "method": "access.get_api_key", "id": 1}))?;
    let key = answer["result"].as_str()?;
    let good = !key.is_empty() && key.len() <= 128 && key.chars().all(|c| c.is_ascii_alphanumeric());
    good.then(|| ApiKey(Zeroizing::new(key.to_owned())))
}

/// Whether a restart of Klipper would end a print, by Klipper's own socket.
pub fn activity(socket: &Path) -> Activity {
    use std::io::ErrorKind::{ConnectionRefused, NotFound};
    match UnixStream::connect(socket) {
        Err(error) if matches!(error.kind(), NotFound | ConnectionRefused) => return Activity::Down,
        Err(_) => return Activity::Unknown,
        Ok(_) => {}
    }
    let question =
        json!({"id": 1, "method": "objects/query", "params": {"objects": {"print_stats": ["state"]}}});
    let Some(answer) = ask(socket, &question) else { return Activity::Unknown };
    match answer["result"]["status"]["print_stats"]["state"].as_str() {
        Some("printing" | "paused") => Activity::Printing,
        Some(_) => Activity::Idle,
        // It answers, but its printer is not there: an error in its configuration, or it is starting.
        None if answer.get("error").is_some() || answer.get("result").is_some() => Activity::Idle,
        None => Activity::Unknown,
    }
}

fn ask(socket: &Path, question: &Value) -> Option<Value> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    stream.set_write_timeout(Some(DEADLINE)).ok()?;
    let mut line = question.to_string().into_bytes();
    line.push(END);
    stream.write_all(&line).ok()?;
    let mut answer = Zeroizing::new(Vec::new());
    let mut piece = Zeroizing::new([0; 4096]);
    while answer.len() < ANSWER_LIMIT {
        let read = stream.read(piece.as_mut_slice()).ok()?;
        if read == 0 {
            return None;
        }
        answer.extend_from_slice(&piece[..read]);
        // Messages nobody asked for may come first.
        while let Some(end) = answer.iter().position(|byte| *byte == END) {
            let message: Value = serde_json::from_slice(&answer[..end]).ok()?;
            if message["id"] == 1 {
                return Some(message);
            }
            answer.drain(..=end);
        }
    }
    None
}
