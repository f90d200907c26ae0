//! Waiting for what a store will find out by itself.

use std::time::Duration;

use anyhow::{Result, bail};

/// How long a store may take; far more than it needs, for busy machines.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until `ask` has an answer; it is asked again only after there was time for a change. What it said instead, last, is
/// the error.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Result<Result<T, String>>) -> Result<T> {
    let mut last = String::new();
    let asked = async {
        loop {
            match ask().await? {
                Ok(answer) => return Ok(answer),
                Err(said) => last = said,
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(answer) => answer,
        Err(_) => bail!("{what} did not come: {last}"),
    }
}
