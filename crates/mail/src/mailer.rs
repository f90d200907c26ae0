//! The outbox: letters are put in with what they tell, and looked after by whoever runs the server.

use std::sync::Arc;

use getrandom::SysRng;
use rand_core::{Rng, UnwrapErr};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select, sea_query::Expr,
};
use sealpost_database::{Clock, Database, Tx};
use sealpost_keyring::{KekProvider, seal};
use tokio::sync::Notify;
use zeroize::Zeroizing;

use crate::{MailError, Smtp, letter::Letter, mails};

/// How long a letter that was sent, and one that was given up, can be looked up.
pub(crate) const KEPT_MS: (i64, i64) = (7 * 86_400_000, 30 * 86_400_000);

/// Writes letters down and sends them. Cheap to clone.
#[derive(Clone)]
pub struct Mailer(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) db: Database,
    pub(crate) clock: Clock,
    pub(crate) keks: Arc<dyn KekProvider>,
    pub(crate) smtp: Smtp,
    pub(crate) bell: Notify,
}

/// What a letter is about, whom it concerns, and how long it is of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post<'p> {
    /// A short name, such as `password_reset`.
    pub kind: &'p str,
    /// Id of the account that it is for.
    pub account: Option<&'p str>,
    /// Milliseconds; later it is not sent.
    pub life_ms: i64,
}

/// A letter as the operator sees it: never what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbox {
    /// Its name.
    pub id: String,
    /// What it is about.
    pub kind: String,
    /// Where it goes.
    pub address: String,
    /// What became of it.
    pub state: State,
    /// How often it was tried.
    pub attempts: u32,
    /// What the mail server said last.
    pub error: Option<String>,
    /// Milliseconds since 1970.
    pub queued_at: i64,
    /// When it is tried next, where it waits.
    pub next_at: Option<i64>,
}

/// What became of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is tried, or tried again.
    Waiting,
    /// The mail server has it.
    Sent,
    /// It is not tried any more.
    Dead,
}

impl Mailer {
    /// The outbox in `db`, where [`crate::migrations`] have run, for that mail server.
    pub fn new(db: Database, clock: Clock, keks: Arc<dyn KekProvider>, smtp: Smtp) -> Self {
        Self(Arc::new(Inner { db, clock, keks, smtp, bell: Notify::new() }))
    }

    /// Puts a letter into the outbox, in the transaction of what it tells.
    ///
    /// # Errors
    /// The failure of the database, or a letter that is too long to be sealed.
    pub async fn queue(&self, tx: &Tx, post: &Post<'_>, letter: &Letter) -> Result<(), MailError> {
        let now = self.0.clock.now_ms();
        let mut bytes = [0; 16];
        let mut rng = UnwrapErr(SysRng);
        rng.fill_bytes(&mut bytes);
        let id = format!("mail_{}", hex::encode(bytes));
        let text = Zeroizing::new(serde_json::to_vec(letter).map_err(|_| MailError::Unreadable)?);
        let sealed = seal(self.0.keks.current(), &purpose(&id), &text, &mut rng)?;
        let row = mails::ActiveModel {
            id: Set(id),
            kind: Set(post.kind.to_owned()),
            account: Set(post.account.map(str::to_owned)),
            address: Set(letter.address.clone()),
            sealed: Set(sealed.to_string()),
            attempts: Set(0),
            next_at: Set(now),
            expires_at: Set(now.saturating_add(post.life_ms)),
            error: Set(None),
            queued_at: Set(now),
            sent_at: Set(None),
            dead_at: Set(None),
        };
        row.insert(tx).await?;
        let mailer = self.clone();
        tx.after_commit(move || mailer.0.bell.notify_one());
        Ok(())
    }

    /// How many wait, and how many were given up.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn counts(&self) -> Result<(u64, u64), MailError> {
        let read = self.0.db.read();
        Ok((in_state(State::Waiting).count(read).await?, in_state(State::Dead).count(read).await?))
    }

    /// The newest ones in that state.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn list(&self, state: State, most: u64) -> Result<Vec<Outbox>, MailError> {
        let rows = in_state(state).order_by_desc(mails::Column::QueuedAt).order_by_desc(mails::Column::Id);
        let rows = rows.limit(most).all(self.0.db.read()).await?;
        Ok(rows.into_iter().map(|row| shown(row, state)).collect())
    }

    /// Forgets a letter that was given up. Whether there was one.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn forget(&self, id: &str) -> Result<bool, MailError> {
        let id = id.to_owned();
        self.0
            .db
            .write(move |tx| {
                let gone = mails::Entity::delete_many()
                    .filter(mails::Column::Id.eq(&id))
                    .filter(mails::Column::DeadAt.is_not_null());
                Box::pin(async move { Ok::<_, MailError>(gone.exec(tx).await?.rows_affected > 0) })
            })
            .await
    }

    /// Tries a letter that waits again now. Whether there is one; of one that was given up nothing is left to send.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn hurry(&self, id: &str) -> Result<bool, MailError> {
        let (id, now) = (id.to_owned(), self.0.clock.now_ms());
        let found = self
            .0
            .db
            .write(move |tx| {
                let sooner = mails::Entity::update_many()
                    .col_expr(mails::Column::NextAt, Expr::value(now))
                    .filter(mails::Column::Id.eq(&id))
                    .filter(mails::Column::SentAt.is_null())
                    .filter(mails::Column::DeadAt.is_null());
                Box::pin(async move { Ok::<_, MailError>(sooner.exec(tx).await?.rows_affected > 0) })
            })
            .await?;
        self.0.bell.notify_one();
        Ok(found)
    }

    /// The mail server.
    pub fn smtp(&self) -> &Smtp {
        &self.0.smtp
    }
}

/// Removes what an account was to be told, in the transaction in which it is deleted.
///
/// # Errors
/// The failure of the database.
pub async fn forget_account(tx: &Tx, account: &str) -> Result<(), MailError> {
    mails::Entity::delete_many().filter(mails::Column::Account.eq(account)).exec(tx).await?;
    Ok(())
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailer").field("smtp", &self.0.smtp).finish_non_exhaustive()
    }
}

/// What a letter is sealed as.
pub(crate) fn purpose(id: &str) -> String {
    format!("mail:{id}")
}

fn in_state(state: State) -> Select<mails::Entity> {
    let all = mails::Entity::find();
    match state {
        State::Waiting => all.filter(mails::Column::SentAt.is_null()).filter(mails::Column::DeadAt.is_null()),
        State::Sent => all.filter(mails::Column::SentAt.is_not_null()),
        State::Dead => all.filter(mails::Column::DeadAt.is_not_null()),
    }
}

fn shown(row: mails::Model, state: State) -> Outbox {
    Outbox {
        id: row.id,
        kind: row.kind,
        address: row.address,
        state,
        attempts: u32::try_from(row.attempts).unwrap_or_default(),
        error: row.error,
        queued_at: row.queued_at,
        next_at: (state == State::Waiting).then_some(row.next_at),
    }
}
