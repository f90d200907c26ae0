//! PostgreSQL ends under stores that are connected, and comes back.

use anyhow::{Context, Result, ensure};
use sealpost_api::catalogue::NewListing;
use sealpost_tests::postgres::{Cluster, End};
use sealpost_tests::store::{self, Store};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_there_after_a_restart_and_a_crash_of_the_database() -> Result<()> {
    let mut cluster = Cluster::start()?;
    let folder = tempfile::tempdir()?;
    let options = store::Options { database_url: Some(cluster.database()?), ..store::Options::default() };
    let store = Store::start(folder.path(), &options)?;
    let seller = store.operator().await?;
    for (number, end) in [End::Fast, End::Crash].into_iter().enumerate() {
        let listing = NewListing {
            id: Some(format!("part-{number}")),
            title: "Part".to_owned(),
            ..NewListing::default()
        };
        seller.offer(&listing).await?;
        cluster.end(end)?;
        let answer = seller.post("/api/v1/listings", &listing).await?;
        ensure!(answer.status().is_server_error(), "it wrote without a database: {}", answer.status());
        cluster.resume()?;
        let path = format!("/api/v1/listings/part-{number}");
        // A pool finds out about each of its dead connections by itself.
        let back = async {
            while !seller.request(reqwest::Method::GET, &path).send().await?.status().is_success() {}
            anyhow::Ok(())
        };
        let back = tokio::time::timeout(sealpost_tests::service::PATIENCE, back).await;
        back.context("the store does not find its database again")??;
    }
    Ok(())
}
