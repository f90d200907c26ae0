//! From an empty folder to a finished print with nothing but the commands of the README.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use sealpost_tests::agent::Agent;
use sealpost_tests::parts;
use sealpost_tests::person::Person;
use sealpost_tests::printer::{self, Printer};
use sealpost_tests::store::{self, Store};
use sealpost_tests::terminal::Terminal;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_part_is_published_bought_and_printed_three_times_and_no_more() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let store = Store::start(folder.path(), &store::Options::default())?;
    let setup = folder.path().join("setup-link");
    fs::write(&setup, format!("{}/setup#{}", store.url, store.setup_token.clone().context("no link")?))?;

    let seller = Terminal::new(&store.url)?;
    let setup = setup.display().to_string();
    seller.json(&[
        "register",
        "--email",
        "seller@example.org",
        "--password-file",
        "password",
        "--setup-link-file",
        &setup,
    ])?;
    let buyer = Terminal::new(&store.url)?;
    buyer.json(&["register", "--email", "buyer@example.org", "--password-file", "password"])?;
    buyer.json(&["login", "--email", "buyer@example.org", "--password-file", "password"])?;

    let part = parts::sliced().display().to_string();
    let title = ["--title", "A post for a wax seal", "--prints", "3"];
    let published = seller.json(&[&["publish", part.as_str()][..], &title].concat())?;
    let listing = published["listing"]["id"].as_str().context("no listing id")?.to_owned();

    let listed = buyer.json(&["listings"])?;
    assert_eq!(listed["listings"][0]["id"], json!(listing));
    let bought = buyer.json(&["buy", &listing])?;
    let licence = bought["licence"]["id"].as_str().context("no licence id")?.to_owned();

    let printer = Printer::start(folder.path(), printer::Options::default())?;
    let mut agent = Agent::prepare(folder.path(), &printer, "")?;
    let printer_id = pair_by_command(&agent, &store.url, &buyer, folder.path())?;
    agent.start()?;

    for count in 1..=3 {
        let printed = buyer.json(&["print", &licence, "--printer", &printer_id, "--watch"])?;
        assert_eq!(printed["state"], "success", "{printed}");
        let licences = buyer.json(&["licences"])?;
        assert_eq!(licences["licences"][0]["prints_used"], count);
        if count == 1 {
            let name = format!("sealpost/{}.gcode", printed["id"].as_str().context("no job id")?);
            let metadata = printer.metadata(&name).await?;
            assert!(metadata["layer_count"].as_u64().is_some_and(|layers| layers > 1), "{metadata}");
            assert!(metadata["estimated_time"].as_f64().is_some_and(|seconds| seconds > 1.0), "{metadata}");
            assert!(
                metadata["thumbnails"].as_array().is_some_and(|pictures| !pictures.is_empty()),
                "{metadata}"
            );
        }
    }
    let refusal = buyer.refused(&["print", &licence, "--printer", &printer_id])?;
    assert!(refusal.contains("licence_exhausted") && refusal.contains("hint:"), "{refusal}");

    let jobs = buyer.json(&["jobs"])?;
    assert_eq!(jobs["jobs"].as_array().map(Vec::len), Some(3));
    let checks = agent.command()?.arg("check").output()?;
    assert!(checks.status.success(), "{}", String::from_utf8_lossy(&checks.stdout));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_sealed_on_the_publishers_side_prints_with_either_cipher() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let store = Store::start(folder.path(), &store::Options::default())?;
    let person = store.operator().await?;
    let terminal = Terminal::new(&store.url)?;
    terminal.json(&["login", "--email", &person.email, "--password-file", "password"])?;
    let printer = Printer::start(folder.path(), printer::Options::default())?;
    let mut agent = Agent::prepare(folder.path(), &printer, "")?;
    let printer_id = agent.pair(&store.url, &person).await?;
    agent.start()?;

    let part = parts::made(folder.path(), "part.gcode", &["--layers", "3"])?.display().to_string();
    for (cipher, policy) in [
        ("age", None),
        ("aes-256-cbc", None),
        ("age", Some("--seal-once")),
        ("aes-256-cbc", Some("--seal-once")),
    ] {
        let mut arguments =
            vec!["publish", part.as_str(), "--title", "Part", "--seal-here", "--cipher", cipher];
        arguments.extend(policy);
        let published = terminal.json(&arguments)?;
        let listing = published["listing"]["id"].as_str().context("no listing id")?;
        let licence =
            terminal.json(&["buy", listing])?["licence"]["id"].as_str().context("no licence")?.to_owned();
        let job = person.print(&licence, &printer_id).await?;
        let job = person.follow_to_end(&job.id, Duration::from_secs(60)).await?;
        assert_eq!(job.state.as_str(), "success", "{cipher} {policy:?}: {:?}", job.message);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_gcode_is_refused_with_a_hint_and_the_store_goes_on() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let store = Store::start(folder.path(), &store::Options::default())?;
    let person: Person = store.operator().await?;
    let terminal = Terminal::new(&store.url)?;
    terminal.json(&["login", "--email", &person.email, "--password-file", "password"])?;
    for (name, bytes) in [
        ("photo.gcode", &b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"[..]),
        ("part.bgcode", b"GCDE\x01\x00\x00\x00\x01\x00"),
        ("nothing.gcode", b""),
    ] {
        let file = folder.path().join(name);
        fs::write(&file, bytes)?;
        let refusal = terminal.refused(&["publish", &file.display().to_string(), "--title", "Part"])?;
        assert!(refusal.contains("hint:"), "{name}: {refusal}");
        // The same by the API, which a command that checks first does not save from it.
        let listing = json!({"id": name.split('.').next(), "title": "Part"});
        person.post("/api/v1/listings", &listing).await?;
        let answer = person.upload(name.split('.').next().unwrap_or_default(), "1", &file).await?;
        let problem = sealpost_tests::person::problem(answer).await?;
        assert!((400..500).contains(&problem.status) && !problem.hint.is_empty(), "{name}: {problem:?}");
    }
    assert!(terminal.json(&["listings"])?["listings"].is_array());
    Ok(())
}

/// Pairs with two terminals: the printer's shows the code, the buyer's approves it.
fn pair_by_command(agent: &Agent, store: &str, buyer: &Terminal, folder: &Path) -> Result<String> {
    let mut command = agent.command()?;
    command.args(["pair", "--store", store, "--name", "Workshop"]);
    let pairing = sealpost_tests::service::Service::start("pair", &command, folder)?;
    let code = pairing.wait_with(sealpost_tests::agent::find_code)?;
    let approved = buyer.json(&["printer", "approve", &code, "--yes"])?;
    pairing.wait_for("keeper: ended with 0")?;
    let short = approved["short_code"].as_str().context("no short code")?;
    assert!(pairing.said().contains(short), "the printer does not show the short code");
    let printers = buyer.json(&["printers"])?;
    assert_eq!(printers["printers"][0]["name"], "Workshop");
    Ok(printers["printers"][0]["id"].as_str().context("no printer id")?.to_owned())
}
