//! What people are told about their accounts by mail.

use sealpost_database::Tx;
use sealpost_mail::{Letter, Post};

use crate::{ApiError, accounts::Accounts, entity::account};

/// Milliseconds that news of an account are of use.
const NEWS_MS: i64 = 3 * 86_400_000;

impl Accounts {
    /// Whether letters are sent.
    pub fn sends_mail(&self) -> bool {
        self.mail().is_some()
    }

    /// Puts a letter into the outbox; nowhere where there is none.
    pub(crate) async fn post(
        &self,
        tx: &Tx,
        kind: &str,
        account: &str,
        life_ms: i64,
        letter: Letter,
    ) -> Result<(), ApiError> {
        if let Some(mail) = self.mail() {
            mail.queue(tx, &Post { kind, account: Some(account), life_ms }, &letter).await?;
        }
        Ok(())
    }

    /// Tells somebody that their account was changed, so that it is seen when it was not them.
    pub(crate) async fn tell_of_change(
        &self,
        tx: &Tx,
        row: &account::Model,
        what: &str,
    ) -> Result<(), ApiError> {
        let letter = Letter::new(name(row), &row.email, &format!("{what} at {}", self.host()))
            .line(&format!("{what} of your account at {}.", self.host()))
            .line("If that was you, there is nothing to do. If it was not, sign in, end all other sign-ins and change the password; or ask the operator.")
            .link("Your account", &self.page("account", ""));
        self.post(tx, "account_changed", &row.id, NEWS_MS, letter).await
    }

    /// The address of a page of the shop; what is secret stands behind its `#`.
    pub(crate) fn page(&self, path: &str, secret: &str) -> String {
        let origin = self.origin();
        if secret.is_empty() {
            format!("{origin}/shop/{path}")
        } else {
            format!("{origin}/shop/{path}#{secret}")
        }
    }
}

/// What a letter calls whom it goes to: nothing at an address that nobody confirmed, where it would be what a stranger wrote there.
pub(crate) fn name(row: &account::Model) -> &str {
    if row.email_confirmed_at.is_some() { &row.username } else { "" }
}
