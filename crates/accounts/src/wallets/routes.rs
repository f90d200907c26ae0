//! `/auth/wallet`, `/auth/session/wallet` and `/api/v1/me/wallets`.

use axum::{
    Json,
    extract::{FromRef, State},
};
use http::{HeaderMap, StatusCode};
use sealpost_api::{
    Problem,
    account::Account,
    ways::{AskWallet, SignInWallet, WalletAnswer, WalletChallenge},
};
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
        .routes(routes!(remove))
}

/// What the message that a wallet signs (ERC-4361) has to say: good once, for five minutes.
#[utoipa::path(post, path = "/auth/wallet/challenge", tag = "accounts", request_body = AskWallet, responses(
    (status = 200, body = WalletChallenge),
    (status = 422, body = Problem, description = "`bad_address`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn ask(
    State(accounts): State<Accounts>,
    from: ClientAddress,
    ApiJson(request): ApiJson<AskWallet>,
) -> Result<Json<WalletChallenge>, ApiError> {
    accounts.ask_wallet(&request.address, from.household()).await.map(Json)
}

/// Sign a browser in by a wallet that is linked to an account. Wallets that are contracts (ERC-1271) are not accepted.
#[utoipa::path(post, path = "/auth/session/wallet", tag = "accounts", request_body = WalletAnswer, responses(
    (status = 200, body = Account, headers(("set-cookie" = String, description = "HttpOnly, SameSite=Strict, 30 days"))),
    (status = 403, body = Problem, description = "`wallet_unknown`, `bad_signature`, `other_site`, `other_chain`, `other_purpose`, `other_time`, `cross_origin`, `tls_required`"),
    (status = 422, body = Problem, description = "`challenge_over`, `bad_message`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn sign_in(
    State(accounts): State<Accounts>,
    from: ClientAddress,
    headers: HeaderMap,
    ApiJson(answer): ApiJson<WalletAnswer>,
) -> Result<(SetCookie, Json<Account>), ApiError> {
    let cookie = allowed(&accounts, &headers)?;
    let (secret, begin) = Begin::new(&headers, cookie.read(&headers), from);
    let account = accounts.enter_by_wallet(&answer, from.household(), begin).await?;
    Ok((set_session(cookie, &secret)?, Json(account)))
}

/// Wallets that sign you in.
#[utoipa::path(get, path = "/api/v1/me/wallets", tag = "accounts", responses(
    (status = 200, body = Vec<SignInWallet>),
    (status = 401, body = Problem, description = "`sign_in_required`"),
))]
async fn list(State(accounts): State<Accounts>, user: UserAuth) -> Result<Json<Vec<SignInWallet>>, ApiError> {
    accounts.wallets(user.id().as_str()).await.map(Json)
}

/// What the message of a wallet that is to be linked has to say. Whoever signed in longer than 15 minutes ago shows that it is them.
#[utoipa::path(post, path = "/api/v1/me/wallets/challenge", tag = "accounts", request_body = AskWallet, responses(
    (status = 200, body = WalletChallenge),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 403, body = Problem, description = "`proof_required`, `wrong_credentials`"),
))]
async fn ask_for_new(
    State(accounts): State<Accounts>,
    user: UserAuth,
    ApiJson(request): ApiJson<AskWallet>,
) -> Result<Json<WalletChallenge>, ApiError> {
    accounts.prove_unless_fresh(&user.0, request.proof).await?;
    accounts.ask_new_wallet(&user.0, &request.address).await.map(Json)
}

/// Link a wallet: from then on it signs in.
#[utoipa::path(post, path = "/api/v1/me/wallets", tag = "accounts", request_body = WalletAnswer, responses(
    (status = 201, body = SignInWallet),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 403, body = Problem, description = "`bad_signature`, `other_site`, `other_chain`, `other_purpose`, `other_time`"),
    (status = 409, body = Problem, description = "`wallet_known`, `too_many_wallets`"),
    (status = 422, body = Problem, description = "`challenge_over`, `bad_message`, `bad_name`"),
))]
async fn add(
    State(accounts): State<Accounts>,
    user: UserAuth,
    ApiJson(answer): ApiJson<WalletAnswer>,
) -> Result<(StatusCode, Json<SignInWallet>), ApiError> {
    let made = accounts.add_wallet(&user.0, &answer).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Unlink a wallet, unless it is the last way in.
#[utoipa::path(delete, path = "/api/v1/me/wallets/{address}", tag = "accounts",
    params(("address" = String, Path, description = "`address` of the list")), responses(
    (status = 204),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 409, body = Problem, description = "`last_way_in`"),
))]
async fn remove(
    State(accounts): State<Accounts>,
    user: UserAuth,
    ApiPath(address): ApiPath<String>,
) -> Result<StatusCode, ApiError> {
    accounts.remove_wallet(&user.0, &address).await?;
    Ok(StatusCode::NO_CONTENT)
}
