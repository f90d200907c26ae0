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
mod auth;
mod browsers;
mod cookie;
#[expect(unreachable_pub, reason = "what SeaORM derives has the visibility of the model")]
mod entity;
mod error;
mod failures;
mod familiar;
mod identifier;
mod invitations;
mod migration;
pub mod people;
mod query;
mod routes;
mod sessions;

pub use accounts::{Accounts, Config, Limits, Person};
pub use audit::Actor;
pub use auth::{OperatorAuth, Proved, UserAuth, bearer, session};
pub use error::ApiError;
pub use invitations::Invitation;
pub use jwt::TokenKind;
pub use migration::migrations;
pub use people::{People, PeopleFilter, Profile};
pub use routes::router;
pub use sealpost_api::operate::Registration;
pub use signing_keys::{KeyPurpose, SigningKeys};
pub use tokens::{Genuine, IssuedToken, Issuer, Session, Tokens};
