//! Extractors whose rejections are problems.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts};
use http::StatusCode;
use sealpost_api::Problem;

use crate::fault::Fault;

/// A JSON body.
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Fault))]
pub(crate) struct Body<T>(pub(crate) T);

/// Parts of the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Fault))]
pub(crate) struct Path<T>(pub(crate) T);

/// Parameters behind the `?`.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Fault))]
pub(crate) struct Query<T>(pub(crate) T);

impl From<JsonRejection> for Fault {
    fn from(rejection: JsonRejection) -> Self {
        let status = rejection.status();
        let (code, title, hint) = match status {
            StatusCode::PAYLOAD_TOO_LARGE => {
                ("body_too_large", "The body is too large", "Send less at once.")
            }
            StatusCode::UNSUPPORTED_MEDIA_TYPE => (
                "not_json",
                "The body is not JSON",
                "Send JSON with the header `content-type: application/json`.",
            ),
            StatusCode::UNPROCESSABLE_ENTITY => {
                ("wrong_shape", "The body has the wrong shape", "Compare its fields with /api/docs.")
            }
            _ => ("malformed_json", "The body is not valid JSON", "Check its syntax."),
        };
        Problem::new(status.as_u16(), code, title).detail(rejection.body_text()).hint(hint).into()
    }
}

impl From<PathRejection> for Fault {
    fn from(rejection: PathRejection) -> Self {
        Problem::new(400, "bad_path", "The address is wrong").detail(rejection.body_text()).into()
    }
}

impl From<QueryRejection> for Fault {
    fn from(rejection: QueryRejection) -> Self {
        Problem::new(400, "bad_query", "A parameter of the address is wrong")
            .detail(rejection.body_text())
            .hint("Compare the parameters with /api/docs.")
            .into()
    }
}
