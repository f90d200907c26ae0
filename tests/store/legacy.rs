//! The deployed LMNT plugin's requests, under every path name it ever used.

use anyhow::{Context, Result};
use reqwest::Method;
use sealpost_api::catalogue::NewListing;
use sealpost_api::purchase::Payment;
use sealpost_market::JobState;
use sealpost_tests::lmnt::LmntPrinter;
use sealpost_tests::parts;
use sealpost_tests::person::{Person, expect, problem};
use sealpost_tests::store::Store;
use serde_json::{Value, json};

use crate::Backend;

crate::on_both_databases!(
    a_job_goes_through_the_current_paths,
    a_job_goes_through_the_documented_paths,
    a_poll_without_work_is_empty,
    a_token_is_refreshed_under_both_names_and_only_for_printers,
    a_download_resumes_where_it_broke_off,
    what_a_model_purchase_answers_can_be_printed,
);

struct Ready {
    store: Store,
    buyer: Person,
    printer: LmntPrinter,
    licence: String,
    part: Vec<u8>,
    folder: tempfile::TempDir,
}

async fn ready(backend: Backend) -> Result<Ready> {
    let folder = tempfile::tempdir()?;
    let store = Store::start(folder.path(), &backend.options()?)?;
    let seller = store.operator().await?;
    let buyer = store.person("buyer").await?;
    let listing = NewListing {
        id: Some("ring".to_owned()),
        title: "Ring".to_owned(),
        prints: Some(2),
        free_retries: Some(0),
        ..NewListing::default()
    };
    seller.offer(&listing).await?;
    let file = parts::made(folder.path(), "ring.gcode", &["--layers", "3", "--latin1"])?;
    seller.publish("ring", "1", &file).await?;
    let licence = buyer.buy("ring", Payment::Free).await?.id;
    let printer = LmntPrinter::register(&store.url, &buyer).await?;
    Ok(Ready { store, buyer, printer, licence, part: std::fs::read(file)?, folder })
}

/// Sends a print and waits until it is sealed.
async fn send(ready: &Ready) -> Result<String> {
    let job = ready.buyer.print(&ready.licence, &ready.printer.id).await?;
    let patience = std::time::Duration::from_secs(30);
    let job = ready.buyer.follow(&job.id, patience, |job| job.state == JobState::ReadyToPrint).await?;
    Ok(job.id)
}

async fn a_job_goes_through_the_current_paths(backend: Backend) -> Result<()> {
    let ready = ready(backend).await?;
    let id = send(&ready).await?;
    let poll = ready.printer.get("/api/printer-agent/poll-print-queue").await?;
    let job = &poll["jobs"][0];
    assert_eq!(job["print_job_id"], id);
    for name in [
        "purchase_id",
        "status",
        "created_at",
        "encrypted_gcode_download_url",
        "user_account_id",
        "printer_kek_id",
    ] {
        assert!(job[name].is_string(), "{name}: {job}");
    }
    assert_eq!(job["gcode_dek_package"], job["gcode_dek_encrypted_hex"]);
    let address = job["encrypted_gcode_download_url"].as_str().context("no address")?;
    assert!(address.starts_with(&ready.store.url), "the token would be sent to {address}");
    assert_eq!(ready.printer.open(job).await?, ready.part);

    let path = format!("/api/printer-agent/1.0.0/job-status/{id}");
    for status in ["processing", "printing", "paused", "printing"] {
        expect(ready.printer.post(&path, &json!({"status": status})).await?).await?;
    }
    let end =
        json!({"status": "success", "filament_used": 123.4, "print_duration": 60.5, "total_duration": 70.1});
    expect(ready.printer.post(&path, &end).await?).await?;
    let job = ready.buyer.job(&id).await?;
    assert_eq!((job.state, job.filament_used_mm_x100), (JobState::Success, Some(12340)));
    assert_eq!(ready.buyer.licences().await?[0].prints_used, 1);
    assert!(ready.folder.path().exists());
    Ok(())
}

async fn a_job_goes_through_the_documented_paths(backend: Backend) -> Result<()> {
    let ready = ready(backend).await?;
    let id = send(&ready).await?;
    let job = ready.printer.get("/api/poll-print-queue").await?;
    assert_eq!(job["print_job_id"], id);
    let address = ready.printer.get(&format!("/api/get-print-job?print_job_id={id}")).await?;
    assert_eq!(address["gcode_file_url"], job["encrypted_gcode_download_url"]);
    for path in ["/api/print/download-gcode", "/api/printer-agent/download-gcode"] {
        let mut job = job.clone();
        job["encrypted_gcode_download_url"] = format!("{}{path}?print_job_id={id}", ready.store.url).into();
        assert_eq!(ready.printer.open(&job).await?, ready.part, "{path}");
    }
    let body = json!({"print_job_id": id, "status": "success", "user_id": ready.buyer.id});
    let reported: Value =
        expect(ready.printer.post("/api/report-print-status", &body).await?).await?.json().await?;
    assert_eq!((&reported["status"], &reported["outcome"]), (&json!("Reported"), &json!("success")));
    assert_eq!(ready.buyer.job(&id).await?.state, JobState::Success);

    let id = send(&ready).await?;
    ready.printer.get("/api/poll-print-queue").await?;
    let body = json!({"print_job_id": id, "status": "failure", "error": "nozzle clogged"});
    let reported: Value =
        expect(ready.printer.post("/api/report-print-status", &body).await?).await?.json().await?;
    assert_eq!(reported["outcome"], "failure");
    let job = ready.buyer.job(&id).await?;
    assert_eq!((job.state, job.message.as_deref()), (JobState::Failure, Some("nozzle clogged")));
    Ok(())
}

async fn a_poll_without_work_is_empty(backend: Backend) -> Result<()> {
    let ready = ready(backend).await?;
    assert_eq!(ready.printer.get("/api/poll-print-queue").await?, json!({}));
    assert_eq!(ready.printer.get("/api/printer-agent/poll-print-queue").await?, json!({"jobs": []}));
    Ok(())
}

async fn a_token_is_refreshed_under_both_names_and_only_for_printers(backend: Backend) -> Result<()> {
    let ready = ready(backend).await?;
    for path in ["/api/refresh-printer-token", "/api/printer-agent/refresh-token"] {
        let fresh: Value = expect(ready.printer.post(path, &json!({})).await?).await?.json().await?;
        assert!(fresh["printer_token"].is_string() && fresh["token_expires"].is_string(), "{fresh}");
        let refused = problem(ready.buyer.post(path, &json!({})).await?).await?;
        assert!(matches!(refused.status, 401 | 403), "{refused:?}");
        assert!(!refused.hint.is_empty());
    }
    Ok(())
}

async fn a_download_resumes_where_it_broke_off(backend: Backend) -> Result<()> {
    let ready = ready(backend).await?;
    let id = send(&ready).await?;
    ready.printer.get("/api/poll-print-queue").await?;
    let path = format!("/api/print/download-gcode?print_job_id={id}");
    let whole = expect(ready.printer.request(Method::GET, &path).send().await?).await?;
    let tag = whole.headers().get("etag").context("no ETag")?.clone();
    let whole = whole.bytes().await?;
    let rest =
        ready.printer.request(Method::GET, &path).header("range", "bytes=1000-").header("if-range", tag);
    let rest = rest.send().await?;
    assert_eq!(rest.status(), 206);
    assert_eq!(rest.bytes().await?, whole.slice(1000..));
    let beyond = ready
        .printer
        .request(Method::GET, &path)
        .header("range", format!("bytes={}-", whole.len()))
        .send()
        .await?;
    assert_eq!(beyond.status(), 416);
    Ok(())
}

async fn what_a_model_purchase_answers_can_be_printed(backend: Backend) -> Result<()> {
    let ready = ready(backend).await?;
    let body = json!({"user_id": ready.buyer.id, "model_id": "ring", "license_type": "pay-per-print"});
    let bought: Value = expect(ready.buyer.post("/api/purchase-model", &body).await?).await?.json().await?;
    assert_eq!(bought["prints_used"], 0);
    let body = json!({"purchase_id": bought["purchase_id"], "printer_id": ready.printer.id});
    let printed: Value = expect(ready.buyer.post("/api/print", &body).await?).await?.json().await?;
    assert_eq!(printed["purchase_id"], bought["purchase_id"]);
    assert!(printed["print_job_id"].is_string());
    Ok(())
}
