//! Transactions that wait for too long: the same at a higher fee, or nothing in their place.

use alloy::primitives as evm;
use sealpost_market::chain::{Address, ChainHash, keccak256};
use serde::Deserialize;
use serde_json::json;

use super::{
    SendError, Sender, Sent,
    broadcast::{Draft, Plan, Price},
};
use crate::{
    endpoint::Endpoint,
    fault::Fault,
    rpc::{Bytes, Quantity, Wide},
};

/// What sending coin to an account without code takes.
const TRANSFER: u64 = 21_000;

/// A transaction as an endpoint tells of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    nonce: Quantity,
    gas: Quantity,
    to: Option<Address>,
    value: Wide,
    input: Bytes,
    gas_price: Option<Wide>,
    max_fee_per_gas: Option<Wide>,
    max_priority_fee_per_gas: Option<Wide>,
}

impl Sender {
    /// Sends a transaction that waits once more, at a higher fee, and waits until either is in a block: one alone can be. `Sent`
    /// names the one that is.
    ///
    /// # Errors
    /// [`SendError::NotWaiting`] when it is none that this account sent and that waits, and as [`Sender::send`].
    pub async fn speed_up(&self, tx: ChainHash) -> Result<Sent, SendError> {
        self.replace(tx, |plan| plan).await
    }

    /// Puts a transaction that does nothing in the place of one that waits, and waits until either is in a block. `Sent` names
    /// the one that is: where that is `tx`, it was too late.
    ///
    /// # Errors
    /// As [`Sender::speed_up`].
    pub async fn cancel(&self, tx: ChainHash) -> Result<Sent, SendError> {
        let to = evm::TxKind::Call(evm::Address::new(*self.address().as_bytes()));
        let nothing = |plan| Plan { to, value: 0, data: evm::Bytes::new(), gas: TRANSFER, ..plan };
        self.replace(tx, nothing).await
    }

    async fn replace(&self, tx: ChainHash, change: impl FnOnce(Plan) -> Plan) -> Result<Sent, SendError> {
        if let Some(mined) = self.reader.mined(tx).await? {
            return if mined.succeeded {
                Ok(mined.into())
            } else {
                Err(SendError::Failed { tx, revert: None })
            };
        }
        let (plan, replacement) = {
            let _turn = self.turn.lock().await;
            let waiting = self.waiting(tx).await?;
            let price = waiting.price.raised(self.price().await?);
            let plan = Plan { price, ..change(waiting) };
            self.granted(&plan, self.affordable(plan.value).await?)?;
            let replacement = self.broadcast(&self.signed(&plan)).await?;
            (plan, replacement)
        };
        let mined = self.wait(&[replacement, tx]).await?;
        if mined.succeeded {
            return Ok(mined.into());
        }
        let draft = Draft { from: self.address(), to: plan.to, data: plan.data, value: plan.value };
        Err(SendError::Failed { tx: mined.tx, revert: self.why(&draft, mined.block.number).await })
    }

    /// What this account signed. Nobody is believed about it: what is told counts where signing it again gives the same
    /// transaction.
    async fn waiting(&self, tx: ChainHash) -> Result<Plan, SendError> {
        let ask = |endpoint| async move {
            let told: Option<Told> =
                Endpoint::call(endpoint, "eth_getTransactionByHash", json!([tx])).await?;
            let Some(told) = told else { return Ok(None) };
            let plan = told.plan().ok_or(Fault::Garbage("it has no price"))?;
            if keccak256(&self.signed(&plan)) == tx {
                Ok(Some(plan))
            } else {
                Err(Fault::Garbage("it is another transaction, or another account's"))
            }
        };
        let found = match self.reader.quorum().gather("a transaction", ask).await {
            Ok((agreed, others)) => std::iter::once(agreed).chain(others).flatten().next(),
            Err(split) => match split.answers.iter().find_map(|(plan, _)| plan.clone()) {
                None if !split.has_enough() && split.faults.iter().all(|(_, fault)| fault.is_outage()) => {
                    return Err(split.into_error().into());
                }
                found => found,
            },
        };
        found.ok_or(SendError::NotWaiting(tx))
    }
}

impl Told {
    fn plan(self) -> Option<Plan> {
        let price = match (self.max_fee_per_gas, self.max_priority_fee_per_gas, self.gas_price) {
            (Some(most), Some(tip), _) => Price::Eip1559 { most: most.0, tip: tip.0 },
            (None, None, Some(price)) => Price::Legacy { price: price.0 },
            _ => return None,
        };
        let to = match self.to {
            Some(to) => evm::TxKind::Call(evm::Address::new(*to.as_bytes())),
            None => evm::TxKind::Create,
        };
        let (nonce, gas, value) = (self.nonce.0, self.gas.0, self.value.0);
        Some(Plan { nonce, gas, price, to, value, data: self.input.0.into() })
    }
}

impl Price {
    /// What it takes to replace a transaction of this price: a quarter more, where nodes want a tenth or an eighth, or what is usual
    /// now if that is more.
    fn raised(self, now: Self) -> Self {
        let more = |price: u128| price.saturating_add(price.div_ceil(4)).saturating_add(1);
        match (self, now) {
            (Self::Eip1559 { most, tip }, Self::Eip1559 { most: now, tip: tip_now }) => {
                let tip = more(tip).max(tip_now);
                Self::Eip1559 { most: more(most).max(now).max(tip), tip }
            }
            (Self::Eip1559 { most, tip }, Self::Legacy { price }) => {
                Self::Eip1559 { most: more(most).max(price), tip: more(tip) }
            }
            (Self::Legacy { price }, Self::Eip1559 { most: now, .. } | Self::Legacy { price: now }) => {
                Self::Legacy { price: more(price).max(now) }
            }
        }
    }
}
