//! What passkeys and wallets are asked to sign: made by the server, good once and for a few minutes.

use http::StatusCode;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use sealpost_database::Tx;

use crate::{ApiError, accounts::Accounts, entity::challenge, random::secret_hash};

/// How long one counts.
pub(crate) const LIFE_MS: i64 = 300_000;

/// What a challenge is for: an answer to one is none to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A passkey that signs in, or shows that it is really the person.
    Passkey,
    /// A new passkey.
    NewPasskey,
    /// A wallet that signs in.
    Wallet,
    /// A wallet that is linked.
    NewWallet,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Passkey => "passkey",
            Self::NewPasskey => "new_passkey",
            Self::Wallet => "wallet",
            Self::NewWallet => "new_wallet",
        }
    }
}

impl Accounts {
    /// Remembers a challenge that is given out.
    pub(crate) async fn give_challenge(
        &self,
        kind: Kind,
        challenge: &str,
        account: Option<&str>,
        state: String,
    ) -> Result<(), ApiError> {
        let now = self.now_ms();
        let row = challenge::Model {
            id: secret_hash(challenge),
            kind: kind.as_str().to_owned(),
            account: account.map(str::to_owned),
            state,
            expires_at: now + LIFE_MS,
        };
        self.db()
            .write(move |tx| {
                let row = row.clone();
                Box::pin(async move {
                    let old = challenge::Entity::delete_many().filter(challenge::Column::ExpiresAt.lt(now));
                    old.exec(tx).await?;
                    let row = challenge::ActiveModel {
                        id: Set(row.id),
                        kind: Set(row.kind),
                        account: Set(row.account),
                        state: Set(row.state),
                        expires_at: Set(row.expires_at),
                    };
                    row.insert(tx).await?;
                    Ok::<_, ApiError>(())
                })
            })
            .await
    }

    /// Takes a challenge back that was answered: what its answer is checked with. It counts no more, whatever the answer is.
    pub(crate) async fn take_challenge(
        &self,
        kind: Kind,
        challenge: &str,
        account: Option<&str>,
    ) -> Result<String, ApiError> {
        let (id, now) = (secret_hash(challenge), self.now_ms());
        let row = self.db().write(move |tx| Box::pin(take(tx, id.clone()))).await?;
        let fits = |row: &challenge::Model| {
            row.kind == kind.as_str() && row.account.as_deref() == account && row.expires_at > now
        };
        row.filter(fits).map(|row| row.state).ok_or_else(|| {
            ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "challenge_over",
                "This took too long, or was done before",
            )
            .hint("Try again: a new challenge is made each time.")
        })
    }
}

async fn take(tx: &Tx, id: String) -> Result<Option<challenge::Model>, ApiError> {
    let row = challenge::Entity::find_by_id(&id).one(tx).await?;
    let gone = challenge::Entity::delete_by_id(&id).exec(tx).await?;
    // Of two who take it at once, one deleted it.
    Ok(row.filter(|_| gone.rows_affected == 1))
}
