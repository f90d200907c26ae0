use sealpost_envelope::ContentCipher;

use super::*;

/// Says that the blob is no bytes long, so that nobody has to be asked for it.
fn manifest() -> JobManifest {
    JobManifest {
        iss: String::new(),
        aud: String::new(),
        job: "j_1".to_owned(),
        listing: String::new(),
        release: String::new(),
        nonce: String::new(),
        cipher: ContentCipher::Age,
        iv: None,
        blob_sha256: Digest::of(b"").sha256,
        blob_size: 0,
        key_sha256: [0; 32],
        plain_sha256: [0; 32],
        plain_size: 0,
        iat: 0,
        exp: 0,
    }
}

#[tokio::test]
async fn a_download_that_nobody_wants_any_more_leaves_no_file() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    for gone in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(crate::store::client().unwrap(), Url::parse("http://127.0.0.1:9").unwrap());
        let (manifest, unwanted) = (manifest(), Arc::new(AtomicBool::new(gone)));
        let download =
            Download { folder: folder.path(), manifest: &manifest, url: "/blob", unwanted: &unwanted };
        store.download(&SecretText::new(String::new()), download, |_, _| None).await.unwrap();
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, usize::from(!gone));
    }
}

/// A store that answers with 503 so often, then gives half of the blob, then is away once more, then gives the rest.
async fn serve(refusals: usize) -> Url {
    use axum::{Json, Router, http::HeaderMap, response::IntoResponse, routing::get};
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let answer = move |headers: HeaderMap| {
        let count = asked.fetch_add(1, Ordering::SeqCst);
        let from = headers.get("range").and_then(|range| range.to_str().ok()).map(str::to_owned);
        async move {
            match (count, from.as_deref()) {
                (count, _) if count < refusals || count == refusals + 1 => {
                    let problem = Problem::new(503, "file_missing", "The store has lost a file");
                    (StatusCode::SERVICE_UNAVAILABLE, Json(problem)).into_response()
                }
                (_, Some("bytes=4-")) => {
                    (StatusCode::PARTIAL_CONTENT, [("content-range", "bytes 4-7/8")], "rest").into_response()
                }
                _ => "half".into_response(),
            }
        }
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/blob", get(answer))).await });
    url
}

#[tokio::test]
async fn a_store_that_is_away_is_asked_again_for_as_long_as_somebody_waits() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let blob = Digest::of(b"halfrest");
    let manifest = JobManifest { blob_sha256: blob.sha256, blob_size: blob.size, ..manifest() };
    let unwanted = Arc::new(AtomicBool::new(false));
    for (refusals, patience, code) in [(30, 40, None), (30, 20, Some("file_missing"))] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(crate::store::client().unwrap(), serve(refusals).await);
        let download =
            Download { folder: folder.path(), manifest: &manifest, url: "/blob", unwanted: &unwanted };
        let mut told = Vec::new();
        let wait = |got_on: bool, problem: &Problem| {
            told.push((got_on, problem.code.clone()));
            (told.len() <= patience).then_some(Duration::ZERO)
        };
        let outcome = store.download(&SecretText::new(String::new()), download, wait).await;
        let said = outcome.as_ref().err().map(|trouble| crate::store::into_problem(trouble.clone()).code);
        assert_eq!(said.as_deref(), code);
        assert_eq!(told.len(), if code.is_some() { patience + 1 } else { refusals + 1 });
        assert!(told.iter().all(|(_, code)| code == "file_missing"), "{told:?}");
    }
}
