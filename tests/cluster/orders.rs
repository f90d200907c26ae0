//! Buyers who want more than they may, all at once, from a store that dies under them.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::future::try_join_all;
use reqwest::{RequestBuilder, Response};
use sealpost_api::job::{Job, NewJob};
use sealpost_api::purchase::{Payment, PurchaseRequest, PurchaseResponse};
use sealpost_tests::dice::Dice;
use sealpost_tests::person::{Person, expect, idempotent, problem};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::park::Park;
use crate::wanted::Wanted;

/// Who order at the same time.
const BUYERS: usize = 4;
/// How long all stores may be away, on a machine that is busy with other things, too.
const PATIENCE: Duration = Duration::from_secs(600);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);
/// Milliseconds between two orders of one buyer, where they do not come at once.
const PACE: (u64, u64) = (200, 3_000);

/// One print that a store took on.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) job: String,
    /// Its number in the park.
    pub(crate) printer: usize,
    pub(crate) part: usize,
    /// The buyer asked to end it.
    pub(crate) cancelled: bool,
}

/// What came of the shopping.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    pub(crate) placed: Vec<Order>,
    pub(crate) refused: usize,
    pub(crate) licences: usize,
    /// Requests that had to be sent again.
    pub(crate) repeated: usize,
}

struct Shopping<'a> {
    park: &'a Park,
    printers: &'a [String],
    wanted: &'a Wanted,
    books: Mutex<Books>,
}

struct Books {
    dice: Dice,
    /// Printers and parts that have not come together.
    pairs: Vec<(usize, usize)>,
    /// By part.
    licences: Vec<Vec<String>>,
    open: usize,
    requests: u64,
    orders: Orders,
}

/// Orders as many jobs as are wanted; some are cancelled later.
pub(crate) async fn place(
    park: &Park,
    printers: &[String],
    wanted: &Wanted,
    dice: &mut Dice,
) -> Result<Orders> {
    let parts = park.parts.len();
    let shopping = Shopping {
        park,
        printers,
        wanted,
        books: Mutex::new(Books {
            dice: dice.fork(),
            pairs: (0..printers.len())
                .flat_map(|printer| (0..parts).map(move |part| (printer, part)))
                .collect(),
            licences: vec![Vec::new(); parts],
            open: 0,
            requests: 0,
            orders: Orders::default(),
        }),
    };
    for part in 0..parts {
        for _ in 0..2 {
            shopping.buy(part).await?;
        }
    }
    try_join_all((0..BUYERS).map(|buyer| shopping.shop(buyer))).await?;
    Ok(shopping.books.into_inner().unwrap_or_else(PoisonError::into_inner).orders)
}

impl Shopping<'_> {
    async fn shop(&self, buyer: usize) -> Result<()> {
        let mut cancels = Vec::new();
        loop {
            let (pair, licence, haste, cancel) = {
                let mut books = self.books();
                if books.orders.placed.len() + books.open >= self.wanted.jobs {
                    break;
                }
                let books = &mut *books;
                let pair = books.dice.take(&mut books.pairs).context("every part went to every printer")?;
                let licences = &books.licences[pair.1];
                let licence = licences[books.dice.below(licences.len() as u64) as usize].clone();
                books.open += 1;
                let cancel = books.dice.one_in(5).then(|| books.dice.between(0, 8_000));
                let haste = if buyer == 0 { 0 } else { books.dice.between(PACE.0, PACE.1) };
                (pair, licence, haste, cancel)
            };
            tokio::time::sleep(Duration::from_millis(haste)).await;
            let job = self.order(pair, &licence).await?;
            let again = {
                let mut books = self.books();
                books.open -= 1;
                match job {
                    Some(job) => {
                        if let Some(later) = cancel {
                            cancels.push(self.cancel(job.clone(), later));
                        }
                        let cancelled = cancel.is_some();
                        let (printer, part) = pair;
                        books.orders.placed.push(Order { job, printer, part, cancelled });
                        false
                    }
                    None => {
                        books.orders.refused += 1;
                        books.pairs.push(pair);
                        books.dice.one_in(2)
                    }
                }
            };
            if again {
                self.buy(pair.1).await?;
            }
        }
        try_join_all(cancels).await.map(drop)
    }

    /// Without an answer where the licence has no print left.
    async fn order(&self, (printer, part): (usize, usize), licence: &str) -> Result<Option<String>> {
        let body =
            NewJob { licence: licence.to_owned(), printer: self.printers[printer].clone(), release: None };
        let answer = self.once("/api/v1/jobs", &body).await?;
        if answer.status().is_success() {
            let job: Job = answer.json().await?;
            return Ok(Some(job.id));
        }
        let refused = problem(answer).await?;
        if refused.code != "licence_exhausted" {
            bail!("part {part} was refused to printer {printer}: {refused:?}");
        }
        Ok(None)
    }

    async fn buy(&self, part: usize) -> Result<()> {
        let listing = self.park.parts[part].id.clone();
        let body = PurchaseRequest::new(listing, Payment::Free);
        let answer = expect(self.once("/api/v1/purchases", &body).await?).await?;
        let bought: PurchaseResponse = answer.json().await?;
        let licence = bought.licence.context("what is free is paid")?;
        let mut books = self.books();
        books.licences[part].push(licence.id);
        books.orders.licences += 1;
        Ok(())
    }

    async fn cancel(&self, job: String, later: u64) -> Result<()> {
        tokio::time::sleep(Duration::from_millis(later)).await;
        let path = format!("/api/v1/jobs/{job}/cancel");
        // Too late is as good.
        answered(|| self.park.owner.request(reqwest::Method::POST, &path).json(&json!({}))).await.map(drop)
    }

    /// Sends a request until it has an answer: the same one however often it is sent.
    async fn once(&self, path: &str, body: &impl serde::Serialize) -> Result<Response> {
        let key = {
            let mut books = self.books();
            books.requests += 1;
            format!("request-{}", books.requests)
        };
        let request = || self.park.owner.request(reqwest::Method::POST, path).json(body);
        let (answer, tries) = answered(|| idempotent(request(), &key)).await?;
        self.books().orders.repeated += tries - 1;
        Ok(answer)
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What somebody asks of a store that may be away.
pub(crate) async fn asked<T: DeserializeOwned>(person: &Person, path: &str) -> Result<T> {
    let (answer, _) = answered(|| person.request(reqwest::Method::GET, path)).await?;
    Ok(expect(answer).await?.json().await?)
}

/// An answer that is not the end of a process or of its database, and how often was asked for it.
async fn answered(request: impl Fn() -> RequestBuilder) -> Result<(Response, usize)> {
    let begin = Instant::now();
    let mut tries = 0;
    loop {
        tries += 1;
        let said = match request().send().await {
            Ok(answer) if !answer.status().is_server_error() => return Ok((answer, tries)),
            Ok(answer) => answer.text().await.unwrap_or_default(),
            Err(error) => error.to_string(),
        };
        if begin.elapsed() > PATIENCE {
            bail!("no store answers: {said}");
        }
        pause().await;
    }
}

fn pause() -> impl Future<Output = ()> {
    tokio::time::sleep(PAUSE)
}
