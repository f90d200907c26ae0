//! `/auth/{password,email}`, `/api/v1/me/{account,email,mails}`, `/api/v1/people/{id}/reset-link` and `/api/v1/unsubscribe`.

use axum::{
    Json,
    extract::{FromRef, State},
    response::Redirect,
};
use http::StatusCode;
use sealpost_api::{
    Problem,
    ways::{
        AccountDetails, ChangeEmail, ConfirmEmail, EmailState, ForgotPassword, MailChoices, Proof, ResetLink,
        ResetPassword, Unsubscribed,
    },
};
use sealpost_market::AccountId;
use utoipa_axum::{router::OpenApiRouter, routes};
use zeroize::Zeroizing;

use crate::{
    ApiError,
    accounts::Accounts,
    auth::{OperatorAuth, UserAuth},
    extract::{ApiJson, ApiPath, ApiQuery, ClientAddress},
    query::UnsubscribeQuery,
};

pub(crate) fn router<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Accounts: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(reset_link))
        .routes(routes!(forgot))
        .routes(routes!(reset))
        .routes(routes!(details))
        .routes(routes!(change_email))
        .routes(routes!(send_confirmation))
        .routes(routes!(confirm_email))
        .routes(routes!(choose_mails))
        .routes(routes!(unsubscribe_page, unsubscribe))
}

/// Make a link by which somebody sets a new password; it counts once, for an hour. For operators, who show that it is really them; not
/// for the accounts of operators.
#[utoipa::path(post, path = "/api/v1/people/{id}/reset-link", tag = "people",
    params(("id" = String, Path, description = "Account id")), request_body = Proof, responses(
    (status = 201, body = ResetLink),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 403, body = Problem, description = "`operator_required`, `proof_required`, `wrong_credentials`, `passkey_refused`"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 409, body = Problem, description = "`account_suspended`, `operator_account`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn reset_link(
    State(accounts): State<Accounts>,
    operator: OperatorAuth,
    ApiPath(id): ApiPath<AccountId>,
    ApiJson(proof): ApiJson<Proof>,
) -> Result<(StatusCode, Json<ResetLink>), ApiError> {
    accounts.prove(&operator.0.0, proof).await?;
    let link = accounts.reset_link(&operator.0.0, &id).await?;
    Ok((StatusCode::CREATED, Json(link)))
}

/// Have a link for a new password sent, if there is an account with that address. The answer is the same either way.
#[utoipa::path(post, path = "/auth/password/forgot", tag = "accounts", request_body = ForgotPassword, responses(
    (status = 202),
    (status = 409, body = Problem, description = "`no_mail`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn forgot(
    State(accounts): State<Accounts>,
    from: ClientAddress,
    ApiJson(request): ApiJson<ForgotPassword>,
) -> Result<StatusCode, ApiError> {
    accounts.forgot(request, from.household())?;
    Ok(StatusCode::ACCEPTED)
}

/// Set a new password by a link; all sign-ins of the account end.
#[utoipa::path(post, path = "/auth/password/reset", tag = "accounts", request_body = ResetPassword, responses(
    (status = 204),
    (status = 403, body = Problem, description = "`link_over`"),
    (status = 422, body = Problem, description = "`weak_password`; the link still counts"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn reset(
    State(accounts): State<Accounts>,
    from: ClientAddress,
    ApiJson(request): ApiJson<ResetPassword>,
) -> Result<StatusCode, ApiError> {
    accounts.reset(request, from.household()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Your account: address, ways in, what you are told by mail.
#[utoipa::path(get, path = "/api/v1/me/account", tag = "accounts", responses(
    (status = 200, body = AccountDetails),
    (status = 401, body = Problem, description = "`sign_in_required`"),
))]
async fn details(State(accounts): State<Accounts>, user: UserAuth) -> Result<Json<AccountDetails>, ApiError> {
    accounts.details(&user.0).await.map(Json)
}

/// Change your address. Where the store sends mails, both addresses have to agree by a link that each gets.
#[utoipa::path(post, path = "/api/v1/me/email", tag = "accounts", request_body = ChangeEmail, responses(
    (status = 200, body = EmailState),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 403, body = Problem, description = "`proof_required`, `wrong_credentials`, `passkey_refused`"),
    (status = 409, body = Problem, description = "`email_taken`"),
    (status = 422, body = Problem, description = "`bad_email`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn change_email(
    State(accounts): State<Accounts>,
    user: UserAuth,
    ApiJson(request): ApiJson<ChangeEmail>,
) -> Result<Json<EmailState>, ApiError> {
    accounts.change_email(&user.0, request).await.map(Json)
}

/// Have a link sent that confirms your address.
#[utoipa::path(post, path = "/api/v1/me/email/confirmation", tag = "accounts", responses(
    (status = 202),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 409, body = Problem, description = "`no_mail`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn send_confirmation(State(accounts): State<Accounts>, user: UserAuth) -> Result<StatusCode, ApiError> {
    accounts.send_confirmation(&user.0).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Confirm an address, or agree to another one, by a link that was sent there.
#[utoipa::path(post, path = "/auth/email/confirm", tag = "accounts", request_body = ConfirmEmail, responses(
    (status = 200, body = EmailState),
    (status = 403, body = Problem, description = "`link_over`"),
    (status = 409, body = Problem, description = "`email_taken`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn confirm_email(
    State(accounts): State<Accounts>,
    from: ClientAddress,
    ApiJson(request): ApiJson<ConfirmEmail>,
) -> Result<Json<EmailState>, ApiError> {
    accounts.confirm_email(Zeroizing::new(request.token), from.household()).await.map(Json)
}

/// Say what you want to be told by mail.
#[utoipa::path(put, path = "/api/v1/me/mails", tag = "accounts", request_body = MailChoices, responses(
    (status = 204),
    (status = 401, body = Problem, description = "`sign_in_required`"),
))]
async fn choose_mails(
    State(accounts): State<Accounts>,
    user: UserAuth,
    ApiJson(choices): ApiJson<MailChoices>,
) -> Result<StatusCode, ApiError> {
    accounts.choose(&user.0, choices).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The page that asks whether to have no more mails of a kind: mail programs that follow links change nothing.
#[utoipa::path(get, path = "/api/v1/unsubscribe", tag = "accounts", params(UnsubscribeQuery), responses((status = 303)))]
async fn unsubscribe_page(ApiQuery(query): ApiQuery<UnsubscribeQuery>) -> Redirect {
    let plain = |text: &str| -> String {
        text.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).take(64).collect()
    };
    Redirect::to(&format!("/shop/unsubscribe#{}.{}", plain(&query.key), plain(&query.kind)))
}

/// Have no more mails of a kind (RFC 8058: the body is not looked at).
#[utoipa::path(post, path = "/api/v1/unsubscribe", tag = "accounts", params(UnsubscribeQuery), responses(
    (status = 200, body = Unsubscribed),
    (status = 403, body = Problem, description = "`link_over`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
))]
async fn unsubscribe(
    State(accounts): State<Accounts>,
    from: ClientAddress,
    ApiQuery(query): ApiQuery<UnsubscribeQuery>,
) -> Result<Json<Unsubscribed>, ApiError> {
    let tries = accounts.limits();
    tries.guesses(from.household(), accounts.now_ms())?;
    let topic = accounts.unsubscribe(&query.key, &query.kind).await?;
    tries.no_guess(from.household());
    Ok(Json(Unsubscribed { kind: topic.as_str().to_owned() }))
}
