//! What surrounds every handler: request ids, traces without secrets, panics, unknown routes.

use std::any::Any;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::middleware::{self, Next};
use axum::response::Response;
use http::{HeaderName, HeaderValue, Method, header};
use sealpost_api::Problem;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;

use super::cors::open_to_pages;
use super::pace::{Pace, paced};
use crate::Config;
use crate::fault::respond;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Of answers that are no pages, should a browser take one for a page.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/// Two years.
const TLS_ALONE: &str = "max-age=63072000";

pub(crate) fn surround(router: Router, config: &Config) -> Router {
    let pace =
        Pace { grace: Duration::from_secs(config.body_grace_s), bytes_per_s: config.body_min_bytes_per_s };
    let secure = config.origin().starts_with("https:");
    let tls_alone = secure.then(|| HeaderValue::from_static(TLS_ALONE));
    // One tuple is one layer around each route, the outermost first; a call for each would box every request as often.
    router.fallback(unknown).method_not_allowed_fallback(wrong_method).layer((
        SetRequestIdLayer::new(REQUEST_ID, RandomId),
        TraceLayer::new_for_http().make_span_with(span),
        PropagateRequestIdLayer::new(REQUEST_ID),
        unless_set(header::CACHE_CONTROL, "no-store"),
        unless_set(header::REFERRER_POLICY, "no-referrer"),
        unless_set(header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        unless_set(header::X_FRAME_OPTIONS, "DENY"),
        unless_set(header::CONTENT_SECURITY_POLICY, POLICY),
        SetResponseHeaderLayer::if_not_present(header::STRICT_TRANSPORT_SECURITY, tls_alone),
        CatchPanicLayer::custom(panicked),
        middleware::from_fn_with_state(pace, paced),
        middleware::from_fn(without_nul),
        middleware::from_fn(open_to_pages),
        DefaultBodyLimit::max(config.max_json_bytes),
    ))
}

fn unless_set(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// No id, code or address holds a NUL, and not every database can look for one.
async fn without_nul(request: Request, next: Next) -> Response {
    if request.uri().path().contains("%00") { unknown().await } else { next.run(request).await }
}

async fn unknown() -> Response {
    respond(
        &Problem::new(404, "no_such_route", "There is nothing at this address")
            .hint("The routes are listed at /api/docs."),
    )
}

async fn wrong_method(method: Method) -> Response {
    respond(
        &Problem::new(405, "method_not_allowed", "This address does not take this method")
            .detail(format!("It does not take {method}."))
            .hint("The routes are listed at /api/docs."),
    )
}

fn panicked(_payload: Box<dyn Any + Send>) -> Response {
    respond(
        &Problem::new(500, "internal", "The store failed")
            .detail("Something went wrong in the store.")
            .hint("Try again; if it stays, tell the store's operator the x-request-id of this answer."),
    )
}

/// Method and route alone: an address can hold codes, a header tokens.
fn span(request: &Request) -> tracing::Span {
    let route = request.extensions().get::<MatchedPath>().map_or("unknown", MatchedPath::as_str);
    let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    tracing::debug_span!("request", method = %request.method(), route, id)
}

#[derive(Clone)]
struct RandomId;

impl MakeRequestId for RandomId {
    fn make_request_id<B>(&mut self, _request: &http::Request<B>) -> Option<RequestId> {
        let id = format!("{:016x}", getrandom::u64().ok()?);
        HeaderValue::from_str(&id).ok().map(RequestId::new)
    }
}
