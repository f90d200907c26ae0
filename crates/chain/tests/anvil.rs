//! Against a real node, where `SEALPOST_TEST_ANVIL` names one (anvil): `cargo xtask test chain` does.

mod support;

use sealpost_chain::{ChainError, Reader, SendError, Sender, Settings, call_data};
use sealpost_envelope::ErrorCode as _;
use sealpost_market::chain::{
    Address, BlockRef, BuyerKey, CallData, ChainEvent, ChainHash, ContractCall, TxOutcome, item_id,
};
use serde_json::json;
use support::{Outcome, market::Market, node::Node};

const PRICE: u128 = 1_000_000_000_000_000_003;

fn key(of: &Sender) -> BuyerKey {
    BuyerKey::from_chain(of.signer().public_key())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_is_paid_seen_verified_withdrawn_and_refunded() -> Outcome {
    let Some(node) = Node::start()? else { return Ok(()) };
    let market = Market::open(&node, 1500).await?;
    let (publisher, buyer, treasury) = (market.sender(1)?, market.sender(2)?, market.sender(3)?);
    let reader = buyer.reader();
    let item = item_id("com.publisher.my-plugin@1.0.0");

    publisher.list(item, None, PRICE).await?;
    let listed = reader.listing(item).await?.ok_or("listed")?;
    assert_eq!((listed.publisher, listed.token, listed.price), (publisher.address(), None, PRICE));
    assert_eq!((listed.fee_bps, listed.active), (1500, true));

    let sent = buyer.purchase(item, key(&buyer), None, PRICE).await?;
    let TxOutcome::Mined { block, purchases } = reader.transaction(sent.tx).await? else {
        return Err("mined".into());
    };
    let [purchase] = &purchases[..] else { return Err("one purchase".into()) };
    assert_eq!((block, purchase.block, purchase.index), (sent.block, sent.block, 0));
    assert_eq!((purchase.item, &purchase.buyer_key), (item, &key(&buyer)));
    assert_eq!((purchase.amount, purchase.fee), (PRICE, PRICE * 15 / 100));
    assert_eq!((purchase.payer, purchase.publisher), (buyer.address(), publisher.address()));
    assert_eq!(reader.events(0, sent.block.number).await?, [ChainEvent::Purchased(purchase.clone())]);

    assert!(reader.verified(item, &key(&buyer), sent.block).await?);
    let before = sent.block.number - 1;
    let before = BlockRef { number: before, hash: reader.block(before).await?.ok_or("there")? };
    assert!(!reader.verified(item, &key(&buyer), before).await?);
    assert!(!reader.verified(item, &key(&publisher), sent.block).await?);
    let nowhere = BlockRef { hash: ChainHash::new([7; 32]), ..sent.block };
    let lost = reader.verified(item, &key(&buyer), nowhere).await.unwrap_err();
    assert_eq!(lost, ChainError::NotCanonical(sent.block.number));

    let held = reader.balances(publisher.address()).await?;
    assert_eq!((held[0].token, held[0].available), (None, PRICE - PRICE * 15 / 100));
    treasury.withdraw(None, None).await?;
    publisher.withdraw(None, Some(market.elsewhere)).await?;
    assert_eq!(reader.funds(market.elsewhere, None).await?, PRICE - PRICE * 15 / 100);
    assert_eq!(publisher.withdraw(None, None).await.unwrap_err().code(), "nothing_to_withdraw");

    // The money is gone, so the publisher pays it again.
    let missing = publisher.refund(purchase, 0).await.unwrap_err();
    assert_eq!(missing.code(), "wrong_amount");
    let refunded = publisher.refund(purchase, PRICE).await?;
    let events = reader.events(sent.block.number + 1, refunded.block.number).await?;
    let [ChainEvent::Refunded(refund)] = &events[..] else { return Err("one refund".into()) };
    assert_eq!((refund.item, refund.key_hash, refund.amount), (item, key(&buyer).hash(), PRICE));
    assert_eq!((refund.payer, refund.by), (buyer.address(), publisher.address()));
    assert!(!reader.verified(item, &key(&buyer), refunded.block).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_in_a_token_takes_what_was_approved() -> Outcome {
    let Some(node) = Node::start()? else { return Ok(()) };
    let market = Market::open(&node, 1500).await?;
    let (publisher, buyer) = (market.sender(1)?, market.sender(2)?);
    let token = market.token;
    let item = item_id("a@1.0.0");
    publisher.list(item, Some(token), 5_000_000).await?;
    market.mint(buyer.address(), 7_000_000).await?;

    let early = buyer.purchase(item, key(&buyer), Some(token), 5_000_000).await.unwrap_err();
    assert_eq!(early.code(), "insufficient_allowance");
    assert!(buyer.approve(token, 5_000_000).await?.is_some());
    assert_eq!(buyer.approve(token, 5_000_000).await?, None);
    let sent = buyer.purchase(item, key(&buyer), Some(token), 5_000_000).await?;
    let purchases = buyer.purchases(sent.tx).await?;
    assert_eq!((purchases[0].token, purchases[0].fee), (Some(token), 750_000));
    assert_eq!(buyer.reader().funds(buyer.address(), Some(token)).await?, 2_000_000);

    publisher.withdraw(Some(token), Some(market.elsewhere)).await?;
    assert_eq!(publisher.refund(&purchases[0], 5_000_000).await.unwrap_err().code(), "insufficient_funds");
    market.mint(publisher.address(), 5_000_000).await?;
    publisher.refund(&purchases[0], 5_000_000).await?;
    assert_eq!(buyer.reader().funds(buyer.address(), Some(token)).await?, 7_000_000);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_contract_refuses_is_told_and_never_sent() -> Outcome {
    let Some(node) = Node::start()? else { return Ok(()) };
    let market = Market::open(&node, 1500).await?;
    let (owner, publisher, buyer) = (market.sender(0)?, market.sender(1)?, market.sender(2)?);
    let item = item_id("a@1.0.0");
    let refused = |outcome: Result<_, SendError>| outcome.unwrap_err().code();

    assert_eq!(refused(buyer.purchase(item, key(&buyer), None, 5).await), "not_listed");
    publisher.list(item, None, 5).await?;
    let before = node.height().await?;
    assert_eq!(refused(buyer.purchase(item, key(&buyer), None, 4).await), "wrong_amount");
    assert_eq!(refused(buyer.purchase(item, BuyerKey::from_chain([4; 65]), None, 5).await), "bad_buyer_key");
    assert_eq!(refused(buyer.list(item, None, 1).await), "not_publisher");
    assert_eq!(refused(publisher.list(item, None, 0).await), "bad_price");
    assert_eq!(refused(publisher.list(item, None, u128::MAX).await), "price_too_high");
    assert_eq!(refused(buyer.pause(true).await), "not_owner");
    assert_eq!(refused(owner.set_fee(3001).await), "fee_too_high");
    assert_eq!(refused(publisher.deliver(item, key(&buyer), vec![1]).await), "not_purchased");
    assert_eq!(refused(buyer.accept(item).await), "not_offered");
    assert_eq!(refused(buyer.purchase(item, key(&buyer), None, 1 << 100).await), "insufficient_funds");
    let poor = market.sender(1)?.max_fee(1);
    assert_eq!(refused(poor.unlist(item).await), "network_fee_too_high");
    assert_eq!(node.height().await?, before, "nothing was sent");

    buyer.purchase(item, key(&buyer), None, 5).await?;
    assert_eq!(refused(buyer.purchase(item, key(&buyer), None, 5).await), "already_purchased");
    owner.pause(true).await?;
    assert_eq!(refused(buyer.purchase(item, key(&publisher), None, 5).await), "paused");
    owner.pause(false).await?;
    buyer.purchase(item, key(&publisher), None, 5).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_changes_hands_and_an_envelope_is_delivered() -> Outcome {
    let Some(node) = Node::start()? else { return Ok(()) };
    let market = Market::open(&node, 1500).await?;
    let (owner, publisher, buyer) = (market.sender(0)?, market.sender(1)?, market.sender(2)?);
    let reader = buyer.reader();
    let item = item_id("a@1.0.0");
    publisher.list(item, None, 5).await?;
    buyer.purchase(item, key(&buyer), None, 5).await?;
    publisher.deliver(item, key(&buyer), b"first".to_vec()).await?;
    let last = publisher.deliver(item, key(&buyer), b"second".to_vec()).await?;
    assert_eq!(
        reader.delivered(item, &key(&buyer), 0, last.block.number).await?.as_deref(),
        Some(&b"second"[..])
    );
    assert_eq!(reader.delivered(item, &key(&publisher), 0, last.block.number).await?, None);

    publisher.transfer(item, owner.address()).await?;
    owner.accept(item).await?;
    assert_eq!(reader.listing(item).await?.ok_or("listed")?.publisher, owner.address());
    owner.unlist(item).await?;
    assert!(!reader.listing(item).await?.ok_or("there")?.active);
    let treasury = reader.treasury().await?;
    assert_eq!(buyer.settle_fees(treasury, None).await.unwrap_err().code(), "not_treasury");
    owner.settle_fees(treasury, None).await?;
    owner.set_fee(100).await?;
    owner.set_treasury(market.elsewhere).await?;
    assert_eq!((reader.fee_bps().await?, reader.treasury().await?), (100, market.elsewhere));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_follow_the_finality_and_the_unknown_stays_unknown() -> Outcome {
    let Some(node) = Node::start()? else { return Ok(()) };
    let market = Market::open(&node, 1500).await?;
    node.mine(100).await?;
    let heads = async |finality: &str| -> Outcome<_> {
        let reader = Reader::new(market.settings(finality)?)?;
        Ok(reader.heads().await?)
    };
    let latest = node.height().await?;
    for (finality, settled) in [("0", latest), ("12", latest - 12), ("1000000", 0)] {
        let heads = heads(finality).await?;
        assert_eq!((heads.latest.number, heads.settled.number), (latest, settled), "{finality}");
    }
    for finality in ["\"safe\"", "\"finalized\""] {
        let settled = heads(finality).await?.settled.number;
        assert!((1..latest).contains(&settled), "{finality} {settled}");
    }
    let reader = Reader::new(market.settings("0")?)?;
    assert_eq!(reader.transaction(ChainHash::new([1; 32])).await?, TxOutcome::Unknown);
    assert_eq!(reader.block(latest + 1).await?, None);
    assert_eq!(reader.listing(item_id("never@1.0.0")).await?, None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_contract_and_another_chain_are_told_apart_from_a_marketplace() -> Outcome {
    let Some(node) = Node::start()? else { return Ok(()) };
    let market = Market::open(&node, 1500).await?;
    let mut settings = market.settings("0")?;
    settings.contract = market.elsewhere;
    let nothing = Reader::new(settings.clone())?.heads().await.unwrap_err();
    assert_eq!(nothing, ChainError::NoContract(market.elsewhere));
    settings.contract = market.token;
    let token = Reader::new(settings.clone())?.heads().await.unwrap_err();
    assert!(matches!(token, ChainError::Unreachable { .. } | ChainError::NotMarketplace(_)), "{token}");
    settings.chain_id = 1;
    let chain = Reader::new(settings)?.heads().await.unwrap_err();
    assert_eq!(chain, ChainError::WrongChain { expected: 1, found: 31337 });
    assert_eq!(sealpost_chain::chain_id(&node.url).await?, 31337);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_transaction_is_told_from_a_reverted_one() -> Outcome {
    let Some(node) = Node::start()? else { return Ok(()) };
    let market = Market::open(&node, 1500).await?;
    let (publisher, buyer) = (market.sender(1)?, market.sender(2)?);
    let reader = buyer.reader();
    let item = item_id("a@1.0.0");
    publisher.list(item, None, 5).await?;

    node.hold(true).await?;
    let impatient = market.sender(2)?.patience(std::time::Duration::ZERO);
    let SendError::NotMined { tx, .. } = impatient.purchase(item, key(&buyer), None, 5).await.unwrap_err()
    else {
        return Err("waiting".into());
    };
    assert_eq!(reader.transaction(tx).await?, TxOutcome::Waiting);
    node.hold(false).await?;
    node.mine(1).await?;
    assert!(matches!(reader.transaction(tx).await?, TxOutcome::Mined { .. }));

    let again = ContractCall::Purchase { item, key: key(&buyer), token: None, amount: 5 };
    let CallData { to, data, .. } = call_data(market.contract, &again);
    let data = format!("0x{}", hex::encode(data));
    let call = json!({ "from": buyer.address(), "to": to, "data": data, "value": "0x5", "gas": "0x493e0" });
    let tx = node.call("eth_sendTransaction", json!([call])).await?;
    let tx = tx.as_str().ok_or("text")?.parse()?;
    assert!(matches!(reader.transaction(tx).await?, TxOutcome::Reverted { .. }));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_without_base_fees_takes_transactions_too() -> Outcome {
    let Some(node) = Node::start_at("berlin")? else { return Ok(()) };
    let sender = support::market::sender(Settings::without_contract(31337, &node.url)?, 1)?;
    let elsewhere = Address::new([0xee; 20]);
    sender.send_data(&CallData { to: elsewhere, data: Vec::new(), value: 7 }).await?;
    assert_eq!(sender.reader().funds(elsewhere, None).await?, 7);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_waits_is_sent_again_at_a_higher_fee_or_cancelled() -> Outcome {
    for hardfork in ["prague", "berlin"] {
        let Some(node) = Node::start_at(hardfork)? else { return Ok(()) };
        let settings = || Settings::without_contract(31337, &node.url);
        let impatient = support::market::sender(settings()?, 1)?.patience(std::time::Duration::ZERO);
        let sender = support::market::sender(settings()?, 1)?;
        let (first, second) = (Address::new([0xe1; 20]), Address::new([0xe2; 20]));
        let send = async |to| match impatient.send_data(&CallData { to, data: Vec::new(), value: 7 }).await {
            Err(SendError::NotMined { tx, .. }) => Ok(tx),
            other => Err(format!("{other:?}")),
        };
        node.hold(true).await?;
        let (kept, dropped) = (send(first).await?, send(second).await?);
        let stranger = support::market::sender(settings()?, 2)?;
        assert_eq!(stranger.speed_up(kept).await, Err(SendError::NotWaiting(kept)));
        let capped = support::market::sender(settings()?, 1)?.max_fee(1);
        assert!(matches!(capped.speed_up(kept).await, Err(SendError::FeeTooHigh { .. })));
        let mine = async {
            // Both are there when the block is made.
            while node.call("txpool_status", json!([])).await?["pending"] != "0x2"
                || node.call("eth_getTransactionByHash", json!([kept])).await? != serde_json::Value::Null
                || node.call("eth_getTransactionByHash", json!([dropped])).await? != serde_json::Value::Null
            {
                tokio::task::yield_now().await;
            }
            node.mine(1).await
        };
        let (faster, nothing, mined) = tokio::join!(sender.speed_up(kept), sender.cancel(dropped), mine);
        mined?;
        let (faster, nothing) = (faster?, nothing?);
        assert!(faster.tx != kept && nothing.tx != dropped && faster.block == nothing.block);
        assert_eq!(sender.reader().funds(first, None).await?, 7, "{hardfork}");
        assert_eq!(sender.reader().funds(second, None).await?, 0, "{hardfork}");
        // What is in a block already is not sent again.
        assert_eq!(sender.cancel(faster.tx).await?, faster);
        let unknown = ChainHash::new([9; 32]);
        assert_eq!(sender.speed_up(unknown).await, Err(SendError::NotWaiting(unknown)));
    }
    Ok(())
}
