//! External payments that never came.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sealpost_accounts::Actor;
use sealpost_market::PurchaseEvent;

use crate::fault::{Fault, Result};
use crate::purchases::change;
use crate::schema::purchase;
use crate::state::AppState;

/// Looked at together.
const BATCH: u64 = 100;

/// Gives up purchases whose external payment did not come in time; one that comes later counts all the same.
pub(crate) async fn give_up_stale(state: &AppState) -> Result<()> {
    let before = state.clock.now_ms() - i64::from(state.config.payment_expires_s) * 1000;
    let stale: Vec<String> = purchase::Entity::find()
        .select_only()
        .column(purchase::Column::Id)
        .filter(purchase::Column::State.eq("pending"))
        .filter(purchase::Column::Method.eq("webhook"))
        .filter(purchase::Column::CreatedAt.lt(before))
        .order_by_asc(purchase::Column::CreatedAt)
        .limit(BATCH)
        .into_tuple()
        .all(state.db.read())
        .await?;
    for id in stale {
        let shared = state.clone();
        let given_up = state.db.write(move |tx| {
            let (state, id) = (shared.clone(), id.clone());
            Box::pin(async move {
                let row = purchase::Entity::find_by_id(&id).one(tx).await?;
                let Some(row) = row.filter(|row| row.state == "pending") else { return Ok(()) };
                change::apply(&state, tx, &Actor::System, &row, PurchaseEvent::Failed, |_| ()).await.map(drop)
            })
        });
        match given_up.await {
            // Somebody was faster.
            Ok(()) | Err(Fault::Conflict | Fault::Problem(_)) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}
