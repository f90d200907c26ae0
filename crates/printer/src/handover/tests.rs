use std::{
    fs::File,
    io::{IoSliceMut, Write},
    os::{fd::OwnedFd, unix::fs::FileExt},
    thread,
};

use rustix::{
    fs::fcntl_get_seals,
    net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg},
};

use super::*;
use crate::memfd::{Draft, SEALS};

fn sealed(content: &[u8]) -> SealedFile {
    let mut draft = Draft::new().unwrap();
    draft.write_all(content).unwrap();
    draft.seal().unwrap()
}

fn rules() -> PeerRules {
    PeerRules { allow_unknown_pid: true, allow_reduced: true, ..PeerRules::default() }
}

fn greet(stream: &mut UnixStream, dumpable: bool) {
    let greeting = json!({"sealpost": 1, "version": "t", "pid": 1, "dumpable": dumpable, "reader": "virtual_sdcard", "state": "idle"});
    stream.write_all(format!("{greeting}\n").as_bytes()).unwrap();
}

/// One request with its descriptors, received as Klipper's extra does.
fn receive(stream: &UnixStream) -> (Value, Vec<OwnedFd>) {
    let (mut line, mut fds) = (Vec::new(), Vec::new());
    while !line.ends_with(b"\n") {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut bytes = [0; 4096];
        let received =
            recvmsg(stream, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::CMSG_CLOEXEC)
                .unwrap();
        assert_ne!(received.bytes, 0);
        line.extend_from_slice(&bytes[..received.bytes]);
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(received) = message {
                fds.extend(received);
            }
        }
    }
    (serde_json::from_slice(&line).unwrap(), fds)
}

#[test]
fn a_file_arrives_with_its_seals_and_bytes() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let extra = thread::spawn(move || {
        greet(&mut theirs, false);
        let (request, mut fds) = receive(&theirs);
        theirs
            .write_all(format!("{}\n", json!({"id": request["id"], "result": {"job": "j_1"}})).as_bytes())
            .unwrap();
        assert_eq!(fds.len(), 1);
        (request, fds.remove(0))
    });
    let file = sealed(b"G28\nM400");
    let mut handover = Handover::over(ours, &rules()).unwrap();
    handover
        .load(Load { job: "j_1", name: "sealpost/j_1.gcode", layers: Some(7), macros: None }, &file)
        .unwrap();
    drop(file);

    let (request, fd) = extra.join().unwrap();
    assert_eq!(request["op"], "load");
    assert_eq!(request["name"], "sealpost/j_1.gcode");
    assert_eq!((request["size"].as_u64(), request["layers"].as_u64()), (Some(8), Some(7)));
    assert_eq!(fcntl_get_seals(&fd).unwrap(), SEALS);
    let mut bytes = [0; 8];
    File::from(fd).read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"G28\nM400");
}

#[test]
fn a_refusal_keeps_its_code_and_the_connection() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let extra = thread::spawn(move || {
        greet(&mut theirs, false);
        let (request, _) = receive(&theirs);
        let refusal = json!({"id": request["id"], "error": {"code": "busy", "message": "another job"}});
        theirs.write_all(format!("{refusal}\n").as_bytes()).unwrap();
        let (request, fds) = receive(&theirs);
        assert!(fds.is_empty());
        let status = json!({"state": "idle", "job": null, "position": 0, "size": 0, "last": {"job": "j_0", "outcome": "complete", "position": 4, "size": 4, "message": ""}});
        theirs.write_all(format!("{}\n", json!({"id": request["id"], "result": status})).as_bytes()).unwrap();
    });
    let mut handover = Handover::over(ours, &rules()).unwrap();
    let refused = handover
        .load(Load { job: "j_1", name: "sealpost/j_1.gcode", layers: None, macros: None }, &sealed(b"G28\n"))
        .unwrap_err();
    assert_eq!(refused.code, "extra_busy");
    assert_eq!(handover.status().unwrap().last.unwrap().job, "j_0");
    extra.join().unwrap();
}

#[test]
fn a_process_that_is_not_klipper_gets_nothing() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    greet(&mut theirs, false);
    // The other end is this very process.
    let klipper = Some(Process::with(std::process::id() + 1));
    let rules = PeerRules { klipper, allow_reduced: true, ..PeerRules::default() };
    assert_eq!(Handover::over(ours, &rules).unwrap_err().code, "peer_not_klipper");
}

#[test]
fn a_process_that_can_be_looked_into_is_refused_unless_that_was_allowed() {
    let connect = |allow_reduced| {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        greet(&mut theirs, true);
        let klipper = Some(Process::with(std::process::id()));
        Handover::over(ours, &PeerRules { klipper, allow_reduced, ..PeerRules::default() })
    };
    assert_eq!(connect(false).unwrap_err().code, "peer_dumpable");
    assert!(connect(true).unwrap().peer().reduced);
}

#[test]
fn silence_and_nonsense_are_errors() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    drop(theirs);
    assert_eq!(Handover::over(ours, &rules()).unwrap_err().code, "extra_hung_up");
    for nonsense in ["{}\n", "nonsense\n", "{\"sealpost\": \"1\"}\n"] {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(nonsense.as_bytes()).unwrap();
        assert_eq!(Handover::over(ours, &rules()).unwrap_err().code, "extra_protocol");
    }
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(b"{\"sealpost\": 2, \"version\": \"9\"}\n").unwrap();
    assert_eq!(Handover::over(ours, &rules()).unwrap_err().code, "extra_version");
}
