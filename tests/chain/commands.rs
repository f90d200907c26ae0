//! The whole way by the command line: a marketplace of one's own, a plugin sold on it, bought, run, and the money out.

use std::fs::{self, File};
use std::process::{Command, Output, Stdio};

use alloy::primitives::{Address, B256, U256};
use anyhow::{Context, Result, ensure};
use sealpost_tests::chain::abi::{self, Token};
use sealpost_tests::chain::bazaar::{Bazaar, OTHER, OWNER, PAYER, PUBLISHER, TREASURY, Wishes};
use sealpost_tests::chain::endpoint::Endpoint;
use sealpost_tests::chain::node::Node;
use sealpost_tests::chain::patience::PATIENCE;
use sealpost_tests::chain::wasm;
use sealpost_tests::store::{Options, Store};
use sealpost_tests::terminal::Terminal;

const PLUGIN: &str = "org.example.adder";
const WORDS: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";
const OTHER_WORDS: &str = "letter advice cage absurd amount doctor acoustic avoid letter advice cage above";

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

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_that_settles_while_it_is_asked_for_again_is_not_paid_twice() -> Result<()> {
    let bazaar = Bazaar::start_with(Wishes { finality: "50".to_owned(), ..Wishes::default() }).await?;
    bazaar.sell(PLUGIN).await?;
    bazaar.node.mine_by_itself().await?;
    let buyer = buyer(&bazaar)?;
    let first = signed(
        &bazaar,
        &buyer,
        PAYER,
        &["chain", "buy", PLUGIN, "--mnemonic-file", "words", "--no-wait", "--yes"],
    )?;
    let first = json(&first)?;
    assert_eq!((&first["paid"], &first["licence"]), (&true.into(), &serde_json::Value::Null), "{first}");
    let tx: B256 = first["payment"]["tx_hash"].as_str().context("no transaction")?.parse()?;
    // The payment does not count yet: the same key is gone on with.
    let unsettled = signed(
        &bazaar,
        &buyer,
        PAYER,
        &["chain", "buy", PLUGIN, "--mnemonic-file", "words", "--no-wait", "--yes"],
    )?;
    assert_eq!(json(&unsettled)?["paid"], false);
    // Another wallet of the same account is not paid for either.
    fs::write(buyer.home().join("others"), OTHER_WORDS)?;
    let other =
        signed(&bazaar, &buyer, PAYER, &["chain", "buy", PLUGIN, "--mnemonic-file", "others", "--yes"])?;
    assert_eq!(code(&other)?, "payment_under_way");

    bazaar.node.mine_by_hand().await?;
    let pipe = buyer.home().join("pipe");
    ensure!(Command::new("mkfifo").args(["-m", "600"]).arg(&pipe).status()?.success(), "no pipe");
    let mut command = buyer.command(
        &options(&bazaar, PAYER, &["chain", "buy", PLUGIN, "--mnemonic-file", "pipe", "--yes"])?
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    )?;
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null()).spawn()?;
    // Opening it for writing ends when the command opens it for reading, which is after it looked for licences.
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || tell.send(File::options().write(true).open(pipe)));
    let mut words =
        tokio::time::timeout(PATIENCE, told).await.context("the wallet was not asked for")???;
    bazaar.node.mine(60).await?;
    bazaar.payment_becomes(tx, "settled").await?;
    std::io::Write::write_all(&mut words, WORDS.as_bytes())?;
    drop(words);
    let second = json(&tokio::task::spawn_blocking(move || child.wait_with_output()).await??)?;
    assert_eq!(second["paid"], false, "{second}");
    assert_eq!(second["licence"]["state"], "active", "{second}");
    let licences = buyer.json(&["licences"])?;
    assert_eq!(licences["licences"].as_array().map(Vec::len), Some(1), "{licences}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_unasked_or_to_another_contract_than_before() -> Result<()> {
    let bazaar = Bazaar::start().await?;
    bazaar.sell(PLUGIN).await?;
    bazaar.node.mine_by_itself().await?;
    let buyer = buyer(&bazaar)?;
    let before = bazaar.node.rpc.coins(bazaar.account(PAYER)).await?;
    let buy = ["chain", "buy", PLUGIN, "--mnemonic-file", "words"];
    let unasked = signed(&bazaar, &buyer, PAYER, &buy)?;
    assert_eq!(code(&unasked)?, "not_confirmed");
    let asked = String::from_utf8_lossy(&unasked.stderr).to_lowercase();
    for shown in
        [format!("contract {}", bazaar.contract), "on chain 31999".into(), "takes at most 0.00".into()]
    {
        assert!(asked.contains(&shown.to_lowercase()), "{shown}: {asked}");
    }
    assert!(asked.contains("0.001 of the coin of chain 31999"), "a store's name for it is nobody's: {asked}");
    assert_eq!(bazaar.node.rpc.coins(bazaar.account(PAYER)).await?, before);

    let config = buyer.home().join("config");
    let pinned = serde_json::json!({ "stores": { &bazaar.proxy.url: {
        "chain_id": 31_999, "contract": format!("{:#x}", bazaar.usdc) } } });
    fs::write(config.join("contracts.json"), pinned.to_string())?;
    let changed = signed(&bazaar, &buyer, PAYER, &[&buy[..], &["--yes"]].concat())?;
    assert_eq!(code(&changed)?, "contract_changed");
    let contract = bazaar.contract.to_string();
    let named = signed(&bazaar, &buyer, PAYER, &[&buy[..], &["--yes", "--contract", &contract]].concat())?;
    assert_eq!(json(&named)?["paid"], true);

    let stranger = signed(&bazaar, &buyer, OTHER, &["chain", "fees", "settle", "--yes"])?;
    assert_eq!(code(&stranger)?, "not_treasury");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_takes_tokens_out_when_the_store_is_gone() -> Result<()> {
    let mut bazaar = Bazaar::start().await?;
    let sale = bazaar.sell_for(PLUGIN, 2_000_000, "USDC").await?;
    bazaar.node.mine_by_itself().await?;
    let buyer = buyer(&bazaar)?;
    let mint = Token::mintCall { to: bazaar.account(PAYER), amount: U256::from(2_000_000) };
    bazaar.node.call(bazaar.account(PAYER), bazaar.usdc, &mint).await?;
    let bought =
        signed(&bazaar, &buyer, PAYER, &["chain", "buy", PLUGIN, "--mnemonic-file", "words", "--yes"])?;
    assert_eq!(json(&bought)?["paid"], true, "{}", sale.listing);
    bazaar.kill_store()?;
    let nobody = Terminal::new("http://127.0.0.1:1")?;
    let (contract, token) = (bazaar.contract.to_string(), bazaar.usdc.to_string());
    let withdraw = ["chain", "withdraw", "--contract", &contract, "--token", &token, "--yes"];
    let withdrawn = json(&signed(&bazaar, &nobody, PUBLISHER, &withdraw)?)?;
    assert_eq!(withdrawn["moved"][0]["amount"], "1700000", "{withdrawn}");
    assert_eq!(held(&bazaar.node, bazaar.usdc, bazaar.account(PUBLISHER)).await?, U256::from(1_700_000));
    Ok(())
}

/// Somebody with an account and a wallet.
fn buyer(bazaar: &Bazaar) -> Result<Terminal> {
    let buyer = Terminal::new(&bazaar.proxy.url)?;
    buyer.json(&["register", "--email", "buyer@example.org", "--password-file", "password"])?;
    fs::write(buyer.home().join("words"), WORDS)?;
    Ok(buyer)
}

/// A command whose transactions one of the node's accounts signs.
fn signed(bazaar: &Bazaar, who: &Terminal, by: usize, command: &[&str]) -> Result<Output> {
    let options = options(bazaar, by, command)?;
    Ok(who.command(&options.iter().map(String::as_str).collect::<Vec<_>>())?.stdin(Stdio::null()).output()?)
}

fn options(bazaar: &Bazaar, by: usize, command: &[&str]) -> Result<Vec<String>> {
    let key = bazaar.node.key_file(by)?.display().to_string();
    let more = ["--rpc", &bazaar.endpoints[0].url, "--key", &key, "--json"];
    Ok(command.iter().chain(&more).map(|word| (*word).to_owned()).collect())
}

fn json(output: &Output) -> Result<serde_json::Value> {
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Why a command that must fail did.
fn code(output: &Output) -> Result<String> {
    ensure!(!output.status.success(), "it worked: {}", String::from_utf8_lossy(&output.stdout));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    Ok(answer["error"]["code"].as_str().unwrap_or_default().to_owned())
}

async fn held(node: &Node, token: Address, account: Address) -> Result<U256> {
    node.rpc.view(token, &Token::balanceOfCall { account }).await
}
