//! What sellers, buyers and operators do, by name.

use alloy::{primitives as evm, sol_types::SolConstructor as _};
use sealpost_market::chain::{
    Address, BlockRef, BuyerKey, ChainHash, ChainPurchase, ContractCall, PurchaseReceipt,
};

use super::{SendError, Sender, Sent};
use crate::{
    call::{call_data, refund_with},
    contract::{self, Marketplace},
    convert::address,
    error::ChainError,
};

/// A contract that was just made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deployed {
    /// Its address.
    pub contract: Address,
    /// The transaction that made it.
    pub tx: ChainHash,
    /// The block to read from.
    pub block: BlockRef,
    /// What it took.
    pub gas_used: u64,
}

impl Sender {
    /// Makes a new contract. `fee_bps` is the platform's share in hundredths of a percent, 3000 at most. The contract of
    /// the settings plays no part.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn deploy(
        &self,
        owner: Address,
        treasury: Address,
        fee_bps: u16,
    ) -> Result<Deployed, SendError> {
        self.create(&deployment(owner, treasury, fee_bps)).await
    }

    /// The most that [`Sender::deploy`] can cost in fees now, in wei. Nothing is sent.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn highest_fee_to_deploy(
        &self,
        owner: Address,
        treasury: Address,
        fee_bps: u16,
    ) -> Result<u128, SendError> {
        self.highest_fee_of(evm::TxKind::Create, &deployment(owner, treasury, fee_bps), 0).await
    }

    /// Makes any contract, from its code and the constructor's arguments.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn create(&self, code: &[u8]) -> Result<Deployed, SendError> {
        let mined = self.mine(evm::TxKind::Create, code, 0).await?;
        let contract = mined.created.ok_or(ChainError::NotMarketplace("the receipt names no contract"))?;
        Ok(Deployed { contract, tx: mined.tx, block: mined.block, gas_used: mined.gas_used })
    }

    /// Sells an item, or sells it at a new price.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn list(
        &self,
        item: ChainHash,
        token: Option<Address>,
        price: u128,
    ) -> Result<Sent, SendError> {
        self.send(&ContractCall::List { item, token, price }).await
    }

    /// Sells an item no more.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn unlist(&self, item: ChainHash) -> Result<Sent, SendError> {
        self.send(&ContractCall::Unlist { item }).await
    }

    /// Lets the contract take `amount` of a token from the account, unless it may already. Some tokens want the
    /// allowance to be nothing before it is changed.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn approve(&self, token: Address, amount: u128) -> Result<Option<Sent>, SendError> {
        let allowed = self.reader.allowance(token, self.address()).await?;
        if allowed >= amount {
            return Ok(None);
        }
        let approve = ContractCall::Approve { token, amount };
        match self.send(&approve).await {
            Err(SendError::Reverted(_)) if allowed > 0 => {
                self.send(&ContractCall::Approve { token, amount: 0 }).await?;
                Ok(Some(self.send(&approve).await?))
            }
            sent => Ok(Some(sent?)),
        }
    }

    /// Pays for an item and a key. A token has to be approved before.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn purchase(
        &self,
        item: ChainHash,
        key: BuyerKey,
        token: Option<Address>,
        amount: u128,
    ) -> Result<Sent, SendError> {
        self.send(&ContractCall::Purchase { item, key, token, amount }).await
    }

    /// Takes the account's money out, to another account where one is named.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn withdraw(&self, token: Option<Address>, to: Option<Address>) -> Result<Sent, SendError> {
        self.send(&ContractCall::Withdraw { token, to }).await
    }

    /// Gives a payment back. What the contract does not hold any more for the publisher comes from this account, where it
    /// is no more than `shortfall` units; of a token it is approved first.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn refund(&self, purchase: &ChainPurchase, shortfall: u128) -> Result<Sent, SendError> {
        let call = ContractCall::Refund {
            item: purchase.item,
            key: purchase.buyer_key.clone(),
            receipt: receipt(purchase),
        };
        let data = call_data(self.reader.contract(), &call);
        match (self.send_data(&data).await, purchase.token) {
            (Err(SendError::Reverted(_)), None) if shortfall > 0 => {
                // What is too much comes back.
                self.send_data(&refund_with(data, shortfall)).await
            }
            (Err(SendError::Reverted(_)), Some(token)) if shortfall > 0 => {
                self.approve(token, shortfall).await?;
                self.send_data(&data).await
            }
            (sent, _) => sent,
        }
    }

    /// Makes the fees that wait the treasury's own balance; by the treasury or the owner.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn settle_fees(&self, account: Address, token: Option<Address>) -> Result<Sent, SendError> {
        self.send(&ContractCall::SettleFees { publisher: account, token }).await
    }

    /// Offers an item to another publisher.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn transfer(&self, item: ChainHash, to: Address) -> Result<Sent, SendError> {
        self.send(&ContractCall::TransferListing { item, to }).await
    }

    /// Takes an item that was offered.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn accept(&self, item: ChainHash) -> Result<Sent, SendError> {
        self.send(&ContractCall::AcceptListing { item }).await
    }

    /// Publishes an envelope for a purchase, 4096 bytes at most.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn deliver(
        &self,
        item: ChainHash,
        key: BuyerKey,
        envelope: Vec<u8>,
    ) -> Result<Sent, SendError> {
        self.send(&ContractCall::Deliver { item, key, envelope }).await
    }

    /// Stops purchases and listing, or lets them go on.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn pause(&self, paused: bool) -> Result<Sent, SendError> {
        self.send(if paused { &ContractCall::Pause } else { &ContractCall::Unpause }).await
    }

    /// Sets the platform's share for what is listed from now on, in hundredths of a percent.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn set_fee(&self, bps: u16) -> Result<Sent, SendError> {
        self.send(&ContractCall::SetFee { bps }).await
    }

    /// Says who gets the fees.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn set_treasury(&self, treasury: Address) -> Result<Sent, SendError> {
        self.send(&ContractCall::SetTreasury { treasury }).await
    }
}

fn deployment(owner: Address, treasury: Address, fee_bps: u16) -> Vec<u8> {
    let arguments =
        Marketplace::constructorCall { owner: address(owner), treasury: address(treasury), feeBps: fee_bps };
    [contract::bytecode(), arguments.abi_encode()].concat()
}

/// What a refund has to name, from the purchase.
#[must_use]
pub fn receipt(purchase: &ChainPurchase) -> PurchaseReceipt {
    PurchaseReceipt {
        payer: purchase.payer,
        publisher: purchase.publisher,
        token: purchase.token,
        amount: purchase.amount,
        fee: purchase.fee,
        paid_at: purchase.block_time,
    }
}
