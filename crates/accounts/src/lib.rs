#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod audit;
pub mod extract;
pub mod jwt;
pub mod limit;
pub mod password;
pub mod proxies;
pub mod random;
pub mod signing_keys;
pub mod tokens;

mod accounts;
mod address;
mod attempts;
mod auth;
mod browsers;
mod challenges;
mod choices;
mod cookie;
mod details;
#[expect(unreachable_pub, reason = "what SeaORM derives has the visibility of the model")]
mod entity;
mod erasing;
mod error;
mod failures;
mod familiar;
mod identifier;
mod invitations;
mod letters;
mod links;
mod migration;
mod names;
mod passkeys;
pub mod people;
mod proof;
mod query;
mod reset;
mod routes;
mod sessions;
mod site;
mod siwe;
mod wallets;
mod ways;

pub use accounts::{Accounts, Config, Limits, Person};
pub use audit::Actor;
pub use auth::{OperatorAuth, Proved, UserAuth, bearer, session};
pub use choices::Topic;
pub use error::ApiError;
pub use invitations::Invitation;
pub use jwt::TokenKind;
pub use migration::migrations;
pub use names::rename;
pub use people::{People, PeopleFilter, Profile};
pub use routes::router;
pub use sealpost_api::operate::Registration;
pub use signing_keys::{KeyPurpose, SigningKeys};
pub use tokens::{Genuine, IssuedToken, Issuer, Session, Tokens};
