//! Keys stay in memory, and no longer there than they are needed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result, ensure};
use memchr::memmem;
use serde_json::json;

use crate::users::can_switch;
use crate::world::{Wishes, World};

/// Stands in each line of the file.
const CANARY: &str = "Quokka-vermilion 7f3aC9";
const LINES: usize = 20_000;
/// As many lines as two pieces of 64 KiB have, or a few of the 8 KiB that Klipper reads at once.
const IN_WORK: usize = 2_000;

/// What one mapping of a process is.
struct Mapping {
    name: String,
    begin: u64,
    end: u64,
    locked: bool,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agents_keys_are_locked_in_memory_and_content_keys_are_gone_when_a_file_is_open() -> Result<()> {
    if !can_switch()? {
        return Ok(());
    }
    let world = World::start(Wishes { rate: 150, ..Wishes::default() }).await?;
    let mut part = "G28\nG90\nG1 Z0.4 F600\n".to_owned();
    for number in 0..LINES {
        part += &format!("G1 X{} Y20.5 F5000 ; {CANARY} {number:06}\n", 20 + number % 2);
    }
    let licence = world.sell("locked", part.as_bytes()).await?;
    let job = world.print(&licence).await?;
    world.pause(&job).await?;

    let pid = world.agent_pid()?;
    ensure!(field(pid, "VmLck")? > 0, "nothing of the agent is locked in memory");
    ensure!(field(pid, "VmSwap")? == 0, "the agent is swapped out");
    let identity = world.identity()?;
    let copies = copies(pid, identity.expose())?;
    ensure!(!copies.is_empty(), "the key was not found where it has to be");
    let open: Vec<String> = copies.iter().filter(|copy| !copy.locked).map(Mapping::told).collect();
    ensure!(open.is_empty(), "copies of the printer key that may be swapped out: {open:?}");
    for key in world.content_keys()? {
        let left: Vec<String> = self::copies(pid, &key)?.iter().map(Mapping::told).collect();
        ensure!(left.is_empty(), "the content key of an open file is still there: {left:?}");
    }

    // The file itself: Klipper has the pieces that it works on, the agent what is left of the last one it looked through.
    for process in [world.klipper_pid()?, pid] {
        let lines = lines_in(process)?;
        ensure!(
            (1..IN_WORK).contains(&lines),
            "process {process} holds {lines} of {LINES} lines in memory of its own"
        );
    }
    world.ask("printer.print.cancel", json!({})).await?;
    world.end_of(&job).await.map(drop)
}

/// How many different lines of the file lie in what a process can write.
fn lines_in(pid: i32) -> Result<usize> {
    let mut lines = BTreeSet::new();
    each_mapping(pid, |_, bytes| {
        for at in memmem::find_iter(bytes, CANARY.as_bytes()) {
            let begin = at + CANARY.len() + 1;
            let number = bytes.get(begin..begin + 6);
            if let Some(number) = number.filter(|number| number.iter().all(u8::is_ascii_digit)) {
                lines.insert(number.to_vec());
            }
        }
    })?;
    Ok(lines.len())
}

impl Mapping {
    fn told(&self) -> String {
        format!("{:x}-{:x} {}", self.begin, self.end, self.name)
    }
}

/// The mappings that hold `needle`, one entry a copy.
fn copies(pid: i32, needle: &[u8]) -> Result<Vec<Mapping>> {
    let mut found = Vec::new();
    each_mapping(pid, |mapping, bytes| {
        for at in memmem::find_iter(bytes, needle) {
            let begin = mapping.begin + at as u64;
            let (name, end) = (mapping.name.clone(), begin + needle.len() as u64);
            found.push(Mapping { name, begin, end, locked: mapping.locked });
        }
    })?;
    Ok(found)
}

fn each_mapping(pid: i32, mut look: impl FnMut(&Mapping, &[u8])) -> Result<()> {
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    for mapping in mappings(pid)? {
        let mut bytes = vec![0; usize::try_from(mapping.end - mapping.begin)?];
        // Some, such as [vvar], cannot be read.
        if memory.read_exact_at(&mut bytes, mapping.begin).is_ok() {
            look(&mapping, &bytes);
        }
    }
    Ok(())
}

/// What can be written, by `/proc/PID/smaps` (proc(5)); `lo` in `VmFlags` says locked.
fn mappings(pid: i32) -> Result<Vec<Mapping>> {
    let mut found: Vec<Mapping> = Vec::new();
    for line in fs::read_to_string(format!("/proc/{pid}/smaps"))?.lines() {
        if let Some(flags) = line.strip_prefix("VmFlags:") {
            let last = found.last_mut().context("flags before a mapping")?;
            last.locked = flags.split_whitespace().any(|flag| flag == "lo");
        } else if let Some((span, rest)) = line.split_once(' ')
            && let Some((begin, end)) = span.split_once('-')
        {
            let (begin, end) = (u64::from_str_radix(begin, 16)?, u64::from_str_radix(end, 16)?);
            found.push(Mapping { name: rest.to_owned(), begin, end, locked: false });
        }
    }
    found.retain(|mapping| mapping.name.starts_with("rw"));
    Ok(found)
}

/// A figure of `/proc/PID/status`, KiB.
fn field(pid: i32, name: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .context("no such figure")?;
    Ok(line.split_whitespace().next().context("no figure")?.parse()?)
}
