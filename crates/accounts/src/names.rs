//! Names: of people, and those that they give to passkeys and wallets.

use http::StatusCode;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use sealpost_database::Tx;
use serde_json::json;

use crate::{
    ApiError,
    accounts::Person,
    audit,
    audit::Actor,
    entity::account,
    identifier::{username, username_key},
};

const MOST: usize = 60;

/// Gives somebody another name that others see, in the transaction in which what shows it is changed: the name as it is kept.
///
/// # Errors
/// 409 `username_taken`, 422 `bad_username`.
pub async fn rename(tx: &Tx, person: &Person, wanted: &str, now: i64) -> Result<String, ApiError> {
    let name = username(wanted)?;
    let changed = account::Entity::update_many()
        .col_expr(account::Column::UsernameKey, Expr::value(username_key(&name)))
        .col_expr(account::Column::Username, Expr::value(name.as_str()))
        .filter(account::Column::Id.eq(person.id.as_str()))
        .exec(tx)
        .await;
    changed.map_err(ApiError::from).map_err(
        |error| {
            if error.is_unique_violation() { taken() } else { error }
        },
    )?;
    let (actor, subject) = (Actor::User(person.id.to_string()), format!("account:{}", person.id));
    // The log forgets nothing, and who leaves takes their names along.
    audit::record(tx, now, &actor, "account.renamed", &subject, json!({})).await?;
    Ok(name)
}

/// A name in a line; the usual one where there is none.
///
/// # Errors
/// 422 `bad_name`.
pub(crate) fn of_a_way(name: Option<&str>, usual: &str) -> Result<String, ApiError> {
    let name = name.map(str::trim).filter(|name| !name.is_empty()).unwrap_or(usual);
    if name.chars().count() > MOST || name.chars().any(char::is_control) {
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_name", "The name is not accepted")
            .hint("Use at most 60 characters in one line."));
    }
    Ok(name.to_owned())
}

fn taken() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, "username_taken", "The name is taken").hint("Choose another name.")
}
