//! That it is really the person, before something that outlasts a stolen sign-in.

use http::StatusCode;
use sea_orm::EntityTrait;
use sealpost_api::ways::Proof;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    ApiError,
    accounts::{Accounts, Person, too_many},
    entity::{account, token},
};

/// How long after a sign-in nothing more has to be shown to add another way in.
const FRESH_MS: i64 = 15 * 60_000;

impl Accounts {
    /// Checks the password, or a passkey's answer.
    ///
    /// # Errors
    /// 403 `wrong_credentials`, `passkey_refused`, 403 `proof_required` where there is neither, 429 for too many.
    pub async fn prove(&self, person: &Person, proof: Proof) -> Result<(), ApiError> {
        if let Some(passkey) = proof.passkey {
            return self.prove_by_passkey(person, &Value::Object(passkey)).await;
        }
        let Some(password) = proof.password.map(Zeroizing::new) else {
            return Err(ApiError::new(StatusCode::FORBIDDEN, "proof_required", "Show that it is you")
                .hint("Give your password, or use a passkey."));
        };
        self.check_password(person, password, "The password is wrong").await
    }

    /// Checks the password of somebody who is signed in; the refusal says `wrong`.
    ///
    /// # Errors
    /// 403 `wrong_credentials`, 429 for too many.
    pub(crate) async fn check_password(
        &self,
        person: &Person,
        password: Zeroizing<String>,
        wrong: &'static str,
    ) -> Result<(), ApiError> {
        let (id, now) = (person.id.to_string(), self.now_ms());
        self.limits().sign_ins.attempt(&id, now).map_err(too_many)?;
        let row = account::Entity::find_by_id(&id).one(self.db().read()).await?;
        if !self.passwords().verify(password, row.map(|row| row.password_hash)).await? {
            self.note_failure(Some(id), now);
            return Err(ApiError::new(StatusCode::FORBIDDEN, "wrong_credentials", wrong)
                .hint("Check for a typing error."));
        }
        self.limits().sign_ins.refund(&id);
        Ok(())
    }

    /// As [`Accounts::prove`]; whoever just signed in need not.
    ///
    /// # Errors
    /// As [`Accounts::prove`].
    pub async fn prove_unless_fresh(&self, person: &Person, proof: Proof) -> Result<(), ApiError> {
        if proof.password.is_none() && proof.passkey.is_none() {
            let row = token::Entity::find_by_id(&person.jti).one(self.db().read()).await?;
            let age = row.map(|row| self.now_ms().saturating_sub(row.issued_at));
            if age.is_some_and(|age| (0..FRESH_MS).contains(&age)) {
                return Ok(());
            }
        }
        self.prove(person, proof).await
    }
}
