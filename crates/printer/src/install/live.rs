//! Short questions to the Klipper and the Moonraker of this machine while they run.

use std::{
    fs,
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
    /// Nothing is done.
    Idle,
    /// A print is under way or paused.
    Printing,
    /// Something else is: what another program sends, a mesh, a heater that is on.
    Busy,
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

/// Whether a restart of Klipper would end something, by Klipper's own socket.
pub fn activity(socket: &Path) -> Activity {
    let Some(heaters) = ask(socket, &query(json!({"heaters": ["available_heaters"]}))) else {
        // The socket may be elsewhere than it was looked for.
        return if klipper_runs(Path::new("/proc")) { Activity::Unknown } else { Activity::Down };
    };
    let mut objects = json!({
        "print_stats": ["state"], "virtual_sdcard": ["is_active"], "idle_timeout": ["state"], "sealpost": ["state"],
    });
    for name in heaters["result"]["status"]["heaters"]["available_heaters"].as_array().into_iter().flatten() {
        if let Some(name) = name.as_str() {
            objects[name] = json!(["target"]);
        }
    }
    ask(socket, &query(objects)).map_or(Activity::Unknown, |answer| judge(&answer))
}

/// Whether a purchased file is at hand: held by Klipper, or on its way there through the agent.
pub(super) fn has_job(klipper: &Path, agent: &Path) -> bool {
    let held = ask(klipper, &query(json!({"sealpost": ["state"]})));
    let held =
        held.and_then(|answer| Some(answer["result"]["status"]["sealpost"]["state"].as_str()? != "idle"));
    let question = json!({"id": 1, "method": "status", "params": {}});
    let job =
        exchange(agent, &question, b'\n').map(|answer| !answer["result"]["jobs"]["current_job"].is_null());
    held == Some(true) || job == Some(true)
}

fn query(objects: Value) -> Value {
    json!({"id": 1, "method": "objects/query", "params": {"objects": objects}})
}

fn judge(answer: &Value) -> Activity {
    let Some(status) = answer["result"]["status"].as_object() else {
        // It answers, but its printer is not there: an error in its configuration, or it is starting.
        return if answer.get("error").is_some() { Activity::Idle } else { Activity::Unknown };
    };
    let state =
        |object: &str| status.get(object).and_then(|object| object["state"].as_str()).unwrap_or_default();
    let is_active = status.get("virtual_sdcard").is_some_and(|card| card["is_active"] == true);
    if matches!(state("print_stats"), "printing" | "paused")
        || is_active
        || !matches!(state("sealpost"), "" | "idle")
    {
        return Activity::Printing;
    }
    let heats = status.values().any(|object| object["target"].as_f64().is_some_and(|target| target > 0.0));
    if heats || state("idle_timeout") == "Printing" { Activity::Busy } else { Activity::Idle }
}

/// Whether any process is Klipper's, whoever started it.
fn klipper_runs(proc: &Path) -> bool {
    let is_klippy = |word: &[u8]| word.ends_with(b"/klippy.py") || word == b"klippy.py";
    let processes = fs::read_dir(proc).into_iter().flatten().flatten();
    let mut lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.any(|line| line.split(|byte| *byte == 0).any(is_klippy))
}

fn ask(socket: &Path, question: &Value) -> Option<Value> {
    exchange(socket, question, END)
}

fn exchange(socket: &Path, question: &Value, end: u8) -> Option<Value> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    stream.set_write_timeout(Some(DEADLINE)).ok()?;
    let mut line = question.to_string().into_bytes();
    line.push(end);
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
        while let Some(end) = answer.iter().position(|byte| *byte == end) {
            let message: Value = serde_json::from_slice(&answer[..end]).ok()?;
            if message["id"] == 1 {
                return Some(message);
            }
            answer.drain(..=end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_restart_would_end_is_seen() {
        for (status, activity) in [
            (json!({"print_stats": {"state": "printing"}}), Activity::Printing),
            (json!({"print_stats": {"state": "paused"}}), Activity::Printing),
            (
                json!({"print_stats": {"state": "standby"}, "virtual_sdcard": {"is_active": true}}),
                Activity::Printing,
            ),
            (
                json!({"print_stats": {"state": "standby"}, "sealpost": {"state": "loaded"}}),
                Activity::Printing,
            ),
            // Streamed by another program, a mesh, a filament change: print_stats says standby.
            (
                json!({"print_stats": {"state": "standby"}, "idle_timeout": {"state": "Printing"}}),
                Activity::Busy,
            ),
            (json!({"print_stats": {"state": "standby"}, "heater_bed": {"target": 60.0}}), Activity::Busy),
            (
                json!({"print_stats": {"state": "complete"}, "idle_timeout": {"state": "Ready"}, "extruder": {"target": 0.0},
                    "sealpost": {"state": "idle"}, "virtual_sdcard": {"is_active": false}}),
                Activity::Idle,
            ),
            (json!({}), Activity::Idle),
        ] {
            assert_eq!(judge(&json!({"id": 1, "result": {"status": status}})), activity, "{status}");
        }
        assert_eq!(judge(&json!({"id": 1, "error": {"message": "not ready"}})), Activity::Idle);
        assert_eq!(judge(&json!({"id": 1})), Activity::Unknown);
    }

    #[test]
    fn klipper_is_down_only_where_no_process_is_klippers() {
        let proc = tempfile::tempdir().unwrap();
        let process = |pid: &str, line: &str| {
            fs::create_dir(proc.path().join(pid)).unwrap();
            fs::write(proc.path().join(pid).join("cmdline"), line).unwrap();
        };
        process("7", "vi\0klippy.py.bak\0");
        assert!(!klipper_runs(proc.path()));
        process("8", "python\0/home/pi/klipper/klippy/klippy.py\0printer.cfg\0");
        assert!(klipper_runs(proc.path()));
    }

    /// A socket that gives each who asks the next of these answers.
    fn answering(socket: &Path, end: u8, answers: Vec<Value>) {
        let listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
        std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut byte = [0];
                while stream.read_exact(&mut byte).is_ok() && byte[0] != end {}
                let mut line = answer.to_string().into_bytes();
                line.push(end);
                let _ = stream.write_all(&line);
            }
        });
    }

    #[test]
    fn a_purchased_file_is_seen_in_klipper_and_on_its_way_there() {
        let klipper = |state: &str| json!({"id": 1, "result": {"status": {"sealpost": {"state": state}}}});
        let agent = |job: Value| json!({"id": 1, "result": {"jobs": {"current_job": job}}});
        for (of_klipper, of_agent, seen) in [
            (Some(klipper("idle")), Some(agent(Value::Null)), false),
            (Some(klipper("loaded")), None, true),
            (Some(klipper("paused")), Some(agent(Value::Null)), true),
            (Some(klipper("idle")), Some(agent(json!({"id": "j_1"}))), true),
            (None, Some(agent(json!({"id": "j_1"}))), true),
            (Some(json!({"id": 1, "result": {"status": {}}})), None, false),
            (None, None, false),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let sockets = ["k.sock", "a.sock"].map(|name| folder.path().join(name));
            let told = format!("{of_klipper:?} {of_agent:?}");
            of_klipper.into_iter().for_each(|answer| answering(&sockets[0], END, vec![answer]));
            of_agent.into_iter().for_each(|answer| answering(&sockets[1], b'\n', vec![answer]));
            assert_eq!(has_job(&sockets[0], &sockets[1]), seen, "{told}");
        }
    }

    #[test]
    fn heaters_of_any_name_are_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("k.sock");
        let names = json!({"id": 1, "result": {"status": {"heaters": {"available_heaters": ["heater_generic chamber"]}}}});
        let hot = json!({"id": 1, "result": {"status": {"heater_generic chamber": {"target": 40.0}}}});
        answering(&socket, END, vec![names, hot]);
        assert_eq!(activity(&socket), Activity::Busy);
    }
}
