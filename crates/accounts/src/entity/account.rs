//! People.

use sea_orm::entity::prelude::*;

#[derive(Clone, DeriveEntityModel)]
#[sea_orm(table_name = "accounts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// In lower case.
    pub email: String,
    pub username: String,
    /// The name in lower case.
    pub username_key: String,
    /// PHC string; empty where there is no password.
    pub password_hash: String,
    pub operator: bool,
    /// Milliseconds since 1970, as all times here.
    pub created_at: i64,
    pub last_login_at: Option<i64>,
    pub disabled_at: Option<i64>,
    /// When its owner followed a link that was sent to the address.
    pub email_confirmed_at: Option<i64>,
    /// What authenticators know the account by, lower hex.
    pub user_handle: Option<String>,
    /// What is not told by mail, by commas.
    pub mail_off: String,
    /// By which mails are unsubscribed from.
    pub mail_key: Option<String>,
    pub deleted_at: Option<i64>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("id", &self.id).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, DeriveRelation, EnumIter)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
