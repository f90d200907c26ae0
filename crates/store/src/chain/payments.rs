//! Rows of payments: how they are named, found and saved.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
};
use sealpost_database::Tx;
use sealpost_envelope::ecdh;
use sealpost_market::chain::{Address, BuyerKey, ChainHash, ChainPurchase, Offer, PaymentEvent, Refusal};
use sealpost_market::{AccountId, Currency, DeviceKey};
use sha2::{Digest, Sha256};

use super::port::ChainTerms;
use super::{price, wallet};
use crate::fault::{Fault, Result};
use crate::plugins::stranger;
use crate::schema::chain_payment::{Column, Entity, Model};
use crate::schema::value::parsed;
use crate::schema::{chain_offer, linked_key, release};

/// The id of a payment and of its purchase: the payment number `count` of one transaction for one listing and one key. Its
/// place among all purchases of the transaction is no part of it: a transaction that is mined anew may fail in part.
pub(crate) fn id(source: &str, tx: ChainHash, listing: &str, key: &BuyerKey, count: u32) -> String {
    let hash = Sha256::digest(format!("{source}:{tx}:{listing}:{key}:{count}"));
    format!("pu_{}", &hex::encode(hash)[..40])
}

/// A payment as it is named before anything is known of it.
pub(crate) fn new(source: &str, tx: ChainHash, listing: &str, key: &BuyerKey, count: u32, now: i64) -> Model {
    Model {
        id: id(source, tx, listing, key, count),
        source: source.to_owned(),
        tx_hash: tx.to_string(),
        tx_index: None,
        state: "seen".to_owned(),
        reason: None,
        detail: None,
        block_number: None,
        block_hash: None,
        log_index: None,
        block_time: None,
        listing: Some(listing.to_owned()),
        item: None,
        buyer_key: Some(key.to_string()),
        key_hash: Some(key.hash().to_string()),
        amount: None,
        fee: None,
        token: None,
        payer: None,
        publisher: None,
        purchase: None,
        refund_tx: None,
        refund_index: None,
        refund_block_number: None,
        refund_block_hash: None,
        refund_by: None,
        accepted_at: None,
        created_at: now,
        heard_at: now,
        look_at: now,
        row_version: 0,
    }
}

/// What a store knows of a transaction, in the order of its purchases.
pub(crate) async fn of_tx(db: &impl ConnectionTrait, source: &str, tx: ChainHash) -> Result<Vec<Model>> {
    let select = Entity::find()
        .filter(Column::Source.eq(source))
        .filter(Column::TxHash.eq(tx.to_string()))
        .order_by_asc(Column::TxIndex)
        .order_by_asc(Column::Id);
    Ok(select.all(db).await?)
}

/// The release that a chain knows by this hash.
pub(crate) async fn release_of(db: &impl ConnectionTrait, item: ChainHash) -> Result<Option<release::Model>> {
    let select = release::Entity::find().filter(release::Column::Item.eq(item.to_string()));
    Ok(select.one(db).await?)
}

/// Everything that was ever asked for a listing by this contract.
pub(crate) async fn offers_of(db: &impl ConnectionTrait, source: &str, listing: &str) -> Result<Vec<Offer>> {
    let select = chain_offer::Entity::find()
        .filter(chain_offer::Column::Listing.eq(listing))
        .filter(chain_offer::Column::Source.eq(source));
    select.all(db).await?.iter().map(chain_offer::Model::to_market).collect()
}

/// The money that a listing was paid in: as it was offered then, and as the settings call the token where it never was.
pub(crate) async fn currency_of(
    db: &impl ConnectionTrait,
    terms: &ChainTerms,
    listing: &str,
    token: Option<Address>,
) -> Result<Currency> {
    let offered = chain_offer::Entity::find()
        .filter(chain_offer::Column::Listing.eq(listing))
        .filter(chain_offer::Column::Source.eq(super::source(terms)))
        .filter(match token {
            Some(token) => chain_offer::Column::Token.eq(token.to_string()),
            None => chain_offer::Column::Token.is_null(),
        })
        .order_by_desc(chain_offer::Column::SinceMs)
        .one(db)
        .await?;
    let symbol = match offered {
        Some(offer) => Some(offer.currency),
        None => price::currency(terms, token).map(|(symbol, _)| symbol),
    };
    parsed(symbol.as_deref().unwrap_or("TOKEN"))
}

/// The key that was paid for, if a content key can be wrapped for it.
pub(crate) fn usable_key(key: &BuyerKey) -> Result<DeviceKey, Refusal> {
    let device = key.to_device().map_err(|_| Refusal::BadKey)?;
    let curve: ecdh::Curve = device.curve.parse().map_err(|_| Refusal::BadKey)?;
    let canonical = ecdh::Recipient::from_hex(curve, &device.public_key).map_err(|_| Refusal::BadKey)?;
    if canonical.to_hex() == device.public_key { Ok(device) } else { Err(Refusal::BadKey) }
}

/// Whose a key is: the account that proved it last.
pub(crate) async fn linked_account(db: &impl ConnectionTrait, key: &DeviceKey) -> Result<Option<AccountId>> {
    let id = (key.curve.clone(), key.public_key.clone());
    let row = linked_key::Entity::find_by_id(id).one(db).await?;
    row.map(|row| AccountId::parse(&row.account).map_err(Fault::internal)).transpose()
}

/// Who gets what is paid for a key: the account it is linked to, else the one that stands for the wallet. Nobody else proves the
/// key until the transaction has ended.
pub(crate) async fn holder_of(tx: &Tx, key: &DeviceKey) -> Result<AccountId> {
    wallet::take_turns(tx, key).await?;
    match linked_account(tx, key).await? {
        Some(account) => Ok(account),
        None => stranger::holder(key),
    }
}

impl Model {
    /// Takes an event by the rules; whether it changes where the payment stands.
    pub(crate) fn step(&mut self, event: PaymentEvent) -> Result<bool> {
        let before = self.payment_state()?;
        let after = before.after(event).map_err(Fault::internal)?;
        after.as_str().clone_into(&mut self.state);
        Ok(after != before)
    }

    /// Writes down what the chain says of it.
    pub(crate) fn note(&mut self, purchase: &ChainPurchase) {
        self.tx_index = i32::try_from(purchase.index).ok();
        self.block_number = i64::try_from(purchase.block.number).ok();
        self.block_hash = Some(purchase.block.hash.to_string());
        self.log_index = i64::try_from(purchase.log_index).ok();
        self.block_time = i64::try_from(purchase.block_time).ok();
        self.item = Some(purchase.item.to_string());
        self.buyer_key = Some(purchase.buyer_key.to_string());
        self.key_hash = Some(purchase.buyer_key.hash().to_string());
        self.amount = Some(purchase.amount.to_string());
        self.fee = Some(purchase.fee.to_string());
        self.token = purchase.token.map(String::from);
        self.payer = Some(purchase.payer.to_string());
        self.publisher = Some(purchase.publisher.to_string());
    }

    /// Writes down why it does not count; nothing where it does.
    pub(crate) fn note_reason(&mut self, refusal: Option<&Refusal>) {
        self.reason = refusal.map(|refusal| refusal.code().to_owned());
        self.detail = refusal.map(|refusal| crate::fault::sentence(&refusal.to_string()));
    }

    /// Its block is no longer of the chain.
    pub(crate) fn forget_block(&mut self) {
        (self.block_number, self.block_hash) = (None, None);
        (self.log_index, self.block_time) = (None, None);
        self.forget_refund();
    }

    pub(crate) fn forget_refund(&mut self) {
        (self.refund_tx, self.refund_index, self.refund_by) = (None, None, None);
        (self.refund_block_number, self.refund_block_hash) = (None, None);
    }

    /// Whether it is in this block.
    pub(crate) fn is_in(&self, block: sealpost_market::chain::BlockRef) -> bool {
        self.block_hash.as_deref() == Some(&block.hash.to_string())
    }

    /// Whether it is of this item and key.
    pub(crate) fn is_of(&self, purchase: &ChainPurchase) -> bool {
        self.item.as_deref() == Some(&purchase.item.to_string())
            && self.buyer_key.as_deref() == Some(&purchase.buyer_key.to_string())
    }

    /// Whether it counted, and nothing but its refund or another block can change that.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(self.state.as_str(), "settled" | "refunded")
    }

    /// Whether it is the same payment as this one of the chain, wherever that was mined.
    pub(crate) fn says_the_same(&self, purchase: &ChainPurchase) -> bool {
        let mut other = self.clone();
        other.note(purchase);
        other.amount == self.amount && other.token == self.token && other.publisher == self.publisher
    }

    /// Saves it: a new row, or the next version of the one that was loaded. Whoever comes second fails and looks again.
    pub(crate) async fn save(mut self, tx: &Tx) -> Result<Self> {
        let before = self.row_version;
        self.row_version += 1;
        if before == 0 {
            let inserted = Entity::insert(self.clone().into_active_model()).exec_without_returning(tx).await;
            return match inserted {
                Err(error)
                    if matches!(error.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_))) =>
                {
                    Err(Fault::Conflict)
                }
                other => {
                    other?;
                    Ok(self)
                }
            };
        }
        let mut row = self.clone().into_active_model().reset_all();
        row.id = sea_orm::ActiveValue::NotSet;
        let saved = Entity::update_many()
            .set(row)
            .filter(Column::Id.eq(&self.id))
            .filter(Column::RowVersion.eq(before))
            .exec(tx)
            .await?;
        if saved.rows_affected == 1 { Ok(self) } else { Err(Fault::Conflict) }
    }
}
