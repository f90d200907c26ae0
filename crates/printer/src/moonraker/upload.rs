//! Putting a small file into the `gcodes` folder by Moonraker's upload, which also reads its metadata.

use std::time::Duration;

use reqwest::{Client, header};
use sealpost_api::Problem;

use super::Address;

const BOUNDARY: &str = "sealpost-7d1b3f5a9c";

pub(super) async fn upload(
    http: &Client,
    address: &Address,
    folder: &str,
    name: &str,
    content: &str,
) -> Result<(), Problem> {
    let failed = |detail: String| {
        Problem::new(502, "stub_upload_failed", "The print's entry could not be put into the file list")
            .detail(detail)
            .hint("Is Moonraker running, does it trust this machine, and is there space?")
    };
    let mut body = String::with_capacity(content.len() + 512);
    for (field, value) in [("root", "gcodes"), ("path", folder)] {
        body.push_str(&format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n"
        ));
    }
    body.push_str(&format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n{content}\r\n--{BOUNDARY}--\r\n"
    ));
    let url = address.url.join("server/files/upload").map_err(|error| failed(error.to_string()))?;
    let mut request = http
        .post(url)
        .header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={BOUNDARY}"))
        .timeout(Duration::from_secs(60))
        .body(body);
    if let Some(path) = &address.api_key_file {
        let key = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        request = request.header("x-api-key", key.trim());
    }
    let response = request.send().await.map_err(|error| failed(error.without_url().to_string()))?;
    if response.status().is_success() {
        Ok(())
    } else {
        Err(failed(format!("HTTP status {}", response.status())))
    }
}
