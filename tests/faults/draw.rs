//! Schedules drawn by chance, from what an undisturbed print was seen to pass: a fault that nothing comes to is none.

use std::collections::{BTreeMap, BTreeSet};

use sealpost_tests::dice::Dice;

use crate::meanwhile::Meanwhile;
use crate::schedule::{Act, PROGRAMS, Schedule, What, When, With};

/// How often which points are passed, in which circumstances: lines of `CIRCUMSTANCE POINT PASSINGS`, where `-` is none, and
/// `again` a program that was killed in the middle. Written by `cargo xtask test faults --record`.
const KNOWN: &str = include_str!("passings.txt");

/// How often points are passed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passings(BTreeMap<(String, String), u64>);

impl Passings {
    /// As they were recorded.
    pub(crate) fn known() -> Self {
        Self::read(KNOWN)
    }

    /// Notes one line of a log of fault points, `POINT PASSING ...`.
    pub(crate) fn see(&mut self, circumstance: &str, line: &str) {
        let mut words = line.split(' ');
        let (Some(point), Some(passing)) =
            (words.next(), words.next().and_then(|word| word.parse::<u64>().ok()))
        else {
            return;
        };
        let most = self.0.entry((circumstance.to_owned(), point.to_owned())).or_default();
        *most = passing.max(*most);
    }

    /// The text that is read again.
    pub(crate) fn to_text(&self) -> String {
        self.0.iter().map(|((with, point), most)| format!("{with} {point} {most}\n")).collect()
    }

    /// Every point that was passed at all.
    pub(crate) fn points(&self) -> BTreeSet<&str> {
        self.0.keys().map(|(_, point)| point.as_str()).collect()
    }

    fn read(text: &str) -> Self {
        let mut passings = Self::default();
        for line in text.lines() {
            if let Some((circumstance, rest)) = line.split_once(' ') {
                passings.see(circumstance, rest);
            }
        }
        passings
    }

    /// What can be met in any of these circumstances: points and their last passing.
    fn of(&self, circumstances: &[&str]) -> Vec<(&str, u64)> {
        let mut most = BTreeMap::new();
        for ((circumstance, point), passings) in &self.0 {
            if circumstances.contains(&circumstance.as_str()) {
                let known = most.entry(point.as_str()).or_insert(0);
                *known = (*passings).max(*known);
            }
        }
        most.into_iter().collect()
    }
}

/// Draws a schedule.
pub(crate) fn draw(dice: &mut Dice, passings: &Passings) -> Schedule {
    let mut with = BTreeSet::new();
    for (word, _) in With::ALL {
        let rarity = match word {
            With::Postgres | With::Trade => 4,
            _ => 9,
        };
        if dice.one_in(rarity) {
            with.insert(word);
        }
    }
    let mut words = vec!["-"];
    words.extend(With::ALL.iter().filter(|(word, _)| with.contains(word)).map(|(_, name)| *name));
    let first = passings.of(&words);
    words.push("again");
    let later = passings.of(&words);
    let mut acts: Vec<Act> = Vec::new();
    for _ in 0..1 + dice.below(4) {
        if dice.one_in(8) {
            let program = PROGRAMS[dice.below(PROGRAMS.len() as u64) as usize];
            acts.push(Act {
                point: program.to_owned(),
                when: When::After(dice.below(2_000)),
                what: What::Kill,
            });
            continue;
        }
        let met = if acts.iter().any(|act| act.what == What::Kill) { &later } else { &first };
        if met.is_empty() {
            continue;
        }
        let (point, most) = met[dice.below(met.len() as u64) as usize];
        let passing = if dice.one_in(2) { 1 } else { dice.between(1, most + 1) };
        acts.push(Act { point: point.to_owned(), when: When::Passing(passing), what: what(dice, &with) });
    }
    Schedule { with, acts }
}

fn what(dice: &mut Dice, with: &BTreeSet<With>) -> What {
    match dice.below(10) {
        0..=3 => What::Kill,
        4 | 5 => What::Error,
        6 => What::Slow { millis: dice.between(50, 450) },
        _ => {
            let possible: Vec<Meanwhile> = Meanwhile::ALL
                .iter()
                .map(|(meanwhile, _)| *meanwhile)
                .filter(|meanwhile| with.contains(&With::Postgres) || !meanwhile.needs_postgres())
                .collect();
            What::Stop(possible[dice.below(possible.len() as u64) as usize])
        }
    }
}

#[test]
fn the_same_seed_draws_the_same_schedule() {
    let passings = Passings::known();
    let draw = |seed| draw(&mut Dice::new(seed), &passings).to_string();
    for seed in 0..100 {
        assert_eq!(draw(seed), draw(seed));
    }
    assert_ne!(draw(1), draw(2));
}

#[test]
fn every_point_was_passed_when_it_was_recorded() {
    let passings = Passings::known();
    let known = passings.points();
    let missing: Vec<_> = crate::schedule::points().filter(|point| !known.contains(point)).collect();
    assert_eq!(missing, [""; 0], "run `cargo xtask test faults --record`");
}
