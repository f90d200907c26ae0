//! Each payment counts once, over processes and restarts.

use std::collections::BTreeSet;

use alloy::primitives::B256;
use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use sealpost_tests::chain::bazaar::{Bazaar, Sale, Wishes};
use sealpost_tests::chain::buyer::Buyer;
use sealpost_tests::chain::patience::until;
use sealpost_tests::person::{Person, expect, problem};
use sealpost_tests::postgres;
use sealpost_tests::store::Store;
use serde_json::{Value, json};

const PLUGIN: &str = "org.example.adder";

#[tokio::test(flavor = "multi_thread")]
async fn twenty_at_once_at_two_processes_get_one_licence_also_after_a_restart() -> Result<()> {
    let database_url = Some(postgres::database()?);
    let mut bazaar = Bazaar::start_with(Wishes { database_url, ..Wishes::default() }).await?;
    let second = bazaar.second_store()?;
    let (sale, buyer) = (bazaar.sell(PLUGIN).await?, Buyer::new());
    let person = bazaar.person("buyer").await?;
    buyer.link(&person, &bazaar.proxy.url).await?;
    let tx = bazaar.send(&sale, &buyer).await?;
    // Nobody has recorded anything yet: the watchers of both find it while twenty ask for it.
    bazaar.node.mine(3).await?;
    let first = bazaar.store.as_ref().context("no store")?.url.clone();
    let claims = (0..20).map(|number| {
        let url = if number % 2 == 0 { &first } else { &second.url };
        claimed(url, &person, &sale, &buyer, tx)
    });
    let mut licences: BTreeSet<_> = try_join_all(claims).await?.into_iter().collect();
    licences.insert(bazaar.obtain(&sale, &buyer, tx).await?);
    assert_eq!(licences.len(), 1, "{licences:?}");
    assert_eq!(bazaar.sold(&sale).await?.len(), 1);
    assert_eq!(person.licences().await?.len(), 1);

    bazaar.kill_store()?;
    second.service.kill()?;
    bazaar.restart_store()?;
    licences.insert(bazaar.obtain(&sale, &buyer, tx).await?);
    bazaar.node.mine(2).await?;
    bazaar.caught_up().await?;
    assert_eq!((licences.len(), bazaar.sold(&sale).await?.len()), (1, 1));
    Ok(())
}

/// Claims at one process of the store until there is an envelope, which must open; the licence.
async fn claimed(url: &str, person: &Person, sale: &Sale, buyer: &Buyer, tx: B256) -> Result<String> {
    let http = sealpost_tests::person::client()?;
    let body = json!({"buyerPubkey": buyer.public(), "pluginId": sale.name, "txHash": tx});
    until("an envelope", async || {
        let request = http.post(format!("{url}/api/marketplace/purchase")).bearer_auth(&person.token);
        let answer = request.json(&body).send().await?;
        if answer.status() != 200 {
            let refused = problem(answer).await?;
            ensure!(refused.code == "payment_pending", "{refused:?}");
            return Ok(Err(refused.code));
        }
        let given: Value = answer.json().await?;
        ensure!(buyer.opens(&given["envelope"], &sale.name), "{given}");
        Ok(Ok(given["licence"].as_str().context("no licence")?.to_owned()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn many_purchases_that_two_watchers_find_become_one_licence_each() -> Result<()> {
    let database_url = Some(postgres::database()?);
    let mut bazaar = Bazaar::start_with(Wishes { database_url, ..Wishes::default() }).await?;
    let sale = bazaar.sell(PLUGIN).await?;
    bazaar.stop_store()?;
    let mut paid = Vec::new();
    for _ in 0..12 {
        let buyer = Buyer::new();
        paid.push((bazaar.pay(&sale, &buyer).await?, buyer));
    }
    bazaar.node.settle().await?;
    bazaar.restart_store()?;
    let second: Store = bazaar.second_store()?;
    for (tx, _) in &paid {
        bazaar.payment_becomes(*tx, "settled").await?;
    }
    bazaar.caught_up().await?;
    assert_eq!(bazaar.sold(&sale).await?.len(), paid.len());
    for (tx, buyer) in &paid {
        bazaar.obtain(&sale, buyer, *tx).await?;
    }
    assert_eq!(bazaar.sold(&sale).await?.len(), paid.len());
    drop(second);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_race_of_two_accounts_for_one_payment_has_one_winner() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let (sale, buyer) = (bazaar.sell(PLUGIN).await?, Buyer::new());
    let (ann, bob) = (bazaar.person("ann").await?, bazaar.person("bob").await?);
    // Both know the key: who proves it last is its owner.
    buyer.link(&ann, &bazaar.proxy.url).await?;
    buyer.link(&bob, &bazaar.proxy.url).await?;
    let tx = bazaar.pay(&sale, &buyer).await?;
    bazaar.node.settle().await?;
    let claims = (0..10).map(|number| {
        let person = if number % 2 == 0 { &ann } else { &bob };
        bazaar.claim(person, &sale, &buyer, tx)
    });
    let answers = try_join_all(claims).await?;
    for (number, answer) in answers.into_iter().enumerate() {
        if number % 2 == 0 {
            let refused = problem(answer).await?;
            assert!(["key_not_proved", "payment_used"].contains(&refused.code.as_str()), "{refused:?}");
        } else {
            expect(answer).await?;
        }
    }
    bazaar.licence_of(&bob, &sale).await?;
    assert_eq!((ann.licences().await?.len(), bob.licences().await?.len()), (0, 1));
    assert_eq!(bazaar.sold(&sale).await?.len(), 1);
    Ok(())
}
