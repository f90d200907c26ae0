//! What somebody wants to be told by mail, and how they have no more of it without signing in (RFC 8058).

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use sealpost_api::ways::MailChoices;
use sealpost_database::Tx;
use sealpost_mail::Letter;

use crate::{
    ApiError,
    accounts::{Accounts, Person},
    entity::account,
    links,
    random::{secret, system_rng},
};

/// How long news are of use.
const NEWS_MS: i64 = 86_400_000;

/// What people can be told by mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// A print of theirs ended.
    PrintEnded,
    /// A print of theirs waits for somebody.
    PrintNeedsSomeone,
    /// Somebody bought from them.
    Sale,
    /// A webhook of theirs is not taken.
    WebhookFailing,
    /// An order of theirs was declined.
    OrderDeclined,
}

impl Topic {
    const ALL: [Self; 5] =
        [Self::PrintEnded, Self::PrintNeedsSomeone, Self::Sale, Self::WebhookFailing, Self::OrderDeclined];

    /// Its name, as the field of the choices.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PrintEnded => "print_ended",
            Self::PrintNeedsSomeone => "print_needs_someone",
            Self::Sale => "sale",
            Self::WebhookFailing => "webhook_failing",
            Self::OrderDeclined => "order_declined",
        }
    }

    fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == text)
    }
}

impl Accounts {
    /// Tells somebody news by mail, in the transaction of what happened: nobody who is gone, did not confirm their address, or does
    /// not want to know. `write` makes the letter for a name and an address.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn tell(
        &self,
        tx: &Tx,
        account: &str,
        topic: Topic,
        write: impl FnOnce(&str, &str) -> Letter + Send,
    ) -> Result<(), ApiError> {
        if !self.sends_mail() {
            return Ok(());
        }
        let Some(row) = account::Entity::find_by_id(account).one(tx).await? else { return Ok(()) };
        if row.disabled_at.is_some() || row.email_confirmed_at.is_none() || is_off(&row, topic) {
            return Ok(());
        }
        let key = match &row.mail_key {
            Some(key) => key.clone(),
            None => {
                let key = secret(&mut system_rng());
                account::Entity::update_many()
                    .col_expr(account::Column::MailKey, Expr::value(key.as_str()))
                    .filter(account::Column::Id.eq(account))
                    .exec(tx)
                    .await?;
                String::clone(&key)
            }
        };
        let topic = topic.as_str();
        let page = self.page("unsubscribe", &format!("{key}.{topic}"));
        let endpoint = format!("{}/api/v1/unsubscribe?key={key}&kind={topic}", self.origin());
        let letter = write(&row.username, &row.email).unsubscribe(page, endpoint);
        self.post(tx, topic, account, NEWS_MS, letter).await
    }

    /// Says what somebody wants to be told by mail.
    pub(crate) async fn choose(&self, person: &Person, choices: MailChoices) -> Result<(), ApiError> {
        let wanted = [
            choices.print_ended,
            choices.print_needs_someone,
            choices.sale,
            choices.webhook_failing,
            choices.order_declined,
        ];
        let off = Topic::ALL.into_iter().zip(wanted).filter(|(_, wanted)| !wanted);
        let off: Vec<&str> = off.map(|(topic, _)| topic.as_str()).collect();
        let (off, id) = (off.join(","), person.id.to_string());
        self.db()
            .write(move |tx| {
                let set = account::Entity::update_many()
                    .col_expr(account::Column::MailOff, Expr::value(off.clone()))
                    .filter(account::Column::Id.eq(&id));
                Box::pin(async move { Ok(set.exec(tx).await.map(drop)?) })
            })
            .await
    }

    /// No more mails of a kind, for whoever has the key of a mail.
    ///
    /// # Errors
    /// 403 `link_over` for a key or kind that is unknown.
    pub(crate) async fn unsubscribe(&self, key: &str, kind: &str) -> Result<Topic, ApiError> {
        let topic = Topic::of(kind).ok_or_else(links::over)?;
        let key = key.replace('\0', "\u{fffd}");
        self.db()
            .write(move |tx| {
                let key = key.clone();
                Box::pin(async move {
                    let row =
                        account::Entity::find().filter(account::Column::MailKey.eq(&key)).one(tx).await?;
                    let row = row.ok_or_else(links::over)?;
                    if is_off(&row, topic) {
                        return Ok(topic);
                    }
                    let off = if row.mail_off.is_empty() {
                        topic.as_str().to_owned()
                    } else {
                        format!("{},{}", row.mail_off, topic.as_str())
                    };
                    account::Entity::update_many()
                        .col_expr(account::Column::MailOff, Expr::value(off))
                        .filter(account::Column::Id.eq(&row.id))
                        .exec(tx)
                        .await?;
                    Ok(topic)
                })
            })
            .await
    }
}

/// What a row says.
pub(crate) fn choices(row: &account::Model) -> MailChoices {
    MailChoices {
        print_ended: !is_off(row, Topic::PrintEnded),
        print_needs_someone: !is_off(row, Topic::PrintNeedsSomeone),
        sale: !is_off(row, Topic::Sale),
        webhook_failing: !is_off(row, Topic::WebhookFailing),
        order_declined: !is_off(row, Topic::OrderDeclined),
    }
}

fn is_off(row: &account::Model, topic: Topic) -> bool {
    row.mail_off.split(',').any(|off| off == topic.as_str())
}
