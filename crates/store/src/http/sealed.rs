//! A sealed blob as it is sent: whole or in part, under its hash as its name.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sealpost_api::Problem;
use sealpost_faults::pass;

use super::etag;
use super::range::{Wanted, wanted};
use crate::fault::{Fault, Result};
use crate::points;
use crate::state::AppState;

/// Which blob.
pub(crate) struct Sealed<'a> {
    pub(crate) name: &'a str,
    pub(crate) size: u64,
    pub(crate) sha256: &'a str,
    pub(crate) cache: &'static str,
}

/// Sends a blob, or what the request asks of it.
pub(crate) async fn send(state: &AppState, headers: &HeaderMap, blob: Sealed<'_>) -> Result<Response> {
    let Sealed { name, size, sha256, cache } = blob;
    let etag = HeaderValue::from_str(&format!("\"{sha256}\"")).map_err(Fault::internal)?;
    let cache = HeaderValue::from_static(cache);
    if etag::is_known(headers, &etag) {
        let kept = [(header::ETAG, etag), (header::CACHE_CONTROL, cache)];
        return Ok((StatusCode::NOT_MODIFIED, kept).into_response());
    }
    let range = match wanted(headers, &etag, size) {
        Wanted::All => None,
        Wanted::Part(range) => Some(range),
        Wanted::Nothing => return Ok(unsatisfiable(size)),
    };
    let (status, part) = match &range {
        Some(range) => (StatusCode::PARTIAL_CONTENT, range.clone()),
        None => (StatusCode::OK, 0..size),
    };
    let stream = state.blobs.read(name, part.clone()).await?;
    let stream = stream.and_then(async |piece| {
        pass(points::DOWNLOAD_PIECE)?;
        Ok(piece)
    });
    let stream = stream.map_err(|error| {
        tracing::error!(%error, "a download broke");
        error
    });
    let mut response = (status, Body::from_stream(stream)).into_response();
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    out.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    out.insert(header::CACHE_CONTROL, cache);
    out.insert(header::CONTENT_LENGTH, HeaderValue::from(part.end - part.start));
    out.insert(header::ETAG, etag);
    if let Some(range) = range {
        let text = format!("bytes {}-{}/{size}", range.start, range.end - 1);
        out.insert(header::CONTENT_RANGE, HeaderValue::from_str(&text).map_err(Fault::internal)?);
    }
    Ok(response)
}

fn unsatisfiable(size: u64) -> Response {
    let problem = Problem::new(416, "range_not_satisfiable", "There are no such bytes")
        .detail(format!("The blob has {size} bytes."))
        .hint("Ask for bytes that are there.");
    let mut response = crate::fault::respond(&problem);
    if let Ok(value) = HeaderValue::from_str(&format!("bytes */{size}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}
