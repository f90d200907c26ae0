//! From what happened to messages: one for each endpoint that wants to hear of it.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use sealpost_accounts::people;
use sealpost_database::Tx;

use crate::fault::Result;
use crate::happenings::{self, Consumer};
use crate::schema::{happening, webhook_delivery, webhook_endpoint, webhook_try};
use crate::state::AppState;
use crate::{points, random};

/// How long messages and their answers are kept.
const KEPT_MS: i64 = 30 * 24 * 3_600_000;

/// Makes messages of everything that happened since.
pub(crate) async fn out(state: &AppState) -> Result<()> {
    loop {
        let looked = happenings::take(state, Consumer::Webhooks, |tx, rows| {
            Box::pin(async move {
                let mut made = 0;
                for (row, _) in &rows {
                    made += tell(tx, row).await?;
                }
                if made > 0 {
                    points::WEBHOOK_MADE.before()?;
                    tx.after_commit(|| points::WEBHOOK_MADE.passed());
                }
                Ok(())
            })
        });
        if looked.await? == 0 {
            return Ok(());
        }
    }
}

/// Forgets what ended long ago, and what happened before.
pub(super) async fn forget(state: &AppState) -> Result<()> {
    let before = state.clock.now_ms() - KEPT_MS;
    state
        .db
        .write(move |tx| {
            Box::pin(async move {
                let old = Condition::all()
                    .add(webhook_delivery::Column::CreatedAt.lt(before))
                    .add(webhook_delivery::Column::State.ne("waiting"));
                let ids = webhook_delivery::Entity::find()
                    .select_only()
                    .column(webhook_delivery::Column::Id)
                    .filter(old.clone())
                    .into_query();
                webhook_try::Entity::delete_many()
                    .filter(webhook_try::Column::Delivery.in_subquery(ids))
                    .exec(tx)
                    .await?;
                webhook_delivery::Entity::delete_many().filter(old).exec(tx).await?;
                Ok::<_, crate::fault::Fault>(())
            })
        })
        .await?;
    happenings::forget(state).await
}

/// Makes the messages of something that happened: how many.
pub(crate) async fn tell(tx: &Tx, row: &happening::Model) -> Result<usize> {
    let whose = Condition::any()
        .add(webhook_endpoint::Column::Owner.eq(&row.seller))
        .add(webhook_endpoint::Column::Everybody.eq(true));
    let endpoints = webhook_endpoint::Entity::find()
        .filter(whose)
        .order_by_asc(webhook_endpoint::Column::Id)
        // Whoever pauses or resumes one at the same moment finds these messages, or is found by them.
        .lock_shared()
        .all(tx)
        .await?;
    let is_told_all = endpoints.iter().any(|endpoint| endpoint.everybody);
    let operators = if is_told_all { people::operators(tx).await? } else { Vec::new() };
    let mut made = 0;
    for endpoint in endpoints {
        let kinds: Vec<String> = serde_json::from_str(&endpoint.kinds)?;
        if !kinds.is_empty() && !kinds.contains(&row.kind) {
            continue;
        }
        let may_know = !endpoint.everybody || operators.contains(&endpoint.owner);
        let is_active = endpoint.state == "active" && may_know;
        let message = webhook_delivery::ActiveModel {
            id: Set(format!("msg_{}", hex::encode(random::bytes::<16>()?))),
            endpoint: Set(endpoint.id),
            happening: Set(Some(row.id.clone())),
            kind: Set(row.kind.clone()),
            payload: Set(row.payload.clone()),
            state: Set(if is_active { "waiting" } else { "held" }.to_owned()),
            tries: Set(0),
            next_at: Set(is_active.then_some(row.at)),
            status: Set(None),
            ended_at: Set(None),
            created_at: Set(row.at),
        };
        let once =
            OnConflict::columns([webhook_delivery::Column::Endpoint, webhook_delivery::Column::Happening])
                .do_nothing()
                .to_owned();
        webhook_delivery::Entity::insert(message).on_conflict(once).exec_without_returning(tx).await?;
        made += 1;
    }
    Ok(made)
}
