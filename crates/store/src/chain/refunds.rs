//! Money that the contract gave back.

use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder};
use sealpost_market::chain::{ChainRefund, PaymentEvent, PaymentState, Refusal};
use sealpost_market::{Fact, PurchaseEvent};

use super::read::signed;
use super::settle::Desk;
use crate::fault::Result;
use crate::schema::chain_payment::{Column, Entity, Model};

impl Desk<'_> {
    /// Takes a refund that is settled on chain: its payment's licence gives no key any more, and its waiting jobs are taken back.
    /// Safe to repeat.
    pub(crate) async fn refunded(&self, refund: &ChainRefund) -> Result<()> {
        let Some(mut row) = self.payment_of(refund).await? else { return Ok(()) };
        let index = i32::try_from(refund.index).ok();
        let fresh = row.step(PaymentEvent::Refund)?;
        if !fresh && row.refund_block_hash.as_deref() == Some(&refund.block.hash.to_string()) {
            return Ok(());
        }
        row.refund_tx = Some(refund.tx.to_string());
        row.refund_index = index;
        row.refund_block_number = i64::try_from(refund.block.number).ok();
        row.refund_block_hash = Some(refund.block.hash.to_string());
        row.refund_by = Some(refund.by.to_string());
        if fresh {
            self.record(&row, &[Fact::PaymentRefunded { tx: row.tx()?, refund: refund.tx, by: refund.by }])?;
            if let Some(purchase) = self.purchase_of(&row).await? {
                self.change(&purchase, PurchaseEvent::RefundedOnChain).await?;
            }
        }
        row.save(self.tx).await.map(drop)
    }

    /// The block of a refund is no longer of the chain, that of its payment is.
    pub(crate) async fn undo_refund(&self, mut row: Model) -> Result<Model> {
        let counted = row.reason.is_none();
        let refund = row.refund_tx.as_deref().map(crate::schema::value::parsed).transpose()?;
        row.step(PaymentEvent::UndoRefund { counted })?;
        row.forget_refund();
        // The contract did not stand by it because it had been refunded by then: it is to be looked at again.
        if row.reason.as_deref() == Some(Refusal::NotVerified.code()) {
            PaymentState::Seen.as_str().clone_into(&mut row.state);
            (row.heard_at, row.look_at) = (self.state.clock.now_ms(), 0);
        }
        if let Some(refund) = refund {
            self.record(&row, &[Fact::RefundUndone { tx: row.tx()?, refund }])?;
        }
        if let Some(purchase) = self.purchase_of(&row).await?
            && purchase.licence.is_some()
        {
            let event = if counted { PurchaseEvent::Restored } else { PurchaseEvent::Undone };
            self.change(&purchase, event).await?;
        }
        row.save(self.tx).await
    }

    /// The payment that a refund gives back: the one it is known to give back, else the newest before it of this item and key
    /// that was not given back. The contract lets no second one in before. Whoever buys and gives back in turn without end makes
    /// many rows, so two are loaded at most.
    async fn payment_of(&self, refund: &ChainRefund) -> Result<Option<Model>> {
        let of_item = Entity::find()
            .filter(Column::Source.eq(super::source(self.terms)))
            .filter(Column::Item.eq(refund.item.to_string()))
            .filter(Column::KeyHash.eq(refund.key_hash.to_string()));
        let known = of_item
            .clone()
            .filter(Column::State.is_in(["settled", "refused", "refunded"]))
            .filter(Column::RefundTx.eq(refund.tx.to_string()))
            .filter(Column::RefundIndex.eq(i32::try_from(refund.index).ok()));
        if let Some(row) = known.one(self.tx).await? {
            return Ok(Some(row));
        }
        let (block, log) = (signed(refund.block.number), signed(refund.log_index));
        let in_its_block = Column::BlockNumber.eq(block).and(Column::LogIndex.lt(log));
        let newest = of_item
            .filter(Column::State.is_in(["settled", "refused"]))
            .filter(Column::RefundTx.is_null())
            .filter(Column::BlockNumber.lt(block).or(in_its_block))
            .order_by_desc(Column::BlockNumber)
            .order_by_desc(Column::LogIndex);
        Ok(newest.one(self.tx).await?)
    }
}
