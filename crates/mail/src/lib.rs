#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
mod letter;
mod mailer;
#[expect(unreachable_pub, reason = "what SeaORM derives has the visibility of the model")]
mod mails;
mod migration;
mod sending;
mod smtp;

pub use error::MailError;
pub use letter::{Letter, Link, Unsubscribe};
pub use mailer::{Mailer, Outbox, Post, State, forget_account};
pub use migration::migrations;
pub use sending::POINTS;
pub use smtp::{Smtp, SmtpError};
