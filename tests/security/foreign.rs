//! Whoever knows the id of somebody else's thing gets nothing of it and changes nothing about it.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use reqwest::Method;
use sealpost_tests::person::problem;
use serde_json::{Value, json};

use crate::world::{LISTING, World};

/// A request for somebody else's thing.
struct Attempt {
    method: Method,
    /// As the description names it.
    route: &'static str,
    path: String,
    body: Option<Value>,
}

/// Everything that a person could ask of somebody else's things.
fn by_a_person(world: &World) -> Vec<Attempt> {
    let (licence, purchase, job) = (&world.licence.id, &world.licence.purchase, &world.job.id);
    let (printer, release) = (&world.printer.id, &world.release);
    let get = |route, path| Attempt { method: Method::GET, route, path, body: None };
    let with = |method, route, path, body| Attempt { method, route, path, body: Some(body) };
    let post = |route, path, body| with(Method::POST, route, path, body);
    let key = "20".repeat(32);
    vec![
        get("/api/v1/jobs/{id}", format!("/api/v1/jobs/{job}")),
        post("/api/v1/jobs/{id}/cancel", format!("/api/v1/jobs/{job}/cancel"), json!({})),
        post(
            "/api/v1/jobs/{id}/resolve",
            format!("/api/v1/jobs/{job}/resolve"),
            json!({"outcome": "failure"}),
        ),
        get("/api/v1/licences/{id}", format!("/api/v1/licences/{licence}")),
        get("/api/v1/licences/{id}/bundle", format!("/api/v1/licences/{licence}/bundle?device=dev_x")),
        post(
            "/api/v1/licences/{id}/devices",
            format!("/api/v1/licences/{licence}/devices"),
            json!({"curve": "x25519", "public_key": key}),
        ),
        post("/api/v1/licences/{id}/revoke", format!("/api/v1/licences/{licence}/revoke"), json!({})),
        with(
            Method::PATCH,
            "/api/v1/listings/{id}",
            format!("/api/v1/listings/{LISTING}"),
            json!({"title": "mine now"}),
        ),
        with(
            Method::PUT,
            "/api/v1/listings/{id}/payout",
            format!("/api/v1/listings/{LISTING}/payout"),
            json!({"address": format!("0x{}", "11".repeat(20))}),
        ),
        Attempt {
            method: Method::DELETE,
            route: "/api/v1/printers/{id}",
            path: format!("/api/v1/printers/{printer}"),
            body: None,
        },
        with(
            Method::PATCH,
            "/api/v1/printers/{id}",
            format!("/api/v1/printers/{printer}"),
            json!({"name": "mine now"}),
        ),
        get("/api/v1/purchases/{id}", format!("/api/v1/purchases/{purchase}")),
        post(
            "/api/v1/purchases/{id}/mark-paid",
            format!("/api/v1/purchases/{purchase}/mark-paid"),
            json!({}),
        ),
        post("/api/v1/purchases/{id}/cancel", format!("/api/v1/purchases/{purchase}/cancel"), json!({})),
        post("/api/v1/purchases/{id}/decline", format!("/api/v1/purchases/{purchase}/decline"), json!({})),
        post("/api/v1/purchases/{id}/refund", format!("/api/v1/purchases/{purchase}/refund"), json!({})),
        with(
            Method::PATCH,
            "/api/v1/releases/{id}",
            format!("/api/v1/releases/{release}"),
            json!({"state": "yanked"}),
        ),
        post("/api/v1/releases/{id}/yank", format!("/api/v1/releases/{release}/yank"), json!({})),
        post("/api/v1/jobs", "/api/v1/jobs".to_owned(), json!({"licence": licence, "printer": printer})),
        post(
            "/api/v1/jobs",
            "/api/v1/jobs".to_owned(),
            json!({"licence": licence, "printer": world.strange_printer.id}),
        ),
        post("/api/v1/vouchers", "/api/v1/vouchers".to_owned(), json!({"listing": LISTING})),
        post("/api/print", "/api/print".to_owned(), json!({"purchase_id": purchase})),
        post(
            "/api/prepare",
            "/api/prepare".to_owned(),
            json!({"purchase_id": purchase, "print_immediately": true}),
        ),
        Attempt {
            method: Method::DELETE,
            route: "/api/v1/me/sessions/{id}",
            path: format!("/api/v1/me/sessions/{}", world.sign_in),
            body: None,
        },
        get("/api/v1/payments", format!("/api/v1/payments?listing={LISTING}")),
        get("/api/v1/jobs/{id}/timeline", format!("/api/v1/jobs/{job}/timeline")),
        get("/api/v1/printers/{id}", format!("/api/v1/printers/{printer}")),
        get("/api/v1/purchases/{id}/receipt", format!("/api/v1/purchases/{purchase}/receipt")),
        post("/api/v1/keys/rotate", "/api/v1/keys/rotate".to_owned(), json!({"key": "jobs"})),
    ]
}

/// Everything that a person could ask of what somebody else sells, and of the store itself.
fn of_a_shop(world: &World) -> Vec<Attempt> {
    let listing = |rest: &str| format!("/api/v1/listings/{LISTING}{rest}");
    let person = |rest: &str| format!("/api/v1/people/{}{rest}", world.buyer.id);
    let route = |method: Method, route: &'static str, path: String, body: Value| Attempt {
        body: (method != Method::GET && method != Method::DELETE).then_some(body),
        method,
        route,
        path,
    };
    // What nobody in this world has: the answer is the same as for what others have.
    let other = |method: Method, described: &'static str, body: Value| {
        let path = described.replace(['{', '}'], "");
        route(method, described, path, body)
    };
    let reason = || json!({"reason": "I do not like it"});
    vec![
        route(Method::DELETE, "/api/v1/listings/{id}", listing(""), Value::Null),
        route(Method::POST, "/api/v1/listings/{id}/lift", listing("/lift"), json!({})),
        route(Method::POST, "/api/v1/listings/{id}/suspend", listing("/suspend"), reason()),
        route(Method::GET, "/api/v1/listings/{id}/suspension", listing("/suspension"), Value::Null),
        route(Method::POST, "/api/v1/listings/{id}/pictures", listing("/pictures"), json!({})),
        route(Method::PUT, "/api/v1/listings/{id}/pictures", listing("/pictures"), json!({"pictures": []})),
        route(
            Method::DELETE,
            "/api/v1/listings/{id}/pictures/{picture}",
            listing("/pictures/pic_x"),
            Value::Null,
        ),
        route(
            Method::PUT,
            "/api/v1/listings/{id}/review",
            listing("/review"),
            json!({"stars": 1, "text": "never had it"}),
        ),
        other(Method::DELETE, "/api/v1/reviews/{id}", Value::Null),
        other(Method::POST, "/api/v1/reviews/{id}/answer", json!({"text": "no"})),
        other(Method::DELETE, "/api/v1/vouchers/{id}", Value::Null),
        route(Method::GET, "/api/v1/people/{id}", person(""), Value::Null),
        route(Method::PATCH, "/api/v1/people/{id}", person(""), json!({"operator": true})),
        route(Method::POST, "/api/v1/people/{id}/lift", person("/lift"), json!({})),
        route(Method::POST, "/api/v1/people/{id}/reset-link", person("/reset-link"), json!({})),
        route(Method::POST, "/api/v1/people/{id}/suspend", person("/suspend"), reason()),
        other(Method::DELETE, "/api/v1/invitations/{id}", Value::Null),
        other(Method::DELETE, "/api/v1/mails/{id}", Value::Null),
        other(Method::POST, "/api/v1/mails/{id}/again", json!({})),
        other(Method::POST, "/api/v1/operator/reports/{id}/close", json!({})),
        other(Method::DELETE, "/api/v1/me/passkeys/{id}", Value::Null),
        other(Method::PATCH, "/api/v1/me/passkeys/{id}", json!({"name": "mine"})),
        other(Method::DELETE, "/api/v1/me/wallets/{address}", Value::Null),
        other(Method::PATCH, "/api/v1/payments/sources/{id}", json!({})),
        other(Method::DELETE, "/api/v1/payments/sources/{id}", Value::Null),
        other(Method::POST, "/api/v1/payments/sources/{id}/rotate", json!({})),
        other(Method::GET, "/api/v1/webhooks/{id}", Value::Null),
        other(Method::PATCH, "/api/v1/webhooks/{id}", json!({})),
        other(Method::DELETE, "/api/v1/webhooks/{id}", Value::Null),
        other(Method::GET, "/api/v1/webhooks/{id}/deliveries", Value::Null),
        other(Method::GET, "/api/v1/webhooks/{id}/deliveries/{delivery}", Value::Null),
        other(Method::POST, "/api/v1/webhooks/{id}/deliveries/{delivery}/redeliver", json!({})),
        other(Method::POST, "/api/v1/webhooks/{id}/rotate", json!({})),
        other(Method::POST, "/api/v1/webhooks/{id}/test", json!({})),
    ]
}

/// Everything that a printer could ask of another printer's jobs.
fn by_a_printer(world: &World) -> Vec<Attempt> {
    let job = &world.job.id;
    let get = |route, path| Attempt { method: Method::GET, route, path, body: None };
    let post = |route, path, body| Attempt { method: Method::POST, route, path, body: Some(body) };
    let report =
        json!({"report_id": "00000000-0000-4000-8000-000000000000", "lease": 1, "status": "success"});
    vec![
        post(
            "/api/v1/jobs/{id}/claim",
            format!("/api/v1/jobs/{job}/claim"),
            json!({"nonce": "ab".repeat(16)}),
        ),
        post("/api/v1/jobs/{id}/reports", format!("/api/v1/jobs/{job}/reports"), report),
        post(
            "/api/printer-agent/1.0.0/job-status/{id}",
            format!("/api/printer-agent/1.0.0/job-status/{job}"),
            json!({"status": "success"}),
        ),
        get("/api/get-print-job", format!("/api/get-print-job?print_job_id={job}")),
        get("/api/print/download-gcode", format!("/api/print/download-gcode?print_job_id={job}")),
        get(
            "/api/printer-agent/download-gcode",
            format!("/api/printer-agent/download-gcode?print_job_id={job}"),
        ),
        post(
            "/api/report-print-status",
            "/api/report-print-status".to_owned(),
            json!({"print_job_id": job, "status": "success"}),
        ),
    ]
}

/// How everything stands, as its owners see it.
async fn state(world: &World) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    for path in [
        format!("/api/v1/jobs/{}", world.job.id),
        format!("/api/v1/licences/{}", world.licence.id),
        format!("/api/v1/purchases/{}", world.licence.purchase),
        "/api/v1/jobs".to_owned(),
    ] {
        all.push(world.buyer.get(&path).await?);
    }
    let printers: Value = world.buyer.get("/api/v1/printers").await?;
    all.push(printers["printers"][0]["name"].clone());
    all.push(world.seller.get(&format!("/api/v1/listings/{LISTING}")).await?);
    all.push(world.seller.get(&format!("/api/v1/releases/{}", world.release)).await?);
    Ok(all)
}

async fn refuse(
    world: &World,
    who: &str,
    token: &str,
    attempts: Vec<Attempt>,
    statuses: &[u16],
) -> Result<()> {
    for Attempt { method, path, body, .. } in attempts {
        let mut request = world.request(method.clone(), &path, token)?;
        if let Some(body) = &body {
            request = request.json(body);
        }
        let refused = problem(request.send().await?).await;
        let refused = refused.with_context(|| format!("{who}: {method} {path}"))?;
        assert!(statuses.contains(&refused.status), "{who}: {method} {path}: {refused}");
        let said = serde_json::to_string(&refused)?;
        for secret in [&world.buyer.email, &world.seller.email, &world.buyer.id] {
            assert!(!said.contains(secret.as_str()), "{method} {path} says {secret}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_at_what_is_somebody_elses() -> Result<()> {
    let world = World::new("").await?;
    // Until it can be printed, a job changes by itself.
    let patience = std::time::Duration::from_secs(60);
    world.buyer.follow(&world.job.id, patience, |job| job.state.to_string() == "ready_to_print").await?;
    let before = state(&world).await?;

    refuse(&world, "a stranger", &world.stranger.token, by_a_person(&world), &[403, 404]).await?;
    refuse(&world, "a stranger", &world.stranger.token, of_a_shop(&world), &[403, 404]).await?;
    refuse(&world, "nobody", "", by_a_person(&world), &[401]).await?;
    refuse(&world, "nobody", "", of_a_shop(&world), &[401]).await?;
    refuse(&world, "a printer", &world.printer.token, by_a_person(&world), &[403]).await?;
    refuse(&world, "another printer", &world.strange_printer.token, by_a_printer(&world), &[403, 404])
        .await?;
    refuse(&world, "nobody", "", by_a_printer(&world), &[401]).await?;
    refuse(&world, "its owner", &world.buyer.token, by_a_printer(&world), &[403]).await?;

    assert_eq!(state(&world).await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_hold_nothing_of_others() -> Result<()> {
    let world = World::new("").await?;
    let (job, licence) = (world.job.id.as_str(), world.licence.id.as_str());
    let (purchase, printer) = (world.licence.purchase.as_str(), world.printer.id.as_str());
    for path in [
        "/api/v1/jobs".to_owned(),
        format!("/api/v1/jobs?printer={printer}"),
        "/api/v1/licences".to_owned(),
        format!("/api/v1/licences?listing={LISTING}"),
        "/api/v1/purchases".to_owned(),
        "/api/v1/printers".to_owned(),
        "/api/v1/audit?limit=200".to_owned(),
        format!("/api/v1/audit?subject=licence:{licence}"),
        format!("/api/v1/audit?actor=user:{}", world.buyer.id),
    ] {
        let answer = world.stranger.request(Method::GET, &path).send().await?;
        let text = answer.text().await?;
        for id in [job, licence, purchase, printer, world.buyer.id.as_str()] {
            assert!(!text.contains(id), "{path}: {text}");
        }
    }
    Ok(())
}

/// A new route with an id has to be tried here, or named among those that are for everybody.
#[tokio::test(flavor = "multi_thread")]
async fn every_route_that_takes_an_id_is_tried() -> Result<()> {
    let world = World::new("").await?;
    let attempts = by_a_person(&world).into_iter().chain(of_a_shop(&world)).chain(by_a_printer(&world));
    let tried: BTreeSet<(String, String)> =
        attempts.map(|attempt| (attempt.method.as_str().to_lowercase(), attempt.route.to_owned())).collect();
    let api = world.store.openapi().await?;
    for (path, methods) in api["paths"].as_object().context("no paths")? {
        for (method, operation) in methods.as_object().context("no methods")? {
            let open = operation["security"].as_array().is_none_or(Vec::is_empty);
            // A code is what lets in whoever has it; a payment's hash is public and belongs to who can prove it.
            // And anybody may report what is on sale, ask how it is paid, and whether they may review it.
            let known = path.starts_with("/api/v1/pairings/")
                || path.starts_with("/api/v1/payments/{tx_hash}")
                || path == "/api/v1/listings/{id}/reports"
                || (method == "get" && path == "/api/v1/listings/{id}/payment")
                || (method == "get" && path == "/api/v1/listings/{id}/review");
            if !path.contains('{') || open || known {
                continue;
            }
            assert!(tried.contains(&(method.clone(), path.clone())), "{method} {path} is not tried");
        }
    }
    Ok(())
}
