//! A bare server beside which the store is measured: axum, a database, the same statements, nothing else.
//!
//! It works on a copy of the store's own database: the same tables, indexes, triggers and rows, the same durability
//! (SQLite: WAL, `synchronous=FULL`, one writer that commits for all that wait; PostgreSQL: as it comes, a transaction
//! for each purchase, as many connections).
//!
//! - A page of the catalogue is what the store reads for it: the listings of the page and one more, and their releases;
//!   answered with the same bytes, which the benchmark checks. There is no cache: it reads for every request.
//! - A purchase is the row of the token, the row of the account, then in one transaction the listing and four rows:
//!   purchase, licence, audit log, and the answer under its `Idempotency-Key`, whose uniqueness is what makes a repeated
//!   request fail. The store reads token and account together, and the listing together with its releases. It
//!   inserts the rows of one table together for all that wait; this server inserts them one by one, prepared. A purchase
//!   of G-code wraps no key (that happens when a printer claims a job), so neither does this server.
//!
//! What it leaves out is what the store is asked to pay for: tokens come as the bare `jti` and are not checked by
//! signature, kept answers are not sealed, there are no rules, request ids, traces, headers or problems.

mod postgres;
mod rows;
mod sqlite;

use std::path::Path;

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use sealpost_api::purchase::PurchaseRequest;
use serde::Deserialize;

use postgres::Postgres;
use rows::{Order, PageOf};
use sqlite::Sqlite;

/// What the process that serves is started with, before the database's address.
pub(crate) const CHILD: &str = "bare";

/// Serves until it is killed; says where it listens.
pub(crate) async fn serve(arguments: &[String]) -> Result<()> {
    let [database] = arguments else { bail!("one database is expected") };
    let data = match database.strip_prefix("sqlite:") {
        Some(path) => Data::Sqlite(Sqlite::open(Path::new(path))?),
        None => Data::Postgres(Postgres::open(database).await?),
    };
    let router = Router::new()
        .route("/api/v1/listings", get(list))
        .route("/api/v1/purchases", post(buy))
        .with_state(data);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}

#[derive(Clone)]
enum Data {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

#[derive(Deserialize)]
struct ListQuery {
    after: Option<String>,
    limit: Option<usize>,
}

struct Failed(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, format!("{:#}", self.0)).into_response()
    }
}

async fn list(State(data): State<Data>, Query(query): Query<ListQuery>) -> Result<Response, Failed> {
    let after = query.after.as_deref().and_then(|after| after.split_once('.'));
    let after = after.map(|(at, id)| anyhow::Ok((at.parse()?, id.to_owned()))).transpose()?;
    let of = PageOf { after, limit: query.limit.unwrap_or(50) };
    let (listings, releases) = match &data {
        Data::Sqlite(data) => data.page(&of)?,
        Data::Postgres(data) => data.page(&of).await?,
    };
    let page = rows::page(&of, listings, releases)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], page).into_response())
}

async fn buy(State(data): State<Data>, headers: HeaderMap, body: Bytes) -> Result<Response, Failed> {
    let text =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).context("a header is missing");
    let jti = text("authorization")?.strip_prefix("Bearer ").context("no token")?;
    let buyer = match &data {
        Data::Sqlite(data) => data.account(jti)?,
        Data::Postgres(data) => data.account(jti).await?,
    };
    let request: PurchaseRequest = serde_json::from_slice(&body)?;
    let order = Order {
        buyer,
        listing: request.listing,
        key: text(sealpost_api::IDEMPOTENCY_HEADER)?.to_owned(),
        request_sha256: hex::encode(sha256(&body)),
    };
    let answer = match &data {
        Data::Sqlite(data) => data.buy(order).await?,
        Data::Postgres(data) => data.buy(order).await?,
    };
    Ok((StatusCode::CREATED, [(header::CONTENT_TYPE, "application/json")], answer).into_response())
}

fn sha256(body: &[u8]) -> [u8; 32] {
    let mut writer = sealpost_envelope::Sha256Writer::new(std::io::sink());
    // A sink takes everything.
    let _ = std::io::Write::write_all(&mut writer, body);
    writer.finish().1.sha256
}
