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
        store.download(&SecretText::new(String::new()), download).await.unwrap();
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, usize::from(!gone));
    }
}
