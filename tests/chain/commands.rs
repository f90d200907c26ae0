//! The whole way by the command line: a marketplace of one's own, a plugin sold on it, bought, run, and the money out.

use std::fs;

use alloy::primitives::{Address, U256};
use anyhow::{Context, Result};
use sealpost_tests::chain::abi::{self, Token};
use sealpost_tests::chain::bazaar::{OTHER, OWNER, PAYER, PUBLISHER, TREASURY};
use sealpost_tests::chain::endpoint::Endpoint;
use sealpost_tests::chain::node::Node;
use sealpost_tests::chain::wasm;
use sealpost_tests::store::{Options, Store};
use sealpost_tests::terminal::Terminal;

const PLUGIN: &str = "org.example.adder";
const WORDS: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";

#[tokio::test(flavor = "multi_thread")]
async fn from_deploy_to_run_and_withdraw_with_nothing_but_commands() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let node = Node::start(&folder.path().join("node"))?;
    let endpoint = Endpoint::start(&node.rpc.url).await?;
    let usdc = node.deploy(node.accounts[OWNER], &abi::test_contract("Usdc")?).await?;
    let account = |index: usize| node.accounts[index].to_string();
    let key = |index: usize| Ok::<_, anyhow::Error>(node.key_file(index)?.display().to_string());
    let mint = Token::mintCall { to: node.accounts[PAYER], amount: U256::from(100_000_000) };
    node.call(node.accounts[PAYER], usdc, &mint).await?;
    node.mine_by_itself().await?;

    // What `deploy` prints is what a store needs.
    let operator = Terminal::new("http://127.0.0.1:1")?;
    let (owner, treasury) = (key(OWNER)?, account(TREASURY));
    let deploy =
        ["chain", "deploy", "--rpc", &endpoint.url, "--key", &owner, "--treasury", &treasury, "--yes"];
    let deployed = operator.run(&deploy)?;
    assert!(deployed.status.success(), "{}", String::from_utf8_lossy(&deployed.stderr));
    // It keeps the endpoint's key to itself; its operator fills it in.
    let table = String::from_utf8(deployed.stdout)?;
    assert!(!table.contains(&endpoint.key), "{table}");
    let origin = endpoint.url.split("/v2/").next().unwrap_or_default();
    let table = table.replace(origin, &endpoint.url);
    let token = format!("\n[[chain.tokens]]\nsymbol = \"USDC\"\naddress = \"{usdc}\"\ndecimals = 6\n");
    let config = format!("{table}{token}");
    let store = Store::start(folder.path(), &Options { config, ..Options::default() })
        .with_context(|| format!("the table was:\n{table}"))?;
    let setup = folder.path().join("setup-link");
    fs::write(&setup, format!("{}/setup#{}", store.url, store.setup_token.clone().context("no link")?))?;

    let seller = Terminal::new(&store.url)?;
    let link = setup.display().to_string();
    let who = [
        "register",
        "--email",
        "seller@example.org",
        "--password-file",
        "password",
        "--setup-link-file",
        &link,
    ];
    seller.json(&who)?;
    seller.json(&["publisher-key", "new", "--out", "publisher.key"])?;
    fs::write(seller.home().join("plugin.wasm"), wasm::module()?)?;
    fs::write(seller.home().join("manifest.json"), wasm::manifest().to_string())?;

    let buyer = Terminal::new(&store.url)?;
    buyer.json(&["register", "--email", "buyer@example.org", "--password-file", "password"])?;
    fs::write(buyer.home().join("words"), WORDS)?;
    for (number, (price, currency)) in [("0.01", "ETH"), ("4.99", "USDC")].into_iter().enumerate() {
        let plugin = format!("{PLUGIN}-{number}");
        let mut publish =
            vec!["publish", "plugin.wasm", "--plugin-id", &plugin, "--manifest", "manifest.json"];
        publish.extend(["--signing-key-file", "publisher.key", "--version", "1.0.0", "--title", "Adder"]);
        publish.extend(["--price", price, "--currency", currency]);
        let published = seller.json(&publish)?;
        let signer = published["release"]["publisher_key"].as_str().context("unsigned")?.to_owned();
        let publisher = key(PUBLISHER)?;
        seller.json(&["chain", "list", &plugin, "--rpc", &endpoint.url, "--key", &publisher, "--yes"])?;

        let payer = key(PAYER)?;
        let mut buy = vec!["chain", "buy", &plugin, "--rpc", &endpoint.url, "--key", &payer, "--yes"];
        buy.extend(["--mnemonic-file", "words"]);
        let bought = buyer.json(&buy)?;
        assert_eq!(bought["paid"], true, "{bought}");
        assert_eq!(bought["licence"]["state"], "active", "{bought}");
        let again = buyer.json(&buy)?;
        assert_eq!(
            (&again["paid"], &again["licence"]["id"]),
            (&false.into(), &bought["licence"]["id"]),
            "{again}"
        );
        let tx = bought["payment"]["tx_hash"].as_str().context("no transaction")?.to_owned();
        let status = buyer.json(&["chain", "status", &tx])?;
        assert!(status.to_string().contains("settled"), "{status}");

        let bundle = format!("{plugin}.json");
        buyer.json(&["fetch", &plugin, "--out", &bundle])?;
        let index = bought["device"]["index"].to_string();
        let mut run =
            vec!["run", &bundle, "--publisher", &signer, "--mnemonic-file", "words", "--index", &index];
        run.extend(["--call", "add", "2", "40"]);
        let ran = buyer.run(&run)?;
        assert_eq!(
            String::from_utf8_lossy(&ran.stdout).trim(),
            "42",
            "{}",
            String::from_utf8_lossy(&ran.stderr)
        );
    }

    let sales = seller.json(&["chain", "sales"])?;
    assert_eq!(sales.to_string().matches("\"settled\"").count(), 2, "{sales}");
    let publisher = key(PUBLISHER)?;
    let out = account(OTHER);
    seller.json(&["chain", "balance", "--key", &publisher])?;
    let before = node.rpc.coins(node.accounts[OTHER]).await?;
    let withdraw = ["chain", "withdraw", "--rpc", &endpoint.url, "--key", &publisher, "--to", &out, "--yes"];
    seller.json(&withdraw)?;
    let gained = node.rpc.coins(node.accounts[OTHER]).await? - before;
    assert_eq!(gained, U256::from(8_500_000_000_000_000_u64), "85 % of 0.01 ETH");
    assert_eq!(held(&node, usdc, node.accounts[OTHER]).await?, U256::from(4_241_500), "85 % of 4.99 USDC");
    let treasury = key(TREASURY)?;
    seller.json(&["chain", "withdraw", "--rpc", &endpoint.url, "--key", &treasury, "--to", &out, "--yes"])?;
    let gained = node.rpc.coins(node.accounts[OTHER]).await? - before;
    assert_eq!(gained, U256::from(10_000_000_000_000_000_u64), "all of 0.01 ETH");
    assert_eq!(held(&node, usdc, node.accounts[OTHER]).await?, U256::from(4_990_000), "all of 4.99 USDC");
    Ok(())
}

async fn held(node: &Node, token: Address, account: Address) -> Result<U256> {
    node.rpc.view(token, &Token::balanceOfCall { account }).await
}
