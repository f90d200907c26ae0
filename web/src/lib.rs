#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use rust_embed::{Embed, EmbeddedFile, RustEmbed};

/// Where the shop is served.
pub const PATH: &str = "/shop/";

/// Of the shop's pages: nothing inline, no other host. Svelte makes its elements from templates by a policy of the first name; what seals
/// files runs beside the page, and its address is let through by the second, which knows that one alone.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; \
    img-src 'self' blob:; worker-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; \
    require-trusted-types-for 'script'; trusted-types svelte-trusted-html sealpost-worker";

/// Of the scripts themselves: one that runs beside the page obeys what it came with. It reads modules of ours, and starts them.
const WORKER_POLICY: &str =
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; frame-ancestors 'none'";

const PLACEHOLDER: &str = include_str!("placeholder.html");

#[derive(Embed)]
#[folder = "dist/shop"]
#[allow_missing = true]
struct Built;

/// Whether the front end was built: where not, [`router`] serves a page that says how.
#[must_use]
pub fn is_built() -> bool {
    Built::get("index.html").is_some()
}

/// The shop at [`PATH`].
///
/// Every address below it that is no file is a page of the front end, which reads the address itself.
pub fn router<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    router_of::<S, Built>()
}

fn router_of<S, F>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    F: RustEmbed + 'static,
{
    Router::new()
        .route("/shop", get(async || Redirect::permanent(PATH)))
        .route(PATH, get(page::<F>))
        .route("/shop/{*path}", get(page::<F>))
        .route("/shop/assets/{*path}", get(asset::<F>))
}

async fn page<F: RustEmbed>(headers: HeaderMap) -> Response {
    let policy: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    let page = match unless_known::<F>(&headers, "index.html") {
        Some(page) => page,
        None => ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], PLACEHOLDER).into_response(),
    };
    (policy, page).into_response()
}

async fn asset<F: RustEmbed>(headers: HeaderMap, Path(path): Path<String>) -> Response {
    let path = format!("assets/{path}");
    // What lies compressed beside a file is no file of the shop.
    let found = kind(&path).and_then(|_| unless_known::<F>(&headers, &path));
    match found {
        Some(file) => {
            let keep = [
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
                (header::CONTENT_SECURITY_POLICY, WORKER_POLICY),
            ];
            (keep, file).into_response()
        }
        None => (StatusCode::NOT_FOUND, "There is no such part of the shop: load the page again.\n")
            .into_response(),
    }
}

/// The file at `path`, compressed where that lies beside it and the client takes it, or that the client has it.
fn unless_known<F: RustEmbed>(headers: &HeaderMap, path: &str) -> Option<Response> {
    let (file, encoding) = best::<F>(headers, path)?;
    let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let known = text(headers, header::IF_NONE_MATCH);
    let common = [(header::ETAG, tag.clone()), (header::VARY, "accept-encoding".to_owned())];
    if known.split(',').any(|known| known.trim().trim_start_matches("W/") == tag) {
        return Some((StatusCode::NOT_MODIFIED, common).into_response());
    }
    let kind = kind(path).unwrap_or("application/octet-stream");
    let mut answer = (common, [(header::CONTENT_TYPE, kind)], file.data).into_response();
    if let Some(encoding) = encoding {
        answer.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Some(answer)
}

/// The smallest form of a file that the client takes (RFC 9110, 12.5.3; one that it gives the weight 0 it does not take).
fn best<F: RustEmbed>(headers: &HeaderMap, path: &str) -> Option<(EmbeddedFile, Option<&'static str>)> {
    let accepted = text(headers, header::ACCEPT_ENCODING);
    let takes = |coding: &str| {
        accepted.split(',').any(|item| {
            let (name, weight) = item.split_once(';').unwrap_or((item, ""));
            let refused = weight
                .trim()
                .strip_prefix("q=")
                .and_then(|q| q.parse::<f32>().ok())
                .is_some_and(|q| q <= 0.0);
            name.trim().eq_ignore_ascii_case(coding) && !refused
        })
    };
    let small = [("br", ".br"), ("gzip", ".gz")].into_iter().filter(|(coding, _)| takes(coding));
    for (coding, ending) in small {
        if let Some(file) = F::get(&format!("{path}{ending}")) {
            return Some((file, Some(coding)));
        }
    }
    F::get(path).map(|file| (file, None))
}

fn text(headers: &HeaderMap, name: HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The media type of what the front end's build makes; nothing else is served.
fn kind(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "wasm" => "application/wasm",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;

    /// A shop that is always there, whatever was built.
    #[derive(Embed)]
    #[folder = "tests/shop"]
    struct Sample;

    /// One that was not built.
    #[derive(Embed)]
    #[folder = "tests/no-shop"]
    #[allow_missing = true]
    struct Nothing;

    async fn ask(path: &str, known: Option<&HeaderValue>) -> (http::response::Parts, String) {
        ask_of::<Built>(path, known).await
    }

    async fn ask_of<F: RustEmbed + 'static>(
        path: &str,
        known: Option<&HeaderValue>,
    ) -> (http::response::Parts, String) {
        let mut request = Request::get(path);
        if let Some(known) = known {
            request = request.header(header::IF_NONE_MATCH, known);
        }
        let answer = router_of::<(), F>().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts, String::from_utf8_lossy(&body).into_owned())
    }

    #[tokio::test]
    async fn every_address_that_is_no_file_is_the_page_under_its_policy() {
        for path in ["/shop/", "/shop/library", "/shop/plugins/org.example.some-plugin"] {
            let (answer, body) = ask(path, None).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            assert!(body.contains("<title>"), "{path}: {body}");
            let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(
                policy.starts_with("default-src 'none'") && !policy.contains("unsafe-inline"),
                "{policy}"
            );
            assert_eq!(answer.headers[header::CACHE_CONTROL], "no-cache");
        }
    }

    #[tokio::test]
    async fn the_page_has_nothing_inline_that_its_policy_would_stop() {
        let (_, body) = ask("/shop/", None).await;
        assert!(!body.contains("style=") && !body.contains("<style"), "{body}");
        assert!(body.split("<script").skip(1).all(|script| script.contains(" src=")), "{body}");
    }

    #[tokio::test]
    async fn a_file_that_is_not_there_is_not_answered_with_the_page() {
        let (answer, body) = ask("/shop/assets/gone-12345678.js", None).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(!body.contains("<title>"), "{body}");
    }

    #[tokio::test]
    async fn what_the_browser_has_is_not_sent_again() {
        for (path, control) in
            [("/shop/", "no-cache"), ("/shop/assets/part-12345678.js", "public, max-age=31536000, immutable")]
        {
            let (first, body) = ask_of::<Sample>(path, None).await;
            assert_eq!(first.status, StatusCode::OK, "{path}");
            assert!(!body.is_empty(), "{path}");
            assert_eq!(first.headers[header::CACHE_CONTROL], control);

            let tag = first.headers[header::ETAG].to_str().unwrap();
            for known in [tag.to_owned(), format!("W/{tag}"), format!("\"another\", {tag}")] {
                let known = HeaderValue::try_from(known).unwrap();
                let (again, body) = ask_of::<Sample>(path, Some(&known)).await;
                assert_eq!((again.status, body.as_str()), (StatusCode::NOT_MODIFIED, ""), "{known:?}");
                assert_eq!(again.headers[header::CACHE_CONTROL], control);
            }
            let another = HeaderValue::from_static("\"another\"");
            let (again, again_body) = ask_of::<Sample>(path, Some(&another)).await;
            assert_eq!((again.status, again_body), (StatusCode::OK, body));
        }
    }

    #[tokio::test]
    async fn a_client_gets_the_smallest_form_that_it_takes() {
        for (accepted, wanted) in [
            ("gzip, deflate, br", Some("br")),
            ("gzip", Some("gzip")),
            ("gzip;q=1.0, br;q=0", Some("gzip")),
            ("identity", None),
        ] {
            let request =
                Request::get("/shop/assets/part-12345678.js").header(header::ACCEPT_ENCODING, accepted);
            let request = request.body(Body::empty()).unwrap();
            let answer = router_of::<(), Sample>().oneshot(request).await.unwrap();
            let encoding =
                answer.headers().get(header::CONTENT_ENCODING).map(|coding| coding.to_str().unwrap());
            assert_eq!(encoding, wanted, "{accepted}");
            assert_eq!(answer.headers()[header::VARY], "accept-encoding");
            assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
        }
        let (direct, _) = ask_of::<Sample>("/shop/assets/part-12345678.js.br", None).await;
        assert_eq!(direct.status, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn a_shop_that_was_not_built_says_so() {
        let (answer, body) = ask_of::<Nothing>("/shop/library", None).await;
        assert_eq!((answer.status, body.as_str()), (StatusCode::OK, PLACEHOLDER));
        assert!(!answer.headers.contains_key(header::ETAG));
    }

    #[tokio::test]
    async fn the_address_without_its_slash_leads_to_the_shop() {
        let (answer, _) = ask("/shop", None).await;
        assert_eq!(answer.headers[header::LOCATION], PATH);
    }
}
