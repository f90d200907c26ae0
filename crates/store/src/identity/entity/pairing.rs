//! Pairing sessions.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pairings")]
pub struct Model {
    /// SHA-256 of the session's secret.
    #[sea_orm(primary_key, auto_increment = false)]
    pub secret_hash: String,
    /// Eight letters without the dash.
    pub code: String,
    pub short_code: String,
    pub public_key: String,
    pub key_id: String,
    /// JSON of the printer's description of itself.
    pub description: String,
    pub sealpost_agent: bool,
    /// `pending`, `approved`, `denied` or `completed`.
    pub state: String,
    /// Seconds between two questions.
    pub interval_s: i64,
    pub asked_at: Option<i64>,
    pub created_at: i64,
    pub expires_at: i64,
    /// Who approved.
    pub approver: Option<String>,
    /// Name given at the approval.
    pub name: Option<String>,
    /// The printer and the token of the last answer.
    pub printer: Option<String>,
    pub jti: Option<String>,
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
