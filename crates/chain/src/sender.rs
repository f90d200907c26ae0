//! Sending transactions, and waiting for what becomes of them.

mod broadcast;
mod error;
mod market;
mod replace;

use std::time::Duration;

use alloy::primitives as evm;
use sealpost_market::chain::{
    Address, BlockRef, CallData, ChainHash, ChainPurchase, ContractCall, TxOutcome,
};
use serde_json::json;
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

pub use error::SendError;
pub use market::{Deployed, receipt};

use crate::{
    call::call_data,
    error::ChainError,
    fault::Fault,
    reader::{Reader, quantity},
    revert::Revert,
    rpc::{Bytes, Mined},
    signer::Signer,
};
use broadcast::Draft;

/// How long a transaction is waited for, unless somebody says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(180);
/// The most that a transaction may cost in fees, unless somebody says otherwise: a fifth of a coin, in wei.
pub const MOST_FEE: u128 = 200_000_000_000_000_000;
/// How long to wait before looking again, at first and at most.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3));

/// An account that calls the contract.
pub struct Sender {
    reader: Reader,
    signer: Signer,
    patience: Duration,
    max_fee: u128,
    /// Two transactions at once would take the same nonce.
    turn: Mutex<()>,
}

/// A transaction that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// Its hash.
    pub tx: ChainHash,
    /// The block that it is in; it is not settled yet.
    pub block: BlockRef,
    /// What it took.
    pub gas_used: u64,
}

impl Sender {
    /// An account on the chain of `reader`.
    #[must_use]
    pub fn new(reader: Reader, signer: Signer) -> Self {
        Self { reader, signer, patience: PATIENCE, max_fee: MOST_FEE, turn: Mutex::new(()) }
    }

    /// Waits that long for a transaction.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Spends at most that much (wei) on the fees of a transaction, whatever the endpoints say.
    #[must_use]
    pub fn max_fee(mut self, wei: u128) -> Self {
        self.max_fee = wei;
        self
    }

    /// What it asks the chain with.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Whose transactions they are.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The account.
    #[must_use]
    pub fn address(&self) -> Address {
        self.signer.address()
    }

    /// Calls the contract, or a token for it, and waits until the call is in a block. What would revert is not sent.
    ///
    /// # Errors
    /// [`SendError`]; after [`SendError::NotMined`] it may still be mined.
    pub async fn send(&self, call: &ContractCall) -> Result<Sent, SendError> {
        if let ContractCall::List { price, .. } = call
            && price >> 96 != 0
        {
            return Err(SendError::Price(*price));
        }
        self.send_data(&call_data(self.reader.contract(), call)).await
    }

    /// Sends a call that was prepared.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn send_data(&self, call: &CallData) -> Result<Sent, SendError> {
        let to = evm::TxKind::Call(evm::Address::new(*call.to.as_bytes()));
        self.mine(to, &call.data, call.value).await.map(Sent::from)
    }

    /// The purchases that the contract recorded in a transaction.
    ///
    /// # Errors
    /// [`ChainError`] when too few endpoints say the same.
    pub async fn purchases(&self, tx: ChainHash) -> Result<Vec<ChainPurchase>, ChainError> {
        match self.reader.transaction(tx).await? {
            TxOutcome::Mined { purchases, .. } => Ok(purchases),
            _ => Ok(Vec::new()),
        }
    }

    async fn mine(&self, to: evm::TxKind, data: &[u8], value: u128) -> Result<Mined, SendError> {
        let draft = Draft { from: self.address(), to, data: data.to_vec().into(), value };
        let tx = {
            let _turn = self.turn.lock().await;
            let raw = self.prepare(&draft).await?;
            self.broadcast(&raw).await?
        };
        let mined = self.wait(&[tx]).await?;
        if mined.succeeded {
            return Ok(mined);
        }
        Err(SendError::Failed { tx, revert: self.why(&draft, mined.block.number).await })
    }

    /// Waits until one of these is in a block. The first one is the one to name where none is.
    async fn wait(&self, txs: &[ChainHash]) -> Result<Mined, SendError> {
        let until = Instant::now() + self.patience;
        let (mut pause, most) = LOOK_AGAIN;
        loop {
            for tx in txs {
                // Endpoints that fail for a moment must not make a person think that nothing was sent.
                match self.reader.mined(*tx).await {
                    Ok(Some(mined)) => return Ok(mined),
                    Ok(None) => {}
                    Err(error) => tracing::debug!(%error, "looking for the receipt"),
                }
            }
            if Instant::now() + pause > until {
                let tx = txs.first().copied().unwrap_or(ChainHash::new([0; 32]));
                return Err(SendError::NotMined { tx, waited: self.patience });
            }
            sleep(pause).await;
            pause = (pause * 3 / 2).min(most);
        }
    }

    /// Calls again what failed, to hear why.
    async fn why(&self, draft: &Draft, block: u64) -> Option<Revert> {
        let call = draft.json();
        let ask = |endpoint| {
            let params = json!([call, quantity(block)]);
            async move {
                match crate::endpoint::Endpoint::call::<Bytes>(endpoint, "eth_call", params).await {
                    Err(Fault::Refused { data: Some(data), .. }) => Ok(data),
                    Ok(_) => Err(Fault::Garbage("it does not fail again")),
                    Err(fault) => Err(fault),
                }
            }
        };
        let data = self.reader.quorum().ask("why it failed", ask).await.ok()?;
        Some(Revert::decode(&data))
    }
}

impl From<Mined> for Sent {
    fn from(mined: Mined) -> Self {
        Self { tx: mined.tx, block: mined.block, gas_used: mined.gas_used }
    }
}
