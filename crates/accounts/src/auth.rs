//! Who is asking: extractors for handlers of any server whose state holds [`Accounts`].

use axum::extract::{FromRef, FromRequestParts};
use http::{StatusCode, header, request::Parts};
use sealpost_market::AccountId;

use crate::{ApiError, accounts::Accounts, accounts::Person, audit::Actor};

/// A person, by the user token in `Authorization: Bearer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserAuth(pub Person);

impl UserAuth {
    /// Account id.
    pub fn id(&self) -> &AccountId {
        &self.0.id
    }

    /// For the audit log.
    pub fn actor(&self) -> Actor {
        Actor::User(self.0.id.to_string())
    }

    /// Refuses everybody but operators.
    ///
    /// # Errors
    /// 403 `operator_required`.
    pub fn require_operator(&self) -> Result<(), ApiError> {
        if self.0.operator {
            return Ok(());
        }
        Err(ApiError::new(StatusCode::FORBIDDEN, "operator_required", "Only an operator may do this")
            .hint("Sign in as an operator of this server."))
    }
}

/// A person who runs the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorAuth(pub UserAuth);

impl<S: Send + Sync> FromRequestParts<S> for UserAuth
where
    Accounts: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let accounts = Accounts::from_ref(state);
        let token = bearer(parts)?;
        accounts.person(token).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OperatorAuth
where
    Accounts: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let user = UserAuth::from_request_parts(parts, state).await?;
        user.require_operator()?;
        Ok(Self(user))
    }
}

/// The token of a request.
///
/// # Errors
/// 401 `sign_in_required` when there is none.
pub fn bearer(parts: &Parts) -> Result<&str, ApiError> {
    // Of two, a proxy could have checked the other one.
    let mut headers = parts.headers.get_all(header::AUTHORIZATION).iter();
    let only = headers.next().filter(|_| headers.next().is_none());
    let token = only
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    token.map(|(_, token)| token.trim()).filter(|token| !token.is_empty()).ok_or_else(|| {
        ApiError::new(StatusCode::UNAUTHORIZED, "sign_in_required", "Nobody is signed in")
            .hint("Send `Authorization: Bearer` with the token that signing in or pairing gave.")
    })
}
