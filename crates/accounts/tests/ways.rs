//! Ways into an account beside the password, from outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use axum::{Router, body::Body};
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use k256::ecdsa::SigningKey;
use sealpost_accounts::{Accounts, Config, Limits, Registration, migrations, random::system_rng, router};
use sealpost_database::{Clock, Database};
use sealpost_keyring::Kek;
use serde_json::{Value, json};
use sha3::{Digest, Keccak256};
use tower::ServiceExt;

const PASSWORD: &str = "plum tractor seven";
const NEW: &str = "plum tractor eight";

struct Rig {
    accounts: Accounts,
    router: Router,
    now: Arc<AtomicI64>,
    _folder: tempfile::TempDir,
}

impl Rig {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Database::connect(&format!("sqlite:{}", folder.path().join("db").display())).await.unwrap();
        db.migrate(migrations()).await.unwrap();
        let now = Arc::new(AtomicI64::new(1_800_000_000_000));
        let read = now.clone();
        let config = Config {
            issuer: "https://store.example".to_owned(),
            registration: Registration::Open,
            limits: Limits::default(),
            mail: None,
            chain_id: 1,
        };
        let clock = Clock::new(move || read.load(Ordering::SeqCst));
        let accounts = Accounts::new(db, clock, Arc::new(Kek::generate(&mut system_rng())), config);
        let router = router::<Accounts>().split_for_parts().0.with_state(accounts.clone());
        Self { accounts, router, now, _folder: folder }
    }

    fn pass_s(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    async fn call(&self, method: Method, path: &str, token: &str, body: Value) -> (StatusCode, Value) {
        let mut request =
            Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await;
        let response = response.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn post(&self, path: &str, token: &str, body: Value) -> (StatusCode, Value) {
        self.call(Method::POST, path, token, body).await
    }

    async fn person(&self, name: &str) -> (String, String) {
        let body = json!({"email": format!("{name}@example.org"), "username": name, "password": PASSWORD});
        let (status, answer) = self.post("/api/v1/accounts", "", body).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        (answer["token"].as_str().unwrap().to_owned(), answer["user_id"].as_str().unwrap().to_owned())
    }

    async fn operator(&self) -> String {
        let token = self.accounts.issue_setup_token().await.unwrap().unwrap();
        let body = json!({"setup_token": token.expose(), "email": "op@example.org", "password": PASSWORD});
        let (status, answer) = self.post("/api/v1/setup", "", body).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        answer["token"].as_str().unwrap().to_owned()
    }

    async fn reset_token(&self, operator: &str, id: &str) -> String {
        let (status, answer) = self
            .post(&format!("/api/v1/people/{id}/reset-link"), operator, json!({"password": PASSWORD}))
            .await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        let link = answer["link"].as_str().unwrap();
        let (page, token) = link.split_once('#').unwrap();
        assert_eq!(page, "https://store.example/shop/reset");
        token.to_owned()
    }

    async fn reset(&self, token: &str, password: &str) -> (StatusCode, Value) {
        self.post("/auth/password/reset", "", json!({"token": token, "new_password": password})).await
    }

    async fn login(&self, password: &str) -> StatusCode {
        self.post("/auth/login", "", json!({"username": "ann", "password": password})).await.0
    }
}

/// A wallet with a key of its own.
struct Wallet(SigningKey);

impl Wallet {
    fn new(seed: u8) -> Self {
        Self(SigningKey::from_slice(&[seed; 32]).unwrap())
    }

    fn address(&self) -> String {
        let point = self.0.verifying_key().to_sec1_point(false);
        format!("0x{}", hex::encode(&Keccak256::digest(&point.as_bytes()[1..])[12..]))
    }

    fn sign(&self, text: &str) -> String {
        let hash = Keccak256::new()
            .chain_update(format!("\x19Ethereum Signed Message:\n{}", text.len()))
            .chain_update(text)
            .finalize();
        let (signature, id) = self.0.sign_prehash_recoverable(&hash);
        format!("0x{}{:02x}", hex::encode(signature.to_bytes()), 27 + id.to_byte())
    }

    fn answer(&self, asked: &Value) -> Value {
        let field = |name: &str| asked[name].as_str().unwrap().to_owned();
        let message = format!(
            "{} wants you to sign in with your Ethereum account:\n{}\n\n{}\n\nURI: {}\nVersion: 1\nChain ID: {}\nNonce: {}\n\
             Issued At: {}\nExpiration Time: {}",
            field("domain"),
            field("address"),
            field("statement"),
            field("uri"),
            asked["chain_id"],
            field("nonce"),
            field("issued_at"),
            field("expires_at"),
        );
        json!({"signature": self.sign(&message), "message": message})
    }
}

#[tokio::test]
async fn a_link_of_an_operator_sets_a_password_once_and_ends_what_was_signed_in() {
    let rig = Rig::new().await;
    let (operator, (ann, id)) = (rig.operator().await, rig.person("ann").await);
    let refused = rig.post(&format!("/api/v1/people/{id}/reset-link"), &ann, Value::Null).await;
    assert_eq!((refused.0, &refused.1["code"]), (StatusCode::FORBIDDEN, &json!("operator_required")));

    let token = rig.reset_token(&operator, &id).await;
    let (status, weak) = rig.reset(&token, "1234567890").await;
    assert_eq!((status, &weak["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("weak_password")));
    assert_eq!(rig.reset(&token, NEW).await.0, StatusCode::NO_CONTENT, "a weak one does not use it up");
    let (status, again) = rig.reset(&token, PASSWORD).await;
    assert_eq!((status, &again["code"]), (StatusCode::FORBIDDEN, &json!("link_over")));
    assert_eq!(rig.login(NEW).await, StatusCode::OK);
    assert_eq!(rig.login(PASSWORD).await, StatusCode::UNAUTHORIZED);
    assert_eq!(rig.call(Method::GET, "/api/v1/me", &ann, Value::Null).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_operator_who_is_not_there_takes_nobody_over() {
    let rig = Rig::new().await;
    let (operator, (ann, id)) = (rig.operator().await, rig.person("ann").await);
    let link = async |id: &str, proof: Value| {
        let (status, answer) = rig.post(&format!("/api/v1/people/{id}/reset-link"), &operator, proof).await;
        (status.as_u16(), answer["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(link(&id, json!({})).await, (403, "proof_required".to_owned()));
    assert_eq!(link(&id, json!({"password": "a guess"})).await, (403, "wrong_credentials".to_owned()));
    let (_, me) = rig.call(Method::GET, "/api/v1/me", &operator, Value::Null).await;
    let own = link(me["user_id"].as_str().unwrap(), json!({"password": PASSWORD})).await;
    assert_eq!(own, (409, "operator_account".to_owned()), "and no operator at all");
    assert_eq!(rig.call(Method::GET, "/api/v1/me", &ann, Value::Null).await.0, StatusCode::OK);
    assert_eq!(link(&id, json!({"password": PASSWORD})).await.0, 201);
}

#[tokio::test]
async fn a_link_ends_after_an_hour_and_when_a_newer_one_is_made() {
    let rig = Rig::new().await;
    let (operator, (_, id)) = (rig.operator().await, rig.person("ann").await);
    let first = rig.reset_token(&operator, &id).await;
    let second = rig.reset_token(&operator, &id).await;
    assert_eq!(rig.reset(&first, NEW).await.1["code"], "link_over");
    rig.pass_s(3_600);
    assert_eq!(rig.reset(&second, NEW).await.1["code"], "link_over");
    assert_eq!(rig.login(PASSWORD).await, StatusCode::OK, "nothing was changed");
}

#[tokio::test]
async fn a_link_ends_when_the_password_is_changed_meanwhile() {
    let rig = Rig::new().await;
    let (operator, (ann, id)) = (rig.operator().await, rig.person("ann").await);
    let token = rig.reset_token(&operator, &id).await;
    let body = json!({"password": PASSWORD, "new_password": NEW});
    assert_eq!(rig.post("/api/v1/me/password", &ann, body).await.0, StatusCode::NO_CONTENT);
    assert_eq!(rig.reset(&token, "plum tractor nine").await.1["code"], "link_over");
}

#[tokio::test]
async fn a_server_without_mail_says_so_to_everybody_alike() {
    let rig = Rig::new().await;
    rig.person("ann").await;
    for email in ["ann@example.org", "nobody@example.org"] {
        let (status, answer) = rig.post("/auth/password/forgot", "", json!({"email": email})).await;
        assert_eq!((status, &answer["code"]), (StatusCode::CONFLICT, &json!("no_mail")), "{email}");
    }
}

#[tokio::test]
async fn without_mail_an_address_changes_by_the_password_alone_and_is_not_confirmed() {
    let rig = Rig::new().await;
    let (ann, _) = rig.person("ann").await;
    rig.person("bob").await;
    let change = async |body: Value| rig.post("/api/v1/me/email", &ann, body).await;
    let taken = change(json!({"email": "Bob@example.org", "password": PASSWORD})).await;
    assert_eq!(taken.1["code"], "email_taken");
    assert_eq!(change(json!({"email": "new@example.org"})).await.1["code"], "proof_required");
    let done = change(json!({"email": "new@example.org", "password": PASSWORD})).await;
    assert_eq!(done.1, json!({"done": true, "email": "new@example.org"}));
    let (_, details) = rig.call(Method::GET, "/api/v1/me/account", &ann, Value::Null).await;
    assert_eq!((&details["email"], &details["email_confirmed"]), (&json!("new@example.org"), &json!(false)));
}

#[tokio::test]
async fn a_wallet_is_linked_once_to_one_account_and_its_nonce_counts_once() {
    let rig = Rig::new().await;
    let ((ann, _), (bob, _)) = (rig.person("ann").await, rig.person("bob").await);
    let wallet = Wallet::new(7);
    let ask = async |token: &str| {
        let (status, asked) =
            rig.post("/api/v1/me/wallets/challenge", token, json!({"address": wallet.address()})).await;
        assert_eq!(status, StatusCode::OK, "{asked}");
        asked
    };
    let answer = wallet.answer(&ask(&ann).await);
    let (status, stolen) = rig.post("/api/v1/me/wallets", &bob, answer.clone()).await;
    assert_eq!(
        (status, &stolen["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("challenge_over")),
        "another's"
    );
    let (_, spent) = rig.post("/api/v1/me/wallets", &ann, answer).await;
    assert_eq!(spent["code"], "challenge_over", "whoever tried it used it up");

    let (status, linked) = rig.post("/api/v1/me/wallets", &ann, wallet.answer(&ask(&ann).await)).await;
    assert_eq!(status, StatusCode::CREATED, "{linked}");
    let (_, known) = rig.post("/api/v1/me/wallets", &bob, wallet.answer(&ask(&bob).await)).await;
    assert_eq!(known["code"], "wallet_known");
}

#[tokio::test]
async fn what_a_wallet_signs_to_sign_in_links_it_nowhere() {
    let rig = Rig::new().await;
    let (ann, _) = rig.person("ann").await;
    let wallet = Wallet::new(9);
    let (_, asked) = rig.post("/auth/wallet/challenge", "", json!({"address": wallet.address()})).await;
    let (_, refused) = rig.post("/api/v1/me/wallets", &ann, wallet.answer(&asked)).await;
    assert_eq!(refused["code"], "challenge_over");

    // The nonce of a link, with the sentence of a sign-in.
    let ask = json!({"address": wallet.address()});
    let (_, mut link) = rig.post("/api/v1/me/wallets/challenge", &ann, ask).await;
    link["statement"] = asked["statement"].clone();
    let (_, refused) = rig.post("/api/v1/me/wallets", &ann, wallet.answer(&link)).await;
    assert_eq!(refused["code"], "other_purpose");
}

#[tokio::test]
async fn a_way_in_is_added_by_who_just_signed_in_or_shows_that_it_is_them() {
    let rig = Rig::new().await;
    let (ann, _) = rig.person("ann").await;
    rig.pass_s(16 * 60);
    for path in ["/api/v1/me/passkeys/challenge", "/api/v1/me/wallets/challenge"] {
        let address = Wallet::new(1).address();
        let (status, old) = rig.post(path, &ann, json!({"address": address})).await;
        assert_eq!((status, &old["code"]), (StatusCode::FORBIDDEN, &json!("proof_required")), "{path}");
        let (status, good) = rig.post(path, &ann, json!({"address": address, "password": PASSWORD})).await;
        assert_eq!(status, StatusCode::OK, "{good}");
    }
}

#[tokio::test]
async fn a_challenge_of_a_passkey_asks_for_its_owner_and_names_nobody() {
    let rig = Rig::new().await;
    let (ann, _) = rig.person("ann").await;
    let (_, asked) = rig.post("/auth/passkey/challenge", "", Value::Null).await;
    assert_eq!((&asked["rpId"], &asked["userVerification"]), (&json!("store.example"), &json!("required")));
    assert!(asked["allowCredentials"].as_array().is_none_or(Vec::is_empty), "{asked}");
    let (_, new) = rig.post("/api/v1/me/passkeys/challenge", &ann, json!({})).await;
    assert_eq!(new["rp"]["id"], "store.example");
    assert_eq!(new["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(new["authenticatorSelection"]["userVerification"], "required");
    assert!(!new["user"]["id"].as_str().unwrap().contains("ann"), "{new}");
    let nonsense = json!({"credential": {"id": "AAAA", "type": "public-key"}});
    assert_eq!(rig.post("/auth/session/passkey", "", nonsense).await.1["code"], "bad_passkey");
}
