//! Money that the contract gave back.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use sealpost_market::chain::{ChainRefund, PaymentEvent, PaymentState, Refusal};
use sealpost_market::{Fact, PurchaseEvent};

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

    /// The payment that a refund gives back: the one it is known to give back, else the newest of this item and key that was
    /// not given back. The contract lets no second one in before.
    async fn payment_of(&self, refund: &ChainRefund) -> Result<Option<Model>> {
        let before = i64::try_from(refund.block.number).unwrap_or(i64::MAX);
        let rows = Entity::find()
            .filter(Column::Source.eq(super::source(self.terms)))
            .filter(Column::Item.eq(refund.item.to_string()))
            .filter(Column::KeyHash.eq(refund.key_hash.to_string()))
            .filter(Column::BlockNumber.lte(before))
            .filter(Column::State.is_in(["settled", "refused", "refunded"]))
            .order_by_desc(Column::BlockNumber)
            .order_by_desc(Column::TxIndex)
            .all(self.tx)
            .await?;
        let (tx, index) = (refund.tx.to_string(), i32::try_from(refund.index).ok());
        let known = |row: &Model| row.refund_tx.as_deref() == Some(&tx) && row.refund_index == index;
        if let Some(row) = rows.iter().find(|row| known(row)) {
            return Ok(Some(row.clone()));
        }
        Ok(rows.into_iter().find(|row| row.refund_tx.is_none()))
    }
}
