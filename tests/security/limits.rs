//! How often something may be tried, who is counted, and what is written down of it.

use anyhow::{Context, Result};
use futures::future::join_all;
use reqwest::{Method, StatusCode};
use sealpost_api::audit::AuditLog;
use sealpost_api::purchase::Payment;
use sealpost_tests::person::{Person, problem};
use sealpost_tests::postgres::Cluster;
use sealpost_tests::store::Options;
use serde_json::json;

use crate::world::{LISTING, World};

const SLOW: &str = "[rate_limits]\n\
    sign_in = { burst = 3, every_ms = 3600000 }\n\
    voucher = { burst = 3, every_ms = 3600000 }\n\
    upload = { burst = 2, every_ms = 3600000 }\n\
    pairing_start = { burst = 3, every_ms = 3600000 }\n\
    poll = { burst = 5, every_ms = 3600000 }\n";

#[tokio::test(flavor = "multi_thread")]
async fn guesses_end_with_too_many_attempts_whoever_the_client_claims_to_be() -> Result<()> {
    let world = World::new(SLOW).await?;
    for count in 0..6 {
        let login = json!({"email": world.buyer.email, "password": format!("wrong guess {count}")});
        let request = world.request(Method::POST, "/auth/login", "")?.json(&login);
        let request = request.header("x-forwarded-for", format!("198.51.100.{count}"));
        let answer = request.header("x-real-ip", format!("198.51.100.{count}")).send().await?;
        let expected = if count < 3 { 401 } else { 429 };
        assert_eq!(answer.status().as_u16(), expected, "guess {count}");
        if expected == 429 {
            let wait = answer.headers().get("retry-after").context("no Retry-After")?.to_str()?.to_owned();
            assert!(wait.parse::<u64>()? > 0);
            assert_eq!(problem(answer).await?.code, "too_many_attempts");
        }
    }
    // Others are not kept out by it.
    let login = json!({"email": world.seller.email, "password": sealpost_tests::person::PASSWORD});
    let answer = world.request(Method::POST, "/auth/login", "")?.json(&login).send().await?;
    assert_eq!(answer.status(), StatusCode::OK);
    Ok(())
}

/// A proxy on the same machine is believed unasked, and one that passes on what clients write lets them choose their address.
#[tokio::test(flavor = "multi_thread")]
async fn guesses_for_one_account_end_from_whatever_addresses_they_come() -> Result<()> {
    let world = World::new(
        "public_url = \"https://store.example\"\n\
         [rate_limits]\nsign_in_account = { burst = 20, every_ms = 3600000 }\n",
    )
    .await?;
    let sign_in = async |person: &Person, password: &str, from: u32| {
        let login = json!({"email": person.email, "password": password});
        let request = world.request(Method::POST, "/auth/login", "")?.json(&login);
        let address = std::net::Ipv4Addr::from_bits(0xc633_6400 + from).to_string();
        anyhow::Ok(request.header("x-forwarded-for", address).send().await?.status().as_u16())
    };
    let own = sealpost_tests::person::PASSWORD;
    assert_eq!(sign_in(&world.buyer, own, 250).await?, 200);
    for count in 0..40 {
        let expected = if count < 20 { 401 } else { 429 };
        assert_eq!(sign_in(&world.buyer, "a wrong guess", count).await?, expected, "guess {count}");
    }
    assert_eq!(sign_in(&world.buyer, own, 250).await?, 200, "from where it was signed in before");
    assert_eq!(sign_in(&world.seller, own, 1).await?, 200, "another account");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_trusted_proxy_each_client_is_counted_for_itself() -> Result<()> {
    let world = World::new(&format!("trusted_proxies = [\"127.0.0.1\"]\n{SLOW}")).await?;
    let start = |client: String| {
        let body = json!({"public_key": "AAAA", "key_type": "x25519", "printer": {}});
        let request = world.request(Method::POST, "/api/printers/pair/start", "");
        async move {
            anyhow::Ok(request?.json(&body).header("x-forwarded-for", client).send().await?.status().as_u16())
        }
    };
    for _ in 0..3 {
        assert_ne!(start("198.51.100.1".to_owned()).await?, 429);
    }
    assert_eq!(start("198.51.100.1".to_owned()).await?, 429);
    assert_eq!(start("203.0.113.7, 198.51.100.1".to_owned()).await?, 429, "what a client writes itself");
    assert_ne!(start("198.51.100.2".to_owned()).await?, 429);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_vouchers_are_counted_and_right_ones_are_not() -> Result<()> {
    let world = World::new(SLOW).await?;
    let buy = |code: String| json!({"listing": LISTING, "payment": {"method": "voucher", "code": code}});
    for count in 0..5 {
        let voucher = world.seller.voucher(LISTING, 1, 1).await?;
        let bought = world.buyer.post("/api/v1/purchases", &buy(voucher.code)).await?;
        assert_eq!(bought.status(), StatusCode::CREATED, "right voucher {count}");
    }
    for count in 0..5 {
        let refused = world.stranger.post("/api/v1/purchases", &buy(format!("WRONG-{count:08}"))).await?;
        let expected = if count < 3 { 404 } else { 429 };
        assert_eq!(refused.status().as_u16(), expected, "wrong voucher {count}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_printer_that_asks_all_the_time_is_held_back_and_no_other() -> Result<()> {
    let world = World::new(SLOW).await?;
    let poll = |token: &str| {
        let request = world.request(Method::GET, "/api/printer-agent/poll-print-queue", token);
        async move { anyhow::Ok(request?.send().await?.status().as_u16()) }
    };
    for _ in 0..5 {
        assert_eq!(poll(&world.strange_printer.token).await?, 200);
    }
    assert_eq!(poll(&world.strange_printer.token).await?, 429);
    assert_eq!(poll(&world.printer.token).await?, 200);

    // However its token is spelled, and by whatever it was signed in.
    for scheme in ["bearer", "BEARER", "BeArEr", "Bearer ", "Bearer  ", "Bearer   "] {
        let token = &world.strange_printer.token;
        let request = world.request(Method::GET, "/api/printer-agent/poll-print-queue", "")?;
        let request = request.header("authorization", format!("{scheme} {token}"));
        assert_eq!(request.send().await?.status().as_u16(), 429, "{scheme:?}");
    }
    let refreshed =
        world.request(Method::POST, "/api/refresh-printer-token", &world.strange_printer.token)?;
    let refreshed: serde_json::Value = refreshed.send().await?.json().await?;
    let fresh = refreshed["printer_token"].as_str().context("no token")?;
    assert_eq!(poll(fresh).await?, 429, "a token anew");
    Ok(())
}

/// Signing in again is cheap, and makes nobody a new person; tokens that nobody gave out are one address.
#[tokio::test(flavor = "multi_thread")]
async fn limits_are_those_of_the_person_and_not_of_the_token() -> Result<()> {
    let world = World::new("[rate_limits]\njob = { burst = 4, every_ms = 3600000 }\n").await?;
    let ask = |token: String| {
        let body = json!({"licence": "lic_none", "printer": "pr_none"});
        let request = world.request(Method::POST, "/api/v1/jobs", &token);
        async move { anyhow::Ok(request?.json(&body).send().await?.status().as_u16()) }
    };
    let mut statuses = Vec::new();
    for _ in 0..6 {
        let again = world.stranger.sign_in_again(&world.store.url).await?;
        statuses.push(ask(again.token).await?);
    }
    assert_eq!(statuses, [404, 404, 404, 404, 429, 429]);
    let mut statuses = Vec::new();
    for count in 0..6 {
        statuses.push(ask(format!("invented-{count}")).await?);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 429, 429]);
    // Who asks by a token that was taken back does not use up what its owner may ask.
    let old = world.seller.sign_in_again(&world.store.url).await?;
    world.request(Method::POST, "/auth/logout", &old.token)?.send().await?;
    for _ in 0..6 {
        assert_eq!(ask(old.token.clone()).await?, 401);
    }
    assert_eq!(ask(world.seller.token.clone()).await?, 404);
    Ok(())
}

/// Of one voucher with one use, asked for by many at once, one gets it; the same of the last print and of one key.
async fn what_is_there_once_is_given_once(options: &Options) -> Result<()> {
    let world = World::with(options).await?;
    // Of many people: that one person has it once is another rule.
    let friends = join_all((0..16).map(|number| {
        let store = &world.store;
        async move { store.person(&format!("friend{number}")).await }
    }));
    let friends: Vec<Person> = friends.await.into_iter().collect::<Result<_>>()?;
    // Several times: the store opens its connections to the database in the first.
    for round in 0..8 {
        let voucher = world.seller.voucher(LISTING, 1, 1).await?;
        let body = json!({"listing": LISTING, "payment": {"method": "voucher", "code": voucher.code}});
        let statuses = join_all(friends.iter().cycle().take(48).map(|friend| async {
            anyhow::Ok(friend.post("/api/v1/purchases", &body).await?.status().as_u16())
        }));
        let statuses = statuses.await.into_iter().collect::<Result<Vec<_>>>()?;
        let bought = statuses.iter().filter(|status| **status == 201).count();
        assert_eq!(bought, 1, "round {round}: {statuses:?}");
        assert!(statuses.iter().all(|status| matches!(status, 201 | 409 | 410)), "{statuses:?}");
    }

    // Two prints, one of them reserved by the job there is.
    let (licence, printer) = (&world.licence.id, &world.printer.id);
    let jobs = join_all(
        (0..50)
            .map(|_| async { anyhow::Ok(world.buyer.try_print(licence, printer).await?.status().as_u16()) }),
    );
    let jobs = jobs.await.into_iter().collect::<Result<Vec<_>>>()?;
    assert_eq!(jobs.iter().filter(|status| **status == 201).count(), 1, "{jobs:?}");

    let body = json!({"listing": LISTING, "payment": {"method": "free"}});
    let same = join_all((0..20).map(|_| async {
        let request = world.buyer.request(Method::POST, "/api/v1/purchases").json(&body);
        anyhow::Ok(request.header("idempotency-key", "raced").send().await?.text().await?)
    }));
    let same = same.await.into_iter().collect::<Result<Vec<_>>>()?;
    assert!(same.iter().all(|answer| answer == &same[0]), "{same:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_once_is_given_once_by_sqlite() -> Result<()> {
    what_is_there_once_is_given_once(&Options::default()).await
}

/// Here many write at the same time.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_once_is_given_once_by_postgres() -> Result<()> {
    let mut cluster = Cluster::start()?;
    let options = Options { database_url: Some(cluster.database()?), ..Options::default() };
    what_is_there_once_is_given_once(&options).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_tells_each_what_concerns_them_in_pages() -> Result<()> {
    let world = World::new("").await?;
    let wrong = json!({"email": world.buyer.email, "password": "CANARY wrong password"});
    world.request(Method::POST, "/auth/login", "")?.json(&wrong).send().await?;
    let nobody = json!({"email": "CANARY-nobody@example.org", "password": "wrong password"});
    world.request(Method::POST, "/auth/login", "")?.json(&nobody).send().await?;

    let all = whole_log(&world.operator, "/api/v1/audit?limit=3").await?;
    for action in [
        "account.created",
        "account.signed_in",
        "account.sign_in_failed",
        "listing.created",
        "release.published",
        "printer.registered",
        "key.created",
        "setup.link_made",
    ] {
        assert!(all.contains(action), "{action} is not in the log: {all}");
    }
    for secret in ["CANARY", sealpost_tests::person::PASSWORD, &world.buyer.token, &world.printer.token] {
        assert!(!all.contains(secret), "the log holds {secret}");
    }
    let own = whole_log(&world.buyer, "/api/v1/audit").await?;
    assert!(own.contains("account.sign_in_failed"), "{own}");
    assert!(!own.contains(&world.seller.id) && !own.contains("listing.created"), "{own}");
    let bought = world.buyer.buy(LISTING, Payment::Free).await?;
    let one =
        whole_log(&world.operator, &format!("/api/v1/audit?subject=purchase:{}", bought.purchase)).await?;
    assert!(one.contains(&world.buyer.id), "{one}");
    Ok(())
}

/// All pages of a log as text; no entry is in two of them. A failure to sign in is written beside its answer, so it is waited for.
async fn whole_log(person: &Person, path: &str) -> Result<String> {
    let deadline = std::time::Instant::now() + crate::raw::PATIENCE;
    loop {
        let (mut text, mut last, mut after) = (String::new(), i64::MAX, String::new());
        loop {
            let page: AuditLog = person.get(&format!("{path}{after}")).await?;
            for entry in &page.entries {
                assert!(entry.id < last, "{path}: {} is out of order", entry.id);
                last = entry.id;
                text.push_str(&serde_json::to_string(entry)?);
            }
            let Some(next) = page.next else { break };
            after = format!("{}after={next}", if path.contains('?') { "&" } else { "?" });
        }
        let waits = !path.contains("subject") && !text.contains("account.sign_in_failed");
        if !waits || std::time::Instant::now() > deadline {
            return Ok(text);
        }
        tokio::task::yield_now().await;
    }
}
