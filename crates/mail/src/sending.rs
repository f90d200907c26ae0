//! Sending what is due, with patience.

use std::time::Duration;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};
use sealpost_faults::point;
use sealpost_keyring::open;

use crate::{
    Letter, MailError, Mailer,
    mailer::{KEPT_MS, purpose},
    mails,
    smtp::Refused,
};

/// Where tests break a server around sending: see `crates/faults`. A letter is about to be sent.
const SEND: &str = "store.mail.send";
/// It was, and nobody noted what the mail server said.
const SENT: &str = "store.mail.sent";
/// It is noted.
const NOTED: &str = "store.mail.noted";
/// Their names.
pub const POINTS: &[&str] = &[SEND, SENT, NOTED];

/// Milliseconds until the second try, and so on.
const AGAIN_MS: [i64; 6] = [60_000, 300_000, 1_800_000, 7_200_000, 21_600_000, 43_200_000];
/// How long nobody else tries what is being sent.
const LEASE_MS: i64 = 120_000;
/// Sent one after the other, before others are looked for.
const BATCH: u64 = 20;
/// How long rings of other processes, and times that came, may go unheard.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

impl Mailer {
    /// Sends what is due, for ever.
    pub async fn work(self) {
        loop {
            match self.send_due().await {
                Ok(0) => {
                    let _ = tokio::time::timeout(LONGEST_WAIT, self.0.bell.notified()).await;
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%error, "the outbox could not be read");
                    tokio::time::sleep(LONGEST_WAIT).await;
                }
            }
        }
    }

    /// Sends what is due now: how many letters were tried.
    ///
    /// # Errors
    /// The failure of the database; what the mail server refuses is written down with the letter.
    pub async fn send_due(&self) -> Result<usize, MailError> {
        let now = self.0.clock.now_ms();
        let due = mails::Entity::find()
            .filter(mails::Column::SentAt.is_null())
            .filter(mails::Column::DeadAt.is_null())
            .filter(mails::Column::NextAt.lte(now))
            .order_by_asc(mails::Column::NextAt)
            .limit(BATCH)
            .all(self.0.db.read())
            .await?;
        let mut tried = 0;
        for row in due {
            if self.claim(&row).await? {
                tried += 1;
                point(SEND);
                let outcome = self.try_one(&row).await;
                point(SENT);
                self.settle(row, outcome).await?;
                point(NOTED);
            }
        }
        Ok(tried)
    }

    /// Forgets what was sent or given up long ago.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn purge(&self) -> Result<(), MailError> {
        let now = self.0.clock.now_ms();
        self.0
            .db
            .write(move |tx| {
                Box::pin(async move {
                    for (column, kept) in
                        [(mails::Column::SentAt, KEPT_MS.0), (mails::Column::DeadAt, KEPT_MS.1)]
                    {
                        mails::Entity::delete_many().filter(column.lt(now - kept)).exec(tx).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Whether this process sends it: another one that saw the same row does not.
    async fn claim(&self, row: &mails::Model) -> Result<bool, MailError> {
        let (id, attempts, until) = (row.id.clone(), row.attempts, self.0.clock.now_ms() + LEASE_MS);
        self.0
            .db
            .write(move |tx| {
                let mine = mails::Entity::update_many()
                    .col_expr(mails::Column::Attempts, Expr::value(attempts + 1))
                    .col_expr(mails::Column::NextAt, Expr::value(until))
                    .filter(mails::Column::Id.eq(&id))
                    .filter(mails::Column::Attempts.eq(attempts))
                    .filter(mails::Column::SentAt.is_null())
                    .filter(mails::Column::DeadAt.is_null());
                Box::pin(async move { Ok(mine.exec(tx).await?.rows_affected == 1) })
            })
            .await
    }

    async fn try_one(&self, row: &mails::Model) -> Result<(), Refused> {
        let for_good = |words: &str| Refused { words: words.to_owned(), for_good: true };
        if self.0.clock.now_ms() >= row.expires_at {
            return Err(for_good(row.error.as_deref().unwrap_or("it was too late for it")));
        }
        let opened = row.sealed.parse().and_then(|sealed| open(&*self.0.keks, &purpose(&row.id), &sealed));
        let letter = opened.map_err(|error| for_good(&error.to_string()))?;
        let letter: Letter =
            serde_json::from_slice(&letter).map_err(|_| for_good("the letter is not readable"))?;
        self.0.smtp.send(&row.id, &letter).await
    }

    async fn settle(&self, row: mails::Model, outcome: Result<(), Refused>) -> Result<(), MailError> {
        let now = self.0.clock.now_ms();
        let again = usize::try_from(row.attempts).ok().and_then(|tried| AGAIN_MS.get(tried)).copied();
        let again = again.filter(|_| outcome.as_ref().is_err_and(|refused| !refused.for_good));
        match &outcome {
            Ok(()) => tracing::info!(mail = row.id, kind = row.kind, "sent"),
            Err(refused) if again.is_some() => {
                tracing::warn!(mail = row.id, kind = row.kind, error = refused.words, "not sent yet");
            }
            Err(refused) => {
                tracing::error!(mail = row.id, kind = row.kind, error = refused.words, "not sent, given up");
            }
        }
        let error = outcome.err().map(|refused| refused.words);
        self.0
            .db
            .write(move |tx| {
                let mut change = mails::Entity::update_many()
                    .col_expr(mails::Column::Error, Expr::value(error.clone()))
                    .filter(mails::Column::Id.eq(&row.id));
                change = match again {
                    Some(after) => change.col_expr(mails::Column::NextAt, Expr::value(now + after)),
                    None => {
                        let end = if error.is_none() { mails::Column::SentAt } else { mails::Column::DeadAt };
                        change
                            .col_expr(end, Expr::value(now))
                            .col_expr(mails::Column::Sealed, Expr::value(String::new()))
                    }
                };
                Box::pin(async move { Ok(change.exec(tx).await.map(drop)?) })
            })
            .await
    }
}
