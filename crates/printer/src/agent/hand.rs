//! Handing a file to Klipper, starting it, and tidying up afterwards.

use std::{sync::atomic::Ordering, time::Duration};

use sealpost_api::Problem;
use sealpost_faults::point;
use serde_json::json;

use super::{
    Agent, Mail,
    stubs::{Picture, prune_stubs, remove_stub, stub_name, write_stub},
};
use crate::{
    core::Event,
    handover::{Handover, Load, PeerRules, compatible::register, failed, find, reach},
    moonraker::Moonraker,
    opening::OpenedFile,
    points,
    settings::{Macros, Settings},
    store,
};

impl Agent {
    pub(super) fn load(&mut self, job: String, layers: Option<u32>) {
        let files = self.job.as_mut().filter(|files| files.id == job);
        let Some((title, opened)) = files.and_then(|files| Some((files.title.clone(), files.opened.take()?)))
        else {
            let problem =
                Problem::new(500, "file_lost", "The opened file is gone").hint("Send the job again.");
            self.send_later(async { Event::Loaded { job, result: Err(problem), sent: false } });
            return;
        };
        let (moonraker, mail) = (self.moonraker.clone(), self.mail.clone());
        let settings = self.settings.clone();
        let pruning = self.pruning.take();
        tokio::spawn(async move {
            let result = async {
                // By a clock that went back, the new entry would look older than those that may go.
                if let Some(pruning) = pruning {
                    let _ = pruning.await;
                }
                let gcodes = settings.gcodes_dir.as_deref();
                let stub = || write_stub(&moonraker, gcodes, &job, &title, &opened);
                moonraker.patiently(stub).await.map_err(unsent)?;
                point(points::STUB);
                let picture = Picture::show(&moonraker, &job).await;
                let hand_over = give(&moonraker, &settings, &job, layers, opened);
                let handed = points::HAND_OVER.around(hand_over).await;
                if handed.is_err() {
                    picture.give_up();
                    remove_stub(&moonraker, gcodes, &job).await;
                }
                handed
            };
            let answer = match result.await {
                Ok(reduced) => Mail::HandedOver { job, reduced },
                Err((problem, sent)) => {
                    tracing::warn!(job, code = problem.code, "the file was not handed over: {problem}");
                    Mail::Event(Box::new(Event::Loaded { job, result: Err(problem), sent }))
                }
            };
            let _ = mail.send(answer);
        });
    }

    pub(super) fn start(&mut self, job: String) {
        // It was handed over and is never claimed again.
        self.forget_blobs();
        let moonraker = self.moonraker.clone();
        tracing::info!(job, "starting");
        self.send_later(async move {
            let name = stub_name(&job);
            let start = points::START.around(moonraker.start_print(&name));
            let result = start.await.map_err(|error| error.to_string());
            if let Err(error) = &result {
                tracing::warn!(job, error, "the start was not confirmed");
            }
            Event::StartAnswered { job, result }
        });
    }

    pub(super) fn cancel_print(&self, job: String) {
        let moonraker = self.moonraker.clone();
        tracing::info!(job, "cancelling");
        self.send_later(async move {
            let cancel = points::CANCEL.around(moonraker.cancel_print());
            let result = cancel.await.map_err(|error| error.to_string());
            if let Err(error) = &result {
                tracing::warn!(job, error, "the print could not be cancelled yet");
            }
            Event::CancelAnswered { job, result }
        });
    }

    pub(super) fn drop_file(&self, job: String) {
        let (moonraker, settings) = (self.moonraker.clone(), self.settings.clone());
        self.send_later(async move {
            let gone = points::DROP.around(let_go(&moonraker, &settings, job.clone())).await;
            if !gone {
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
            Event::Dropped { job, gone }
        });
    }

    pub(super) fn query(&self, query: u64) {
        let moonraker = self.moonraker.clone();
        self.send_later(async move {
            let look = points::QUERY.around(moonraker.look());
            let result = look.await.map(Box::new).map_err(|error| error.to_string());
            Event::Queried { query, result }
        });
    }

    pub(super) fn discard(&mut self, job: &str) {
        if let Some(ended) = self.core.document().ended.as_ref().filter(|ended| ended.id == job) {
            let reason = ended.reason.as_deref().unwrap_or_default();
            tracing::info!(job, outcome = ?ended.outcome, reason, "the job ended");
        }
        point(points::DISCARD);
        self.forget_blobs();
        if let Some(files) = self.job.take_if(|files| files.id == job) {
            files.task.abort();
        }
        self.prune();
        point(points::DISCARDED);
    }

    /// Leaves the newest entries in the file list.
    fn prune(&mut self) {
        let (moonraker, gcodes) = (self.moonraker.clone(), self.settings.gcodes_dir.clone());
        let (keep, before) = (self.settings.keep_stubs, self.pruning.take());
        self.pruning = Some(tokio::spawn(async move {
            if let Some(before) = before {
                let _ = before.await;
            }
            prune_stubs(&moonraker, gcodes.as_deref(), keep).await;
        }));
    }

    fn forget_blobs(&mut self) {
        if let Some(files) = &self.job {
            files.unwanted.store(true, Ordering::SeqCst);
        }
        store::clean(&self.settings.cache_dir);
    }
}

/// Hands an opened file to Klipper, in the way that the settings say. Whether that was with reduced protection; where it failed, whether
/// it may have arrived all the same.
pub(super) async fn give(
    moonraker: &Moonraker,
    settings: &Settings,
    job: &str,
    layers: Option<u32>,
    opened: OpenedFile,
) -> Result<bool, (Problem, bool)> {
    if settings.compatible {
        let load = Load { job, name: &stub_name(job), layers, macros: None };
        let registered = register(moonraker, load, opened.file).await;
        return registered.map(|()| true).map_err(|problem| (problem, true));
    }
    let extra = reach(moonraker, settings).await.map_err(unsent)?;
    hand_over(extra, job.to_owned(), layers, settings.macros.clone(), opened).await
}

/// Whether the extra is now known not to hold a file that could still be started.
pub(super) async fn let_go(moonraker: &Moonraker, settings: &Settings, job: String) -> bool {
    let Ok((socket, rules)) = find(moonraker, settings).await else { return false };
    let rules = PeerRules { allow_reduced: true, ..rules };
    let dropped = tokio::task::spawn_blocking(move || {
        Handover::connect(&socket, &rules).and_then(|mut extra| extra.drop_job(&job))
    });
    match dropped.await {
        Ok(Ok(())) => true,
        Ok(Err(problem)) => problem.code == "extra_unknown_job",
        Err(_) => false,
    }
}

async fn hand_over(
    mut extra: Handover,
    job: String,
    layers: Option<u32>,
    macros: Macros,
    opened: OpenedFile,
) -> Result<bool, (Problem, bool)> {
    let handed = tokio::task::spawn_blocking(move || {
        let load = Load { job: &job, name: &stub_name(&job), layers, macros: Some(&macros) };
        // Who refuses a file does not hold it; who does not answer may.
        extra.load(load, &opened.file).map_err(|problem| {
            let refused = problem.status == 409;
            (problem, !refused)
        })?;
        Ok(extra.peer().reduced)
    });
    handed.await.unwrap_or_else(|_| Err((failed(), true)))
}

/// It never left this program.
fn unsent(problem: Problem) -> (Problem, bool) {
    (problem, false)
}

/// For `status`.
pub(super) fn progress(permille: Option<u32>) -> serde_json::Value {
    permille.map_or(json!(null), |permille| json!(f64::from(permille) / 1000.0))
}
