//! What operators set while the store runs, in force in every process within a moment.
//!
//! Rows say what was set; what nobody set is as the settings file and the program say. Each process reads them anew before it answers
//! somebody, at most once in [`LIFE_MS`].

mod bounds;
mod routes;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, EntityTrait};
use sealpost_accounts::limit::Rate;
use sealpost_api::operate::{Pace, SettingsChanges, StoreRates, StoreSettings};
use sealpost_database::Tx;
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::fault::Result;
use crate::schema::setting;
use crate::state::AppState;
use crate::{Config, RateLimits};

pub(crate) use bounds::plain;
pub(crate) use routes::router;

/// How long what was read counts: other processes change it too.
const LIFE_MS: i64 = 1_000;
/// How long a request waits for them.
const PATIENCE: Duration = Duration::from_secs(2);

/// The settings of one process.
#[derive(Debug)]
pub(crate) struct Settings {
    defaults: StoreSettings,
    now: RwLock<Arc<StoreSettings>>,
    /// Counts up when they change.
    generation: AtomicU64,
    /// Milliseconds since 1970; before the first time 0.
    read_at: AtomicI64,
    /// Counts up when what was read counts no more.
    forgotten: AtomicU64,
    reading: tokio::sync::Mutex<()>,
}

impl Settings {
    pub(crate) fn new(config: &Config) -> Self {
        let defaults = defaults(config);
        Self {
            now: RwLock::new(Arc::new(defaults.clone())),
            defaults,
            generation: AtomicU64::new(0),
            read_at: AtomicI64::new(0),
            forgotten: AtomicU64::new(0),
            reading: tokio::sync::Mutex::default(),
        }
    }

    /// Those in force.
    pub(crate) fn get(&self) -> Arc<StoreSettings> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the settings file and the program say.
    pub(crate) fn defaults(&self) -> &StoreSettings {
        &self.defaults
    }

    /// Which ones these are: another number, others.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// What was read counts no more, and what is being read neither.
    pub(crate) fn forget(&self) {
        self.forgotten.fetch_add(1, Ordering::AcqRel);
        self.read_at.store(0, Ordering::Release);
    }

    fn is_fresh(&self, now: i64) -> bool {
        (0..LIFE_MS).contains(&(now - self.read_at.load(Ordering::Acquire)))
    }
}

/// Reads the settings anew if it is time to; whoever comes while somebody reads goes on with those of before. A database that does not
/// answer leaves them as they are, and holds nobody up for long.
pub(crate) async fn refresh(state: &AppState) {
    if state.settings.is_fresh(state.clock.now_ms()) {
        return;
    }
    let Ok(_reading) = state.settings.reading.try_lock() else { return };
    look(state).await;
}

/// Reads what was just written.
async fn refresh_now(state: &AppState) {
    let _reading = state.settings.reading.lock().await;
    look(state).await;
}

async fn look(state: &AppState) {
    let settings = &state.settings;
    let (now, forgotten) = (state.clock.now_ms(), settings.forgotten.load(Ordering::Acquire));
    match timeout(PATIENCE, read(state.db.read(), settings.defaults())).await {
        Ok(Ok(found)) => {
            if *settings.get() != found {
                let registration = found.registration;
                let people = sealpost_accounts::Limits {
                    sign_up: rate(found.rates.sign_up),
                    sign_in: rate(found.rates.sign_in),
                    ..state.config.rate_limits.people()
                };
                *settings.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(found);
                state.accounts.govern(registration, &people);
                settings.generation.fetch_add(1, Ordering::AcqRel);
            }
        }
        Ok(Err(fault)) => tracing::warn!(problem = %fault.problem(), "the settings could not be read"),
        Err(_) => tracing::warn!("the settings could not be read in time"),
    }
    if settings.forgotten.load(Ordering::Acquire) == forgotten {
        settings.read_at.store(now, Ordering::Release);
    }
}

/// As settings files have them, with what operators set in their place.
pub(crate) fn rates(config: &RateLimits, set: &StoreRates) -> RateLimits {
    RateLimits {
        sign_up: rate(set.sign_up),
        sign_in: rate(set.sign_in),
        purchase: rate(set.purchase),
        voucher: rate(set.voucher),
        device: rate(set.device),
        upload: rate(set.upload),
        job: rate(set.job),
        ..*config
    }
}

pub(crate) fn rate(pace: Pace) -> Rate {
    Rate::new(pace.burst, pace.every_ms)
}

fn pace(rate: Rate) -> Pace {
    Pace { burst: rate.burst, every_ms: rate.every_ms.max(1) }
}

fn defaults(config: &Config) -> StoreSettings {
    let rates = &config.rate_limits;
    StoreSettings {
        name: "Sealpost".to_owned(),
        registration: config.registration(),
        currency: String::new(),
        fee_bps: 0,
        contact: String::new(),
        terms: String::new(),
        upload_bytes: config.max_upload_bytes,
        storage_bytes: 0,
        listings: 0,
        open_jobs: 0,
        rates: StoreRates {
            sign_up: pace(rates.sign_up),
            sign_in: pace(rates.sign_in),
            purchase: pace(rates.purchase),
            voucher: pace(rates.voucher),
            device: pace(rates.device),
            upload: pace(rates.upload),
            job: pace(rates.job),
            report: pace(rates.report),
        },
    }
}

/// What was set, on top of what is so without. A row that this program cannot use is left out.
async fn read(db: &impl ConnectionTrait, defaults: &StoreSettings) -> Result<StoreSettings> {
    let mut settings = defaults.clone();
    for row in setting::Entity::find().all(db).await? {
        let value = serde_json::from_str::<Value>(&row.value).unwrap_or_default();
        let change = serde_json::from_value(Value::Object(Map::from_iter([(row.name.clone(), value)])));
        match change.map(|change: SettingsChanges| bounds::apply(&settings, defaults, change)) {
            Ok(Ok(changed)) => settings = changed,
            _ => tracing::debug!(name = row.name, "a setting in the database is none of this program"),
        }
    }
    Ok(settings)
}

/// Writes what is set; what is as without is not kept.
async fn write(tx: &Tx, defaults: &StoreSettings, new: &StoreSettings, now: i64) -> Result<()> {
    let (defaults, new) = (serde_json::to_value(defaults)?, serde_json::to_value(new)?);
    for (name, value) in new.as_object().into_iter().flatten() {
        if defaults.get(name) == Some(value) {
            setting::Entity::delete_by_id(name).exec(tx).await?;
            continue;
        }
        let row = setting::ActiveModel {
            name: Set(name.clone()),
            value: Set(value.to_string()),
            changed_at: Set(now),
        };
        let mut over = OnConflict::column(setting::Column::Name);
        over.update_columns([setting::Column::Value, setting::Column::ChangedAt]);
        setting::Entity::insert(row).on_conflict(over).exec_without_returning(tx).await?;
    }
    Ok(())
}
