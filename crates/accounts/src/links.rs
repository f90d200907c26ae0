//! Links that count once: of their secret the hash is kept, and it stands behind the `#` of the address, which no log and no other site
//! sees.

use http::StatusCode;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use sealpost_database::Tx;
use zeroize::Zeroizing;

use crate::{
    ApiError,
    entity::link,
    random::{secret, secret_hash, system_rng},
};

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A new password.
    Reset,
    /// This address is mine.
    Confirm,
    /// The new address of a change is mine.
    ChangeTo,
    /// The address so far agrees to a change.
    ChangeFrom,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Confirm => "confirm",
            Self::ChangeTo => "change_to",
            Self::ChangeFrom => "change_from",
        }
    }

    pub(crate) fn of(text: &str) -> Option<Self> {
        [Self::Reset, Self::Confirm, Self::ChangeTo, Self::ChangeFrom]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// Makes the secret of a link; earlier ones of that kind for the account end.
pub(crate) async fn make(
    tx: &Tx,
    kind: Kind,
    account: &str,
    data: &serde_json::Value,
    expires_at: i64,
) -> Result<Zeroizing<String>, ApiError> {
    end(tx, account, &[kind]).await?;
    insert(tx, kind, account, data, expires_at).await
}

/// Makes the secret of a link that counts from `now` for so many milliseconds, beside earlier ones of that kind for the account.
pub(crate) async fn make_another(
    tx: &Tx,
    kind: Kind,
    account: &str,
    data: &serde_json::Value,
    (now, life_ms): (i64, i64),
) -> Result<Zeroizing<String>, ApiError> {
    link::Entity::delete_many()
        .filter(link::Column::Account.eq(account))
        .filter(link::Column::Kind.eq(kind.as_str()))
        .filter(link::Column::ExpiresAt.lte(now))
        .exec(tx)
        .await?;
    insert(tx, kind, account, data, now + life_ms).await
}

async fn insert(
    tx: &Tx,
    kind: Kind,
    account: &str,
    data: &serde_json::Value,
    expires_at: i64,
) -> Result<Zeroizing<String>, ApiError> {
    let secret = secret(&mut system_rng());
    let row = link::ActiveModel {
        hash: Set(secret_hash(&secret)),
        kind: Set(kind.as_str().to_owned()),
        account: Set(account.to_owned()),
        data: Set(data.to_string()),
        expires_at: Set(expires_at),
    };
    row.insert(tx).await?;
    Ok(secret)
}

/// Uses a link up.
///
/// # Errors
/// 403 `link_over` for one that is unknown, used, expired, or for something else.
pub(crate) async fn take(tx: &Tx, hash: &str, kinds: &[Kind], now: i64) -> Result<link::Model, ApiError> {
    let row = link::Entity::find_by_id(hash).one(tx).await?;
    let row = row.filter(|row| stands(row, kinds, now)).ok_or_else(over)?;
    let gone = link::Entity::delete_by_id(hash).exec(tx).await?;
    if gone.rows_affected == 1 { Ok(row) } else { Err(over()) }
}

/// Whether a link counts.
pub(crate) fn stands(row: &link::Model, kinds: &[Kind], now: i64) -> bool {
    row.expires_at > now && Kind::of(&row.kind).is_some_and(|kind| kinds.contains(&kind))
}

/// Ends links of an account.
pub(crate) async fn end(tx: &Tx, account: &str, kinds: &[Kind]) -> Result<(), ApiError> {
    link::Entity::delete_many()
        .filter(link::Column::Account.eq(account))
        .filter(link::Column::Kind.is_in(kinds.iter().map(|kind| kind.as_str())))
        .exec(tx)
        .await?;
    Ok(())
}

pub(crate) fn over() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "link_over", "The link is used or expired")
        .hint("Ask for a new one: each link counts once, and only for a while.")
}
