//! The end of an account: what is somebody's own is erased; what others need to know of stays under the account's id.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};
use sealpost_database::Tx;
use sealpost_mail::{Letter, forget_account};
use sealpost_market::AccountId;
use serde_json::json;

use crate::{
    ApiError,
    accounts::Accounts,
    audit,
    audit::Actor,
    entity::{account, link, passkey, sign_in_wallet, token},
    letters,
    people::keep_one_operator,
    sessions,
};

/// How long the last letter is of use.
const LAST_MS: i64 = 7 * 86_400_000;

impl Accounts {
    /// Ends an account, in the transaction in which everything else of it ends: nobody signs in to it any more, its address and name
    /// can be taken by others, and what was personal in its row is gone. The audit log keeps the id.
    ///
    /// # Errors
    /// 409 `last_operator`.
    pub async fn erase(&self, tx: &Tx, id: &AccountId, now: i64) -> Result<(), ApiError> {
        let row = account::Entity::find_by_id(id.as_str()).lock_exclusive().one(tx).await?;
        let Some(row) = row.filter(|row| row.deleted_at.is_none()) else { return Ok(()) };
        if row.operator {
            keep_one_operator(tx, id).await?;
        }
        sessions::end_others(tx, id.as_str(), None, now).await?;
        token::Entity::update_many()
            .col_expr(token::Column::Agent, Expr::value(Option::<String>::None))
            .col_expr(token::Column::Address, Expr::value(Option::<String>::None))
            .filter(token::Column::Subject.eq(id.as_str()))
            .exec(tx)
            .await?;
        passkey::Entity::delete_many().filter(passkey::Column::Account.eq(id.as_str())).exec(tx).await?;
        let wallets = sign_in_wallet::Entity::delete_many();
        wallets.filter(sign_in_wallet::Column::Account.eq(id.as_str())).exec(tx).await?;
        link::Entity::delete_many().filter(link::Column::Account.eq(id.as_str())).exec(tx).await?;
        forget_account(tx, id.as_str()).await?;
        let name = format!("deleted-{}", id.as_str().to_lowercase());
        account::Entity::update_many()
            .col_expr(account::Column::Email, Expr::value(format!("{name}@invalid")))
            .col_expr(account::Column::Username, Expr::value(name.as_str()))
            .col_expr(account::Column::UsernameKey, Expr::value(name.as_str()))
            .col_expr(account::Column::PasswordHash, Expr::value(""))
            .col_expr(account::Column::Operator, Expr::value(false))
            .col_expr(account::Column::EmailConfirmedAt, Expr::value(Option::<i64>::None))
            .col_expr(account::Column::LastLoginAt, Expr::value(Option::<i64>::None))
            .col_expr(account::Column::UserHandle, Expr::value(Option::<String>::None))
            .col_expr(account::Column::MailKey, Expr::value(Option::<String>::None))
            .col_expr(account::Column::MailOff, Expr::value(""))
            .col_expr(account::Column::DisabledAt, Expr::value(now))
            .col_expr(account::Column::DeletedAt, Expr::value(now))
            .filter(account::Column::Id.eq(id.as_str()))
            .exec(tx)
            .await?;
        let actor = Actor::User(id.to_string());
        audit::record(tx, now, &actor, "account.deleted", &format!("account:{id}"), json!({})).await?;
        let letter = Letter::new(
            letters::name(&row),
            &row.email,
            &format!("Your account at {} is deleted", self.host()),
        )
        .line(&format!("Your account at {} was deleted, and what was personal in it is erased.", self.host()))
        .line("What you bought and sold stays in the books of others under a number. This is the last mail.");
        // It names no account: nothing leads from the number to the address but this letter, which is forgotten in a week.
        if let Some(mail) = self.mail() {
            let post = sealpost_mail::Post { kind: "account_deleted", account: None, life_ms: LAST_MS };
            mail.queue(tx, &post, &letter).await?;
        }
        Ok(())
    }
}
