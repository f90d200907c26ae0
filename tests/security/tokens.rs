//! Tokens that nobody issued, or that are for something else, open nothing.

use anyhow::{Context, Result};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ed25519_dalek::{Signer, SigningKey};
use reqwest::{Method, StatusCode};
use sealpost_tests::person::problem;
use serde_json::{Value, json};

use crate::raw;
use crate::world::World;

/// A route for each kind of token.
const ROUTES: [&str; 2] = ["/api/v1/me", "/api/poll-print-queue"];

/// A token in its parts.
struct Parts {
    header: Value,
    claims: Value,
}

impl Parts {
    fn of(token: &str) -> Result<Self> {
        let part = |index| -> Result<Value> {
            let text = token.split('.').nth(index).context("no such part")?;
            Ok(serde_json::from_slice(&BASE64.decode(text)?)?)
        };
        Ok(Self { header: part(0)?, claims: part(1)? })
    }

    /// The same with another header, signed by whatever `sign` does.
    fn forged(&self, header: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
        let mut whole = self.header.clone();
        for (name, value) in header.as_object().into_iter().flatten() {
            whole[name] = value.clone();
        }
        let text = format!("{}.{}", BASE64.encode(whole.to_string()), BASE64.encode(self.claims.to_string()));
        let signature = BASE64.encode(sign(text.as_bytes()));
        format!("{text}.{signature}")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_forged_token_opens_anything() -> Result<()> {
    let world = World::new("").await?;
    let jwks: Value = world.request(Method::GET, "/.well-known/jwks.json", "")?.send().await?.json().await?;
    let own = SigningKey::from_bytes(&[7; 32]);
    let x = BASE64.encode(own.verifying_key().as_bytes());
    for genuine in [&world.operator.token, &world.printer.token] {
        let parts = Parts::of(genuine)?;
        let mut forged = Vec::new();
        for alg in ["none", "None", "NONE", "nOnE", ""] {
            forged.push(parts.forged(&json!({"alg": alg}), |_| Vec::new()));
        }
        // The public key as if it were a shared secret, in each of its forms.
        for key in jwks["keys"].as_array().context("no keys")? {
            let text = key["x"].as_str().context("no x")?;
            let bytes = BASE64.decode(text)?;
            for secret in
                [bytes.clone(), text.as_bytes().to_vec(), hex::encode(&bytes).into_bytes(), Vec::new()]
            {
                let secret = hmac::Key::new(hmac::HMAC_SHA256, &secret);
                forged
                    .push(parts.forged(&json!({"alg": "HS256"}), |text| {
                        hmac::sign(&secret, text).as_ref().to_vec()
                    }));
            }
        }
        let sign = |text: &[u8]| own.sign(text).to_bytes().to_vec();
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
        for header in [
            json!({}),
            json!({"jwk": jwk}),
            json!({"jwk": jwk, "kid": "mine"}),
            json!({"jku": "http://127.0.0.1:9/keys.json"}),
            json!({"x5u": "http://127.0.0.1:9/cert.pem"}),
            json!({"kid": ""}),
            json!({"kid": null}),
            json!({"kid": "../../../../dev/null"}),
            json!({"kid": "' OR 1=1 --"}),
            json!({"kid": "x".repeat(3000)}),
            json!({"crit": ["exp"]}),
        ] {
            forged.push(parts.forged(&header, sign));
        }
        // The genuine signature on other words, or in other words.
        let pieces: Vec<&str> = genuine.split('.').collect();
        let mut claims = parts.claims.clone();
        claims["exp"] = json!(4_000_000_000_u32);
        forged.push(format!("{}.{}.{}", pieces[0], BASE64.encode(claims.to_string()), pieces[2]));
        forged.push(format!("{}.{}.", pieces[0], pieces[1]));
        forged.push(format!("{genuine}A"));
        forged.push(format!("{genuine}="));
        forged.push(format!("{genuine}.x"));
        forged.push("A".repeat(20_000));
        for token in forged {
            for route in ROUTES {
                let answer = world.request(Method::GET, route, &token)?.send().await?;
                let shown: String = token.chars().take(200).collect();
                assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{route}: {shown}");
                problem(answer).await?;
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_for_one_kind_of_holder_and_for_its_own_store() -> Result<()> {
    let world = World::new("").await?;
    let other = World::new("").await?;
    for (route, token, code) in [
        (ROUTES[0], &world.printer.token, "user_token_required"),
        (ROUTES[1], &world.operator.token, "printer_token_required"),
    ] {
        let refused = world.request(Method::GET, route, token)?.send().await?;
        assert_eq!(problem(refused).await?.code, code);
    }
    for (route, token) in [(ROUTES[0], &other.operator.token), (ROUTES[1], &other.printer.token)] {
        let refused = world.request(Method::GET, route, token)?.send().await?;
        assert_eq!(problem(refused).await?.status, 401, "{route}: another store's token");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_with_sign_out_removal_and_a_new_password() -> Result<()> {
    let world = World::new("").await?;
    let me = |token: String| {
        let request = world.request(Method::GET, ROUTES[0], &token);
        async move { anyhow::Ok(request?.send().await?.status()) }
    };
    let first = world.stranger.token.clone();
    let login = json!({"email": world.stranger.email, "password": sealpost_tests::person::PASSWORD});
    let answer = world.request(Method::POST, "/auth/login", "")?.json(&login).send().await?;
    let second: Value = answer.json().await?;
    let second = second["token"].as_str().context("no token")?.to_owned();
    assert_eq!(me(first.clone()).await?, StatusCode::OK);

    let change =
        json!({"password": sealpost_tests::person::PASSWORD, "new_password": "another horse entirely"});
    let changed = world.request(Method::POST, "/api/v1/me/password", &second)?.json(&change).send().await?;
    assert_eq!(changed.status(), StatusCode::NO_CONTENT);
    assert_eq!(me(first).await?, StatusCode::UNAUTHORIZED, "tokens of the old password");
    assert_eq!(me(second.clone()).await?, StatusCode::OK);

    world.request(Method::POST, "/auth/logout", &second)?.send().await?;
    assert_eq!(me(second).await?, StatusCode::UNAUTHORIZED, "signed out");

    let path = format!("/api/v1/printers/{}", world.printer.id);
    world.buyer.request(Method::DELETE, &path).send().await?;
    let poll = world.request(Method::GET, ROUTES[1], &world.printer.token)?.send().await?.status();
    assert!(matches!(poll.as_u16(), 401 | 403), "a removed printer: {poll}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_counts_in_one_place_alone() -> Result<()> {
    let world = World::new("").await?;
    let token = &world.operator.token;
    for path in [
        format!("{}?token={token}", ROUTES[0]),
        format!("{}?access_token={token}", ROUTES[0]),
        format!("{}?Authorization=Bearer%20{token}", ROUTES[0]),
    ] {
        let answer = world.request(Method::GET, &path, "")?.send().await?;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "in the address");
    }
    for headers in [
        format!("Cookie: token={token}; Authorization=Bearer {token}\r\n"),
        format!("X-Authorization: Bearer {token}\r\n"),
        format!("Authorization: Basic {token}\r\n"),
        format!("Authorization: Bearer nonsense\r\nAuthorization: Bearer {token}\r\n"),
        format!("Authorization: Bearer {token}\r\nAuthorization: Bearer nonsense\r\n"),
        format!("Authorization: Bearer {token}, Bearer {token}\r\n"),
    ] {
        let request = format!("GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n", ROUTES[0]);
        let answer = raw::exchange(&world.store.url, request.as_bytes()).await?;
        assert_eq!(raw::status(&answer), 401, "{}", headers.replace(token.as_str(), "TOKEN"));
    }
    Ok(())
}
