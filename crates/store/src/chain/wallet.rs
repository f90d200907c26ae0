//! What was bought by a wallet without an account, and goes to the account that proves its key.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, ExprTrait, QueryFilter, Statement};
use sealpost_accounts::{UserAuth, audit};
use sealpost_database::Tx;
use sealpost_market::DeviceKey;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::fault::{Fault, Result};
use crate::plugins::stranger;
use crate::schema::{licence, purchase};
use crate::state::AppState;

/// Moves purchases and licences of a key's wallet account to a person; how many licences.
pub(crate) async fn hand_over(state: &AppState, tx: &Tx, key: &DeviceKey, to: &UserAuth) -> Result<u32> {
    let (wallet, account) = (stranger::holder(key)?, to.id().as_str());
    let bought = purchase::Entity::find().filter(purchase::Column::Buyer.eq(wallet.as_str())).all(tx).await?;
    let held = licence::Entity::find().filter(licence::Column::Holder.eq(wallet.as_str())).all(tx).await?;
    check_written(tx, &bought).await?;
    for row in &bought {
        let change = purchase::ActiveModel {
            buyer: Set(account.to_owned()),
            voucher: Set(voucher_of(tx, row, account).await?),
            ..Default::default()
        };
        purchase::Entity::update_many()
            .set(change)
            .col_expr(purchase::Column::RowVersion, Expr::col(purchase::Column::RowVersion).add(1))
            .filter(purchase::Column::Id.eq(&row.id))
            .exec(tx)
            .await?;
    }
    let now = state.clock.now_ms();
    for row in &held {
        let change = licence::ActiveModel { holder: Set(account.to_owned()), ..Default::default() };
        licence::Entity::update_many()
            .set(change)
            // Whoever works on it at this moment reads it again.
            .col_expr(licence::Column::RowVersion, Expr::col(licence::Column::RowVersion).add(1))
            .filter(licence::Column::Id.eq(&row.id))
            .exec(tx)
            .await?;
        let details = json!({"from": wallet, "to": account});
        let subject = format!("licence:{}", row.id);
        audit::record(tx, now, &to.actor(), "licence.moved", &subject, details).await?;
    }
    Ok(u32::try_from(held.len()).unwrap_or(u32::MAX))
}

/// Lets one transaction at a time decide whose a key is, to its end: on PostgreSQL a proof and a purchase for the key would not see
/// each other. SQLite writes one after the other anyway.
pub(crate) async fn take_turns(tx: &Tx, key: &DeviceKey) -> Result<()> {
    if tx.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let hash: [u8; 32] = Sha256::digest(format!("key:{}:{}", key.curve, key.public_key)).into();
    let number = hash[..8].iter().fold(0_i64, |number, byte| number << 8 | i64::from(*byte));
    let lock = "SELECT pg_advisory_xact_lock($1)";
    tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, lock, [number.into()])).await?;
    Ok(())
}

/// Licences of purchases in the same group of writes are inserted at its end: whoever does not see them tries again after it.
async fn check_written(tx: &Tx, bought: &[purchase::Model]) -> Result<()> {
    let licences: Vec<_> = bought.iter().filter_map(|row| row.licence.as_deref()).collect();
    if licences.is_empty() {
        return Ok(());
    }
    let written = licence::Entity::find().filter(licence::Column::Id.is_in(licences.iter().copied()));
    if written.all(tx).await?.len() == licences.len() { Ok(()) } else { Err(Fault::Conflict) }
}

/// A voucher works once for each person, and the wallet may have used another use of one that the person used: both uses were
/// counted, and the person's own row is what refuses the next one.
async fn voucher_of(tx: &Tx, row: &purchase::Model, account: &str) -> Result<Option<String>> {
    let Some(voucher) = &row.voucher else { return Ok(None) };
    let used = purchase::Entity::find()
        .filter(purchase::Column::Voucher.eq(voucher))
        .filter(purchase::Column::Buyer.eq(account))
        .one(tx)
        .await?;
    Ok(used.is_none().then(|| voucher.clone()))
}
