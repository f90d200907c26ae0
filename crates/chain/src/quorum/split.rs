//! The endpoints' answers to one question, and what to say where too few are the same.

use std::fmt::Write as _;

use crate::{endpoint::Endpoint, error::ChainError, fault::Fault};

/// What came so far.
pub(super) struct Answers<'a, T> {
    groups: Vec<(T, Vec<&'a Endpoint>)>,
    faults: Vec<(&'a Endpoint, Fault)>,
}

/// What came of a question on which too few agreed.
#[derive(Debug)]
pub(crate) struct Split<T> {
    question: &'static str,
    agree: usize,
    chain_id: u64,
    /// Every answer with the hosts that gave it.
    pub(crate) answers: Vec<(T, Vec<String>)>,
    /// What the other hosts did.
    pub(crate) faults: Vec<(String, Fault)>,
}

impl<T> Default for Answers<'_, T> {
    fn default() -> Self {
        Self { groups: Vec::new(), faults: Vec::new() }
    }
}

impl<'a, T: PartialEq> Answers<'a, T> {
    pub(super) fn add(&mut self, endpoint: &'a Endpoint, outcome: Result<T, Fault>) {
        match outcome {
            Ok(answer) => match self.groups.iter_mut().find(|(other, _)| *other == answer) {
                Some((_, endpoints)) => endpoints.push(endpoint),
                None => self.groups.push((answer, vec![endpoint])),
            },
            Err(fault) => self.faults.push((endpoint, fault)),
        }
    }
}

impl<T> Answers<'_, T> {
    /// How many gave any answer.
    pub(super) fn answered(&self) -> usize {
        self.groups.iter().map(|(_, endpoints)| endpoints.len()).sum()
    }

    /// How many gave the answer that most gave.
    pub(super) fn most(&self) -> usize {
        self.groups.iter().map(|(_, endpoints)| endpoints.len()).max().unwrap_or(0)
    }

    /// Whether an endpoint answered or failed.
    pub(super) fn heard(&self, endpoint: &Endpoint) -> bool {
        let answered = self.groups.iter().flat_map(|(_, endpoints)| endpoints);
        let failed = self.faults.iter().map(|(endpoint, _)| endpoint);
        answered.chain(failed).any(|other| std::ptr::eq(*other, endpoint))
    }

    /// The answer that `agree` gave, who are a majority, and the others. Notes who gave another one.
    pub(super) fn agreed(mut self, agree: usize, question: &'static str) -> Result<(T, Vec<T>), Self> {
        let Some(index) = self.groups.iter().position(|(_, endpoints)| endpoints.len() >= agree) else {
            return Err(self);
        };
        let (answer, endpoints) = self.groups.swap_remove(index);
        endpoints.iter().for_each(|endpoint| endpoint.agrees(true, question));
        let others = self.groups.iter().flat_map(|(_, endpoints)| endpoints);
        others.for_each(|endpoint| endpoint.agrees(false, question));
        Ok((answer, self.groups.into_iter().map(|(other, _)| other).collect()))
    }
}

impl<T: Ord> Answers<'_, T> {
    /// The lowest answer that so many endpoints do not go beyond.
    pub(super) fn lowest(mut self, agree: usize) -> Option<T> {
        self.groups.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let mut passed = 0;
        self.groups.into_iter().find_map(|(answer, endpoints)| {
            passed += endpoints.len();
            (passed >= agree).then_some(answer)
        })
    }
}

impl<T> Split<T> {
    pub(super) fn new(
        question: &'static str,
        (agree, chain_id): (usize, u64),
        answers: Answers<'_, T>,
    ) -> Self {
        let names = |endpoints: Vec<&Endpoint>| endpoints.iter().map(|e| e.host().to_owned()).collect();
        let groups = answers.groups.into_iter().map(|(answer, endpoints)| (answer, names(endpoints)));
        let faults = answers.faults.into_iter().map(|(endpoint, fault)| (endpoint.host().to_owned(), fault));
        Self { question, agree, chain_id, answers: groups.collect(), faults: faults.collect() }
    }

    /// How many endpoints gave an answer, whatever it was.
    pub(crate) fn answered(&self) -> usize {
        self.answers.iter().map(|(_, hosts)| hosts.len()).sum()
    }

    /// Whether as many answered as must agree.
    pub(crate) fn has_enough(&self) -> bool {
        self.answered() >= self.agree
    }

    /// Whether endpoints may answer a smaller question.
    pub(crate) fn is_too_much(&self) -> bool {
        !self.has_enough() && self.faults.iter().any(|(_, fault)| fault.is_too_much())
    }

    /// Whether endpoints said that the question is too large, rather than nothing.
    pub(crate) fn is_refusal(&self) -> bool {
        self.faults.iter().any(|(_, fault)| fault.is_too_much() && !matches!(fault, Fault::Timeout(_)))
    }

    /// The other chain that all endpoints serve which gave no answer. Where none gave one, those that are down do not count:
    /// they need not come back for the trouble to be clear.
    fn other_chain(&self) -> Option<u64> {
        let some_answered = self.answered() > 0;
        let counts = |fault: &&Fault| some_answered || !fault.is_outage();
        let mut faults = self.faults.iter().map(|(_, fault)| fault).filter(counts);
        let Some(&Fault::OtherChain(first)) = faults.next() else { return None };
        faults.all(|fault| matches!(fault, Fault::OtherChain(_))).then_some(first)
    }

    pub(crate) fn into_error(self) -> ChainError {
        let answered = self.answered();
        if self.has_enough() && self.answers.len() > 1 {
            let groups: Vec<String> = self.answers.into_iter().map(|(_, hosts)| hosts.join(", ")).collect();
            return ChainError::Disagreement { question: self.question, groups: groups.join(" against ") };
        }
        if let Some(found) = self.other_chain() {
            return ChainError::WrongChain { expected: self.chain_id, found };
        }
        let mut reasons = String::new();
        for (host, fault) in &self.faults {
            let apart = if reasons.is_empty() { "" } else { "; " };
            let _infallible = write!(reasons, "{apart}{host}: {fault}");
        }
        ChainError::Unreachable { answered, needed: self.agree, reasons }
    }
}
