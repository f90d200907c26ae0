//! JSON-RPC by hand: what a node says, without a library that could be wrong the same way as the store's.

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::SolCall;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::abi;
use crate::person::client;

/// More than any call of the tests needs; given by hand, so that transactions that will fail are sent too.
const GAS: u64 = 3_000_000;

/// An endpoint of a node.
#[derive(Clone, Debug)]
pub struct Rpc {
    /// Where it answers.
    pub url: String,
    http: reqwest::Client,
}

impl Rpc {
    /// The endpoint at `url`.
    pub fn new(url: &str) -> Result<Self> {
        Ok(Self { url: url.to_owned(), http: client()? })
    }

    /// One question; an error of the node is an error.
    pub async fn ask(&self, method: &str, params: Value) -> Result<Value> {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let mut answer: Value = self.http.post(&self.url).json(&body).send().await?.json().await?;
        match answer.get("error") {
            Some(error) => bail!("{method}: {error}"),
            None => Ok(answer["result"].take()),
        }
    }

    /// Hands a transaction of one of the node's own accounts to its pool.
    pub async fn send(&self, from: Address, to: Option<Address>, data: &Bytes, value: U256) -> Result<B256> {
        let mut transaction =
            json!({"from": from, "data": data, "value": value, "gas": format!("0x{GAS:x}")});
        if let Some(to) = to {
            transaction["to"] = json!(to);
        }
        hash(&self.ask("eth_sendTransaction", json!([transaction])).await?)
    }

    /// The signed bytes of a transaction, to send it again after a reorganisation.
    pub async fn raw(&self, tx: B256) -> Result<Value> {
        let raw = self.ask("eth_getRawTransactionByHash", json!([tx])).await?;
        if raw.is_null() { bail!("{tx} is not there") } else { Ok(raw) }
    }

    /// Receipt of a mined transaction.
    pub async fn receipt(&self, tx: B256) -> Result<Option<Value>> {
        let receipt = self.ask("eth_getTransactionReceipt", json!([tx])).await?;
        Ok(if receipt.is_null() { None } else { Some(receipt) })
    }

    /// A view call at the newest block.
    pub async fn view<C: SolCall>(&self, to: Address, call: &C) -> Result<C::Return> {
        let answer = self.ask("eth_call", json!([{"to": to, "data": abi::data(call)}, "latest"])).await?;
        let bytes: Bytes = serde_json::from_value(answer)?;
        Ok(C::abi_decode_returns(&bytes)?)
    }

    /// Wei of an account.
    pub async fn coins(&self, account: Address) -> Result<U256> {
        Ok(serde_json::from_value(self.ask("eth_getBalance", json!([account, "latest"])).await?)?)
    }

    /// Number of the block with this tag.
    pub async fn height(&self, tag: &str) -> Result<u64> {
        let block = self.ask("eth_getBlockByNumber", json!([tag, false])).await?;
        let number = block["number"].as_str().context("a block without a number")?;
        Ok(u64::from_str_radix(number.trim_start_matches("0x"), 16)?)
    }
}

/// A hash as an answer holds it.
pub(crate) fn hash(value: &Value) -> Result<B256> {
    value.as_str().context("no hash")?.parse().context("no hash")
}
