//! Printers: pairing, tokens, key sets.

use sea_orm_migration::MigrationTrait;
use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

/// The tables of printers, pairing sessions and the store's keys.
pub(crate) fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    Vec::new()
}

/// The routes of printers that pair, refresh and prove themselves.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
}
