//! What people do at a store that dies under their hands: each request is sent again, under the same key, until it is answered.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use reqwest::{Method, RequestBuilder, multipart};
use sealpost_api::Problem;
use sealpost_api::catalogue::{Listing, NewListing, NewRelease, Release};
use sealpost_api::job::{Job, NewJob};
use sealpost_api::pairing::PairingView;
use sealpost_api::purchase::{Payment, PurchaseRequest, PurchaseResponse};
use sealpost_tests::person::{Person, idempotent};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long they wait before they ask again.
const PAUSE: Duration = Duration::from_millis(30);

/// Publishes a file and buys it, as `listing`; gives the licence.
pub(crate) async fn trade(seller: &Person, buyer: &Person, listing: &str, file: &Path) -> Result<String> {
    let new = NewListing {
        id: Some(listing.to_owned()),
        title: format!("Part {listing}"),
        prints: Some(1),
        free_retries: Some(0),
        ..NewListing::default()
    };
    let _: Listing = post(seller, "/api/v1/listings", listing, &new).await?;
    let new =
        NewRelease { listing: listing.to_owned(), version: "1.0.0".to_owned(), ..NewRelease::default() };
    let (new, bytes) = (serde_json::to_string(&new)?, std::fs::read(file)?);
    let _: Release = insist(|| {
        let form = multipart::Form::new()
            .part("release", multipart::Part::text(new.clone()).mime_str("application/json")?)
            .part("file", multipart::Part::bytes(bytes.clone()).file_name("part.gcode"));
        Ok(idempotent(seller.request(Method::POST, "/api/v1/releases"), listing).multipart(form))
    })
    .await?;
    let order = PurchaseRequest::new(listing, Payment::Free);
    let bought: PurchaseResponse = post(buyer, "/api/v1/purchases", listing, &order).await?;
    match bought.licence {
        Some(licence) => Ok(licence.id),
        None => bail!("it was paid, and gave no licence"),
    }
}

/// Sends a print to a printer.
pub(crate) async fn print(buyer: &Person, key: &str, licence: &str, printer: &str) -> Result<Job> {
    let new = NewJob { licence: licence.to_owned(), printer: printer.to_owned(), release: None };
    post(buyer, "/api/v1/jobs", key, &new).await
}

/// Approves a printer that shows `code`.
pub(crate) async fn approve(owner: &Person, code: &str) -> Result<()> {
    let path = format!("/api/v1/pairings/{code}");
    let _: PairingView = insist(|| Ok(owner.request(Method::GET, &path))).await?;
    let _: PairingView =
        insist(|| Ok(owner.request(Method::POST, &format!("{path}/approve")).json(&json!({})))).await?;
    Ok(())
}

/// What somebody sees, if the store answers at all.
pub(crate) async fn look<T: DeserializeOwned>(person: &Person, path: &str) -> Result<Option<T>> {
    answered(person.request(Method::GET, path).timeout(PATIENCE)).await
}

/// Asks once for what may be too late; whether there was an answer.
pub(crate) async fn ask(person: &Person, path: &str) -> bool {
    let request = person.request(Method::POST, path).json(&json!({})).timeout(PATIENCE);
    request.send().await.is_ok_and(|answer| !answer.status().is_server_error())
}

async fn post<T: DeserializeOwned>(
    person: &Person,
    path: &str,
    key: &str,
    body: &impl Serialize,
) -> Result<T> {
    insist(|| Ok(idempotent(person.request(Method::POST, path), key).json(body))).await
}

async fn insist<T: DeserializeOwned>(request: impl Fn() -> Result<RequestBuilder>) -> Result<T> {
    loop {
        if let Some(answer) = answered(request()?.timeout(PATIENCE)).await? {
            return Ok(answer);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The answer; `None` where the store was not able to give one.
async fn answered<T: DeserializeOwned>(request: RequestBuilder) -> Result<Option<T>> {
    let Ok(answer) = request.send().await else { return Ok(None) };
    let status = answer.status();
    let Ok(text) = answer.text().await else { return Ok(None) };
    if status.is_success() {
        return Ok(Some(serde_json::from_str(&text)?));
    }
    let problem: Problem = serde_json::from_str(&text)?;
    // An earlier one of the same is still at work.
    if status.is_server_error() || ["busy", "under_way"].contains(&problem.code.as_str()) {
        return Ok(None);
    }
    Err(problem.into())
}
