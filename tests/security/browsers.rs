//! Browsers that are signed in by a cookie: no page of another site acts by it, nobody reads it, and it ends when it should.

use anyhow::{Context, Result};
use reqwest::{Method, Response, StatusCode};
use sealpost_api::account::{Account, SignIns};
use sealpost_tests::person::{PASSWORD, Person, problem};
use sealpost_tests::store::Options;
use serde_json::{Value, json};

use crate::raw;
use crate::world::World;

const PROXIED: &str = "public_url = \"https://store.example\"\n";

/// What a browser brings along.
#[derive(Clone, Debug)]
struct Browser {
    cookie: String,
    origin: String,
}

impl Browser {
    async fn sign_in(world: &World, person: &Person) -> Result<Self> {
        let answer = sign_in(world, person, PASSWORD, "").await?;
        anyhow::ensure!(answer.status() == StatusCode::OK, "{}", answer.text().await?);
        Ok(Self { cookie: cookie_of(&answer)?.0, origin: world.store.url.clone() })
    }

    async fn ask(&self, world: &World, method: Method, path: &str, body: Option<Value>) -> Result<Response> {
        self.ask_from(world, method, path, body, &[("origin", &self.origin)]).await
    }

    async fn ask_from(
        &self,
        world: &World,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Result<Response> {
        let mut request = world.request(method, path, "")?.header("cookie", &self.cookie);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Ok(if let Some(body) = body { request.json(&body) } else { request }.send().await?)
    }

    async fn status(&self, world: &World) -> Result<u16> {
        Ok(self.ask(world, Method::GET, "/api/v1/me", None).await?.status().as_u16())
    }
}

async fn sign_in(world: &World, person: &Person, password: &str, cookie: &str) -> Result<Response> {
    let body = json!({"email": person.email, "password": password});
    let request = world.request(Method::POST, "/auth/session", "")?.header("cookie", cookie).json(&body);
    Ok(request.send().await?)
}

/// Name and secret as they are sent back, and all that was said with them.
fn cookie_of(answer: &Response) -> Result<(String, String)> {
    let set = answer.headers().get("set-cookie").context("no cookie")?.to_str()?.to_owned();
    let pair = set.split(';').next().context("an empty cookie")?.to_owned();
    Ok((pair, set))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_signed_in_by_a_cookie_and_does_what_a_token_does() -> Result<()> {
    let world = World::new("").await?;
    let browser = Browser::sign_in(&world, &world.buyer).await?;
    let me: Account = browser.ask(&world, Method::GET, "/api/v1/me", None).await?.json().await?;
    assert_eq!(me.user_id, world.buyer.id);
    let order = json!({"listing": "ring", "payment": {"method": "free"}});
    let bought = browser.ask(&world, Method::POST, "/api/v1/purchases", Some(order)).await?;
    assert_eq!(bought.status(), StatusCode::CREATED);
    // What printers ask is not asked by people, however they are signed in.
    for path in ["/api/poll-print-queue", "/api/printer-agent/poll-print-queue"] {
        let refused = browser.ask(&world, Method::GET, path, None).await?;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    // A new person, at once signed in.
    let body = json!({"email": "new@example.org", "password": PASSWORD});
    let answer = world.request(Method::POST, "/auth/session/sign-up", "")?.json(&body).send().await?;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let new = Browser { cookie: cookie_of(&answer)?.0, origin: world.store.url.clone() };
    assert!(!answer.text().await?.contains("token"), "a page could read it");
    assert_eq!(new.status(&world).await?, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_is_for_this_host_and_for_no_page_and_no_other_site() -> Result<()> {
    let world = World::new(PROXIED).await?;
    let answer = sign_in(&world, &world.buyer, PASSWORD, "").await?;
    let (pair, set) = cookie_of(&answer)?;
    let (name, secret) = pair.split_once('=').context("no value")?;
    assert_eq!(name, "__Host-sealpost");
    assert!(secret.len() >= 43, "{} letters are few", secret.len());
    let flags: Vec<&str> = set.split(';').skip(1).map(str::trim).collect();
    for flag in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/"] {
        assert!(flags.contains(&flag), "{flag} is missing: {flags:?}");
    }
    assert!(!flags.iter().any(|flag| flag.to_lowercase().starts_with("domain")), "{flags:?}");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert!(!answer.text().await?.contains(secret), "in the body, where pages read");

    // On this machine without TLS: no `Secure`, which browsers would refuse, and a name for each port.
    let local = World::new("").await?;
    let (pair, set) = cookie_of(&sign_in(&local, &local.buyer, PASSWORD, "").await?)?;
    let port = local.store.url.rsplit(':').next().context("no port")?;
    assert!(pair.starts_with(&format!("sealpost-{port}=")), "{pair}");
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict") && !set.contains("Secure"), "{set}");

    // Where it could be read on the way there is none.
    let open = World::new("public_url = \"http://192.168.1.7:8080\"\n").await?;
    let refused = sign_in(&open, &open.buyer, PASSWORD, "").await?;
    assert!(!refused.headers().contains_key("set-cookie"));
    assert_eq!(problem(refused).await?.code, "tls_required");
    Ok(())
}

/// What browsers say of a page of another site, or of none.
const ELSEWHERE: [&[(&str, &str)]; 9] = [
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
    &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
    &[("origin", "http://store.example")],
    &[("origin", "https://store.example:444")],
    &[("origin", "https://shop.store.example"), ("sec-fetch-site", "same-site")],
    &[("sec-fetch-site", "cross-site")],
    &[],
];

#[tokio::test(flavor = "multi_thread")]
async fn no_other_site_acts_by_the_cookie_whatever_it_asks() -> Result<()> {
    let often = format!("{PROXIED}[rate_limits]\nreport = {{ burst = 1000, every_ms = 1 }}\n");
    let world = World::new(&often).await?;
    let browser = Browser {
        origin: "https://store.example".to_owned(),
        ..Browser::sign_in(&world, &world.operator).await?
    };
    let api = world.store.openapi().await?;
    let mut tried = 0;
    for (path, item) in api["paths"].as_object().context("no paths")? {
        for method in ["post", "put", "patch", "delete"] {
            let Some(operation) = item.get(method) else { continue };
            let by_cookie = operation["security"].to_string().contains("browser");
            if !by_cookie || path == "/api/marketplace/purchase" {
                continue;
            }
            let method = Method::from_bytes(method.to_uppercase().as_bytes())?;
            let path = path.replace(['{', '}'], "");
            for headers in ELSEWHERE {
                // As a form of another site sends it, and as its script would.
                for body in [None, Some(json!({}))] {
                    let answer = browser.ask_from(&world, method.clone(), &path, body, headers).await?;
                    assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{method} {path} {headers:?}");
                    assert_eq!(problem(answer).await?.code, "cross_origin", "{method} {path} {headers:?}");
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 300, "{tried} requests are few");
    // Nothing was changed, and the browser is signed in as before.
    assert_eq!(browser.status(&world).await?, 200);
    // What another site asks to read is refused as well, should a browser send the cookie along.
    let read = browser.ask_from(&world, Method::GET, "/api/v1/audit", None, ELSEWHERE[0]).await?;
    assert_eq!(read.status(), StatusCode::FORBIDDEN);
    Ok(())
}

/// A page that signs its visitors in as somebody else would see what they do then.
#[tokio::test(flavor = "multi_thread")]
async fn no_other_site_signs_anybody_in_or_out() -> Result<()> {
    let world = World::new("").await?;
    let browser = Browser::sign_in(&world, &world.buyer).await?;
    let body = json!({"email": world.stranger.email, "password": PASSWORD});
    for (method, path) in [
        (Method::POST, "/auth/session"),
        (Method::POST, "/auth/session/sign-up"),
        (Method::DELETE, "/auth/session"),
    ] {
        for headers in &ELSEWHERE[..8] {
            let answer = browser.ask_from(&world, method.clone(), path, Some(body.clone()), headers).await?;
            assert!(!answer.headers().contains_key("set-cookie"), "{method} {path} {headers:?}");
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{method} {path} {headers:?}");
        }
    }
    // As a form sends it, which needs nobody's leave.
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let request = world.request(Method::POST, "/auth/session", "")?.header("content-type", kind);
        let answer = request.body(body.to_string()).send().await?;
        assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    assert_eq!(browser.status(&world).await?, 200);
    Ok(())
}

/// Who plants a cookie in somebody's browser is not signed in when that person is.
#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_that_was_planted_is_never_used() -> Result<()> {
    let world = World::new("").await?;
    let planted = Browser::sign_in(&world, &world.stranger).await?;
    let name = planted.cookie.split('=').next().context("no name")?;
    let invented = format!("{name}={}", "A".repeat(43));
    for cookie in [planted.cookie.as_str(), &invented] {
        let answer = sign_in(&world, &world.buyer, PASSWORD, cookie).await?;
        let fresh = Browser { cookie: cookie_of(&answer)?.0, origin: world.store.url.clone() };
        assert_ne!(fresh.cookie, cookie, "the same secret for another person");
        let me: Account = fresh.ask(&world, Method::GET, "/api/v1/me", None).await?.json().await?;
        assert_eq!(me.user_id, world.buyer.id);
    }
    // Whoever it was of: it was given up with the browser that brought it.
    assert_eq!(planted.status(&world).await?, 401);
    let invented = Browser { cookie: invented, ..planted.clone() };
    assert_eq!(invented.status(&world).await?, 401);
    // Signed in twice by one browser: what was before ends.
    let first = Browser::sign_in(&world, &world.buyer).await?;
    sign_in(&world, &world.buyer, PASSWORD, &first.cookie).await?;
    assert_eq!(first.status(&world).await?, 401);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_are_listed_and_end_one_by_one_and_all_together() -> Result<()> {
    let world = World::new("").await?;
    let (one, two) =
        (Browser::sign_in(&world, &world.buyer).await?, Browser::sign_in(&world, &world.buyer).await?);
    let strangers = Browser::sign_in(&world, &world.stranger).await?;
    let list = |browser: &Browser| {
        let browser = browser.clone();
        let world = &world;
        async move {
            let list: SignIns =
                browser.ask(world, Method::GET, "/api/v1/me/sessions", None).await?.json().await?;
            anyhow::Ok(list.sign_ins)
        }
    };
    let shown = list(&one).await?;
    assert_eq!(
        shown.iter().map(|one| one.kind.as_str()).collect::<Vec<_>>(),
        ["browser", "browser", "token"]
    );
    assert_eq!(shown.iter().filter(|one| one.current).count(), 1);
    let text = serde_json::to_string(&shown)?;
    for browser in [&one, &two] {
        let secret = browser.cookie.split('=').nth(1).context("no secret")?;
        assert!(!text.contains(secret), "the list holds a secret");
    }
    let other = list(&two).await?.into_iter().find(|one| one.current).context("not in its own list")?;
    let path = format!("/api/v1/me/sessions/{}", other.id);
    // Not a stranger's to end.
    let refused = strangers.ask(&world, Method::DELETE, &path, None).await?;
    assert_eq!(refused.status(), StatusCode::NOT_FOUND);
    assert_eq!(two.status(&world).await?, 200);
    assert_eq!(one.ask(&world, Method::DELETE, &path, None).await?.status(), StatusCode::NO_CONTENT);
    assert_eq!(two.status(&world).await?, 401);
    assert_eq!(one.status(&world).await?, 200);
    // Its name is no key to it.
    let name = one.cookie.split('=').next().context("no name")?;
    let forged = Browser { cookie: format!("{name}={}", other.id), ..one.clone() };
    assert_eq!(forged.status(&world).await?, 401);

    let ended = one.ask(&world, Method::DELETE, "/api/v1/me/sessions", None).await?;
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    assert_eq!(one.status(&world).await?, 401);
    let by_token = world.request(Method::GET, "/api/v1/me", &world.buyer.token)?.send().await?;
    assert_eq!(by_token.status(), StatusCode::UNAUTHORIZED, "everywhere means programs too");
    assert_eq!(strangers.status(&world).await?, 200);
    // Printers go on.
    let poll = world.request(Method::GET, "/api/poll-print-queue", &world.printer.token)?.send().await?;
    assert_eq!(poll.status(), StatusCode::OK);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_signed_out_by_itself_and_by_a_new_password() -> Result<()> {
    let world = World::new("").await?;
    let (one, two) =
        (Browser::sign_in(&world, &world.buyer).await?, Browser::sign_in(&world, &world.buyer).await?);
    let change = json!({"password": PASSWORD, "new_password": "another horse entirely"});
    let changed = one.ask(&world, Method::POST, "/api/v1/me/password", Some(change)).await?;
    assert_eq!(changed.status(), StatusCode::NO_CONTENT);
    assert_eq!((one.status(&world).await?, two.status(&world).await?), (200, 401));
    let by_token = world.request(Method::GET, "/api/v1/me", &world.buyer.token)?.send().await?;
    assert_eq!(by_token.status(), StatusCode::UNAUTHORIZED, "a token of the old password");

    let out = one.ask(&world, Method::DELETE, "/auth/session", None).await?;
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    let set = cookie_of(&out)?.1;
    assert!(set.contains("Max-Age=0"), "{set}");
    assert_eq!(one.status(&world).await?, 401);
    // Whoever is not signed in is signed out.
    let again = one.ask(&world, Method::DELETE, "/auth/session", None).await?;
    assert_eq!(again.status(), StatusCode::NO_CONTENT);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_counts_in_one_place_alone_and_a_token_before_it() -> Result<()> {
    let world = World::new("").await?;
    let browser = Browser::sign_in(&world, &world.buyer).await?;
    let secret = browser.cookie.split('=').nth(1).context("no secret")?;
    let name = browser.cookie.split('=').next().context("no name")?;
    let other = Browser::sign_in(&world, &world.stranger).await?;
    for headers in [
        format!("Authorization: Bearer {secret}\r\n"),
        format!("Authorization: Bearer nonsense\r\nCookie: {}\r\n", browser.cookie),
        format!("Cookie: {}; {}\r\n", browser.cookie, other.cookie),
        format!("Cookie: {}\r\nCookie: {}\r\n", browser.cookie, other.cookie),
        format!("Cookie: __Host-sealpost={secret}\r\n"),
        format!("Cookie: {name}=\"{secret}\"\r\n"),
        format!("Cookie: {name}={secret}x\r\n"),
        format!("X-Cookie: {}\r\n", browser.cookie),
    ] {
        let request = format!("GET /api/v1/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
        let answer = raw::exchange(&world.store.url, request.as_bytes()).await?;
        assert_eq!(raw::status(&answer), 401, "{}", headers.replace(secret, "SECRET"));
    }
    let path = format!("/api/v1/me?{}", browser.cookie);
    assert_eq!(world.request(Method::GET, &path, "")?.send().await?.status(), StatusCode::UNAUTHORIZED);
    Ok(())
}

/// Neither the database nor the log, at its most talkative, is of use to whoever wants to be somebody.
#[tokio::test(flavor = "multi_thread")]
async fn the_secret_is_written_down_nowhere() -> Result<()> {
    let environment = vec![("RUST_LOG".to_owned(), "trace".to_owned())];
    let world = World::with(&Options { environment, ..Options::default() }).await?;
    let browser = Browser::sign_in(&world, &world.buyer).await?;
    assert_eq!(browser.status(&world).await?, 200);
    let secret = browser.cookie.split('=').nth(1).context("no secret")?;
    assert!(!world.store.service.said().contains(secret), "the log holds it");
    let mut files = vec![world.store.data.clone()];
    let mut looked = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path)?.filter_map(|entry| Some(entry.ok()?.path())));
            continue;
        }
        let bytes = std::fs::read(&path)?;
        looked += bytes.len();
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{} holds it", path.display());
    }
    assert!(looked > 100_000, "{looked} bytes are no store");
    Ok(())
}
