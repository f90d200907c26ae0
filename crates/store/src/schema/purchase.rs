//! How licences were paid for.

use sea_orm::entity::prelude::*;
use sealpost_market as market;

use crate::fault::Result;
use crate::schema::device::Wanted;
use crate::schema::value::{from_price, name, named, parsed, to_price};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "purchases")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub listing: String,
    pub buyer: String,
    pub state: String,
    pub method: String,
    pub price_amount: Option<String>,
    pub price_currency: Option<String>,
    pub terms: String,
    pub version: Option<String>,
    pub licence: Option<String>,
    pub voucher: Option<String>,
    pub created_at: i64,
    pub row_version: i64,
    /// `gcode` or `plugin`.
    pub kind: String,
    /// Lower hex of the Ed25519 key that signs the publisher's releases.
    pub publisher_key: Option<String>,
    /// JSON of a [`Wanted`].
    pub device: Option<String>,
    /// When it was paid first.
    pub paid_at: Option<i64>,
    pub refunded_at: Option<i64>,
    /// The store's part of the price, as it was when the purchase began.
    pub fee_basis_points: i32,
    /// Where the buyer pays, and who says that they did; see `payment_source`.
    pub payment_source: Option<String>,
    /// What the one who took the money calls the payment.
    pub payment_reference: Option<String>,
    /// What the listing was called when it was bought, for the receipt; absent of purchases that are older than this column.
    pub title: Option<String>,
    /// What the seller was called then, and the buyer.
    pub seller_name: Option<String>,
    pub buyer_name: Option<String>,
    /// What the buyer wrote to the seller.
    pub note: Option<String>,
    /// What the seller said when they declined it.
    pub answer: Option<String>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row as the rules see it.
    pub(crate) fn to_market(&self) -> Result<market::Purchase> {
        Ok(market::Purchase {
            id: parsed(&self.id)?,
            listing: parsed(&self.listing)?,
            kind: named(&self.kind)?,
            buyer: parsed(&self.buyer)?,
            state: named(&self.state)?,
            method: named(&self.method)?,
            price: to_price(self.price_amount.as_deref(), self.price_currency.as_deref())?,
            terms: serde_json::from_str(&self.terms)?,
            version: self.version.as_deref().map(parsed).transpose()?,
            publisher_key: self.publisher_key.clone(),
            device: self.wanted()?.map(|wanted| wanted.device),
            licence: self.licence.as_deref().map(parsed).transpose()?,
        })
    }

    /// The device that came with it.
    pub(crate) fn wanted(&self) -> Result<Option<Wanted>> {
        Ok(self.device.as_deref().map(serde_json::from_str).transpose()?)
    }

    /// A new row.
    pub(crate) fn from_market(
        purchase: &market::Purchase,
        wanted: Option<&Wanted>,
        voucher: Option<String>,
        now: i64,
    ) -> Result<Self> {
        let (price_amount, price_currency) = from_price(&purchase.price);
        Ok(Self {
            id: purchase.id.to_string(),
            listing: purchase.listing.to_string(),
            buyer: purchase.buyer.to_string(),
            state: purchase.state.as_str().to_owned(),
            method: name(&purchase.method)?,
            price_amount,
            price_currency,
            terms: serde_json::to_string(&purchase.terms)?,
            version: purchase.version.as_ref().map(ToString::to_string),
            licence: purchase.licence.as_ref().map(ToString::to_string),
            voucher,
            created_at: now,
            row_version: 1,
            kind: purchase.kind.as_str().to_owned(),
            publisher_key: purchase.publisher_key.clone(),
            device: wanted.map(serde_json::to_string).transpose()?,
            paid_at: (purchase.state == market::PurchaseState::Paid).then_some(now),
            refunded_at: None,
            fee_basis_points: 0,
            payment_source: None,
            payment_reference: None,
            title: None,
            seller_name: None,
            buyer_name: None,
            note: None,
            answer: None,
        })
    }
}
