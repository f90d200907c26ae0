//! `/auth/passkey`, `/auth/session/passkey` and `/api/v1/me/passkeys`.

use axum::{
    Json,
    extract::{FromRef, State},
};
use http::{HeaderMap, StatusCode};
use sealpost_api::{
    Problem,
    account::Account,
    ways::{AddPasskey, Passkey, PasskeySignIn, Proof, Rename},
};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    ApiError,
    accounts::Accounts,
    auth::UserAuth,
    browsers::{SetCookie, allowed, set_session},
    extract::{ApiJson, ApiPath, ClientAddress},
    sessions::Begin,
};

pub(crate) fn router<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Accounts: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(ask))
        .routes(routes!(sign_in))
        .routes(routes!(list, add))
        .routes(routes!(ask_for_new))
        .routes(routes!(rename, remove))
}

/// What a browser shows a passkey by (`PublicKeyCredentialRequestOptionsJSON` of WebAuthn): good once, for five minutes.
#[utoipa::path(post, path = "/auth/passkey/challenge", tag = "accounts", responses(
    (status = 200, body = Object),
    (status = 409, body = Problem, description = "`no_passkeys`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn ask(State(accounts): State<Accounts>, from: ClientAddress) -> Result<Json<Value>, ApiError> {
    accounts.ask_passkey(from.household()).await.map(Json)
}

/// Sign a browser in by a passkey; no name is needed.
#[utoipa::path(post, path = "/auth/session/passkey", tag = "accounts", request_body = PasskeySignIn, responses(
    (status = 200, body = Account, headers(("set-cookie" = String, description = "HttpOnly, SameSite=Strict, 30 days"))),
    (status = 403, body = Problem, description = "`passkey_refused`, `passkey_unknown`, `cross_origin`, `tls_required`"),
    (status = 422, body = Problem, description = "`challenge_over`, `bad_passkey`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn sign_in(
    State(accounts): State<Accounts>,
    from: ClientAddress,
    headers: HeaderMap,
    ApiJson(request): ApiJson<PasskeySignIn>,
) -> Result<(SetCookie, Json<Account>), ApiError> {
    let cookie = allowed(&accounts, &headers)?;
    let (secret, begin) = Begin::new(&headers, cookie.read(&headers), from);
    let account = accounts.enter_by_passkey(&request.credential, from.household(), begin).await?;
    Ok((set_session(cookie, &secret)?, Json(account)))
}

/// Your passkeys.
#[utoipa::path(get, path = "/api/v1/me/passkeys", tag = "accounts", responses(
    (status = 200, body = Vec<Passkey>),
    (status = 401, body = Problem, description = "`sign_in_required`"),
))]
async fn list(State(accounts): State<Accounts>, user: UserAuth) -> Result<Json<Vec<Passkey>>, ApiError> {
    accounts.passkeys(user.id().as_str()).await.map(Json)
}

/// What a browser makes a passkey by (`PublicKeyCredentialCreationOptionsJSON` of WebAuthn). Whoever signed in longer than 15 minutes ago
/// shows that it is them.
#[utoipa::path(post, path = "/api/v1/me/passkeys/challenge", tag = "accounts", request_body = Proof, responses(
    (status = 200, body = Object),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 403, body = Problem, description = "`proof_required`, `wrong_credentials`"),
    (status = 409, body = Problem, description = "`no_passkeys`"),
))]
async fn ask_for_new(
    State(accounts): State<Accounts>,
    user: UserAuth,
    ApiJson(proof): ApiJson<Proof>,
) -> Result<Json<Value>, ApiError> {
    accounts.prove_unless_fresh(&user.0, proof).await?;
    accounts.ask_for_passkey(&user.0).await.map(Json)
}

/// Add the passkey that the browser made.
#[utoipa::path(post, path = "/api/v1/me/passkeys", tag = "accounts", request_body = AddPasskey, responses(
    (status = 201, body = Passkey),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 403, body = Problem, description = "`passkey_refused`"),
    (status = 409, body = Problem, description = "`passkey_known`, `too_many_passkeys`"),
    (status = 422, body = Problem, description = "`challenge_over`, `bad_passkey`, `bad_name`"),
))]
async fn add(
    State(accounts): State<Accounts>,
    user: UserAuth,
    ApiJson(request): ApiJson<AddPasskey>,
) -> Result<(StatusCode, Json<Passkey>), ApiError> {
    let made = accounts.add_passkey(&user.0, request.name.as_deref(), &request.credential).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Give a passkey another name.
#[utoipa::path(patch, path = "/api/v1/me/passkeys/{id}", tag = "accounts", request_body = Rename,
    params(("id" = String, Path, description = "`id` of the list")), responses(
    (status = 204),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 422, body = Problem, description = "`bad_name`"),
))]
async fn rename(
    State(accounts): State<Accounts>,
    user: UserAuth,
    ApiPath(id): ApiPath<String>,
    ApiJson(request): ApiJson<Rename>,
) -> Result<StatusCode, ApiError> {
    accounts.rename_passkey(&user.0, &id, &request.name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a passkey: it signs nobody in any more.
#[utoipa::path(delete, path = "/api/v1/me/passkeys/{id}", tag = "accounts",
    params(("id" = String, Path, description = "`id` of the list")), responses(
    (status = 204),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 409, body = Problem, description = "`last_way_in`"),
))]
async fn remove(
    State(accounts): State<Accounts>,
    user: UserAuth,
    ApiPath(id): ApiPath<String>,
) -> Result<StatusCode, ApiError> {
    accounts.remove_passkey(&user.0, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
