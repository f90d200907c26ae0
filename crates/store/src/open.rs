//! How a store is opened.

use std::path::Path;
use std::sync::Arc;

use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use sealpost_accounts::{Accounts, SigningKeys};
use sealpost_database::{Clock, Database, Hold, Use};
use sealpost_envelope::{SecretText, x25519};
use sealpost_keyring::{FileKeys, KekProvider, open, seal};
use sealpost_mail::Mailer;
use tokio::sync::{Notify, Semaphore};
use zeroize::Zeroizing;

use crate::blobs::{Blobs, FolderBlobs, Looked, is_mine, pending};
use crate::catalogue::cache::PageCache;
use crate::chain::bell::Bell;
use crate::chain::keys::Proofs;
use crate::chain::{ChainPort, Questions};
use crate::hub::Hub;
use crate::identity::{Around, Identity};
use crate::jobs::{self, Workers};
use crate::live::Live;
use crate::operate::Settings;
use crate::plugins::Strangers;
use crate::purchases::payments::{BuiltIn, Payments};
use crate::schema::store_key;
use crate::serve::Certificate;
use crate::state::{AppState, Shared};
use crate::{Config, Error, backup, chain, notices, random};

/// An open store. Cheap to clone; its work in the background ends with the last clone.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) state: AppState,
    pub(crate) certificate: Option<Certificate>,
    shop: Option<axum::Router>,
    front: bool,
    pub(crate) hold: Arc<Hold>,
    _workers: Arc<Workers>,
}

/// What stands in for the built-in parts of a store.
#[derive(Default)]
pub struct Parts {
    /// Where the time comes from; the system where absent.
    pub clock: Option<Clock>,
    /// Where blobs lie; a folder where absent.
    pub blobs: Option<Arc<dyn Blobs>>,
    /// How purchases are paid; free, voucher and marked paid where absent.
    pub payments: Option<Arc<dyn Payments>>,
    /// The chain that things are sold on; none where absent.
    pub chain: Option<Arc<dyn ChainPort>>,
    /// The pages of a shop at `/shop/`; none where absent. They stand behind everything that surrounds the store's own routes.
    pub shop: Option<axum::Router>,
    /// Whether the pages of that shop are there: `/` and the set-up link lead to them, and to the store's own few pages where not.
    pub front: bool,
}

/// What an operator has to be told when a store starts.
#[derive(Debug)]
pub struct FirstSteps {
    /// Link that makes the first operator; `None` once there is one. Secret: good for whoever sees it first.
    pub setup_link: Option<SecretText>,
    /// Files without which a backup of the database opens nothing.
    pub back_up: Vec<std::path::PathBuf>,
}

impl Store {
    /// Opens the store: folders, keys, database, and what an earlier run left unfinished.
    ///
    /// # Errors
    /// Settings that make no sense, and whatever of folders, keys or database cannot be used.
    pub async fn open(config: Config) -> Result<Self, Error> {
        Self::open_with(config, Parts::default()).await
    }

    /// As [`Store::open`], with other parts in place of the built-in ones.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_with(config: Config, parts: Parts) -> Result<Self, Error> {
        config.check()?;
        let files = config.tls_certificate.as_deref().zip(config.tls_key.as_deref());
        let certificate = files.map(|(certificate, key)| Certificate::open(certificate, key)).transpose()?;
        if let Some(port) = &parts.chain {
            chain::check(port.terms())?;
        }
        make_folder(&config.data_dir)?;
        make_folder(&config.blob_path())?;
        let clock = parts.clock.unwrap_or_default();
        let alone = config.database_address().starts_with("sqlite:");
        let address = config.database_address();
        let db = Database::connect(&address).await?;
        // From here on no restore begins in it.
        let hold = Hold::take(&address, Use::Shared).await?.ok_or(Error::InUse)?;
        if backup::is_unfinished(&db).await? {
            return Err(Error::RestoreUnfinished);
        }
        backup::remove_marks(&config);
        db.migrate(crate::migrations::all()).await?;
        let hold = Arc::new(hold.keep(&address, "jobs", backup::MARKER).await?);
        let keks = open_keks(&config, &db).await?;
        let mail =
            notices::smtp(&config)?.map(|smtp| Mailer::new(db.clone(), clock.clone(), keks.clone(), smtp));
        let accounts = Accounts::new(
            db.clone(),
            clock.clone(),
            keks.clone(),
            sealpost_accounts::Config {
                issuer: config.origin(),
                registration: config.registration(),
                limits: config.rate_limits.people(),
                mail: mail.clone(),
                chain_id: parts.chain.as_ref().map_or(1, |port| port.terms().chain_id),
            },
        );
        let live = Live::default();
        let hub = Hub::new(live.clone());
        let identity = Identity::open(
            db.clone(),
            clock.clone(),
            keks.clone(),
            accounts.clone(),
            config.origin(),
            &config.rate_limits,
            Around { hub: hub.clone(), left: jobs::printer_left },
        )
        .await
        .map_err(|error| Error::Keys(error.to_string()))?;
        let vault_secret = vault_secret(&db, &*keks).await?;
        let proof_secret = proof_secret(&db, &*keks).await?;
        let clean_blobs =
            parts.blobs.is_some() || is_mine(&config.blob_path(), &hex::encode(vault_secret.public()))?;
        let blobs = match parts.blobs {
            Some(blobs) => blobs,
            None => Arc::new(
                FolderBlobs::open(&config.blob_path(), alone)
                    .map_err(|error| Error::Blobs(error.to_string()))?,
            ),
        };
        let state = AppState::new(Shared {
            origin: config.origin(),
            uploads: Arc::new(Semaphore::new(config.parallel_streams)),
            plugin_mib: Arc::new(Semaphore::new(crate::publish::PLUGIN_MIB)),
            sealings: Arc::new(Semaphore::new(config.parallel_streams)),
            settings: Settings::new(&config),
            looked: Looked::default(),
            since: clock.now_ms(),
            config,
            clock,
            db,
            keks,
            accounts,
            mail,
            identity,
            vault_secret,
            blobs,
            clean_blobs,
            payments: parts.payments.unwrap_or_else(|| Arc::new(BuiltIn)),
            chain: parts.chain,
            watching: Bell::default(),
            questions: Questions::default(),
            proofs: Proofs::new(proof_secret),
            hub,
            live,
            pages: PageCache::default(),
            strangers: Strangers::default(),
            sealing: Notify::new(),
        });
        pending::sweep_at_start(&state, alone)
            .await
            .map_err(|fault| Error::Blobs(fault.problem().to_string()))?;
        chain::offers::reconcile(&state).await.map_err(|fault| Error::Chain(fault.problem().to_string()))?;
        // The first who asks meets the store as it was set, not as it is without settings.
        crate::operate::settings::refresh(&state).await;
        let workers = Arc::new(jobs::start_workers(&state));
        Ok(Self { state, certificate, shop: parts.shop, front: parts.front, hold, _workers: workers })
    }

    /// What to tell the operator now.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn first_steps(&self) -> Result<FirstSteps, Error> {
        let token =
            self.state.accounts.issue_setup_token().await.map_err(|error| Error::Keys(error.to_string()))?;
        let setup_link =
            token.map(|token| SecretText::new(format!("{}/setup#{}", self.state.origin, token.expose())));
        Ok(FirstSteps { setup_link, back_up: vec![self.state.config.kek_path()] })
    }

    /// The whole HTTP service. Serve it with connection info, so that rate limits know who asks.
    pub fn router(&self) -> axum::Router {
        crate::app::router(self.state.clone(), self.shop.clone(), self.front)
    }
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

/// A folder for its owner alone.
pub(crate) fn make_folder(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| Error::io(path, error))
}

async fn open_keks(config: &Config, db: &Database) -> Result<Arc<dyn KekProvider>, Error> {
    let sealed = SigningKeys::any_sealed(db).await.map_err(|error| Error::Keys(error.to_string()))?;
    Ok(Arc::new(FileKeys::open_or_create(&config.kek_path(), !sealed, &mut random::rng())?))
}

/// The X25519 key that publishers seal content keys to; made when there is none.
async fn vault_secret(db: &Database, keks: &dyn KekProvider) -> Result<x25519::Secret, Error> {
    let fresh = x25519::Secret::generate(&mut random::rng());
    let bytes = store_secret(db, keks, "vault", fresh.expose(), hex::encode(fresh.public())).await?;
    Ok(x25519::Secret::from_bytes(*bytes))
}

/// What challenges for keys are derived from; made when there is none.
async fn proof_secret(db: &Database, keks: &dyn KekProvider) -> Result<Zeroizing<[u8; 32]>, Error> {
    let fresh = Zeroizing::new(random::bytes::<32>().map_err(|_| Error::Keys("no randomness".to_owned()))?);
    store_secret(db, keks, "key-proofs", &fresh, String::new()).await
}

/// The store's secret of this name; the fresh one when there is none.
async fn store_secret(
    db: &Database,
    keks: &dyn KekProvider,
    name: &'static str,
    fresh: &[u8; 32],
    public: String,
) -> Result<Zeroizing<[u8; 32]>, Error> {
    let purpose = format!("store-key:{name}");
    let found = store_key::Entity::find_by_id(name).one(db.read()).await?;
    if found.is_none() {
        let sealed = seal(keks.current(), &purpose, fresh, &mut random::rng())?.to_string();
        db.write(move |tx| {
            let row = store_key::ActiveModel {
                id: Set(name.to_owned()),
                sealed: Set(sealed.clone()),
                public: Set(public.clone()),
            };
            // Of two processes that start at once, the first one's key counts.
            let insert = store_key::Entity::insert(row)
                .on_conflict(sea_orm::sea_query::OnConflict::new().do_nothing().to_owned());
            Box::pin(async move { insert.exec_without_returning(tx).await.map(drop) })
        })
        .await?;
    }
    let row = store_key::Entity::find_by_id(name).one(db.read()).await?;
    let row = row.ok_or_else(|| Error::Keys(format!("the store's key `{name}` is missing")))?;
    let opened = open(keks, &purpose, &row.sealed.parse()?)?;
    let bytes: [u8; 32] = opened
        .as_slice()
        .try_into()
        .map_err(|_| Error::Keys(format!("the store's key `{name}` is damaged")))?;
    Ok(Zeroizing::new(bytes))
}
