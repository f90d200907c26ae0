//! The question before money moves.

use std::io::{self, IsTerminal as _, Write as _};

use crate::{
    failure::{Doing as _, Failure, Result},
    output::{clean, say},
};

/// Says what is about to happen, and waits for a yes. Where nobody can be asked, only `--yes` is one.
pub(super) fn confirm(yes: bool, what: &str) -> Result<()> {
    for line in what.lines() {
        say!("{}", clean(line));
    }
    if yes {
        return Ok(());
    }
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Failure::new("not_confirmed", "nothing was sent: there is no terminal to ask at")
            .hint("say --yes to go on without being asked"));
    }
    let mut err = io::stderr().lock();
    let _gone = write!(err, "Go on? [y/N] ").and_then(|()| err.flush());
    drop(err);
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).doing("terminal", "ask whether to go on")?;
    if is_yes(&answer) {
        return Ok(());
    }
    Err(Failure::new("not_confirmed", "nothing was sent")
        .hint("answer y to go on, or say --yes on the command line"))
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].iter().any(|yes| answer.trim().eq_ignore_ascii_case(yes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_terminal_only_the_option_is_a_yes() {
        // Tests have no terminal where they are run by a machine; where they have one, there is nothing to test.
        if !io::stdin().is_terminal() {
            assert_eq!(confirm(false, "Pay.").unwrap_err().code(), "not_confirmed");
        }
        assert_eq!(confirm(true, "Pay."), Ok(()));
    }

    #[test]
    fn anything_but_a_yes_is_a_no() {
        for yes in ["y\n", "Yes\n", " YES "] {
            assert!(is_yes(yes), "{yes:?}");
        }
        for no in ["", "\n", "n\n", "yeah\n", "no\n", "1\n"] {
            assert!(!is_yes(no), "{no:?}");
        }
    }
}
