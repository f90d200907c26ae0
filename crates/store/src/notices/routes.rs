//! `/api/v1/mails`: the outbox, for operators.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use sealpost_accounts::OperatorAuth;
use sealpost_api::Problem;
use sealpost_api::mail::{Mail, Mails};
use sealpost_database::clock::rfc3339;
use sealpost_mail::{Letter, Mailer, Outbox, Post, State as Kept};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::query::MailQuery;
use crate::fault::{Fault, Result};
use crate::http::body::{Path, Query};
use crate::state::AppState;

/// Shown at once.
const MOST: u64 = 100;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(test))
        .routes(routes!(again))
        .routes(routes!(forget))
}

/// Mails that wait, or were given up, with what the mail server said; never what they say.
#[utoipa::path(get, path = "/api/v1/mails", tag = "operate", params(MailQuery), responses(
    (status = 200, body = Mails),
    (status = 403, body = Problem, description = "`operator_required`"),
))]
async fn list(
    State(state): State<AppState>,
    _operator: OperatorAuth,
    Query(query): Query<MailQuery>,
) -> Result<Json<Mails>> {
    let Some(mail) = &state.mail else {
        return Ok(Json(Mails { from: None, waiting: 0, dead: 0, mails: Vec::new() }));
    };
    let kept = match query.state.as_deref() {
        None | Some("dead") => Kept::Dead,
        Some("waiting") => Kept::Waiting,
        Some("sent") => Kept::Sent,
        Some(_) => {
            return Err(Fault::invalid("`state` is not waiting, dead or sent.", "Send one of these words."));
        }
    };
    let (waiting, dead) = mail.counts().await?;
    let mails = mail.list(kept, MOST).await?.into_iter().map(shown).collect();
    Ok(Json(Mails { from: Some(mail.smtp().from()), waiting, dead, mails }))
}

/// Send a mail to yourself, to see whether it comes.
#[utoipa::path(post, path = "/api/v1/mails/test", tag = "operate", responses(
    (status = 202),
    (status = 403, body = Problem, description = "`operator_required`"),
    (status = 409, body = Problem, description = "`no_mail`"),
    (status = 502, body = Problem, description = "`mail_server`"),
))]
async fn test(State(state): State<AppState>, operator: OperatorAuth) -> Result<StatusCode> {
    let mail = mailer(&state)?;
    mail.smtp().check().await.map_err(|words| {
        Problem::new(502, "mail_server", "The mail server does not take mails")
            .detail(words)
            .hint("Compare `smtp_url` and the password with what the mail server wants.")
    })?;
    let (person, host) = (operator.0.0, state.origin.clone());
    let letter = Letter::new(&person.username, &person.email, "Mails arrive")
        .line(&format!("The store at {host} sends mails, and this one came."));
    state
        .db
        .write(move |tx| {
            let (mail, letter, id) = (mail.clone(), letter.clone(), person.id.clone());
            Box::pin(async move {
                let post = Post { kind: "test", account: Some(id.as_str()), life_ms: 3_600_000 };
                Ok::<_, Fault>(mail.queue(tx, &post, &letter).await?)
            })
        })
        .await?;
    Ok(StatusCode::ACCEPTED)
}

/// Try a mail that waits again now.
#[utoipa::path(post, path = "/api/v1/mails/{id}/again", tag = "operate",
    params(("id" = String, Path, description = "`id` of the list")), responses(
    (status = 202),
    (status = 403, body = Problem, description = "`operator_required`"),
    (status = 404, body = Problem, description = "`not_found`: of a mail that was given up nothing is left to send"),
))]
async fn again(
    State(state): State<AppState>,
    _operator: OperatorAuth,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    if mailer(&state)?.hurry(&id).await? { Ok(StatusCode::ACCEPTED) } else { Err(missing()) }
}

/// Forget a mail that was given up.
#[utoipa::path(delete, path = "/api/v1/mails/{id}", tag = "operate",
    params(("id" = String, Path, description = "`id` of the list")), responses(
    (status = 204),
    (status = 403, body = Problem, description = "`operator_required`"),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn forget(
    State(state): State<AppState>,
    _operator: OperatorAuth,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    if mailer(&state)?.forget(&id).await? { Ok(StatusCode::NO_CONTENT) } else { Err(missing()) }
}

fn mailer(state: &AppState) -> Result<Mailer> {
    state.mail.clone().ok_or_else(|| {
        Problem::new(409, "no_mail", "This store sends no mails")
            .hint("Set `smtp_url` and `mail_from`, and start the store again.")
            .into()
    })
}

fn shown(mail: Outbox) -> Mail {
    Mail {
        id: mail.id,
        kind: mail.kind,
        address: mail.address,
        attempts: mail.attempts,
        error: mail.error,
        queued_at: rfc3339(mail.queued_at),
        next_at: mail.next_at.map(rfc3339),
    }
}

fn missing() -> Fault {
    Problem::new(404, "not_found", "Not found")
        .detail("There is no such mail.")
        .hint("Load the list again.")
        .into()
}
