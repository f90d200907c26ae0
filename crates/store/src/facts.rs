//! What the rules have to say to the audit log.

use sealpost_accounts::Actor;
use sealpost_accounts::audit;
use sealpost_database::Tx;
use sealpost_market::Fact;
use serde_json::{Value, json};

use crate::fault::Result;

/// Writes the facts of one transition as one row, named after the first of them.
pub(crate) fn record(tx: &Tx, at: i64, actor: &Actor, subject: &str, facts: &[Fact]) -> Result<()> {
    let facts = facts.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = facts.first() else { return Ok(()) };
    let action = first.get("fact").and_then(Value::as_str).unwrap_or("fact").to_owned();
    audit::record_later(tx, at, actor, &action, subject, &json!({ "facts": facts }));
    Ok(())
}
