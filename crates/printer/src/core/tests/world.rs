//! A store, a printer and a disk around the core, in virtual time; every answer comes when the test says so.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use sealpost_api::{
    Problem,
    printer::{ClaimedJob, JobOffer, Poll, Report, ReportStatus, Reported},
};
use sealpost_envelope::{
    ContentCipher, JobManifest, KeySet, KeyUse, SigningKey, keyset::SetKey, manifest::package_hash,
};
use sealpost_market::JobState;

use super::super::*;

pub(super) const ORIGIN: &str = "https://store.example";
pub(super) const PRINTER: &str = "p_1";
const START: u64 = 1_800_000_000;

pub(super) struct World {
    pub(super) core: Core,
    /// What a crash leaves.
    pub(super) disk: Document,
    pub(super) mono: u64,
    /// Requests that were made and not answered.
    pub(super) pending: VecDeque<Effect>,
    pub(super) store: FakeStore,
    pub(super) printer: FakePrinter,
    runs: u64,
    pub(super) polls: u64,
}

#[derive(Default)]
pub(super) struct FakeStore {
    pub(super) jobs: BTreeMap<String, StoreJob>,
    pub(super) reports: BTreeSet<String>,
    pub(super) applied: Vec<(String, Report)>,
    pub(super) token_void: bool,
    pub(super) key_set_version: u64,
    pub(super) cancel: Vec<String>,
}

#[derive(Default)]
pub(super) struct StoreJob {
    pub(super) lease: u64,
    pub(super) state: Option<ReportStatus>,
}

#[derive(Default)]
pub(super) struct FakePrinter {
    pub(super) extra: Extra,
    pub(super) up: bool,
    pub(super) starts: BTreeMap<String, u32>,
}

impl World {
    pub(super) fn new() -> Self {
        let root = root();
        let document = Document {
            pairing: Some(Pairing {
                store: ORIGIN.to_owned(),
                printer_id: PRINTER.to_owned(),
                printer_name: "test".to_owned(),
                root_key: hex::encode(root.verifying_key().as_bytes()),
                key_set: None,
                key_set_version: 0,
            }),
            ..Document::default()
        };
        let mut world = Self {
            core: Core::new(document.clone(), life(), rules(0)),
            disk: document,
            mono: 0,
            pending: VecDeque::new(),
            store: FakeStore { key_set_version: 1, ..FakeStore::default() },
            printer: FakePrinter { up: true, ..FakePrinter::default() },
            runs: 0,
            polls: 0,
        };
        world.printer.extra.state = "idle".to_owned();
        world.observe();
        world
    }

    pub(super) fn now(&self) -> Now {
        Now { mono: self.mono, unix: START + self.mono / 1000 }
    }

    pub(super) fn handle(&mut self, event: Event) {
        let effects = self.core.handle(event, self.now());
        for effect in effects {
            match effect {
                Effect::Save => self.disk = self.core.document().clone(),
                Effect::Poll => {
                    self.polls += 1;
                    let waiting = self.pending.iter().filter(|other| matches!(other, Effect::Poll)).count();
                    assert_eq!(waiting, 0, "two polls at once");
                    self.pending.push_back(Effect::Poll);
                }
                other => self.pending.push_back(other),
            }
        }
    }

    pub(super) fn observe(&mut self) {
        let observation = Box::new(self.look());
        self.handle(Event::Observed(observation));
    }

    pub(super) fn tick(&mut self, millis: u64) {
        self.mono += millis;
        self.handle(Event::Tick);
    }

    /// Everything in memory is gone; requests under way may or may not have arrived.
    pub(super) fn crash(&mut self, arrived: bool) {
        for effect in std::mem::take(&mut self.pending) {
            if arrived {
                let _ = self.act(effect, true);
            }
        }
        self.runs += 1;
        self.core = Core::new(self.disk.clone(), life(), rules(self.runs));
        self.observe();
    }

    pub(super) fn restart_klipper(&mut self) {
        self.printer.up = false;
        self.observe();
        self.printer.extra = Extra { state: "idle".to_owned(), ..Extra::default() };
        self.printer.up = true;
        self.observe();
    }

    /// The print gets on or ends.
    pub(super) fn print_on(&mut self, outcome: &str) {
        self.printer.end(outcome);
        self.observe();
    }

    /// Answers the oldest request but `skip`.
    pub(super) fn answer(&mut self, skip: usize, works: bool) {
        if self.pending.is_empty() {
            return;
        }
        let index = skip % self.pending.len();
        let effect = self.pending.remove(index).unwrap();
        if let Some(event) = self.act(effect, works) {
            self.handle(event);
        }
    }

    /// Lets everything work until nothing happens any more.
    pub(super) fn settle(&mut self) {
        for _ in 0..2_000 {
            self.store.token_void = false;
            if !self.pending.is_empty() {
                self.answer(0, true);
                continue;
            }
            if self.printer.extra.state == "printing" {
                self.print_on("complete");
                continue;
            }
            self.observe();
            let wake = self.core.wake_at(self.now());
            // A poll or a token that is backed off for longer than this is not at rest.
            let wants = self.core.poll.wanted || self.core.auth.void;
            let idle = self.core.document().outbox.is_empty() && self.core.document().job.is_none();
            if idle && !wants && self.pending.is_empty() && wake > self.mono + 30_000 {
                return;
            }
            let step = wake.saturating_sub(self.mono).clamp(10, 3_600_000);
            self.tick(step);
        }
        panic!("does not come to rest: {:?}", self.core.view(self.now()));
    }

    fn act(&mut self, effect: Effect, works: bool) -> Option<Event> {
        let down = || Trouble::Retry(Problem::new(503, "down", "down"));
        let void = self.store.token_void;
        let failed = if void { Some(Trouble::Unauthorized) } else { (!works).then(down) };
        Some(match effect {
            Effect::Save | Effect::Discard { .. } | Effect::Abort { .. } => return None,
            Effect::Poll => Event::Polled(failed.map_or_else(|| Ok(self.store.poll()), Err)),
            Effect::Claim { job } => {
                let nonce = format!("nonce-{}-{}", self.mono, self.store.jobs[&job].lease);
                let result = failed.map_or_else(|| self.store.claim(&job, &nonce), Err);
                Event::Claimed { job, nonce, result }
            }
            Effect::Send(outgoing) => {
                let report_id = outgoing.report.report_id.clone();
                let result = match failed {
                    // The answer got lost, the report did not.
                    Some(trouble @ Trouble::Retry(_)) if self.mono.is_multiple_of(2) => {
                        let _ = self.store.report(*outgoing);
                        Err(trouble)
                    }
                    Some(trouble) => Err(trouble),
                    None => self.store.report(*outgoing),
                };
                Event::Reported { report_id, result }
            }
            Effect::FetchKeys => Event::KeysFetched(failed.map_or_else(|| Ok(self.store.keys()), Err)),
            Effect::Refresh | Effect::Reissue => {
                if works {
                    self.store.token_void = false;
                }
                Event::TokenRenewed(if works { Ok(life().unwrap()) } else { Err(down()) })
            }
            Effect::Prepare { claimed, .. } => {
                let opened = Opened { size: 100, layers: Some(3) };
                let result = if works { Ok(opened) } else { Err(Problem::new(422, "blob_corrupt", "bad")) };
                Event::Prepared { job: claimed.print_job_id, result }
            }
            Effect::Load { job, .. } => {
                let free = self.printer.up && matches!(self.printer.extra.state.as_str(), "idle" | "loaded");
                if works && free {
                    self.printer.extra.state = "loaded".to_owned();
                    self.printer.extra.job = Some(job.clone());
                    self.printer.extra.size = 100;
                    Event::Loaded { job, result: Ok(()) }
                } else {
                    Event::Loaded { job, result: Err(Problem::new(503, "extra_unreachable", "no")) }
                }
            }
            Effect::Start { job } => self.start(job, works),
            Effect::CancelPrint { job } => {
                if works && self.printer.extra.job.as_ref() == Some(&job) {
                    self.printer.end("cancelled");
                }
                return None;
            }
            Effect::Drop { job } => {
                let extra = &mut self.printer.extra;
                let held = extra.job.as_ref() == Some(&job);
                let printing = held && extra.state != "loaded";
                let gone = works && self.printer.up && !printing;
                if gone && held {
                    extra.job = None;
                    extra.state = "idle".to_owned();
                }
                Event::Dropped { job, gone }
            }
            Effect::Query { query } => {
                let result = if works { Ok(Box::new(self.look())) } else { Err("timeout".to_owned()) };
                Event::Queried { query, result }
            }
        })
    }

    fn start(&mut self, job: String, works: bool) -> Event {
        assert!(self.disk.started.contains(&job), "started before that was durable");
        let extra = &mut self.printer.extra;
        let starts = self.printer.up && extra.state == "loaded" && extra.job.as_ref() == Some(&job);
        if starts {
            extra.state = "printing".to_owned();
        }
        *self.printer.starts.entry(job.clone()).or_default() += 1;
        // Without an answer nobody knows whether it started.
        let result = if works && starts { Ok(()) } else { Err("no answer".to_owned()) };
        Event::StartAnswered { job, result }
    }

    fn look(&self) -> Observation {
        Observation {
            moonraker: true,
            klipper: if self.printer.up { Klipper::Ready } else { Klipper::Disconnected },
            print_state: match self.printer.extra.state.as_str() {
                "printing" => "printing".to_owned(),
                _ => "standby".to_owned(),
            },
            extra: self.printer.up.then(|| self.printer.extra.clone()),
            ..Observation::default()
        }
    }
}

impl FakePrinter {
    fn end(&mut self, outcome: &str) {
        let extra = &mut self.extra;
        if extra.state != "printing" {
            return;
        }
        let position = if outcome == "complete" { extra.size } else { extra.size / 2 };
        extra.last = Some(LastPrint {
            job: extra.job.take().unwrap(),
            outcome: outcome.to_owned(),
            position,
            size: extra.size,
            message: String::new(),
        });
        extra.state = "idle".to_owned();
    }
}

impl FakeStore {
    pub(super) fn add(&mut self, job: &str) {
        self.jobs.insert(job.to_owned(), StoreJob::default());
    }

    pub(super) fn terminal(&self, job: &str) -> Vec<ReportStatus> {
        let ends = [
            ReportStatus::Success,
            ReportStatus::Failure,
            ReportStatus::Cancelled,
            ReportStatus::Interrupted,
        ];
        let of_job = self.applied.iter().filter(|(id, report)| id == job && ends.contains(&report.status));
        of_job.map(|(_, report)| report.status).collect()
    }

    fn poll(&self) -> Poll {
        let waits = |job: &&StoreJob| matches!(job.state, None | Some(ReportStatus::Processing));
        let jobs = self.jobs.iter().filter(|(_, job)| waits(job)).map(|(id, job)| JobOffer {
            print_job_id: id.clone(),
            status: if job.lease == 0 { JobState::ReadyToPrint } else { JobState::Processing },
            title: id.clone(),
            blob_size: 1,
            created_at: String::new(),
        });
        Poll {
            jobs: jobs.collect(),
            cancel_requested: self.cancel.clone(),
            key_set_version: self.key_set_version,
        }
    }

    fn claim(&mut self, id: &str, nonce: &str) -> Result<Box<ClaimedJob>, Trouble> {
        let job = self.jobs.get_mut(id).unwrap();
        job.lease += 1;
        Ok(Box::new(claimed(id, job.lease, nonce, |_| {})))
    }

    fn report(&mut self, outgoing: Outgoing) -> Result<Reported, Trouble> {
        let Outgoing { job: id, report } = outgoing;
        let job = self.jobs.get_mut(&id).unwrap();
        if self.reports.insert(report.report_id.clone()) {
            if report.lease != job.lease {
                return Err(Trouble::Refused(Problem::new(409, "old_lease", "old")));
            }
            job.state = Some(report.status);
            self.applied.push((id.clone(), report));
        }
        let cancel_requested = self.cancel.contains(&id);
        Ok(Reported { print_job_id: id, state: JobState::Processing, cancel_requested })
    }

    fn keys(&self) -> String {
        key_set(self.key_set_version)
    }
}

pub(super) fn rules(run: u64) -> Rules {
    Rules { poll_interval: 60_000, run }
}

pub(super) fn life() -> Option<TokenLife> {
    Some(TokenLife { issued: START, expires: START + 30 * 24 * 3600 })
}

pub(super) fn root() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

pub(super) fn signing() -> SigningKey {
    SigningKey::from_bytes(&[2; 32])
}

pub(super) fn key_set(version: u64) -> String {
    key_set_with(version, &signing())
}

pub(super) fn key_set_of_another(version: u64) -> String {
    key_set_with(version, &SigningKey::from_bytes(&[3; 32]))
}

/// The manifest with these claims (base64url), signed by another key.
pub(super) fn signed_by_another(claims: &str) -> String {
    let claims = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, claims).unwrap();
    let manifest: JobManifest = serde_json::from_slice(&claims).unwrap();
    manifest.sign(&SigningKey::from_bytes(&[3; 32])).unwrap()
}

fn key_set_with(version: u64, signing: &SigningKey) -> String {
    let keys = vec![SetKey::new(KeyUse::Jobs, signing.verifying_key())];
    KeySet { iss: ORIGIN.to_owned(), version, iat: START, keys }.sign(&root()).unwrap()
}

/// A claim's answer whose manifest `change` altered before it was signed.
pub(super) fn claimed(
    id: &str,
    lease: u64,
    nonce: &str,
    change: impl FnOnce(&mut JobManifest),
) -> ClaimedJob {
    let package = "package".to_owned();
    let mut manifest = JobManifest {
        iss: ORIGIN.to_owned(),
        aud: PRINTER.to_owned(),
        job: id.to_owned(),
        listing: "l".to_owned(),
        release: "r".to_owned(),
        nonce: nonce.to_owned(),
        cipher: ContentCipher::Age,
        iv: None,
        blob_sha256: [0; 32],
        blob_size: 1,
        key_sha256: package_hash(&package),
        plain_sha256: [0; 32],
        plain_size: 1,
        iat: START,
        exp: START + 365 * 24 * 3600,
    };
    change(&mut manifest);
    ClaimedJob {
        print_job_id: id.to_owned(),
        purchase_id: String::new(),
        status: JobState::Processing,
        title: id.to_owned(),
        encrypted_gcode_download_url: String::new(),
        gcode_dek_encrypted_hex: package.clone(),
        gcode_dek_package: package,
        gcode_iv_hex: None,
        cipher: manifest.cipher.to_string(),
        job_manifest: manifest.sign(&signing()).unwrap(),
        lease,
        lease_seconds: 90,
        user_account_id: String::new(),
        printer_kek_id: String::new(),
        created_at: String::new(),
    }
}
