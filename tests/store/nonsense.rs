//! Nonsense to every route gets a clear error, and the store goes on.

use anyhow::{Context, Result};
use reqwest::Method;
use sealpost_tests::lmnt::LmntPrinter;
use sealpost_tests::person::{Person, client, problem};
use sealpost_tests::store::Store;
use serde_json::{Value, json};

use crate::Backend;

crate::on_both_databases!(every_route_answers_nonsense_with_a_problem);

/// Bodies that no route can like.
fn bodies() -> Vec<Vec<u8>> {
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let texts = [
        "",
        "{",
        "null",
        "[]",
        "42",
        "\"text\"",
        "{}",
        r#"{"listing": 7, "payment": [], "email": {}, "password": null, "public_key": 1, "session_id": [], "licence": {}}"#,
        r#"{"listing": "../../etc/passwd", "payment": {"method": "magic"}, "printer": "x", "licence": "\u0000"}"#,
        r#"{"print_job_id": "' OR 1=1 --", "status": "exploded", "report_id": "", "lease": -1}"#,
        &deep,
    ];
    let mut bodies: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    bodies.push(vec![0xff; 512]);
    bodies.push(vec![b'x'; 3 << 20]);
    bodies
}

async fn every_route_answers_nonsense_with_a_problem(backend: Backend) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let store = Store::start(folder.path(), &backend.options()?)?;
    let person = store.operator().await?;
    let printer = LmntPrinter::register(&store.url, &person).await?;
    let api = store.openapi().await?;
    let paths = api["paths"].as_object().context("no paths")?;
    assert!(paths.len() > 30, "the description names only {} paths", paths.len());
    for (path, methods) in paths {
        if path.ends_with("/events") || path.contains("/logout") {
            continue;
        }
        let address =
            path.replace("{code}", "BBBB-BBBB").split('{').next().map(str::to_owned).unwrap_or_default();
        let address = if path.contains('{') { fill(path) } else { address };
        for method in methods.as_object().context("no methods")?.keys() {
            let method: Method = method.to_uppercase().parse()?;
            // Whoever may end all sign-ins ends their own.
            if (&method, path.as_str()) == (&Method::DELETE, "/api/v1/me/sessions") {
                continue;
            }
            for token in ["", "nonsense", "e30.e30.", &person.token, &printer.token] {
                probe(&store, &method, &address, token).await.with_context(|| format!("{method} {path}"))?;
            }
        }
        wrong_method(&store, &address).await.with_context(|| path.clone())?;
    }
    unknown_paths(&store).await?;
    goes_on(&person).await
}

/// A path with something in its parameters that nobody has.
fn fill(path: &str) -> String {
    let mut filled = String::new();
    for piece in path.split_inclusive('}') {
        match piece.split_once('{') {
            Some((before, _)) => filled.extend([before, "no-such-thing"]),
            None => filled.push_str(piece),
        }
    }
    filled
}

async fn probe(store: &Store, method: &Method, path: &str, token: &str) -> Result<()> {
    let http = client()?;
    let bodies = if *method == Method::GET || token == "nonsense" { vec![Vec::new()] } else { bodies() };
    for body in bodies {
        let size = body.len();
        let request = http.request(method.clone(), format!("{}{path}", store.url)).bearer_auth(token);
        let answer = match request.header("content-type", "application/json").body(body.clone()).send().await
        {
            Ok(answer) => answer,
            // A server may close before it has read three megabytes that it does not want.
            Err(error) if size > 1 << 20 && error.is_request() => continue,
            Err(error) => return Err(error.into()),
        };
        let shown = String::from_utf8_lossy(&body[..size.min(60)]).into_owned();
        assert!(answer.status().as_u16() < 500, "{} for {shown}", answer.status());
        if answer.status().is_client_error() {
            let problem = problem(answer).await.with_context(|| shown.clone())?;
            assert!(!problem.code.is_empty() && !problem.title.is_empty(), "{problem:?}");
            assert!(!problem.hint.is_empty(), "{problem:?} has no hint");
        }
    }
    Ok(())
}

async fn wrong_method(store: &Store, path: &str) -> Result<()> {
    let answer = client()?.request(Method::TRACE, format!("{}{path}", store.url)).send().await?;
    assert_eq!(problem(answer).await?.status, 405);
    Ok(())
}

async fn unknown_paths(store: &Store) -> Result<()> {
    for path in [
        "/api/nothing",
        "/api/v1/../../etc/passwd",
        "/api/v1/listings/%00",
        "/api/v1/jobs/%2e%2e%2fkeys",
        "/%ff",
    ] {
        let answer = client()?.get(format!("{}{path}", store.url)).send().await?;
        let problem = problem(answer).await.with_context(|| path)?;
        assert!((400..500).contains(&problem.status), "{path}: {problem:?}");
    }
    Ok(())
}

async fn goes_on(person: &Person) -> Result<()> {
    let me: Value = person.get("/api/v1/me").await?;
    assert_eq!(me["user_id"], json!(person.id));
    Ok(())
}
