//! What signing up, signing in and a changed password write, each in one transaction.

use std::sync::Arc;

use http::StatusCode;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter,
    sea_query::Expr,
};
use sealpost_api::account::{Account, LoginResponse};
use sealpost_api::operate::Registration;
use sealpost_database::{Tx, clock::rfc3339};
use sealpost_market::AccountId;
use serde_json::json;

use super::{
    Accounts, email_taken,
    signing_in::wrong_credentials,
    signing_up::{closed, setup_refused},
};
use crate::{
    ApiError, audit,
    audit::Actor,
    entity::{account, setup_token},
    identifier::{username_from, username_key},
    invitations,
    jwt::{Registered, UserClaims},
    links,
    sessions::{self, Begin},
    tokens::Issuer,
};

#[derive(Clone)]
pub(super) struct New {
    pub(super) id: AccountId,
    pub(super) email: String,
    pub(super) wanted: Option<String>,
    pub(super) password_hash: String,
    /// Hash of the one-time token that makes an operator.
    pub(super) setup: Option<String>,
    /// Hash of the invitation that is used up where one is needed; whoever needs none keeps it for another time.
    pub(super) invitation: Option<String>,
    /// Whether a letter asks if the address is theirs; else they have it sent later.
    pub(super) confirm: bool,
    pub(super) now: i64,
}

/// How somebody is signed in.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    Token,
    Browser(Begin),
}

/// Somebody who was signed in.
pub(crate) struct Entered {
    pub(crate) account: Account,
    pub(crate) token: Option<LoginResponse>,
}

impl Entered {
    pub(super) fn token(self) -> Result<LoginResponse, ApiError> {
        self.token.ok_or_else(|| ApiError::internal("a sign-in without its token"))
    }
}

pub(super) async fn insert(
    accounts: Accounts,
    tx: &Tx,
    way: Arc<(Issuer, Way)>,
    new: New,
) -> Result<Entered, ApiError> {
    // Who may sign up may have changed while the password was hashed.
    match (&new.setup, accounts.registration()) {
        (Some(hash), _) => use_setup_token(tx, hash, new.now).await?,
        (None, Registration::Open) => {}
        (None, Registration::Invited) => {
            let hash = new.invitation.as_deref().ok_or_else(invitations::needed)?;
            invitations::use_up(tx, hash, new.id.as_str(), new.now).await?;
        }
        (None, Registration::Closed) => return Err(closed()),
    }
    let same_email = account::Entity::find().filter(account::Column::Email.eq(&new.email));
    if same_email.count(tx).await? > 0 {
        return Err(email_taken());
    }
    let username = free_username(tx, &new).await?;
    let row = account::ActiveModel {
        id: Set(new.id.to_string()),
        email: Set(new.email),
        username_key: Set(username_key(&username)),
        username: Set(username),
        password_hash: Set(new.password_hash),
        operator: Set(new.setup.is_some()),
        created_at: Set(new.now),
        last_login_at: Set(None),
        disabled_at: Set(None),
        ..Default::default()
    };
    let row = row.insert(tx).await?;
    let details = json!({"operator": row.operator});
    let actor = Actor::User(row.id.clone());
    audit::record(tx, new.now, &actor, "account.created", &format!("account:{}", row.id), details).await?;
    if new.confirm {
        accounts.ask_to_confirm(tx, &row).await?;
    }
    signed_in(tx, way, row, new.now).await
}

async fn use_setup_token(tx: &Tx, hash: &str, now: i64) -> Result<(), ApiError> {
    let operators = account::Entity::find().filter(account::Column::Operator.eq(true));
    if operators.count(tx).await? > 0 {
        return Err(setup_refused());
    }
    // All tokens are used up with the one that was shown: two that were printed make one operator.
    let used = setup_token::Entity::update_many()
        .col_expr(setup_token::Column::UsedAt, Expr::value(now))
        .filter(setup_token::Column::UsedAt.is_null())
        .exec(tx)
        .await?;
    let shown = Condition::all()
        .add(setup_token::Column::Hash.eq(hash))
        .add(setup_token::Column::UsedAt.eq(now))
        .add(setup_token::Column::ExpiresAt.gt(now));
    let valid = setup_token::Entity::find().filter(shown).count(tx).await?;
    if used.rows_affected == 0 || valid == 0 { Err(setup_refused()) } else { Ok(()) }
}

async fn free_username(tx: &Tx, new: &New) -> Result<String, ApiError> {
    for attempt in 0..1000 {
        let name = new.wanted.clone().unwrap_or_else(|| username_from(&new.email, attempt));
        let same = account::Entity::find().filter(account::Column::UsernameKey.eq(username_key(&name)));
        if same.count(tx).await? == 0 {
            return Ok(name);
        }
        if new.wanted.is_some() {
            break;
        }
    }
    Err(ApiError::new(StatusCode::CONFLICT, "username_taken", "The name is taken")
        .hint("Choose another name."))
}

pub(super) async fn signed_in(
    tx: &Tx,
    way: Arc<(Issuer, Way)>,
    row: account::Model,
    now: i64,
) -> Result<Entered, ApiError> {
    // The password may have been changed while it was checked: all that began with the old one ends.
    let entered = account::Entity::update_many()
        .col_expr(account::Column::LastLoginAt, Expr::value(now))
        .filter(account::Column::Id.eq(&row.id))
        .filter(account::Column::PasswordHash.eq(&row.password_hash))
        .filter(account::Column::DisabledAt.is_null())
        .exec(tx)
        .await?;
    if entered.rows_affected != 1 {
        return Err(wrong_credentials());
    }
    let user_id = row.id.clone();
    let account = Account {
        user_id: row.id.clone(),
        email: row.email.clone(),
        username: row.username.clone(),
        roles: roles(row.operator),
    };
    let (issuer, way) = &*way;
    let (jti, token) = match way {
        Way::Token => {
            let issued = issuer.user(tx, &user_id, |registered| claims(registered, row)).await?;
            let token = issued.token.expose().to_owned();
            (issued.jti, Some(LoginResponse { token, user_id: user_id.clone() }))
        }
        Way::Browser(begin) => (begin.keep(tx, &user_id, now).await?, None),
    };
    let actor = Actor::User(user_id.clone());
    let details = json!({"jti": jti});
    audit::record(tx, now, &actor, "account.signed_in", &format!("account:{user_id}"), details).await?;
    Ok(Entered { account, token })
}

pub(super) async fn set_password(
    tx: &Tx,
    id: String,
    hash: String,
    jti: String,
    now: i64,
) -> Result<(), ApiError> {
    account::Entity::update_many()
        .col_expr(account::Column::PasswordHash, Expr::value(hash))
        .filter(account::Column::Id.eq(&id))
        .exec(tx)
        .await?;
    sessions::end_others(tx, &id, Some(&jti), now).await?;
    // What somebody else asked for, and may have seen, sets no other one.
    links::end(tx, &id, &[links::Kind::Reset]).await?;
    let subject = format!("account:{id}");
    audit::record(tx, now, &Actor::User(id), "account.password_changed", &subject, json!({})).await?;
    Ok(())
}

fn claims(registered: Registered, row: account::Model) -> UserClaims {
    UserClaims {
        registered,
        user_id: row.id,
        email: row.email,
        name: Some(row.username),
        account_type: "local",
        hedera_account_id: None,
        wallet_id: None,
        evm_address: None,
        wallet_created: None,
        roles: roles(row.operator),
        permissions: Vec::new(),
        scope: None,
        profile_version: 1,
        last_login: row.last_login_at.map(rfc3339),
        device_id: None,
    }
}

pub(super) fn roles(operator: bool) -> Vec<String> {
    if operator { vec!["operator".to_owned()] } else { Vec::new() }
}
