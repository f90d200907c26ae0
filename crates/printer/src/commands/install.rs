use std::{
    io::{BufRead, IsTerminal},
    path::PathBuf,
};

use clap::Args;
use sealpost_api::Problem;
use sealpost_printer::install::{
    Access, Installer, Ledger, Moment, Plan, Record, Restart, Said, Services, Standing, Step, System,
    SystemPrograms, Tree, find, plan,
};
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::format_description};

use super::pair::print;

/// Puts the agent in place beside Klipper and Moonraker.
#[derive(Debug, Args)]
pub(super) struct Install {
    /// Files of another machine, below a folder; nothing is started
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Who runs Klipper and Moonraker
    #[arg(long)]
    user: Option<String>,
    /// Klipper's checkout
    #[arg(long, value_name = "DIR")]
    klipper: Option<PathBuf>,
    /// Moonraker's checkout, or its Python environment
    #[arg(long, value_name = "DIR")]
    moonraker: Option<PathBuf>,
    /// The folder with config/printer.cfg
    #[arg(long, value_name = "DIR")]
    printer_data: Option<PathBuf>,
    /// The folder with Sealpost's parts for both
    #[arg(long, value_name = "DIR")]
    parts: Option<PathBuf>,
    /// Do it without asking
    #[arg(long, short)]
    yes: bool,
    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,
    /// Leave Klipper and Moonraker running as they are
    #[arg(long)]
    no_restart: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Install {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        let tree = tree(&self.root)?;
        let program = std::env::current_exe()?;
        let said = Said {
            user: self.user.clone(),
            klipper: self.klipper.clone(),
            moonraker: self.moonraker.clone(),
            data: self.printer_data.clone(),
            parts: self.parts.clone(),
        };
        let system = find(&tree, &said, &program)?;
        let plan = plan(&system)?;
        let date = OffsetDateTime::now_utc()
            .format(format_description!("[year]-[month]-[day]T[hour][minute][second]Z"))?;
        let installer = Installer {
            tree: &tree,
            accounts: &SystemPrograms,
            owner: system.owner.uid,
            services: Services::of(&system),
            config: system.printer_cfg.path.parent().map(PathBuf::from).unwrap_or_default(),
            date,
        };
        let record = Ledger::look(&tree)?.unwrap_or_else(Record::empty);
        let standings = installer.standings(&plan.steps, &record)?;
        if self.dry_run && self.json {
            return print(&format!("{:#}\n", as_json(&system, &plan, &standings)));
        }
        if let Some(Standing::Blocked(problem)) =
            standings.iter().find(|standing| matches!(standing, Standing::Blocked(_)))
        {
            return Err(problem.clone().into());
        }
        if !self.json {
            print(&shown(&system, &plan, &standings, tree.is_live() && !self.no_restart))?;
        }
        if self.dry_run {
            return Ok(());
        }
        needs_root()?;
        if !standings.contains(&Standing::Open) {
            Ledger::open(&tree, system.kept.is_some())?.keep_settings(&tree)?;
            return self.finish(&system, &tree, 0);
        }
        if !self.yes && !ask("Do all of this?")? {
            return Err(declined().into());
        }
        let ledger = Ledger::open(&tree, system.kept.is_some())?;
        let mut done = 0;
        installer.apply(&plan.steps, &ledger, &mut |moment| {
            if let Moment::Done(step) = moment {
                done += 1;
                if !self.json {
                    // A closed terminal is no reason to stop half way.
                    let _ = print(&format!("done  {step}\n"));
                }
            }
            Ok(())
        })?;
        drop(ledger);
        self.finish(&system, &tree, done)
    }

    fn finish(&self, system: &System, tree: &Tree, done: usize) -> anyhow::Result<()> {
        let services = Services::of(system);
        let mut restart = Restart::Later("nothing was changed");
        if tree.is_live() {
            services.start_agent(done > 0)?;
            if self.no_restart {
                restart = Restart::Later("it was not wanted");
            } else if done > 0 {
                restart = services.restart_printer()?;
            }
        } else {
            restart = Restart::Later("this is another machine's tree");
        }
        if self.json {
            let later = match restart {
                Restart::Done => Value::Null,
                Restart::Later(why) => why.into(),
            };
            return print(&format!("{:#}\n", json!({"done": done, "not_restarted": later})));
        }
        let mut told = match (done, restart) {
            (0, _) => "Everything is in place.\n".to_owned(),
            (_, Restart::Done) => "Klipper and Moonraker were restarted.\n".to_owned(),
            (_, Restart::Later(why)) => {
                format!(
                    "Klipper and Moonraker were not restarted: {why}. They load their parts at their next start:\n  {}\n",
                    services.restart_line()
                )
            }
        };
        told.push_str("Next: `sealpost-printer doctor`, then `sealpost-printer pair --store https://...`.\n");
        print(&told)
    }
}

pub(super) fn tree(root: &std::path::Path) -> anyhow::Result<Tree> {
    let root = root.canonicalize().map_err(|error| {
        Problem::new(400, "root_missing", "The folder of the tree cannot be used")
            .detail(format!("{}: {error}", root.display()))
            .hint("Give a folder that is there: `--root DIR`.")
    })?;
    Ok(Tree::new(root))
}

pub(super) fn needs_root() -> Result<(), Problem> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    Err(Problem::new(403, "needs_root", "Only root can do this")
        .detail("it makes a user, a service and files of several users")
        .hint("Run it with sudo; `install --dry-run` shows everything to anybody."))
}

/// A question whose answer nothing but `y` and `yes` is.
pub(super) fn ask(question: &str) -> anyhow::Result<bool> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(Problem::new(400, "needs_yes", "Nobody is there to be asked")
            .hint("Look at it with `--dry-run`, then say `--yes`.")
            .into());
    }
    print(&format!("{question} [y/N] "))?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

pub(super) fn declined() -> Problem {
    Problem::new(400, "declined", "Nothing was changed").hint("Run it again when you want it done.")
}

fn as_json(system: &System, plan: &Plan, standings: &[Standing]) -> Value {
    let word = |standing: &Standing| match standing {
        Standing::Done => json!({"standing": "done"}),
        Standing::Open => json!({"standing": "open"}),
        Standing::Kept(why) => json!({"standing": "kept", "why": why}),
        Standing::Blocked(problem) => json!({"standing": "blocked", "problem": problem}),
    };
    let steps: Vec<Value> = plan
        .steps
        .iter()
        .zip(standings)
        .map(|(step, standing)| {
            let mut step = json!(step);
            if let (Some(step), Value::Object(standing)) = (step.as_object_mut(), word(standing)) {
                step.extend(standing);
            }
            step
        })
        .collect();
    json!({"found": system, "steps": steps, "notes": plan.notes})
}

fn shown(system: &System, plan: &Plan, standings: &[Standing], restarts: bool) -> String {
    let kalico = if system.klipper.kalico { ", Kalico" } else { "" };
    let pip = if system.moonraker.pip { ", by pip" } else { "" };
    let access = match &system.access {
        Access::Trusted => "trusts this machine",
        Access::Key(_) => "wants its API key",
    };
    let mut text = format!(
        "Found\n  Klipper    {}{kalico}, run by {}\n  Moonraker  {}{pip}, port {}, {access}\n  printer    {}\n  parts      {}\n",
        system.klipper.folder.display(),
        system.owner.name,
        system.moonraker.components.display(),
        system.moonraker.port,
        system.data.display(),
        system.parts.folder.display(),
    );
    let steps: Vec<(&Step, &Standing)> = plan.steps.iter().zip(standings).collect();
    if standings.contains(&Standing::Open) {
        text.push_str("\nTo be done\n");
    }
    for (step, _) in steps.iter().filter(|(_, standing)| **standing == Standing::Open) {
        text.push_str(&format!("  {step}\n"));
        for line in step.lines().unwrap_or_default().lines() {
            text.push_str(&format!("      | {line}\n"));
        }
    }
    if restarts && standings.contains(&Standing::Open) {
        text.push_str("  start    sealpost-printer\n");
        if let (Some(klipper), Some(moonraker)) = (&system.klipper.service, &system.moonraker.service) {
            text.push_str(&format!(
                "  restart  {klipper} and {moonraker}, only while nothing is printed or heated\n"
            ));
        }
    }
    let kept = steps.iter().filter_map(|(_, standing)| match standing {
        Standing::Kept(why) => Some(why),
        _ => None,
    });
    let told: Vec<&String> = plan.notes.iter().chain(kept).collect();
    if !told.is_empty() {
        text.push_str("\nTo know\n");
    }
    for note in told {
        text.push_str(&format!("  {note}\n"));
    }
    text.push('\n');
    text
}
