//! `/api/v1/operator/audit`: the audit log with the names of those in it, and all of it to take away.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use http::header;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use sealpost_accounts::audit::{self, Entry, Filter};
use sealpost_accounts::{OperatorAuth, PeopleFilter};
use sealpost_api::Problem;
use sealpost_api::audit::AuditEntry;
use sealpost_api::operate::AuditPage;
use sealpost_database::clock::{parse_rfc3339, rfc3339};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::query::LogQuery;
use crate::fault::Result;
use crate::http::body::Query;
use crate::identity::printer;
use crate::limits::invalid;
use crate::schema::listing;
use crate::state::AppState;

const ROWS: u64 = 50;
const ROWS_MAX: u64 = 200;
/// Entries read at once while all are sent.
const STEP: u64 = 500;
/// People whom a name may mean.
const SAME_NAME: u64 = 100;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(export))
}

/// The audit log, the newest entries first.
#[utoipa::path(get, path = "/api/v1/operator/audit", tag = "operate", params(LogQuery), responses(
    (status = 200, body = AuditPage),
    (status = 403, body = Problem, description = "`operator_required`"),
    (status = 422, body = Problem, description = "`invalid`"),
))]
async fn list(
    State(state): State<AppState>,
    _operator: OperatorAuth,
    Query(query): Query<LogQuery>,
) -> Result<Json<AuditPage>> {
    let limit = query.limit.map_or(ROWS, u64::from).clamp(1, ROWS_MAX);
    let filter = Filter { limit, ..filter(&state, query).await? };
    let page = audit::newest(&state.db, &filter).await?;
    let next = page.entries.last().filter(|_| page.more).map(|entry| entry.id);
    let names = names(&state, &page.entries).await?;
    Ok(Json(AuditPage { entries: page.entries.into_iter().map(shown).collect(), names, next }))
}

/// All entries that the filter lets through, as comma-separated values, the newest first.
#[utoipa::path(get, path = "/api/v1/operator/audit/export", tag = "operate", params(LogQuery), responses(
    (status = 200, body = String, content_type = "text/csv"),
    (status = 403, body = Problem, description = "`operator_required`"),
    (status = 422, body = Problem, description = "`invalid`"),
))]
async fn export(
    State(state): State<AppState>,
    _operator: OperatorAuth,
    Query(query): Query<LogQuery>,
) -> Result<Response> {
    let filter = Filter { limit: STEP, ..filter(&state, query).await? };
    let head = Bytes::from_static(b"number,when,who,action,what,details\r\n");
    let rows = stream::try_unfold((state, Some(filter), Some(head)), |(state, filter, head)| async move {
        if let Some(head) = head {
            return Ok(Some((head, (state, filter, None))));
        }
        let Some(filter) = filter else { return Ok::<_, sea_orm::DbErr>(None) };
        let page = audit::newest(&state.db, &filter).await?;
        let before = page.entries.last().map(|entry| entry.id);
        let next = page.more.then_some(Filter { before, ..filter });
        let text: String = page.entries.iter().map(row).collect();
        Ok(Some((Bytes::from(text), (state, next, None))))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"audit.csv\""),
    ];
    Ok((headers, Body::from_stream(rows)).into_response())
}

async fn filter(state: &AppState, query: LogQuery) -> Result<Filter> {
    let given = |text: Option<String>| {
        let text = text.map(|text| text.trim().replace('\0', "\u{fffd}"));
        text.filter(|text| !text.is_empty())
    };
    let moment = |field: &str, text: Option<String>| {
        let parse =
            |text: String| parse_rfc3339(&text).ok_or_else(|| invalid(field, "it is no RFC 3339 time"));
        given(text).map(parse).transpose()
    };
    let mut filter = Filter {
        action: given(query.action),
        text: given(query.q),
        since: moment("since", query.since)?,
        until: moment("until", query.until)?,
        before: query.after,
        ..Filter::default()
    };
    match given(query.who) {
        Some(who) if who.contains(':') || ["system", "anonymous"].contains(&who.as_str()) => {
            filter.actor = Some(who);
        }
        Some(who) => {
            let named = PeopleFilter { text: Some(who), limit: SAME_NAME, ..PeopleFilter::default() };
            let people = state.accounts.people(&named).await?.profiles;
            filter.actors = Some(people.iter().map(|person| format!("user:{}", person.id)).collect());
        }
        None => {}
    }
    Ok(filter)
}

/// What people call those whom the entries name by ids.
async fn names(state: &AppState, entries: &[Entry]) -> Result<BTreeMap<String, String>> {
    let mut ids: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for text in entries.iter().flat_map(|entry| [&entry.actor, &entry.subject]) {
        if let Some((kind, id)) = text.split_once(':') {
            ids.entry(kind).or_default().push(id.to_owned());
        }
    }
    let mut take = |kind| ids.remove(kind).unwrap_or_default();
    let (mut people, listings, printers) = (take("user"), take("listing"), take("printer"));
    people.extend(take("account"));
    let mut names = BTreeMap::new();
    for person in state.accounts.people_of(&people).await? {
        names.insert(format!("user:{}", person.id), person.username.clone());
        names.insert(format!("account:{}", person.id), person.username);
    }
    let db = state.db.read();
    for row in listing::Entity::find().filter(listing::Column::Id.is_in(listings)).all(db).await? {
        names.insert(format!("listing:{}", row.id), row.title);
    }
    for row in printer::Entity::find().filter(printer::Column::Id.is_in(printers)).all(db).await? {
        names.insert(format!("printer:{}", row.id), row.name);
    }
    Ok(names)
}

fn shown(entry: Entry) -> AuditEntry {
    AuditEntry {
        id: entry.id,
        at: rfc3339(entry.at),
        actor: entry.actor,
        action: entry.action,
        subject: entry.subject,
        details: entry.details,
    }
}

fn row(entry: &Entry) -> String {
    let cells = [
        entry.id.to_string(),
        rfc3339(entry.at),
        entry.actor.clone(),
        entry.action.clone(),
        entry.subject.clone(),
        entry.details.to_string(),
    ];
    cells.iter().map(|text| cell(text)).collect::<Vec<_>>().join(",") + "\r\n"
}

/// RFC 4180. A text that a spreadsheet would take for a formula begins with an apostrophe.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    format!("\"{}{}\"", if formula { "'" } else { "" }, text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn no_cell_ends_early_or_is_a_formula() {
        assert_eq!(cell("a\"b,c\nd"), "\"a\"\"b,c\nd\"");
        assert_eq!(cell("=1+1"), "\"'=1+1\"");
        assert_eq!(cell("@x"), "\"'@x\"");
    }
}
