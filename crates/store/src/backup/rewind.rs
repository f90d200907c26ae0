//! A restored store is older than the world. What it must not believe any more goes, in the one transaction that makes it a store:
//!
//! - what waited or was under way is held until its printer says what became of it (`sealpost_market`),
//! - people sign in again: a token that was taken back since would count again,
//! - one-time links are void: one may have been used since,
//! - mails that wait are dropped: they may have been sent since,
//! - the next set of keys is newer than any that printers may have seen since,
//! - notes about half-written files, and about who seals what, are forgotten: those files are in no backup.

use sea_orm::{ConnectionTrait, EntityTrait, Statement};
use sealpost_accounts::{Actor, audit};
use sealpost_database::Database;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::manifest::Manifest;
use super::tables::MARKER;
use super::{AUDIT_RESTORED, AUDIT_SUBJECT, BackupError};
use crate::fault::Result;
use crate::jobs;
use crate::schema::{pending_blob, sealing};

/// Makes what was restored a store: how many jobs are held.
///
/// # Errors
/// `BackupError::InUse` when the note in it is another than `begun`: another restore took its place.
pub(super) async fn finish(
    db: &Database,
    now: i64,
    manifest: &Manifest,
    begun: &str,
) -> Result<u64, BackupError> {
    let details = json!({
        "made_at": manifest.made_at,
        "program": manifest.program,
        "origin": manifest.origin,
    });
    let begun = begun.to_owned();
    // The clock of a board may not be set yet.
    let made_at =
        OffsetDateTime::parse(&manifest.made_at, &Rfc3339).map_or(0, OffsetDateTime::unix_timestamp);
    let done: Result<Option<u64>> = db
        .write(move |tx| {
            let (mut details, begun) = (details.clone(), begun.clone());
            Box::pin(async move {
                let sql = format!("SELECT begun FROM {MARKER}");
                let note = tx.query_one_raw(Statement::from_string(tx.get_database_backend(), sql)).await;
                let note = note.ok().flatten().and_then(|row| row.try_get_by_index::<String>(0).ok());
                if note.as_ref() != Some(&begun) {
                    return Ok(None);
                }
                pending_blob::Entity::delete_many().exec(tx).await?;
                sealing::Entity::delete_many().exec(tx).await?;
                // Mails that were written since would be sent again; programs know a message by its number.
                tx.execute_unprepared("DELETE FROM happening_turns WHERE consumer = 'mails'").await?;
                let held = jobs::hold_all(tx, now).await?;
                let sign_in_again = format!(
                    "UPDATE tokens SET revoked_at = {now} WHERE kind <> 'printer' AND revoked_at IS NULL"
                );
                tx.execute_unprepared(&sign_in_again).await?;
                tx.execute_unprepared("DELETE FROM setup_tokens").await?;
                tx.execute_unprepared("DELETE FROM mails WHERE sent_at IS NULL AND dead_at IS NULL").await?;
                // Links that were used since would count again.
                tx.execute_unprepared("DELETE FROM links").await?;
                tx.execute_unprepared("DELETE FROM challenges").await?;
                tx.execute_unprepared("DELETE FROM invitations WHERE used_at IS NULL").await?;
                tx.execute_unprepared(&newer_keys(now, made_at)).await?;
                details["held_jobs"] = held.into();
                audit::record(tx, now, &Actor::System, AUDIT_RESTORED, AUDIT_SUBJECT, details).await?;
                tx.execute_unprepared(&format!("DROP TABLE {MARKER}")).await?;
                Ok(Some(held))
            })
        })
        .await;
    done?.ok_or(BackupError::InUse)
}

/// Leaves a version out that is as high as the seconds since 1970, by this clock or that of the backup: the store signs the next one when it opens. However often keys
/// changed since the backup, no printer has seen one as high.
fn newer_keys(now: i64, made_at: i64) -> String {
    let seconds = now.div_euclid(1000).max(made_at);
    format!(
        "INSERT INTO key_sets (version, jws, covers, created_at) \
         SELECT CASE WHEN MAX(version) >= {seconds} THEN MAX(version) + 1 ELSE {seconds} END, '', '', {now} FROM key_sets"
    )
}
