//! Files of the `gcodes` folder by Moonraker: a small one put there by its upload, which also reads its metadata; any one fetched.

use std::time::Duration;

use reqwest::{Client, Response, StatusCode, header};
use sealpost_api::Problem;

use super::{Address, CallError};

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
    if let Some(key) = api_key(address).map_err(|error| failed(error.to_string()))? {
        request = request.header("x-api-key", key);
    }
    let response = request.send().await.map_err(|error| failed(error.without_url().to_string()))?;
    if response.status().is_success() {
        Ok(())
    } else {
        Err(failed(format!("HTTP status {}", response.status())))
    }
}

pub(super) async fn file(http: &Client, address: &Address, name: &str) -> Result<Option<Response>, Problem> {
    let refused = |detail: String| CallError::Refused(detail).problem();
    let mut url = address.url.join("server/files/gcodes").map_err(|error| refused(error.to_string()))?;
    // Each piece is escaped by itself.
    url.path_segments_mut().map_err(|()| refused(String::new()))?.extend(name.split('/'));
    let mut request = http.get(url);
    if let Some(key) = api_key(address).map_err(|error| refused(error.to_string()))? {
        request = request.header("x-api-key", key);
    }
    let response = request.send().await.map_err(|_| CallError::Unreachable.problem())?;
    match response.status() {
        status if status.is_success() => Ok(Some(response)),
        StatusCode::NOT_FOUND => Ok(None),
        status => Err(refused(format!("HTTP status {status}"))),
    }
}

fn api_key(address: &Address) -> std::io::Result<Option<String>> {
    let Some(path) = &address.api_key_file else { return Ok(None) };
    Ok(Some(std::fs::read_to_string(path)?.trim().to_owned()))
}
