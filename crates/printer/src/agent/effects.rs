//! Carrying out what the core says, in order; a save is finished before anything behind it begins.

use std::time::{Duration, Instant};

use rand_core::Rng;
use sealpost_envelope::SecretText;

use super::{Agent, Mail};
use crate::{
    core::{Effect, Event, Trouble},
    machine::rng,
    points,
    store::{Store, into_problem},
};

impl Agent {
    pub(super) fn carry_out(&mut self) {
        while let Some(effect) = self.waiting.pop_front() {
            if matches!(effect, Effect::Save) && !self.save() {
                self.waiting.push_front(effect);
                return;
            }
            if self.printing {
                self.perform(effect);
            }
        }
    }

    fn save(&mut self) -> bool {
        if self.save_again.is_some_and(|again| again > Instant::now()) {
            return false;
        }
        match self.folder.save_document(self.core.document()) {
            Ok(()) => {
                self.save_again = None;
                self.save_problem = None;
                true
            }
            Err(problem) => {
                tracing::error!(
                    code = problem.code,
                    "nothing goes on until the state can be saved: {problem}"
                );
                self.save_problem = Some(problem);
                self.save_again = Some(Instant::now() + Duration::from_secs(2));
                false
            }
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Save => {}
            Effect::Poll => self.ask_store(|store, token| async move {
                Event::Polled(points::POLL.around(store.poll(&token)).await)
            }),
            Effect::Claim { job, after } => {
                tracing::info!(job, "claiming");
                let nonce = fresh_nonce();
                self.ask_store(|store, token| async move {
                    let claim = store.claim(&token, &job, &nonce, after);
                    let result = points::CLAIM.around(claim).await.map(Box::new);
                    Event::Claimed { job, nonce, result }
                });
            }
            Effect::Send(outgoing) => {
                tracing::debug!(job = outgoing.job, status = ?outgoing.report.status, "reporting");
                self.ask_store(|store, token| async move {
                    let result = points::REPORT.around(store.report(&token, &outgoing)).await;
                    if let Err(Trouble::Refused(problem)) = &result {
                        tracing::warn!(job = outgoing.job, status = ?outgoing.report.status, code = problem.code, "the store refused a report: {problem}");
                    }
                    Event::Reported { report_id: outgoing.report.report_id, result }
                });
            }
            Effect::FetchKeys => self.ask_store(|store, _| async move {
                Event::KeysFetched(points::KEYS.around(store.keys()).await)
            }),
            Effect::Refresh => self.refresh(None),
            Effect::Reissue => self.reissue(),
            Effect::AskCustodian => self.ask_custodian(),
            Effect::Prepare { claimed, manifest } => self.prepare(*claimed, *manifest),
            Effect::Abort { job } => self.abort(&job),
            Effect::Load { job, layers } => self.load(job, layers),
            Effect::Start { job } => self.start(job),
            Effect::CancelPrint { job } => self.cancel_print(job),
            Effect::Drop { job } => self.drop_file(job),
            Effect::Query { query } => self.query(query),
            Effect::Discard { job } => self.discard(&job),
        }
    }

    pub(super) fn send_later(&self, work: impl Future<Output = Event> + Send + 'static) {
        let mail = self.mail.clone();
        tokio::spawn(async move {
            let event = work.await;
            let _ = mail.send(Mail::Event(Box::new(event)));
        });
    }

    fn ask_store<F>(&self, ask: impl FnOnce(Store, SecretText) -> F)
    where
        F: Future<Output = Event> + Send + 'static,
    {
        // Without a token the store's refusal is what the core needs to hear: it then proves itself by the key.
        let token = self.token.borrow().as_ref().map(|stored| stored.token.clone());
        let token = token.unwrap_or_else(|| SecretText::new(String::new()));
        if let Some(store) = self.store.clone() {
            self.send_later(ask(store, token));
        }
    }

    fn reissue(&self) {
        let printer = self.core.document().pairing.as_ref().map(|pairing| pairing.printer_id.clone());
        let (Some(store), Some(identity), Some(printer)) =
            (self.store.clone(), self.identity.clone(), printer)
        else {
            self.send_later(async {
                Event::TokenRenewed(Err(Trouble::Refused(
                    sealpost_api::Problem::new(500, "no_identity", "The printer's identity key is missing")
                        .hint("Restore it from a backup, or pair the printer again."),
                )))
            });
            return;
        };
        let (mail, now) = (self.mail.clone(), self.core.wall(self.clock.now()));
        tokio::spawn(async move {
            let reissue = store.reissue(&printer, identity.secret(), now);
            let answer = match points::REISSUE.around(reissue).await {
                Ok(token) => Mail::Token(token),
                Err(trouble) => {
                    let problem = into_problem(trouble.clone());
                    tracing::warn!(code = problem.code, "no new token: {problem}");
                    Mail::Event(Box::new(Event::TokenRenewed(Err(trouble))))
                }
            };
            let _ = mail.send(answer);
        });
    }
}

fn fresh_nonce() -> String {
    let mut bytes = [0; 20];
    rng().fill_bytes(&mut bytes);
    hex::encode(bytes)
}
