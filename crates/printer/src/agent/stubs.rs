//! The entries of purchased prints in the printer's file list.

use std::{fs, io, path::Path, time::Duration};

use sealpost_api::Problem;
use sealpost_gcode::stub;
use serde_json::Value;
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{
    moonraker::{CallError, Moonraker},
    opening::OpenedFile,
    problem::file as file_problem,
};

/// Folder of the stubs below `gcodes/`.
const FOLDER: &str = "sealpost";
/// How long a print waits for its picture; then it comes while the print runs.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pauses between the attempts to have the picture read.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(15), Duration::from_secs(60)];

/// The name a job prints under.
pub(super) fn stub_name(job: &str) -> String {
    format!("{FOLDER}/{job}.gcode")
}

/// The entry in the file list: allow-listed comments and one command, nothing to print.
pub(super) async fn write_stub(
    moonraker: &Moonraker,
    gcodes: Option<&Path>,
    job: &str,
    title: &str,
    opened: &OpenedFile,
) -> Result<(), Problem> {
    let text = stub(&opened.report, job, title).map_err(|error| {
        Problem::new(422, "bad_job_id", error.to_string()).hint("Report it to the store.")
    })?;
    let Some(gcodes) = gcodes else {
        return moonraker.upload(FOLDER, &format!("{job}.gcode"), &text).await;
    };
    let path = gcodes.join(stub_name(job));
    let write = || -> io::Result<()> {
        fs::create_dir_all(gcodes.join(FOLDER))?;
        fs::write(&path, &text)
    };
    write().map_err(|error| file_problem(&path, &error))
}

/// Picture, layers and time of a stub on their way into the file list. A print without them is as good.
pub(super) struct Picture(JoinHandle<()>);

impl Picture {
    /// Has them read, so that they show from the first second where Moonraker is quick enough.
    pub(super) async fn show(moonraker: &Moonraker, job: &str) -> Self {
        let mut reading = tokio::spawn(read(moonraker.clone(), stub_name(job)));
        let _ = timeout(PATIENCE, &mut reading).await;
        Self(reading)
    }

    /// The stub goes away.
    pub(super) fn give_up(self) {
        self.0.abort();
    }
}

async fn read(moonraker: Moonraker, name: String) {
    let mut result = find_out(&moonraker, &name).await;
    for pause in PAUSES {
        let Err(error) = result else { return };
        tracing::debug!(name, %error, "Moonraker did not read the metadata yet");
        sleep(pause).await;
        result = find_out(&moonraker, &name).await;
    }
    if let Err(error) = result {
        tracing::warn!(
            name,
            %error,
            "Moonraker shows neither picture nor layers of a print; is its `gcodes` folder the one of the settings?"
        );
    }
}

/// Moonraker reads uploads and new files by itself too, and a scan first forgets what is known.
async fn find_out(moonraker: &Moonraker, name: &str) -> Result<Value, CallError> {
    match moonraker.metadata(name).await {
        Err(CallError::Refused(_)) => moonraker.scan_metadata(name).await,
        known => known,
    }
}

pub(super) async fn remove_stub(moonraker: &Moonraker, gcodes: Option<&Path>, job: &str) {
    let removed = match gcodes {
        Some(gcodes) => fs::remove_file(gcodes.join(stub_name(job))).map_err(|error| error.to_string()),
        None => moonraker.delete(&stub_name(job)).await.map_err(|error| error.to_string()),
    };
    if let Err(error) = removed {
        tracing::debug!(error, "the print's entry could not be removed");
    }
}

/// The newest entries stay, so that the history keeps its pictures; older ones go.
pub(super) async fn prune_stubs(moonraker: &Moonraker, gcodes: Option<&Path>, keep: usize) {
    let Ok(mut stubs) = moonraker.list(FOLDER).await else { return };
    stubs.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    for (name, _) in stubs.into_iter().skip(keep) {
        if let Some(job) = name.strip_suffix(".gcode").filter(|job| crate::core::is_safe_id(job)) {
            remove_stub(moonraker, gcodes, job).await;
        }
    }
}
