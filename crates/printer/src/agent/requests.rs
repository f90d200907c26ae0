//! The methods of the agent's socket.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt};

use base64::{Engine, prelude::BASE64_STANDARD};
use sealpost_api::{Problem, printer::ClaimedJob};
use sealpost_envelope::{ContentCipher, Digest};
use sealpost_market::JobState;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Agent, Answer, Mail, status::rfc3339};
use crate::{
    checks,
    core::{Event, Stage},
    local::Request,
    points,
    problem::{bad_request, file as file_problem},
    settings::store_url,
    store::{Store, into_problem},
};

#[derive(Deserialize)]
struct JobParams {
    job: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SessionParams {
    session_id: Option<String>,
}

#[derive(Deserialize)]
struct LoginParams {
    username: String,
    password: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ConfigureParams {
    check_interval: Option<u64>,
    debug_mode: Option<bool>,
    marketplace_url: Option<String>,
    cws_url: Option<String>,
}

#[derive(Deserialize)]
struct StartPrintParams {
    job_id: String,
    encrypted_gcode: String,
    gcode_dek_package: String,
    gcode_iv_hex: Option<String>,
    job_manifest: String,
    filename: Option<String>,
}

impl Agent {
    pub(super) fn answer(&mut self, request: Request) {
        let Request { method, params, answer } = request;
        let result = match method.as_str() {
            "status" => Ok(self.status()),
            "queue_list" => Ok(self.queue()),
            "queue_remove" => read(params).and_then(|params: JobParams| self.queue_remove(&params.job)),
            "configure" => read(params).and_then(|params| self.configure(&params)),
            "start_pairing" => read(params).and_then(|params| self.start_pairing(params)),
            "unpair" => self.unpair(),
            "check_jobs" => return self.check_jobs(answer),
            "refresh_token" => return self.refresh(Some(answer)),
            "check" => return self.check(answer),
            "login_user" => return with(params, answer, |params, answer| self.login(params, answer)),
            "register_printer" => {
                return with(params, answer, |params, answer| self.register(params, answer));
            }
            "pair_start" => return with(params, answer, |params, answer| self.pair_start(&params, answer)),
            "pair_status" => {
                return with(params, answer, |params: SessionParams, answer| {
                    self.pair_status(params.session_id.as_deref(), answer);
                });
            }
            "pair_complete" => {
                return with(params, answer, |params: SessionParams, answer| {
                    self.pair_complete(params.session_id.as_deref(), answer);
                });
            }
            // Without a sealed job beside it, the name is that of a file on the printer's own disk.
            "start_print" if params["encrypted_gcode"].is_null() && params["job_manifest"].is_null() => {
                return with(params, answer, |params, answer| self.print_own(params, answer));
            }
            "start_print" => return with(params, answer, |params, answer| self.start_print(params, answer)),
            _ => Err(Problem::new(404, "unknown_method", "The agent has no such method")
                .hint("Update Moonraker's component and the agent to the same version.")),
        };
        let _ = answer.send(result);
    }

    /// A new token by the old one; for the core's own sake, or because somebody asked.
    pub(super) fn refresh(&mut self, answer: Option<Answer>) {
        let token = self.token.borrow().clone();
        let (Some(store), Some(token)) = (self.store.clone(), token) else {
            if let Some(answer) = answer {
                let _ = answer.send(Err(not_paired()));
            }
            return;
        };
        let printer = self.core.document().pairing.as_ref().map(|pairing| pairing.printer_id.clone());
        let (mail, now) = (self.mail.clone(), self.core.wall(self.clock.now()));
        tokio::spawn(async move {
            match points::REFRESH.around(store.refresh(&token.token, now)).await {
                Ok(token) => {
                    let reply = json!({"status": "success", "printer_id": printer, "expiry": rfc3339(Some(token.expires))});
                    let _ = mail.send(Mail::Token(token));
                    if let Some(answer) = answer {
                        let _ = answer.send(Ok(reply));
                    }
                }
                Err(trouble) => {
                    if let Some(answer) = answer {
                        let _ = answer.send(Err(into_problem(trouble.clone())));
                    }
                    let _ = mail.send(Mail::Event(Box::new(Event::TokenRenewed(Err(trouble)))));
                }
            }
        });
    }

    fn check_jobs(&mut self, answer: Answer) {
        let token = self.token.borrow().clone();
        let (Some(store), Some(token)) = (self.store.clone(), token) else {
            return drop(answer.send(Err(not_paired())));
        };
        let mail = self.mail.clone();
        let before = self.job_status();
        tokio::spawn(async move {
            // The core polls by itself: this one only tells whether the store answers.
            let result = store.poll(&token.token).await;
            let _ = mail.send(Mail::Event(Box::new(Event::CheckNow)));
            let reply = match result {
                Ok(poll) => {
                    let mut jobs = before;
                    jobs["queue_length"] = poll.jobs.len().into();
                    let message = match poll.jobs.len() {
                        0 => "no job waits".to_owned(),
                        1 => "1 job waits".to_owned(),
                        more => format!("{more} jobs wait"),
                    };
                    Ok(json!({"status": "success", "message": message, "job_status": jobs}))
                }
                Err(trouble) => Err(into_problem(trouble)),
            };
            let _ = answer.send(reply);
        });
    }

    fn check(&self, answer: Answer) {
        let context = self.check_context();
        let mail = self.mail.clone();
        tokio::spawn(async move {
            let (checks, token) = checks::run(context).await;
            if let Some(token) = token {
                let _ = mail.send(Mail::Token(token));
            }
            let _ = answer.send(Ok(json!({"checks": checks})));
        });
    }

    pub(super) fn check_context(&self) -> checks::Context {
        checks::Context {
            settings: self.settings.clone(),
            moonraker: self.moonraker.clone(),
            store: self.store.clone(),
            token: self.token.borrow().clone(),
            identity: self.identity.clone(),
            printer_id: self.core.document().pairing.as_ref().map(|pairing| pairing.printer_id.clone()),
            now: self.core.wall(self.clock.now()),
        }
    }

    fn login(&self, params: LoginParams, answer: Answer) {
        // A person's own password, typed for this address: unlike the printer's token it may go where moonraker.conf says.
        let said = self.settings.cws_url.clone().or_else(|| self.cws_url.borrow().clone());
        let base = match said.map_or_else(|| self.store_to_join(None), Ok) {
            Ok(base) => base,
            Err(problem) => return drop(answer.send(Err(problem))),
        };
        let store = Store::new(self.http.clone(), base);
        tokio::spawn(async move {
            let result = store.login(params.username, params.password).await;
            let _ = answer.send(result.map(|login| json!({"token": login.token, "user_id": login.user_id})));
        });
    }

    fn queue_remove(&mut self, job: &str) -> Result<Value, Problem> {
        let view = self.view();
        let printing = matches!(self.core.stage_of(job), Some(Stage::Starting | Stage::Watching));
        if printing {
            return Err(Problem::new(409, "printing", "This job is being printed")
                .hint("Cancel the print on the printer's own page or screen."));
        }
        if self.core.stage_of(job).is_none() && !view.queue.iter().any(|entry| entry.id == job) {
            return Err(Problem::new(404, "unknown_job", "No such job waits here")
                .hint("`sealpost-printer queue list` shows what waits."));
        }
        self.take(Event::Remove { job: job.to_owned() });
        Ok(json!({"job": job, "state": "removed"}))
    }

    fn configure(&mut self, params: &ConfigureParams) -> Result<Value, Problem> {
        if let Some(seconds) = params.check_interval.filter(|seconds| *seconds > 0) {
            self.core.set_poll_interval(seconds.clamp(5, 3600) * 1000);
        }
        if let Some(debug) = params.debug_mode {
            crate::log::set_debug(debug || self.settings.debug);
        }
        let url = |text: &Option<String>| match text.as_deref().map(str::trim).filter(|text| !text.is_empty())
        {
            Some(text) => {
                store_url(text, self.settings.allow_http).map(Some).map_err(|error| error.problem())
            }
            None => Ok(None),
        };
        let (marketplace, cws) = (url(&params.marketplace_url)?, url(&params.cws_url)?);
        self.marketplace_url = marketplace.or(self.marketplace_url.take());
        if cws.is_some() {
            self.cws_url.send_replace(cws);
        }
        Ok(json!({"status": "success"}))
    }

    /// A sealed job that was carried here instead of being fetched; the manifest decides, as for any other.
    fn start_print(&mut self, params: StartPrintParams, answer: Answer) {
        let taken = carried(params).and_then(|(claimed, blob)| {
            self.core.check_handed_in(&claimed, self.clock.now())?;
            self.keep_blob(&blob)?;
            Ok(claimed)
        });
        let claimed = match taken {
            Ok(claimed) => claimed,
            Err(problem) => return drop(answer.send(Err(problem))),
        };
        self.handed_in = Some((claimed.print_job_id.clone(), answer));
        self.take(Event::HandedIn { claimed: Box::new(claimed) });
    }

    /// Where a download would put it: from here on the job is like any other.
    fn keep_blob(&self, blob: &[u8]) -> Result<(), Problem> {
        let folder = &self.settings.cache_dir;
        let path = folder.join(format!("{}.sealed", Digest::of(blob).hex()));
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(folder)?;
            fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&path)?
                .write_all(blob)
        };
        write().map_err(|error| {
            // Half a blob is nobody's.
            let _ = fs::remove_file(&path);
            file_problem(&path, &error)
        })
    }
}

fn carried(params: StartPrintParams) -> Result<(ClaimedJob, Vec<u8>), Problem> {
    let blob = BASE64_STANDARD
        .decode(params.encrypted_gcode)
        .map_err(|_| bad_request("`encrypted_gcode` is not base64."))?;
    let cipher = if params.gcode_iv_hex.is_some() { ContentCipher::Aes256Cbc } else { ContentCipher::Age };
    let claimed = ClaimedJob {
        title: params.filename.unwrap_or_else(|| params.job_id.clone()),
        print_job_id: params.job_id,
        purchase_id: String::new(),
        status: JobState::Processing,
        encrypted_gcode_download_url: String::new(),
        gcode_dek_encrypted_hex: params.gcode_dek_package.clone(),
        gcode_dek_package: params.gcode_dek_package,
        gcode_iv_hex: params.gcode_iv_hex,
        cipher: cipher.to_string(),
        job_manifest: params.job_manifest,
        // Nobody told: reports then mean the current lease.
        lease: 0,
        lease_seconds: 120,
        user_account_id: String::new(),
        printer_kek_id: String::new(),
        created_at: String::new(),
    };
    Ok((claimed, blob))
}

fn with<T: DeserializeOwned>(params: Value, answer: Answer, go: impl FnOnce(T, Answer)) {
    match read(params) {
        Ok(params) => go(params, answer),
        Err(problem) => drop(answer.send(Err(problem))),
    }
}

fn read<T: DeserializeOwned>(params: Value) -> Result<T, Problem> {
    let params = if params.is_null() { json!({}) } else { params };
    // The error names the field and never shows what was in it.
    serde_json::from_value(params).map_err(|error| {
        let text = error.to_string();
        let missing = text.starts_with("missing field");
        bad_request(if missing { text } else { "A parameter has the wrong type.".to_owned() })
    })
}

fn not_paired() -> Problem {
    Problem::new(401, "not_paired", "This printer belongs to no store")
        .hint("Pair it: `sealpost-printer pair`.")
}
