//! What a request ends with when it fails: problem JSON, whatever went wrong.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use sea_orm::DbErr;
use sealpost_accounts::ApiError;
use sealpost_api::Problem;
use sealpost_api::problem::MEDIA_TYPE;
use sealpost_database::{Failure, is_serialization_failure, is_unstorable_text};
use sealpost_market::{ReviewError, RuleClass, RuleError};

use crate::blobs::BlobError;

/// The code of a sealed file that is gone.
pub(crate) const FILE_MISSING: &str = "file_missing";

/// What a request ends with when it fails.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Said to the caller as it stands.
    Problem(Box<Problem>),
    /// Said by the accounts.
    Accounts(ApiError),
    /// Another writer changed the row between reading and saving it.
    Conflict,
    /// The database failed.
    Database(DbErr),
    /// Something of ours failed; the text is for the log alone.
    Internal(String),
}

pub(crate) type Result<T, E = Fault> = std::result::Result<T, E>;

impl Fault {
    /// Nothing has this id, or the caller may not know of it.
    pub(crate) fn not_found(what: &str) -> Self {
        Problem::new(404, "not_found", "Not found")
            .detail(format!("There is no such {what}, or it is not yours."))
            .hint("Check the identifier, and that you are signed in as its owner.")
            .into()
    }

    /// The request's values make no sense.
    pub(crate) fn invalid(detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Problem::new(422, "invalid", "The request cannot be used").detail(detail).hint(hint).into()
    }

    pub(crate) fn internal(reason: impl std::fmt::Display) -> Self {
        Self::Internal(reason.to_string())
    }

    /// For what answers with the errors of the accounts.
    pub(crate) fn into_api(self) -> ApiError {
        match self {
            Self::Accounts(error) => error,
            Self::Database(error) => error.into(),
            other => other.problem().into(),
        }
    }

    pub(crate) fn problem(self) -> Problem {
        match self {
            Self::Problem(problem) => *problem,
            Self::Accounts(error) => error.problem().clone(),
            Self::Conflict => {
                Problem::new(409, "busy", "Somebody else changed this at the same time").hint("Try again.")
            }
            Self::Database(error) if is_unstorable_text(&error) => {
                Problem::new(422, "invalid", "The request cannot be used")
                    .detail("A text holds a NUL character.")
                    .hint("Take it out.")
            }
            Self::Database(error) => {
                tracing::error!(%error, "the database failed");
                internal()
            }
            Self::Internal(reason) => {
                tracing::error!(reason, "a request failed");
                internal()
            }
        }
    }
}

fn internal() -> Problem {
    Problem::new(500, "internal", "The store failed")
        .detail("Something went wrong in the store; nothing of this request was kept.")
        .hint("Try again; if it stays, tell the store's operator the x-request-id of this answer.")
}

/// The code of a problem, for what surrounds its handler.
#[derive(Clone, Debug)]
pub(crate) struct ProblemCode(pub(crate) String);

/// A problem as a response.
pub(crate) fn respond(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, Json(problem)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.extensions_mut().insert(ProblemCode(problem.code.clone()));
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        match self {
            Self::Accounts(error) => error.into_response(),
            other => respond(&other.problem()),
        }
    }
}

impl Failure for Fault {
    fn is_transient(&self) -> bool {
        match self {
            Self::Conflict => true,
            Self::Accounts(error) => error.is_transient(),
            Self::Database(error) => is_serialization_failure(error),
            _ => false,
        }
    }
}

impl From<ApiError> for Fault {
    fn from(error: ApiError) -> Self {
        Self::Accounts(error)
    }
}

impl From<BlobError> for Fault {
    fn from(error: BlobError) -> Self {
        match error {
            // Nothing is wrong with the request, and an operator can put it back.
            BlobError::Missing => Problem::new(503, FILE_MISSING, "The store has lost a file")
                .detail("The sealed file is not where the store put it.")
                .hint("Try again later; the operator puts it back from a backup.")
                .into(),
            error => Self::Internal(error.to_string()),
        }
    }
}

impl From<DbErr> for Fault {
    fn from(error: DbErr) -> Self {
        Self::Database(error)
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<RuleError> for Fault {
    fn from(error: RuleError) -> Self {
        let (status, title) = match error.class() {
            RuleClass::Conflict => (409, "Not in this state"),
            RuleClass::Forbidden => (403, "Not allowed"),
            RuleClass::NotFound => (404, "Not found"),
            RuleClass::Gone => (410, "It has ended"),
            RuleClass::PaymentRequired => (402, "Payment required"),
            _ => (422, "The request cannot be used"),
        };
        Problem::new(status, error.code(), title)
            .detail(sentence(&error.to_string()))
            .hint(error.hint())
            .into()
    }
}

impl From<ReviewError> for Fault {
    fn from(error: ReviewError) -> Self {
        let (status, title) = match error.class() {
            RuleClass::Conflict => (409, "Not in this state"),
            RuleClass::Forbidden => (403, "Not allowed"),
            _ => (422, "The request cannot be used"),
        };
        Problem::new(status, error.code(), title)
            .detail(sentence(&error.to_string()))
            .hint(error.hint())
            .into()
    }
}

impl From<sealpost_keyring::SealedKeyError> for Fault {
    fn from(error: sealpost_keyring::SealedKeyError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(format!("a stored document cannot be read: {error}"))
    }
}

/// Rules speak in lower case and without a full stop.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}
