//! Programs that pass themselves off as one of ours get nothing and change nothing.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sealpost_market::JobState;
use sealpost_tests::agent::Agent;
use sealpost_tests::printer::{self, Printer};
use sealpost_tests::programs::{real_klipper, root};
use sealpost_tests::service::{Service, free_port};
use sealpost_tests::store::{self, Store};
use serde_json::Value;

use crate::canary::{Finder, Secret};
use crate::users::{AGENT, KLIPPER, STORE, STRANGER, User, can_switch, shared_python};
use crate::world::{PATIENCE, Wishes, World, own};

/// Stands in the file that nobody but Klipper may get.
const CANARY: &str = "Quokka-vermilion 7f3aC9";

#[tokio::test(flavor = "multi_thread")]
async fn another_program_at_the_socket_of_the_extra_gets_nothing() -> Result<()> {
    if !can_switch()? {
        return Ok(());
    }
    let mut world = World::start(Wishes { recorded: true, ..Wishes::default() }).await?;
    let licence = world.sell("part", &part()).await?;
    let socket = world.folder().join("handover/sealpost.sock");

    // Another user cannot put itself there.
    let stranger = listen(STRANGER, &world, &socket)?;
    stranger.wait_for("keeper: ended with 1")?;
    ensure!(stranger.said().contains("Permission"), "{}", stranger.said());
    drop(stranger);

    // Klipper's user can, and hides as Klipper does; it is not Klipper.
    let double = listen(KLIPPER, &world, &socket)?;
    double.wait_for("listening as")?;
    refused(&world, &licence, "peer_not_klipper").await?;
    got_nothing(&double)?;
    drop(double);

    // Where a setting leads to a folder that is everybody's, whoever was first listens there.
    let shared = world.folder().join("shared");
    fs::create_dir(&shared)?;
    fs::set_permissions(&shared, PermissionsExt::from_mode(0o1777))?;
    let socket = shared.join("sealpost.sock");
    let first = listen(STRANGER, &world, &socket)?;
    first.wait_for("listening as")?;
    change_setting(&world.agent, "handover_socket", &socket)?;
    world.agent.start()?;
    refused(&world, &licence, "peer_not_klipper").await?;
    got_nothing(&first)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_alike_of_klipper_or_of_moonraker_gets_nothing() -> Result<()> {
    if !can_switch()? || real_klipper().is_some() {
        return Ok(());
    }
    let mut world = World::start(Wishes { recorded: true, ..Wishes::default() }).await?;
    let licence = world.sell("part", &part()).await?;
    let kept = Kept::of(&world)?;

    // A whole printer of a stranger's, with an extra that would take files from our agent.
    let folder = own(&world.folder().join("stranger"), STRANGER, STRANGER, 0o755)?;
    let options = printer::Options {
        extra: format!("agent_user: {}\nsocket: {}\n", AGENT.0, folder.join("open.sock").display()),
        prefix: STRANGER.prefix(&folder),
        owner: Some((STRANGER.0, STRANGER.0)),
        python: Some(shared_python()?),
        ..printer::Options::default()
    };
    let double = Printer::start(&folder, options)?;
    let real = fs::read_link(world.printer.data.join("comms/klippy.sock")).ok();
    ensure!(real.is_none(), "the socket of Klipper is a link already");

    // Moonraker's port is a stranger's: Moonraker was down, and somebody was quick.
    let port = double.moonraker_url.rsplit(':').next().context("no port")?.parse()?;
    world.moonraker_tap.lead_to(port);
    world.agent.start()?;
    refused(&world, &licence, "peer_not_klipper").await?;
    ensure!(double.executed()?.is_empty(), "the stranger's Klipper printed");

    // Moonraker is ours again, and talks to the stranger's Klipper.
    let port = world.printer.moonraker_url.rsplit(':').next().context("no port")?.parse()?;
    world.moonraker_tap.lead_to(port);
    let api = world.printer.data.join("comms/klippy.sock");
    let aside = api.with_extension("aside");
    fs::rename(&api, &aside)?;
    let open = double.data.join("comms/klippy.sock");
    fs::set_permissions(&open, PermissionsExt::from_mode(0o777))?;
    symlink(open, &api)?;
    world.printer.replace_moonraker()?;
    world.printer.moonraker.as_ref().context("no Moonraker")?.wait_for("Klippy ready")?;
    world.agent.start()?;
    refused(&world, &licence, "peer_not_klipper").await?;
    ensure!(double.executed()?.is_empty() && world.printer.executed()?.is_empty(), "something was printed");

    // Nothing of the file, and no key, went to any of them.
    let mut secrets = world.secrets()?;
    secrets.push(Secret::text("canary", CANARY));
    let finder = Finder::new(&secrets);
    for talk in world.moonraker_tap.heard() {
        let found = finder.find(&[talk.asked_in_clear(), talk.answered].concat());
        ensure!(found.is_empty(), "told to a stranger: {found:?}");
    }
    let found = below(&folder, &finder)?;
    ensure!(found.is_empty(), "kept by a stranger: {found:?}");

    // With everybody in their places it prints as if nothing had been.
    fs::remove_file(&api)?;
    fs::rename(&aside, &api)?;
    world.printer.replace_moonraker()?;
    world.printer.moonraker.as_ref().context("no Moonraker")?.wait_for("Klippy ready")?;
    prints(&world, &licence).await?;
    kept.is_still(&world)
}

#[tokio::test(flavor = "multi_thread")]
async fn another_store_at_the_same_address_learns_no_key_and_changes_nothing() -> Result<()> {
    if !can_switch()? {
        return Ok(());
    }
    let mut world = World::start(Wishes { recorded: true, ..Wishes::default() }).await?;
    let licence = world.sell("part", &part()).await?;
    let kept = Kept::of(&world)?;
    let identity = [Secret::bytes("printer key", world.identity()?.expose())];

    let folder = world.folder().join("other");
    own(&folder, STORE, STORE, 0o711)?;
    own(&folder.join("store"), STORE, STORE, 0o700)?;
    let options = store::Options {
        config: format!("public_url = {:?}\n", world.store_tap.url),
        port: Some(free_port()?),
        prefix: STORE.prefix(&folder.join("store")),
        ..store::Options::default()
    };
    let other = Store::start(&folder, &options)?;
    let before = world.store_tap.heard().len();
    world.store_tap.lead_to(options.port.context("it has a port")?);
    world.agent.start()?;
    // The command polls, and waits for what comes of it.
    let said = world.says(&["doctor", "--json"])?;
    ensure!(said.contains("unknown_printer") || said.contains("token") || said.contains("401"), "{said}");
    let heard = world.store_tap.heard();
    ensure!(heard.len() > before, "the agent did not speak to the other store");
    let finder = Finder::new(&identity);
    ensure!(heard.iter().all(|talk| finder.find(&talk.asked).is_empty()), "the private key was told");
    let status: Value = serde_json::from_str(&world.says(&["status", "--json"])?)?;
    ensure!(status["auth"]["printer_id"] == world.printer_id.as_str(), "{status}");
    kept.is_still(&world)?;

    // The store it belongs to is back; nobody has to pair anew.
    drop(other);
    let port = world.store.url.rsplit(':').next().context("no port")?.parse()?;
    world.store_tap.lead_to(port);
    world.agent.start()?;
    prints(&world, &licence).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_agent_is_kept_out_and_a_cloned_one_prints_nothing_twice() -> Result<()> {
    if !can_switch()? {
        return Ok(());
    }
    let world = World::start(Wishes { recorded: true, ..Wishes::default() }).await?;
    let licence = world.sell("part", &part()).await?;

    // Of the same folder.
    let said = world.says(&["run"])?;
    ensure!(said.contains("state_in_use"), "{said}");
    prints(&world, &licence).await?;

    // The same key on another machine with a printer of its own: a cloned SD card. Both are the printer; each job prints once.
    let folder = own(&world.folder().join("clone"), AGENT, AGENT, 0o711)?;
    let socket_folder = own(&folder.join("handover"), KLIPPER, AGENT, 0o2750)?;
    let socket = socket_folder.join("sealpost.sock");
    let machine = own(&folder.join("machine"), KLIPPER, KLIPPER, 0o711)?;
    let options = printer::Options {
        extra: format!("agent_user: {}\nsocket: {}\n", AGENT.0, socket.display()),
        prefix: KLIPPER.prefix(&machine),
        owner: Some((KLIPPER.0, KLIPPER.0)),
        agent_socket: Some(folder.join("agent.sock")),
        python: Some(shared_python()?),
        ..printer::Options::default()
    };
    let printer = Printer::start(&machine, options)?;
    let mut clone = Agent::prepare(&folder, &printer, "")?;
    own(&folder.join("agent"), AGENT, AGENT, 0o700)?;
    clone.prefix = AGENT.prefix(&folder.join("agent"));
    let settings = fs::read_to_string(&world.agent.config)?;
    fs::write(&clone.config, settings)?;
    for (key, value) in [
        ("state_dir", clone.state.clone()),
        ("cache_dir", clone.cache.clone()),
        ("agent_socket", folder.join("agent.sock")),
        ("handover_socket", socket),
        ("moonraker_url", PathBuf::from(&printer.moonraker_url)),
    ] {
        change_setting(&clone, key, &value)?;
    }
    own(&clone.state, AGENT, AGENT, 0o700)?;
    for name in ["identity.key", "token.json", "state.json"] {
        let copy = clone.state.join(name);
        fs::copy(world.agent.state.join(name), &copy)?;
        chown(&copy, Some(AGENT.0), Some(AGENT.0))?;
    }
    clone.start()?;
    let lines = |printer: &Printer| -> Result<usize> {
        Ok(printer.executed().unwrap_or_default().iter().filter(|line| line.starts_with("G28")).count())
    };
    if real_klipper().is_some() {
        return Ok(());
    }
    let before = lines(&world.printer)? + lines(&printer)?;
    for number in 1..=3 {
        prints(&world, &licence).await?;
        ensure!(lines(&world.printer)? + lines(&printer)? == before + number, "a job was printed on both");
    }
    Ok(())
}

/// What must stay as it was.
struct Kept {
    identity: Vec<u8>,
    pairing: Value,
}

impl Kept {
    fn of(world: &World) -> Result<Self> {
        let document: Value = serde_json::from_slice(&fs::read(world.agent.state.join("state.json"))?)?;
        Ok(Self {
            identity: fs::read(world.agent.state.join("identity.key"))?,
            pairing: document["pairing"].clone(),
        })
    }

    fn is_still(&self, world: &World) -> Result<()> {
        let now = Self::of(world)?;
        ensure!(self.identity == now.identity && self.pairing.is_object(), "the identity was changed");
        ensure!(self.pairing == now.pairing, "the pairing was changed: {}", now.pairing);
        Ok(())
    }
}

fn part() -> Vec<u8> {
    format!("; {CANARY}\nG28\nG90\nG1 X20.5 Y20.5 F5000 ; {CANARY}\n").into_bytes()
}

async fn prints(world: &World, licence: &str) -> Result<()> {
    let job = world.buyer.print(licence, &world.printer_id).await?;
    let job = world.end_of(&job).await?;
    ensure!(job.state == JobState::Success, "{job:?}");
    Ok(())
}

/// Sends a print that must not get to Klipper, for this reason.
async fn refused(world: &World, licence: &str, code: &str) -> Result<()> {
    let before = world.printer.executed().unwrap_or_default().len();
    let job = world.buyer.print(licence, &world.printer_id).await?;
    let job = world.buyer.follow_to_end(&job.id, PATIENCE).await?;
    let message = job.message.clone().unwrap_or_default();
    ensure!(job.state == JobState::Failure && message.contains(code), "{job:?}");
    ensure!(world.printer.executed().unwrap_or_default().len() == before, "something was printed");
    Ok(())
}

fn listen(user: User, world: &World, socket: &Path) -> Result<Service> {
    let mut command = user.command(Path::new("/"), &shared_python()?);
    command.arg(root().join("tests/secrecy/prober.py")).arg("listen").arg(socket);
    Service::start(&format!("double-{}", user.0), &command, world.folder())
}

fn got_nothing(double: &Service) -> Result<()> {
    let said = double.wait_for("hung up").map(|_| double.said())?;
    ensure!(!said.contains("received"), "{said}");
    Ok(())
}

fn change_setting(agent: &Agent, key: &str, value: &Path) -> Result<()> {
    let before = fs::read_to_string(&agent.config)?;
    let lines = before.lines().map(|line| match line.starts_with(&format!("{key} =")) {
        true => format!("{key} = {value:?}"),
        false => line.to_owned(),
    });
    Ok(fs::write(&agent.config, lines.collect::<Vec<_>>().join("\n"))?)
}

fn below(folder: &Path, finder: &Finder<'_>) -> Result<Vec<(PathBuf, &'static str)>> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder)?.flatten().map(|entry| entry.path()) {
        let Ok(kind) = fs::symlink_metadata(&path) else { continue };
        if kind.is_dir() {
            found.extend(below(&path, finder)?);
        } else if kind.is_file() {
            found.extend(finder.find(&fs::read(&path)?).into_iter().map(|(name, _)| (path.clone(), name)));
        }
    }
    Ok(found)
}
