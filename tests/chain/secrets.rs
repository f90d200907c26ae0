//! What is found in no log, no answer and no error text: keys of providers and private keys.

use std::fs;
use std::path::Path;

use alloy::primitives::B256;
use anyhow::Result;
use sealpost_tests::chain::bazaar::{Bazaar, PUBLISHER, Sale, Wishes};
use sealpost_tests::chain::buyer::{Buyer, random_bytes};
use sealpost_tests::chain::endpoint::Endpoint;
use sealpost_tests::chain::node::Node;
use sealpost_tests::terminal::Terminal;

const PLUGIN: &str = "org.example.adder";

#[tokio::test(flavor = "multi_thread")]
async fn a_providers_key_is_in_no_log_and_no_answer_whatever_goes_wrong() -> Result<()> {
    let mut wishes = Wishes { endpoints: 2, agree: Some(2), ..Wishes::default() };
    wishes.finality = "\"finalized\"".to_owned();
    let mut bazaar = Bazaar::start_with(wishes).await?;
    let (sale, buyer) = (bazaar.sell(PLUGIN).await?, Buyer::new());
    bazaar.stop_store()?;
    bazaar.options.environment.push(("RUST_LOG".to_owned(), "trace".to_owned()));
    bazaar.restart_store()?;
    let tx = bazaar.pay(&sale, &buyer).await?;
    let mut answers = Vec::new();
    let lie = |endpoint: &Endpoint| {
        endpoint.lie(|_, _, said| *said = serde_json::json!({"nonsense": true}));
    };
    type Misbehaviour = Box<dyn Fn(&Endpoint)>;
    let manners: Vec<Misbehaviour> = vec![
        Box::new(Endpoint::fail),
        Box::new(Endpoint::break_off),
        Box::new(Endpoint::hold),
        Box::new(Endpoint::flood),
        Box::new(lie),
        Box::new(|endpoint| endpoint.lead_to("http://127.0.0.1:1/")),
    ];
    for misbehave in manners {
        bazaar.endpoints.iter().for_each(&misbehave);
        answers.extend(said(&bazaar, &sale, &buyer, tx).await?);
        for endpoint in &bazaar.endpoints {
            endpoint.lead_to(&bazaar.node.rpc.url);
            endpoint.be_honest();
        }
    }
    bazaar.node.settle().await?;
    bazaar.payment_becomes(tx, "settled").await?;
    bazaar.obtain(&sale, &buyer, tx).await?;
    // Last, because an endpoint of another chain is left alone for a while.
    let elsewhere = Node::start_with(&bazaar.folder().join("elsewhere"), 5)?;
    for endpoint in &bazaar.endpoints {
        endpoint.lead_to(&elsewhere.rpc.url);
        endpoint.next("eth_chainId").await?;
    }
    answers.extend(said(&bazaar, &sale, &buyer, tx).await?);
    bazaar.kill_store()?;

    answers.push(log(bazaar.folder(), "store.log")?);
    let said = answers.join("\n");
    assert!(said.contains("chain_unreachable"), "nothing went wrong");
    for endpoint in &bazaar.endpoints {
        if let Some(at) = said.find(&endpoint.key) {
            let from = said[..at].rfind('\n').map_or(0, |line| line + 1);
            let line: String = said[from..].lines().next().unwrap_or_default().chars().take(400).collect();
            panic!("the key is told: {line}");
        }
    }
    let database = fs::read(bazaar.folder().join("store/store.db")).unwrap_or_default();
    for endpoint in &bazaar.endpoints {
        assert!(
            memchr::memmem::find(&database, endpoint.key.as_bytes()).is_none(),
            "the key is in the database"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_tell_no_private_key_and_no_providers_key() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    let sale = bazaar.sell(PLUGIN).await?;
    let terminal = Terminal::new(&bazaar.proxy.url)?;
    terminal.json(&["login", "--email", &bazaar.seller.email, "--password-file", "password"])?;
    let endpoint = Endpoint::start(&bazaar.node.rpc.url).await?;
    let key = bazaar.node.key_file(PUBLISHER)?.display().to_string();
    let gone = format!("http://127.0.0.1:1/v2/{}", endpoint.key);
    let commands: [&[&str]; 5] = [
        &["chain", "deploy"],
        &["chain", "list", &sale.name],
        &["chain", "withdraw"],
        &["chain", "unlist", &sale.name],
        &["chain", "buy", &sale.name],
    ];
    let manners: [fn(&Endpoint); 3] = [Endpoint::fail, Endpoint::break_off, |endpoint| {
        endpoint.lie(|_, _, said| *said = serde_json::json!("0x"));
    }];
    let mut told = String::new();
    for misbehave in manners {
        misbehave(&endpoint);
        for command in commands {
            for url in [&endpoint.url, &gone] {
                let common = ["--rpc", url, "--key", &key, "--yes", "--timeout", "1"];
                let output = terminal.run(&[command, &common].concat())?;
                assert!(!output.status.success(), "{command:?} worked");
                told.push_str(&String::from_utf8_lossy(&output.stdout));
                told.push_str(&String::from_utf8_lossy(&output.stderr));
            }
        }
    }
    assert!(told.contains("hint:"), "{told}");
    told.push_str(&bazaar.store_said());
    assert!(!told.contains(&endpoint.key), "a provider's key is told: {told}");
    for key in bazaar.node.keys() {
        assert!(!told.contains(key.trim_start_matches("0x")), "a private key is told: {told}");
    }
    Ok(())
}

#[test]
fn settings_that_are_wrong_are_told_without_a_providers_key() -> Result<()> {
    let terminal = Terminal::new("http://127.0.0.1:1")?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("sealpost.toml");
    let key = hex::encode(random_bytes::<16>());
    for rpc in [
        format!("\"htps://rpc.example/v2/{key}\""),
        format!("[[\"https://rpc.example/v2/{key}\"]]"),
        format!("[\"rpc.example/v2/{key}\"]"),
        format!("{{ url = \"https://rpc.example/v2/{key}\" }}"),
        format!("\"http://rpc.example/v2/{key}\""),
    ] {
        let contract = "0x5fbdb2315678afecb367f032d93f642f64180aa3";
        let data = folder.path().join("data");
        fs::write(
            &file,
            format!("data_dir = {data:?}\n[chain]\nid = 1\ncontract = \"{contract}\"\nrpc = {rpc}\n"),
        )?;
        let told = terminal.refused(&["serve", "--config", &file.display().to_string()])?;
        assert!(told.contains("rpc") && !told.contains(&key), "{told}");
    }
    Ok(())
}

/// All that the store says while something is wrong.
async fn said(bazaar: &Bazaar, sale: &Sale, buyer: &Buyer, tx: B256) -> Result<Vec<String>> {
    let http = sealpost_tests::person::client()?;
    let mut answers = Vec::new();
    for tx in [tx, B256::from(random_bytes())] {
        let answer = bazaar.claim_as_wallet(sale, buyer, tx).await?;
        answers.push(format!("{:?} {:?}", answer.status(), answer.headers()));
        answers.push(answer.text().await?);
    }
    let offer =
        format!("/api/v1/listings/{}/offer?curve=secp256k1&public_key={}", sale.listing, buyer.public());
    for path in ["/api/v1/chain", &format!("/api/v1/payments/{tx}"), "/api/openapi.json", &offer] {
        answers.push(http.get(format!("{}{path}", bazaar.proxy.url)).send().await?.text().await?);
    }
    Ok(answers)
}

fn log(folder: &Path, name: &str) -> Result<String> {
    Ok(String::from_utf8_lossy(&fs::read(folder.join(name))?).into_owned())
}
