//! Passkeys as an authenticator made of software answers: right, and wrong in each thing that counts.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::sync::Arc;

use axum::{Router, body::Body};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE};
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use sealpost_accounts::{Accounts, Config, Limits, Registration, migrations, random::system_rng, router};
use sealpost_database::{Clock, Database};
use sealpost_keyring::Kek;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower::ServiceExt;

const PRESENT_AND_VERIFIED: u8 = 0x05;
const PRESENT: u8 = 0x01;

struct Rig {
    router: Router,
    token: String,
    _folder: tempfile::TempDir,
}

/// What an answer says, where it is wrong on purpose.
#[derive(Clone, Copy)]
struct Says {
    rp_id: &'static str,
    origin: &'static str,
    kind: Option<&'static str>,
    flags: u8,
    counter: u32,
}

const RIGHT: Says = Says {
    rp_id: "store.example",
    origin: "https://store.example",
    kind: None,
    flags: PRESENT_AND_VERIFIED,
    counter: 1,
};

struct Authenticator {
    key: SigningKey,
    id: [u8; 16],
    user: String,
}

impl Authenticator {
    fn make(&mut self, options: &Value, says: Says) -> Value {
        self.user = options["user"]["id"].as_str().unwrap().to_owned();
        let point = self.key.verifying_key().to_sec1_point(false);
        let mut data = head(Says { flags: says.flags | 0x40, ..says });
        data.extend([0; 16]);
        data.extend([0, 16]);
        data.extend(self.id);
        data.extend([0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32]);
        data.extend(&point.as_bytes()[1..33]);
        data.extend([0x22, 0x58, 32]);
        data.extend(&point.as_bytes()[33..]);
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        object.push(u8::try_from(data.len()).unwrap());
        object.extend(data);
        let client = client_data(options, says, "webauthn.create");
        self.credential(json!({
            "clientDataJSON": URL_SAFE.encode(client), "attestationObject": URL_SAFE.encode(object), "transports": ["internal"],
        }))
    }

    fn show(&self, options: &Value, says: Says) -> Value {
        let data = head(says);
        let client = client_data(options, says, "webauthn.get");
        let signed = [data.clone(), Sha256::digest(&client).to_vec()].concat();
        let signature: Signature = self.key.sign(&signed);
        self.credential(json!({
            "clientDataJSON": URL_SAFE.encode(client), "authenticatorData": URL_SAFE.encode(data),
            "signature": URL_SAFE.encode(signature.to_der()), "userHandle": self.user,
        }))
    }

    fn credential(&self, response: Value) -> Value {
        let id = URL_SAFE.encode(self.id);
        json!({"id": id, "rawId": id, "type": "public-key", "authenticatorAttachment": "platform",
            "clientExtensionResults": {}, "response": response})
    }
}

fn head(says: Says) -> Vec<u8> {
    let mut data = Sha256::digest(says.rp_id).to_vec();
    data.push(says.flags);
    data.extend(says.counter.to_be_bytes());
    data
}

fn client_data(options: &Value, says: Says, kind: &str) -> Vec<u8> {
    let kind = says.kind.unwrap_or(kind);
    let challenge = options["challenge"].as_str().unwrap();
    format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{}","crossOrigin":false}}"#, says.origin)
        .into_bytes()
}

impl Rig {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Database::connect(&format!("sqlite:{}", folder.path().join("db").display())).await.unwrap();
        db.migrate(migrations()).await.unwrap();
        let config = Config {
            issuer: "https://store.example".to_owned(),
            registration: Registration::Open,
            limits: Limits::default(),
            mail: None,
            chain_id: 1,
        };
        let clock = Clock::new(|| 1_800_000_000_000);
        let accounts = Accounts::new(db, clock, Arc::new(Kek::generate(&mut system_rng())), config);
        let router = router::<Accounts>().split_for_parts().0.with_state(accounts);
        let mut rig = Self { router, token: String::new(), _folder: folder };
        let body = json!({"email": "ann@example.org", "password": "plum tractor seven"});
        rig.token = rig.post("/api/v1/accounts", body).await.1["token"].as_str().unwrap().to_owned();
        rig
    }

    async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json");
        if path.starts_with("/api/v1/me/") {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await;
        let response = response.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn register(&self, device: &mut Authenticator, says: Says) -> (StatusCode, Value) {
        let (_, options) = self.post("/api/v1/me/passkeys/challenge", json!({})).await;
        let credential = device.make(&options, says);
        self.post("/api/v1/me/passkeys", json!({"credential": credential})).await
    }

    async fn asked(&self) -> Value {
        self.post("/auth/passkey/challenge", Value::Null).await.1
    }

    async fn sign_in(&self, credential: Value) -> (StatusCode, Value) {
        self.post("/auth/session/passkey", json!({"credential": credential})).await
    }
}

fn device(seed: u8) -> Authenticator {
    Authenticator { key: SigningKey::from_slice(&[seed; 32]).unwrap(), id: [seed; 16], user: String::new() }
}

#[tokio::test]
async fn a_passkey_signs_in_and_each_challenge_counts_once() {
    let (rig, mut device) = (Rig::new().await, device(7));
    let (status, made) = rig.register(&mut device, RIGHT).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let options = rig.asked().await;
    let answer = device.show(&options, Says { counter: 2, ..RIGHT });
    let (status, account) = rig.sign_in(answer.clone()).await;
    assert_eq!((status, &account["username"]), (StatusCode::OK, &json!("ann")), "{account}");
    assert_eq!(rig.sign_in(answer).await.1["code"], "challenge_over");
    let (status, known) = rig.register(&mut device, RIGHT).await;
    assert_eq!((status, &known["code"]), (StatusCode::CONFLICT, &json!("passkey_known")));
}

#[tokio::test]
async fn what_was_made_for_another_site_or_without_its_owner_is_no_passkey() {
    let rig = Rig::new().await;
    for says in [
        Says { rp_id: "evil.example", ..RIGHT },
        Says { origin: "https://evil.example", ..RIGHT },
        Says { origin: "http://store.example", ..RIGHT },
        Says { flags: PRESENT, ..RIGHT },
        Says { kind: Some("webauthn.get"), ..RIGHT },
    ] {
        let (status, refused) = rig.register(&mut device(8), says).await;
        assert!(status.is_client_error(), "{refused}");
    }
    assert_eq!(rig.register(&mut device(8), RIGHT).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn an_answer_to_another_site_or_by_another_key_signs_nobody_in() {
    let (rig, mut device) = (Rig::new().await, device(9));
    assert_eq!(rig.register(&mut device, RIGHT).await.0, StatusCode::CREATED);
    let next = Says { counter: 2, ..RIGHT };
    for says in [
        Says { rp_id: "evil.example", ..next },
        Says { origin: "https://evil.example", ..next },
        Says { origin: "https://store.example:8443", ..next },
        Says { flags: PRESENT, ..next },
        Says { kind: Some("webauthn.create"), ..next },
        Says { counter: 1, ..next },
    ] {
        let (status, refused) = rig.sign_in(device.show(&rig.asked().await, says)).await;
        assert!(status.is_client_error(), "{refused}");
    }
    let thief = Authenticator { key: SigningKey::from_slice(&[1; 32]).unwrap(), ..device };
    let (_, refused) = rig.sign_in(thief.show(&rig.asked().await, next)).await;
    assert_eq!(refused["code"], "passkey_refused");
    let other = Authenticator { id: [99; 16], ..thief };
    assert_eq!(rig.sign_in(other.show(&rig.asked().await, next)).await.1["code"], "passkey_unknown");
    // A challenge that the server never gave.
    let own = Authenticator { key: SigningKey::from_slice(&[9; 32]).unwrap(), id: [9; 16], ..other };
    let invented = json!({"challenge": URL_SAFE.encode([5; 16])});
    assert_eq!(rig.sign_in(own.show(&invented, next)).await.1["code"], "challenge_over");
    let (status, account) = rig.sign_in(own.show(&rig.asked().await, next)).await;
    assert_eq!(status, StatusCode::OK, "the same by the right key: {account}");
}
