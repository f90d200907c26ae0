//! Which printer is asking.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use futures::future::BoxFuture;
use http::{HeaderValue, StatusCode, header, request::Parts};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, DbErr, EntityTrait, ExprTrait, QueryFilter, QuerySelect,
    sea_query::Expr,
};
use sealpost_accounts::{Actor, ApiError, Session, TokenKind, audit, session, tokens};
use sealpost_api::{AGENT_HEADER, MEMORY_HEADER, PROTECTION_HEADER, pairing::PrinterDescription};
use sealpost_database::Tx;
use sealpost_envelope::PrinterPublic;
use sealpost_market::{AccountId, PrinterId};
use serde_json::json;

use super::{
    Identity, describe,
    entity::{pairing, printer},
};
use crate::fault::Fault;
use crate::hub::Hub;
use crate::live::Topic;
use crate::points;
use crate::schema::job;

/// How long a printer that asked counts as there: it asks every minute, and signs of life are written down as often.
pub(super) const ONLINE_MS: i64 = 150_000;
/// How often a printer's last sign of life is written down at most.
const SEEN_EVERY_MS: i64 = 60_000;
/// How long requests under way may still use a token after the printer has used its successor.
const GRACE_MS: i64 = 60_000;

/// Which agent speaks for a printer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// The deployed LMNT plugin: a poll claims one job.
    Lmnt,
    /// A Sealpost agent: a poll lists jobs, a claim releases a key.
    Sealpost,
}

/// What a printer's jobs need to know when it leaves its owner: what waits is taken back without a trace, and what
/// is under way is to stop.
pub(crate) type Left =
    for<'t> fn(&'t Tx, &'t Hub, PrinterId, AccountId, i64) -> BoxFuture<'t, Result<(), ApiError>>;

/// What printers have around them in a store.
#[derive(Clone)]
pub(crate) struct Around {
    /// Who is told what.
    pub(crate) hub: Hub,
    /// Told in the same transaction when a printer leaves its owner.
    pub(crate) left: Left,
}

impl Around {
    /// Tells the pages of a printer's owner, once the transaction is committed.
    pub(super) async fn tell(&self, tx: &Tx, owner: &str, printer: &str) -> Result<(), ApiError> {
        let topic = Topic::Printer { id: printer.to_owned() };
        self.hub.live().tell_with(tx, owner, topic).await.map_err(Fault::into_api)
    }
}

/// A printer, by the printer token in `Authorization: Bearer`.
#[derive(Clone, Debug)]
pub(crate) struct AgentAuth {
    /// The printer.
    pub(crate) id: PrinterId,
    /// Its owner.
    pub(crate) owner: AccountId,
    /// What jobs are wrapped for.
    pub(crate) public_key: PrinterPublic,
    /// What speaks for it in this request.
    pub(crate) protocol: Protocol,
    /// The id of what its agent remembers by, where it says one.
    pub(crate) memory: Option<String>,
}

impl Protocol {
    /// What a request says its sender speaks.
    pub(crate) fn of(parts: &Parts) -> Self {
        if parts.headers.contains_key(AGENT_HEADER) { Self::Sealpost } else { Self::Lmnt }
    }
}

/// What a request says of the agent that sends it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Said {
    /// Its name and version.
    agent: Option<String>,
    /// Whether other programs on the printer may look into prints.
    reduced: Option<bool>,
}

impl Said {
    fn of(parts: &Parts) -> Self {
        if Protocol::of(parts) == Protocol::Lmnt {
            return Self::default();
        }
        let header = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let agent = header(header::USER_AGENT.as_str()).and_then(describe::line);
        let reduced = match header(PROTECTION_HEADER) {
            Some("full") => Some(false),
            Some("reduced") => Some(true),
            _ => None,
        };
        Self { agent, reduced }
    }

    /// What is not said stays as it was.
    fn is_new(&self, row: &printer::Model) -> bool {
        (self.agent.is_some() && self.agent != row.agent)
            || (self.reduced.is_some() && self.reduced != row.reduced)
    }
}

/// What the request says that its sender remembers by.
fn memory(parts: &Parts) -> Option<String> {
    let said = parts.headers.get(MEMORY_HEADER)?.to_str().ok()?;
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    ((16..=64).contains(&said.len()) && said.bytes().all(known)).then(|| said.to_owned())
}

impl<S: Send + Sync> FromRequestParts<S> for Protocol {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AgentAuth
where
    Identity: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let identity = Identity::from_ref(state);
        let session = session(identity.accounts(), TokenKind::Printer, parts).await?;
        let mut agent = identity.agent(session, Protocol::of(parts), Said::of(parts)).await?;
        agent.memory = memory(parts);
        Ok(agent)
    }
}

impl AgentAuth {
    /// Whether this job is for this printer, and of who owns it now: a printer that changed hands keeps its id, and says how jobs of
    /// before went, but gets none of them.
    pub(crate) fn may_print(&self, job: &job::Model) -> bool {
        job.printer == self.id.as_str() && job.owner == self.owner.as_str()
    }
}

impl Identity {
    /// The printer behind a checked token; its first use finishes pairing and ends older tokens.
    async fn agent(&self, session: Session, protocol: Protocol, said: Said) -> Result<AgentAuth, ApiError> {
        let row = self.live_printer(&session.subject).await?.ok_or_else(removed)?;
        let row = if session.ending || row.active_jti.as_deref() == Some(session.jti.as_str()) {
            row
        } else {
            self.activate(row.id, session.jti.clone()).await?
        };
        self.seen(&row, protocol, said).await?;
        Ok(AgentAuth {
            id: PrinterId::parse(&row.id).map_err(ApiError::internal)?,
            owner: AccountId::parse(&row.owner).map_err(ApiError::internal)?,
            public_key: row.public_key.parse().map_err(ApiError::internal)?,
            protocol,
            memory: None,
        })
    }

    /// A printer that was not removed.
    pub(super) async fn live_printer(&self, id: &str) -> Result<Option<printer::Model>, DbErr> {
        let query = printer::Entity::find_by_id(id).filter(printer::Column::RemovedAt.is_null());
        query.one(self.0.db.read()).await
    }

    async fn activate(&self, id: String, jti: String) -> Result<printer::Model, ApiError> {
        let now = self.now_ms();
        let around = self.0.around.clone();
        let done = self
            .0
            .db
            .write(move |tx| {
                let (around, id, jti) = (around.clone(), id.clone(), jti.clone());
                Box::pin(async move { activate(tx, &around, id, jti, now).await })
            })
            .await;
        points::ACTIVATE.behind(done)
    }

    async fn seen(&self, row: &printer::Model, protocol: Protocol, said: Said) -> Result<(), ApiError> {
        let now = self.now_ms();
        let sealpost = protocol == Protocol::Sealpost;
        let within = |ms| row.last_seen_at.is_some_and(|seen| (0..ms).contains(&now.saturating_sub(seen)));
        let is_new = row.sealpost_agent != sealpost || said.is_new(row);
        if within(SEEN_EVERY_MS) && !is_new {
            return Ok(());
        }
        let tells = is_new || !within(ONLINE_MS);
        let shared = Arc::new((self.0.around.clone(), row.id.clone(), row.owner.clone(), said));
        self.0
            .db
            .write(move |tx| {
                let shared = shared.clone();
                Box::pin(async move {
                    let (around, id, owner, said) = &*shared;
                    let mut seen = printer::ActiveModel {
                        last_seen_at: Set(Some(now)),
                        sealpost_agent: Set(sealpost),
                        ..Default::default()
                    };
                    if said.agent.is_some() {
                        seen.agent = Set(said.agent.clone());
                    }
                    if said.reduced.is_some() {
                        seen.reduced = Set(said.reduced);
                    }
                    let this = printer::Column::Id.eq(id);
                    printer::Entity::update_many().set(seen).filter(this).exec(tx).await?;
                    if tells {
                        around.tell(tx, owner, id).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Whoever was heard of last before this moment counts as away.
    pub(crate) fn silence_begins(&self) -> i64 {
        self.now_ms() - ONLINE_MS
    }

    /// Tells the owners of printers that were not heard of since, and were before.
    ///
    /// # Errors
    /// The failure of the database.
    pub(crate) async fn tell_of_silent(&self, before: i64) -> Result<i64, ApiError> {
        let now = self.silence_begins();
        let silent: Vec<(String, String)> = printer::Entity::find()
            .select_only()
            .columns([printer::Column::Id, printer::Column::Owner])
            .filter(printer::Column::LastSeenAt.gt(before))
            .filter(printer::Column::LastSeenAt.lte(now))
            .filter(printer::Column::RemovedAt.is_null())
            .into_tuple()
            .all(self.0.db.read())
            .await?;
        for (id, owner) in silent {
            self.0.around.hub.live().tell(&owner, Topic::Printer { id });
        }
        Ok(now)
    }
}

/// The first use of a token proves that the printer holds its key and has the token.
///
/// Only now a printer that was paired anew moves to its new owner: anybody could start a pairing with somebody else's
/// public key and approve it, but not open the answer.
async fn activate(
    tx: &Tx,
    around: &Around,
    id: String,
    jti: String,
    now: i64,
) -> Result<printer::Model, ApiError> {
    // Also holds the row, so that of two first uses at once the later one finds the work of the earlier.
    printer::Entity::update_many()
        .col_expr(printer::Column::LastSeenAt, Expr::value(now))
        .filter(printer::Column::Id.eq(&id))
        .exec(tx)
        .await?;
    let mut row = printer::Entity::find_by_id(&id).one(tx).await?.ok_or_else(removed)?;
    let session = pairing::Entity::find()
        .filter(pairing::Column::Jti.eq(&jti))
        .filter(pairing::Column::Printer.eq(&id))
        .filter(pairing::Column::State.eq("approved"))
        .one(tx)
        .await?;
    let mut grace = GRACE_MS;
    let mut change = printer::Entity::update_many()
        .col_expr(printer::Column::ActiveJti, Expr::value(jti.as_str()))
        .filter(printer::Column::Id.eq(&id));
    if let Some(session) = session {
        pairing::Entity::update_many()
            .col_expr(pairing::Column::State, Expr::value("completed"))
            .filter(pairing::Column::SecretHash.eq(&session.secret_hash))
            .exec(tx)
            .await?;
        let owner = session.approver.unwrap_or_else(|| row.owner.clone());
        let mut name = session.name;
        if owner != row.owner {
            grace = 0;
            name = name.or_else(|| own_name(&session.description)).or_else(|| Some("Printer".to_owned()));
            let printer = PrinterId::parse(&id).map_err(ApiError::internal)?;
            let before = AccountId::parse(&row.owner).map_err(ApiError::internal)?;
            (around.left)(tx, &around.hub, printer, before, now).await?;
            around.tell(tx, &row.owner, &id).await?;
        }
        let name = name.unwrap_or_else(|| row.name.clone());
        let details = json!({"owner": owner, "before": row.owner});
        let actor = Actor::Printer(id.clone());
        audit::record(tx, now, &actor, "printer.paired", &format!("printer:{id}"), details).await?;
        change = change
            .col_expr(printer::Column::Owner, Expr::value(owner.as_str()))
            .col_expr(printer::Column::Name, Expr::value(name.as_str()));
        row = printer::Model { owner, name, ..row };
    }
    change.exec(tx).await?;
    around.tell(tx, &row.owner, &id).await?;
    tokens::revoke_all(tx, TokenKind::Printer, &id, Some(&jti), now + grace).await?;
    points::ACTIVATE.checked()?;
    Ok(printer::Model { active_jti: Some(jti), ..row })
}

/// What a printer calls itself; the name that its owner gave it is not for the next one.
fn own_name(description: &str) -> Option<String> {
    serde_json::from_str::<PrinterDescription>(description).ok()?.name
}

/// Rows that nobody needs any more: codes that ran out, and answered ones whose token cannot be alive.
pub(super) async fn purge(tx: &Tx, now: i64) -> Result<(), DbErr> {
    let answered_before = now - 2 * tokens::LIFETIME_S * 1000;
    let over = Condition::any()
        .add(pairing::Column::Jti.is_null().and(pairing::Column::ExpiresAt.lt(now - 3_600_000)))
        .add(pairing::Column::ExpiresAt.lt(answered_before));
    pairing::Entity::delete_many().filter(over).exec(tx).await.map(drop)
}

fn removed() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "printer_removed", "The printer was removed from its account")
        .hint("Pair the printer again.")
}
