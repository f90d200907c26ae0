//! Pages of other origins may use what buyers and publishers need. No cookie counts there: people sign in with tokens.

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, Method, header};
use tower::{Layer, ServiceExt};
use tower_http::cors::{Any, CorsLayer};

/// What is open, and everything below.
const OPEN: [&str; 11] = [
    "/api/v1/listings",
    "/api/v1/releases",
    "/api/v1/vault-key",
    "/api/v1/purchases",
    "/api/v1/licences",
    "/api/v1/chain",
    "/api/v1/payments",
    "/api/v1/keys",
    "/api/marketplace",
    "/auth/login",
    "/ipfs",
];
/// How long a browser keeps an answer.
const KEPT: Duration = Duration::from_secs(86_400);

/// Answers what browsers ask beforehand, and says that any page may read.
pub(crate) async fn open_to_pages(request: Request, next: Next) -> Response {
    if !is_open(request.uri().path()) {
        return next.run(request).await;
    }
    match layer().layer(next).oneshot(request).await {
        Ok(response) => response,
        Err(never) => never.into_response(),
    }
}

fn is_open(path: &str) -> bool {
    OPEN.iter()
        .any(|open| path.strip_prefix(open).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

fn layer() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_NONE_MATCH,
            header::IF_RANGE,
            header::RANGE,
            HeaderName::from_static(sealpost_api::IDEMPOTENCY_HEADER),
        ])
        .expose_headers([
            header::ACCEPT_RANGES,
            header::CONTENT_LENGTH,
            header::CONTENT_RANGE,
            header::ETAG,
            header::RETRY_AFTER,
            HeaderName::from_static("x-request-id"),
        ])
        .max_age(KEPT)
}

#[cfg(test)]
mod tests {
    use super::is_open;

    #[test]
    fn only_what_buyers_and_publishers_need_is_open() {
        for path in [
            "/api/v1/listings",
            "/api/v1/listings/l_1/offer",
            "/api/v1/licences/lic_1/devices",
            "/api/v1/chain",
            "/api/v1/chain/balances/0x00",
            "/api/v1/payments/0x00",
            "/api/v1/keys/challenge",
            "/ipfs/bafy",
            "/auth/login",
        ] {
            assert!(is_open(path), "{path}");
        }
        for path in [
            "/",
            "/api/v1/listingsx",
            "/api/v1/jobs",
            "/api/register-printer",
            "/auth/login2",
            "/api/v1/setup",
        ] {
            assert!(!is_open(path), "{path}");
        }
    }
}
