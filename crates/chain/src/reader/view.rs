//! What the contract says when it is called.

use alloy::{primitives as evm, sol_types::SolCall};
use futures::future::try_join_all;
use sealpost_market::chain::{Address, BlockRef, BuyerKey, ChainHash};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Reader, block_of, heads::by_number};
use crate::{
    contract::{Erc20, Marketplace},
    convert::{address, hash, to_address, to_token, to_u128, token},
    endpoint::Endpoint,
    error::ChainError,
    fault::Fault,
    rpc::{Bytes, Wide},
};

/// How the contract sells an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Who listed it, and is paid.
    pub publisher: Address,
    /// The token of its price; the coin where absent.
    pub token: Option<Address>,
    /// Price in minor units.
    pub price: u128,
    /// The platform's share agreed when it was listed, in hundredths of a percent.
    pub fee_bps: u16,
    /// Whether it is sold.
    pub active: bool,
}

/// What the contract holds for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Of which token; the coin where absent.
    pub token: Option<Address>,
    /// What it can withdraw, in minor units.
    pub available: u128,
    /// The part of it that is the platform's share of sales, which has not yet become its own: the treasury's alone.
    pub unsettled_fees: u128,
}

/// An answer at a block that is named by its hash.
#[derive(PartialEq)]
enum At {
    Value(Vec<u8>),
    NoSuchBlock,
}

impl Reader {
    /// Whether the contract is there, on this chain.
    ///
    /// # Errors
    /// [`ChainError::NoContract`] and [`ChainError::NotMarketplace`], or when too few endpoints say the same.
    pub async fn check(&self) -> Result<(), ChainError> {
        self.fee_bps().await?;
        Ok(())
    }

    /// `verifyPurchase` of the contract at exactly this block.
    ///
    /// # Errors
    /// [`ChainError::NotCanonical`] when the block is not on the chain, or when too few endpoints say the same.
    pub async fn verified(&self, item: ChainHash, key: &BuyerKey, at: BlockRef) -> Result<bool, ChainError> {
        let call = Marketplace::verifyPurchaseCall {
            pluginId: hash(item),
            buyerPubkey: evm::Bytes::copy_from_slice(key.as_bytes()),
        };
        let data = call.abi_encode();
        let ask = |endpoint| self.call_at(endpoint, &data, at);
        match self.quorum().ask("verifyPurchase", ask).await? {
            At::Value(value) => returned::<Marketplace::verifyPurchaseCall>(self.contract(), &value),
            At::NoSuchBlock => Err(ChainError::NotCanonical(at.number)),
        }
    }

    /// How the contract sells an item; `None` when nobody ever listed it.
    ///
    /// # Errors
    /// [`ChainError`] when too few endpoints say the same.
    pub async fn listing(&self, item: ChainHash) -> Result<Option<Listed>, ChainError> {
        let found = self.view(self.contract(), &Marketplace::listingCall { pluginId: hash(item) }).await?;
        if found.publisher.is_zero() {
            return Ok(None);
        }
        let price = to_u128(found.price).ok_or(ChainError::NotMarketplace("a price that no token has"))?;
        Ok(Some(Listed {
            publisher: to_address(found.publisher),
            token: to_token(found.token),
            price,
            fee_bps: found.feeBps,
            active: found.active,
        }))
    }

    /// The platform's share for what is listed now, in hundredths of a percent.
    ///
    /// # Errors
    /// [`ChainError`] when too few endpoints say the same.
    pub async fn fee_bps(&self) -> Result<u16, ChainError> {
        self.view(self.contract(), &Marketplace::feeBpsCall {}).await
    }

    /// Who gets the fees.
    ///
    /// # Errors
    /// [`ChainError`] when too few endpoints say the same.
    pub async fn treasury(&self) -> Result<Address, ChainError> {
        self.view(self.contract(), &Marketplace::treasuryCall {}).await.map(to_address)
    }

    /// Who may pause the contract and set the fee.
    ///
    /// # Errors
    /// [`ChainError`] when too few endpoints say the same.
    pub async fn owner(&self) -> Result<Address, ChainError> {
        self.view(self.contract(), &Marketplace::ownerCall {}).await.map(to_address)
    }

    /// Whether purchases and listing are stopped.
    ///
    /// # Errors
    /// [`ChainError`] when too few endpoints say the same.
    pub async fn paused(&self) -> Result<bool, ChainError> {
        self.view(self.contract(), &Marketplace::pausedCall {}).await
    }

    /// What the contract holds for an account: the coin first, then the tokens of the settings.
    ///
    /// # Errors
    /// [`ChainError`] when too few endpoints say the same.
    pub async fn balances(&self, account: Address) -> Result<Vec<Balance>, ChainError> {
        let tokens =
            std::iter::once(None).chain(self.settings().tokens.iter().map(|token| Some(token.address)));
        try_join_all(tokens.map(|paid_in| self.balance(account, paid_in))).await
    }

    /// What the contract holds for an account in the coin, or in one token.
    ///
    /// # Errors
    /// [`ChainError`] when too few endpoints say the same.
    pub async fn balance(&self, account: Address, paid_in: Option<Address>) -> Result<Balance, ChainError> {
        let call = Marketplace::balanceOfCall { account: address(account), token: token(paid_in) };
        let held = self.view(self.contract(), &call).await?;
        let sum = |number| to_u128(number).ok_or(ChainError::NotMarketplace("a balance that no token has"));
        Ok(Balance {
            token: paid_in,
            available: sum(held.available)?,
            unsettled_fees: sum(held.unsettledFees)?,
        })
    }

    /// How much of a token the contract may take from an account. More than 128 bits count as all there is.
    ///
    /// # Errors
    /// [`ChainError`] when too few endpoints say the same.
    pub async fn allowance(&self, token: Address, owner: Address) -> Result<u128, ChainError> {
        let call = Erc20::allowanceCall { owner: address(owner), spender: address(self.contract()) };
        self.view(token, &call).await.map(|sum| to_u128(sum).unwrap_or(u128::MAX))
    }

    /// How much of a token, or of the coin, an account has.
    ///
    /// # Errors
    /// [`ChainError`] when too few endpoints say the same.
    pub async fn funds(&self, account: Address, token: Option<Address>) -> Result<u128, ChainError> {
        let Some(token) = token else {
            let params = |block| json!([account, block]);
            let Wide(sum) = self.at_tip("a balance", "eth_getBalance", params).await?;
            return Ok(sum);
        };
        let call = Erc20::balanceOfCall { account: address(account) };
        self.view(token, &call).await.map(|sum| to_u128(sum).unwrap_or(u128::MAX))
    }

    /// What a token's contract says of its decimals.
    ///
    /// # Errors
    /// [`ChainError`] when too few endpoints say the same.
    pub async fn token_decimals(&self, token: Address) -> Result<u8, ChainError> {
        self.view(token, &Erc20::decimalsCall {}).await
    }

    /// What a token's contract calls itself; nothing where it does not say so in the usual way. Anybody can give any name.
    ///
    /// # Errors
    /// [`ChainError`] when too few endpoints say the same.
    pub async fn token_symbol(&self, token: Address) -> Result<Option<String>, ChainError> {
        let call = call_of(token, &Erc20::symbolCall {}.abi_encode());
        let params = |block| json!([call, block]);
        let Bytes(value) = match self.at_tip("what a token is called", "eth_call", params).await {
            Ok(value) => value,
            // Whether it fails, is for those to ask who need it.
            Err(ChainError::Unreachable { answered: 0, .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(returned::<Erc20::symbolCall>(token, &value).ok())
    }

    async fn view<C: SolCall>(&self, to: Address, call: &C) -> Result<C::Return, ChainError> {
        let call = call_of(to, &call.abi_encode());
        let params = |block| json!([call, block]);
        let Bytes(value) = self.at_tip("what the contract says", "eth_call", params).await?;
        returned::<C>(to, &value)
    }

    /// The endpoints' newest blocks differ by one for a moment: then they are asked about the same one.
    async fn at_tip<T: DeserializeOwned + PartialEq>(
        &self,
        question: &'static str,
        method: &'static str,
        params: impl Fn(Value) -> Value,
    ) -> Result<T, ChainError> {
        let newest = params(json!("latest"));
        match self.quorum().ask(question, |endpoint| endpoint.call(method, newest.clone())).await {
            Err(ChainError::Disagreement { .. }) => {
                let same = params(by_number(self.latest().await?.at.number));
                self.quorum().ask(question, |endpoint| endpoint.call(method, same.clone())).await
            }
            outcome => outcome,
        }
    }

    /// By hash (EIP-1898), and where an endpoint takes none, by number with the hash looked up afterwards.
    async fn call_at(&self, endpoint: &Endpoint, data: &[u8], at: BlockRef) -> Result<At, Fault> {
        let by_hash = json!({ "blockHash": at.hash, "requireCanonical": true });
        match call_by(endpoint, self.contract(), data, by_hash).await {
            Ok(value) => return Ok(At::Value(value)),
            Err(Fault::Refused { .. }) => {}
            Err(fault) => return Err(fault),
        }
        let value = call_by(endpoint, self.contract(), data, by_number(at.number)).await;
        let there = block_of(endpoint, at.number).await?.is_some_and(|block| block.at == at);
        if there { value.map(At::Value) } else { Ok(At::NoSuchBlock) }
    }
}

/// Reads a value strictly: encoding it again gives the same bytes.
fn returned<C: SolCall>(to: Address, value: &[u8]) -> Result<C::Return, ChainError> {
    if value.is_empty() {
        return Err(ChainError::NoContract(to));
    }
    C::abi_decode_returns_validate(value)
        .ok()
        .filter(|decoded| C::abi_encode_returns(decoded) == value)
        .ok_or(ChainError::NotMarketplace("it gives back another kind of value"))
}

async fn call_by(endpoint: &Endpoint, to: Address, data: &[u8], block: Value) -> Result<Vec<u8>, Fault> {
    let Bytes(value) = endpoint.call("eth_call", json!([call_of(to, data), block])).await?;
    Ok(value)
}

fn call_of(to: Address, data: &[u8]) -> Value {
    json!({ "to": to, "data": format!("0x{}", hex::encode(data)) })
}
