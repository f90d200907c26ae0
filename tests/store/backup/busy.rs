//! Backups while buyers buy and print as fast as they can: each is one state, and its books add up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use sealpost_api::catalogue::NewListing;
use sealpost_api::purchase::Payment;
use sealpost_tests::backup::Shelf;
use sealpost_tests::lmnt::LmntPrinter;
use sealpost_tests::parts;
use sealpost_tests::store::Store;
use serde_json::{Value, json};

use crate::Backend;

from_each_to_each!(a_backup_of_a_busy_store_is_one_state_and_goes_into_either_database_unchanged);

/// Buyers at the same time, and how many backups are made meanwhile.
const BUYERS: usize = 6;
const BACKUPS: usize = 3;

async fn a_backup_of_a_busy_store_is_one_state_and_goes_into_either_database_unchanged(
    from: Backend,
    to: Backend,
) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let shelf = Shelf::new(folder.path())?;
    let here = folder.path().join("here");
    let store = Store::start(&here, &from.options()?)?;
    let seller = store.operator().await?;
    let listing: NewListing =
        serde_json::from_value(json!({"id": "ring", "title": "Ring é 漢", "prints": 2}))?;
    seller.offer(&listing).await?;
    let part = parts::made(folder.path(), "ring.gcode", &["--layers", "2", "--size", "20000"])?;
    seller.publish("ring", "1", &part).await?;
    // With pictures: bytes in a row.
    seller.offer(&serde_json::from_value(json!({"id": "post", "title": "Post"}))?).await?;
    seller.publish("post", "1", &parts::sliced()).await?;
    let mut buyers = Vec::new();
    for number in 0..BUYERS {
        let buyer = store.person(&format!("buyer{number}")).await?;
        buyers.push((LmntPrinter::register(&store.url, &buyer).await?, buyer));
    }

    let enough = AtomicBool::new(false);
    let buying = futures::future::join_all(buyers.iter().map(async |(printer, buyer)| -> Result<u32> {
        let mut bought = 0;
        while !enough.load(Ordering::Relaxed) {
            let licence = buyer.buy("ring", Payment::Free).await?;
            buyer.print(&licence.id, &printer.id).await?;
            let claimed = printer.get("/api/poll-print-queue").await?;
            if let Some(job) = claimed["print_job_id"].as_str() {
                let report = json!({"print_job_id": job, "status": "success"});
                printer.post("/api/report-print-status", &report).await?;
            }
            bought += 1;
        }
        Ok(bought)
    }));
    let backing_up = async {
        for number in 0..BACKUPS {
            let (shelf, here) = (shelf.clone(), here.clone());
            let made = tokio::task::spawn_blocking(move || shelf.back_up(&here, &format!("backup{number}")));
            made.await??;
        }
        enough.store(true, Ordering::Relaxed);
        anyhow::Ok(())
    };
    let (bought, made) = tokio::join!(buying, backing_up);
    made?;
    let bought = bought.into_iter().sum::<Result<u32>>()?;
    drop(store);

    let mut licences = Vec::new();
    for number in 0..BACKUPS {
        licences.push(add_up(&shelf, &format!("backup{number}"))?);
    }
    assert!(licences.is_sorted() && licences[BACKUPS - 1] <= bought as usize, "{licences:?} of {bought}");
    assert!(licences[0] < licences[BACKUPS - 1], "nobody bought anything meanwhile: {licences:?}");

    // Into the other place and out again: every cell that a restore does not change comes back as it was.
    let last = format!("backup{}", BACKUPS - 1);
    let there = folder.path().join("there");
    shelf.restore(&last, &there, &to.options()?)?;
    shelf.back_up(&there, "once more")?;
    let (mut before, mut after) = (shelf.inside(&last)?, shelf.inside("once more")?);
    // A restore writes into these: that it was made, and which jobs it holds.
    for grown in ["audit_log", "happenings"] {
        let rows = |inside: &mut BTreeMap<String, Vec<String>>| -> BTreeSet<String> {
            inside.remove(grown).unwrap_or_default().into_iter().collect()
        };
        let (was, is) = (rows(&mut before), rows(&mut after));
        assert!(!was.is_empty() && was.is_subset(&is), "{grown}");
    }
    for changed in [
        "manifest.json",
        "SHA256SUMS",
        "end.json",
        "tokens",
        "jobs",
        "licences",
        "key_sets",
        "vault",
        "pending_blobs",
        "sealings",
        "setup_tokens",
        // What it has to tell of the jobs it holds, and no more mails of what came before.
        "happening_turns",
    ] {
        before.remove(changed);
        after.remove(changed);
    }
    assert!(before.contains_key("thumbnails") && before.contains_key("keys/kek"), "{:?}", before.keys());
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    let otherwise: Vec<_> =
        before.iter().filter(|(name, rows)| after.get(*name) != Some(rows)).map(|(name, _)| name).collect();
    assert!(otherwise.is_empty(), "a cell came back otherwise in {otherwise:?}");
    add_up(&shelf, "once more")?;
    Ok(())
}

/// Checks that every licence has reserved and used what its jobs say; how many licences there are.
fn add_up(shelf: &Shelf, name: &str) -> Result<usize> {
    shelf.check(name)?;
    let tables = Tables::read(shelf, name)?;
    let mut held: BTreeMap<String, [i64; 2]> = BTreeMap::new();
    for job in tables.rows("jobs")? {
        let counts = held.entry(text(&job, "licence")?).or_default();
        match text(&job, "state")?.as_str() {
            "success" => counts[0] += 1,
            "failure" | "cancelled" | "expired"
                if job["free_retry"] == true || job["key_released"] == false => {}
            "failure" | "cancelled" => counts[0] += 1,
            _ => counts[1] += 1,
        }
    }
    let licences = tables.rows("licences")?;
    let purchases: BTreeSet<String> =
        tables.rows("purchases")?.iter().map(|purchase| text(purchase, "licence")).collect::<Result<_>>()?;
    for licence in &licences {
        let id = text(licence, "id")?;
        assert!(purchases.contains(&id), "{id} was bought by nobody");
        let said = held.remove(&id).unwrap_or_default();
        assert_eq!([&licence["used"], &licence["reserved"]], [&json!(said[0]), &json!(said[1])], "{id}");
    }
    assert!(held.is_empty(), "jobs without a licence: {held:?}");
    Ok(licences.len())
}

fn text(row: &Value, column: &str) -> Result<String> {
    Ok(row[column].as_str().with_context(|| format!("{column} in {row}"))?.to_owned())
}

struct Tables {
    manifest: Value,
    inside: BTreeMap<String, Vec<String>>,
}

impl Tables {
    fn read(shelf: &Shelf, name: &str) -> Result<Self> {
        let inside = shelf.inside(name)?;
        let manifest = serde_json::from_slice(&hex::decode(&inside["manifest.json"][0])?)?;
        Ok(Self { manifest, inside })
    }

    /// Rows by the names of their columns.
    fn rows(&self, table: &str) -> Result<Vec<Value>> {
        let tables = self.manifest["tables"].as_array().context("no tables")?;
        let columns = tables.iter().find(|one| one["name"] == table).context("no such table")?;
        let columns = columns["columns"].as_array().context("no columns")?;
        let rows = self.inside.get(table).map(Vec::as_slice).unwrap_or_default().iter().map(|line| {
            let cells: Vec<Value> = serde_json::from_str(line)?;
            let named = columns.iter().zip(cells);
            Ok(named
                .map(|(column, cell)| (column["name"].as_str().unwrap_or_default().to_owned(), cell))
                .collect())
        });
        rows.collect()
    }
}
