//! Joining a store: by a code that a person approves, or by a person's own token.

use std::sync::Arc;

use sealpost_api::{
    Problem,
    pairing::{PrinterDescription, RegisterPrinter},
};
use sealpost_envelope::SecretText;
use sealpost_faults::point;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{Agent, Answer, Mail, status::rfc3339};
use crate::{
    core::{Event, Pairing},
    machine::{Identity, rng},
    points,
    problem::bad_request,
    settings::store_url,
    state::StoredToken,
    store::{Store, origin, pairing::Session, pairing::own_origin},
};

/// What the tasks of a pairing tell the agent.
pub(super) enum PairMail {
    Started {
        session: Box<Session>,
        answer: Answer,
    },
    Asked {
        session: Box<Session>,
        result: Result<(String, u64), Problem>,
        answer: Answer,
    },
    Completed {
        session: Option<Box<Session>>,
        pairing: Pairing,
        token: StoredToken,
        reply: Value,
        answer: Answer,
    },
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Description {
    store: Option<String>,
    printer_name: Option<String>,
    manufacturer: Option<String>,
    model: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Registration {
    user_token: SecretText,
    printer_name: Option<String>,
    manufacturer: Option<String>,
    model: Option<String>,
}

impl Agent {
    /// The key and the description, without asking anybody.
    pub(super) fn start_pairing(&mut self, description: Description) -> Result<Value, Problem> {
        let identity = self.identity_or_new()?;
        self.describe(&description);
        let public = identity.secret().public();
        Ok(json!({
            "status": "success", "key_type": "x25519", "public_key": public.to_string(),
            "key_id": public.key_id(), "printer": self.described,
        }))
    }

    pub(super) fn pair_start(&mut self, description: &Description, answer: Answer) {
        let begun = self.no_job_at_hand().and_then(|()| self.identity_or_new()).and_then(|identity| {
            Ok((identity, Store::new(self.http.clone(), self.store_to_join(description.store.as_deref())?)))
        });
        let (identity, store) = match begun {
            Ok(begun) => begun,
            Err(problem) => return drop(answer.send(Err(problem))),
        };
        self.describe(description);
        let (mail, described) = (self.mail.clone(), self.described.clone());
        tokio::spawn(async move {
            match Session::start(store, identity.secret(), described).await {
                Ok(session) => {
                    drop(mail.send(Mail::Pair(PairMail::Started { session: Box::new(session), answer })))
                }
                Err(problem) => drop(answer.send(Err(problem))),
            }
        });
    }

    pub(super) fn pair_status(&mut self, session: Option<&str>, answer: Answer) {
        let mut session = match self.session_named(session) {
            Ok(session) => session,
            Err(problem) => return drop(answer.send(Err(problem))),
        };
        let mail = self.mail.clone();
        tokio::spawn(async move {
            let result = session.ask().await;
            let _ = mail.send(Mail::Pair(PairMail::Asked { session: Box::new(session), result, answer }));
        });
    }

    pub(super) fn pair_complete(&mut self, session: Option<&str>, answer: Answer) {
        let begun = self
            .no_job_at_hand()
            .and_then(|()| self.session_named(session))
            .and_then(|session| Ok((session, self.identity_or_new()?)));
        let (mut session, identity) = match begun {
            Ok(begun) => begun,
            Err(problem) => return drop(answer.send(Err(problem))),
        };
        let (mail, allow_http) = (self.mail.clone(), self.settings.allow_http);
        let now = self.core.wall(self.clock.now());
        tokio::spawn(async move {
            match session.complete(identity.secret(), allow_http, now).await {
                Ok((pairing, token)) => {
                    let reply = json!({
                        "status": "success", "printer_id": pairing.printer_id,
                        "expires_at": rfc3339(Some(token.expires)), "short_code": session.short_code,
                    });
                    let session = Some(Box::new(session));
                    let done = PairMail::Completed { session, pairing, token, reply, answer };
                    let _ = mail.send(Mail::Pair(done));
                }
                Err(problem) => drop(answer.send(Err(problem))),
            }
        });
    }

    pub(super) fn register(&mut self, registration: Registration, answer: Answer) {
        let begun = self
            .identity_or_new()
            .and_then(|identity| Ok((identity, Store::new(self.http.clone(), self.store_to_join(None)?))));
        let (identity, store) = match begun {
            Ok(begun) => begun,
            Err(problem) => return drop(answer.send(Err(problem))),
        };
        let request = RegisterPrinter {
            printer_name: registration.printer_name.unwrap_or_else(|| "Klipper printer".to_owned()),
            description: None,
            manufacturer: registration.manufacturer,
            model: registration.model,
            printer_public_key: identity.secret().public().to_string(),
        };
        let (mail, allow_http) = (self.mail.clone(), self.settings.allow_http);
        let now = self.core.wall(self.clock.now());
        tokio::spawn(async move {
            let registered = async {
                let printer = store.register(&registration.user_token, &request).await?;
                let expires = crate::store::rfc3339(&printer.token_expires).ok_or_else(|| {
                    Problem::new(502, "store_protocol", "The store answered something else than expected")
                        .hint("Is this the address of a Sealpost store, and is the agent up to date?")
                })?;
                sealpost_envelope::keyset::public_key_from_hex(&printer.store_root_key).map_err(|error| {
                    crate::problem::coded(502, "The store's root key cannot be used", &error)
                })?;
                let pairing = Pairing {
                    store: own_origin(&origin(store.base()), allow_http)?,
                    printer_id: printer.id.clone(),
                    printer_name: printer.printer_name.clone(),
                    root_key: printer.store_root_key.clone(),
                    key_set: None,
                    key_set_version: 0,
                };
                let reply = json!({
                    "id": printer.id, "user_id": printer.user_id, "printer_name": printer.printer_name,
                    "manufacturer": printer.manufacturer, "model": printer.model, "kek_id": printer.kek_id,
                    "token_expires": printer.token_expires,
                });
                let token =
                    StoredToken { token: SecretText::new(printer.printer_token), issued: now, expires };
                Ok((pairing, token, reply))
            };
            match registered.await {
                Ok((pairing, token, reply)) => {
                    let done = PairMail::Completed { session: None, pairing, token, reply, answer };
                    let _ = mail.send(Mail::Pair(done));
                }
                Err(problem) => drop(answer.send(Err(problem))),
            }
        });
    }

    pub(super) fn take_pair_mail(&mut self, mail: PairMail) {
        match mail {
            PairMail::Started { session, answer } => {
                let mut reply = serde_json::to_value(&session.started).unwrap_or_default();
                reply["short_code"] = session.short_code.clone().into();
                self.session = Some(*session);
                let _ = answer.send(Ok(reply));
            }
            PairMail::Asked { session, result, answer } => {
                let reply = result.map(|(status, interval)| {
                    json!({"status": status, "interval": interval, "short_code": session.short_code})
                });
                let ours = |known: &&mut Session| known.started.session_id == session.started.session_id;
                if let Some(known) = self.session.as_mut().filter(ours) {
                    known.status = session.status;
                }
                let _ = answer.send(reply);
            }
            PairMail::Completed { session, pairing, token, reply, answer } => {
                point(points::PAIRED);
                let result = self.join(pairing, token).map(|()| reply);
                if result.is_ok() {
                    self.session = session.map(|session| *session);
                }
                let _ = answer.send(result);
            }
        }
    }

    pub(super) fn unpair(&mut self) -> Result<Value, Problem> {
        self.no_job_at_hand()?;
        self.folder.remove_token()?;
        self.token.send_replace(None);
        self.store = None;
        self.session = None;
        self.listen_for_events();
        self.take(Event::Unpaired);
        Ok(json!({"status": "success"}))
    }

    /// The store a person means who names none.
    pub(super) fn store_to_join(&self, named: Option<&str>) -> Result<Url, Problem> {
        if let Some(text) = named {
            return store_url(text, self.settings.allow_http).map_err(|error| error.problem());
        }
        let known = [
            self.marketplace_url.as_ref(),
            self.settings.store.as_ref(),
            self.store.as_ref().map(Store::base),
        ];
        known.into_iter().flatten().next().cloned().ok_or_else(|| {
            Problem::new(400, "no_store", "No store is named")
                .hint("Say `--store https://...`, or set `store` in the agent's settings or `marketplace_url` in moonraker.conf.")
        })
    }

    fn join(&mut self, pairing: Pairing, token: StoredToken) -> Result<(), Problem> {
        let base = Url::parse(&pairing.store).map_err(|_| bad_request("The store's address is wrong."))?;
        self.folder.save_token(&token)?;
        let life = token.life();
        self.token.send_replace(Some(token));
        let store = Store::new(self.http.clone(), base).remembering(&self.core.document().id);
        self.store = Some(store.protecting(self.settings.is_reduced()));
        tracing::info!(store = pairing.store, printer = pairing.printer_id, "paired");
        self.take(Event::Paired { pairing, life });
        self.listen_for_events();
        Ok(())
    }

    /// Its reports belong to the store it came from.
    fn no_job_at_hand(&self) -> Result<(), Problem> {
        if self.view().current.is_none() {
            return Ok(());
        }
        Err(Problem::new(409, "job_at_hand", "A job is at hand").hint("Wait until it ended, or cancel it."))
    }

    fn session_named(&self, id: Option<&str>) -> Result<Session, Problem> {
        let found =
            self.session.as_ref().filter(|session| id.is_none_or(|id| id == session.started.session_id));
        found.cloned().ok_or_else(|| {
            Problem::new(404, "no_pairing", "No pairing is under way").hint("Start pairing first.")
        })
    }

    fn identity_or_new(&mut self) -> Result<Arc<Identity>, Problem> {
        if let Some(identity) = &self.identity {
            return Ok(identity.clone());
        }
        let identity = Arc::new(Identity::new(self.folder.identity_or_new(&mut rng())?));
        self.identity = Some(identity.clone());
        Ok(identity)
    }

    fn describe(&mut self, description: &Description) {
        let PrinterDescription { name, manufacturer, model, .. } = &mut self.described;
        for (known, said) in [
            (name, &description.printer_name),
            (manufacturer, &description.manufacturer),
            (model, &description.model),
        ] {
            if said.is_some() {
                known.clone_from(said);
            }
        }
        let hostname = rustix::system::uname().nodename().to_string_lossy().into_owned();
        self.described.name.get_or_insert(hostname);
    }
}
