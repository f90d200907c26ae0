//! Extractors whose rejections are problems.

use axum::extract::FromRequestParts;
use axum::extract::rejection::QueryRejection;
use sealpost_api::Problem;

use crate::fault::Fault;

pub(crate) use sealpost_accounts::extract::{ApiJson as Body, ApiPath as Path};

/// Parameters behind the `?`.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Fault))]
pub(crate) struct Query<T>(pub(crate) T);

impl From<QueryRejection> for Fault {
    fn from(rejection: QueryRejection) -> Self {
        Problem::new(400, "bad_query", "A parameter of the address is wrong")
            .detail(rejection.body_text())
            .hint("Compare the parameters with /api/docs.")
            .into()
    }
}
