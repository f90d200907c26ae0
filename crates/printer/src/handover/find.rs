//! Where Klipper takes files, and by what it is known.

use std::{path::PathBuf, time::Duration};

use sealpost_api::Problem;

use super::{Handover, PeerRules, klipper_user};
use crate::{moonraker::Moonraker, settings::Settings};

/// How often a Klipper that is just being restarted is looked for anew, and how far apart.
const ATTEMPTS: usize = 20;
const AGAIN: Duration = Duration::from_millis(500);

/// The socket of Klipper's extra, and who has to listen there.
pub async fn find(moonraker: &Moonraker, settings: &Settings) -> Result<(PathBuf, PeerRules), Problem> {
    let configured = settings.handover_socket.as_deref();
    let socket = moonraker.handover_socket(configured).await?;
    let rules = PeerRules {
        klipper: moonraker.klipper_process().await?,
        allow_unknown_pid: settings.allow_unknown_pid,
        klipper_user: klipper_user(configured),
        allow_reduced: settings.allow_reduced,
    };
    Ok((socket, rules))
}

/// Waits for Klipper where it or Moonraker may only be restarting, and connects to its extra.
pub async fn reach(moonraker: &Moonraker, settings: &Settings) -> Result<Handover, Problem> {
    let mut attempt = 1;
    loop {
        let (socket, rules) = moonraker.patiently(|| find(moonraker, settings)).await?;
        let klipper = rules.klipper;
        let connected = tokio::task::spawn_blocking(move || Handover::connect(&socket, &rules)).await;
        let connected = connected.unwrap_or_else(|_| Err(failed()));
        // Between the question and the look it was restarted: ask who it is by now.
        let restarted = klipper.is_some_and(|klipper| !klipper.is_still_there());
        if connected.is_ok() || !restarted || attempt == ATTEMPTS {
            return connected;
        }
        attempt += 1;
        tokio::time::sleep(AGAIN).await;
    }
}

/// Nothing is known of how it stands.
pub(crate) fn failed() -> Problem {
    Problem::new(500, "handover_failed", "The file could not be handed over")
        .hint("Send it anew; if it stays, report it.")
}
