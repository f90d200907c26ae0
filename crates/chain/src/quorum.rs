//! Several endpoints that are asked the same at the same time. An answer counts when enough of them give it.

mod split;

use std::time::Duration;

use futures::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{
    SettingsError,
    endpoint::{Clients, Endpoint, Limits},
    error::ChainError,
    fault::Fault,
    settings::Settings,
};

use split::Answers;
pub(crate) use split::Split;

/// How long the rest is waited for once it is clear that too few agree.
const REASONS: Duration = Duration::from_millis(250);
/// How long those that are up are waited for once enough answered, where every answer counts.
const REST: Duration = Duration::from_secs(2);

/// The endpoints of a chain.
pub(crate) struct Quorum {
    endpoints: Vec<Endpoint>,
    agree: usize,
    chain_id: u64,
}

impl Quorum {
    pub(crate) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let limits = Limits { timeout: settings.timeout, max_answer: settings.max_answer };
        let mut clients = Clients::default();
        let mut endpoints = Vec::new();
        for url in &settings.rpc {
            let client = clients.of(url);
            let client = client.map_err(|error| SettingsError::Client(error.without_url().to_string()))?;
            endpoints.push(Endpoint::new(url.clone(), settings.chain_id, limits, client));
        }
        Ok(Self { endpoints, agree: settings.agree, chain_id: settings.chain_id })
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
        self.tally(question, ask).await.map_err(Split::into_error)
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
        let mut answers = Answers::default();
        self.agreement(&mut asked, &mut answers).await;
        let agreed = answers.agreed(self.agree, question).map_err(|answers| self.split(question, answers))?;
        Ok(agreed.0)
    }

    /// As [`Quorum::tally`], and what others that are up answer beside it: they may know of what enough endpoints miss.
    pub(crate) async fn gather<'a, T, F>(
        &'a self,
        question: &'static str,
        ask: impl Fn(&'a Endpoint) -> F,
    ) -> Result<(T, Vec<T>), Split<T>>
    where
        T: PartialEq,
        F: Future<Output = Result<T, Fault>>,
    {
        let mut asked: FuturesUnordered<_> = self.asked(&ask);
        let mut answers = Answers::default();
        self.agreement(&mut asked, &mut answers).await;
        if answers.most() >= self.agree {
            self.rest(&mut asked, &mut answers).await;
        }
        answers.agreed(self.agree, question).map_err(|answers| self.split(question, answers))
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
        let mut answers = Answers::default();
        let mut numbers = Vec::new();
        let mut waiting: Vec<&str> =
            self.endpoints.iter().filter(|e| e.is_alive()).map(Endpoint::host).collect();
        while let Some((endpoint, outcome)) = asked.next().await {
            waiting.retain(|host| *host != endpoint.host());
            numbers.extend(outcome.iter().copied());
            answers.add(endpoint, outcome);
            numbers.sort_unstable_by(|a, b| b.cmp(a));
            let apart_by = numbers.first().zip(numbers.last()).map_or(0, |(most, least)| most - least);
            if numbers.len() >= self.agree && (apart_by <= apart || waiting.is_empty()) {
                break;
            }
        }
        let reached = numbers.get(self.agree - 1).copied();
        reached.ok_or_else(|| self.split(question, answers).into_error())
    }

    /// The lowest answer that is not above those of enough endpoints, for what differs between honest ones and is better
    /// low: fewer liars than that can neither raise it nor sink it below every honest one. Waits a moment for all that are up.
    pub(crate) async fn lowest<'a, T, F>(
        &'a self,
        question: &'static str,
        ask: impl Fn(&'a Endpoint) -> F,
    ) -> Result<T, Split<T>>
    where
        T: Ord,
        F: Future<Output = Result<T, Fault>>,
    {
        let mut asked: FuturesUnordered<_> = self.asked(&ask);
        let mut answers = Answers::default();
        while answers.answered() < self.agree
            && let Some((endpoint, outcome)) = asked.next().await
        {
            answers.add(endpoint, outcome);
        }
        if answers.answered() < self.agree {
            return Err(self.split(question, answers));
        }
        self.rest(&mut asked, &mut answers).await;
        answers.lowest(self.agree).ok_or_else(|| self.split(question, Answers::default()))
    }

    /// Hears answers until enough are the same, or it is clear that too few are.
    async fn agreement<'a, T: PartialEq>(
        &self,
        asked: &mut FuturesUnordered<impl Future<Output = (&'a Endpoint, Result<T, Fault>)>>,
        answers: &mut Answers<'a, T>,
    ) {
        while let Some((endpoint, outcome)) = asked.next().await {
            answers.add(endpoint, outcome);
            if answers.most() >= self.agree {
                return;
            }
            if answers.most() + asked.len() < self.agree {
                // Whoever reads the error wants to know of all of them.
                while let Ok(Some((endpoint, outcome))) = timeout(REASONS, asked.next()).await {
                    answers.add(endpoint, outcome);
                }
                return;
            }
        }
    }

    /// Hears those that are up and have not answered yet, for a moment.
    async fn rest<'a, T: PartialEq>(
        &'a self,
        asked: &mut FuturesUnordered<impl Future<Output = (&'a Endpoint, Result<T, Fault>)>>,
        answers: &mut Answers<'a, T>,
    ) {
        let until = Instant::now() + REST;
        while self.is_any_unheard(answers) {
            match timeout_at(until, asked.next()).await {
                Ok(Some((endpoint, outcome))) => answers.add(endpoint, outcome),
                Ok(None) => return,
                Err(_) => return self.unheard(answers).for_each(Endpoint::is_late),
            }
        }
    }

    fn is_any_unheard<T: PartialEq>(&self, answers: &Answers<'_, T>) -> bool {
        self.unheard(answers).next().is_some()
    }

    /// Those that are up and have not answered yet.
    fn unheard<T: PartialEq>(&self, answers: &Answers<'_, T>) -> impl Iterator<Item = &Endpoint> {
        self.endpoints.iter().filter(|endpoint| endpoint.is_alive() && !answers.heard(endpoint))
    }

    fn split<T>(&self, question: &'static str, answers: Answers<'_, T>) -> Split<T> {
        Split::new(question, (self.agree, self.chain_id), answers)
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
