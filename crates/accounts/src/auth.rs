//! Who is asking: extractors for handlers of any server whose state holds [`Accounts`].

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use http::{HeaderMap, Method, StatusCode, header, request::Parts};
use sealpost_market::AccountId;

use crate::{
    ApiError, Session, TokenKind,
    accounts::{Accounts, Person},
    audit::Actor,
    browsers::cross_origin,
    tokens::Genuine,
};

/// A person, by the user token in `Authorization: Bearer`, or by the cookie of a browser that is signed in.
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
        if let Some(Proved::Person(person)) = parts.extensions.get() {
            return Ok(Self(Person::clone(person)));
        }
        if let Some(secret) = accounts.cookie_of(&parts.method, &parts.headers)? {
            return accounts.browser(secret).await.map(Self);
        }
        let person = match parts.extensions.get() {
            Some(Proved::Token(token)) => accounts.person_of(token).await,
            _ => accounts.person(bearer(parts)?).await,
        };
        person.map(Self)
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

/// Who a request is from, as far as its signature or its cookie tells: what middleware found out, for the extractors behind it.
#[derive(Clone, Debug)]
pub enum Proved {
    /// The token is genuine; whether it was revoked is not looked at.
    Token(Arc<Genuine>),
    /// A browser is signed in.
    Person(Arc<Person>),
}

impl Proved {
    /// Finds out who a request is from, without the database where a token says it.
    pub async fn of(
        accounts: &Accounts,
        likely: TokenKind,
        method: &Method,
        headers: &HeaderMap,
    ) -> Option<Self> {
        if let Some(secret) = accounts.cookie_of(method, headers).ok()? {
            return accounts.browser(secret).await.ok().map(|person| Self::Person(Arc::new(person)));
        }
        let token = bearer_in(headers).ok()?;
        accounts.tokens().genuine(likely, token).await.map(|token| Self::Token(Arc::new(token)))
    }

    /// Whom it stands for: `user:<id>` or `printer:<id>`.
    pub fn holder(&self) -> String {
        match self {
            Self::Token(token) => token.holder(),
            Self::Person(person) => format!("user:{}", person.id),
        }
    }
}

impl Accounts {
    /// The secret of a browser's cookie, where the request is signed in by that: a token comes first.
    fn cookie_of<'h>(&self, method: &Method, headers: &'h HeaderMap) -> Result<Option<&'h str>, ApiError> {
        let cookie = self.cookie().filter(|_| !headers.contains_key(header::AUTHORIZATION));
        let Some((cookie, secret)) = cookie.and_then(|cookie| Some((cookie, cookie.read(headers)?))) else {
            return Ok(None);
        };
        if cookie.counts(method, headers) { Ok(Some(secret)) } else { Err(cross_origin()) }
    }
}

/// The printer or person of a request's token, if it is of that kind and counts.
///
/// # Errors
/// As [`crate::Tokens::authenticate`].
pub async fn session(accounts: &Accounts, kind: TokenKind, parts: &Parts) -> Result<Session, ApiError> {
    match parts.extensions.get() {
        Some(Proved::Token(token)) if token.is(kind) => accounts.tokens().look_up(token).await,
        _ => accounts.tokens().authenticate(kind, bearer(parts)?).await,
    }
}

/// The token of a request.
///
/// # Errors
/// 401 `sign_in_required` when there is none.
pub fn bearer(parts: &Parts) -> Result<&str, ApiError> {
    bearer_in(&parts.headers)
}

fn bearer_in(headers: &HeaderMap) -> Result<&str, ApiError> {
    // Of two, a proxy could have checked the other one.
    let mut headers = headers.get_all(header::AUTHORIZATION).iter();
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
