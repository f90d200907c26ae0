//! The main job end to end: a store, a printer, a sale, three prints, a plugin that is sold and runs in the browser, and one that is sold for coin; `--once` tells by its exit code whether all of it happened.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "the demo talks to the person at the terminal")]

use std::path::Path;
use std::time::{Duration, Instant};

use alloy::primitives::utils::format_ether;
use alloy::primitives::{Address, U256};
use anyhow::{Context, Result, bail, ensure};
use sealpost_api::catalogue::NewListing;
use sealpost_api::job::Job;
use sealpost_api::purchase::Payment;
use sealpost_market::JobState;
use sealpost_tests::agent::Agent;
use sealpost_tests::chain::abi::Market;
use sealpost_tests::chain::bazaar::{OTHER, OWNER, PAYER, PUBLISHER, TREASURY};
use sealpost_tests::chain::node::Node;
use sealpost_tests::person::{PASSWORD, Person, problem};
use sealpost_tests::printer::{self, Printer};
use sealpost_tests::shop::{self, CoinSale, PluginSale};
use sealpost_tests::store::{self, Store};
use sealpost_tests::terminal::Terminal;
use sealpost_tests::{parts, programs};

const PRINTS: u32 = 3;

#[tokio::main]
async fn main() -> Result<()> {
    let once = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--once") => true,
        Some(other) => bail!("`{other}`? the demo takes --once or nothing"),
    };
    let began = Instant::now();
    let folder = tempfile::Builder::new().prefix("sealpost-demo-").tempdir()?;

    heading("A chain of this machine");
    let node = Node::start(&folder.path().join("chain"))?;
    node.mine_by_itself().await?;
    let (contract, config) = deploy(&node)?;
    println!("  chain {} on {}, with the marketplace's contract {contract}", node.chain_id, node.rpc.url);

    heading("A store");
    let store = Store::start(folder.path(), &store::Options { config, ..store::Options::default() })?;
    let seller = store.operator().await?;
    let buyer = store.person("buyer").await?;
    println!("  {} ({} sells, {} buys)", store.url, seller.email, buyer.email);

    heading("A printer: Moonraker, Klipper's side, and the agent");
    let options = printer::Options { rate: if once { 0 } else { 400 }, ..printer::Options::default() };
    let printer = Printer::start(folder.path(), options)?;
    let klipper = if programs::real_klipper().is_some() { "real Klipper" } else { "stand-in Klipper host" };
    println!("  Moonraker on {} with a {klipper}", printer.moonraker_url);
    let mut agent = Agent::prepare(folder.path(), &printer, "")?;
    let printer_id = agent.pair(&store.url, &buyer).await?;
    agent.start()?;
    println!("  paired as {printer_id}");

    heading("The seller publishes, the buyer buys");
    let licence = sell(&seller, &buyer).await?;

    heading("The part prints");
    for count in 1..=PRINTS {
        let job = buyer.print(&licence, &printer_id).await?;
        let ended = follow(&buyer, &job).await?;
        ensure!(
            ended.state == JobState::Success,
            "print {count} ended as {:?}: {:?}",
            ended.state,
            ended.message
        );
        if count == 1 {
            show_metadata(&printer, &job).await?;
        }
        let licence = buyer.licences().await?.into_iter().next().context("the licence is gone")?;
        ensure!(licence.prints_used == count, "the store counts {} prints, not {count}", licence.prints_used);
        println!(
            "  print {count}: complete, the store counts {} of {}",
            licence.prints_used, licence.prints_allowed
        );
    }
    let refused = problem(buyer.try_print(&licence, &printer_id).await?).await?;
    println!("  print {}: refused: {refused}", PRINTS + 1);
    println!("           hint: {}", refused.hint);
    ensure!(refused.code == "licence_exhausted", "the refusal has the code {}", refused.code);

    heading("A plugin is sold and runs in the browser");
    let plugin = shop::sell_plugin(&store.url, folder.path()).await?;
    show_plugin(&plugin)?;

    heading("A plugin is sold for coin");
    let parts = sell_for_coin(&store, folder.path(), &node, contract).await?;

    heading("Summary");
    println!(
        "  3 sales, {PRINTS} prints counted, 1 refused, 2 plugins run in Chromium, in {:.1} s",
        began.elapsed().as_secs_f64()
    );
    println!("  {parts}");
    if !once {
        println!("  {}/shop/ is the shop; {} bought there, password `{PASSWORD}`", store.url, plugin.buyer);
        println!("  {} stays up for {} and {}, password `{PASSWORD}`", store.url, seller.email, buyer.email);
        println!(
            "  {}/machine/lmnt_marketplace/ui is the printer's page; Ctrl-C ends it all",
            printer.moonraker_url
        );
        tokio::signal::ctrl_c().await?;
    }
    Ok(())
}

async fn sell(seller: &Person, buyer: &Person) -> Result<String> {
    let listing = NewListing {
        id: Some("seal-post".to_owned()),
        title: "A post for a wax seal".to_owned(),
        description: "Prints in minutes, holds for years.".to_owned(),
        prints: Some(PRINTS),
        ..NewListing::default()
    };
    let listing = seller.offer(&listing).await?;
    let release = seller.publish(&listing.id, "1.0.0", &parts::sliced()).await?;
    println!(
        "  {} {}: {} bytes sealed with {}",
        listing.title, release.version, release.plain_size, release.cipher
    );
    let licence = buyer.buy(&listing.id, Payment::Free).await?;
    println!("  licence {} for {} prints", licence.id, licence.prints_allowed);
    Ok(licence.id)
}

async fn follow(buyer: &Person, job: &Job) -> Result<Job> {
    let mut shown = None;
    let watched = buyer.follow(&job.id, Duration::from_secs(300), |job| {
        let now = (job.state, job.progress_permille / 100);
        if shown.replace(now) != Some(now) {
            println!("    {:?} {} %", job.state, job.progress_permille / 10);
        }
        job.state.is_final()
    });
    watched.await
}

async fn show_metadata(printer: &Printer, job: &Job) -> Result<()> {
    let name = format!("sealpost/{}.gcode", job.id);
    let metadata = printer.metadata(&name).await?;
    let layers = metadata["layer_count"].as_u64().context("Moonraker shows no layers")?;
    let seconds = metadata["estimated_time"].as_f64().context("Moonraker shows no time")?;
    let pictures = metadata["thumbnails"].as_array().map_or(0, Vec::len);
    ensure!(pictures > 0, "Moonraker shows no picture");
    println!("    Moonraker shows {pictures} pictures, {layers} layers, {:.0} minutes", seconds / 60.0);
    Ok(())
}

fn show_plugin(sale: &PluginSale) -> Result<()> {
    let PluginSale { title, plugin_id, version, size, licence, file, file_size, sent, .. } = sale;
    println!("  {title} {version} ({plugin_id}): {size} bytes, sealed and signed by its publisher");
    println!("  licence {licence}, for a key that the browser keeps");
    ensure!(sale.signed, "the page did not find it signed by its publisher");
    ensure!(sent < file_size, "the page sent {sent} bytes: was {file} among them?");
    let figures: Vec<_> = sale.figures.iter().map(|(name, value)| format!("{name} {value}")).collect();
    ensure!(figures.iter().any(|figure| figure.starts_with("layers ")), "the page shows no layers");
    println!("  in the page it says of {file}: {}", figures.join(", "));
    println!("  the page as it was: {}", sale.picture);
    Ok(())
}

/// Puts the contract on the chain; its address, and the store's settings for it.
fn deploy(node: &Node) -> Result<(Address, String)> {
    let operator = Terminal::new("http://127.0.0.1:1")?;
    let (key, treasury) = (node.key_file(OWNER)?.display().to_string(), node.accounts[TREASURY].to_string());
    let deploy = ["chain", "deploy", "--rpc", &node.rpc.url, "--key", &key, "--treasury", &treasury, "--yes"];
    let deployed = operator.run(&deploy)?;
    ensure!(deployed.status.success(), "it was not deployed: {}", String::from_utf8_lossy(&deployed.stderr));
    let table = String::from_utf8(deployed.stdout)?;
    let line = table.lines().find_map(|line| line.strip_prefix("contract = ")).context("no contract")?;
    Ok((line.trim_matches('"').parse()?, format!("{table}finality = 2\npoll_ms = 200\n")))
}

/// Sells a plugin on the chain and takes the money out; who has how much of it, in words.
async fn sell_for_coin(store: &Store, folder: &Path, node: &Node, contract: Address) -> Result<String> {
    let sale = shop::sell_for_coin(&store.url, folder, node, PUBLISHER, PAYER).await?;
    let CoinSale { title, version, price, tx, licence, .. } = &sale;
    println!("  {title} {version}: {price}, listed in the contract by its publisher");
    println!("  paid in the page from a wallet, by {tx}");
    let layers = sale.figures.get("layers").context("the page shows no layers")?;
    println!("  licence {licence}, for a key of that wallet; opened in the page it counts {layers} layers");
    println!("  the receipt as it was: {}", sale.picture);
    ensure!(sale.state == "settled", "the store says `{}` of the payment", sale.state);
    let [paid] = sale.sent.as_slice() else { bail!("the wallet was asked for {:?}", sale.sent) };
    let paid: U256 = paid.parse()?;

    let seller = Terminal::new(&store.url)?;
    let (key, safe) = (node.key_file(PUBLISHER)?.display().to_string(), node.accounts[OTHER]);
    let before = node.rpc.coins(safe).await?;
    let to = safe.to_string();
    seller.json(&["chain", "withdraw", "--rpc", &node.rpc.url, "--key", &key, "--to", &to, "--yes"])?;
    let publisher = node.rpc.coins(safe).await? - before;
    let account = node.accounts[TREASURY];
    let platform =
        node.rpc.view(contract, &Market::balanceOfCall { account, token: Address::ZERO }).await?.available;
    println!("  the publisher withdrew {} ETH, by `sealpost chain withdraw`", coins(publisher));
    let percent = U256::from(100);
    ensure!(
        publisher * percent == paid * U256::from(85) && platform * percent == paid * U256::from(15),
        "of {paid} wei the publisher got {publisher} and the platform {platform}"
    );
    Ok(format!(
        "of {price} the publisher has {} (85 %), the platform {} (15 %)",
        coins(publisher),
        coins(platform)
    ))
}

/// Wei as coins, without zeros at the end.
fn coins(wei: U256) -> String {
    format_ether(wei).trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn heading(text: &str) {
    println!("{text}");
}
