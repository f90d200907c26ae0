//! The kit itself: what the other tests rely on.

use alloy::primitives::{Bytes, U256};
use anyhow::Result;
use sealpost_tests::chain::abi::{self, Market};
use sealpost_tests::chain::node::Node;

#[tokio::test(flavor = "multi_thread")]
async fn a_reorganisation_takes_a_transaction_out_and_it_can_come_back() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let node = Node::start(folder.path())?;
    let (from, to) = (node.accounts[0], node.accounts[1]);
    let fork = node.fork().await?;
    let (tx, receipt) = node.mined(from, Some(to), &Bytes::new(), U256::from(1)).await?;
    node.mine(3).await?;
    assert_eq!(node.rpc.height("finalized").await?, 2);
    let fork = node.reorganise(fork, &[tx], 5).await?;
    assert_eq!(node.rpc.receipt(tx).await?, None);
    assert_eq!(node.rpc.height("latest").await?, 5);
    node.mine_again(&fork).await?;
    let again = node.rpc.receipt(tx).await?.unwrap_or_default();
    assert_ne!(again["blockHash"], receipt["blockHash"]);
    assert_eq!(again["blockNumber"], "0x6");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_outlives_its_node() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut node = Node::start(folder.path())?;
    let (from, to) = (node.accounts[0], node.accounts[1]);
    let (tx, receipt) = node.mined(from, Some(to), &Bytes::new(), U256::from(1)).await?;
    node.settle().await?;
    node.stop()?;
    node.restart()?;
    assert_eq!(node.rpc.receipt(tx).await?, Some(receipt));
    assert_eq!(node.rpc.height("finalized").await?, 1);
    node.mine(1).await?;
    assert_eq!(node.rpc.height("latest").await?, 4);
    node.mine_by_itself().await?;
    sealpost_tests::chain::patience::until("a block", async || {
        let height = node.rpc.height("latest").await?;
        Ok(if height > 4 { Ok(()) } else { Err(height.to_string()) })
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_makes_its_calls_in_one_transaction() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let node = Node::start(folder.path())?;
    let from = node.accounts[0];
    let to = node.deploy(from, &abi::test_contract("LookAlike")?).await?;
    let call = |number: u8| Market::purchaseCall {
        pluginId: [number; 32].into(),
        buyerPubkey: vec![2; 33].into(),
        amount: U256::from(number),
    };
    let calls = [1, 2].map(|number| (to, abi::data(&call(number)), U256::from(number)));
    let (_, receipt) = node.mined(from, None, &abi::batch(&calls), U256::from(3)).await?;
    assert_eq!(receipt["status"], "0x1");
    let items: Vec<_> = [0, 2].map(|log| receipt["logs"][log]["topics"][1].clone()).into();
    assert_eq!(items, [1, 2].map(|number: u8| format!("0x{}", hex::encode([number; 32]))));
    assert_eq!(node.rpc.coins(to).await?, U256::from(3));
    Ok(())
}
