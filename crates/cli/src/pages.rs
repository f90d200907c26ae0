//! Lists that come in pages.

use sealpost_api::{
    catalogue::{Listing, ListingPage},
    chain::{PaymentList, RecordedPayment},
    job::{Job, JobPage},
    purchase::{Licence, LicenceList, Purchase, PurchaseList},
};
use serde::de::DeserializeOwned;

use crate::{client::Client, failure::Result, output::say};

/// Most rows a store gives at once.
const PAGE: usize = 200;

/// One page of a list.
pub(crate) trait Page: DeserializeOwned {
    /// What is in the list.
    type Row;
    /// Its rows, and where the next page begins.
    fn parts(&mut self) -> (&mut Vec<Self::Row>, &mut Option<String>);
}

macro_rules! pages {
    ($($page:ty { $field:ident: $row:ty }),* $(,)?) => {$(
        impl Page for $page {
            type Row = $row;
            fn parts(&mut self) -> (&mut Vec<$row>, &mut Option<String>) {
                (&mut self.$field, &mut self.next)
            }
        }
    )*};
}

pages! {
    JobPage { jobs: Job },
    ListingPage { listings: Listing },
    LicenceList { licences: Licence },
    PurchaseList { purchases: Purchase },
    PaymentList { payments: RecordedPayment },
}

/// The first `limit` rows of a list in one page; its `next` is set when there are more.
pub(crate) async fn fetch<P: Page>(
    client: &Client,
    segments: &[&str],
    filters: &[(&str, &str)],
    limit: u32,
) -> Result<P> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut whole: P = fetch_one(client, segments, filters, None, limit).await?;
    loop {
        let (rows, next) = whole.parts();
        let missing = limit.saturating_sub(rows.len());
        if missing == 0 || next.is_none() {
            rows.truncate(limit);
            return Ok(whole);
        }
        let mut page: P = fetch_one(client, segments, filters, next.as_deref(), missing).await?;
        let (more, after) = page.parts();
        // An empty page that names another one would never end.
        let stuck = more.is_empty();
        rows.append(more);
        *next = after.take();
        if stuck {
            return Ok(whole);
        }
    }
}

/// Tells the person that there is more than was shown.
pub(crate) fn tell_more<P: Page>(page: &mut P) {
    let (rows, next) = page.parts();
    if next.is_some() {
        say!("There are more: --limit {}", rows.len() * 2);
    }
}

async fn fetch_one<P: Page>(
    client: &Client,
    segments: &[&str],
    filters: &[(&str, &str)],
    after: Option<&str>,
    limit: usize,
) -> Result<P> {
    let limit = limit.clamp(1, PAGE).to_string();
    let mut query = filters.to_vec();
    query.push(("limit", &limit));
    query.extend(after.map(|after| ("after", after)));
    client.get(segments, &query).await
}
