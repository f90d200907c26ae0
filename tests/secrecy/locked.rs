//! Keys stay in memory, and no longer there than they are needed.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result, ensure};
use memchr::memmem;
use serde_json::json;

use crate::users::can_switch;
use crate::world::{Wishes, World};

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
    let mut part = b"G28\nG90\nG1 Z0.4 F600\n".to_vec();
    part.extend(b"G1 X20.5 Y20.5 F5000\nG1 X60 Y60\n".repeat(600));
    let licence = world.sell("locked", &part).await?;
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
    world.ask("printer.print.cancel", json!({})).await?;
    world.end_of(&job).await.map(drop)
}

impl Mapping {
    fn told(&self) -> String {
        format!("{:x}-{:x} {}", self.begin, self.end, self.name)
    }
}

/// The mappings that hold `needle`, one entry a copy.
fn copies(pid: i32, needle: &[u8]) -> Result<Vec<Mapping>> {
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let mut found = Vec::new();
    for mapping in mappings(pid)? {
        let mut bytes = vec![0; usize::try_from(mapping.end - mapping.begin)?];
        // Some, such as [vvar], cannot be read.
        if memory.read_exact_at(&mut bytes, mapping.begin).is_err() {
            continue;
        }
        for at in memmem::find_iter(&bytes, needle) {
            let begin = mapping.begin + at as u64;
            found.push(Mapping {
                name: mapping.name.clone(),
                begin,
                end: begin + needle.len() as u64,
                ..mapping
            });
        }
    }
    Ok(found)
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
