//! Endpoints that lie, fall silent or die: what the majority says counts.

use alloy::primitives::{Address, B256};
use anyhow::{Context, Result, ensure};
use sealpost_tests::chain::abi;
use sealpost_tests::chain::bazaar::{
    Bazaar, FEE_BPS, OTHER, PAYER, PUBLISHER, Sale, TREASURY, Wishes, purchase,
};
use sealpost_tests::chain::buyer::Buyer;
use sealpost_tests::chain::endpoint::Endpoint;
use serde_json::{Value, json};

const PLUGIN: &str = "org.example.adder";
const TRUE: &str = "0x0000000000000000000000000000000000000000000000000000000000000001";
const FALSE: &str = "0x0000000000000000000000000000000000000000000000000000000000000000";

async fn three(agree: Option<usize>) -> Result<Bazaar> {
    Bazaar::start_with(Wishes { endpoints: 3, agree, ..Wishes::default() }).await
}

/// A purchase that looks like a real one but for its contract, and what it would look like there.
async fn elsewhere(bazaar: &Bazaar, sale: &Sale, buyer: &Buyer) -> Result<(B256, Forgery)> {
    let code = abi::marketplace(bazaar.account(OTHER), bazaar.account(TREASURY), FEE_BPS)?;
    let other = bazaar.node.deploy(bazaar.account(OTHER), &code).await?;
    bazaar.list_at(other, sale, bazaar.account(PUBLISHER)).await?;
    let tx = bazaar.pay_at(other, sale, buyer).await?;
    let receipt = bazaar.node.rpc.receipt(tx).await?.context("not mined")?;
    let forgery = Forgery { tx, from: other, to: bazaar.contract, receipt };
    Ok((tx, forgery))
}

#[derive(Clone)]
struct Forgery {
    tx: B256,
    from: Address,
    to: Address,
    receipt: Value,
}

impl Forgery {
    /// Has an endpoint say that the purchase was made at the store's contract, whatever it is asked.
    fn told_by(&self, endpoint: &Endpoint) {
        let Self { tx, from, to, receipt } = self.clone();
        let forged = move |value: &Value| -> Value {
            let text = value.to_string().to_lowercase();
            let text = text.replace(&format!("{from:#x}"), &format!("{to:#x}"));
            serde_json::from_str(&keep_names(&text)).unwrap_or(Value::Null)
        };
        let receipt = forged(&receipt);
        endpoint.lie(move |method, params, said| match method {
            "eth_getTransactionReceipt" if params[0] == tx.to_string() => *said = receipt.clone(),
            "eth_getTransactionByHash" if params[0] == tx.to_string() => *said = forged(said),
            "eth_getLogs" => {
                if let Some(logs) = said.as_array_mut() {
                    logs.extend(receipt["logs"].as_array().cloned().unwrap_or_default());
                }
            }
            "eth_call" => *said = json!(TRUE),
            _ => {}
        });
    }
}

/// JSON-RPC's names are in camel case.
fn keep_names(text: &str) -> String {
    let mut text = text.to_owned();
    for name in [
        "blockHash",
        "blockNumber",
        "blockTimestamp",
        "transactionHash",
        "transactionIndex",
        "logIndex",
        "logsBloom",
        "cumulativeGasUsed",
        "gasUsed",
        "effectiveGasPrice",
        "contractAddress",
        "blobGasPrice",
        "chainId",
        "gasPrice",
        "maxFeePerGas",
        "maxPriorityFeePerGas",
        "accessList",
        "yParity",
    ] {
        text = text.replace(&format!("\"{}\":", name.to_lowercase()), &format!("\"{name}\":"));
    }
    text
}

/// Has an endpoint deny that anything was ever bought.
fn deny(endpoint: &Endpoint) {
    endpoint.lie(|method, _, said| match method {
        "eth_getTransactionReceipt" | "eth_getTransactionByHash" => *said = Value::Null,
        "eth_getLogs" => *said = json!([]),
        "eth_call" => *said = json!(FALSE),
        _ => {}
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn one_liar_of_three_makes_nothing_paid() -> Result<()> {
    let bazaar = three(None).await?;
    let (sale, buyer) = (bazaar.sell(PLUGIN).await?, Buyer::new());
    let (tx, forgery) = elsewhere(&bazaar, &sale, &buyer).await?;
    forgery.told_by(&bazaar.endpoints[1]);
    bazaar.node.settle().await?;
    bazaar.caught_up().await?;
    assert_eq!(bazaar.refused(&sale, &buyer, tx).await?, (422, "payment_wrong_contract".to_owned()));
    assert_eq!(bazaar.sold(&sale).await?.len(), 0);
    // The forgery is a good one: who hears the liar alone believes it.
    let receipt: Value = ask(&bazaar.endpoints[1], "eth_getTransactionReceipt", json!([tx])).await?;
    assert_eq!(receipt["logs"][0]["address"], format!("{:#x}", bazaar.contract));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_liar_of_three_makes_nothing_unpaid() -> Result<()> {
    let bazaar = three(None).await?;
    let (sale, buyer) = (bazaar.sell(PLUGIN).await?, Buyer::new());
    deny(&bazaar.endpoints[2]);
    let tx = bazaar.pay(&sale, &buyer).await?;
    bazaar.node.settle().await?;
    bazaar.payment_becomes(tx, "settled").await?;
    bazaar.obtain(&sale, &buyer, tx).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_liar_of_three_mends_no_failed_transaction_and_moves_no_block() -> Result<()> {
    let bazaar = three(None).await?;
    let (sale, buyer) = (bazaar.sell(PLUGIN).await?, Buyer::new());
    let good = bazaar.pay(&sale, &Buyer::new()).await?;
    let good = bazaar.node.rpc.receipt(good).await?.context("not mined")?;
    let data = abi::data(&purchase(&sale, &buyer));
    let (tx, receipt) =
        bazaar.node.mined(bazaar.account(PAYER), Some(bazaar.contract), &data, Default::default()).await?;
    ensure!(receipt["status"] == "0x0", "{receipt}");
    bazaar.endpoints[0].lie(move |method, params, said| match method {
        // Another purchase's log, a good status, and another block than everybody's.
        "eth_getTransactionReceipt" if params[0] == tx.to_string() => {
            said["status"] = "0x1".into();
            said["logs"] = good["logs"].clone();
            said["logsBloom"] = good["logsBloom"].clone();
        }
        "eth_getBlockByNumber" if said.is_object() => said["hash"] = json!(B256::repeat_byte(7)),
        "eth_call" => *said = json!(TRUE),
        _ => {}
    });
    bazaar.node.settle().await?;
    bazaar.caught_up().await?;
    assert_eq!(bazaar.refused(&sale, &buyer, tx).await?, (422, "payment_reverted".to_owned()));
    assert_eq!(bazaar.sold(&sale).await?.len(), 1, "the good one alone");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_three_that_is_silent_dead_endless_or_elsewhere_changes_nothing() -> Result<()> {
    let bazaar = three(None).await?;
    let sale = bazaar.sell(PLUGIN).await?;
    let bad = &bazaar.endpoints[0];
    type Misbehaviour = fn(&Endpoint);
    let manners: [(&str, Misbehaviour); 6] = [
        ("holds", Endpoint::hold),
        ("fails", Endpoint::fail),
        ("breaks off", Endpoint::break_off),
        ("floods", Endpoint::flood),
        ("is on another chain", |endpoint| {
            endpoint.lie(|method, _, said| {
                if matches!(method, "eth_chainId" | "net_version") {
                    *said = json!("0x1");
                }
            });
        }),
        ("is far ahead", |endpoint| {
            endpoint.lie(|method, params, said| {
                if method == "eth_getBlockByNumber"
                    && params[0].as_str().is_some_and(|tag| !tag.starts_with("0x"))
                {
                    said["number"] = json!("0xffffff");
                }
                if method == "eth_blockNumber" {
                    *said = json!("0xffffff");
                }
            });
        }),
    ];
    for (name, misbehave) in manners {
        misbehave(bad);
        let buyer = Buyer::new();
        let tx = bazaar.pay(&sale, &buyer).await?;
        bazaar.node.settle().await?;
        bazaar.payment_becomes(tx, "settled").await.context(name)?;
        bazaar.obtain(&sale, &buyer, tx).await.context(name)?;
        bad.be_honest();
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_must_agree_two_liars_get_nothing_either() -> Result<()> {
    let bazaar = three(Some(3)).await?;
    let (sale, buyer, paying) = (bazaar.sell(PLUGIN).await?, Buyer::new(), Buyer::new());
    let (tx, forgery) = elsewhere(&bazaar, &sale, &buyer).await?;
    forgery.told_by(&bazaar.endpoints[0]);
    forgery.told_by(&bazaar.endpoints[1]);
    bazaar.node.settle().await?;
    for endpoint in &bazaar.endpoints {
        endpoint.next("eth_getBlockByNumber").await?;
    }
    let (status, code) = bazaar.refused(&sale, &buyer, tx).await?;
    ensure!(status == 503 && code == "chain_disagreement", "{status} {code}");
    assert_eq!(bazaar.sold(&sale).await?.len(), 0);
    // They cannot keep what was paid for ever: it counts when they are gone.
    let paid = bazaar.pay(&sale, &paying).await?;
    bazaar.node.settle().await?;
    for endpoint in &bazaar.endpoints {
        endpoint.be_honest();
    }
    bazaar.payment_becomes(paid, "settled").await?;
    bazaar.obtain(&sale, &paying, paid).await?;
    bazaar.refused_as(&sale, &buyer, tx, "payment_wrong_contract").await
}

/// Has an endpoint know nothing of logs, as one that is behind, or keeps none.
fn leave_out(endpoint: &Endpoint) {
    endpoint.lie(|method, _, said| {
        if method == "eth_getLogs" {
            *said = json!([]);
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_two_of_three_leave_out_is_found_by_the_third() -> Result<()> {
    let bazaar = three(None).await?;
    let (sale, buyer) = (bazaar.sell(PLUGIN).await?, Buyer::new());
    bazaar.endpoints[..2].iter().for_each(leave_out);
    let tx = bazaar.pay(&sale, &buyer).await?;
    bazaar.node.settle().await?;
    bazaar.payment_becomes(tx, "settled").await?;
    bazaar.obtain(&sale, &buyer, tx).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_all_leave_out_for_a_while_is_found_though_nobody_names_it() -> Result<()> {
    let bazaar = three(None).await?;
    let (sale, buyer) = (bazaar.sell(PLUGIN).await?, Buyer::new());
    bazaar.endpoints.iter().for_each(leave_out);
    let tx = bazaar.pay(&sale, &buyer).await?;
    bazaar.node.settle().await?;
    bazaar.caught_up().await?;
    assert_eq!(bazaar.sold(&sale).await?.len(), 0, "it was read past");
    bazaar.endpoints.iter().for_each(Endpoint::be_honest);
    bazaar.node.settle().await?;
    bazaar.payment_becomes(tx, "settled").await?;
    bazaar.obtain(&sale, &buyer, tx).await.map(drop)
}

async fn ask(endpoint: &Endpoint, method: &str, params: Value) -> Result<Value> {
    sealpost_tests::chain::rpc::Rpc::new(&endpoint.url)?.ask(method, params).await
}
