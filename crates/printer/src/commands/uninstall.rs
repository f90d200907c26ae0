use std::path::PathBuf;

use clap::Args;
use sealpost_api::Problem;
use sealpost_printer::install::{
    Contents, Entry, Ledger, Made, Restart, SystemPrograms, refuse_while_read, undo,
};
use serde_json::json;

use super::{
    install::{ask, declined, needs_root, tree},
    pair::print,
};

/// Takes back what `install` did.
#[derive(Debug, Args)]
pub(super) struct Uninstall {
    /// Files of another machine, below a folder
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Keep the printer's identity key and state
    #[arg(long)]
    keep_keys: bool,
    /// Do it without asking, keys and all unless --keep-keys is said
    #[arg(long, short)]
    yes: bool,
    /// Although a purchased file is being printed
    #[arg(long)]
    even_so: bool,
    /// Leave Klipper and Moonraker running as they are
    #[arg(long)]
    no_restart: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Uninstall {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        let tree = tree(&self.root)?;
        needs_root()?;
        let Some(ledger) = Ledger::find(&tree)? else {
            return Err(Problem::new(404, "not_installed", "Nothing was installed by this command")
                .detail("there is no record of an installation")
                .hint("What was put in by hand is taken out by hand: the printer guide lists the pieces.")
                .into());
        };
        let record = ledger.record()?;
        let services = record.services.clone().filter(|_| tree.is_live());
        // Before anybody is asked, and before anything is stopped.
        refuse_while_read(&tree, &record)?;
        let asked = services.as_ref().filter(|_| !self.even_so);
        asked.map_or(Ok(()), |services| services.refuse_while_printing(&tree, &record))?;
        let mut keep_keys = self.keep_keys;
        if !self.yes {
            let lines: String =
                record.entries.iter().rev().map(|entry| format!("  {}\n", line(entry))).collect();
            print(&format!("To be taken back\n{lines}\n"))?;
            if !ask("Take all of this back?")? {
                return Err(declined().into());
            }
            let has_keys = |entry: &Entry| {
                matches!(entry.made, Made::Folder { contents: Contents::Keys })
                    && tree.exists(&entry.path.join("identity.key"))
            };
            if !keep_keys && record.entries.iter().any(has_keys) {
                let question = "Delete the printer's identity key and state too? Jobs that wait for it can then never be opened.";
                keep_keys = !ask(question)?;
            }
        }
        // One can have come while somebody read the questions.
        asked.map_or(Ok(()), |services| services.refuse_while_printing(&tree, &record))?;
        match (&services, asked) {
            (Some(services), None) => services.stop_agent()?,
            (_, Some(services)) => services.stop_agent_without_job(&tree, &record)?,
            (None, None) => {}
        }
        let undone = undo(&tree, &SystemPrograms, ledger, keep_keys, &mut |_| Ok(()))?;
        let mut restart = Restart::Later("this is another machine's tree");
        if let Some(services) = &services {
            services.reload()?;
            restart = if self.no_restart {
                Restart::Later("it was not wanted")
            } else {
                services.restart_printer()?
            };
        }
        if self.json {
            let later = if let Restart::Later(why) = restart { Some(why) } else { None };
            let told = json!({"done": undone.done, "left": undone.left, "not_restarted": later});
            return print(&format!("{told:#}\n"));
        }
        let mut text: String = undone.done.iter().map(|line| format!("done  {line}\n")).collect();
        text.extend(undone.left.iter().map(|line| format!("left  {line}\n")));
        match (restart, services) {
            (Restart::Done, _) => text.push_str("Klipper and Moonraker were restarted.\n"),
            (Restart::Later(why), Some(services)) => {
                text.push_str(&format!(
                    "Klipper and Moonraker were not restarted: {why}.\n  {}\n",
                    services.restart_line()
                ));
            }
            (Restart::Later(_), None) => {}
        }
        if !keep_keys {
            text.push_str("At the store this printer is still there: `sealpost printer remove PRINTER`.\n");
        }
        print(&text)
    }
}

fn line(entry: &Entry) -> String {
    let path = entry.path.display();
    match &entry.made {
        Made::User { name } => format!("user     {name}"),
        Made::Folder { contents: Contents::Keys } => {
            format!("folder   {path}, with the printer's keys and state")
        }
        Made::Folder { .. } => format!("folder   {path}"),
        Made::File { .. } => format!("file     {path}"),
        Made::Link { .. } => format!("link     {path}"),
        Made::Block { .. } => format!("lines in {path}"),
    }
}
