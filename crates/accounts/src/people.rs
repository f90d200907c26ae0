//! The people of a server, as its operators see them.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::{ApiError, accounts::Accounts, entity::account};

impl Accounts {
    /// Whether anybody runs the server.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn has_operator(&self) -> Result<bool, ApiError> {
        let operators = account::Entity::find().filter(account::Column::Operator.eq(true));
        Ok(operators.count(self.db().read()).await? > 0)
    }
}
