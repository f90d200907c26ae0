//! A Moonraker and a Klipper extra that speak just what the agent needs.

use std::{
    fs::File,
    io::{IoSliceMut, Read, Write},
    mem::MaybeUninit,
    os::{
        fd::OwnedFd,
        unix::net::{UnixListener, UnixStream},
    },
    path::Path,
    sync::{Arc, Mutex},
    thread,
};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    sync::watch,
};

/// A printer.
#[derive(Clone)]
pub(crate) struct FakePrinter {
    inner: Arc<Mutex<Inner>>,
    changed: watch::Sender<u64>,
}

struct Inner {
    state: &'static str,
    job: Option<String>,
    file: Option<File>,
    size: u64,
    position: u64,
    last: Value,
    /// What was printed, file by file.
    printed: Vec<Vec<u8>>,
    starts: Vec<String>,
    /// Klipper fails at the next start.
    refuses: bool,
    /// Prints stop in the middle until told otherwise.
    hold: bool,
    max_temp: f64,
    /// Files whose metadata Moonraker has read.
    read: Vec<String>,
    /// How often it fails to before.
    unreadable: u32,
    /// How often Klipper cannot say what the printer allows before.
    restarting: u32,
}

impl FakePrinter {
    pub(crate) fn start(folder: &Path) -> Self {
        let inner = Inner {
            state: "idle",
            job: None,
            file: None,
            size: 0,
            position: 0,
            last: Value::Null,
            printed: Vec::new(),
            starts: Vec::new(),
            refuses: false,
            hold: false,
            max_temp: 250.0,
            read: Vec::new(),
            unreadable: 0,
            restarting: 0,
        };
        let printer = Self { inner: Arc::new(Mutex::new(inner)), changed: watch::Sender::new(0) };
        let extra = UnixListener::bind(folder.join("sealpost.sock")).unwrap();
        let served = printer.clone();
        thread::spawn(move || {
            for stream in extra.incoming() {
                let printer = served.clone();
                thread::spawn(move || printer.serve_extra(stream.unwrap()));
            }
        });
        let moonraker = tokio::net::UnixListener::bind(folder.join("moonraker.sock")).unwrap();
        let served = printer.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = moonraker.accept().await.unwrap();
                tokio::spawn(served.clone().serve_moonraker(stream));
            }
        });
        printer
    }

    pub(crate) fn hold(&self, hold: bool) {
        self.inner.lock().unwrap().hold = hold;
        self.print_on();
    }

    pub(crate) fn read(&self) -> Vec<String> {
        self.inner.lock().unwrap().read.clone()
    }

    pub(crate) fn fail_to_read(&self, times: u32) {
        self.inner.lock().unwrap().unreadable = times;
    }

    pub(crate) fn restart(&self, times: u32) {
        self.inner.lock().unwrap().restarting = times;
    }

    pub(crate) fn refuse_start(&self) {
        self.inner.lock().unwrap().refuses = true;
    }

    /// The file that Klipper's extra holds.
    pub(crate) fn held(&self) -> Option<String> {
        self.inner.lock().unwrap().job.clone()
    }

    pub(crate) fn printed(&self) -> Vec<Vec<u8>> {
        self.inner.lock().unwrap().printed.clone()
    }

    pub(crate) fn starts(&self) -> Vec<String> {
        self.inner.lock().unwrap().starts.clone()
    }

    fn status(&self) -> Value {
        let inner = self.inner.lock().unwrap();
        let print = match inner.state {
            "printing" => "printing",
            _ if inner.last.is_null() => "standby",
            _ => "complete",
        };
        json!({
            "webhooks": {"state": "ready"},
            "print_stats": {"state": print, "filament_used": 12.5, "print_duration": 3.0, "total_duration": 4.0},
            "sealpost": {
                "version": "t", "state": inner.state, "job": inner.job,
                "position": inner.position, "size": inner.size, "last": inner.last,
            },
            "configfile": {"settings": {
                "printer": {"max_velocity": 300.0, "max_accel": 3000.0},
                "extruder": {"max_temp": inner.max_temp},
            }},
            "toolhead": {"axis_minimum": [0.0, 0.0, 0.0, 0.0], "axis_maximum": [200.0, 200.0, 200.0, 0.0]},
        })
    }

    fn is_restarting(&self) -> bool {
        let mut inner = self.inner.lock().unwrap();
        let is = inner.restarting > 0;
        inner.restarting = inner.restarting.saturating_sub(1);
        is
    }

    fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    fn print_on(&self) {
        {
            let mut inner = self.inner.lock().unwrap();
            if inner.state == "printing" && !inner.hold {
                inner.end("complete");
            }
        }
        self.tell();
    }

    fn answer(&self, method: &str, params: &Value) -> Result<Value, String> {
        match method {
            "server.info" => Ok(json!({"klippy_state": "ready", "moonraker_version": "t"})),
            "printer.info" => Ok(json!({"process_id": std::process::id()})),
            "printer.objects.query" if params["objects"]["configfile"].is_array() && self.is_restarting() => {
                Err("Klippy Host not connected".to_owned())
            }
            "printer.objects.query" | "printer.objects.subscribe" => Ok(json!({"status": self.status()})),
            "server.files.list" => Ok(json!([])),
            "server.files.metadata" if self.read().iter().any(|name| params["filename"] == **name) => {
                Ok(json!({}))
            }
            "server.files.metadata" => Err("Metadata not available".to_owned()),
            "server.files.metascan" => {
                let mut inner = self.inner.lock().unwrap();
                if inner.unreadable > 0 {
                    inner.unreadable -= 1;
                    return Err("Failed to parse metadata".to_owned());
                }
                inner.read.push(params["filename"].as_str().unwrap_or_default().to_owned());
                Ok(json!({}))
            }
            "printer.print.start" => {
                {
                    let mut inner = self.inner.lock().unwrap();
                    let name = params["filename"].as_str().unwrap_or_default().to_owned();
                    if !name.starts_with("sealpost/") {
                        inner.starts.push(name);
                        return Ok(json!("ok"));
                    }
                    let job = inner.job.clone().unwrap_or_default();
                    if inner.state != "loaded" || name != format!("sealpost/{job}.gcode") {
                        return Err("no file is held".to_owned());
                    }
                    if std::mem::take(&mut inner.refuses) {
                        return Err("Must home axis first".to_owned());
                    }
                    inner.starts.push(job);
                    inner.state = "printing";
                    inner.position = inner.size / 2;
                }
                self.tell();
                self.print_on();
                Ok(json!("ok"))
            }
            "printer.print.cancel" => {
                self.inner.lock().unwrap().end("cancelled");
                self.tell();
                Ok(json!("ok"))
            }
            _ => Ok(json!({})),
        }
    }

    async fn serve_moonraker(self, stream: tokio::net::UnixStream) {
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::new(reader);
        let mut changed = self.changed.subscribe();
        let (sender, mut frames) = tokio::sync::mpsc::channel(8);
        tokio::spawn(async move {
            loop {
                let mut frame = Vec::new();
                if reader.read_until(3, &mut frame).await.unwrap_or(0) == 0
                    || sender.send(frame).await.is_err()
                {
                    return;
                }
            }
        });
        loop {
            let text = tokio::select! {
                frame = frames.recv() => {
                    let Some(mut frame) = frame else { return };
                    frame.pop();
                    let request: Value = serde_json::from_slice(&frame).unwrap();
                    let method = request["method"].as_str().unwrap();
                    match self.answer(method, &request["params"]) {
                        Ok(result) => json!({"jsonrpc": "2.0", "id": request["id"], "result": result}),
                        Err(message) => json!({"jsonrpc": "2.0", "id": request["id"], "error": {"code": 400, "message": message}}),
                    }
                }
                _ = changed.changed() => json!({"jsonrpc": "2.0", "method": "notify_status_update", "params": [self.status(), 0.0]}),
            };
            let mut bytes = text.to_string().into_bytes();
            bytes.push(3);
            if writer.write_all(&bytes).await.is_err() {
                return;
            }
        }
    }

    fn serve_extra(&self, mut stream: UnixStream) {
        let greeting = json!({"sealpost": 1, "version": "t", "dumpable": false, "reader": "virtual_sdcard", "state": "idle"});
        let _ = stream.write_all(format!("{greeting}\n").as_bytes());
        while let Some((request, file)) = receive(&stream) {
            let answer = match (request["op"].as_str().unwrap_or_default(), file) {
                ("load", Some(file)) => {
                    let mut inner = self.inner.lock().unwrap();
                    inner.job = request["job"].as_str().map(str::to_owned);
                    inner.size = request["size"].as_u64().unwrap_or_default();
                    inner.position = 0;
                    inner.file = Some(file.into());
                    inner.state = "loaded";
                    json!({"id": request["id"], "result": {"job": inner.job}})
                }
                ("drop", None) => {
                    let mut inner = self.inner.lock().unwrap();
                    if inner.state == "loaded" {
                        inner.end("dropped");
                        json!({"id": request["id"], "result": {"job": request["job"]}})
                    } else {
                        json!({"id": request["id"], "error": {"code": "unknown_job", "message": ""}})
                    }
                }
                ("status", None) => json!({"id": request["id"], "result": self.status()["sealpost"]}),
                _ => json!({"id": request["id"], "error": {"code": "bad_request", "message": ""}}),
            };
            self.tell();
            let _ = stream.write_all(format!("{answer}\n").as_bytes());
        }
    }
}

impl Inner {
    fn end(&mut self, outcome: &str) {
        if outcome == "complete"
            && let Some(file) = &mut self.file
        {
            // The descriptor came with the sender's offset, which is at the end.
            let mut bytes = Vec::new();
            std::io::Seek::rewind(file).unwrap();
            file.read_to_end(&mut bytes).unwrap();
            self.printed.push(bytes);
            self.position = self.size;
        }
        self.last = json!({
            "job": self.job, "outcome": outcome, "position": self.position, "size": self.size, "message": "",
        });
        (self.state, self.job, self.file) = ("idle", None, None);
    }
}

fn receive(stream: &UnixStream) -> Option<(Value, Option<OwnedFd>)> {
    let (mut line, mut file) = (Vec::new(), None);
    while !line.ends_with(b"\n") {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut bytes = [0; 4096];
        let received =
            recvmsg(stream, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::CMSG_CLOEXEC)
                .ok()?;
        if received.bytes == 0 {
            return None;
        }
        line.extend_from_slice(&bytes[..received.bytes]);
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(mut received) = message {
                file = received.next();
            }
        }
    }
    Some((serde_json::from_slice(&line).ok()?, file))
}
