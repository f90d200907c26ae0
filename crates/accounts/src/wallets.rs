//! Wallets that sign in: linked to an account first, then each a way in.

mod routes;

use std::net::IpAddr;

use http::StatusCode;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    sea_query::Expr,
};
use sealpost_api::{
    account::Account,
    ways::{SignInWallet, WalletAnswer, WalletChallenge},
};
use sealpost_database::{Tx, clock::rfc3339};
use serde_json::json;

use crate::{
    ApiError,
    accounts::{Accounts, Person, Way, too_many},
    audit,
    audit::Actor,
    challenges::{Kind, LIFE_MS},
    entity::{account, passkey, sign_in_wallet},
    names,
    random::{secret, secret_hash, system_rng},
    sessions::Begin,
    siwe::{Message, SiweError, check_signature, with_checksum},
};

pub(crate) use routes::router;

/// Of one account.
const MOST: u64 = 20;

impl Accounts {
    /// What the message of a wallet that signs in has to say.
    pub(crate) async fn ask_wallet(&self, address: &str, from: IpAddr) -> Result<WalletChallenge, ApiError> {
        self.limits().challenges.attempt(from, self.now_ms()).map_err(too_many)?;
        self.wallet_challenge(Kind::Wallet, address, None).await
    }

    /// What the message of a wallet that is linked has to say.
    pub(crate) async fn ask_new_wallet(
        &self,
        person: &Person,
        address: &str,
    ) -> Result<WalletChallenge, ApiError> {
        self.wallet_challenge(Kind::NewWallet, address, Some(person)).await
    }

    /// Signs a browser in by a wallet that is linked to an account.
    pub(crate) async fn enter_by_wallet(
        &self,
        answer: &WalletAnswer,
        from: IpAddr,
        begin: Begin,
    ) -> Result<Account, ApiError> {
        let now = self.now_ms();
        self.limits().guesses(from, now)?;
        let address = self.signed_by(Kind::Wallet, None, answer).await?;
        self.limits().no_guess(from);
        let wallet = sign_in_wallet::Entity::find_by_id(&address).one(self.db().read()).await?;
        let wallet = wallet.ok_or_else(unknown)?;
        let row = account::Entity::find_by_id(&wallet.account).one(self.db().read()).await?;
        let row = row.filter(|row| row.disabled_at.is_none()).ok_or_else(unknown)?;
        self.db()
            .write(move |tx| {
                let used = sign_in_wallet::Entity::update_many()
                    .col_expr(sign_in_wallet::Column::UsedAt, Expr::value(now))
                    .filter(sign_in_wallet::Column::Address.eq(&address));
                Box::pin(async move {
                    // Unlinked meanwhile, it is no way in.
                    if used.exec(tx).await?.rows_affected == 1 { Ok(()) } else { Err(unknown()) }
                })
            })
            .await?;
        Ok(self.admit(Way::Browser(begin), row, now).await?.account)
    }

    /// Links a wallet to somebody's account.
    pub(crate) async fn add_wallet(
        &self,
        person: &Person,
        answer: &WalletAnswer,
    ) -> Result<SignInWallet, ApiError> {
        let name = names::of_a_way(answer.name.as_deref(), "Wallet")?;
        let address = self.signed_by(Kind::NewWallet, Some(person), answer).await?;
        let (accounts, id, now) = (self.clone(), person.id.to_string(), self.now_ms());
        let result = self
            .db()
            .write(move |tx| {
                let (accounts, id, name, address) =
                    (accounts.clone(), id.clone(), name.clone(), address.clone());
                Box::pin(async move {
                    if wallets_of(&id).count(tx).await? >= MOST {
                        return Err(full());
                    }
                    let made = sign_in_wallet::ActiveModel {
                        address: Set(address),
                        account: Set(id.clone()),
                        name: Set(name),
                        created_at: Set(now),
                        used_at: Set(None),
                    };
                    let made = made.insert(tx).await?;
                    note(tx, &id, "account.wallet_linked", &made.address, now).await?;
                    if let Some(row) = account::Entity::find_by_id(&id).one(tx).await? {
                        accounts.tell_of_change(tx, &row, "A wallet was linked").await?;
                    }
                    Ok(shown(made))
                })
            })
            .await;
        result.map_err(|error: ApiError| if error.is_unique_violation() { known() } else { error })
    }

    /// Unlinks a wallet of somebody's, unless it is the last way in.
    pub(crate) async fn remove_wallet(&self, person: &Person, address: &str) -> Result<(), ApiError> {
        let (accounts, now) = (self.clone(), self.now_ms());
        let (address, account) = (address.to_owned(), person.id.to_string());
        self.db()
            .write(move |tx| {
                let (accounts, address, account) = (accounts.clone(), address.clone(), account.clone());
                Box::pin(async move {
                    let gone = sign_in_wallet::Entity::delete_many()
                        .filter(sign_in_wallet::Column::Address.eq(&address))
                        .filter(sign_in_wallet::Column::Account.eq(&account))
                        .exec(tx)
                        .await?;
                    if gone.rows_affected == 0 {
                        return Err(missing());
                    }
                    accounts.keep_a_way_in(tx, &account).await?;
                    note(tx, &account, "account.wallet_unlinked", &address, now).await?;
                    if let Some(row) = account::Entity::find_by_id(&account).one(tx).await? {
                        accounts.tell_of_change(tx, &row, "A wallet was unlinked").await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Somebody's wallets, the oldest first.
    pub(crate) async fn wallets(&self, account: &str) -> Result<Vec<SignInWallet>, ApiError> {
        Ok(wallets_of(account).all(self.db().read()).await?.into_iter().map(shown).collect())
    }

    /// Refuses to leave an account without a way in.
    ///
    /// # Errors
    /// 409 `last_way_in`.
    pub(crate) async fn keep_a_way_in(&self, tx: &Tx, account: &str) -> Result<(), ApiError> {
        let row = account::Entity::find_by_id(account).one(tx).await?;
        if row.is_some_and(|row| !row.password_hash.is_empty()) || wallets_of(account).count(tx).await? > 0 {
            return Ok(());
        }
        let passkeys = passkey::Entity::find().filter(passkey::Column::Account.eq(account));
        if passkeys.count(tx).await? > 0 {
            return Ok(());
        }
        Err(ApiError::new(StatusCode::CONFLICT, "last_way_in", "This is the last way into the account")
            .hint("Add another one first."))
    }

    async fn wallet_challenge(
        &self,
        kind: Kind,
        address: &str,
        person: Option<&Person>,
    ) -> Result<WalletChallenge, ApiError> {
        let address = with_checksum(address).ok_or_else(bad_address)?;
        // Letters and digits alone, as the standard wants nonces.
        let text = secret(&mut system_rng());
        let nonce: String = text.chars().filter(char::is_ascii_alphanumeric).take(24).collect();
        let account = person.map(|person| person.id.as_str());
        self.give_challenge(kind, &nonce, account, String::new()).await?;
        let now = self.now_ms();
        let own = |names: &[String]| names.first().cloned().unwrap_or_default();
        Ok(WalletChallenge {
            address,
            domain: own(&self.site().authorities),
            uri: own(&self.site().origins),
            statement: self.wallet_statement(kind),
            chain_id: self.chain_id(),
            nonce,
            issued_at: rfc3339(now),
            expires_at: rfc3339(now + LIFE_MS),
        })
    }

    /// The address whose key answered; the nonce is used up by that.
    async fn signed_by(
        &self,
        kind: Kind,
        person: Option<&Person>,
        answer: &WalletAnswer,
    ) -> Result<String, ApiError> {
        let message = Message::read(&answer.message).map_err(refused)?;
        let account = person.map(|person| person.id.as_str());
        self.take_challenge(kind, &message.nonce, account).await?;
        message
            .check(self.site(), self.chain_id(), &self.wallet_statement(kind), self.now_ms())
            .map_err(refused)?;
        check_signature(&answer.message, &answer.signature, &message.address).map_err(refused)?;
        Ok(message.address)
    }

    /// The sentence that people read: one signed for one purpose is none for the other.
    fn wallet_statement(&self, kind: Kind) -> String {
        let host = self.host();
        match kind {
            Kind::NewWallet => format!(
                "Link this wallet to my account at {host}: from then on it signs in. This costs nothing."
            ),
            _ => format!("Sign in at {host}. This costs nothing."),
        }
    }
}

fn wallets_of(account: &str) -> sea_orm::Select<sign_in_wallet::Entity> {
    sign_in_wallet::Entity::find()
        .filter(sign_in_wallet::Column::Account.eq(account))
        .order_by_asc(sign_in_wallet::Column::CreatedAt)
        .order_by_asc(sign_in_wallet::Column::Address)
}

fn shown(row: sign_in_wallet::Model) -> SignInWallet {
    SignInWallet {
        address: row.address,
        name: row.name,
        created_at: rfc3339(row.created_at),
        used_at: row.used_at.map(rfc3339),
    }
}

async fn note(tx: &Tx, account: &str, action: &str, address: &str, now: i64) -> Result<(), ApiError> {
    let actor = Actor::User(account.to_owned());
    // Its name in the log, as long as the account is there to tell whose: the address alone would stay for ever.
    let details = json!({"wallet": secret_hash(address).get(..16)});
    audit::record(tx, now, &actor, action, &format!("account:{account}"), details).await?;
    Ok(())
}

fn refused(error: SiweError) -> ApiError {
    let (status, code) = match error {
        SiweError::Malformed(_) => (StatusCode::UNPROCESSABLE_ENTITY, "bad_message"),
        SiweError::Domain => (StatusCode::FORBIDDEN, "other_site"),
        SiweError::Chain => (StatusCode::FORBIDDEN, "other_chain"),
        SiweError::Statement => (StatusCode::FORBIDDEN, "other_purpose"),
        SiweError::Time => (StatusCode::FORBIDDEN, "other_time"),
        SiweError::Signature => (StatusCode::FORBIDDEN, "bad_signature"),
    };
    ApiError::new(status, code, "The wallet's answer is not accepted")
        .detail(error.to_string())
        .hint("Try again; check that the wallet shows this site's name, and the clock of your device.")
}

fn bad_address() -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_address", "This is no address of a wallet")
        .hint("Give 0x and 40 hex digits.")
}

fn unknown() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "wallet_unknown", "This wallet is linked to no account here")
        .hint("Sign in another way and link it on your account's page.")
}

fn missing() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", "Not found")
        .detail("There is no such wallet, or it is not yours.")
        .hint("Load the page again.")
}

fn known() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, "wallet_known", "This wallet is linked to an account already")
        .hint("Sign in with it, or unlink it there first.")
}

fn full() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, "too_many_wallets", "An account has at most 20 wallets")
        .hint("Unlink one that you do not use.")
}
