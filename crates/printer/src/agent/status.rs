//! What `status` and `queue_list` answer.

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Agent, Mail, hand::progress};
use crate::{
    core::{CurrentJob, Ended, LastError, View},
    handover::{Handover, PeerRules, find},
};

impl Agent {
    pub(super) fn status(&self) -> Value {
        let view = self.view();
        let pairing = self.session.as_ref().map(|session| {
            let mut pairing = serde_json::to_value(&session.started).unwrap_or_default();
            pairing["status"] = session.status.clone().into();
            pairing["short_code"] = session.short_code.clone().into();
            pairing
        });
        let error = view.last_error.as_ref().map(|error| {
            let problem = &error.problem;
            json!({
                "code": problem.code, "title": problem.title, "detail": problem.detail,
                "hint": problem.hint, "at": rfc3339(Some(error.at)),
            })
        });
        json!({
            "auth": {
                "authenticated": view.authenticated,
                "printer_id": view.printer_id,
                "printer_name": view.printer_name,
                "token_expiry": rfc3339(view.token.map(|life| life.expires)),
            },
            "jobs": jobs(&view),
            "last_job": view.ended.as_ref().map(ended),
            "version": env!("CARGO_PKG_VERSION"),
            "store": view.store,
            "moonraker": if view.moonraker { "connected" } else { "disconnected" },
            "klipper": view.klipper.as_str(),
            "extra": view.extra,
            "pairing": pairing,
            "reduced": self.reduced.or(self.settings.compatible.then_some(true)),
            "progress": progress(view.current.as_ref().and_then(|job| job.progress)),
            "reports_waiting": view.reports_waiting,
            "last_error": error,
        })
    }

    /// Finds out whether a file would be protected, once each time that Klipper gets ready. Nothing is handed over.
    pub(super) fn look_at_extra(&mut self, ready: bool) {
        if !ready {
            (self.reduced, self.looked) = (None, false);
            return;
        }
        if self.looked || self.settings.compatible {
            return;
        }
        self.looked = true;
        let (moonraker, settings, mail) = (self.moonraker.clone(), self.settings.clone(), self.mail.clone());
        tokio::spawn(async move {
            let looked = match find(&moonraker, &settings).await {
                Ok((socket, rules)) => {
                    let rules = PeerRules { allow_reduced: true, ..rules };
                    let look = move || Handover::connect(&socket, &rules).map(|extra| extra.peer().reduced);
                    tokio::task::spawn_blocking(look).await.ok().and_then(Result::ok)
                }
                Err(_) => None,
            };
            let _ = mail.send(Mail::Looked(looked));
        });
    }

    pub(super) fn job_status(&self) -> Value {
        jobs(&self.view())
    }

    pub(super) fn queue(&self) -> Value {
        let view = self.view();
        let current = view.current.iter().map(|job| {
            let size =
                self.job.as_ref().filter(|files| files.id == job.id).map(|files| files.manifest.blob_size);
            json!({"id": job.id, "title": job.title, "state": job.state, "size": size, "created_at": null})
        });
        let waiting = view.queue.iter().map(|entry| {
            json!({
                "id": entry.id, "title": entry.title, "state": entry.state,
                "size": entry.size, "created_at": entry.created_at,
            })
        });
        json!({"jobs": current.chain(waiting).collect::<Vec<_>>()})
    }

    pub(super) fn view(&self) -> View {
        let now = self.clock.now();
        let mut view = self.core.view(now);
        if let Some(problem) = &self.save_problem {
            view.last_error = Some(LastError { problem: problem.clone(), at: self.core.wall(now) });
        }
        view
    }
}

/// A time for people and programs; `null` where there is none.
pub(super) fn rfc3339(unix: Option<u64>) -> Option<String> {
    let time = OffsetDateTime::from_unix_timestamp(i64::try_from(unix?).ok()?).ok()?;
    time.format(&Rfc3339).ok()
}

fn jobs(view: &View) -> Value {
    json!({
        "current_job": view.current.as_ref().map(current),
        "queue_length": view.queue.len(),
        "job_started": view.current.as_ref().is_some_and(|job| job.state != "processing"),
        "last_check": rfc3339(view.last_poll),
    })
}

fn ended(job: &Ended) -> Value {
    json!({
        "id": job.id, "title": job.title, "state": job.outcome, "message": job.reason,
        "at": rfc3339(Some(job.at)),
    })
}

fn current(job: &CurrentJob) -> Value {
    let message = match job.state {
        "processing" => "being prepared",
        "paused" => "paused",
        _ => "being printed",
    };
    json!({
        "id": job.id, "title": job.title, "state": job.state,
        "progress": progress(job.progress), "message": message,
    })
}
