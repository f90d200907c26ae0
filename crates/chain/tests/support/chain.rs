//! A chain that exists in a test alone, as an honest endpoint tells it.

use alloy::{
    primitives::{Bytes, U256},
    sol_types::SolEvent,
};
use sealpost_chain::contract::Marketplace;
use sealpost_market::chain::{Address, BlockRef, BuyerKey, ChainHash, item_id, keccak256};
use serde_json::{Value, json};

use super::endpoint::Reply;

pub(crate) const CONTRACT: Address = Address::new([0xc0; 20]);
pub(crate) const HEIGHT: u64 = 100;
pub(crate) const YES: &str = "0x0000000000000000000000000000000000000000000000000000000000000001";
pub(crate) const NO: &str = "0x0000000000000000000000000000000000000000000000000000000000000000";

/// Blocks 0 to [`HEIGHT`]; some hold a purchase each.
#[derive(Clone)]
pub(crate) struct Chain {
    pub(crate) purchases: Vec<u64>,
    /// Where another chain begins, for an endpoint that follows that one.
    pub(crate) forked_at: u64,
    pub(crate) contract: Address,
}

impl Chain {
    pub(crate) fn new(purchases: &[u64]) -> Self {
        Self { purchases: purchases.to_vec(), forked_at: u64::MAX, contract: CONTRACT }
    }

    pub(crate) fn item() -> ChainHash {
        item_id("com.publisher.my-plugin@1.0.0")
    }

    pub(crate) fn key(block: u64) -> BuyerKey {
        BuyerKey::from_chain([&[2_u8; 25][..], &block.to_be_bytes()].concat())
    }

    pub(crate) fn tx(block: u64) -> ChainHash {
        keccak256(&[&b"tx"[..], &block.to_be_bytes()].concat())
    }

    pub(crate) fn block(&self, number: u64) -> BlockRef {
        let chain = if number >= self.forked_at { b"fork!" } else { b"block" };
        BlockRef { number, hash: keccak256(&[&chain[..], &number.to_be_bytes()].concat()) }
    }

    /// What an honest endpoint answers.
    pub(crate) fn answer(&self, method: &str, params: &Value) -> Reply {
        Reply::Result(match method {
            "eth_chainId" => json!("0x1"),
            "eth_blockNumber" => json!(format!("{HEIGHT:#x}")),
            "eth_getBlockByNumber" => match params[0].as_str().unwrap_or_default() {
                "finalized" | "safe" => self.head(HEIGHT - 10),
                number => match number_of(number) {
                    number if number <= HEIGHT => self.head(number),
                    _ => Value::Null,
                },
            },
            "eth_getLogs" => {
                let bound = |name: &str| number_of(params[0][name].as_str().unwrap_or_default());
                let within = |block: &&u64| (bound("fromBlock")..=bound("toBlock")).contains(*block);
                self.purchases.iter().filter(within).flat_map(|block| self.logs(*block)).collect()
            }
            "eth_getTransactionReceipt" => {
                let mined = self.purchases.iter().find(|block| params[0] == json!(Self::tx(**block)));
                mined.map_or(Value::Null, |block| self.receipt(*block))
            }
            "eth_getTransactionByHash" => Value::Null,
            "eth_call" => match params[0]["data"].as_str().unwrap_or_default() {
                data if data.starts_with(&selector("feeBps()")) => json!(YES),
                _ => json!(YES),
            },
            _ => return Reply::Error(json!({ "code": -32601, "message": "no such method" })),
        })
    }

    pub(crate) fn head(&self, number: u64) -> Value {
        json!({
            "number": format!("{number:#x}"),
            "hash": self.block(number).hash,
            "timestamp": format!("{:#x}", 1_700_000_000 + number * 12),
            "baseFeePerGas": "0x3b9aca00",
            "transactions": [],
        })
    }

    pub(crate) fn receipt(&self, block: u64) -> Value {
        json!({
            "transactionHash": Self::tx(block),
            "blockNumber": format!("{block:#x}"),
            "blockHash": self.block(block).hash,
            "status": "0x1",
            "gasUsed": "0x5208",
            "contractAddress": null,
            "logs": self.logs(block),
        })
    }

    pub(crate) fn logs(&self, block: u64) -> Vec<Value> {
        let key = Self::key(block);
        let purchased = Marketplace::PluginPurchased {
            pluginId: Self::item().as_bytes().into(),
            buyerPubkey: Bytes::copy_from_slice(key.as_bytes()),
            amount: U256::from(1000 + block),
            platformFee: U256::from(150),
        };
        let recorded = Marketplace::PurchaseRecorded {
            pluginId: Self::item().as_bytes().into(),
            buyerKeyHash: key.hash().as_bytes().into(),
            payer: [1; 20].into(),
            publisher: [2; 20].into(),
            token: [0; 20].into(),
        };
        vec![self.log(block, 3, &purchased), self.log(block, 4, &recorded)]
    }

    fn log(&self, block: u64, index: u64, event: &impl SolEvent) -> Value {
        let data = event.encode_log_data();
        json!({
            "address": self.contract,
            "topics": data.topics().iter().map(ToString::to_string).collect::<Vec<_>>(),
            "data": data.data.to_string(),
            "blockNumber": format!("{block:#x}"),
            "blockHash": self.block(block).hash,
            "transactionHash": Self::tx(block),
            "logIndex": format!("{index:#x}"),
            "removed": false,
        })
    }
}

pub(crate) fn number_of(text: &str) -> u64 {
    u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap_or(u64::MAX)
}

fn selector(signature: &str) -> String {
    keccak256(signature.as_bytes()).to_string()[..10].to_owned()
}
