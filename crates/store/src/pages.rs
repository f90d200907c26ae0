//! The store's own few pages, beside the shop that is put before it: start, set-up, pairing, and the description of the routes.

mod docs;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::{HeaderName, HeaderValue, header};
use serde::Deserialize;

use crate::state::AppState;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const TO_THE_SHOP: &str =
    "<li><a href=\"/shop/\">The shop</a>: find plugins, buy them and run them in the browser.";

/// `front`: the shop's pages are there, and people who come to the store's address are led to them.
pub(crate) fn router(description: utoipa::openapi::OpenApi, has_shop: bool, front: bool) -> Router<AppState> {
    let start =
        include_str!("pages/index.html").replace("<!-- shop -->", if has_shop { TO_THE_SHOP } else { "" });
    let readable = docs::render(&description);
    let json = serde_json::to_string(&description).unwrap_or_default();
    Router::new()
        .route(
            "/",
            get(move || {
                let start = start.clone();
                async move { if front { lead("/shop/") } else { page(start) } }
            }),
        )
        .route(
            "/setup",
            // What stands behind the # of the link goes along.
            get(move || async move {
                if front { lead("/shop/setup") } else { page(include_str!("pages/setup.html")) }
            }),
        )
        .route(
            "/pair",
            get(move |Query(entered): Query<Entered>| async move {
                if front { lead(&entered.in_the_shop()) } else { page(include_str!("pages/pair.html")) }
            }),
        )
        .route("/assets/style.css", get(async || asset("text/css", include_str!("pages/style.css"))))
        .route("/assets/setup.js", get(async || asset("text/javascript", include_str!("pages/setup.js"))))
        .route("/assets/pair.js", get(async || asset("text/javascript", include_str!("pages/pair.js"))))
        .route(
            "/api/docs",
            get(move || {
                let readable = readable.clone();
                async move { page(readable) }
            }),
        )
        .route(
            "/api/openapi.json",
            get(move || {
                let json = json.clone();
                async move { asset("application/json", json) }
            }),
        )
        .route("/health", get(async || "ok\n"))
        .route("/ready", get(ready))
}

/// What a printer's picture for phones leads to.
#[derive(Deserialize)]
struct Entered {
    code: Option<String>,
}

impl Entered {
    /// The shop's page for it; what is no code is left out.
    fn in_the_shop(self) -> String {
        let page = "/shop/printers/add";
        let is_code = |code: &String| {
            (1..=16).contains(&code.len())
                && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        self.code.filter(is_code).map_or_else(|| page.to_owned(), |code| format!("{page}?code={code}"))
    }
}

/// Whether the database answers.
async fn ready(State(state): State<AppState>) -> crate::fault::Result<&'static str> {
    use sea_orm::ConnectionTrait;
    state.db.read().execute_unprepared("SELECT 1").await?;
    Ok("ready\n")
}

/// Another time the shop may not be there.
fn lead(to: &str) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Redirect::temporary(to)).into_response()
}

fn page(html: impl IntoResponse) -> Response {
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
    ];
    (headers, html).into_response()
}

fn asset(kind: &'static str, text: impl IntoResponse) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text).into_response()
}
