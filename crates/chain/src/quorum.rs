//! Several endpoints that are asked the same at the same time. An answer counts when enough of them give it.

use std::fmt::Write as _;

use futures::{StreamExt as _, stream::FuturesUnordered};
use reqwest::Client;

use crate::{
    SettingsError,
    endpoint::{self, Endpoint, Limits},
    error::ChainError,
    fault::Fault,
    settings::Settings,
};

/// The endpoints of a chain.
pub(crate) struct Quorum {
    endpoints: Vec<Endpoint>,
    agree: usize,
    chain_id: u64,
}

/// What came of a question on which too few agreed.
#[derive(Debug)]
pub(crate) struct Split<T> {
    question: &'static str,
    agree: usize,
    chain_id: u64,
    /// Every answer with the hosts that gave it.
    pub(crate) answers: Vec<(T, Vec<String>)>,
    pub(crate) faults: Vec<(String, Fault)>,
}

impl Quorum {
    pub(crate) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let client: Client =
            endpoint::client().map_err(|error| SettingsError::Client(error.without_url().to_string()))?;
        let limits = Limits { timeout: settings.timeout, max_answer: settings.max_answer };
        let endpoint = |url: &url::Url| Endpoint::new(url.clone(), settings.chain_id, limits, client.clone());
        Ok(Self {
            endpoints: settings.rpc.iter().map(endpoint).collect(),
            agree: settings.agree,
            chain_id: settings.chain_id,
        })
    }

    pub(crate) fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The answer that enough endpoints give. Those that are slower than that are not waited for.
    pub(crate) async fn ask<'a, T, F>(
        &'a self,
        question: &'static str,
        ask: impl Fn(&'a Endpoint) -> F,
    ) -> Result<T, ChainError>
    where
        T: PartialEq,
        F: Future<Output = Result<T, Fault>>,
    {
        let answer = self.tally(question, ask).await.map_err(Split::into_error)?;
        Ok(answer)
    }

    /// As [`Quorum::ask`]; what came otherwise is the caller's to judge.
    pub(crate) async fn tally<'a, T, F>(
        &'a self,
        question: &'static str,
        ask: impl Fn(&'a Endpoint) -> F,
    ) -> Result<T, Split<T>>
    where
        T: PartialEq,
        F: Future<Output = Result<T, Fault>>,
    {
        let mut asked: FuturesUnordered<_> = self.asked(&ask);
        let mut answers: Vec<(T, Vec<&Endpoint>)> = Vec::new();
        let mut faults = Vec::new();
        while let Some((endpoint, outcome)) = asked.next().await {
            match outcome {
                Ok(answer) => match answers.iter_mut().find(|(other, _)| *other == answer) {
                    Some((_, hosts)) => hosts.push(endpoint),
                    None => answers.push((answer, vec![endpoint])),
                },
                Err(fault) => faults.push((endpoint.host().to_owned(), fault)),
            }
            let most = answers.iter().map(|(_, hosts)| hosts.len()).max().unwrap_or(0);
            if most >= self.agree {
                let (agreed, others): (Vec<_>, Vec<_>) =
                    answers.into_iter().partition(|(_, hosts)| hosts.len() >= self.agree);
                others.iter().flat_map(|(_, hosts)| hosts).for_each(|host| host.agrees(false, question));
                agreed.iter().flat_map(|(_, hosts)| hosts).for_each(|host| host.agrees(true, question));
                answers = agreed;
                if let Some((answer, _)) = answers.pop() {
                    return Ok(answer);
                }
                break;
            }
            if most + asked.len() < self.agree {
                break;
            }
        }
        let names = |hosts: Vec<&Endpoint>| hosts.iter().map(|host| host.host().to_owned()).collect();
        let answers = answers.into_iter().map(|(answer, hosts)| (answer, names(hosts))).collect();
        Err(Split { question, agree: self.agree, chain_id: self.chain_id, answers, faults })
    }

    /// The highest number that enough endpoints reach. Waits for those that are up where the first ones are more than
    /// `apart` from each other, so that a low one alone holds nothing back.
    pub(crate) async fn reached<'a, F>(
        &'a self,
        question: &'static str,
        apart: u64,
        ask: impl Fn(&'a Endpoint) -> F,
    ) -> Result<u64, ChainError>
    where
        F: Future<Output = Result<u64, Fault>>,
    {
        let mut asked: FuturesUnordered<_> = self.asked(&ask);
        let mut numbers: Vec<(u64, String)> = Vec::new();
        let mut faults = Vec::new();
        let mut waiting: Vec<&str> =
            self.endpoints.iter().filter(|e| e.is_alive()).map(Endpoint::host).collect();
        while let Some((endpoint, outcome)) = asked.next().await {
            waiting.retain(|host| *host != endpoint.host());
            match outcome {
                Ok(number) => numbers.push((number, endpoint.host().to_owned())),
                Err(fault) => faults.push((endpoint.host().to_owned(), fault)),
            }
            let (least, most) = numbers.iter().fold((u64::MAX, 0), |(l, m), (n, _)| (l.min(*n), m.max(*n)));
            let enough = numbers.len() >= self.agree;
            if enough && (most.saturating_sub(least) <= apart || waiting.is_empty()) {
                break;
            }
        }
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        match numbers.get(self.agree - 1) {
            Some((number, _)) => Ok(*number),
            None => {
                let answers = numbers.into_iter().map(|(number, host)| (number, vec![host])).collect();
                Err(Split { question, agree: self.agree, chain_id: self.chain_id, answers, faults }
                    .into_error())
            }
        }
    }

    /// The answer in the middle of those of enough endpoints, for what differs between honest ones.
    pub(crate) async fn middle<'a, T, F>(
        &'a self,
        question: &'static str,
        ask: impl Fn(&'a Endpoint) -> F,
    ) -> Result<T, Split<T>>
    where
        T: Ord,
        F: Future<Output = Result<T, Fault>>,
    {
        let mut asked: FuturesUnordered<_> = self.asked(&ask);
        let (mut answers, mut faults) = (Vec::new(), Vec::new());
        while answers.len() < self.agree
            && let Some((endpoint, outcome)) = asked.next().await
        {
            match outcome {
                Ok(answer) => answers.push((answer, vec![endpoint.host().to_owned()])),
                Err(fault) => faults.push((endpoint.host().to_owned(), fault)),
            }
        }
        if answers.len() < self.agree {
            return Err(Split { question, agree: self.agree, chain_id: self.chain_id, answers, faults });
        }
        answers.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let (answer, _) = answers.swap_remove(answers.len() / 2);
        Ok(answer)
    }

    fn asked<'a, T, F>(
        &'a self,
        ask: &impl Fn(&'a Endpoint) -> F,
    ) -> FuturesUnordered<impl Future<Output = (&'a Endpoint, Result<T, Fault>)>>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        self.endpoints
            .iter()
            .map(|endpoint| {
                let answer = ask(endpoint);
                async move { (endpoint, answer.await) }
            })
            .collect()
    }
}

impl<T> Split<T> {
    /// How many endpoints gave an answer, whatever it was.
    pub(crate) fn answered(&self) -> usize {
        self.answers.iter().map(|(_, hosts)| hosts.len()).sum()
    }

    /// Whether as many answered as must agree.
    pub(crate) fn has_enough(&self) -> bool {
        self.answered() >= self.agree
    }

    /// Whether endpoints said that the question is too large, rather than nothing.
    pub(crate) fn is_refusal(&self) -> bool {
        self.faults.iter().any(|(_, fault)| fault.is_too_much() && !matches!(fault, Fault::Timeout(_)))
    }

    /// Whether endpoints may answer a smaller question.
    pub(crate) fn is_too_much(&self) -> bool {
        self.answered() < self.agree && self.faults.iter().any(|(_, fault)| fault.is_too_much())
    }

    pub(crate) fn into_error(self) -> ChainError {
        let answered = self.answered();
        if answered >= self.agree && self.answers.len() > 1 {
            let mut groups = String::new();
            for (_, hosts) in &self.answers {
                let apart = if groups.is_empty() { "" } else { " against " };
                let _infallible = write!(groups, "{apart}{}", hosts.join(", "));
            }
            return ChainError::Disagreement { question: self.question, groups };
        }
        let other_chain = self.faults.iter().find_map(|(_, fault)| match fault {
            Fault::OtherChain(found) => Some(*found),
            _ => None,
        });
        if let Some(found) = other_chain
            && self.faults.iter().all(|(_, fault)| matches!(fault, Fault::OtherChain(_)))
        {
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
