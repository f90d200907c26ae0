//! `/api/v1/operator/backup`: what the audit log says of backups.
//!
//! A backup is one state of the store, so it cannot hold that it was made: the row comes after it, and the next one holds it.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use sealpost_accounts::{OperatorAuth, audit};
use sealpost_api::Problem;
use sealpost_api::operate::{BackupMade, BackupState, Check, Condition, ConfirmKeys, KeyFile};
use sealpost_database::clock::rfc3339;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::backup::{AUDIT_MADE, AUDIT_SUBJECT};
use crate::fault::{Fault, Result};
use crate::http::body::Body;
use crate::state::AppState;

/// What the audit log says when an operator said that a key is backed up.
const CONFIRMED: &str = "keys.backup_confirmed";
/// A backup older than this is told of.
const OLD_MS: i64 = 86_400_000;
/// Backups that are shown.
const SHOWN: u64 = 20;
const MINUTE_MS: i64 = 60_000;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(confirm))
}

/// When the store was backed up last, and whether its keys were.
#[utoipa::path(get, path = "/api/v1/operator/backup", tag = "operate", responses(
    (status = 200, body = BackupState),
    (status = 403, body = Problem, description = "`operator_required`"),
))]
async fn show(State(state): State<AppState>, _operator: OperatorAuth) -> Result<Json<BackupState>> {
    look(&state).await.map(Json)
}

/// Say that the key in force lies somewhere else too. A new key asks for it anew.
#[utoipa::path(post, path = "/api/v1/operator/backup/keys", tag = "operate", request_body = ConfirmKeys, responses(
    (status = 204),
    (status = 403, body = Problem, description = "`operator_required`"),
    (status = 409, body = Problem, description = "`another_key`"),
))]
async fn confirm(
    State(state): State<AppState>,
    operator: OperatorAuth,
    Body(seen): Body<ConfirmKeys>,
) -> Result<StatusCode> {
    let key = state.keks.current().id().to_owned();
    if seen.key != key {
        return Err(Problem::new(409, "another_key", "Another key is in force by now")
            .hint("Load the page again, and back up the file once more.")
            .into());
    }
    let now = state.clock.now_ms();
    state
        .db
        .write(move |tx| {
            let (actor, subject) = (operator.0.actor(), subject(&key));
            Box::pin(async move {
                audit::record(tx, now, &actor, CONFIRMED, &subject, json!({})).await?;
                Ok::<_, Fault>(())
            })
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn look(state: &AppState) -> Result<BackupState> {
    let now = state.clock.now_ms();
    let filter = audit::Filter {
        subject: Some(AUDIT_SUBJECT.to_owned()),
        action: Some(AUDIT_MADE.to_owned()),
        limit: SHOWN,
        ..audit::Filter::default()
    };
    let entries = audit::newest(&state.db, &filter).await?.entries;
    let last_at = entries.first().map(|entry| entry.at);
    let mut made = entries.iter().map(made);
    let (last, earlier) = (made.next(), made.collect());
    let key = state.keks.current().id().to_owned();
    let filter = audit::Filter {
        subject: Some(subject(&key)),
        action: Some(CONFIRMED.to_owned()),
        limit: 1,
        ..audit::Filter::default()
    };
    let confirmed = audit::newest(&state.db, &filter).await?.entries.first().map(|entry| entry.at);
    let health = judge(now, last_at, last.as_ref(), confirmed.is_some());
    let path = std::fs::canonicalize(state.config.kek_path()).unwrap_or_else(|_| state.config.kek_path());
    let file = KeyFile { path: path.display().to_string(), key, confirmed_at: confirmed.map(rfc3339) };
    Ok(BackupState { last, earlier, key_files: vec![file], health })
}

fn made(entry: &audit::Entry) -> BackupMade {
    let count = |name: &str| entry.details.get(name).and_then(Value::as_u64).unwrap_or_default();
    BackupMade {
        at: rfc3339(entry.at),
        target: entry.details.get("target").and_then(Value::as_str).map(str::to_owned),
        bytes: entry.details.get("bytes").and_then(Value::as_u64),
        verified: entry.details.get("verified").and_then(Value::as_bool).unwrap_or_default(),
        rows: count("rows"),
        blobs: count("blobs"),
        missing: count("missing"),
    }
}

fn judge(now: i64, at: Option<i64>, last: Option<&BackupMade>, confirmed: bool) -> Check {
    let check = |state, sentence: String, hint: &str| Check {
        name: "backup".to_owned(),
        state,
        sentence,
        hint: hint.to_owned(),
    };
    const MAKE: &str = "Run `sealpost backup --verify FILE` each day, and keep FILE on another machine.";
    let (Some(at), Some(last)) = (at, last) else {
        return check(Condition::Warn, "This store was never backed up.".to_owned(), MAKE);
    };
    let age = now.saturating_sub(at);
    if age > OLD_MS {
        return check(Condition::Warn, format!("The last backup is {} old.", spell(age)), MAKE);
    }
    if last.missing > 0 {
        let sentence =
            format!("The last backup lacks {} sealed files that were gone or damaged.", last.missing);
        return check(Condition::Warn, sentence, "Put them back from an older backup.");
    }
    if !confirmed {
        return check(
            Condition::Warn,
            "Nobody said that the key file is backed up.".to_owned(),
            "Copy it to a safe place apart from the rest, and confirm it at Backup: without it no sold file opens.",
        );
    }
    check(Condition::Ok, format!("Backed up {} ago.", spell(age)), "")
}

/// Such as `3 hours`.
pub(super) fn spell(ms: i64) -> String {
    let minutes = ms.max(0) / MINUTE_MS;
    let (count, unit) = match minutes {
        0..120 => (minutes, "minute"),
        120..2_880 => (minutes / 60, "hour"),
        _ => (minutes / 1_440, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

fn subject(key: &str) -> String {
    format!("key:{key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_that_is_old_or_not_there_is_told_of_and_so_are_keys_that_lie_in_one_place() {
        let made = BackupMade {
            at: String::new(),
            target: None,
            bytes: None,
            verified: false,
            rows: 1,
            blobs: 0,
            missing: 0,
        };
        let now = 10 * OLD_MS;
        let state = |at, made: Option<&BackupMade>, confirmed| judge(now, at, made, confirmed).state;
        assert_eq!(state(None, None, true), Condition::Warn);
        assert_eq!(state(Some(now - OLD_MS), Some(&made), true), Condition::Ok);
        assert_eq!(state(Some(now - OLD_MS - 1), Some(&made), true), Condition::Warn);
        assert_eq!(state(Some(now), Some(&made), false), Condition::Warn);
        let lacking = BackupMade { missing: 1, ..made.clone() };
        assert_eq!(state(Some(now), Some(&lacking), true), Condition::Warn);
    }

    #[test]
    fn times_are_spelled_in_the_unit_that_tells_most() {
        for (ms, text) in
            [(0, "0 minutes"), (60_000, "1 minute"), (7_200_000, "2 hours"), (3 * OLD_MS, "3 days")]
        {
            assert_eq!(spell(ms), text);
        }
    }
}
