//! `Idempotency-Key`: the first answer is repeated, another body under the same key is refused.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use http::{HeaderMap, StatusCode, header};
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use sealpost_api::{IDEMPOTENCY_HEADER, Problem};
use sealpost_database::Tx;
use sealpost_keyring as keyring;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::fault::{Fault, Result};
use crate::schema::answer::{ActiveModel, Entity};
use crate::state::AppState;
use crate::{points, random};

/// Longest key.
const KEY_MAX: usize = 128;
const PURPOSE: &str = "answer";

/// Whose request it is, and under which key.
#[derive(Clone, Debug)]
pub(crate) struct Once {
    principal: String,
    route: &'static str,
    key: Option<String>,
    request_sha256: String,
}

/// A status and a JSON body.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    body: String,
}

impl Once {
    /// Reads the key of a request; without one, the work is simply done.
    ///
    /// # Errors
    /// A key that is empty, too long or not visible ASCII.
    pub(crate) fn new(
        headers: &HeaderMap,
        principal: &str,
        route: &'static str,
        request: &impl Serialize,
    ) -> Result<Self> {
        let key = headers.get(IDEMPOTENCY_HEADER).map(|value| {
            let text = value.to_str().unwrap_or_default().trim_matches('"');
            let good = (1..=KEY_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
            good.then(|| text.to_owned()).ok_or_else(|| {
                Fault::invalid(
                    "The Idempotency-Key is not 1 to 128 visible characters.",
                    "Send a fresh UUID, the same one when you repeat the request.",
                )
            })
        });
        let request_sha256 = hex::encode(Sha256::digest(serde_json::to_vec(request)?));
        Ok(Self { principal: principal.to_owned(), route, key: key.transpose()?, request_sha256 })
    }

    /// The same request, of which no answer is kept.
    pub(crate) fn unkept(self) -> Self {
        Self { key: None, ..self }
    }

    /// The first answer, if this request was answered before.
    pub(crate) async fn earlier(
        &self,
        state: &AppState,
        db: &impl sea_orm::ConnectionTrait,
    ) -> Result<Option<Answer>> {
        let Some(key) = &self.key else { return Ok(None) };
        let id = (self.principal.clone(), self.route.to_owned(), key.clone());
        let Some(row) = Entity::find_by_id(id).one(db).await? else { return Ok(None) };
        if row.request_sha256 != self.request_sha256 {
            return Err(Problem::new(422, "idempotency_key_reused", "The Idempotency-Key was used before")
                .detail("Another request was sent under this key.")
                .hint("Use a fresh key for a new request.")
                .into());
        }
        let opened = keyring::open(&*state.keks, PURPOSE, &row.sealed_body.parse()?)?;
        let body = String::from_utf8(opened.to_vec()).map_err(Fault::internal)?;
        let status = u16::try_from(row.status).ok().and_then(|code| StatusCode::from_u16(code).ok());
        Ok(Some(Answer { status: status.unwrap_or(StatusCode::OK), body }))
    }

    /// Keeps an answer, in the transaction of what it answers; a second one under the same key fails it.
    pub(crate) fn keep(&self, state: &AppState, tx: &Tx, answer: &Answer) -> Result<()> {
        let Some(key) = &self.key else { return Ok(()) };
        let sealed =
            keyring::seal(state.keks.current(), PURPOSE, answer.body.as_bytes(), &mut random::rng())?;
        tx.insert_later(ActiveModel {
            principal: Set(self.principal.clone()),
            route: Set(self.route.to_owned()),
            idempotency_key: Set(key.clone()),
            request_sha256: Set(self.request_sha256.clone()),
            status: Set(i32::from(answer.status.as_u16())),
            sealed_body: Set(sealed.to_string()),
            created_at: Set(state.clock.now_ms()),
        });
        Ok(())
    }
}

impl Answer {
    pub(crate) fn new(status: StatusCode, body: &impl Serialize) -> Result<Self> {
        Ok(Self { status, body: serde_json::to_string(body)? })
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        (self.status, [(header::CONTENT_TYPE, "application/json")], self.body).into_response()
    }
}

/// Does `work` in a transaction and answers with what it made, once for each key.
///
/// Repetitions are rare: the work is done without looking for an earlier answer, and when it fails, on the kept answer's key or
/// before, the earlier answer is what counts.
pub(crate) async fn once<T, F>(state: &AppState, request: Once, status: StatusCode, work: F) -> Result<Answer>
where
    F: for<'t> Fn(&'t Tx) -> BoxFuture<'t, Result<T>> + Send + Sync + 'static,
    T: Serialize + Send + 'static,
{
    let shared = Arc::new((state.clone(), request, work));
    let used = shared.clone();
    let done = state
        .db
        .write(move |tx| {
            let shared = used.clone();
            Box::pin(async move {
                let (state, request, work) = &*shared;
                let answer = Answer::new(status, &work(tx).await?)?;
                request.keep(state, tx, &answer)?;
                points::ANSWER.before()?;
                Ok(answer)
            })
        })
        .await;
    match points::ANSWER.behind(done) {
        Ok(answer) => Ok(answer),
        Err(fault) => shared.1.earlier(state, state.db.read()).await?.ok_or(fault),
    }
}
