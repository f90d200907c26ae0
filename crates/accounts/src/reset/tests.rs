//! Who can keep whom from a new password. The mail server is a port where nobody answers: letters wait.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use sea_orm::PaginatorTrait;
use sealpost_api::{account::RegisterRequest, operate::Registration};
use sealpost_database::{Clock, Database};
use sealpost_keyring::Kek;
use sealpost_mail::{Mailer, Smtp};

use super::*;
use crate::{accounts, migrations, random::system_rng};

const EMAIL: &str = "ann@example.org";
const NEW: &str = "plum tractor eight";

struct Rig {
    accounts: Accounts,
    person: Person,
    now: Arc<AtomicI64>,
    _folder: tempfile::TempDir,
}

fn from(last: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, last).into()
}

impl Rig {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Database::connect(&format!("sqlite:{}", folder.path().join("db").display())).await.unwrap();
        let mut all = migrations();
        all.extend(sealpost_mail::migrations());
        db.migrate(all).await.unwrap();
        let now = Arc::new(AtomicI64::new(1_800_000_000_000));
        let read = now.clone();
        let clock = Clock::new(move || read.load(Ordering::SeqCst));
        let keks = Arc::new(Kek::generate(&mut system_rng()));
        let smtp = Smtp::new("smtp://127.0.0.1:9", None, "Store <post@store.example>").unwrap();
        let config = accounts::Config {
            issuer: "https://store.example".to_owned(),
            registration: Registration::Open,
            limits: accounts::Limits::default(),
            mail: Some(Mailer::new(db.clone(), clock.clone(), keks.clone(), smtp)),
            chain_id: 1,
        };
        let accounts = Accounts::new(db, clock, keks, config);
        let new = RegisterRequest {
            email: EMAIL.to_owned(),
            username: None,
            password: "plum tractor seven".to_owned(),
            invitation: None,
        };
        let token = accounts.register(new, from(1)).await.unwrap().token;
        let person = accounts.person(&token).await.unwrap();
        Self { accounts, person, now, _folder: folder }
    }

    fn pass_s(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    fn asked(&self, by: u8) -> bool {
        self.accounts.forgot(ForgotPassword { email: EMAIL.to_owned() }, from(by)).is_ok()
    }

    /// As a letter brings it.
    async fn link(&self) -> String {
        let (id, now) = (self.person.id.to_string(), self.accounts.now_ms());
        let made: Result<_, ApiError> = self
            .accounts
            .db()
            .write(move |tx| {
                let id = id.clone();
                Box::pin(async move {
                    let data = json!({"by": "mail"});
                    links::make_another(tx, links::Kind::Reset, &id, &data, (now, LIFE_MS)).await
                })
            })
            .await;
        made.unwrap().to_string()
    }

    async fn set(&self, token: &str) -> String {
        let request = ResetPassword { token: token.to_owned(), new_password: NEW.to_owned() };
        match self.accounts.reset(request, from(1)).await {
            Ok(()) => "set".to_owned(),
            Err(error) => error.code().to_owned(),
        }
    }

    async fn links(&self) -> u64 {
        let links = link::Entity::find().filter(link::Column::Kind.eq(links::Kind::Reset.as_str()));
        links.count(self.accounts.db().read()).await.unwrap()
    }
}

#[tokio::test]
async fn a_link_that_somebody_else_asks_for_ends_none_and_the_one_that_is_used_ends_all() {
    let rig = Rig::new().await;
    let own = rig.link().await;
    rig.accounts.send_reset(EMAIL.to_owned()).await.unwrap();
    let other = rig.link().await;
    assert_eq!(rig.links().await, 3);
    assert_eq!(rig.set(&own).await, "set", "although others were asked for since");
    assert_eq!(rig.set(&other).await, "link_over");
    assert_eq!(rig.links().await, 0);
}

#[tokio::test]
async fn links_that_are_over_are_not_kept() {
    let rig = Rig::new().await;
    rig.link().await;
    rig.pass_s(3_600);
    rig.accounts.send_reset(EMAIL.to_owned()).await.unwrap();
    assert_eq!(rig.links().await, 1);
}

#[tokio::test]
async fn who_asks_for_anothers_letters_leaves_some_to_them_and_many_hold_them_up_for_minutes() {
    let rig = Rig::new().await;
    let asked = (0..20).filter(|_| rig.asked(9)).count();
    assert_eq!(asked, 3);
    assert!(rig.asked(1), "their own");
    let all = (10..60).filter(|by| rig.asked(*by)).count();
    assert!(all < 10, "{all}: nobody's mailbox is filled from many addresses");
    assert!(!rig.asked(1));
    rig.pass_s(180);
    assert!(rig.asked(1));
}

#[tokio::test]
async fn an_account_has_few_letters_sent_wherever_they_go() {
    let rig = Rig::new().await;
    let mut sent = 0;
    for number in 0..20 {
        let request = sealpost_api::ways::ChangeEmail {
            email: format!("somebody{number}@example.org"),
            proof: sealpost_api::ways::Proof {
                password: Some("plum tractor seven".to_owned()),
                passkey: None,
            },
        };
        match rig.accounts.change_email(&rig.person, request).await {
            Ok(_) => sent += 1,
            Err(error) => assert_eq!(error.code(), "too_many_attempts"),
        }
    }
    assert_eq!(sent, 5);
    assert_eq!(rig.accounts.send_confirmation(&rig.person).await.unwrap_err().code(), "too_many_attempts");
    assert!(rig.asked(1), "a forgotten password has letters of its own");
}
