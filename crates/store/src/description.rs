//! What the description of the routes says of all of them: who may ask, and what failures look like.

use sealpost_api::problem::MEDIA_TYPE;
use utoipa::openapi::path::{HttpMethod, Operation};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Components, ContentBuilder, OpenApi, PathItem, Ref, RefOr, Response, ResponseBuilder};

/// A token of a person.
const PERSON: &str = "person";
/// The cookie of a browser that a person is signed in with.
const BROWSER: &str = "browser";
/// A token of a printer.
const PRINTER: &str = "printer";

/// Whom a route answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Anybody,
    /// People, or anybody.
    Both,
    People,
    Printers,
}

/// Adds what every route has in common.
pub(crate) fn complete(description: &mut OpenApi) {
    let components = description.components.get_or_insert_with(Components::new);
    for (name, text) in [
        (PERSON, "The token of a person, from signing in. Operators are people."),
        (PRINTER, "The token of a printer, from pairing or registering it."),
    ] {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.bearer_format = Some("JWT".to_owned());
        scheme.description = Some(text.to_owned());
        components.add_security_scheme(name, SecurityScheme::Http(scheme));
    }
    let cookie = ApiKeyValue::with_description(
        "__Host-sealpost",
        "The cookie that `POST /auth/session` sets (on this machine without TLS: `sealpost-PORT`). It counts in requests that the \
         store's own pages make: with its `Origin`, or `Sec-Fetch-Site: same-origin`.",
    );
    components.add_security_scheme(BROWSER, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    for (path, item) in &mut description.paths.paths {
        for (method, operation) in operations(item) {
            let has_body = operation.request_body.is_some();
            operation.security = Some(required(who(&method, path)));
            let responses = &mut operation.responses.responses;
            for (status, response) in responses.iter_mut() {
                if let (RefOr::T(response), Some('4' | '5')) = (response, status.chars().next()) {
                    as_problem(response);
                }
            }
            if has_body && path != "/api/v1/releases" {
                for (status, text) in [
                    ("400", "`bad_json`, `bad_body`"),
                    ("413", "`body_too_large`"),
                    ("415", "`json_expected`"),
                    ("422", "`bad_request`"),
                ] {
                    responses.entry(status.to_owned()).or_insert_with(|| RefOr::T(problem(text)));
                }
            }
            let text = "Any other failure: see `code`";
            responses.entry("default".to_owned()).or_insert_with(|| RefOr::T(problem(text)));
        }
    }
}

fn who(method: &HttpMethod, path: &str) -> Who {
    use HttpMethod::{Get, Post};
    let open = match method {
        Get => matches!(
            path,
            "/.well-known/jwks.json"
                | "/api/v1/catalogue"
                | "/api/v1/chain"
                | "/api/v1/chain/balances/{address}"
                | "/api/v1/keys"
                | "/api/v1/listings"
                | "/api/v1/listings/{id}"
                | "/api/v1/listings/{id}/offer"
                | "/api/v1/listings/{id}/reviews"
                | "/api/v1/payments/{tx_hash}"
                | "/api/v1/pictures/{id}"
                | "/api/v1/publishers/{id}"
                | "/api/v1/pictures/{id}/small"
                | "/api/v1/releases/{id}"
                | "/api/v1/releases/{id}/blob"
                | "/api/v1/releases/{id}/thumbnail"
                | "/api/v1/store"
                | "/api/v1/unsubscribe"
                | "/api/v1/vault-key"
                | "/auth/session"
                | "/ipfs/{cid}"
        ),
        Post => matches!(
            path,
            "/auth/email/confirm"
                | "/auth/login"
                | "/auth/passkey/challenge"
                | "/auth/password/forgot"
                | "/auth/password/reset"
                | "/auth/session"
                | "/auth/session/passkey"
                | "/auth/session/sign-up"
                | "/auth/session/wallet"
                | "/auth/wallet/challenge"
                | "/api/v1/accounts"
                | "/api/v1/payments/webhook/{source}"
                | "/api/v1/setup"
                | "/api/v1/unsubscribe"
                | "/api/printers/challenge"
                | "/api/printers/token"
                | "/api/printers/pair/start"
                | "/api/printers/pair/status"
                | "/api/printers/pair/complete"
        ),
        HttpMethod::Delete => path == "/auth/session",
        _ => false,
    };
    let printers = path.starts_with("/api/printer-agent/")
        || matches!(
            path,
            "/api/get-print-job"
                | "/api/poll-print-queue"
                | "/api/print/download-gcode"
                | "/api/refresh-printer-token"
                | "/api/report-print-status"
                | "/api/v1/jobs/{id}/claim"
                | "/api/v1/jobs/{id}/reports"
        );
    match path {
        _ if open => Who::Anybody,
        "/api/marketplace/purchase" | "/api/v1/listings/{id}/payment" | "/metrics" => Who::Both,
        _ if printers => Who::Printers,
        _ => Who::People,
    }
}

fn required(who: Who) -> Vec<SecurityRequirement> {
    let none: [&str; 0] = [];
    match who {
        Who::Anybody => Vec::new(),
        Who::Both => vec![
            SecurityRequirement::default(),
            SecurityRequirement::new(PERSON, none),
            SecurityRequirement::new(BROWSER, none),
        ],
        Who::People => vec![SecurityRequirement::new(PERSON, none), SecurityRequirement::new(BROWSER, none)],
        Who::Printers => vec![SecurityRequirement::new(PRINTER, none)],
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (HttpMethod, &mut Operation)> {
    use HttpMethod::{Delete, Get, Patch, Post, Put};
    let PathItem { get, put, post, delete, patch, .. } = item;
    [(Get, get), (Put, put), (Post, post), (Delete, delete), (Patch, patch)]
        .into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn problem(text: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(text).content(MEDIA_TYPE, content).build()
}

/// Failures are sent under the media type of problems.
fn as_problem(response: &mut Response) {
    if let Some(content) = response.content.shift_remove("application/json") {
        response.content.insert(MEDIA_TYPE.to_owned(), content);
    }
}
