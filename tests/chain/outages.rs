//! Nodes and stores that go away at bad moments: in the end paid is obtainable, and unpaid is not.

use std::env;

use alloy::primitives::{B256, U256};
use anyhow::{Context, Result, ensure};
use sealpost_tests::chain::abi;
use sealpost_tests::chain::bazaar::{Bazaar, PAYER, Sale, purchase};
use sealpost_tests::chain::buyer::Buyer;
use sealpost_tests::chain::patience::until;

const PLUGIN: &str = "org.example.adder";

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_down_for_a_while_or_starts_again_costs_nobody_anything() -> Result<()> {
    let mut bazaar = Bazaar::start().await?;
    let (sale, buyer, next) = (bazaar.sell(PLUGIN).await?, Buyer::new(), Buyer::new());
    let tx = bazaar.pay(&sale, &buyer).await?;
    bazaar.node.stop()?;
    assert_eq!(bazaar.refused(&sale, &buyer, tx).await?, (503, "chain_unreachable".to_owned()));
    // The rest of the store goes on.
    assert_eq!(bazaar.seller.licences().await?.len(), 0);
    bazaar.kill_store()?;
    bazaar.restart_store().context("a store starts without its node")?;
    bazaar.seller.licences().await?;
    bazaar.node.restart()?;
    bazaar.endpoints[0].lead_to(&bazaar.node.rpc.url);
    bazaar.node.settle().await?;
    bazaar.payment_becomes(tx, "settled").await?;
    bazaar.obtain(&sale, &buyer, tx).await?;

    bazaar.node.stop()?;
    let noticed = bazaar.endpoints[0].questions() + 1;
    bazaar.endpoints[0].until_asked(noticed).await?;
    bazaar.node.restart()?;
    bazaar.endpoints[0].lead_to(&bazaar.node.rpc.url);
    let tx = bazaar.pay(&sale, &next).await?;
    bazaar.node.settle().await?;
    bazaar.payment_becomes(tx, "settled").await?;
    bazaar.obtain(&sale, &next, tx).await?;
    assert_eq!(bazaar.sold(&sale).await?.len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_its_chain_says_so_and_starts_all_the_same() -> Result<()> {
    let mut bazaar = Bazaar::start().await?;
    bazaar.stop_store()?;
    bazaar.endpoints[0].fail();
    bazaar.restart_store()?;
    let info = until("an error that people can see", async || {
        let info: serde_json::Value = bazaar.seller.get("/api/v1/chain").await?;
        Ok(if info["error"].is_string() { Ok(info) } else { Err(info.to_string()) })
    })
    .await?;
    assert_eq!(info["caught_up"], false, "{info}");
    bazaar.endpoints[0].be_honest();
    bazaar.node.mine(5).await?;
    bazaar.caught_up().await?;
    let info: serde_json::Value = bazaar.seller.get("/api/v1/chain").await?;
    assert!(info["error"].is_null() && info["caught_up"] == true, "{info}");
    Ok(())
}

/// What is known of a payment by who sent it.
struct Sent {
    buyer: Buyer,
    tx: B256,
}

/// `SEALPOST_CHAIN_CASES` draws more misfortunes, `SEALPOST_CHAIN_SEED` repeats those of a failure.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_whenever_paid_is_obtainable_and_unpaid_is_not() -> Result<()> {
    let cases: u32 = env::var("SEALPOST_CHAIN_CASES").ok().map_or(Ok(12), |text| text.parse())?;
    let seed: u64 = match env::var("SEALPOST_CHAIN_SEED") {
        Ok(text) => text.parse()?,
        Err(_) => u64::from_le_bytes(sealpost_tests::chain::buyer::random_bytes()),
    };
    let mut dice = Dice(seed);
    let mut bazaar = Bazaar::start().await?;
    let sale = bazaar.sell(PLUGIN).await?;
    let mut sent = Vec::new();
    let mut story = vec![format!("SEALPOST_CHAIN_SEED={seed} SEALPOST_CHAIN_CASES={cases}")];
    for _ in 0..cases {
        let happened = misfortune(&mut bazaar, &sale, &mut dice, &mut sent).await;
        story.push(happened.with_context(|| story.join("\n"))?);
    }
    account(&bazaar, &sale, &sent).await.with_context(|| story.join("\n"))
}

/// One thing that goes wrong around a payment.
async fn misfortune(
    bazaar: &mut Bazaar,
    sale: &Sale,
    dice: &mut Dice,
    sent: &mut Vec<Sent>,
) -> Result<String> {
    let buyer = Buyer::new();
    Ok(match dice.roll(6) {
        0 => {
            let tx = bazaar.pay(sale, &buyer).await?;
            bazaar.node.settle().await?;
            let questions = dice.roll(12);
            let claimed = killed_after(bazaar, sale, &buyer, tx, questions).await?;
            sent.push(Sent { buyer, tx });
            format!("paid, and the store killed {questions} questions after the claim, which said {claimed}")
        }
        1 => {
            bazaar.kill_store()?;
            let tx = bazaar.pay(sale, &buyer).await?;
            bazaar.node.mine(dice.roll(4)).await?;
            bazaar.restart_store()?;
            sent.push(Sent { buyer, tx });
            "paid while the store was down".to_owned()
        }
        2 => {
            let fork = bazaar.node.fork().await?;
            let tx = bazaar.pay(sale, &buyer).await?;
            let (before, after, again) = (dice.roll(5), 1 + dice.roll(8), dice.roll(2) == 0);
            bazaar.node.mine(before).await?;
            let _ = bazaar.claim_as_wallet(sale, &buyer, tx).await?;
            let fork = bazaar.node.reorganise(fork, &[tx], after).await?;
            if dice.roll(2) == 0 {
                bazaar.kill_store()?;
                bazaar.restart_store()?;
            }
            if again {
                bazaar.node.mine_again(&fork).await?;
            }
            sent.push(Sent { buyer, tx });
            format!("paid with {before} blocks on it, undone by {after} others, mined again: {again}")
        }
        3 => {
            bazaar.node.stop()?;
            let dead = bazaar.claim_as_wallet(sale, &buyer, B256::repeat_byte(3)).await?.status();
            bazaar.node.restart()?;
            bazaar.endpoints[0].lead_to(&bazaar.node.rpc.url);
            let tx = bazaar.pay(sale, &buyer).await?;
            sent.push(Sent { buyer, tx });
            format!("node restarted, meanwhile {dead}, then paid")
        }
        4 => {
            let short = sale.amount - U256::from(1);
            let data = abi::data(&purchase(sale, &buyer));
            let (payer, contract) = (bazaar.account(PAYER), bazaar.contract);
            let (tx, _) = bazaar.node.mined(payer, Some(contract), &data, short).await?;
            let _ = bazaar.claim_as_wallet(sale, &buyer, tx).await?;
            sent.push(Sent { buyer, tx });
            "paid too little".to_owned()
        }
        _ => {
            bazaar.endpoints[0].break_off();
            let tx = bazaar.pay(sale, &buyer).await?;
            let _ = bazaar.claim_as_wallet(sale, &buyer, tx).await?;
            bazaar.endpoints[0].be_honest();
            sent.push(Sent { buyer, tx });
            "paid while the endpoint broke off".to_owned()
        }
    })
}

/// Kills the store when its node was asked so many things after a claim began, or when the claim is through.
async fn killed_after(
    bazaar: &mut Bazaar,
    sale: &Sale,
    buyer: &Buyer,
    tx: B256,
    questions: u64,
) -> Result<String> {
    let endpoint = bazaar.endpoints[0].clone();
    let moment = endpoint.questions() + questions;
    let said = {
        let claim = bazaar.claim_as_wallet(sale, buyer, tx);
        tokio::select! {
            answer = claim => format!("{:?}", answer.map(|answer| answer.status()).ok()),
            asked = endpoint.until_asked(moment) => asked.map(|()| "nothing".to_owned())?,
        }
    };
    bazaar.kill_store()?;
    bazaar.restart_store()?;
    Ok(said)
}

/// Compares what the chain says with what the store gives.
async fn account(bazaar: &Bazaar, sale: &Sale, sent: &[Sent]) -> Result<()> {
    bazaar.node.mine(3).await?;
    bazaar.caught_up().await?;
    let mut paid = 0;
    for Sent { buyer, tx } in sent {
        let receipt = bazaar.node.rpc.receipt(*tx).await?;
        if receipt.as_ref().is_some_and(|receipt| receipt["status"] == "0x1") {
            paid += 1;
            bazaar.payment_becomes(*tx, "settled").await?;
            bazaar.obtain(sale, buyer, *tx).await.with_context(|| format!("{tx} was paid"))?;
        } else {
            let (status, code) = bazaar.refused(sale, buyer, *tx).await?;
            ensure!((400..500).contains(&status), "{tx} was not paid: {status} {code}");
        }
    }
    let active = bazaar.sold(sale).await?.into_iter().filter(|licence| licence.state == "active").count();
    ensure!(active == paid, "{paid} were paid, and {active} licences are active");
    Ok(())
}

/// Numbers that a seed gives again (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}
