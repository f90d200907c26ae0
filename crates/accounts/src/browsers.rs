//! `/auth/session` and `/api/v1/me/sessions`: people in browsers.

use axum::{Json, extract::FromRef, extract::State};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use sealpost_api::{
    Problem,
    account::{Account, Here, LoginRequest, RegisterRequest, SignIns},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    ApiError,
    accounts::Accounts,
    auth::UserAuth,
    cookie::Cookie,
    extract::{ApiJson, ApiPath, ClientAddress},
    sessions::{Begin, LIFE_S},
};

pub(crate) type SetCookie = [(HeaderName, HeaderValue); 1];

pub(crate) fn router<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Accounts: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(here, sign_in, sign_out))
        .routes(routes!(sign_up))
        .routes(routes!(list, end_all))
        .routes(routes!(end_one))
}

/// Who this browser is signed in as. That nobody is, is an answer and no failure: a page asks it first of all.
#[utoipa::path(get, path = "/auth/session", tag = "accounts", responses((status = 200, body = Here)))]
async fn here(user: Result<UserAuth, ApiError>) -> Result<Json<Here>, ApiError> {
    let account = match user {
        Ok(user) => Some(Account::from(user.0)),
        Err(error) if [401, 403].contains(&error.problem().status) => None,
        Err(error) => return Err(error),
    };
    Ok(Json(Here { account }))
}

/// Sign a browser in by address or name: the answer sets a cookie that no page can read. What it was signed in by before ends.
#[utoipa::path(post, path = "/auth/session", tag = "accounts", request_body = LoginRequest, responses(
    (status = 200, body = Account, headers(("set-cookie" = String, description = "HttpOnly, SameSite=Strict, 30 days"))),
    (status = 401, body = Problem, description = "`wrong_credentials`"),
    (status = 403, body = Problem, description = "`cross_origin`, `tls_required`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn sign_in(
    State(accounts): State<Accounts>,
    from: ClientAddress,
    headers: HeaderMap,
    ApiJson(request): ApiJson<LoginRequest>,
) -> Result<(SetCookie, Json<Account>), ApiError> {
    let cookie = allowed(&accounts, &headers)?;
    let (secret, begin) = Begin::new(&headers, cookie.read(&headers), from);
    let account = accounts.login_browser(request, from.household(), begin).await?;
    Ok((set_session(cookie, &secret)?, Json(account)))
}

/// Sign up and sign the browser in.
#[utoipa::path(post, path = "/auth/session/sign-up", tag = "accounts", request_body = RegisterRequest, responses(
    (status = 201, body = Account, headers(("set-cookie" = String, description = "HttpOnly, SameSite=Strict, 30 days"))),
    (status = 403, body = Problem, description = "`registration_closed`, `cross_origin`, `tls_required`"),
    (status = 409, body = Problem, description = "`email_taken`, `username_taken`"),
    (status = 422, body = Problem, description = "`weak_password`, `bad_email`, `bad_username`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn sign_up(
    State(accounts): State<Accounts>,
    from: ClientAddress,
    headers: HeaderMap,
    ApiJson(request): ApiJson<RegisterRequest>,
) -> Result<(StatusCode, SetCookie, Json<Account>), ApiError> {
    let cookie = allowed(&accounts, &headers)?;
    let (secret, begin) = Begin::new(&headers, cookie.read(&headers), from);
    let account = accounts.register_browser(request, from.household(), begin).await?;
    Ok((StatusCode::CREATED, set_session(cookie, &secret)?, Json(account)))
}

/// Sign the browser out, and have it forget the cookie. It is no failure when it was not signed in.
#[utoipa::path(delete, path = "/auth/session", tag = "accounts", responses(
    (status = 204, headers(("set-cookie" = String, description = "The cookie's end"))),
    (status = 403, body = Problem, description = "`cross_origin`, `tls_required`"),
))]
async fn sign_out(
    State(accounts): State<Accounts>,
    headers: HeaderMap,
) -> Result<(StatusCode, SetCookie), ApiError> {
    let cookie = allowed(&accounts, &headers)?;
    if let Some(secret) = cookie.read(&headers) {
        accounts.leave(secret).await?;
    }
    Ok((StatusCode::NO_CONTENT, set(cookie.clear())?))
}

/// Where you are signed in: browsers, and programs with tokens.
#[utoipa::path(get, path = "/api/v1/me/sessions", tag = "accounts", responses(
    (status = 200, body = SignIns),
    (status = 401, body = Problem, description = "`sign_in_required`, `session_ended`, `token_expired`, `token_revoked`, `token_invalid`"),
))]
async fn list(State(accounts): State<Accounts>, user: UserAuth) -> Result<Json<SignIns>, ApiError> {
    accounts.sign_ins(&user.0).await.map(Json)
}

/// End one of your sign-ins.
#[utoipa::path(delete, path = "/api/v1/me/sessions/{id}", tag = "accounts",
    params(("id" = String, Path, description = "`id` of the list")), responses(
    (status = 204),
    (status = 401, body = Problem, description = "`sign_in_required`, `session_ended`, `token_expired`, `token_revoked`, `token_invalid`"),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn end_one(
    State(accounts): State<Accounts>,
    user: UserAuth,
    ApiPath(id): ApiPath<String>,
) -> Result<StatusCode, ApiError> {
    accounts.end_sign_in(&user.0, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sign out everywhere, here too.
#[utoipa::path(delete, path = "/api/v1/me/sessions", tag = "accounts", responses(
    (status = 204),
    (status = 401, body = Problem, description = "`sign_in_required`, `session_ended`, `token_expired`, `token_revoked`, `token_invalid`"),
))]
async fn end_all(State(accounts): State<Accounts>, user: UserAuth) -> Result<StatusCode, ApiError> {
    accounts.end_sign_ins(&user.0).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The server's cookie, where it has one and this request may set it.
pub(crate) fn allowed<'a>(accounts: &'a Accounts, headers: &HeaderMap) -> Result<&'a Cookie, ApiError> {
    let cookie = accounts.cookie().ok_or_else(|| {
        ApiError::new(StatusCode::FORBIDDEN, "tls_required", "Browsers sign in over TLS")
            .detail("A cookie would be readable for everybody on the way.")
            .hint("The operator sets `tls_certificate`, or puts a proxy with TLS before the store and sets `public_url`.")
    })?;
    if cookie.may_begin(headers) { Ok(cookie) } else { Err(cross_origin()) }
}

/// A page of another site asked.
pub(crate) fn cross_origin() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "cross_origin", "Pages of other sites may not do this")
        .hint("Do it in the store's own pages; programs send a token in `Authorization: Bearer`.")
}

/// What signs the browser in.
pub(crate) fn set_session(cookie: &Cookie, secret: &str) -> Result<SetCookie, ApiError> {
    set(cookie.set(secret, LIFE_S))
}

fn set(value: Option<HeaderValue>) -> Result<SetCookie, ApiError> {
    let value = value.ok_or_else(|| ApiError::internal("a cookie that is no header"))?;
    Ok([(header::SET_COOKIE, value)])
}
