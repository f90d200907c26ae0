//! The language of faults: what goes wrong, where, and what happens meanwhile. A schedule can be printed, read again and drawn
//! from a seed.
//!
//! ```text
//! +no-token agent.claim.answered@1=kill agent.save@2=error agent.start.asked@1=stop:klipper.kill
//! ```
//!
//! Words with a plus are circumstances; the others name a fault point, its passing, and what is to come there. The first part of a
//! point's name is its program. A program's faults take effect in order: those behind a `kill` are for the program that was started
//! after it. `store@350ms=kill` kills a program from outside, that long after the print was begun.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Error, Result, bail};
use sealpost_tests::dice::Dice;

use crate::draw::{Passings, draw};
use crate::meanwhile::Meanwhile;

/// What goes wrong in one print.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Schedule {
    pub(crate) with: BTreeSet<With>,
    pub(crate) acts: Vec<Act>,
}

/// How things stand when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum With {
    /// The buyer cancels while it prints.
    Cancel,
    /// A job that no printer claims at once is over.
    Hasty,
    /// The agent does not know the store's keys.
    NoKeys,
    /// The agent's token is lost.
    NoToken,
    /// The agent's token is nearly over.
    OldToken,
    /// The store's database is PostgreSQL.
    Postgres,
    /// The store takes a short silence for the end of a printer.
    Strict,
    /// The file is published and bought for this print.
    Trade,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Act {
    /// A fault point; the program itself for what comes from outside.
    pub(crate) point: String,
    pub(crate) when: When,
    pub(crate) what: What,
}

/// When it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// At this passing of the point, counted from one.
    Passing(u64),
    /// From outside, milliseconds after the print was begun.
    After(u64),
}

/// What comes at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Error,
    Kill,
    Slow {
        millis: u64,
    },
    /// The program stands still while something else happens.
    Stop(Meanwhile),
}

impl With {
    pub(crate) const ALL: [(Self, &str); 8] = [
        (Self::Cancel, "cancel"),
        (Self::Hasty, "hasty"),
        (Self::NoKeys, "no-keys"),
        (Self::NoToken, "no-token"),
        (Self::OldToken, "old-token"),
        (Self::Postgres, "postgres"),
        (Self::Strict, "strict"),
        (Self::Trade, "trade"),
    ];
}

impl Schedule {
    /// A program's faults, a piece for each of its lives.
    pub(crate) fn lives(&self, program: &str) -> Vec<Vec<&Act>> {
        let mut lives = vec![Vec::new()];
        for act in self.acts.iter().filter(|act| act.program() == program) {
            if let (When::Passing(_), Some(life)) = (act.when, lives.last_mut()) {
                life.push(act);
            }
            if act.what == What::Kill {
                lives.push(Vec::new());
            }
        }
        lives
    }

    /// Further settings of the store.
    pub(crate) fn settings(&self) -> String {
        let mut settings = String::new();
        if self.with.contains(&With::Hasty) {
            settings += "job_expires_s = 2\n";
        }
        if self.with.contains(&With::Strict) {
            settings += "lease_processing_s = 1\nlease_printing_s = 1\n";
        }
        settings
    }

    /// Whether anything happens in it that only a store on PostgreSQL meets.
    pub(crate) fn needs_postgres(&self) -> bool {
        let needs = |act: &Act| matches!(act.what, What::Stop(meanwhile) if meanwhile.needs_postgres());
        self.with.contains(&With::Postgres) || self.acts.iter().any(needs)
    }

    /// Whether the store may take a short silence for the end of a printer.
    pub(crate) fn is_late(&self) -> bool {
        self.with.contains(&With::Strict) || self.touches(&[Meanwhile::StoreClock(86_400)])
    }

    /// Whether anything in it may end or spoil a print that began.
    pub(crate) fn touches(&self, which: &[Meanwhile]) -> bool {
        self.acts.iter().any(|act| matches!(act.what, What::Stop(meanwhile) if which.contains(&meanwhile)))
    }
}

/// The names of the points of both programs.
pub(crate) fn points() -> impl Iterator<Item = &'static str> {
    sealpost_printer::points::all().chain(sealpost_store::points::all())
}

/// What can be killed from outside at any moment.
pub(crate) const PROGRAMS: [&str; 2] = ["agent", "store"];

impl Act {
    /// Whose point it is.
    pub(crate) fn program(&self) -> &str {
        self.point.split('.').next().unwrap_or_default()
    }

    /// In the words of the fault points.
    pub(crate) fn wish(&self) -> String {
        let what = match self.what {
            What::Error => "error".to_owned(),
            What::Kill => "kill".to_owned(),
            What::Slow { millis } => format!("slow:{millis}"),
            What::Stop(_) => "stop".to_owned(),
        };
        let When::Passing(passing) = self.when else { return String::new() };
        format!("{}={what}@{passing}", self.point)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name =
            |word: &With| With::ALL.iter().find(|(known, _)| known == word).map_or("", |(_, name)| name);
        let with = self.with.iter().map(|word| format!("+{}", name(word)));
        let acts = self.acts.iter().map(ToString::to_string);
        f.write_str(&with.chain(acts).collect::<Vec<_>>().join(" "))
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.when {
            When::Passing(passing) => write!(f, "{}@{passing}=", self.point)?,
            When::After(millis) => write!(f, "{}@{millis}ms=", self.point)?,
        }
        match self.what {
            What::Error => f.write_str("error"),
            What::Kill => f.write_str("kill"),
            What::Slow { millis } => write!(f, "slow:{millis}"),
            What::Stop(meanwhile) => {
                write!(f, "stop:{}", meanwhile.name())
            }
        }
    }
}

impl FromStr for Schedule {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let mut schedule = Self::default();
        for word in text.split_whitespace() {
            match word.strip_prefix('+') {
                Some(name) => {
                    let known = With::ALL.iter().find(|(_, known)| *known == name);
                    schedule
                        .with
                        .insert(known.with_context(|| format!("no circumstance is called {word}"))?.0);
                }
                None => schedule.acts.push(word.parse()?),
            }
        }
        Ok(schedule)
    }
}

impl FromStr for Act {
    type Err = Error;
    fn from_str(word: &str) -> Result<Self> {
        let (place, what) = word.split_once('=').with_context(|| format!("{word}: what comes there?"))?;
        let (point, when) = place.split_once('@').unwrap_or((place, "1"));
        let when = match when.strip_suffix("ms") {
            Some(millis) => When::After(millis.parse()?),
            None => When::Passing(when.parse()?),
        };
        let known = match when {
            When::Passing(_) => points().any(|name| name == point),
            When::After(_) => PROGRAMS.contains(&point) && what == "kill",
        };
        if !known {
            bail!("{word}: there is no such place");
        }
        let what = match what.split_once(':') {
            None if what == "error" => What::Error,
            None if what == "kill" => What::Kill,
            Some(("slow", millis)) => What::Slow { millis: millis.parse()? },
            Some(("stop", name)) => {
                let known = Meanwhile::ALL.iter().find(|(_, known)| *known == name);
                What::Stop(known.with_context(|| format!("nothing is called {name}"))?.0)
            }
            _ => bail!("{word}: there is no action `{what}`"),
        };
        Ok(Self { point: point.to_owned(), when, what })
    }
}

#[test]
fn a_schedule_is_read_as_it_was_printed() -> Result<()> {
    let passings = Passings::known();
    let mut dice = Dice::new(7);
    for _ in 0..500 {
        let schedule = draw(&mut dice, &passings);
        assert_eq!(schedule.to_string().parse::<Schedule>()?, schedule);
    }
    assert!("agent.nowhere@1=kill".parse::<Schedule>().is_err());
    Ok(())
}

#[test]
fn what_follows_a_kill_is_for_the_next_life() -> Result<()> {
    let schedule: Schedule = "agent.save@2=error agent.poll.asked@1=kill agent.save@1=kill".parse()?;
    let lives: Vec<usize> = schedule.lives("agent").iter().map(Vec::len).collect();
    assert_eq!(lives, [2, 1, 0]);
    assert_eq!(schedule.lives("store"), vec![Vec::<&Act>::new()]);
    Ok(())
}
