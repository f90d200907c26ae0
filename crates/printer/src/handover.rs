//! The hand-over socket of Klipper's extra: one sealed memfd a job (docs/printer-sockets.md).
//!
//! Blocking calls with deadlines: drivers run them on a thread of their own.

pub mod compatible;
mod find;
mod peer;

#[cfg(test)]
mod tests;

use std::{
    io::{self, BufRead, BufReader, IoSlice, Read, Write},
    mem::MaybeUninit,
    os::{fd::AsFd, unix::net::UnixStream},
    path::Path,
    time::Duration,
};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use sealpost_api::Problem;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{core::Extra as Status, memfd::SealedFile, settings::Macros};

pub(crate) use self::find::failed;
pub use self::find::{find, reach};
pub use self::peer::{Peer, PeerRules, Process, klipper_user};

const DEADLINE: Duration = Duration::from_secs(10);
const LINE_LIMIT: u64 = 64 << 10;

/// What the extra says when it is reached.
#[derive(Clone, Debug, Deserialize)]
pub struct Greeting {
    /// Version of the protocol: 1.
    pub sealpost: u32,
    /// Version of the extra.
    #[serde(default)]
    pub version: String,
    /// Whether klippy can be looked into by others of its user.
    #[serde(default)]
    pub dumpable: bool,
    /// How the printer reads: `virtual_sdcard` or `gcode_provider`.
    #[serde(default)]
    pub reader: String,
}

/// A connection to the extra.
#[derive(Debug)]
pub struct Handover {
    stream: UnixStream,
    reader: BufReader<UnixStream>,
    greeting: Greeting,
    peer: Peer,
    last_id: u64,
}

/// What a file is handed over with.
#[derive(Clone, Copy, Debug)]
pub struct Load<'a> {
    /// Job id.
    pub job: &'a str,
    /// The stub's path below `gcodes/`.
    pub name: &'a str,
    /// Layers, where known.
    pub layers: Option<u32>,
    /// What the owner says of macros; the extra checks each line once more.
    pub macros: Option<&'a Macros>,
}

impl Handover {
    /// Connects, checks who is there, reads the greeting.
    pub fn connect(path: &Path, rules: &PeerRules) -> Result<Self, Problem> {
        let stream = UnixStream::connect(path).map_err(|error| unreachable(path, &error))?;
        Self::begin(stream, Some(path), rules)
    }

    /// The same over a connection that exists.
    pub fn over(stream: UnixStream, rules: &PeerRules) -> Result<Self, Problem> {
        Self::begin(stream, None, rules)
    }

    fn begin(stream: UnixStream, path: Option<&Path>, rules: &PeerRules) -> Result<Self, Problem> {
        stream.set_read_timeout(Some(DEADLINE)).map_err(|error| broken(&error))?;
        stream.set_write_timeout(Some(DEADLINE)).map_err(|error| broken(&error))?;
        let mut reader = BufReader::new(stream.try_clone().map_err(|error| broken(&error))?);
        let greeting: Greeting = read_line(&mut reader)?;
        if greeting.sealpost != 1 {
            return Err(Problem::new(502, "extra_version", "The extra in Klipper speaks another protocol")
                .detail(format!("Its version is {}.", greeting.version))
                .hint("Update Sealpost's Klipper extra and agent to matching versions."));
        }
        let peer = peer::check(stream.as_fd(), path, greeting.dumpable, rules)?;
        Ok(Self { stream, reader, greeting, peer, last_id: 0 })
    }

    /// What the extra said of itself.
    pub fn greeting(&self) -> &Greeting {
        &self.greeting
    }

    /// Who listens.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Hands a file over. Nothing moves yet.
    pub fn load(&mut self, load: Load<'_>, file: &SealedFile) -> Result<(), Problem> {
        let Load { job, name, layers, macros } = load;
        let mut request =
            json!({"op": "load", "job": job, "name": name, "size": file.size(), "layers": layers});
        if let Some(macros) = macros {
            request["macros"] = json!(macros.approved);
            request["conventional_macros"] = json!(macros.conventional);
        }
        // Whoever was looked at gets it, not who came to have its number.
        peer::is_still(&self.peer)?;
        self.call(request, Some(file)).map(drop)
    }

    /// How the extra stands.
    pub fn status(&mut self) -> Result<Status, Problem> {
        let value = self.call(json!({"op": "status"}), None)?;
        serde_json::from_value(value).map_err(|_| malformed())
    }

    /// Makes the extra close a file that has not started.
    pub fn drop_job(&mut self, job: &str) -> Result<(), Problem> {
        self.call(json!({"op": "drop", "job": job}), None).map(drop)
    }

    fn call(&mut self, mut request: Value, file: Option<&SealedFile>) -> Result<Value, Problem> {
        self.last_id += 1;
        request["id"] = self.last_id.into();
        let mut line = request.to_string().into_bytes();
        line.push(b'\n');
        self.send(&line, file).map_err(|error| broken(&error))?;
        let answer: Answer = read_line(&mut self.reader)?;
        if answer.id != Some(self.last_id) {
            return Err(malformed());
        }
        match (answer.result, answer.error) {
            (_, Some(error)) => Err(refused(&error)),
            (Some(result), None) => Ok(result),
            (None, None) => Err(malformed()),
        }
    }

    fn send(&mut self, line: &[u8], file: Option<&SealedFile>) -> io::Result<()> {
        let Some(file) = file else { return self.stream.write_all(line) };
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let fds = [file.as_fd()];
        if !control.push(SendAncillaryMessage::ScmRights(&fds)) {
            return Err(io::Error::other("no room for the file descriptor"));
        }
        let sent = sendmsg(&self.stream, &[IoSlice::new(line)], &mut control, SendFlags::NOSIGNAL)?;
        self.stream.write_all(&line[sent..])
    }
}

#[derive(Deserialize)]
struct Answer {
    id: Option<u64>,
    result: Option<Value>,
    error: Option<ExtraError>,
}

#[derive(Deserialize)]
struct ExtraError {
    code: String,
    #[serde(default)]
    message: String,
}

fn read_line<T: DeserializeOwned>(reader: &mut impl BufRead) -> Result<T, Problem> {
    let mut line = Vec::new();
    reader.take(LINE_LIMIT).read_until(b'\n', &mut line).map_err(|error| broken(&error))?;
    if line.is_empty() {
        return Err(Problem::new(502, "extra_hung_up", "Klipper's extra closed the connection")
            .hint("Set `agent_user` in `[sealpost]` of printer.cfg to the user this agent runs as."));
    }
    serde_json::from_slice(&line).map_err(|_| malformed())
}

fn refused(error: &ExtraError) -> Problem {
    let code = if crate::core::is_safe_id(&error.code) { error.code.as_str() } else { "unknown" };
    let hint = match code {
        "already_started" => "Restart Klipper to print this job again, or send it anew.",
        "busy" => "Wait for the print that is running.",
        "not_ready" => "Wait until Klipper is ready.",
        _ => "Update Sealpost's Klipper extra and agent to matching versions.",
    };
    Problem::new(409, format!("extra_{code}"), "Klipper's extra did not take the file")
        .detail(error.message.clone())
        .hint(hint)
}

fn unreachable(path: &Path, error: &io::Error) -> Problem {
    if error.kind() == io::ErrorKind::PermissionDenied {
        return Problem::new(503, "extra_forbidden", "Klipper's extra may not be talked to")
            .detail(format!("{}: {error}", path.display()))
            .hint("Add the agent's user to the group of that socket, which is Klipper's.");
    }
    Problem::new(503, "extra_unreachable", "Klipper's extra is not reached")
        .detail(format!("{}: {error}", path.display()))
        .hint("Is Klipper running, with `[sealpost]` in printer.cfg? Compare `handover_socket` with the socket of the extra.")
}

fn broken(error: &io::Error) -> Problem {
    Problem::new(502, "extra_broken", "The connection to Klipper's extra broke")
        .detail(error.to_string())
        .hint("Look into klippy.log.")
}

fn malformed() -> Problem {
    Problem::new(502, "extra_protocol", "Klipper's extra answered something else than expected")
        .hint("Update Sealpost's Klipper extra and agent to matching versions.")
}
