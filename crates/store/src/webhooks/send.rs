//! Sending: one task for each endpoint that something waits for, so that a slow one holds up nobody else; among all processes
//! one at a time. Who takes part in what there is to share of it is said in [`turns`](super::turns).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use rustls::crypto::CryptoProvider;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait,
};
use sealpost_accounts::{Actor, audit};
use sealpost_database::Tx;
use sealpost_faults::pass;
use sealpost_market::retry;
use sealpost_outgoing::{Outgoing, Settings};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::endpoints::locked;
use super::signature::{self, secrets, sign};
use super::turns::{Seat, Turns, Wish};
use crate::fault::{Fault, Result};
use crate::live::Topic;
use crate::schema::{webhook_delivery, webhook_endpoint, webhook_try};
use crate::state::AppState;
use crate::{points, random};

/// From the question to the end of the answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long a task that says nothing keeps others from an endpoint: longer than sending and noting takes.
const LEASE_MS: i64 = 60_000;
/// Endpoints looked at together.
const LOOKED_AT: u64 = 500;
/// Messages of one endpoint before others have their turn, and how long no other one is begun.
const IN_A_ROW: usize = 100;
const TURN: Duration = Duration::from_secs(20);
/// Bytes of an answer that are kept.
const ANSWER_KEPT: usize = 1024;

/// A client for addresses that people choose.
pub(super) fn client(state: &AppState) -> Result<Outgoing> {
    outgoing(state).map_err(Fault::internal)
}

fn outgoing(state: &AppState) -> Result<Outgoing, sealpost_outgoing::Error> {
    // Programs choose one when they start; where one did not, this is it.
    if CryptoProvider::get_default().is_none() {
        let _chosen_meanwhile = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
    Outgoing::new(Settings {
        allow: state.config.webhook_networks().unwrap_or_default(),
        allow_http: state.config.webhook_http,
        timeout: TIMEOUT,
        max_answer: ANSWER_KEPT,
    })
}

/// Messages of an endpoint that wait are held, or the other way round.
pub(super) async fn hold(tx: &Tx, endpoint: &str, hold: bool, now: i64) -> Result<()> {
    let (from, to, next) = if hold { ("waiting", "held", None) } else { ("held", "waiting", Some(now)) };
    let change = webhook_delivery::ActiveModel {
        state: Set(to.to_owned()),
        tries: Set(0),
        next_at: Set(next),
        ..Default::default()
    };
    webhook_delivery::Entity::update_many()
        .set(change)
        .filter(webhook_delivery::Column::Endpoint.eq(endpoint))
        .filter(webhook_delivery::Column::State.eq(from))
        .exec(tx)
        .await?;
    Ok(())
}

/// Sends what is due.
pub(super) struct Sender {
    state: AppState,
    /// Made when there is something to send for the first time.
    client: OnceLock<Outgoing>,
    turns: Turns,
    /// Stopped with the store.
    tasks: Mutex<JoinSet<()>>,
}

impl Sender {
    pub(super) fn new(state: &AppState) -> Self {
        Self {
            state: state.clone(),
            client: OnceLock::new(),
            turns: Turns::default(),
            tasks: Mutex::default(),
        }
    }

    /// Begins to send to every endpoint that something is due for, that nobody sends to, and whose turn it is.
    pub(super) async fn send_due(&self) -> Result<()> {
        for wish in self.turns.in_order(self.wishes().await?) {
            let Some(seat) = self.turns.seat(&wish) else { continue };
            let client = self.client()?;
            let Some(turn) = Turn::take(self, seat).await? else { continue };
            let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            while tasks.try_join_next().is_some() {}
            tasks.spawn(async move {
                match turn.send_all(&client).await {
                    Ok(()) => {
                        turn.give_back().await;
                        drop(turn);
                        crate::happenings::ring();
                    }
                    // Its turn is left to run out: what cannot be sent is not tried again at once.
                    Err(fault) => {
                        tracing::error!(problem = %fault.problem(), "messages to a webhook are not sent");
                    }
                }
            });
        }
        Ok(())
    }

    /// The endpoints that something is due for, whose messages wait longest first.
    async fn wishes(&self) -> Result<Vec<Wish>> {
        let (db, now) = (self.state.db.read(), self.state.clock.now_ms());
        let away = self.turns.away();
        let full = webhook_endpoint::Entity::find()
            .select_only()
            .column(webhook_endpoint::Column::Id)
            .filter(webhook_endpoint::Column::Owner.is_in(away.owners))
            .into_query();
        let due: Vec<String> = webhook_delivery::Entity::find()
            .select_only()
            .column(webhook_delivery::Column::Endpoint)
            .filter(due(now))
            .filter(webhook_delivery::Column::Endpoint.is_not_in(away.endpoints))
            .filter(webhook_delivery::Column::Endpoint.not_in_subquery(full))
            .group_by(webhook_delivery::Column::Endpoint)
            .order_by_asc(webhook_delivery::Column::NextAt.min())
            .order_by_asc(webhook_delivery::Column::Endpoint)
            .limit(LOOKED_AT)
            .into_tuple()
            .all(db)
            .await?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let found: Vec<(String, String, Option<i64>)> = webhook_endpoint::Entity::find()
            .select_only()
            .column(webhook_endpoint::Column::Id)
            .column(webhook_endpoint::Column::Owner)
            .column(webhook_endpoint::Column::FailingSince)
            .filter(webhook_endpoint::Column::Id.is_in(&due))
            .filter(webhook_endpoint::Column::State.eq("active"))
            .filter(free(now))
            .into_tuple()
            .all(db)
            .await?;
        let mut wishes: HashMap<String, Wish> = found
            .into_iter()
            .map(|(endpoint, owner, failing)| {
                (endpoint.clone(), Wish { endpoint, owner, is_failing: failing.is_some() })
            })
            .collect();
        Ok(due.iter().filter_map(|endpoint| wishes.remove(endpoint)).collect())
    }

    fn client(&self) -> Result<Outgoing> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let made = client(&self.state)?;
        Ok(self.client.get_or_init(|| made).clone())
    }
}

fn due(now: i64) -> Condition {
    Condition::all()
        .add(webhook_delivery::Column::State.eq("waiting"))
        .add(webhook_delivery::Column::NextAt.lte(now))
}

/// Endpoints that no process sends to.
fn free(now: i64) -> Condition {
    Condition::any()
        .add(webhook_endpoint::Column::LeaseUntil.is_null())
        .add(webhook_endpoint::Column::LeaseUntil.lt(now))
        .add(webhook_endpoint::Column::LeaseOwner.is_null())
}

/// This task alone sends to the endpoint.
struct Turn {
    state: AppState,
    endpoint: String,
    owner: String,
    /// Given back with this.
    _seat: Seat,
}

/// What came of sending a message once.
struct Sent {
    at: i64,
    took_ms: i64,
    status: Option<u16>,
    error: Option<String>,
    body: Option<String>,
}

impl Turn {
    async fn take(sender: &Sender, seat: Seat) -> Result<Option<Self>> {
        let owner = hex::encode(random::bytes::<16>()?);
        let (state, endpoint) = (sender.state.clone(), seat.endpoint().to_owned());
        let turn = Self { state, endpoint, owner, _seat: seat };
        let now = turn.state.clock.now_ms();
        Ok(turn.lease(free(now), now).await?.then_some(turn))
    }

    async fn send_all(&self, client: &Outgoing) -> Result<()> {
        let over = Instant::now() + TURN;
        for _ in 0..IN_A_ROW {
            if Instant::now() >= over {
                return Ok(());
            }
            let now = self.state.clock.now_ms();
            let still = webhook_endpoint::Column::LeaseOwner.eq(&self.owner);
            if !self.lease(Condition::all().add(still), now).await? {
                return Ok(());
            }
            let Some((endpoint, message)) = self.next(now).await? else { return Ok(()) };
            pass(points::WEBHOOK_SEND)?;
            let sent = self.send(client, &endpoint, &message).await?;
            pass(points::WEBHOOK_SENT)?;
            let taken = sent.error.is_none();
            points::WEBHOOK_NOTED.behind(self.note(endpoint, message, sent).await)?;
            // One that does not listen does not hold up others with all that it is owed.
            if !taken {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn next(&self, now: i64) -> Result<Option<(webhook_endpoint::Model, webhook_delivery::Model)>> {
        let db = self.state.db.read();
        let endpoint = webhook_endpoint::Entity::find_by_id(&self.endpoint).one(db).await?;
        let message = webhook_delivery::Entity::find()
            .filter(webhook_delivery::Column::Endpoint.eq(&self.endpoint))
            .filter(due(now))
            .order_by_asc(webhook_delivery::Column::NextAt)
            .order_by_asc(webhook_delivery::Column::Id)
            .limit(1)
            .one(db)
            .await?;
        Ok(endpoint.zip(message))
    }

    async fn send(
        &self,
        client: &Outgoing,
        endpoint: &webhook_endpoint::Model,
        message: &webhook_delivery::Model,
    ) -> Result<Sent> {
        let at = self.state.clock.now_ms();
        let old = endpoint.old_secret.as_deref().zip(endpoint.old_secret_until);
        let secrets = secrets(&self.state, &endpoint.id, &endpoint.secret, old)?;
        let body = message.payload.as_bytes();
        let seconds = at.div_euclid(1000);
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in [
            (signature::ID, message.id.clone()),
            (signature::TIMESTAMP, seconds.to_string()),
            (signature::SIGNATURE, sign(&secrets, &message.id, seconds, body)),
        ] {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::try_from(value).map_err(Fault::internal)?,
            );
        }
        let began = Instant::now();
        let body = bytes::Bytes::copy_from_slice(body);
        let answer = client.send_for_beginning(Method::POST, &endpoint.url, headers, body).await;
        let took_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        Ok(match answer {
            Ok(answer) => Sent {
                at,
                took_ms,
                status: Some(answer.status.as_u16()),
                error: None,
                body: Some(shown(&answer.body)),
            },
            Err(error) => Sent { at, took_ms, status: None, error: Some(error.to_string()), body: None },
        })
    }

    /// Notes what came of it, and what follows.
    async fn note(
        &self,
        endpoint: webhook_endpoint::Model,
        message: webhook_delivery::Model,
        sent: Sent,
    ) -> Result<()> {
        let jitter = u16::from_le_bytes(random::bytes::<2>()?);
        let id = hex::encode(random::bytes::<16>()?);
        let shared = Arc::new((self.state.clone(), self.owner.clone(), endpoint, message, sent, jitter, id));
        self.state
            .db
            .write(move |tx| {
                let shared = shared.clone();
                Box::pin(async move {
                    let (state, owner, endpoint, message, sent, jitter, id) = &*shared;
                    let attempt = webhook_try::Model {
                        id: id.clone(),
                        delivery: message.id.clone(),
                        at: sent.at,
                        took_ms: sent.took_ms,
                        status: sent.status.map(i32::from),
                        error: sent.error.clone(),
                        body: sent.body.clone(),
                    };
                    tx.insert_later(attempt.into_active_model());
                    follow(state, tx, owner, endpoint, message, sent, *jitter).await?;
                    points::WEBHOOK_NOTED.before()?;
                    Ok(())
                })
            })
            .await
    }

    /// Takes the endpoint, or keeps it.
    async fn lease(&self, when: Condition, now: i64) -> Result<bool> {
        let (endpoint, owner) = (self.endpoint.clone(), self.owner.clone());
        let leased = self.state.db.write(move |tx| {
            let lease = webhook_endpoint::Entity::update_many()
                .col_expr(webhook_endpoint::Column::LeaseOwner, Expr::value(Some(owner.clone())))
                .col_expr(webhook_endpoint::Column::LeaseUntil, Expr::value(Some(now + LEASE_MS)))
                .filter(webhook_endpoint::Column::Id.eq(&endpoint))
                .filter(webhook_endpoint::Column::State.eq("active"))
                .filter(when.clone());
            Box::pin(async move { Ok::<_, Fault>(lease.exec(tx).await?.rows_affected == 1) })
        });
        leased.await
    }

    /// Where that fails, it runs out.
    async fn give_back(&self) {
        let (endpoint, owner) = (self.endpoint.clone(), self.owner.clone());
        let given = self.state.db.write(move |tx| {
            let free = webhook_endpoint::Entity::update_many()
                .col_expr(webhook_endpoint::Column::LeaseOwner, Expr::value(None::<String>))
                .col_expr(webhook_endpoint::Column::LeaseUntil, Expr::value(None::<i64>))
                .filter(webhook_endpoint::Column::Id.eq(&endpoint))
                .filter(webhook_endpoint::Column::LeaseOwner.eq(&owner));
            Box::pin(async move { free.exec(tx).await.map(drop).map_err(Fault::from) })
        });
        if let Err(fault) = given.await {
            tracing::debug!(problem = %fault.problem(), "the turn to send to a webhook was not given back");
        }
    }
}

async fn follow(
    state: &AppState,
    tx: &Tx,
    owner: &str,
    endpoint: &webhook_endpoint::Model,
    message: &webhook_delivery::Model,
    sent: &Sent,
    jitter: u16,
) -> Result<()> {
    let now = state.clock.now_ms();
    locked(tx, &endpoint.id).await?;
    let is_taken = sent.status.is_some_and(|status| (200..300).contains(&status));
    let is_gone = sent.status == Some(410);
    let failed = message.tries.saturating_add(1);
    let pause = if is_gone { None } else { retry::pause_ms(failed.unsigned_abs(), jitter) };
    let change = webhook_delivery::ActiveModel {
        state: Set(match (is_taken, pause) {
            (true, _) => "delivered",
            (false, Some(_)) => "waiting",
            (false, None) => "failed",
        }
        .to_owned()),
        tries: Set(if is_taken { message.tries } else { failed }),
        next_at: Set(pause.filter(|_| !is_taken).map(|pause| now + pause)),
        status: Set(sent.status.map(i32::from)),
        ended_at: Set((is_taken || pause.is_none()).then_some(now)),
        ..Default::default()
    };
    webhook_delivery::Entity::update_many()
        .set(change)
        .filter(webhook_delivery::Column::Id.eq(&message.id))
        // Somebody may have asked for it again meanwhile, or paused it all.
        .filter(webhook_delivery::Column::State.eq("waiting"))
        .filter(webhook_delivery::Column::NextAt.eq(message.next_at))
        .exec(tx)
        .await?;
    let reason = match (&sent.error, sent.status) {
        (Some(error), _) => error.clone(),
        (None, status) => format!("it answered {}", status.unwrap_or_default()),
    };
    let is_given_up =
        !is_taken && (is_gone || (pause.is_none() && !took_something(tx, endpoint, message).await?));
    let after = webhook_endpoint::ActiveModel {
        failing_since: Set(if is_taken { None } else { endpoint.failing_since.or(Some(now)) }),
        reason: Set((!is_taken).then(|| reason.clone())),
        state: Set(if is_given_up { "failing" } else { "active" }.to_owned()),
        row_version: Set(endpoint.row_version + 1),
        ..Default::default()
    };
    let saved = webhook_endpoint::Entity::update_many()
        .set(after)
        .filter(webhook_endpoint::Column::Id.eq(&endpoint.id))
        .filter(webhook_endpoint::Column::RowVersion.eq(endpoint.row_version))
        .filter(webhook_endpoint::Column::LeaseOwner.eq(owner))
        .exec(tx)
        .await?;
    // Its owner changed it meanwhile: what they said counts.
    if saved.rows_affected == 1 && is_given_up {
        hold(tx, &endpoint.id, true, now).await?;
        let subject = format!("webhook:{}", endpoint.id);
        let details = json!({"reason": reason, "since": endpoint.failing_since.or(Some(now))});
        audit::record_later(tx, now, &Actor::System, "webhook.failing", &subject, &details);
        crate::notices::webhook_failing(state, tx, &endpoint.owner, &endpoint.url, &reason, is_gone).await?;
    }
    let about = Some(endpoint.id.clone());
    let kind = if is_given_up { "webhook_failing" } else { "webhook" };
    let topic = Topic::Notice { kind: kind.to_owned(), about };
    if is_given_up {
        return state.live.tell_with(tx, &endpoint.owner, topic).await;
    }
    let (live, owner) = (state.live.clone(), endpoint.owner.clone());
    tx.after_commit(move || live.tell(&owner, topic));
    Ok(())
}

/// Whether the endpoint took anything since this message was written: then it is the message that is not wanted.
async fn took_something(
    tx: &Tx,
    endpoint: &webhook_endpoint::Model,
    message: &webhook_delivery::Model,
) -> Result<bool> {
    let taken = webhook_delivery::Entity::find()
        .filter(webhook_delivery::Column::Endpoint.eq(&endpoint.id))
        .filter(webhook_delivery::Column::State.eq("delivered"))
        .filter(webhook_delivery::Column::EndedAt.gt(message.created_at));
    Ok(taken.count(tx).await? > 0)
}

/// The beginning of an answer as text that every database stores.
fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(ANSWER_KEPT)]);
    text.chars().map(|c| if c == '\0' { '\u{fffd}' } else { c }).collect()
}
