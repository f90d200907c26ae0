//! What every handler shares.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;
use sealpost_accounts::Accounts;
use sealpost_database::{Clock, Database};
use sealpost_envelope::x25519;
use sealpost_keyring::KekProvider;
use sealpost_mail::Mailer;
use tokio::sync::{Notify, Semaphore};

use crate::Config;
use crate::blobs::{Blobs, Looked};
use crate::catalogue::cache::PageCache;
use crate::chain::bell::Bell;
use crate::chain::keys::Proofs;
use crate::chain::{ChainPort, Questions};
use crate::hub::Hub;
use crate::identity::Identity;
use crate::live::Live;
use crate::operate::Settings;
use crate::plugins::Strangers;
use crate::purchases::payments::Payments;

/// What every handler shares. Cheap to clone.
#[derive(Clone)]
pub(crate) struct AppState(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) config: Config,
    /// What operators set while it runs.
    pub(crate) settings: Settings,
    /// What the last look at the sealed files found.
    pub(crate) looked: Looked,
    /// When this process began to serve, milliseconds since 1970.
    pub(crate) since: i64,
    /// The origin clients use, without a trailing slash.
    pub(crate) origin: String,
    pub(crate) clock: Clock,
    pub(crate) db: Database,
    pub(crate) keks: Arc<dyn KekProvider>,
    pub(crate) accounts: Accounts,
    /// The outbox, if mails are sent.
    pub(crate) mail: Option<Mailer>,
    pub(crate) identity: Identity,
    /// Opens the content keys of publishers who seal on their own side.
    pub(crate) vault_secret: x25519::Secret,
    pub(crate) blobs: Arc<dyn Blobs>,
    /// Whether what nobody needs there may be removed.
    pub(crate) clean_blobs: bool,
    pub(crate) payments: Arc<dyn Payments>,
    /// The chain that things are sold on, if there is one.
    pub(crate) chain: Option<Arc<dyn ChainPort>>,
    /// Rings when somebody named a transaction.
    pub(crate) watching: Bell,
    /// What people asked it lately.
    pub(crate) questions: Questions,
    /// By which people prove that keys are theirs.
    pub(crate) proofs: Proofs,
    pub(crate) hub: Hub,
    pub(crate) live: Live,
    pub(crate) pages: PageCache,
    pub(crate) strangers: Strangers,
    /// Uploads under way.
    pub(crate) uploads: Arc<Semaphore>,
    /// Mebibytes of plugins that uploads may hold at the same time: they are sealed and opened whole.
    pub(crate) plugin_mib: Arc<Semaphore>,
    /// Sealings under way: slow uploads do not hold them up.
    pub(crate) sealings: Arc<Semaphore>,
    /// Rings when a job waits to be sealed.
    pub(crate) sealing: Notify,
}

impl AppState {
    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }
}

impl Deref for AppState {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl FromRef<AppState> for Accounts {
    fn from_ref(state: &AppState) -> Self {
        state.accounts.clone()
    }
}

impl FromRef<AppState> for Identity {
    fn from_ref(state: &AppState) -> Self {
        state.identity.clone()
    }
}

impl std::fmt::Debug for AppState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppState").field("origin", &self.origin).finish_non_exhaustive()
    }
}
