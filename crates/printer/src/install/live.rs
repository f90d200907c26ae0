//! Short questions to the Klipper and the Moonraker of this machine while they run.

use std::{
    fs::{self, DirEntry},
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    os::unix::{fs::MetadataExt, net::UnixStream},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::net::{
    self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with, sockopt::socket_peercred,
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
        return if klippers(Path::new("/proc")).is_empty() { Activity::Down } else { Activity::Unknown };
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

/// Whether a purchased file is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Job {
    /// None is.
    None,
    /// Klipper holds it, or it is on its way there through the agent.
    AtHand,
    /// Klipper runs, and nobody says.
    Unknown,
}

/// Asks Klipper and the agent; `noted` is what the agent's state says, which counts where the agent does not answer.
pub(super) fn job(klipper: &Path, agent: &Path, noted: Option<bool>, proc: &Path) -> Job {
    let held = ask(klipper, &query(json!({"sealpost": ["state"]})));
    let held = held.map(|answer| {
        !matches!(answer["result"]["status"]["sealpost"]["state"].as_str(), None | Some("idle"))
    });
    let question = json!({"id": 1, "method": "status", "params": {}});
    let claimed =
        exchange(agent, &question, b'\n').map(|answer| !answer["result"]["jobs"]["current_job"].is_null());
    match (held, claimed.or(noted)) {
        (Some(true), _) | (_, Some(true)) => Job::AtHand,
        (None, _) if claimed.is_none() && !klippers(proc).is_empty() => Job::Unknown,
        _ => Job::None,
    }
}

/// Who listens on Klipper's socket, by the kernel's word.
pub(super) fn listener(socket: &Path) -> Option<i32> {
    let peer = socket_peercred(connect(socket)?).ok()?;
    Some(peer.pid.as_raw_nonzero().get())
}

/// Whether a process belongs to a service of systemd.
pub(super) fn is_of_service(proc: &Path, pid: i32, service: &str) -> bool {
    let groups = fs::read_to_string(proc.join(pid.to_string()).join("cgroup")).unwrap_or_default();
    let unit = format!("{service}.service");
    groups.lines().any(|line| line.ends_with(&format!("/{unit}")) || line.contains(&format!("/{unit}/")))
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

/// All processes that are Klipper's and see the same files as this one, whoever started them.
pub(super) fn klippers(proc: &Path) -> Vec<i32> {
    let is_klippy = |word: &[u8]| word.ends_with(b"/klippy.py") || word == b"klippy.py";
    let root = |folder: PathBuf| fs::metadata(folder.join("root")).map(|root| (root.dev(), root.ino())).ok();
    let own = root(proc.join("self"));
    let processes = fs::read_dir(proc).into_iter().flatten().flatten();
    let is_its = |process: &DirEntry| {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let is_elsewhere = root(process.path()).is_some_and(|root| own.is_some_and(|own| own != root));
        !is_elsewhere && line.split(|byte| *byte == 0).any(is_klippy)
    };
    processes.filter(is_its).filter_map(|process| process.file_name().to_str()?.parse().ok()).collect()
}

fn ask(socket: &Path, question: &Value) -> Option<Value> {
    exchange(socket, question, END)
}

/// Never waits: where many wait already, whoever listens does not take calls.
fn connect(socket: &Path) -> Option<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let stream = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).ok()?;
    net::connect(&stream, &SocketAddrUnix::new(socket).ok()?).ok()?;
    let stream = UnixStream::from(stream);
    stream.set_nonblocking(false).ok()?;
    Some(stream)
}

fn exchange(socket: &Path, question: &Value, end: u8) -> Option<Value> {
    let until = Instant::now() + DEADLINE;
    let mut stream = connect(socket)?;
    stream.set_write_timeout(Some(DEADLINE)).ok()?;
    let mut line = question.to_string().into_bytes();
    line.push(end);
    stream.write_all(&line).ok()?;
    let mut answer = Zeroizing::new(Vec::new());
    let mut piece = Zeroizing::new([0; 4096]);
    while answer.len() < ANSWER_LIMIT {
        // One for all of it: a byte now and then keeps nobody.
        let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        stream.set_read_timeout(Some(left)).ok()?;
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
        assert_eq!(klippers(proc.path()), [0; 0]);
        process("8", "python\0/home/pi/klipper/klippy/klippy.py\0printer.cfg\0");
        assert_eq!(klippers(proc.path()), [8]);
        // One that sees other files is another machine's, as far as this one goes.
        for (pid, root) in [("self", "/"), ("8", "/proc")] {
            fs::create_dir_all(proc.path().join(pid)).unwrap();
            std::os::unix::fs::symlink(root, proc.path().join(pid).join("root")).unwrap();
        }
        assert_eq!(klippers(proc.path()), [0; 0]);
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
        let no_job = Some(agent(Value::Null));
        let a_job = Some(agent(json!({"id": "j_1"})));
        let (idle, bare) = (Some(klipper("idle")), Some(json!({"id": 1, "result": {"status": {}}})));
        for (of_klipper, of_agent, noted, runs, seen) in [
            (idle.clone(), no_job.clone(), None, true, Job::None),
            (Some(klipper("loaded")), None, None, true, Job::AtHand),
            (Some(klipper("paused")), no_job.clone(), None, true, Job::AtHand),
            (idle.clone(), a_job.clone(), None, true, Job::AtHand),
            (None, a_job, None, true, Job::AtHand),
            (bare.clone(), None, None, true, Job::None),
            // The agent does not answer: what it wrote down counts, and nothing else does.
            (idle.clone(), None, Some(true), true, Job::AtHand),
            (idle, None, Some(false), true, Job::None),
            (None, None, Some(true), false, Job::AtHand),
            (None, None, Some(false), true, Job::Unknown),
            (None, None, None, true, Job::Unknown),
            (None, None, None, false, Job::None),
            (None, no_job.clone(), None, true, Job::None),
            // It answers: it knows better than what it wrote down.
            (bare, no_job, Some(true), true, Job::None),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let sockets = ["k.sock", "a.sock"].map(|name| folder.path().join(name));
            let told = format!("{of_klipper:?} {of_agent:?}");
            of_klipper.into_iter().for_each(|answer| answering(&sockets[0], END, vec![answer]));
            of_agent.into_iter().for_each(|answer| answering(&sockets[1], b'\n', vec![answer]));
            let proc = folder.path().join("proc");
            if runs {
                fs::create_dir_all(proc.join("8")).unwrap();
                fs::write(proc.join("8/cmdline"), "python\0/k/klippy.py\0").unwrap();
            }
            assert_eq!(job(&sockets[0], &sockets[1], noted, &proc), seen, "{told} {noted:?} {runs}");
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

    #[test]
    fn who_listens_belongs_to_a_service_or_to_none() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("k.sock");
        assert_eq!(listener(&socket), None);
        let _listens = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let pid = listener(&socket).unwrap();
        assert_eq!(pid, i32::try_from(std::process::id()).unwrap());

        let group = |line: &str| {
            let process = folder.path().join(pid.to_string());
            fs::create_dir_all(&process).unwrap();
            fs::write(process.join("cgroup"), line).unwrap();
        };
        assert!(!is_of_service(folder.path(), pid, "klipper"));
        for (line, its) in [
            ("0::/system.slice/klipper.service\n", true),
            ("1:name=systemd:/system.slice/klipper.service/sub\n0::/\n", true),
            ("0::/system.slice/klipper-2.service\n", false),
            ("0::/system.slice/my-klipper.service\n", false),
        ] {
            group(line);
            assert_eq!(is_of_service(folder.path(), pid, "klipper"), its, "{line}");
        }
    }

    #[test]
    fn one_that_takes_no_calls_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("k.sock");
        let listener =
            socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
        net::bind(&listener, &SocketAddrUnix::new(&socket).unwrap()).unwrap();
        net::listen(&listener, 1).unwrap();
        let waiting: Vec<_> = std::iter::from_fn(|| connect(&socket)).take(20).collect();
        assert!(waiting.len() < 20, "it takes calls for ever");
        assert!(ask(&socket, &json!({})).is_none());
    }
}
