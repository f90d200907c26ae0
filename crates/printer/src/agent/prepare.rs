//! Download, check, open: everything before Klipper hears of a job.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use sealpost_api::{Problem, printer::ClaimedJob};
use sealpost_envelope::{
    Dek, JobManifest, SecretText,
    psek::{KeyPackage, Psek},
};
use tokio::sync::{mpsc, watch};

use super::{Agent, JobFiles, Mail, keeper::Keeper, patience::Patience};
use crate::{
    core::{Event, Trouble},
    legacy::custody,
    locked::{Locked, leaving_nothing},
    machine::Identity,
    moonraker::Moonraker,
    opening::{self, OpenedFile, open_blob, open_legacy_package, open_package},
    settings::Macros,
    state::StoredToken,
    store::{Download, Downloaded, Store, into_problem},
};

struct Work {
    store: Store,
    token: watch::Receiver<Option<StoredToken>>,
    keeper: Keeper,
    identity: Arc<Identity>,
    moonraker: Moonraker,
    cache_dir: PathBuf,
    macros: Macros,
    mail: mpsc::UnboundedSender<Mail>,
    claimed: ClaimedJob,
    manifest: JobManifest,
    unwanted: Arc<AtomicBool>,
    patience: Patience,
}

impl Agent {
    pub(super) fn prepare(&mut self, claimed: ClaimedJob, manifest: JobManifest) {
        let (id, title) = (claimed.print_job_id.clone(), claimed.title.clone());
        let (Some(store), Some(identity)) = (self.store.clone(), self.identity.clone()) else {
            let problem = Problem::new(500, "no_identity", "The printer's identity key is missing")
                .hint("Restore it from a backup, or pair the printer again.");
            self.send_later(async { Event::Prepared { job: id, result: Err(problem) } });
            return;
        };
        let (valid, now) = (Duration::from_secs(manifest.exp.saturating_sub(manifest.iat)), Instant::now());
        let carried = claimed.lease == 0;
        let work = Work {
            store,
            token: self.token.subscribe(),
            keeper: self.keeper(),
            identity,
            moonraker: self.moonraker.clone(),
            cache_dir: self.settings.cache_dir.clone(),
            macros: self.settings.macros.clone(),
            mail: self.mail.clone(),
            patience: if carried { Patience::carried(now) } else { Patience::claimed(valid, now) },
            claimed,
            manifest: manifest.clone(),
            unwanted: Arc::default(),
        };
        let unwanted = Arc::clone(&work.unwanted);
        let (mail, job) = (self.mail.clone(), id.clone());
        let task = tokio::spawn(async move {
            let result = Box::new(work.run().await);
            let _ = mail.send(Mail::Opened { job, result });
        });
        self.job = Some(JobFiles { id, title, manifest, task: task.abort_handle(), unwanted, opened: None });
    }

    pub(super) fn abort(&mut self, job: &str) {
        if let Some(files) = self.job.as_mut().filter(|files| files.id == job) {
            files.task.abort();
            files.opened = None;
        }
        if let Some((_, answer)) = self.handed_in.take_if(|(waiting, _)| waiting == job) {
            let _ = answer
                .send(Err(Problem::new(409, "job_cancelled", "The job was cancelled")
                    .hint("Send it anew to print it.")));
        }
    }
}

impl Work {
    async fn run(mut self) -> Result<OpenedFile, Problem> {
        // The key first: a package that is not for this printer saves the download.
        let dek = self.content_key().await?;
        opening::check_memory(self.manifest.plain_size)?;
        let limits = self.moonraker.patiently(|| self.moonraker.limits()).await?;
        let limits = self.macros.within(limits);
        let Downloaded { file, digest } = self.download().await?;
        opening::check_memory(self.manifest.plain_size)?;
        let manifest = self.manifest.clone();
        let opened = tokio::task::spawn_blocking(move || {
            let dek = dek.get().ok_or_else(opening_failed)?;
            leaving_nothing(|| open_blob(file, &digest, &manifest, dek, &limits)).map_err(Problem::from)
        });
        opened.await.unwrap_or_else(|_| Err(opening_failed()))
    }

    /// The package says who opens it: the printer's own key, or one that a custodian keeps.
    async fn content_key(&mut self) -> Result<Locked<Dek>, Problem> {
        let package = self.claimed.gcode_dek_package.clone();
        let opened = match KeyPackage::of(&package) {
            KeyPackage::Psek(package) => {
                let key = self.kept_key().await?;
                let key = key.get().ok_or_else(opening_failed)?;
                Locked::make(|| open_legacy_package(package, &self.manifest, key))
            }
            _ => {
                let secret = self.identity.secret();
                Locked::make(|| open_package(&package, &self.manifest, secret))
            }
        };
        Ok(opened?)
    }

    /// The printer's key from whoever keeps it: that they are away costs nobody a print.
    async fn kept_key(&mut self) -> Result<Locked<Psek>, Problem> {
        let mut patience = self.patience.clone();
        loop {
            let problem = match self.keeper.ask().await {
                Ok(key) => {
                    self.tell(Event::Custodian(Ok(())));
                    return Ok(key);
                }
                Err(problem) if custody::may_pass(&problem) => problem,
                Err(problem) => return Err(problem),
            };
            tracing::info!(code = problem.code, "the printer's key is asked for again: {problem}");
            self.tell(Event::Custodian(Err(problem.clone())));
            if problem.code == "cws_token_refused" {
                // A poll with the same token makes the core get a new one.
                self.tell(Event::CheckNow);
            }
            let Some(pause) = patience.pause(false, Instant::now()) else { return Err(problem) };
            self.keeper.wait(pause).await;
        }
    }

    async fn download(&mut self) -> Result<Downloaded, Problem> {
        let url = self.claimed.encrypted_gcode_download_url.clone();
        let job = self.claimed.print_job_id.clone();
        loop {
            let token = self.token.borrow_and_update().as_ref().map(|stored| stored.token.clone());
            let token = token.unwrap_or_else(|| SecretText::new(String::new()));
            let (manifest, unwanted) = (&self.manifest, &self.unwanted);
            let download = Download { folder: &self.cache_dir, manifest, url: &url, unwanted };
            let (mut patience, mail) = (self.patience.clone(), self.mail.clone());
            let wait = |got_on: bool, problem: &Problem| {
                tracing::info!(job, code = problem.code, "the file is asked for again: {problem}");
                let event = Event::Delayed { job: job.clone(), problem: problem.clone() };
                let _ = mail.send(Mail::Event(Box::new(event)));
                patience.pause(got_on, Instant::now())
            };
            match self.store.download(&token, download, wait).await {
                Err(Trouble::Unauthorized) if !self.patience.is_over(Instant::now()) => {
                    // A poll with the same token makes the core get a new one.
                    self.tell(Event::CheckNow);
                    let _ = tokio::time::timeout(Duration::from_secs(60), self.token.changed()).await;
                }
                result => return result.map_err(into_problem),
            }
        }
    }

    fn tell(&self, event: Event) {
        // Fails only when the agent is gone.
        let _ = self.mail.send(Mail::Event(Box::new(event)));
    }
}

pub(super) fn opening_failed() -> Problem {
    Problem::new(500, "opening_failed", "The file could not be opened")
        .hint("Send it anew; if it stays, report it.")
}
