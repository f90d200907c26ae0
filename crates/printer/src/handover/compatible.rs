//! The documented way without a socket: Klipper opens the file through `/proc/PID/fd/FD` of a small process that holds
//! nothing else. Whoever runs as Klipper's user can do the same meanwhile: reduced protection.

use std::{process::Stdio, time::Duration};

use rustix::process::{Signal, set_parent_process_death_signal};
use sealpost_api::Problem;
use serde_json::json;
use tokio::process::Command;

use super::Load;
use crate::{memfd::SealedFile, moonraker::Moonraker};

/// The hidden command that holds a file.
pub const HOLD: &str = "hold";
/// The holder's standard output is the file.
const HELD_FD: u32 = 1;

/// Registers a file by command; the holder is gone when this returns.
pub async fn register(moonraker: &Moonraker, load: Load<'_>, file: SealedFile) -> Result<(), Problem> {
    let failed = |detail: String| {
        Problem::new(502, "register_failed", "Klipper did not take the file")
            .detail(detail)
            .hint("Set `compatible: True` in `[sealpost]` of printer.cfg; agent and Klipper must run as the same user.")
    };
    let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    let mut holder = Command::new(program)
        .arg(HOLD)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::from(file.into_fd()))
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let pid = holder.id().ok_or_else(|| failed("the holder ended".to_owned()))?;
    // Ids were checked when the job was taken: nothing else gets into the line.
    let layers = load.layers.map_or(String::new(), |layers| format!(" LAYER_COUNT={layers}"));
    let script =
        format!("REGISTER_ENCRYPTED_FILE FILENAME=virtual_{}.gcode PID={pid} FD={HELD_FD}{layers}", load.job);
    let registered =
        moonraker.call("printer.gcode.script", json!({"script": script}), Duration::from_secs(30)).await;
    let _ = holder.kill().await;
    registered.map(drop).map_err(|error| failed(error.to_string()))
}

/// What the hidden command does: nothing, until the agent ends it or is gone itself.
pub fn hold() -> std::io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // The agent holds the other end of standard input; its end is ours.
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}
