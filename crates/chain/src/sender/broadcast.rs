//! From a call to a transaction that the endpoints have.

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxLegacy, transaction::RlpEcdsaEncodableTx},
    primitives as evm,
};
use sealpost_market::chain::{Address, CallData, ChainHash, keccak256};
use serde_json::{Value, json};

use super::{SendError, Sender};
use crate::{
    endpoint::Endpoint,
    fault::Fault,
    quorum::Split,
    revert::Revert,
    rpc::{Quantity, Wide},
};

/// Hundredths of the estimate: the state may differ a little when it is mined.
const MARGIN: u64 = 125;
/// Where endpoints know no priority fee: a gwei.
const USUAL_TIP: u128 = 1_000_000_000;
/// A tip is at most twice the base fee, or 30 gwei where that is more, which is what some chains want at least: whatever endpoints
/// say, more brings nothing.
const MOST_TIP: u128 = 30_000_000_000;

/// A call by somebody.
pub(super) struct Draft {
    pub(super) from: Address,
    pub(super) to: evm::TxKind,
    pub(super) data: evm::Bytes,
    pub(super) value: u128,
}

/// What a unit of gas may cost, in wei.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Price {
    Eip1559 { most: u128, tip: u128 },
    Legacy { price: u128 },
}

/// A transaction, but for its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) nonce: u64,
    pub(super) gas: u64,
    pub(super) price: Price,
    pub(super) to: evm::TxKind,
    pub(super) value: u128,
    pub(super) data: evm::Bytes,
}

impl Draft {
    pub(super) fn json(&self) -> Value {
        let mut call = json!({
            "from": self.from,
            "data": format!("0x{}", hex::encode(&self.data)),
            "value": format!("{:#x}", self.value),
        });
        if let evm::TxKind::Call(to) = self.to {
            call["to"] = json!(format!("0x{}", hex::encode(to)));
        }
        call
    }
}

impl Sender {
    /// The most that a call can cost in fees now, in wei. Nothing is sent.
    ///
    /// # Errors
    /// As [`Sender::send`]: what would revert has no price.
    pub async fn highest_fee(&self, call: &CallData) -> Result<u128, SendError> {
        let to = evm::TxKind::Call(evm::Address::new(*call.to.as_bytes()));
        self.highest_fee_of(to, &call.data, call.value).await
    }

    pub(super) async fn highest_fee_of(
        &self,
        to: evm::TxKind,
        data: &[u8],
        value: u128,
    ) -> Result<u128, SendError> {
        let draft = Draft { from: self.address(), to, data: data.to_vec().into(), value };
        self.affordable(draft.value).await?;
        let (gas, price) = futures::try_join!(self.gas(&draft), self.price())?;
        Ok(price.fee(gas))
    }

    /// Estimates, prices, and signs.
    pub(super) async fn prepare(&self, draft: &Draft) -> Result<Vec<u8>, SendError> {
        // First, because endpoints say of an account without money that the call fails.
        let has = self.affordable(draft.value).await?;
        let (gas, price, nonce) = futures::try_join!(self.gas(draft), self.price(), self.nonce())?;
        let Draft { to, value, ref data, .. } = *draft;
        let plan = Plan { nonce, gas, price, to, value, data: data.clone() };
        self.granted(&plan, has)?;
        Ok(self.signed(&plan))
    }

    /// What the account has, where that is this much.
    pub(super) async fn affordable(&self, value: u128) -> Result<u128, SendError> {
        let has = self.reader.funds(self.address(), None).await?;
        if has < value { Err(SendError::Funds { has, needs: value }) } else { Ok(has) }
    }

    /// Whether its fee is within what was granted, and what the account has.
    pub(super) fn granted(&self, plan: &Plan, has: u128) -> Result<(), SendError> {
        let fee = plan.price.fee(plan.gas);
        if fee > self.max_fee {
            return Err(SendError::FeeTooHigh { fee, most: self.max_fee });
        }
        let needs = fee.saturating_add(plan.value);
        if has < needs { Err(SendError::Funds { has, needs }) } else { Ok(()) }
    }

    /// The same plan gives the same bytes each time: signatures are deterministic (RFC 6979).
    pub(super) fn signed(&self, plan: &Plan) -> Vec<u8> {
        let chain_id = self.reader.settings().chain_id;
        let Plan { nonce, gas, price, to, value, ref data } = *plan;
        let (value, input) = (evm::U256::from(value), data.clone());
        match price {
            Price::Eip1559 { most, tip } => self.encoded(TxEip1559 {
                chain_id,
                nonce,
                gas_limit: gas,
                max_fee_per_gas: most,
                max_priority_fee_per_gas: tip,
                to,
                value,
                access_list: Default::default(),
                input,
            }),
            Price::Legacy { price } => self.encoded(TxLegacy {
                chain_id: Some(chain_id),
                nonce,
                gas_price: price,
                gas_limit: gas,
                to,
                value,
                input,
            }),
        }
    }

    /// Gives the transaction to the endpoints. One that takes it is enough, and more hear of it.
    pub(super) async fn broadcast(&self, raw: &[u8]) -> Result<ChainHash, SendError> {
        let tx = keccak256(raw);
        let text = format!("0x{}", hex::encode(raw));
        let ask = |endpoint| {
            let params = json!([text]);
            async move {
                match Endpoint::call::<ChainHash>(endpoint, "eth_sendRawTransaction", params).await {
                    Ok(hash) if hash == tx => Ok(hash),
                    Ok(_) => Err(Fault::Garbage("it is another transaction")),
                    Err(Fault::Refused { message, .. }) if is_known(&message) => Ok(tx),
                    Err(fault) => Err(fault),
                }
            }
        };
        match self.reader.quorum().tally("a transaction to send", ask).await {
            Ok(tx) => Ok(tx),
            Err(split) if !split.answers.is_empty() => Ok(tx),
            Err(split) => Err(refused(split)),
        }
    }

    fn encoded<T: SignableTransaction<evm::Signature> + RlpEcdsaEncodableTx>(
        &self,
        transaction: T,
    ) -> Vec<u8> {
        let signature = self.signer.sign(transaction.signature_hash());
        let mut raw = Vec::new();
        transaction.eip2718_encode(&signature, &mut raw);
        raw
    }

    async fn gas(&self, draft: &Draft) -> Result<u64, SendError> {
        let call = draft.json();
        let ask = |endpoint| {
            let params = json!([call]);
            async move {
                let Quantity(gas) = Endpoint::call(endpoint, "eth_estimateGas", params).await?;
                Ok(gas)
            }
        };
        let gas: u64 = self.reader.quorum().lowest("the gas", ask).await.map_err(refused)?;
        Ok(gas.saturating_mul(MARGIN) / 100)
    }

    /// Twice the base fee lets it wait for some full blocks.
    pub(super) async fn price(&self) -> Result<Price, SendError> {
        let Some(base) = self.reader.latest().await?.base_fee else {
            let price = self.lowest_of("eth_gasPrice").await.map_err(Split::into_error)?;
            return Ok(Price::Legacy { price });
        };
        let tip = match self.lowest_of("eth_maxPriorityFeePerGas").await {
            Ok(tip) => tip,
            Err(split) if split.is_refusal() => USUAL_TIP,
            Err(split) => return Err(split.into_error().into()),
        };
        let twice = base.saturating_mul(2);
        let tip = tip.min(twice.max(MOST_TIP));
        Ok(Price::Eip1559 { most: twice.saturating_add(tip), tip })
    }

    async fn lowest_of(&self, method: &'static str) -> Result<u128, Split<u128>> {
        let ask = |endpoint| async move {
            let Wide(wei) = Endpoint::call(endpoint, method, json!([])).await?;
            Ok(wei)
        };
        self.reader.quorum().lowest("the price of gas", ask).await
    }

    async fn nonce(&self) -> Result<u64, SendError> {
        let account = self.address();
        let ask = |endpoint| async move {
            let Quantity(nonce) =
                Endpoint::call(endpoint, "eth_getTransactionCount", json!([account, "pending"])).await?;
            Ok(nonce)
        };
        Ok(self.reader.quorum().reached("the account's transactions", 0, ask).await?)
    }
}

impl Price {
    /// What so much gas costs at most.
    fn fee(self, gas: u64) -> u128 {
        let (Self::Eip1559 { most, .. } | Self::Legacy { price: most }) = self;
        u128::from(gas).saturating_mul(most)
    }
}

/// Whether an endpoint says that it has the transaction already.
fn is_known(message: &str) -> bool {
    let message = message.to_lowercase();
    ["already known", "already imported", "known transaction"].iter().any(|words| message.contains(words))
}

/// What the endpoints said, by its meaning where it has one.
fn refused<T>(split: Split<T>) -> SendError {
    if let Some(data) = split.faults.iter().find_map(|(_, fault)| fault.revert()) {
        return SendError::Reverted(Revert::decode(data));
    }
    let words = split.faults.iter().find_map(|(host, fault)| match fault {
        Fault::Refused { message, .. } => Some(format!("{host}: {message}")),
        _ => None,
    });
    match words {
        Some(words) => SendError::Refused(words),
        None => SendError::Chain(split.into_error()),
    }
}
