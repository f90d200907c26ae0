//! The contract as the commands use it: questions, and transactions with what a person is told of them.

use sealpost_api::chain::ChainInfo;
use sealpost_chain::{
    Balance, Listed, Reader, SendError, Sender, Sent, Settings, Signer, call_data, receipt,
};
use sealpost_envelope::ErrorCode as _;
use sealpost_market::chain::{
    Address, BuyerKey, CallData, ChainEvent, ChainHash, ChainPurchase, ContractCall, TxOutcome, keccak256,
    network_text,
};
use serde_json::json;
use url::Url;

use super::{
    coins::{coin_name, coin_text},
    options::{Node, Signing},
};
use crate::{
    failure::{Failure, Result},
    offline::failed,
};

/// A contract, by endpoints that serve its chain.
pub(super) struct Contract {
    reader: Reader,
    chain_id: u64,
    /// Nothing of the contract is before this block.
    first: u64,
}

/// What is sent.
pub(super) enum Call {
    /// One of the rules' calls.
    Market(ContractCall),
    /// Offers the contract to an owner to be.
    OfferOwnership(Address),
    /// Becomes its owner.
    AcceptOwnership,
}

impl Call {
    /// Gives a payment back.
    pub(super) fn refund(purchase: &ChainPurchase) -> Self {
        let (item, key) = (purchase.item, purchase.buyer_key.clone());
        Self::Market(ContractCall::Refund { item, key, receipt: receipt(purchase) })
    }
}

/// How many blocks are searched at a time for one event, from the newest back.
const STRIDE: u64 = 50_000;

impl Contract {
    /// The contract of a store, by the endpoints that were named for it.
    pub(super) fn connect(info: &ChainInfo, address: Address, node: &Node) -> Result<Self> {
        let rpc = node.rpc.endpoints(&format!("chain {}", network_text(info.chain_id)))?;
        let settings = settings(info.chain_id, address, &rpc)?;
        let reader = Reader::new(settings).map_err(failed)?;
        Ok(Self { reader, chain_id: info.chain_id, first: info.from_block })
    }

    /// The most that the network may take for a call, in wei; an error where it would fail.
    pub(super) async fn highest_fee(&self, signing: &Signing, signer: &Signer, call: &Call) -> Result<u128> {
        let sender = self.sender(signing, signer)?;
        let fee = sender.highest_fee(&self.data(call)).await.map_err(|error| self.unsent(error))?;
        match fee > signing.most_fee() {
            true => Err(self.unsent(SendError::FeeTooHigh { fee, most: signing.most_fee() })),
            false => Ok(fee),
        }
    }

    /// Sends a call that was agreed to, and waits until it is in a block.
    pub(super) async fn send_quietly(&self, signing: &Signing, signer: &Signer, call: &Call) -> Result<Sent> {
        let sender = self.sender(signing, signer)?;
        let sent = match call {
            Call::Market(call) => sender.send(call).await,
            Call::OfferOwnership(_) | Call::AcceptOwnership => sender.send_data(&self.data(call)).await,
        };
        sent.map_err(|error| self.unsent(error))
    }

    /// Lets the contract take so much of a token, where it may not already.
    pub(super) async fn approve(
        &self,
        signing: &Signing,
        signer: &Signer,
        token: Address,
        amount: u128,
    ) -> Result<()> {
        let approved = self.sender(signing, signer)?.approve(token, amount).await;
        approved.map(drop).map_err(|error| self.unsent(error))
    }

    /// Pays; a token has to be approved before.
    pub(super) async fn purchase(
        &self,
        signing: &Signing,
        signer: &Signer,
        call: &ContractCall,
    ) -> Result<ChainHash> {
        match self.sender(signing, signer)?.send(call).await {
            Ok(sent) => Ok(sent.tx),
            Err(error) => {
                // An earlier payment of ours came into a block meanwhile.
                let before = error.revert().is_some_and(|revert| revert.name == "AlreadyPurchased");
                let found = match call {
                    ContractCall::Purchase { item, key, .. } if before => {
                        self.purchase_of(*item, key).await?
                    }
                    _ => None,
                };
                found.ok_or_else(|| self.unsent(error))
            }
        }
    }

    /// Gives a payment back, with what the contract no longer holds of it.
    pub(super) async fn refund(
        &self,
        signing: &Signing,
        signer: &Signer,
        purchase: &ChainPurchase,
        shortfall: u128,
    ) -> Result<Sent> {
        let sent = self.sender(signing, signer)?.refund(purchase, shortfall).await;
        sent.map_err(|error| self.unsent(error))
    }

    pub(super) async fn owner(&self) -> Result<Address> {
        self.reader.owner().await.map_err(failed)
    }

    pub(super) async fn treasury(&self) -> Result<Address> {
        self.reader.treasury().await.map_err(failed)
    }

    pub(super) async fn paused(&self) -> Result<bool> {
        self.reader.paused().await.map_err(failed)
    }

    /// The platform's share for what is listed now.
    pub(super) async fn fee_bps(&self) -> Result<u16> {
        self.reader.fee_bps().await.map_err(failed)
    }

    /// How an item is sold; nothing where nobody ever listed it.
    pub(super) async fn listing(&self, item: ChainHash) -> Result<Option<Listed>> {
        self.reader.listing(item).await.map_err(failed)
    }

    /// What the contract holds for an account.
    pub(super) async fn balance(&self, account: Address, token: Option<Address>) -> Result<Balance> {
        self.reader.balance(account, token).await.map_err(failed)
    }

    /// What an account has itself.
    pub(super) async fn funds(&self, account: Address, token: Option<Address>) -> Result<u128> {
        self.reader.funds(account, token).await.map_err(failed)
    }

    /// A token's decimals, and what it calls itself.
    pub(super) async fn token(&self, token: Address) -> Result<(u8, Option<String>)> {
        let decimals = self.reader.token_decimals(token).await.map_err(failed)?;
        Ok((decimals, self.reader.token_symbol(token).await.map_err(failed)?))
    }

    /// How much of a token the contract may take from an account.
    pub(super) async fn allowance(&self, token: Address, owner: Address) -> Result<u128> {
        self.reader.allowance(token, owner).await.map_err(failed)
    }

    /// Whether a purchase stands in the newest block.
    pub(super) async fn verified(&self, item: ChainHash, key: &BuyerKey) -> Result<bool> {
        let heads = self.reader.heads().await.map_err(failed)?;
        self.reader.verified(item, key, heads.latest).await.map_err(failed)
    }

    /// The latest transaction that bought an item for a key.
    pub(super) async fn purchase_of(&self, item: ChainHash, key: &BuyerKey) -> Result<Option<ChainHash>> {
        for (from, to) in self.strides().await? {
            let events = self.reader.events(from, to).await.map_err(failed)?;
            let found = events.into_iter().rev().find_map(|event| match event {
                ChainEvent::Purchased(paid) if paid.item == item && paid.buyer_key == *key => Some(paid.tx),
                _ => None,
            });
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The purchases of a transaction; none while it is in no block.
    pub(super) async fn purchases_in(&self, tx: ChainHash) -> Result<Vec<ChainPurchase>> {
        match self.reader.transaction(tx).await.map_err(failed)? {
            TxOutcome::Mined { purchases, .. } => Ok(purchases),
            _ => Ok(Vec::new()),
        }
    }

    /// The latest envelope that was published for a purchase.
    pub(super) async fn delivered(&self, item: ChainHash, key: &BuyerKey) -> Result<Option<Vec<u8>>> {
        for (from, to) in self.strides().await? {
            let found = self.reader.delivered(item, key, from, to).await.map_err(failed)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// What whoever gives a purchase back has to add: what its publisher and the share that waits no longer cover.
    pub(super) async fn shortfall(&self, purchase: &ChainPurchase) -> Result<u128> {
        let waiting = self.balance(self.treasury().await?, purchase.token).await?.unsettled_fees;
        let publisher = self.balance(purchase.publisher, purchase.token).await?;
        let earned = publisher.available.saturating_sub(publisher.unsettled_fees);
        Ok(receipt(purchase).shortfall(earned, waiting))
    }

    /// Ranges of blocks from the newest back to the contract's first.
    async fn strides(&self) -> Result<impl Iterator<Item = (u64, u64)> + use<>> {
        let newest = self.reader.heads().await.map_err(failed)?.latest.number;
        Ok(strides(self.first, newest))
    }
}

impl Contract {
    fn sender(&self, signing: &Signing, signer: &Signer) -> Result<Sender> {
        let reader = Reader::new(self.reader.settings().clone()).map_err(failed)?;
        Ok(signing.limits(Sender::new(reader, signer.clone())))
    }

    fn data(&self, call: &Call) -> CallData {
        match call {
            Call::Market(call) => call_data(self.reader.contract(), call),
            Call::OfferOwnership(to) => self.ownership("transferOwnership(address)", Some(*to)),
            Call::AcceptOwnership => self.ownership("acceptOwnership()", None),
        }
    }

    fn ownership(&self, signature: &str, to: Option<Address>) -> CallData {
        let mut data = keccak256(signature.as_bytes()).as_bytes()[..4].to_vec();
        if let Some(to) = to {
            data.extend([0; 12]);
            data.extend(to.as_bytes());
        }
        CallData { to: self.reader.contract(), data, value: 0 }
    }

    fn unsent(&self, error: SendError) -> Failure {
        unsent(error, self.chain_id)
    }
}

fn strides(first: u64, newest: u64) -> impl Iterator<Item = (u64, u64)> {
    let ends = std::iter::successors(Some(newest), |end| end.checked_sub(STRIDE));
    let ends = ends.take_while(move |end| *end >= first);
    ends.map(move |end| (end.saturating_sub(STRIDE - 1).max(first), end))
}

/// Settings for these endpoints. Only how blocks settle is left as it is: whoever sends waits for a block alone.
pub(super) fn settings(chain_id: u64, contract: Address, rpc: &[Url]) -> Result<Settings> {
    let rpc: Vec<_> = rpc.iter().map(Url::as_str).collect();
    let table = json!({ "id": chain_id, "contract": contract, "rpc": rpc });
    serde_json::from_value(table).map_err(|error| {
        Failure::usage("chain_settings", error.to_string().replace("`rpc`", "--rpc"))
            .hint("name an https:// endpoint, or several of different providers; http:// is for this machine and network")
    })
}

/// Why a transaction did not do its work, with money as people read it.
pub(super) fn unsent(error: SendError, chain_id: u64) -> Failure {
    let money = |wei: u128| coin_text(chain_id, wei);
    match &error {
        SendError::Funds { has, needs } => Failure::new(
            error.code(),
            format!("your address has {}; this takes {} with the network's fee", money(*has), money(*needs)),
        )
        .hint(format!("send some {} to that address", coin_name(chain_id))),
        SendError::FeeTooHigh { fee, most } => Failure::new(
            error.code(),
            format!("the network's fee could reach {}, and you pay at most {}", money(*fee), money(*most)),
        )
        .hint("wait for a calmer hour, ask another endpoint, or raise --max-fee"),
        SendError::NotMined { .. } => Failure::new(error.code(), error.to_string()).hint(
            "wait, and look it up in an explorer before you send anything else; --timeout waits longer",
        ),
        _ => failed(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_from_the_first_to_the_newest_is_searched_once_and_none_before() {
        for (first, newest) in
            [(0, 0), (0, 7), (7, 7), (3, STRIDE), (1, STRIDE), (5, 3 * STRIDE + 4), (5, 3 * STRIDE)]
        {
            let mut expected = newest;
            let found: Vec<_> = strides(first, newest).collect();
            for (index, (from, to)) in found.iter().enumerate() {
                assert!(*to == expected && from <= to && to - from < STRIDE, "{first}..={newest}: {found:?}");
                assert_eq!(index + 1 == found.len(), *from == first);
                expected = from.saturating_sub(1);
            }
            assert!(!found.is_empty());
        }
        assert_eq!(strides(9, 8).count(), 0);
    }
}
