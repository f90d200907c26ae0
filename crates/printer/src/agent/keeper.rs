//! The way to whoever keeps the printer's key for older stores.

use std::{path::PathBuf, time::Duration};

use sealpost_api::Problem;
use sealpost_envelope::{SecretText, psek::Psek};
use tokio::sync::watch;
use url::Url;

use super::Agent;
use crate::{
    core::Event,
    legacy::{
        custody::{self, Custody},
        psek::SealedPsek,
    },
    locked::Locked,
    state::StoredToken,
};

/// How long Moonraker's component has to tell where the CWS is, after all of them were restarted.
const TOLD: Duration = Duration::from_secs(30);

/// Whom to ask, and by what.
#[derive(Clone, Debug)]
pub(super) struct Keeper {
    /// By the agent's own settings.
    named: Option<Url>,
    /// By Moonraker.
    told: watch::Receiver<Option<Url>>,
    /// The store this printer belongs to.
    store: Option<Url>,
    token: watch::Receiver<Option<StoredToken>>,
    state: PathBuf,
}

impl Agent {
    pub(super) fn keeper(&self) -> Keeper {
        Keeper {
            named: self.settings.cws_url.clone(),
            told: self.cws_url.subscribe(),
            store: self.store.as_ref().map(|store| store.base().clone()),
            token: self.token.subscribe(),
            state: self.settings.state_dir.clone(),
        }
    }

    /// Whether jobs that need the printer's key could be opened now.
    pub(super) fn ask_custodian(&self) {
        let mut keeper = self.keeper();
        self.send_later(async move {
            match keeper.ask().await {
                Err(problem) if custody::may_pass(&problem) => Event::Custodian(Err(problem)),
                // A plain no is an answer too: the job it is about is told.
                _ => Event::Custodian(Ok(())),
            }
        });
    }
}

impl Keeper {
    /// Has the printer's key opened for somebody who waits for it: a restart of the service is waited for, and no more.
    pub(super) async fn psek(&mut self) -> Result<Locked<Psek>, Problem> {
        let sealed = SealedPsek::read(&self.state)?;
        if self.named.is_none() {
            drop(tokio::time::timeout(TOLD, self.told.wait_for(Option::is_some)).await);
        }
        let (custody, token) = self.way()?;
        custody.psek(&token, &sealed).await
    }

    /// The same, asked once, by what is known now.
    pub(super) async fn ask(&mut self) -> Result<Locked<Psek>, Problem> {
        let sealed = SealedPsek::read(&self.state)?;
        let (custody, token) = self.way()?;
        custody.ask(&token, &sealed).await
    }

    /// Waits so long, or until token or address are others than when it was asked.
    pub(super) async fn wait(&mut self, pause: Duration) {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            Ok(()) = self.token.changed() => {}
            Ok(()) = self.told.changed() => {}
        }
    }

    fn way(&mut self) -> Result<(Custody, SecretText), Problem> {
        let told = self.told.borrow_and_update().clone();
        let address = custody::trusted(self.named.as_ref(), told.as_ref(), self.store.as_ref())?;
        let token = self.token.borrow_and_update().as_ref().map(|stored| stored.token.clone());
        Ok((Custody::new(address)?, token.ok_or_else(custody::no_token)?))
    }
}
