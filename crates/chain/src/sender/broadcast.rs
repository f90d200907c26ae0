//! From a call to a transaction that the endpoints have.

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxLegacy, transaction::RlpEcdsaEncodableTx},
    primitives as evm,
};
use sealpost_market::chain::{Address, ChainHash, keccak256};
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

/// A call by somebody.
pub(super) struct Draft {
    pub(super) from: Address,
    pub(super) to: evm::TxKind,
    pub(super) data: evm::Bytes,
    pub(super) value: u128,
}

/// What a unit of gas may cost, in wei.
enum Price {
    Eip1559 { most: u128, tip: u128 },
    Legacy { price: u128 },
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
    /// Estimates, prices, and signs.
    pub(super) async fn prepare(&self, draft: &Draft) -> Result<Vec<u8>, SendError> {
        // First, because endpoints say of an account without money that the call fails.
        let has = self.reader.funds(self.address(), None).await?;
        if has < draft.value {
            return Err(SendError::Funds { has, needs: draft.value });
        }
        let (gas, price, nonce) = futures::try_join!(self.gas(draft), self.price(), self.nonce())?;
        let fee = u128::from(gas).saturating_mul(price.most());
        if fee > self.max_fee {
            return Err(SendError::FeeTooHigh { fee, most: self.max_fee });
        }
        let needs = fee.saturating_add(draft.value);
        if has < needs {
            return Err(SendError::Funds { has, needs });
        }
        let chain_id = self.reader.settings().chain_id;
        let (to, value, input) = (draft.to, evm::U256::from(draft.value), draft.data.clone());
        Ok(match price {
            Price::Eip1559 { most, tip } => self.signed(TxEip1559 {
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
            Price::Legacy { price } => self.signed(TxLegacy {
                chain_id: Some(chain_id),
                nonce,
                gas_price: price,
                gas_limit: gas,
                to,
                value,
                input,
            }),
        })
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

    fn signed<T: SignableTransaction<evm::Signature> + RlpEcdsaEncodableTx>(
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
        let gas: u64 = self.reader.quorum().middle("the gas", ask).await.map_err(refused)?;
        Ok(gas.saturating_mul(MARGIN) / 100)
    }

    /// Twice the base fee lets it wait for some full blocks.
    async fn price(&self) -> Result<Price, SendError> {
        let Some(base) = self.reader.latest().await?.base_fee else {
            let price = self.middle_of("eth_gasPrice").await.map_err(Split::into_error)?;
            return Ok(Price::Legacy { price });
        };
        let tip = match self.middle_of("eth_maxPriorityFeePerGas").await {
            Ok(tip) => tip,
            Err(split) if split.is_refusal() => USUAL_TIP,
            Err(split) => return Err(split.into_error().into()),
        };
        Ok(Price::Eip1559 { most: base.saturating_mul(2).saturating_add(tip), tip })
    }

    async fn middle_of(&self, method: &'static str) -> Result<u128, Split<u128>> {
        let ask = |endpoint| async move {
            let Wide(wei) = Endpoint::call(endpoint, method, json!([])).await?;
            Ok(wei)
        };
        self.reader.quorum().middle("the price of gas", ask).await
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
    fn most(&self) -> u128 {
        match self {
            Self::Eip1559 { most, .. } => *most,
            Self::Legacy { price } => *price,
        }
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
