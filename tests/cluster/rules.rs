//! What must hold when everything is over.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result, ensure};
use sealpost_market::JobState;
use sealpost_tests::proxy::Said;

use crate::books::{Books, JobRow};
use crate::orders::{Order, Orders};
use crate::park::{Fleet, Park, Part, Unit};

const OUTCOMES: [&str; 3] = ["success", "failure", "cancelled"];

/// Checks them all; every rule that is broken is told.
pub(crate) fn check(park: &Park, fleet: &Fleet, orders: &Orders, books: &Books) -> Result<()> {
    let reports = park.proxy.reports();
    let mut broken = Vec::new();
    let mut hold = |rule: &str, result: Result<()>| {
        if let Err(error) = result {
            broken.push(format!("{rule}: {error:#}"));
        }
    };
    hold("every order is one job", one_job_each(orders, books));
    for order in &orders.placed {
        let Some(job) = books.jobs.get(&order.job) else { continue };
        hold("a job ends with a reason, and not without a cause", ended(order, job, fleet));
        hold("the audit log is complete", told(order, job, books));
        hold("every report is taken once", reported_once(order, job, books, &reports));
    }
    for (number, unit) in fleet.units.iter().enumerate() {
        let ordered = orders.placed.iter().filter(|order| order.printer == number);
        let executed = unit.executed().and_then(|lines| prints(&lines, &park.parts));
        hold("no job is printed twice", executed.and_then(|prints| printed(ordered, prints, park, books)));
        hold("nothing is left at the printers", at_rest(unit));
    }
    hold("licences are counted right", counted(orders, books));
    hold("most jobs are printed", mostly(books));
    hold("no blob of an ended job is left", no_blob(park, books));
    hold("no blob is missed", no_gap(park, books));
    ensure!(broken.is_empty(), "{} rules were broken:\n{}", broken.len(), broken.join("\n"));
    Ok(())
}

fn one_job_each(orders: &Orders, books: &Books) -> Result<()> {
    let ordered: BTreeSet<&String> = orders.placed.iter().map(|order| &order.job).collect();
    ensure!(ordered.len() == orders.placed.len(), "two orders got the same job");
    let known: BTreeSet<&String> = books.jobs.keys().collect();
    ensure!(ordered == known, "{} jobs for {} orders", known.len(), ordered.len());
    ensure!(
        books.licences.len() == orders.licences,
        "{} licences for {} purchases",
        books.licences.len(),
        orders.licences
    );
    Ok(())
}

fn ended(order: &Order, job: &JobRow, fleet: &Fleet) -> Result<()> {
    let reason = job.message.as_deref().unwrap_or_default();
    let code = reason.split(':').next().unwrap_or_default();
    let killed = fleet.units.get(order.printer).map(|unit| &unit.killed).context("no such printer")?;
    let met = |what: &[&str]| what.iter().any(|what| killed.contains(what));
    let may_be = match (job.state, code) {
        (JobState::Success, _) => true,
        (JobState::Cancelled, "cancelled_by_buyer" | "stop_asked" | "cancelled_at_printer") => {
            order.cancelled
        }
        // It stood behind another job, or was told to start, when its printer lost its head.
        (JobState::Failure, "not_started" | "start_refused") => met(&["agent", "Klipper", "Moonraker"]),
        (JobState::Failure, "klipper_shutdown") => met(&["Klipper"]),
        (JobState::Interrupted, "outcome_unknown") => met(&["Klipper", "Moonraker"]),
        // Nobody reported for a whole lease: its agent and every store were gone again and again.
        (JobState::Interrupted, "printer_silent") => met(&["agent"]),
        _ => false,
    };
    ensure!(
        may_be,
        "{} is {} ({reason}); cancelled: {}; killed: {killed:?}",
        order.job,
        job.state,
        order.cancelled
    );
    Ok(())
}

/// Misfortune spoils a print now and then; a fault of ours spoils them all.
fn mostly(books: &Books) -> Result<()> {
    let printed = books.jobs.values().filter(|job| job.state == JobState::Success).count();
    ensure!(printed * 2 > books.jobs.len(), "{printed} of {} jobs were printed", books.jobs.len());
    Ok(())
}

/// Each job: made once, its print set aside once, settled once, ended once; a key for each lease and no other.
fn told(order: &Order, job: &JobRow, books: &Books) -> Result<()> {
    let count = |fact| books.about(&order.job, fact).count();
    let ends = usize::from(job.state.is_final());
    let settled = count("print_used") + count("print_released");
    let told = (count("job_created"), count("print_reserved"), settled, count("job_ended"));
    ensure!(told == (1, 1, ends, ends), "{} is {}, and the log tells {told:?}", order.job, job.state);
    let leases: Vec<i64> =
        books.about(&order.job, "key_released").filter_map(|fact| fact["lease"].as_i64()).collect();
    ensure!(
        leases == (1..=job.lease).collect::<Vec<_>>(),
        "{}: keys for {leases:?}, lease {}",
        order.job,
        job.lease
    );
    if let Some(end) = books.about(&order.job, "job_ended").next() {
        ensure!(end["state"] == job.state.as_str(), "{} is {}, not {}", order.job, job.state, end["state"]);
    }
    Ok(())
}

fn reported_once(order: &Order, job: &JobRow, books: &Books, reports: &[Said]) -> Result<()> {
    let noted: Vec<_> = books.about(&order.job, "job_reported").collect();
    let ids: BTreeSet<String> = noted.iter().map(|fact| fact["report"].to_string()).collect();
    ensure!(ids.len() == noted.len(), "{}: a report counted twice: {noted:?}", order.job);
    let outcome = |status: &str| OUTCOMES.contains(&status);
    let settled = noted.iter().filter(|fact| fact["status"].as_str().is_some_and(outcome)).count();
    ensure!(settled <= 1, "{}: {settled} outcomes counted", order.job);
    // What was never claimed ended at the store.
    ensure!(
        settled == 1 || !(job.state.is_final() && job.key_released),
        "{}: no outcome was reported",
        order.job
    );

    let ours = reports.iter().filter(|said| said.path.contains(&order.job));
    let outcomes: Vec<_> = ours.filter(|said| said.body["status"].as_str().is_some_and(outcome)).collect();
    let ids: BTreeSet<String> = outcomes.iter().map(|said| said.body["report_id"].to_string()).collect();
    ensure!(ids.len() <= 1, "{}: several outcomes were reported: {outcomes:?}", order.job);
    let taken = outcomes.iter().any(|said| said.status == 200);
    ensure!(
        taken || outcomes.is_empty() || job.state == JobState::Cancelled,
        "{}: nobody took {outcomes:?}",
        order.job
    );
    Ok(())
}

/// What a printer executed, by part.
fn prints<'a>(executed: &[String], parts: &'a [Part]) -> Result<BTreeMap<&'a str, Vec<Vec<String>>>> {
    let mut prints: BTreeMap<&str, Vec<Vec<String>>> = BTreeMap::new();
    let mut current: Option<&str> = None;
    for line in executed {
        let line = line.trim();
        if let Some(part) = parts.iter().find(|part| part.lines.first().is_some_and(|first| first == line)) {
            current = Some(&part.id);
            prints.entry(&part.id).or_default().push(Vec::new());
        }
        let print = current.and_then(|part| prints.get_mut(part)).and_then(|prints| prints.last_mut());
        print.with_context(|| format!("`{line}` is of no part"))?.push(line.to_owned());
    }
    Ok(prints)
}

fn printed<'a>(
    orders: impl Iterator<Item = &'a Order>,
    mut prints: BTreeMap<&str, Vec<Vec<String>>>,
    park: &Park,
    books: &Books,
) -> Result<()> {
    for order in orders {
        let part = &park.parts[order.part];
        let found = prints.remove(part.id.as_str()).unwrap_or_default();
        let job = books.jobs.get(&order.job).context("no such job")?;
        ensure!(found.len() <= 1, "{} was started {} times", order.job, found.len());
        let lines = found.first().map_or(0, Vec::len);
        if let Some(print) = found.first() {
            ensure!(part.lines.starts_with(print), "{} was not printed as it was sold: {print:?}", order.job);
            ensure!(job.key_released, "{} was printed without a key", order.job);
        }
        let whole = lines == part.lines.len();
        let at = format!(
            "{} is {} after {lines} of {} lines ({:?})",
            order.job,
            job.state,
            part.lines.len(),
            job.message
        );
        match job.state {
            JobState::Success => ensure!(whole, "{at}"),
            JobState::Interrupted => {}
            _ => ensure!(!whole, "{at}"),
        }
    }
    ensure!(prints.is_empty(), "what nobody ordered was printed: {:?}", prints.keys());
    Ok(())
}

fn at_rest(unit: &Unit) -> Result<()> {
    ensure!(unit.rests()?, "{}: the agent still has {}", unit.id, unit.document()?);
    if unit.agent.cache.exists() {
        let blobs: Vec<_> = fs::read_dir(&unit.agent.cache)?.flatten().map(|entry| entry.path()).collect();
        ensure!(blobs.is_empty(), "{}: {blobs:?}", unit.id);
    }
    Ok(())
}

/// Used and reserved are what the jobs say, and no more than was bought.
fn counted(orders: &Orders, books: &Books) -> Result<()> {
    for (id, licence) in &books.licences {
        let jobs: Vec<&JobRow> = books.jobs.values().filter(|job| &job.licence == id).collect();
        let count =
            |which: &dyn Fn(&JobRow) -> bool| i32::try_from(jobs.iter().filter(|job| which(job)).count());
        let printed = count(&|job| job.state == JobState::Success)?;
        let spoilt =
            count(&|job| job.key_released && matches!(job.state, JobState::Failure | JobState::Cancelled))?;
        let unknown = count(&|job| !job.state.is_final())?;
        let given_back = spoilt.min(licence.free_retries);
        let keys = jobs.iter().map(|job| job.lease).sum::<i64>();
        let expected = (printed + spoilt - given_back, unknown, given_back, keys);
        let found =
            (licence.used, licence.reserved, licence.free_retries_used, i64::from(licence.keys_released));
        ensure!(found == expected, "{id}: {licence:?}, by its jobs {expected:?}");
        ensure!(licence.used + licence.reserved <= licence.allowed, "{id}: {licence:?}");
    }
    ensure!(orders.refused > 0, "nobody was refused");
    Ok(())
}

fn no_blob(park: &Park, books: &Books) -> Result<()> {
    let needless = needless(park, books)?;
    ensure!(needless.is_empty(), "{needless:?}");
    Ok(())
}

/// What is sold, and what a printer may still fetch, is there.
fn no_gap(park: &Park, books: &Books) -> Result<()> {
    let open = books.jobs.values().filter(|job| !job.state.is_final());
    let needed = open.filter_map(|job| job.blob.as_ref()).chain(&books.releases);
    let missing: Vec<&String> = needed.filter(|name| !park.blobs.join(name).is_file()).collect();
    ensure!(missing.is_empty(), "{missing:?}");
    ensure!(
        books.releases.len() >= park.parts.len(),
        "{} releases of {} parts",
        books.releases.len(),
        park.parts.len()
    );
    Ok(())
}

/// Blobs that belong to no job under way, and that no store remembers to look after.
pub(crate) fn needless(park: &Park, books: &Books) -> Result<Vec<String>> {
    let open = books.jobs.values().filter(|job| !job.state.is_final());
    let owned = open.filter_map(|job| job.blob.as_deref());
    let needed: BTreeSet<&str> = owned.chain(books.pending.iter().map(String::as_str)).collect();
    Ok(blobs(park)?.into_iter().filter(|name| !needed.contains(name.as_str())).collect())
}

/// Names of the blobs of jobs that are there, whole or half.
fn blobs(park: &Park) -> Result<Vec<String>> {
    let folder = park.blobs.join("jobs");
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let names: Result<Vec<String>> = names.collect();
    // A half-written one is `NAME#NUMBER`.
    Ok(names?.iter().map(|name| format!("jobs/{}", name.split('#').next().unwrap_or(name))).collect())
}
