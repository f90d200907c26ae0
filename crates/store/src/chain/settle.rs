//! From a payment that the chain stands by to a licence, in one transaction.

use std::collections::HashSet;

use sea_orm::{EntityTrait, IntoActiveModel};
use sealpost_accounts::Actor;
use sealpost_database::Tx;
use sealpost_market::chain::{ChainPurchase, PaymentEvent, PaymentState, Refusal, judge};
use sealpost_market::{
    self as market, AccountId, Device, DeviceId, DeviceKey, Fact, LicenceId, ListingKind, Money, NewPurchase,
    PaymentMethod, Price, PurchaseEvent, start_chain_purchase,
};

use super::payments;
use super::port::ChainTerms;
use super::read::Moved;
use crate::catalogue::find_listing;
use crate::fault::{Fault, Result};
use crate::purchases::change::{self, Changed};
use crate::sales::names_of;
use crate::schema::chain_payment::{Entity, Model};
use crate::schema::device::Wanted;
use crate::schema::value::parsed;
use crate::schema::{listing, purchase, release};
use crate::state::AppState;
use crate::{facts, random};

/// What is settled together: payments of one transaction are numbered by the order they come in.
#[derive(Debug)]
pub(crate) struct Desk<'a> {
    pub(crate) state: &'a AppState,
    pub(crate) tx: &'a Tx,
    pub(crate) terms: &'a ChainTerms,
    /// Rows that a payment of this batch has already.
    taken: HashSet<String>,
}

/// Whether `verifyPurchase` stands by a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verified {
    Yes,
    No,
    /// It was not asked, because the payment does not count anyway.
    NotAsked,
}

impl<'a> Desk<'a> {
    pub(crate) fn new(state: &'a AppState, tx: &'a Tx, terms: &'a ChainTerms) -> Self {
        Self { state, tx, terms, taken: HashSet::new() }
    }

    /// Takes a payment that is settled on chain: it counts, or it is refused with a reason. `None` for what this store does not
    /// sell. Safe to repeat.
    pub(crate) async fn purchased(
        &mut self,
        paid: &ChainPurchase,
        verified: Verified,
    ) -> Result<Option<Model>> {
        let Some(release) = payments::release_of(self.tx, paid.item).await? else { return Ok(None) };
        let offers = payments::offers_of(self.tx, &super::source(self.terms), &release.listing).await?;
        let mut row = self.row_of(paid, &release.listing).await?;
        // Whoever never sold it on chain has no use for rows that others write for the price of their gas.
        if offers.is_empty() && row.row_version == 0 {
            return Ok(None);
        }
        let before = row.payment_state()?;
        if row.is_in(paid.block) && matches!(before, PaymentState::Settled | PaymentState::Refunded) {
            return Ok(Some(row));
        }
        let accepted = row.accepted_at.is_some();
        let counted = (accepted || self.counted(&row).await?) && row.says_the_same(paid);
        row.note(paid);
        // What counted once counts again: the price may have changed while the chain made up its mind.
        let offered = if counted { Ok(()) } else { judge(paid, &offers).map(drop) };
        let judged = match (offered.and_then(|()| payments::usable_key(&paid.buyer_key)), verified) {
            // It was published or offered between the question and now.
            (Ok(_), Verified::NotAsked) => return Err(Moved.into()),
            (Ok(_), Verified::No) => Err(Refusal::NotVerified),
            (judged, _) => judged,
        };
        match judged {
            Ok(key) => self.settle(row, paid, &release, &key).await.map(Some),
            Err(refusal) => self.refuse(row, &refusal).await.map(Some),
        }
    }

    /// A payment does not count.
    pub(crate) async fn refuse(&self, mut row: Model, refusal: &Refusal) -> Result<Model> {
        if row.payment_state()? == PaymentState::Refunded {
            return row.save(self.tx).await;
        }
        let known = row.reason.as_deref() == Some(refusal.code());
        if row.payment_state()? == PaymentState::Settled {
            row.step(PaymentEvent::Undo)?;
            self.undo_purchase(&row).await?;
        }
        let changed = row.step(PaymentEvent::Refuse)?;
        row.note_reason(Some(refusal));
        if *refusal == Refusal::Reverted {
            // It has no event that would be looked for in its block.
            row.item = None;
        }
        if let Some(purchase) = self.purchase_of(&row).await?
            && purchase.licence.is_none()
            && purchase.state == "pending"
        {
            self.change(&purchase, PurchaseEvent::Failed).await?;
        }
        if let Some(block) = row.block()?
            && (changed || !known)
        {
            let fact = Fact::PaymentRefused { tx: row.tx()?, block, code: refusal.code().to_owned() };
            self.record(&row, &[fact])?;
        }
        row.save(self.tx).await
    }

    /// The chain took the block of a payment back.
    pub(crate) async fn undo(&self, mut row: Model) -> Result<Model> {
        let block = row.block()?;
        if row.step(PaymentEvent::Undo)? {
            if let Some(block) = block {
                self.record(&row, &[Fact::PaymentUndone { tx: row.tx()?, block }])?;
            }
            self.undo_purchase(&row).await?;
        }
        row.forget_block();
        // It is looked for from now on: it may be mined again, or be there after all.
        let now = self.state.clock.now_ms();
        (row.heard_at, row.look_at) = (now, now);
        row.save(self.tx).await
    }

    /// Applies an event to a purchase, as the store itself.
    pub(crate) async fn change(&self, row: &purchase::Model, event: PurchaseEvent) -> Result<Changed> {
        change::apply(self.state, self.tx, &Actor::System, row, event, |_| ()).await
    }

    /// The purchase of a payment, once there is one.
    pub(crate) async fn purchase_of(&self, row: &Model) -> Result<Option<purchase::Model>> {
        let Some(id) = &row.purchase else { return Ok(None) };
        Ok(purchase::Entity::find_by_id(id).one(self.tx).await?)
    }

    /// Writes facts about a payment to the audit log.
    pub(crate) fn record(&self, row: &Model, what: &[Fact]) -> Result<()> {
        let now = self.state.clock.now_ms();
        facts::record(self.tx, now, &Actor::System, &format!("payment:{}", row.tx_hash), what)
    }

    /// The row of a payment: the one it has, the one it was named under before it was mined, or a new one.
    async fn row_of(&mut self, paid: &ChainPurchase, listing: &str) -> Result<Model> {
        let source = super::source(self.terms);
        let item = paid.item.to_string();
        for count in 0.. {
            let id = payments::id(&source, paid.tx, listing, &paid.buyer_key, count);
            if self.taken.contains(&id) {
                continue;
            }
            let row = Entity::find_by_id(&id).one(self.tx).await?;
            // Two versions of one listing may be bought for one key in one transaction.
            if row.as_ref().is_some_and(|row| row.item.as_ref().is_some_and(|other| *other != item)) {
                continue;
            }
            self.taken.insert(id);
            let now = self.state.clock.now_ms();
            return Ok(
                row.unwrap_or_else(|| payments::new(&source, paid.tx, listing, &paid.buyer_key, count, now))
            );
        }
        Err(Fault::internal("a transaction with more purchases than there are numbers"))
    }

    /// Whether it gave a licence before.
    async fn counted(&self, row: &Model) -> Result<bool> {
        Ok(self.purchase_of(row).await?.is_some_and(|purchase| purchase.licence.is_some()))
    }

    pub(super) async fn settle(
        &self,
        mut row: Model,
        paid: &ChainPurchase,
        release: &release::Model,
        key: &DeviceKey,
    ) -> Result<Model> {
        row.step(PaymentEvent::Settle)?;
        if row.payment_state()? != PaymentState::Settled {
            return row.save(self.tx).await;
        }
        row.note_reason(None);
        let listing = find_listing(self.tx, &release.listing).await?;
        let purchase = match self.purchase_of(&row).await? {
            Some(purchase) => purchase,
            None => {
                let buyer = payments::holder_of(self.tx, key).await?;
                let order = Order { buyer, listing: &listing, release, key, name: None, index: None };
                let money = self.money(paid, &listing.id).await?;
                begin(self.state, self.tx, &Actor::System, &row.id, &order, money).await?
            }
        };
        row.purchase = Some(purchase.id.clone());
        self.pay(&purchase, paid, &listing, release).await?;
        self.record(
            &row,
            &[Fact::PaymentSettled {
                tx: paid.tx,
                index: paid.index,
                block: paid.block,
                purchase: parsed(&purchase.id)?,
                payer: paid.payer,
            }],
        )?;
        row.save(self.tx).await
    }

    /// The purchase is paid, for what was paid and of the version that was paid for.
    async fn pay(
        &self,
        purchase: &purchase::Model,
        paid: &ChainPurchase,
        listing: &listing::Model,
        release: &release::Model,
    ) -> Result<()> {
        let event = PurchaseEvent::Paid { licence: LicenceId::generate(&random::bytes()?) };
        let money = self.money(paid, &listing.id).await?;
        let version = parsed(&release.version)?;
        change::apply(self.state, self.tx, &Actor::System, purchase, event, move |rules| {
            rules.price = Price::Fixed(money);
            rules.version = Some(version);
            rules.publisher_key.clone_from(&release.publisher_key);
        })
        .await
        .map(drop)
    }

    async fn undo_purchase(&self, row: &Model) -> Result<()> {
        if let Some(purchase) = self.purchase_of(row).await?
            && purchase.licence.is_some()
        {
            self.change(&purchase, PurchaseEvent::Undone).await?;
        }
        Ok(())
    }

    async fn money(&self, paid: &ChainPurchase, listing: &str) -> Result<Money> {
        let currency = payments::currency_of(self.tx, self.terms, listing, paid.token).await?;
        Ok(Money { amount: paid.amount, currency })
    }
}

/// Who buys which version of what on chain, for which key.
#[derive(Debug)]
pub(crate) struct Order<'a> {
    pub(crate) buyer: AccountId,
    pub(crate) listing: &'a listing::Model,
    pub(crate) release: &'a release::Model,
    pub(crate) key: &'a DeviceKey,
    /// What its owner calls the device.
    pub(crate) name: Option<String>,
    /// Which key of the wallet it is.
    pub(crate) index: Option<u32>,
}

/// Writes down a purchase that a transaction pays for.
pub(crate) async fn begin(
    state: &AppState,
    tx: &Tx,
    actor: &Actor,
    id: &str,
    order: &Order<'_>,
    money: Money,
) -> Result<purchase::Model> {
    let now = state.clock.now_ms();
    let rules = order.listing.to_market()?;
    let device = Device { id: DeviceId::generate(&random::bytes()?), key: order.key.clone() };
    let new = NewPurchase {
        id: parsed(id)?,
        licence: LicenceId::generate(&random::bytes()?),
        buyer: order.buyer.clone(),
        method: PaymentMethod::Chain,
        voucher: None,
        version: Some(parsed::<market::Version>(&order.release.version)?),
        publisher_key: order.release.publisher_key.clone(),
        device: Some(device.clone()),
    };
    let step = start_chain_purchase(&rules, new, money)?;
    let wanted = Wanted { device, name: order.name.clone(), index: order.index };
    let wanted = (rules.kind == ListingKind::Plugin).then_some(&wanted);
    let (buyer, seller) = (order.buyer.as_str(), order.listing.publisher.as_str());
    let mut names = names_of(state, [buyer, seller]).await?;
    let row = purchase::Model {
        title: Some(order.listing.title.clone()),
        seller_name: names.get(seller).cloned(),
        buyer_name: names.remove(buyer),
        ..purchase::Model::from_market(&step.purchase, wanted, None, now)?
    };
    let inserted = purchase::Entity::insert(row.clone().into_active_model()).exec_without_returning(tx).await;
    match inserted {
        Err(error) if matches!(error.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_))) => {
            return Err(Fault::Conflict);
        }
        other => other?,
    };
    facts::record(tx, now, actor, &format!("purchase:{id}"), &step.facts)?;
    Ok(row)
}
