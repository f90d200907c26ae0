//! One figure beside what it is held against.

use std::fmt;

use serde_json::{Value, json};

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    /// The ratio should be at most the target.
    Less,
    /// The ratio should be at least the target.
    More,
}

/// One line of the result.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) row: &'static str,
    pub(crate) ours: f64,
    pub(crate) reference: f64,
    pub(crate) unit: &'static str,
    pub(crate) target: f64,
    pub(crate) better: Better,
}

impl Row {
    fn ratio(&self) -> f64 {
        self.ours / self.reference
    }

    fn met(&self) -> bool {
        match self.better {
            Better::Less => self.ratio() <= self.target,
            Better::More => self.ratio() >= self.target,
        }
    }

    /// As one JSON object.
    pub(crate) fn json(&self) -> Value {
        json!({
            "row": self.row, "ours": self.ours, "reference": self.reference, "ratio": self.ratio(),
            "unit": self.unit, "target": self.target, "met": self.met(),
        })
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ours, reference, ratio) = (self.ours, self.reference, self.ratio());
        let sign = if self.better == Better::Less { "<=" } else { ">=" };
        let met = if self.met() { "met" } else { "MISSED" };
        let unit = self.unit;
        write!(
            f,
            "{:<52} {ours:>10.3} {unit} beside {reference:>10.3} {unit}: {ratio:>6.2} ({sign} {}) {met}",
            self.row, self.target
        )
    }
}
