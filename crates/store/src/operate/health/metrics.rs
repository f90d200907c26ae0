//! `/metrics`, in the text format of Prometheus.

use std::fmt::Write;
use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, header};
use sealpost_accounts::OperatorAuth;
use sealpost_api::Problem;
use sealpost_api::operate::{Condition, Health};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::fault::{Fault, Result};
use crate::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// What proxies say of whom they bring; each says some of it.
const BROUGHT: [HeaderName; 8] = [
    header::FORWARDED,
    header::VIA,
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-client-ip"),
    HeaderName::from_static("true-client-ip"),
    HeaderName::from_static("cf-connecting-ip"),
    HeaderName::from_static("x-original-host"),
    HeaderName::from_static("x-original-forwarded-for"),
];

/// Whoever may read the figures: an operator, or a program on the store's own machine that no proxy brought. Some proxies say nothing
/// of whom they bring, so where people reach the store by one on this machine, nobody is known by that.
struct Reader;

impl FromRequestParts<AppState> for Reader {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical());
        let is_here = !state.config.may_be_brought_here() && peer.is_some_and(|ip| ip.is_loopback());
        if is_here && is_direct(&parts.headers) {
            return Ok(Self);
        }
        OperatorAuth::from_request_parts(parts, state).await?;
        Ok(Self)
    }
}

/// Proxies say whom they bring, or ask for the name that people know the store by.
fn is_direct(headers: &HeaderMap) -> bool {
    let brought = BROUGHT.iter().any(|name| headers.contains_key(name))
        || headers.keys().any(|name| name.as_str().starts_with("x-forwarded-"));
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name =
        host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
    !brought && ["localhost", "127.0.0.1", "[::1]"].contains(&name)
}

/// Figures for Prometheus: for operators (`Authorization: Bearer`), and on the store's own machine without.
#[utoipa::path(get, path = "/metrics", tag = "operate", responses(
    (status = 200, body = String, content_type = "text/plain"),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 403, body = Problem, description = "`operator_required`"),
))]
async fn metrics(State(state): State<AppState>, _reader: Reader) -> Response {
    let text = written(&super::look(&state).await);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

fn written(health: &Health) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let mut put = |line: std::fmt::Arguments<'_>| text.write_fmt(line).unwrap_or_default();
    put(format_args!("# HELP sealpost_info Version of the program.\n# TYPE sealpost_info gauge\n"));
    put(format_args!("sealpost_info{{version=\"{}\"}} 1\n", health.version));
    put(format_args!(
        "# HELP sealpost_uptime_seconds Since this process began.\n# TYPE sealpost_uptime_seconds gauge\n"
    ));
    put(format_args!("sealpost_uptime_seconds {}\n", health.uptime_s));
    put(format_args!("# HELP sealpost_check How well something is: 0 as it should be, 1 look, 2 broken.\n"));
    put(format_args!("# TYPE sealpost_check gauge\n"));
    for check in &health.checks {
        let level = match check.state {
            Condition::Ok => 0,
            Condition::Warn => 1,
            Condition::Bad => 2,
        };
        put(format_args!("sealpost_check{{name=\"{}\"}} {level}\n", check.name));
    }
    let (jobs, others): (Vec<_>, Vec<_>) =
        health.figures.iter().partition(|(name, _)| name.starts_with("jobs_"));
    if !jobs.is_empty() {
        put(format_args!("# HELP sealpost_jobs Jobs by state.\n# TYPE sealpost_jobs gauge\n"));
    }
    for (name, value) in jobs {
        put(format_args!("sealpost_jobs{{state=\"{}\"}} {value}\n", name.trim_start_matches("jobs_")));
    }
    for (name, value) in others {
        put(format_args!("# TYPE sealpost_{name} gauge\nsealpost_{name} {value}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_comes_without_a_proxy_is_of_this_machine() {
        let direct = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            is_direct(&pairs.collect::<HeaderMap>())
        };
        for host in ["localhost", "localhost:8080", "127.0.0.1:8080", "[::1]", "[::1]:8080"] {
            assert!(direct(&[("host", host)]), "{host}");
        }
        assert!(!direct(&[("host", "store.example")]));
        assert!(!direct(&[]));
        assert!(!direct(&[("host", "localhost"), ("x-forwarded-for", "192.0.2.1")]));
        for brought in
            ["forwarded", "via", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip"]
        {
            assert!(!direct(&[("host", "localhost"), (brought, "something")]), "{brought}");
        }
    }
}
