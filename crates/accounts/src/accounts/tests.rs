//! What comes between the steps of a sign-in.

use std::net::{IpAddr, Ipv4Addr};

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use sealpost_api::account::{ChangePassword, LoginRequest, RegisterRequest};
use sealpost_keyring::Kek;

use super::*;
use crate::{entity::token, extract::ClientAddress, migrations, random::system_rng, sessions::Begin};

const OLD: &str = "plum tractor seven";
const NEW: &str = "plum tractor eight";

struct Rig {
    accounts: Accounts,
    person: Person,
    _folder: tempfile::TempDir,
}

fn home(last: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, last).into()
}

fn ann(password: &str) -> LoginRequest {
    LoginRequest { email: Some("ann@example.org".to_owned()), username: None, password: password.to_owned() }
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
        let new = RegisterRequest {
            email: "ann@example.org".to_owned(),
            username: None,
            password: OLD.to_owned(),
            invitation: None,
        };
        let token = accounts.register(new, home(1)).await.unwrap().token;
        let person = accounts.person(&token).await.unwrap();
        Self { accounts, person, _folder: folder }
    }

    async fn row(&self) -> account::Model {
        account::Entity::find().one(self.accounts.db().read()).await.unwrap().unwrap()
    }

    async fn living(&self) -> u64 {
        let living = token::Entity::find().filter(token::Column::RevokedAt.is_null());
        living.count(self.accounts.db().read()).await.unwrap()
    }
}

#[tokio::test]
async fn a_sign_in_that_began_with_the_old_password_ends_with_it() {
    let rig = Rig::new().await;
    let checked = rig.row().await;
    let change = ChangePassword { password: OLD.to_owned(), new_password: NEW.to_owned() };
    rig.accounts.change_password(&rig.person, change).await.unwrap();
    let refused = rig.accounts.admit(Way::Token, checked, 0).await.err().unwrap();
    assert_eq!(refused.code(), "wrong_credentials");
    assert_eq!(rig.living().await, 1, "that of who changed it");
    rig.accounts.admit(Way::Token, rig.row().await, 0).await.ok().unwrap();
}

#[tokio::test]
async fn who_chooses_the_address_has_a_limit_for_each_account_and_its_owner_gets_in() {
    let rig = Rig::new().await;
    rig.accounts.login(ann(OLD), home(1)).await.unwrap();
    // As after guesses from as many addresses as it takes; each of them would cost a password check.
    let burst = Limits::default().sign_in_account.burst;
    for _ in 1..burst {
        rig.accounts.0.sign_ins_by_account.attempt(rig.person.id.as_str(), rig.accounts.now_ms()).unwrap();
    }
    let guess =
        async |last| rig.accounts.login(ann("a guess"), home(last)).await.err().unwrap().code().to_owned();
    assert_eq!(guess(2).await, "wrong_credentials");
    for last in 3..20 {
        assert_eq!(guess(last).await, "too_many_attempts");
    }
    rig.accounts.login(ann(OLD), home(1)).await.unwrap();
}

#[tokio::test]
async fn whoever_signs_up_while_sign_up_is_closed_comes_too_late() {
    let rig = Rig::new().await;
    let code = rig.accounts.invite(&rig.person, String::new()).await.unwrap().0.expose().to_owned();
    // As after they were let through, while their password was hashed.
    let sign_up = async |name: &str, invitation: Option<&str>| {
        let new = RegisterRequest {
            email: format!("{name}@example.org"),
            username: None,
            password: OLD.to_owned(),
            invitation: invitation.map(str::to_owned),
        };
        let entered = rig.accounts.create(new, home(1), None, Way::Token).await;
        entered.err().map_or("in".to_owned(), |error| error.code().to_owned())
    };
    let limits = Limits::default();
    rig.accounts.govern(Registration::Closed, &limits);
    assert_eq!(sign_up("late", Some(&code)).await, "registration_closed");
    rig.accounts.govern(Registration::Invited, &limits);
    assert_eq!(sign_up("late", None).await, "invitation_needed");
    assert_eq!(sign_up("guest", Some(&code)).await, "in");
    assert_eq!(sign_up("second", Some(&code)).await, "invitation_invalid");
    rig.accounts.govern(Registration::Open, &limits);
    assert_eq!(sign_up("anybody", None).await, "in");
}

#[tokio::test]
async fn signing_out_says_when_the_database_failed() {
    use sea_orm::ConnectionTrait;
    let rig = Rig::new().await;
    let (secret, begin) = Begin::new(&http::HeaderMap::new(), None, ClientAddress(home(1)));
    rig.accounts.login_browser(ann(OLD), home(1), begin).await.unwrap();
    let rename = async |from: &'static str, to: &'static str| {
        let done: Result<_, sea_orm::DbErr> = rig
            .accounts
            .db()
            .write(move |tx| {
                Box::pin(
                    async move { tx.execute_unprepared(&format!("ALTER TABLE {from} RENAME TO {to}")).await },
                )
            })
            .await;
        done.unwrap();
    };
    rename("tokens", "gone").await;
    assert_eq!(rig.accounts.leave(&secret).await.err().unwrap().problem().status, 500);
    rename("gone", "tokens").await;
    rig.accounts.browser(&secret).await.unwrap();
    rig.accounts.leave(&secret).await.unwrap();
    assert_eq!(rig.accounts.browser(&secret).await.unwrap_err().code(), "session_ended");
    rig.accounts.leave(&secret).await.unwrap();
}

#[tokio::test]
async fn a_sign_in_ends_the_one_before_it_in_the_same_browser_whoever_that_was() {
    let rig = Rig::new().await;
    let headers = http::HeaderMap::new();
    let (first, begin) = Begin::new(&headers, None, ClientAddress(home(1)));
    rig.accounts.login_browser(ann(OLD), home(1), begin).await.unwrap();
    let (_, begin) = Begin::new(&headers, Some(&first), ClientAddress(home(1)));
    let bob = RegisterRequest {
        email: "bob@example.org".to_owned(),
        username: None,
        password: OLD.to_owned(),
        invitation: None,
    };
    rig.accounts.register_browser(bob, home(1), begin).await.unwrap();
    assert_eq!(rig.accounts.browser(&first).await.unwrap_err().code(), "session_ended");
}
