//! Requests that are too long, too slow, too many, or that lead where no file should be read.

use std::fs;

use anyhow::{Context, Result};
use futures::future::join_all;
use reqwest::{Method, StatusCode};
use sealpost_tests::person::PASSWORD;
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use crate::raw::{connect, exchange, read_all, status};
use crate::world::World;

const SHORT: &str = "header_timeout_s = 1\nbody_grace_s = 1\n";

async fn goes_on(world: &World) -> Result<()> {
    let answer = world.request(Method::GET, "/ready", "")?.send().await?;
    anyhow::ensure!(answer.status() == StatusCode::OK, "the store is not ready: {}", answer.status());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_never_end_are_given_up_while_others_are_served() -> Result<()> {
    let world = World::new(SHORT).await?;
    let mut slow = Vec::new();
    for begun in ["", "G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: x\r\nX-A: b\r\n"] {
        for _ in 0..50 {
            let mut stream = connect(&world.store.url).await?;
            stream.write_all(begun.as_bytes()).await?;
            slow.push(stream);
        }
    }
    goes_on(&world).await?;
    let ended = join_all(slow.iter_mut().map(read_all)).await;
    for answer in ended.into_iter().collect::<Result<Vec<_>>>()? {
        assert!(!answer.contains(" 200 "), "{answer}");
    }
    goes_on(&world).await
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_never_come_are_given_up_with_a_word() -> Result<()> {
    let world = World::new(SHORT).await?;
    let token = &world.seller.token;
    let upload = "--b\r\nContent-Disposition: form-data; name=\"release\"\r\nContent-Type: application/json\r\n\r\n\
        {\"listing\": \"ring\", \"version\": \"2\"}\r\n--b\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"x.gcode\"\r\n\r\nG28\n";
    for (head, body) in [
        (
            "POST /auth/login HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n"
                .to_owned(),
            "{",
        ),
        (
            "POST /auth/login HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
                .to_owned(),
            "1\r\n{\r\n",
        ),
        (
            format!(
                "POST /api/v1/releases HTTP/1.1\r\nAuthorization: Bearer {token}\r\n\
                 Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n"
            ),
            upload,
        ),
    ] {
        let request = format!("{head}Host: x\r\n\r\n{body}");
        let answer = exchange(&world.store.url, request.as_bytes()).await?;
        assert_eq!(status(&answer), 408, "{answer}");
        assert!(answer.contains("too_slow") && answer.contains("connection: close"), "{answer}");
    }
    // Nothing of it was published.
    let releases: Value = world.seller.get("/api/v1/listings/ring").await?;
    assert!(!releases.to_string().contains("\"version\":\"2\""), "{releases}");
    goes_on(&world).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_is_refused() -> Result<()> {
    let world = World::new(SHORT).await?;
    let url = &world.store.url;
    for head in [
        format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(200_000)),
        format!("GET / HTTP/1.1\r\nHost: x\r\nX-A: {}\r\n\r\n", "a".repeat(200_000)),
        format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-A: b\r\n".repeat(5_000)),
    ] {
        let answer = exchange(url, head.as_bytes()).await?;
        assert!(matches!(status(&answer), 0 | 400 | 414 | 431), "{}", &answer[..answer.len().min(300)]);
    }
    let json =
        "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n";
    let declared = format!("{json}Content-Length: 10000000000\r\n\r\n{{");
    let answer = exchange(url, declared.as_bytes()).await?;
    assert!(matches!(status(&answer), 413 | 408), "{answer}");
    let mut chunks = format!("{json}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..400 {
        chunks.extend_from_slice(format!("400\r\n{}\r\n", " ".repeat(1024)).as_bytes());
    }
    let answer = exchange(url, &chunks).await?;
    assert!(matches!(status(&answer), 0 | 413), "{answer}");
    // A list of values is no object with these fields.
    let list = world.request(Method::POST, "/auth/login", "")?;
    let list = list.json(&[Some(&world.buyer.email), None, Some(&PASSWORD.to_owned())]);
    assert_eq!(list.send().await?.status(), StatusCode::UNPROCESSABLE_ENTITY);
    // Deep, but short.
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let answer =
        world.request(Method::POST, "/auth/login", "")?.header("content-type", "application/json").body(deep);
    assert!(answer.send().await?.status().is_client_error());
    goes_on(&world).await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_readings_of_one_request_are_refused() -> Result<()> {
    let world = World::new("").await?;
    let token = &world.operator.token;
    for head in [
        "Content-Length: 2\r\nContent-Length: 30\r\n",
        "Content-Length: +2\r\n",
        "Content-Length: 2, 3\r\n",
        "Content-Length: -1\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Content-Length : 2\r\n",
    ] {
        let request = format!(
            "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{head}\r\n\
             {{}}GET /api/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        );
        let answer = exchange(&world.store.url, request.as_bytes()).await?;
        assert!(matches!(status(&answer), 0 | 400), "{head}: {answer}");
        assert!(!answer.contains("user_id"), "{head}: the second request was answered");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_are_refused_and_room_is_made_again() -> Result<()> {
    let world = World::new("max_connections = 40\n").await?;
    let mut held = Vec::new();
    for _ in 0..60 {
        held.push(connect(&world.store.url).await?);
    }
    // The refused ones are closed at once; the others wait for their request.
    let (mut full, mut room) = (0, Vec::new());
    for mut stream in held {
        let _ = stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        let answer = read_all(&mut stream).await?;
        if status(&answer) == 200 { room.push(answer) } else { full += 1 }
    }
    assert!(full >= 10 && room.len() <= 40, "{full} were refused, {} answered", room.len());
    goes_on(&world).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_out_of_where_it_should() -> Result<()> {
    let world = World::new("").await?;
    let kek = fs::read_to_string(world.store.data.join("keys/kek"))?;
    let secret = kek.split_whitespace().max_by_key(|word| word.len()).context("an empty KEK")?.to_owned();
    let climbs = [
        "../",
        "..%2f",
        "..%5c",
        "%2e%2e/",
        "%2e%2e%2f",
        "..%252f",
        "%252e%252e%252f",
        "..;/",
        "..%c0%af",
        "....//",
    ];
    let starts = [
        "/",
        "/assets/",
        "/shop/",
        "/shop/assets/",
        "/ipfs/",
        "/api/v1/releases/",
        "/api/v1/listings/",
        "//",
    ];
    let ends = ["etc/passwd", "keys/kek", "keys%2fkek", "keys/kek%00.png", "store.sqlite"];
    for start in starts {
        for climb in climbs {
            for end in ends {
                for tail in ["", "/blob", "/thumbnail"] {
                    let path = format!("{start}{}{end}{tail}", climb.repeat(6));
                    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
                    let answer = exchange(&world.store.url, request.as_bytes()).await?;
                    assert!(!matches!(status(&answer), 500..=599), "{path}: {answer}");
                    assert!(!answer.contains("root:") && !answer.contains("SQLite format"), "{path}");
                    assert!(!answer.contains(&secret), "{path}");
                }
            }
        }
    }
    for id in [
        "%00",
        "a%00b",
        "%0d%0aX-Evil:%201",
        &"x".repeat(10_000),
        "%f0%9f%92%a9",
        "%ff%fe",
        "'%20OR%201=1%20--",
        "%2e",
        "*",
        "%s%n",
    ] {
        for route in ["/api/v1/releases/ID", "/api/v1/listings/ID", "/ipfs/ID", "/api/v1/releases/ID/blob"] {
            let path = route.replace("ID", id);
            let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            let answer = exchange(&world.store.url, request.as_bytes()).await?;
            assert!(matches!(status(&answer), 400..=499), "{path}: {answer}");
            assert!(!answer.to_lowercase().contains("\nx-evil"), "{path}: {answer}");
        }
    }
    // Routes have one name: nothing that a proxy was told to keep shut opens under another.
    for path in [
        "//api/v1/me",
        "/api//v1/me",
        "/API/V1/ME",
        "/api/v1/me/",
        "/api/v1/./me",
        "/api/v1/x/../me",
        "/api/v1/%6de",
    ] {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\r\n",
            world.operator.token
        );
        let answer = exchange(&world.store.url, request.as_bytes()).await?;
        assert_eq!(status(&answer), 404, "{path}");
    }
    Ok(())
}

/// A page that somebody is lured to can send what forms send, and reads nothing without a token of its own.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_sites_act_for_nobody() -> Result<()> {
    let world = World::new("").await?;
    let login = r#"{"email": "buyer@example.org", "password": "correct horse battery staple"}"#;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""] {
        let request =
            world.request(Method::POST, "/auth/login", "")?.header("origin", "https://evil.example");
        let answer = request.header("content-type", kind).body(login).send().await?;
        assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    let api = world.store.openapi().await?;
    for path in api["paths"].as_object().context("no paths")?.keys() {
        let path = path.replace(['{', '}'], "");
        let request = world.request(Method::OPTIONS, &path, "")?.header("origin", "https://evil.example");
        let answer = request.header("access-control-request-method", "POST").send().await?;
        let headers = answer.headers();
        assert!(!headers.contains_key("access-control-allow-credentials"), "{path}");
        let allowed = headers.get("access-control-allow-origin").map(|origin| origin.to_str()).transpose()?;
        assert!(matches!(allowed, None | Some("*")), "{path}: {allowed:?}");
        let private = ["/api/v1/me", "/api/v1/jobs", "/api/v1/printers", "/api/v1/audit", "/api/v1/setup"];
        if private.iter().any(|private| path.starts_with(private)) {
            assert_eq!(allowed, None, "{path} is open to pages");
        }
    }
    let answer = world.request(Method::GET, "/api/v1/me", "")?.send().await?;
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(answer.headers()[name], value);
    }
    assert!(answer.headers()["content-security-policy"].to_str()?.contains("default-src 'none'"));
    assert!(!answer.headers().contains_key("strict-transport-security"), "this store has no TLS");
    assert!(!answer.headers().contains_key("set-cookie"));
    Ok(())
}

/// The answer and its time are the same for a wrong password and for nobody.
#[tokio::test(flavor = "multi_thread")]
async fn signing_in_does_not_tell_who_has_an_account() -> Result<()> {
    let world = World::new("").await?;
    let mut answers = Vec::new();
    for email in [world.buyer.email.as_str(), "nobody@example.org"] {
        let body = serde_json::json!({"email": email, "password": "wrong password"});
        let answer = world.request(Method::POST, "/auth/login", "")?.json(&body).send().await?;
        let mut headers = answer.headers().clone();
        headers.remove("x-request-id");
        headers.remove("date");
        answers.push((answer.status(), headers, answer.text().await?));
    }
    assert_eq!(answers[0], answers[1]);
    Ok(())
}

/// What people and printers send in confidence is in no line that the store writes, even at its most talkative.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_holds_no_secret() -> Result<()> {
    let options = sealpost_tests::store::Options {
        environment: vec![("RUST_LOG".to_owned(), "trace".to_owned())],
        ..Default::default()
    };
    let world = World::with(&options).await?;
    let voucher = world.seller.voucher("ring", 1, 1).await?;
    for path in
        [format!("/api/v1/pairings/{}", voucher.code), format!("/nowhere?token={}", world.buyer.token)]
    {
        world.buyer.request(Method::GET, &path).send().await?;
    }
    let wrong = format!("{{\"email\": 7, \"password\": \"{}\"", "CANARY-broken-json");
    let request = world.request(Method::POST, "/auth/login", "")?.header("content-type", "application/json");
    request.body(wrong).send().await?;
    let said = world.store.service.said();
    assert!(said.contains("/api/v1/pairings/{code}"), "the log is not talkative enough to be of use here");
    for secret in [PASSWORD, &world.buyer.token, &world.printer.token, &voucher.code, "CANARY-broken-json"] {
        let line = said.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "the log holds a secret: {line:?}");
    }
    Ok(())
}
