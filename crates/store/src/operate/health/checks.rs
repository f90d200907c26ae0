//! What is looked at.

use std::time::Instant;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect,
    Statement,
};
use sealpost_api::operate::Condition;
use sealpost_keyring::{FileKeys, KekProvider};
use sealpost_market::JobState;

use super::Seen;
use crate::blobs::Audit;
use crate::fault::Result;
use crate::identity::printer;
use crate::operate::backup::{self, spell};
use crate::operate::quotas;
use crate::schema::{chain_cursor, job, pending_blob, webhook_delivery, webhook_endpoint};
use crate::state::AppState;

/// A database that takes longer for nothing is told of.
const SLOW_MS: u128 = 250;
/// A job that waits longer for its file is told of.
const SEALING_MS: i64 = 15 * 60_000;
/// A printer that was heard of since then is online.
const ONLINE_MS: i64 = 5 * 60_000;
/// A file that was given up longer ago should be gone.
const DOOMED_MS: i64 = 3_600_000;
/// A chain that was looked at longer ago stands still.
const CHAIN_MS: i64 = 10 * 60_000;
const GIB: u64 = 1 << 30;

pub(super) async fn all(state: &AppState, seen: &mut Seen) {
    let database = database(state, seen).await;
    if let Err(fault) = database {
        let sentence = "The database does not answer.";
        tracing::error!(problem = %fault.problem(), "the database failed a look at the store's health");
        seen.say(
            "database",
            Condition::Bad,
            sentence,
            "Look at the database's log; its address is `database_url`.",
        );
    }
    keys(state, seen);
    space(state, seen);
    let rest: [(&str, Result<()>); 7] = [
        ("blobs", blobs(state, seen).await),
        ("jobs", jobs(state, seen).await),
        ("printers", printers(state, seen).await),
        ("webhooks", webhooks(state, seen).await),
        ("mail", mails(state, seen).await),
        ("chain", chain(state, seen).await),
        ("backup", backed_up(state, seen).await),
    ];
    for (name, looked) in rest {
        if looked.is_err() {
            let hint = "The store's log says why.";
            seen.say(name, Condition::Bad, "This could not be looked at.", hint);
        }
    }
    reach(state, seen);
}

async fn database(state: &AppState, seen: &mut Seen) -> Result<()> {
    let db = state.db.read();
    let began = Instant::now();
    db.execute_unprepared("SELECT 1").await?;
    let took = began.elapsed().as_millis();
    let (kind, size) = match db.get_database_backend() {
        DbBackend::Postgres => {
            ("PostgreSQL", number(db, "SELECT pg_database_size(current_database())").await?)
        }
        _ => {
            let pages = number(db, "SELECT page_count FROM pragma_page_count").await?;
            ("SQLite", pages * number(db, "SELECT page_size FROM pragma_page_size").await?)
        }
    };
    seen.figure("database_bytes", size);
    let sentence = format!("{kind} answers in {took} ms and takes {}.", size_text(size));
    if took > SLOW_MS {
        let hint = "Look what else this machine does, and whether its disk is slow.";
        seen.say("database", Condition::Warn, sentence, hint);
    } else {
        seen.ok("database", sentence);
    }
    Ok(())
}

fn keys(state: &AppState, seen: &mut Seen) {
    let path = state.config.kek_path();
    let held = state.keks.current().id();
    match FileKeys::open(&path) {
        Ok(keys) if keys.by_id(held).is_some() => {
            seen.ok("keys", format!("The key file {} can be read.", path.display()));
        }
        Ok(_) => seen.say(
            "keys",
            Condition::Bad,
            format!("The key file {} does not hold the key that this store uses.", path.display()),
            "Put the right file back before the store restarts: with another one no sold file opens.",
        ),
        Err(error) => seen.say(
            "keys",
            Condition::Bad,
            format!("The key file cannot be read: {error}."),
            "Put it back before the store restarts: without it no sold file opens.",
        ),
    }
}

fn space(state: &AppState, seen: &mut Seen) {
    let path = state.config.blob_path();
    let Ok(about) = rustix::fs::statvfs(&path) else {
        seen.say(
            "disk",
            Condition::Bad,
            format!("The folder of the sealed files cannot be looked at: {}.", path.display()),
            "Check that it exists and belongs to the store's user.",
        );
        return;
    };
    let (free, all) = (about.f_bavail * about.f_frsize, about.f_blocks * about.f_frsize);
    seen.figure("disk_free_bytes", free);
    let sentence = format!("{} of {} are free for sealed files.", size_text(free), size_text(all));
    let hint = "Make room, or move `blob_dir` to a larger disk: uploads and prints need it.";
    match free {
        0..GIB => seen.say("disk", Condition::Bad, sentence, hint),
        _ if free < 10 * GIB && free < all / 10 => seen.say("disk", Condition::Warn, sentence, hint),
        _ => seen.ok("disk", sentence),
    }
}

async fn blobs(state: &AppState, seen: &mut Seen) -> Result<()> {
    let db = state.db.read();
    let now = state.clock.now_ms();
    let stored = quotas::stored(db, None).await?;
    let doomed = pending_blob::Entity::find()
        .filter(pending_blob::Column::Doomed.eq(true))
        .filter(pending_blob::Column::CreatedAt.lt(now - DOOMED_MS))
        .count(db)
        .await?;
    let pending = pending_blob::Entity::find().count(db).await?;
    seen.figure("blobs_bytes", stored);
    seen.figure("blobs_pending", pending);
    let Some(Audit { lost_releases, lost_jobs, failed, .. }) = state.looked.get() else {
        seen.ok("blobs", format!("Sealed files take {}; they are being looked through.", size_text(stored)));
        return Ok(());
    };
    seen.figure("blobs_missing", lost_releases + lost_jobs);
    if lost_releases > 0 {
        let sentence =
            format!("{lost_releases} sealed files of releases are gone: they cannot be printed or opened.");
        seen.say(
            "blobs",
            Condition::Bad,
            sentence,
            "Put them back from a backup; the store's log names them.",
        );
    } else if failed > 0 || doomed > 0 {
        let sentence = format!("{} sealed files could not be looked at or removed.", failed + doomed);
        seen.say(
            "blobs",
            Condition::Warn,
            sentence,
            "Check the folder's disk and rights; the store's log says why.",
        );
    } else {
        seen.ok("blobs", format!("Sealed files take {}, and none is missing.", size_text(stored)));
    }
    Ok(())
}

async fn jobs(state: &AppState, seen: &mut Seen) -> Result<()> {
    let db = state.db.read();
    let counts: Vec<(String, i64)> = job::Entity::find()
        .select_only()
        .column(job::Column::State)
        .column_as(job::Column::Id.count(), "count")
        .group_by(job::Column::State)
        .into_tuple()
        .all(db)
        .await?;
    let of = |state: JobState| {
        let found = counts.iter().find(|(name, _)| name == state.as_str());
        found.map_or(0, |(_, count)| count.unsigned_abs())
    };
    for (name, count) in &counts {
        seen.figure(&format!("jobs_{name}"), count.unsigned_abs());
    }
    let late = job::Entity::find()
        .filter(job::Column::State.eq(JobState::Sealing.as_str()))
        .filter(job::Column::CreatedAt.lt(state.clock.now_ms() - SEALING_MS))
        .count(db)
        .await?;
    let interrupted = of(JobState::Interrupted);
    let waiting = of(JobState::Sealing) + of(JobState::ReadyToPrint);
    let printing = of(JobState::Processing) + of(JobState::Printing) + of(JobState::Paused);
    let are = if printing == 1 { "print is" } else { "prints are" };
    let wait = if waiting == 1 { "waits" } else { "wait" };
    let sentence = format!("{printing} {are} under way, {waiting} {wait}.");
    if late > 0 {
        let have = if late == 1 { "job has" } else { "jobs have" };
        let sentence = format!("{late} {have} waited for their file for more than {}.", spell(SEALING_MS));
        let hint = "Look at the free space and at the store's log; `parallel_streams` says how many are sealed at once.";
        seen.say("jobs", Condition::Warn, sentence, hint);
    } else if interrupted > 0 {
        let lost = match interrupted {
            1 => "Of 1 print nobody knows how it went.".to_owned(),
            count => format!("Of {count} prints nobody knows how they went."),
        };
        let sentence = format!("{lost} {sentence}");
        let hint = "Their sellers decide; `sealpost jobs --state interrupted` lists them.";
        seen.say("jobs", Condition::Warn, sentence, hint);
    } else {
        seen.ok("jobs", sentence);
    }
    Ok(())
}

async fn printers(state: &AppState, seen: &mut Seen) -> Result<()> {
    let db = state.db.read();
    let paired = printer::Entity::find().filter(printer::Column::RemovedAt.is_null());
    let online = paired.clone().filter(printer::Column::LastSeenAt.gt(state.clock.now_ms() - ONLINE_MS));
    let (paired, online) = (paired.count(db).await?, online.count(db).await?);
    seen.figure("printers_paired", paired);
    seen.figure("printers_online", online);
    seen.ok(
        "printers",
        format!("{online} of {paired} printers were heard of in the last {}.", spell(ONLINE_MS)),
    );
    Ok(())
}

async fn webhooks(state: &AppState, seen: &mut Seen) -> Result<()> {
    let db = state.db.read();
    let endpoints = webhook_endpoint::Entity::find().count(db).await?;
    let failing = webhook_endpoint::Entity::find().filter(webhook_endpoint::Column::State.eq("failing"));
    let failing = failing.count(db).await?;
    let waiting = webhook_delivery::Entity::find().filter(webhook_delivery::Column::State.eq("waiting"));
    let waiting = waiting.count(db).await?;
    seen.figure("webhooks_waiting", waiting);
    seen.figure("webhooks_failing", failing);
    if failing > 0 {
        let sentence =
            format!("{failing} of {endpoints} webhooks take no messages; {waiting} messages wait.");
        let hint = "Their owners see why at Sell, Webhooks, and send again what waits.";
        seen.say("webhooks", Condition::Warn, sentence, hint);
    } else {
        seen.ok("webhooks", format!("{endpoints} webhooks, {waiting} messages wait."));
    }
    Ok(())
}

async fn mails(state: &AppState, seen: &mut Seen) -> Result<()> {
    let Some(mailer) = &state.mail else {
        let hint =
            "Set `smtp_url` and `mail_from` for forgotten passwords and for what people want to be told.";
        seen.say("mail", Condition::Ok, "The store sends no mails.", hint);
        return Ok(());
    };
    let (waiting, dead) = mailer.counts().await.map_err(crate::fault::Fault::internal)?;
    seen.figure("mails_waiting", waiting);
    seen.figure("mails_given_up", dead);
    if dead > 0 {
        let sentence = format!("{dead} mails were given up, {waiting} wait.");
        seen.say(
            "mail",
            Condition::Warn,
            sentence,
            "Look at `smtp_url`; the store's log says what the server answers.",
        );
    } else {
        seen.ok("mail", format!("{waiting} mails wait."));
    }
    Ok(())
}

async fn chain(state: &AppState, seen: &mut Seen) -> Result<()> {
    let Some(port) = &state.chain else { return Ok(()) };
    let row =
        chain_cursor::Entity::find_by_id(crate::chain::source(port.terms())).one(state.db.read()).await?;
    let hint = "Look at the endpoints in `[chain]`: a purchase on chain waits until they answer.";
    let Some(row) = row else {
        seen.say("chain", Condition::Warn, "The chain was not read yet.", hint);
        return Ok(());
    };
    let behind = row.latest.saturating_sub(row.block_number).max(0).unsigned_abs();
    seen.figure("chain_blocks_behind", behind);
    let age = state.clock.now_ms().saturating_sub(row.updated_at);
    match row.error {
        Some(error) => seen.say("chain", Condition::Bad, format!("The chain cannot be read: {error}."), hint),
        None if age > CHAIN_MS => {
            seen.say("chain", Condition::Warn, format!("The chain was read {} ago.", spell(age)), hint);
        }
        None if row.caught_up => seen.ok("chain", format!("Read up to block {}.", row.block_number)),
        None => seen.ok("chain", format!("Reading: block {} of {}.", row.block_number, row.latest)),
    }
    Ok(())
}

async fn backed_up(state: &AppState, seen: &mut Seen) -> Result<()> {
    seen.checks.push(backup::look(state).await?.health);
    Ok(())
}

/// Whether people and printers can reach it safely.
fn reach(state: &AppState, seen: &mut Seen) {
    let url = url::Url::parse(&state.origin).ok();
    let is_here = url.as_ref().is_some_and(|url| match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    });
    if is_here {
        let hint = "Set `public_url` when others are to reach it.";
        seen.say(
            "address",
            Condition::Ok,
            format!("Reached at {}, from this machine alone.", state.origin),
            hint,
        );
    } else if url.is_some_and(|url| url.scheme() == "https") {
        seen.ok("address", format!("Reached at {}.", state.origin));
    } else {
        let hint =
            "Set `tls_certificate` and `tls_key`, or put a proxy with TLS in front and set `public_url`.";
        seen.say(
            "address",
            Condition::Bad,
            format!("Reached at {}, which anybody on the way can read.", state.origin),
            hint,
        );
    }
}

async fn number(db: &impl ConnectionTrait, sql: &str) -> Result<u64> {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound(sql.to_owned()))?;
    Ok(row.try_get_by_index::<i64>(0)?.unsigned_abs())
}

/// Such as `1.5 GB`.
pub(super) fn size_text(bytes: u64) -> String {
    let units = [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match units.into_iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => format!("{}.{} {unit}", bytes / size, bytes % size * 10 / size),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::size_text;

    #[test]
    fn sizes_are_told_in_the_unit_that_people_use() {
        for (bytes, text) in
            [(0, "0 bytes"), (999, "999 bytes"), (1_500, "1.5 kB"), (19_990_000_000, "19.9 GB")]
        {
            assert_eq!(size_text(bytes), text);
        }
    }
}
