//! Pages of the catalogue as they are sent, kept for a moment.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::fault::Result;
use crate::http::etag;

/// How long a page is kept: other processes change the catalogue too.
const LIFE_MS: i64 = 2_000;
/// Pages and bytes kept at most, so that nobody fills the memory with addresses.
const MOST: usize = 1024;
const MOST_BYTES: usize = 32 << 20;

/// A page as it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    body: Bytes,
    etag: HeaderValue,
}

#[derive(Debug, Default)]
pub(crate) struct PageCache {
    kept: RwLock<Kept>,
    /// When sales were counted last.
    counted: AtomicI64,
}

#[derive(Debug, Default)]
struct Kept {
    generation: u64,
    bytes: usize,
    pages: HashMap<String, (i64, Page)>,
}

impl PageCache {
    /// The page kept under `key`, and which generation of the catalogue this is.
    pub(crate) fn get(&self, key: &str, now_ms: i64) -> (Option<Page>, u64) {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let page = kept.pages.get(key).filter(|(at, _)| (0..LIFE_MS).contains(&(now_ms - at)));
        (page.map(|(_, page)| page.clone()), kept.generation)
    }

    /// Keeps a page that was read while `generation` was current; an older one is not kept.
    pub(crate) fn put(&self, key: String, page: &Page, generation: u64, now_ms: i64) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.generation != generation {
            return;
        }
        let size = page.body.len() + key.len();
        if size > MOST_BYTES {
            return;
        }
        if kept.pages.len() >= MOST || kept.bytes + size > MOST_BYTES {
            kept.pages.retain(|_, (at, _)| (0..LIFE_MS).contains(&(now_ms - *at)));
            kept.bytes = kept.pages.iter().map(|(key, (_, page))| key.len() + page.body.len()).sum();
        }
        if kept.pages.len() >= MOST || kept.bytes + size > MOST_BYTES {
            kept.empty();
        }
        kept.bytes += size;
        if let Some((_, old)) = kept.pages.insert(key.clone(), (now_ms, page.clone())) {
            kept.bytes -= old.body.len() + key.len();
        }
    }

    /// Whether sales are to be counted anew now; then nobody else counts them for `every_ms`.
    pub(crate) fn counts_again(&self, now_ms: i64, every_ms: i64) -> bool {
        let last = self.counted.load(Ordering::Relaxed);
        let due = now_ms.saturating_sub(last) >= every_ms;
        due && self.counted.compare_exchange(last, now_ms, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// The catalogue has changed.
    pub(crate) fn clear(&self) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.generation += 1;
        kept.empty();
    }
}

impl Kept {
    fn empty(&mut self) {
        self.pages = HashMap::new();
        self.bytes = 0;
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
        let fresh = etag::is_known(request, &self.etag);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_addresses_are_asked_for_the_bytes_kept_are_limited() {
        let cache = PageCache::default();
        let page = Page::new(&"x".repeat(3 << 20)).unwrap();
        for n in 0..100 {
            cache.put(format!("q={n}"), &page, 0, n * 10);
            let kept = cache.kept.read().unwrap();
            let bytes: usize = kept.pages.iter().map(|(key, (_, page))| key.len() + page.body.len()).sum();
            assert_eq!(kept.bytes, bytes);
            assert!(bytes <= MOST_BYTES, "{bytes}");
        }
        assert!(cache.get("q=99", 990).0.is_some());
        cache.put("q=99".to_owned(), &page, 0, 1_000);
        cache.clear();
        assert_eq!(cache.kept.read().unwrap().bytes, 0);
    }
}
