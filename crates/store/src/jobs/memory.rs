//! By which memory a printer's agent asks. An agent never claims what it started, as long as it remembers; one that lost its state
//! document says so by the id of the new one.

use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use sea_orm::sea_query::OnConflict;

use crate::fault::{Fault, Result};
use crate::identity::AgentAuth;
use crate::schema::printer_memory::{ActiveModel, Column, Entity};
use crate::state::AppState;

/// Remembers the memory of the agent that asks, where it is another one than before.
pub(crate) async fn note(state: &AppState, agent: &AgentAuth) -> Result<()> {
    let Some(document) = &agent.memory else { return Ok(()) };
    let known = Entity::find_by_id(agent.id.as_str()).one(state.db.read()).await?;
    if known.is_some_and(|known| known.document == *document) {
        return Ok(());
    }
    let row = ActiveModel {
        printer: Set(agent.id.to_string()),
        document: Set(document.clone()),
        seen_at: Set(state.clock.now_ms()),
    };
    state
        .db
        .write::<_, Fault, _>(move |tx| {
            let replace = OnConflict::column(Column::Printer)
                .update_columns([Column::Document, Column::SeenAt])
                .to_owned();
            let insert = Entity::insert(row.clone()).on_conflict(replace);
            Box::pin(async move { Ok(insert.exec_without_returning(tx).await.map(drop)?) })
        })
        .await
}
