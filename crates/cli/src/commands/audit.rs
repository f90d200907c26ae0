//! `audit`.

use clap::Args;
use sealpost_api::audit::{AuditEntry, AuditLog};
use serde_json::Value;

use crate::{
    client::Client,
    connection::Connection,
    failure::Result,
    output::{Table, answer, say, short_date},
};

/// Most entries a store gives at once.
const PAGE: u32 = 200;

#[derive(Args, Debug)]
pub(crate) struct AuditArgs {
    /// Entries of one actor: `user:ID`, `printer:ID`, `system` or `anonymous`
    #[arg(long, value_name = "WHO")]
    actor: Option<String>,
    /// Entries about one thing, such as `licence:ID`, `job:ID` or `account:ID`
    #[arg(long, value_name = "WHAT")]
    subject: Option<String>,
    /// Entries of one action, such as `account.sign_in_failed`
    #[arg(long)]
    action: Option<String>,
    /// Entries older than the one with this number
    #[arg(long, value_name = "NUMBER")]
    before: Option<i64>,
    /// How many to show, newest first
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

pub(crate) async fn audit(args: AuditArgs) -> Result<()> {
    let client = Client::signed_in(&args.connection)?;
    let mut log = AuditLog { entries: Vec::new(), next: args.before };
    loop {
        let missing = args.limit - u32::try_from(log.entries.len()).unwrap_or(args.limit).min(args.limit);
        let page = fetch(&client, &args, missing.min(PAGE), log.next).await?;
        // An empty page that names another one would never end.
        let over = page.entries.is_empty() || page.next.is_none();
        log.entries.extend(page.entries);
        log.next = page.next;
        if over || log.entries.len() >= args.limit as usize {
            break;
        }
    }
    answer(args.connection.json, &log, table);
    if let Some(next) = log.next {
        say!("There are older ones: --before {next}");
    }
    Ok(())
}

async fn fetch(client: &Client, args: &AuditArgs, limit: u32, after: Option<i64>) -> Result<AuditLog> {
    let (limit, after) = (limit.to_string(), after.map(|after| after.to_string()));
    let filters = [
        ("limit", Some(limit.as_str())),
        ("after", after.as_deref()),
        ("actor", args.actor.as_deref()),
        ("subject", args.subject.as_deref()),
        ("action", args.action.as_deref()),
    ];
    let query: Vec<_> = filters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    client.get(&["api", "v1", "audit"], &query).await
}

fn table(log: &AuditLog) -> String {
    let mut table = Table::new(["NUMBER", "WHEN", "WHO", "WHAT", "TO", "MORE"]);
    for entry in &log.entries {
        table.row([
            entry.id.to_string(),
            short_date(&entry.at),
            entry.actor.clone(),
            entry.action.clone(),
            entry.subject.clone(),
            details(entry),
        ]);
    }
    table.or("No such entries.")
}

/// `name=value`, one behind the other.
fn details(entry: &AuditEntry) -> String {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let pairs = entry.details.as_object().into_iter().flatten();
    pairs.map(|(name, value)| format!("{name}={}", text(value))).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_shown_as_a_table_without_what_steers_terminals() {
        let log: AuditLog = serde_json::from_value(serde_json::json!({"entries": [
            {"id": 12, "at": "2026-11-20T23:11:09.5Z", "actor": "printer:pr_1", "action": "job.claimed",
             "subject": "job:jo_1", "details": {"lease": 2, "reason": "a\u{1b}[2J"}},
            {"id": 3, "at": "2026-11-20T09:00:00Z", "actor": "system", "action": "setup.link_made",
             "subject": "server", "details": {}},
        ]}))
        .unwrap();
        let expected = "\
NUMBER  WHEN               WHO           WHAT             TO        MORE
12      2026-11-20 23:11Z  printer:pr_1  job.claimed      job:jo_1  lease=2 reason=a\u{fffd}[2J
3       2026-11-20 09:00Z  system        setup.link_made  server
";
        assert_eq!(table(&log), expected);
        assert_eq!(table(&AuditLog { entries: Vec::new(), next: None }), "No such entries.");
    }
}
