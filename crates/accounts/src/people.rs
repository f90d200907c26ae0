//! The people of a server, as its operators see them.

use http::StatusCode;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, LikeExpr},
};
use sealpost_database::Tx;
use sealpost_market::AccountId;
use serde_json::json;

use crate::{
    ApiError,
    accounts::{Accounts, Person},
    audit,
    audit::Actor,
    entity::{account, token},
    sessions,
};

/// An account, as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Account id.
    pub id: String,
    /// Address.
    pub email: String,
    /// Name that others see.
    pub username: String,
    /// Whether this person runs the server.
    pub operator: bool,
    /// Milliseconds since 1970, as all times here.
    pub created_at: i64,
    /// The last request or sign-in that is known of.
    pub last_seen: Option<i64>,
    /// Since when the account is suspended.
    pub suspended_at: Option<i64>,
}

/// Which people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeopleFilter {
    /// Those whose name or address holds this text.
    pub text: Option<String>,
    /// Operators alone.
    pub operators: bool,
    /// The suspended alone.
    pub suspended: bool,
    /// Those behind this one: when it was made, and its id.
    pub after: Option<(i64, String)>,
    /// So many.
    pub limit: u64,
}

/// People, the newest first, and whether there are more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct People {
    /// The accounts.
    pub profiles: Vec<Profile>,
    /// Whether there are older ones.
    pub more: bool,
}

impl Accounts {
    /// Whether anybody runs the server.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn has_operator(&self) -> Result<bool, ApiError> {
        let operators = account::Entity::find().filter(account::Column::Operator.eq(true));
        Ok(operators.count(self.db().read()).await? > 0)
    }

    /// The people that `filter` lets through.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn people(&self, filter: &PeopleFilter) -> Result<People, ApiError> {
        use account::Column;
        let behind = filter.after.as_ref().map(|(at, id)| {
            let same_time = Condition::all().add(Column::CreatedAt.eq(*at)).add(Column::Id.lt(id));
            Condition::any().add(Column::CreatedAt.lt(*at)).add(same_time)
        });
        let wanted = Condition::all()
            .add(Column::DeletedAt.is_null())
            .add_option(filter.text.as_deref().map(holds))
            .add_option(filter.operators.then(|| Column::Operator.eq(true)))
            .add_option(filter.suspended.then(|| Column::DisabledAt.is_not_null()))
            .add_option(behind);
        let mut rows = account::Entity::find()
            .filter(wanted)
            .order_by_desc(Column::CreatedAt)
            .order_by_desc(Column::Id)
            .limit(filter.limit.saturating_add(1))
            .all(self.db().read())
            .await?;
        let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        Ok(People { profiles: self.profiles(rows).await?, more })
    }

    /// The people of these ids.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn people_of(&self, ids: &[String]) -> Result<Vec<Profile>, ApiError> {
        let rows = account::Entity::find().filter(account::Column::Id.is_in(ids));
        let rows = rows.all(self.db().read()).await?;
        self.profiles(rows).await
    }

    /// What others see of these ids, for those that are there: id and name.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn names_of(&self, ids: &[&str]) -> Result<Vec<(String, String)>, ApiError> {
        Ok(account::Entity::find()
            .select_only()
            .column(account::Column::Id)
            .column(account::Column::Username)
            .filter(account::Column::Id.is_in(ids.iter().copied()))
            .into_tuple()
            .all(self.db().read())
            .await?)
    }

    /// How many people there are, and how many of them run the server.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn count_people(&self) -> Result<(u64, u64), ApiError> {
        let db = self.db().read();
        let operators = account::Entity::find().filter(account::Column::Operator.eq(true));
        let people = account::Entity::find().filter(account::Column::DeletedAt.is_null());
        Ok((people.count(db).await?, operators.count(db).await?))
    }

    async fn profiles(&self, rows: Vec<account::Model>) -> Result<Vec<Profile>, ApiError> {
        let ids = rows.iter().map(|row| row.id.as_str());
        let seen: Vec<(String, Option<i64>)> = token::Entity::find()
            .select_only()
            .column(token::Column::Subject)
            .column_as(token::Column::SeenAt.max(), "seen")
            .filter(token::Column::Kind.eq(sessions::KIND))
            .filter(token::Column::Subject.is_in(ids))
            .group_by(token::Column::Subject)
            .into_tuple()
            .all(self.db().read())
            .await?;
        let seen_of = |id: &str| seen.iter().find(|(subject, _)| subject == id).and_then(|(_, at)| *at);
        Ok(rows
            .into_iter()
            .map(|row| Profile {
                last_seen: Ord::max(seen_of(&row.id), row.last_login_at),
                id: row.id,
                email: row.email,
                username: row.username,
                operator: row.operator,
                created_at: row.created_at,
                suspended_at: row.disabled_at,
            })
            .collect())
    }
}

/// Those who run the server and are not suspended.
///
/// # Errors
/// The failure of the database.
pub async fn operators(tx: &Tx) -> Result<Vec<String>, ApiError> {
    let in_office = account::Entity::find()
        .select_only()
        .column(account::Column::Id)
        .filter(account::Column::Operator.eq(true))
        .filter(account::Column::DisabledAt.is_null())
        .order_by_asc(account::Column::Id);
    Ok(in_office.into_tuple().all(tx).await?)
}

/// Gives the operator's role, or takes it; the last operator keeps it.
///
/// # Errors
/// 404 for an account that is not there, 409 `last_operator`, 409 `account_suspended`.
pub async fn set_operator(
    tx: &Tx,
    by: &Person,
    id: &AccountId,
    operator: bool,
    now: i64,
) -> Result<(), ApiError> {
    let row = locked(tx, id).await?;
    if row.operator == operator {
        return Ok(());
    }
    if operator && row.disabled_at.is_some() {
        return Err(ApiError::new(StatusCode::CONFLICT, "account_suspended", "The account is suspended")
            .hint("Lift the suspension first."));
    }
    if !operator {
        keep_one_operator(tx, id).await?;
    }
    account::Entity::update_many()
        .col_expr(account::Column::Operator, Expr::value(operator))
        .filter(account::Column::Id.eq(id.as_str()))
        .exec(tx)
        .await?;
    let action = if operator { "account.operator_given" } else { "account.operator_taken" };
    note(tx, by, id, action, json!({}), now).await
}

/// Suspends an account: all its sign-ins end with the transaction, and nobody signs in to it.
///
/// # Errors
/// 404 for an account that is not there, 409 `last_operator`, 409 `own_account`.
pub async fn suspend(tx: &Tx, by: &Person, id: &AccountId, reason: &str, now: i64) -> Result<(), ApiError> {
    let row = locked(tx, id).await?;
    if by.id == *id {
        return Err(ApiError::new(StatusCode::CONFLICT, "own_account", "Nobody suspends themselves")
            .hint("Ask another operator, or sign out."));
    }
    if row.disabled_at.is_some() {
        return Ok(());
    }
    if row.operator {
        keep_one_operator(tx, id).await?;
    }
    account::Entity::update_many()
        .col_expr(account::Column::DisabledAt, Expr::value(now))
        .filter(account::Column::Id.eq(id.as_str()))
        .exec(tx)
        .await?;
    sessions::end_others(tx, id.as_str(), None, now).await?;
    note(tx, by, id, "account.suspended", json!({"reason": reason}), now).await
}

/// Lifts a suspension. What was signed in before stays signed out.
///
/// # Errors
/// 404 for an account that is not there.
pub async fn lift(tx: &Tx, by: &Person, id: &AccountId, now: i64) -> Result<(), ApiError> {
    if locked(tx, id).await?.disabled_at.is_none() {
        return Ok(());
    }
    account::Entity::update_many()
        .col_expr(account::Column::DisabledAt, Expr::value(Option::<i64>::None))
        .filter(account::Column::Id.eq(id.as_str()))
        .exec(tx)
        .await?;
    note(tx, by, id, "account.suspension_lifted", json!({}), now).await
}

/// Refuses to leave the server without anybody who runs it. Of two who try at once, one is first: each locks all operators.
///
/// # Errors
/// 409 `last_operator`.
pub async fn keep_one_operator(tx: &Tx, leaving: &AccountId) -> Result<(), ApiError> {
    let operators = account::Entity::find()
        .filter(account::Column::Operator.eq(true))
        .filter(account::Column::DisabledAt.is_null())
        .order_by_asc(account::Column::Id)
        .lock_exclusive()
        .all(tx)
        .await?;
    if operators.iter().any(|row| row.id != leaving.as_str()) {
        return Ok(());
    }
    Err(ApiError::new(StatusCode::CONFLICT, "last_operator", "This is the last operator")
        .detail("Without an operator nobody could run the store.")
        .hint("Make somebody else an operator first."))
}

async fn locked(tx: &Tx, id: &AccountId) -> Result<account::Model, ApiError> {
    let row = account::Entity::find_by_id(id.as_str()).lock_exclusive().one(tx).await?;
    row.filter(|row| row.deleted_at.is_none()).ok_or_else(|| {
        ApiError::new(StatusCode::NOT_FOUND, "not_found", "Not found")
            .detail("There is no such account.")
            .hint("Load the list again.")
    })
}

async fn note(
    tx: &Tx,
    by: &Person,
    id: &AccountId,
    action: &str,
    details: serde_json::Value,
    now: i64,
) -> Result<(), ApiError> {
    let actor = Actor::User(by.id.to_string());
    audit::record(tx, now, &actor, action, &format!("account:{id}"), details).await?;
    Ok(())
}

/// Without regard to case on either database; `%` and `_` are letters like others.
fn holds(text: &str) -> Condition {
    let text = text.trim().to_lowercase().replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    let pattern = || LikeExpr::new(format!("%{text}%")).escape('\\');
    Condition::any()
        .add(Expr::col(account::Column::Email).like(pattern()))
        .add(Expr::col(account::Column::UsernameKey).like(pattern()))
        .add(account::Column::Id.eq(&text))
}
