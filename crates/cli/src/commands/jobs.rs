//! `print`, `jobs`, `cancel`, `resolve`.

use clap::{Args, ValueEnum};
use sealpost_api::{
    job::{Job, JobPage, NewJob, ResolveRequest},
    purchase::Licence,
};
use sealpost_market::JobState;
use serde_json::json;

use crate::{
    client::Client,
    commands::{
        buying::{fetch_licences, prints_left},
        printers::find_printer,
        watch::watch,
    },
    connection::{Connection, id},
    failure::{Failure, Result},
    output::{Table, answer, clean, facts, percent, short_date, short_duration},
    pages,
};

#[derive(Args, Debug)]
pub(crate) struct PrintArgs {
    /// Listing you bought, or one of your licences
    #[arg(value_name = "LISTING|LICENCE", value_parser = id)]
    what: String,
    /// Printer to print on, by name or id [default: your only printer]
    #[arg(long, value_name = "NAME|ID")]
    printer: Option<String>,
    /// Release to print [default: the newest]
    #[arg(long, value_parser = id)]
    release: Option<String>,
    /// Stay and show how it goes
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct JobsArgs {
    /// Show this one
    #[arg(value_parser = id)]
    job: Option<String>,
    /// Stay and show how it goes
    #[arg(long, requires = "job")]
    watch: bool,
    /// How many to show, newest first
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct CancelArgs {
    /// Job to take back or stop
    #[arg(value_parser = id)]
    job: String,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct ResolveArgs {
    /// Job that was interrupted
    #[arg(value_parser = id)]
    job: String,
    /// How it ended
    outcome: Outcome,
    /// Why, for the buyer and the store's records
    #[arg(long, default_value = "", hide_default_value = true)]
    message: String,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Outcome {
    Success,
    Failure,
    Cancelled,
}

pub(crate) async fn print(args: PrintArgs) -> Result<()> {
    let client = Client::signed_in(&args.connection)?;
    let licence = find_licence(fetch_licences(&client).await?.licences, &args.what)?;
    let printer = find_printer(&client, args.printer.as_deref()).await?;
    let request = NewJob { licence: licence.id, printer: printer.id, release: args.release };
    let job: Job = client.post(&["api", "v1", "jobs"], &request).await?;
    if args.watch {
        return watch(&client, job, args.connection.json).await;
    }
    answer(args.connection.json, &job, |job| {
        format!(
            "Job {}: {} on {} is {}.\nFollow it with `sealpost jobs {} --watch`.",
            job.id,
            clean(&job.title),
            clean(&job.printer_name),
            state_text(job.state),
            job.id,
        )
    });
    Ok(())
}

pub(crate) async fn jobs(args: JobsArgs) -> Result<()> {
    let client = Client::signed_in(&args.connection)?;
    if let Some(id) = &args.job {
        let job = fetch_job(&client, id).await?;
        if args.watch {
            return watch(&client, job, args.connection.json).await;
        }
        answer(args.connection.json, &job, describe);
        return Ok(());
    }
    let mut page: JobPage = pages::fetch(&client, &["api", "v1", "jobs"], &[], args.limit).await?;
    answer(args.connection.json, &page, table);
    pages::tell_more(&mut page);
    Ok(())
}

pub(crate) async fn cancel(args: CancelArgs) -> Result<()> {
    let client = Client::signed_in(&args.connection)?;
    let job: Job = client.post(&["api", "v1", "jobs", &args.job, "cancel"], &json!({})).await?;
    answer(args.connection.json, &job, |job| {
        if job.state.is_final() {
            return format!("Job {} is {}.", job.id, state_text(job.state));
        }
        format!(
            "{} was asked to stop job {}; it is {} until the printer answers.",
            clean(&job.printer_name),
            job.id,
            state_text(job.state)
        )
    });
    Ok(())
}

pub(crate) async fn resolve(args: ResolveArgs) -> Result<()> {
    let client = Client::signed_in(&args.connection)?;
    let outcome = match args.outcome {
        Outcome::Success => "success",
        Outcome::Failure => "failure",
        Outcome::Cancelled => "cancelled",
    };
    let request = ResolveRequest { outcome: outcome.to_owned(), message: args.message };
    let job: Job = client.post(&["api", "v1", "jobs", &args.job, "resolve"], &request).await?;
    answer(args.connection.json, &job, |job| format!("Job {} is {}.", job.id, state_text(job.state)));
    Ok(())
}

/// One job as it stands.
pub(crate) async fn fetch_job(client: &Client, id: &str) -> Result<Job> {
    client.get(&["api", "v1", "jobs", id], &[]).await
}

/// A state in words.
pub(crate) fn state_text(state: JobState) -> &'static str {
    match state {
        JobState::Sealing => "being sealed",
        JobState::ReadyToPrint => "waiting for the printer",
        JobState::Processing => "being fetched by the printer",
        JobState::Printing => "printing",
        JobState::Paused => "paused",
        JobState::Success => "printed",
        JobState::Failure => "failed",
        JobState::Cancelled => "cancelled",
        JobState::Expired => "expired",
        JobState::Interrupted => "interrupted",
    }
}

/// A state in words, and its name where that differs.
fn state_with_name(state: JobState) -> String {
    let (words, name) = (state_text(state), state.as_str());
    if words == name { words.to_owned() } else { format!("{words} ({name})") }
}

/// One job in full.
pub(crate) fn describe(job: &Job) -> String {
    facts([
        ("Job", Some(job.id.clone())),
        ("Title", Some(job.title.clone())),
        ("State", Some(state_with_name(job.state))),
        ("Message", job.message.clone().filter(|message| !message.is_empty())),
        ("Printer", Some(format!("{} ({})", job.printer_name, job.printer))),
        ("Progress", (job.progress_permille > 0).then(|| percent(job.progress_permille))),
        ("Layer", job.layer.map(|layer| layer.to_string())),
        ("Printing time", job.print_duration_s.map(short_duration)),
        ("Filament", job.filament_used_mm_x100.map(|used| format!("{}.{:02} mm", used / 100, used % 100))),
        ("Listing", Some(job.listing.clone())),
        ("Release", Some(job.release.clone())),
        ("Licence", Some(job.licence.clone())),
        ("Created", Some(short_date(&job.created_at))),
        ("Changed", Some(short_date(&job.updated_at))),
    ])
}

fn table(page: &JobPage) -> String {
    let mut table = Table::new(["JOB", "TITLE", "PRINTER", "STATE", "DONE", "CREATED", "MESSAGE"]);
    for job in &page.jobs {
        table.row([
            job.id.clone(),
            job.title.clone(),
            job.printer_name.clone(),
            job.state.as_str().to_owned(),
            percent(job.progress_permille),
            short_date(&job.created_at),
            job.message.clone().unwrap_or_default(),
        ]);
    }
    table.or("No prints yet: `sealpost print LISTING` makes one.")
}

/// The licence that is meant: the one with that id, or the oldest of that listing with a print left.
///
/// Where none has one left the newest is taken: the store says best why it refuses.
fn find_licence(mut licences: Vec<Licence>, what: &str) -> Result<Licence> {
    if let Some(exact) = licences.iter().position(|licence| licence.id == what) {
        return Ok(licences.swap_remove(exact));
    }
    licences.retain(|licence| licence.listing == what);
    let usable = licences.iter().rposition(|licence| licence.state == "active" && prints_left(licence) > 0);
    let chosen = usable.or(if licences.is_empty() { None } else { Some(0) });
    match chosen {
        Some(index) => Ok(licences.swap_remove(index)),
        None => Err(Failure::new("no_licence", format!("you have no licence for {what}"))
            .hint(format!("buy it with `sealpost buy {what}`, or see `sealpost licences`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn licence(id: &str, listing: &str, used: u32) -> Licence {
        Licence {
            id: id.into(),
            listing: listing.into(),
            title: String::new(),
            purchase: String::new(),
            state: "active".into(),
            prints_allowed: 2,
            prints_used: used,
            prints_reserved: 0,
            kind: "gcode".into(),
            ..Licence::default()
        }
    }

    #[test]
    fn the_oldest_licence_with_a_print_left_is_used_up_first() {
        let licences =
            vec![licence("new", "part", 0), licence("old", "part", 1), licence("spent", "part", 2)];
        assert_eq!(find_licence(licences, "part").unwrap().id, "old");
    }

    #[test]
    fn a_licence_named_by_id_is_taken_as_it_is() {
        let licences = vec![licence("new", "part", 0), licence("spent", "part", 2)];
        assert_eq!(find_licence(licences, "spent").unwrap().id, "spent");
    }

    #[test]
    fn spent_licences_are_left_to_the_store_to_refuse() {
        assert_eq!(find_licence(vec![licence("spent", "part", 2)], "part").unwrap().id, "spent");
    }

    #[test]
    fn what_was_not_bought_is_told() {
        assert_eq!(find_licence(vec![licence("a", "other", 0)], "part").unwrap_err().code(), "no_licence");
    }
}
