//! `/auth` and `/api/v1/{accounts,setup,me,me/password,audit}`.

use axum::{
    Json,
    extract::{FromRef, State},
};
use http::StatusCode;
use sealpost_api::{
    Problem,
    account::{Account, ChangePassword, LoginRequest, LoginResponse, RegisterRequest, SetupRequest},
    audit::{AuditEntry, AuditLog},
};
use sealpost_database::clock::rfc3339;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    ApiError,
    accounts::Accounts,
    audit::{Entry, Filter},
    auth::UserAuth,
    extract::{ApiJson, ApiQuery, ClientAddress},
    query::AuditQuery,
};

/// Rows of a page where nothing is said, and at most.
const ROWS: (u16, u16) = (50, 200);

/// The routes of this crate, for any server whose state holds [`Accounts`].
pub fn router<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Accounts: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(login))
        .routes(routes!(logout))
        .routes(routes!(register))
        .routes(routes!(set_up))
        .routes(routes!(me))
        .routes(routes!(change_password))
        .routes(routes!(audit_log))
        .merge(crate::browsers::router())
        .merge(crate::passkeys::router())
        .merge(crate::wallets::router())
        .merge(crate::ways::router())
}

/// Sign in by address or name.
#[utoipa::path(post, path = "/auth/login", tag = "accounts", request_body = LoginRequest, responses(
    (status = 200, body = LoginResponse),
    (status = 401, body = Problem, description = "`wrong_credentials`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn login(
    State(accounts): State<Accounts>,
    from: ClientAddress,
    ApiJson(request): ApiJson<LoginRequest>,
) -> Result<Json<LoginResponse>, ApiError> {
    accounts.login(request, from.household()).await.map(Json)
}

/// Revoke the token this request comes with.
#[utoipa::path(post, path = "/auth/logout", tag = "accounts", responses(
    (status = 204),
    (status = 401, body = Problem, description = "`sign_in_required`, `token_expired`, `token_revoked`, `token_invalid`"),
))]
async fn logout(State(accounts): State<Accounts>, user: UserAuth) -> Result<StatusCode, ApiError> {
    accounts.logout(&user.0).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sign up.
#[utoipa::path(post, path = "/api/v1/accounts", tag = "accounts", request_body = RegisterRequest, responses(
    (status = 201, body = LoginResponse),
    (status = 403, body = Problem, description = "`registration_closed`"),
    (status = 409, body = Problem, description = "`email_taken`, `username_taken`"),
    (status = 422, body = Problem, description = "`weak_password`, `bad_email`, `bad_username`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn register(
    State(accounts): State<Accounts>,
    from: ClientAddress,
    ApiJson(request): ApiJson<RegisterRequest>,
) -> Result<(StatusCode, Json<LoginResponse>), ApiError> {
    let answer = accounts.register(request, from.household()).await?;
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Make the first operator by the one-time token that the server printed.
#[utoipa::path(post, path = "/api/v1/setup", tag = "accounts", request_body = SetupRequest, responses(
    (status = 201, body = LoginResponse),
    (status = 403, body = Problem, description = "`setup_token_invalid`"),
    (status = 409, body = Problem, description = "`email_taken`, `username_taken`"),
    (status = 422, body = Problem, description = "`weak_password`, `bad_email`, `bad_username`"),
))]
async fn set_up(
    State(accounts): State<Accounts>,
    from: ClientAddress,
    ApiJson(request): ApiJson<SetupRequest>,
) -> Result<(StatusCode, Json<LoginResponse>), ApiError> {
    let answer = accounts.set_up(request, from.household()).await?;
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/v1/me", tag = "accounts", responses(
    (status = 200, body = Account),
    (status = 401, body = Problem, description = "`sign_in_required`, `token_expired`, `token_revoked`, `token_invalid`"),
))]
async fn me(user: UserAuth) -> Json<Account> {
    Json(user.0.into())
}

/// Change the password; all other sign-ins of the account end.
#[utoipa::path(post, path = "/api/v1/me/password", tag = "accounts", request_body = ChangePassword, responses(
    (status = 204),
    (status = 401, body = Problem, description = "`sign_in_required`, `token_expired`, `token_revoked`, `token_invalid`"),
    (status = 403, body = Problem, description = "`wrong_credentials`"),
    (status = 422, body = Problem, description = "`weak_password`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn change_password(
    State(accounts): State<Accounts>,
    user: UserAuth,
    ApiJson(request): ApiJson<ChangePassword>,
) -> Result<StatusCode, ApiError> {
    accounts.change_password(&user.0, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The audit log, newest first: all of it for operators, for others what they did and what was done to their account.
#[utoipa::path(get, path = "/api/v1/audit", tag = "accounts", params(AuditQuery), responses(
    (status = 200, body = AuditLog),
    (status = 401, body = Problem, description = "`sign_in_required`, `token_expired`, `token_revoked`, `token_invalid`"),
))]
async fn audit_log(
    State(accounts): State<Accounts>,
    user: UserAuth,
    ApiQuery(query): ApiQuery<AuditQuery>,
) -> Result<Json<AuditLog>, ApiError> {
    let limit = query.limit.unwrap_or(ROWS.0).clamp(1, ROWS.1);
    let text = |text: Option<String>| text.map(|text| text.replace('\0', "\u{fffd}"));
    let filter = Filter {
        person: None,
        actor: text(query.actor),
        subject: text(query.subject),
        action: text(query.action),
        before: query.after,
        limit: limit.into(),
        ..Filter::default()
    };
    let page = accounts.audit(&user.0, filter).await?;
    let next = page.entries.last().filter(|_| page.more).map(|entry| entry.id);
    Ok(Json(AuditLog { entries: page.entries.into_iter().map(shown).collect(), next }))
}

fn shown(entry: Entry) -> AuditEntry {
    AuditEntry {
        id: entry.id,
        at: rfc3339(entry.at),
        actor: entry.actor,
        action: entry.action,
        subject: entry.subject,
        details: entry.details,
    }
}
