//! Failures on their way to a client: RFC 9457 problem JSON.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use sea_orm::{DbErr, SqlErr};
use sealpost_api::{Problem, problem};
use sealpost_database::{Failure, is_serialization_failure};
use sealpost_mail::MailError;

/// A failure as a client sees it. What went wrong inside is logged, never sent.
#[derive(Debug)]
pub struct ApiError {
    problem: Box<Problem>,
    inside: Option<Inside>,
    retry_after: Option<u64>,
}

#[derive(Debug)]
enum Inside {
    Database(DbErr),
    Other(String),
}

impl ApiError {
    /// A failure that is the client's to mend.
    pub fn new(status: StatusCode, code: &str, title: &str) -> Self {
        Problem::new(status.as_u16(), code, title).into()
    }

    /// A failure of the server; `cause` goes to the log and must hold nothing secret.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        Self { inside: Some(Inside::Other(cause.to_string())), ..internal_problem().into() }
    }

    /// The same failure with what happened this time.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.problem.detail = detail.into();
        self
    }

    /// The same failure with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.problem.hint = hint.into();
        self
    }

    /// The same failure with a `Retry-After` of that many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// What is sent.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Stable name of the failure.
    pub fn code(&self) -> &str {
        &self.problem.code
    }

    /// Whether two rows would have had the same unique value: somebody else was faster.
    pub fn is_unique_violation(&self) -> bool {
        let Some(Inside::Database(error)) = &self.inside else { return false };
        matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self { problem: Box::new(problem), inside: None, retry_after: None }
    }
}

impl From<DbErr> for ApiError {
    fn from(error: DbErr) -> Self {
        Self { inside: Some(Inside::Database(error)), ..internal_problem().into() }
    }
}

impl From<MailError> for ApiError {
    fn from(error: MailError) -> Self {
        match error {
            MailError::Database(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl Failure for ApiError {
    fn is_transient(&self) -> bool {
        matches!(&self.inside, Some(Inside::Database(error)) if is_serialization_failure(error))
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.problem.fmt(f)
    }
}

impl std::error::Error for ApiError {}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match &self.inside {
            Some(Inside::Database(error)) => tracing::error!(%error, "the database refused"),
            Some(Inside::Other(cause)) => tracing::error!(cause, "a request failed"),
            None => {}
        }
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&*self.problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(problem::MEDIA_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

fn internal_problem() -> Problem {
    Problem::new(500, "internal", "The server failed")
        .hint("Try again. If it stays, the operator finds the cause in the server's log.")
}
