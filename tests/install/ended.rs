//! `kill -9` after each line that the installer says, in a whole Debian.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::debian::Debian;
use crate::picture::{Picture, difference, picture};

/// Nothing else is touched: the other tests look at all of the tree.
const LOOKED_AT: [&str; 3] = ["usr/share", "usr/lib", "usr/bin"];

fn look(debian: &Debian) -> Result<Picture> {
    picture(&debian.at(""), &LOOKED_AT)
}

/// Kills it as soon as it has said `lines` lines of what is done; false when it ended before.
fn killed_after(mut command: Command, lines: usize) -> Result<bool> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let said = BufReader::new(child.stdout.take().context("no output")?).lines();
    let said = said.map_while(Result::ok).filter(|line| line.starts_with("done"));
    let seen = said.take(lines).count();
    child.kill()?;
    Ok(!child.wait()?.success() && seen == lines)
}

#[test]
fn killed_after_any_step_it_is_finished_or_undone_by_the_next_run() -> Result<()> {
    let debian = Debian::with_printer(7125)?;
    debian.put_parts()?;
    let before = look(&debian)?;
    debian.success(&mut debian.installer(&["install", "--yes"])?)?;
    let installed = look(&debian)?;
    debian.success(&mut debian.installer(&["uninstall", "--yes"])?)?;
    assert_eq!(difference(&before, &look(&debian)?), [""; 0]);

    let mut kills = 0;
    for lines in 1.. {
        if !killed_after(debian.installer(&["install", "--yes"])?, lines)? {
            break;
        }
        kills += 1;
        if lines % 2 == 0 {
            debian.success(&mut debian.installer(&["install", "--yes"])?)?;
            let now: Picture = look(&debian)?;
            // The copies of changed files are named by the time of the run.
            let own = |lines: Vec<String>| -> Vec<String> {
                lines.into_iter().filter(|line| !line.contains("var/lib/sealpost-install")).collect()
            };
            assert_eq!(own(difference(&installed, &now)), [""; 0], "finished after {lines}");
            // At whatever moment that is.
            let mut uninstall = debian.installer(&["uninstall", "--yes"])?.stdout(Stdio::null()).spawn()?;
            uninstall.kill()?;
            uninstall.wait()?;
        }
        let rest = debian.installer(&["uninstall", "--yes"])?.output()?;
        let said = String::from_utf8_lossy(&rest.stderr);
        assert!(rest.status.success() || said.contains("not_installed"), "{said}");
        assert_eq!(difference(&before, &look(&debian)?), [""; 0], "undone after {lines}");
    }
    // The last lines may be said when all is done already.
    assert!(kills >= 12, "only {kills} runs were killed");
    Ok(())
}
