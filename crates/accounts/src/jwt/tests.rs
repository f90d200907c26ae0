use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sealpost_envelope::keyset;
use serde_json::{Value, json};

use super::*;
use crate::random::system_rng;

const ISSUER: &str = "https://store.example";
const NOW: i64 = 1_800_000_000;

struct Server {
    secret: SigningKey,
    kid: String,
    signer: TokenSigner,
}

impl Server {
    fn new() -> Self {
        let secret = keyset::generate(&mut system_rng());
        let kid = keyset::key_id(&secret.verifying_key());
        let signer = TokenSigner::new(kid.clone(), &secret);
        Self { secret, kid, signer }
    }

    fn token(&self, kind: TokenKind, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = json!({
            "iss": ISSUER, "sub": "a_1", "aud": kind.audience(), "iat": NOW, "nbf": NOW, "exp": NOW + 60, "jti": "j",
        });
        change(&mut claims);
        self.signer.sign(kind, &claims).unwrap().to_string()
    }

    fn check(&self, kind: TokenKind, token: &str) -> Result<Registered, TokenError> {
        self.check_at(NOW, kind, token)
    }

    fn check_at(&self, now: i64, kind: TokenKind, token: &str) -> Result<Registered, TokenError> {
        let public = self.secret.verifying_key();
        verify(kind, token, ISSUER, now, |kid| (kid == self.kid).then_some(public))
    }

    /// A token with a header of the caller's choice, signed genuinely.
    fn with_header(&self, header: &Value) -> String {
        use sealpost_envelope::SigningKey;
        let claims = json!({"iss": ISSUER, "sub": "a_1", "aud": "users", "iat": NOW, "nbf": NOW, "exp": NOW + 60, "jti": "j"});
        let signed = format!("{}.{}", encode_json(header), encode_json(&claims));
        let key: &SigningKey = &self.secret;
        let der = [PKCS8_PREFIX.as_slice(), &key.to_bytes()].concat();
        let signature =
            jsonwebtoken::crypto::sign(signed.as_bytes(), &EncodingKey::from_ed_der(&der), Algorithm::EdDSA)
                .unwrap();
        format!("{signed}.{signature}")
    }
}

fn encode_json(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

fn header(server: &Server, change: impl FnOnce(&mut Value)) -> Value {
    let mut header = json!({"alg": "EdDSA", "typ": "sealpost-user+jwt", "kid": server.kid});
    change(&mut header);
    header
}

#[test]
fn a_token_of_each_kind_counts_for_that_kind_alone() {
    let server = Server::new();
    for (kind, other) in [(TokenKind::User, TokenKind::Printer), (TokenKind::Printer, TokenKind::User)] {
        let token = server.token(kind, |_| {});
        assert_eq!(server.check(kind, &token).unwrap().sub, "a_1");
        assert_eq!(server.check(other, &token).unwrap_err(), TokenError::OtherKind { found: kind });
    }
}

#[test]
fn an_audience_of_the_other_kind_is_refused_whatever_the_type_says() {
    let server = Server::new();
    let token = server.token(TokenKind::User, |claims| claims["aud"] = json!("printers"));
    assert_eq!(server.check(TokenKind::User, &token).unwrap_err(), TokenError::Invalid);
    assert_eq!(server.check(TokenKind::Printer, &token).unwrap_err(), TokenError::Invalid);
}

#[test]
fn a_token_expires_by_the_given_clock() {
    let server = Server::new();
    let token = server.token(TokenKind::User, |_| {});
    assert!(server.check_at(NOW + 59, TokenKind::User, &token).is_ok());
    assert_eq!(server.check_at(NOW + 60, TokenKind::User, &token).unwrap_err(), TokenError::Expired);
}

#[test]
fn missing_and_foreign_claims_are_refused() {
    let server = Server::new();
    for claim in ["iss", "sub", "aud", "exp", "jti"] {
        let token = server.token(TokenKind::User, |claims| {
            claims.as_object_mut().unwrap().remove(claim);
        });
        assert_eq!(server.check(TokenKind::User, &token).unwrap_err(), TokenError::Invalid, "{claim}");
    }
    let foreign = server.token(TokenKind::User, |claims| claims["iss"] = json!("https://other.example"));
    assert_eq!(server.check(TokenKind::User, &foreign).unwrap_err(), TokenError::Invalid);
}

#[test]
fn other_algorithms_are_refused_even_with_the_public_key_as_secret() {
    let server = Server::new();
    let genuine = server.token(TokenKind::User, |_| {});
    let payload = genuine.split('.').nth(1).unwrap();

    let none = encode_json(&header(&server, |header| header["alg"] = json!("none")));
    assert_eq!(
        server.check(TokenKind::User, &format!("{none}.{payload}.")).unwrap_err(),
        TokenError::Invalid
    );

    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    let public = server.secret.verifying_key();
    for secret in [public.as_bytes().to_vec(), hex::encode(public.as_bytes()).into_bytes()] {
        let header = Header {
            typ: Some(TokenKind::User.typ().into()),
            kid: Some(server.kid.clone()),
            ..Header::new(Algorithm::HS256)
        };
        let token = encode(&header, &claims, &EncodingKey::from_secret(&secret)).unwrap();
        assert_eq!(server.check(TokenKind::User, &token).unwrap_err(), TokenError::Invalid);
    }
}

#[test]
fn headers_that_bring_keys_or_demands_are_refused() {
    let server = Server::new();
    assert!(server.check(TokenKind::User, &server.with_header(&header(&server, |_| {}))).is_ok());
    let x = BASE64_URL_SAFE_NO_PAD.encode(server.secret.verifying_key().as_bytes());
    let changes: [(&str, Value); 5] = [
        ("jwk", json!({"kty": "OKP", "crv": "Ed25519", "x": x})),
        ("jku", json!("https://attacker.example/keys")),
        ("x5u", json!("https://attacker.example/chain")),
        ("crit", json!(["b64"])),
        ("typ", json!("JWT")),
    ];
    for (name, value) in changes {
        let token = server.with_header(&header(&server, |header| header[name] = value));
        assert_eq!(server.check(TokenKind::User, &token).unwrap_err(), TokenError::Invalid, "{name}");
    }
}

#[test]
fn a_key_outside_the_ring_and_a_changed_token_are_refused() {
    let (server, stranger) = (Server::new(), Server::new());
    let foreign = stranger.token(TokenKind::User, |_| {});
    assert_eq!(server.check(TokenKind::User, &foreign).unwrap_err(), TokenError::UnknownKey);

    let posing = Server {
        kid: server.kid.clone(),
        signer: TokenSigner::new(server.kid.clone(), &stranger.secret),
        ..stranger
    };
    let forged = posing.token(TokenKind::User, |_| {});
    assert_eq!(server.check(TokenKind::User, &forged).unwrap_err(), TokenError::Invalid);

    for nonsense in ["", ".", "..", "a.b.c", &"a".repeat(10_000)] {
        assert_eq!(server.check(TokenKind::User, nonsense).unwrap_err(), TokenError::Invalid);
    }
}
