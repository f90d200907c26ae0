//! A program that a schedule breaks: which faults it starts with each time, and where it stands still.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::schedule::{Act, Schedule, What, When};

/// One program on its way through a schedule.
pub(crate) struct Program<'s> {
    /// The first part of its points' names.
    pub(crate) name: &'static str,
    lives: std::vec::IntoIter<Vec<&'s Act>>,
    stops: Vec<&'s Act>,
    /// When it is killed from outside.
    kills: Vec<Duration>,
    begin: Instant,
}

impl<'s> Program<'s> {
    pub(crate) fn new(name: &'static str, schedule: &'s Schedule) -> Self {
        let outside = schedule.acts.iter().filter(|act| act.point == name);
        let kills = outside.filter_map(|act| match act.when {
            When::After(millis) => Some(Duration::from_millis(millis)),
            When::Passing(_) => None,
        });
        Self {
            name,
            lives: schedule.lives(name).into_iter(),
            stops: Vec::new(),
            kills: kills.collect(),
            begin: Instant::now(),
        }
    }

    /// What its next start finds in its environment.
    pub(crate) fn next_life(&mut self, log: &Path) -> Vec<(String, String)> {
        let life = self.lives.next().unwrap_or_default();
        self.stops = life.iter().filter(|act| matches!(act.what, What::Stop(_))).copied().collect();
        let wishes: Vec<String> = life.iter().map(|act| act.wish()).collect();
        vec![
            ("SEALPOST_FAULTS".to_owned(), wishes.join(" ")),
            ("SEALPOST_FAULTS_LOG".to_owned(), log.display().to_string()),
        ]
    }

    /// At which of its points it stands: the last one that it noted.
    pub(crate) fn stopped_at(&mut self, log: &str) -> Result<&'s Act> {
        let ours = format!("{}.", self.name);
        let mut lines = log.lines().rev();
        let last = lines.find(|line| line.starts_with(&ours) && line.ends_with(" stop"));
        let last = last.context("nobody told it to stop")?;
        let place = |act: &Act| match act.when {
            When::Passing(passing) => format!("{} {passing} stop", act.point),
            When::After(_) => String::new(),
        };
        let found = self.stops.iter().position(|act| place(act) == last);
        Ok(self.stops.remove(found.with_context(|| format!("it stands at `{last}`"))?))
    }

    /// Whether it is time to kill it from outside.
    pub(crate) fn is_to_be_killed(&mut self) -> bool {
        let since = self.begin.elapsed();
        let before = self.kills.len();
        self.kills.retain(|after| *after > since);
        self.kills.len() < before
    }

    /// Whether it will be killed from outside once more.
    pub(crate) fn has_plans(&self) -> bool {
        !self.kills.is_empty()
    }
}
