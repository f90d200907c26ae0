//! Pages of the catalogue as they are sent, kept for a moment.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::fault::Result;

/// How long a page is kept: other processes change the catalogue too.
const LIFE_MS: i64 = 2_000;
/// Pages kept at most, so that nobody fills the memory with addresses.
const MOST: usize = 1024;

/// A page as it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    body: Bytes,
    etag: HeaderValue,
}

#[derive(Debug, Default)]
pub(crate) struct PageCache(RwLock<Kept>);

#[derive(Debug, Default)]
struct Kept {
    generation: u64,
    pages: HashMap<String, (i64, Page)>,
}

impl PageCache {
    /// The page kept under `key`, and which generation of the catalogue this is.
    pub(crate) fn get(&self, key: &str, now_ms: i64) -> (Option<Page>, u64) {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let page = kept.pages.get(key).filter(|(at, _)| (0..LIFE_MS).contains(&(now_ms - at)));
        (page.map(|(_, page)| page.clone()), kept.generation)
    }

    /// Keeps a page that was read while `generation` was current; an older one is not kept.
    pub(crate) fn put(&self, key: String, page: &Page, generation: u64, now_ms: i64) {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.generation != generation {
            return;
        }
        if kept.pages.len() >= MOST {
            kept.pages.clear();
        }
        kept.pages.insert(key, (now_ms, page.clone()));
    }

    /// The catalogue has changed.
    pub(crate) fn clear(&self) {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        kept.generation += 1;
        kept.pages.clear();
    }
}

impl Page {
    pub(crate) fn new(value: &impl Serialize) -> Result<Self> {
        let body = Bytes::from(serde_json::to_vec(value)?);
        let etag = format!("\"{}\"", hex::encode(&Sha256::digest(&body)[..12]));
        let etag = HeaderValue::from_str(&etag).map_err(crate::fault::Fault::internal)?;
        Ok(Self { body, etag })
    }

    /// The page, or 304 for whoever has it.
    pub(crate) fn respond(self, request: &HeaderMap) -> Response {
        let fresh = request.get(header::IF_NONE_MATCH) == Some(&self.etag);
        let headers = [
            (header::ETAG, self.etag),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ];
        if fresh {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        (headers, self.body).into_response()
    }
}
