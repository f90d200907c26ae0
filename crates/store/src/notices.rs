//! What people are told by mail: of what happened to what they print and sell.

mod letters;
mod query;
mod routes;

use std::time::Duration;

use futures::future::BoxFuture;
use sealpost_api::happening::Event;
use sealpost_database::Tx;
use sealpost_mail::{Mailer, Smtp};
use utoipa_axum::router::OpenApiRouter;
use zeroize::Zeroizing;

use crate::fault::{Fault, Result};
use crate::happenings::{self, Consumer};
use crate::state::AppState;
use crate::{Config, Error, points};

pub(crate) use letters::{left_alone, webhook_failing};

/// Between two looks for what can be forgotten.
const TIDY_EVERY: Duration = Duration::from_secs(3_600);

pub(crate) fn router() -> OpenApiRouter<AppState> {
    routes::router()
}

/// The mail server of the settings, if they name one.
pub(crate) fn smtp(config: &Config) -> Result<Option<Smtp>, Error> {
    let wrong = |setting, reason: String| Error::Config { setting, reason };
    let Some(url) = &config.smtp_url else {
        return match (&config.mail_from, &config.smtp_password_file) {
            (None, None) => Ok(None),
            (Some(_), _) => Err(wrong("mail_from", "`smtp_url` is missing".to_owned())),
            (None, Some(_)) => Err(wrong("smtp_password_file", "`smtp_url` is missing".to_owned())),
        };
    };
    let Some(from) = &config.mail_from else {
        return Err(wrong("smtp_url", "`mail_from` is missing: whom do mails come from?".to_owned()));
    };
    let smtp =
        Smtp::new(url, password(config)?, from).map_err(|error| wrong("smtp_url", error.to_string()))?;
    Ok(Some(smtp))
}

/// Writes mails of what happens, and sends them.
pub(crate) async fn work(state: AppState) {
    match state.mail.clone() {
        Some(mail) => {
            tokio::join!(write(state), mail.clone().work(), tidy(mail));
        }
        // What happens meanwhile is not told later either.
        None => write(state).await,
    }
}

async fn write(state: AppState) {
    loop {
        let heard = happenings::wait(&state);
        let teller = state.clone();
        let took =
            happenings::take(&state, Consumer::Mails, move |tx, events| -> BoxFuture<'_, Result<()>> {
                let teller = teller.clone();
                Box::pin(async move {
                    let mut told = false;
                    for (_, event) in &events {
                        told |= tell(&teller, tx, event).await?;
                    }
                    if told && teller.mail.is_some() {
                        points::MAIL_WRITTEN.before()?;
                        tx.after_commit(|| points::MAIL_WRITTEN.passed());
                    }
                    Ok(())
                })
            });
        match took.await {
            Ok(0) => heard.await,
            Ok(_) => {}
            Err(fault) => {
                tracing::error!(error = %fault.problem(), "mails of what happened could not be written");
                heard.await;
            }
        }
    }
}

/// Whether there was anything to tell by mail.
async fn tell(state: &AppState, tx: &Tx, event: &Event) -> Result<bool> {
    let all = letters::of(&state.origin, &event.happening);
    for news in &all {
        let letter = |name: &str, address: &str| news.letter(name, address);
        state.accounts.tell(tx, &news.to, news.topic, letter).await?;
    }
    Ok(!all.is_empty())
}

async fn tidy(mail: Mailer) {
    loop {
        if let Err(error) = mail.purge().await {
            tracing::warn!(%error, "old mails could not be forgotten");
        }
        tokio::time::sleep(TIDY_EVERY).await;
    }
}

fn password(config: &Config) -> Result<Option<Zeroizing<String>>, Error> {
    let credential = || {
        let folder = std::env::var_os("CREDENTIALS_DIRECTORY")?;
        Some(std::path::PathBuf::from(folder).join("smtp_password")).filter(|path| path.exists())
    };
    let Some(path) = config.smtp_password_file.clone().or_else(credential) else { return Ok(None) };
    let text = std::fs::read_to_string(&path).map_err(|error| Error::io(&path, error))?;
    let text = Zeroizing::new(text);
    Ok(Some(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())))
}

impl From<sealpost_mail::MailError> for Fault {
    fn from(error: sealpost_mail::MailError) -> Self {
        match error {
            sealpost_mail::MailError::Database(error) => error.into(),
            other => Self::Internal(other.to_string()),
        }
    }
}
