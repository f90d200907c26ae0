//! A key that somebody proves at the very moment at which a payment for it settles.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter};
use sealpost_accounts::Actor;
use sealpost_database::Tx;
use sealpost_market::{AccountId, DeviceKey};

use super::payments;
use crate::fault::Result;
use crate::plugins::stranger;
use crate::schema::{licence, purchase};
use crate::state::AppState;

/// Looks once more whose the key is when what its wallet bought is written: on PostgreSQL neither of the two transactions sees
/// what the other one writes.
pub(crate) fn look_again(state: &AppState, tx: &Tx, key: &DeviceKey, holder: &AccountId) {
    if stranger::holder(key).ok().as_ref() != Some(holder) {
        return;
    }
    let (state, key) = (state.clone(), key.clone());
    tx.after_commit(move || {
        tokio::spawn(async move {
            let db = state.db.clone();
            let moved = db.write(move |tx| {
                let (state, key) = (state.clone(), key.clone());
                Box::pin(async move { hand_over(&state, tx, &key).await })
            });
            if let Err(fault) = moved.await {
                tracing::error!(problem = %fault.problem(), "what a wallet bought cannot be handed over");
            }
        });
    });
}

async fn hand_over(state: &AppState, tx: &Tx, key: &DeviceKey) -> Result<()> {
    let Some(account) = payments::linked_account(tx, key).await? else { return Ok(()) };
    let wallet = stranger::holder(key)?;
    let held = licence::Entity::find().filter(licence::Column::Holder.eq(wallet.as_str())).all(tx).await?;
    let row = purchase::ActiveModel { buyer: Set(account.to_string()), ..Default::default() };
    purchase::Entity::update_many()
        .set(row)
        .col_expr(purchase::Column::RowVersion, Expr::col(purchase::Column::RowVersion).add(1))
        .filter(purchase::Column::Buyer.eq(wallet.as_str()))
        .filter(purchase::Column::Method.eq("chain"))
        .exec(tx)
        .await?;
    for licence in held {
        let row = licence::ActiveModel { holder: Set(account.to_string()), ..Default::default() };
        licence::Entity::update_many()
            .set(row)
            .col_expr(licence::Column::RowVersion, Expr::col(licence::Column::RowVersion).add(1))
            .filter(licence::Column::Id.eq(&licence.id))
            .exec(tx)
            .await?;
        let details = serde_json::json!({"from": wallet, "to": account});
        let subject = format!("licence:{}", licence.id);
        let now = state.clock.now_ms();
        sealpost_accounts::audit::record(tx, now, &Actor::System, "licence.moved", &subject, details).await?;
    }
    Ok(())
}
