//! `GET /api/v1/sales/summary`. The database counts; what it gives back is bounded by days and prices, not by purchases. Amounts
//! are added here: minor units of coins do not fit a database's sums.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use sea_orm::sea_query::{Expr, ExprTrait, Query as Sql, SelectStatement, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter,
};
use sealpost_accounts::UserAuth;
use sealpost_api::Problem;
use sealpost_api::sales::{PrintOutcomes, SalesDay, SalesSum, SalesSummary};
use sealpost_database::clock::rfc3339;
use sealpost_market::{Currency, JobState};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::list::share_of;
use super::query::SummaryQuery;
use super::{listings_of, mine};
use crate::fault::Result;
use crate::http::body::Query;
use crate::schema::{chain_payment, job, purchase};
use crate::state::AppState;

const DAY_MS: i64 = 86_400_000;
const DAYS: u16 = 30;
const DAYS_MAX: u16 = 366;
/// Listings whose prints are shown.
const LISTINGS_MAX: usize = 100;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show))
}

/// What was sold on each of the last days, and how prints went.
#[utoipa::path(get, path = "/api/v1/sales/summary", tag = "sell", params(SummaryQuery), responses(
    (status = 200, body = SalesSummary),
    (status = 401, body = Problem, description = "`sign_in_required`"),
    (status = 403, body = Problem, description = "`operator_required`"),
))]
async fn show(
    State(state): State<AppState>,
    user: UserAuth,
    Query(query): Query<SummaryQuery>,
) -> Result<Json<SalesSummary>> {
    let today = state.clock.now_ms().div_euclid(DAY_MS);
    let first = today - i64::from(query.days.unwrap_or(DAYS).clamp(1, DAYS_MAX)) + 1;
    let of = |column: purchase::Column| -> Result<Condition> {
        let mine = mine(&user, query.everybody, purchase::Column::Listing)?;
        let from = Condition::all().add(mine).add(column.gte(first * DAY_MS));
        Ok(match &query.listing {
            Some(listing) => from.add(purchase::Column::Listing.eq(listing)),
            None => from,
        })
    };
    let db = state.db.read();
    let paid = paid(db, of(purchase::Column::PaidAt)?).await?;
    let refunded = refunded(db, of(purchase::Column::RefundedAt)?).await?;
    let mut days: BTreeMap<i64, (u64, Sums)> = BTreeMap::new();
    let mut totals = Sums::default();
    let mut without_money = 0;
    for group in paid {
        let (count, sums) = days.entry(group.day).or_default();
        *count += group.count.unsigned_abs();
        if !group.is_money() {
            without_money += group.count.unsigned_abs();
            continue;
        }
        sums.add_paid(&group);
        totals.add_paid(&group);
    }
    for group in refunded.into_iter().filter(Group::is_money) {
        days.entry(group.day).or_default().1.add_refunded(&group);
        totals.add_refunded(&group);
    }
    let days = days.into_iter().map(|(day, (count, sums))| SalesDay {
        day: date(day),
        count,
        sums: sums.into_api(),
    });
    let mut whose = Condition::all().add(mine(&user, query.everybody, purchase::Column::Listing)?);
    let mut prints = Condition::all().add(mine(&user, query.everybody, job::Column::Listing)?);
    if let Some(listing) = &query.listing {
        whose = whose.add(purchase::Column::Listing.eq(listing));
        prints = prints.add(job::Column::Listing.eq(listing));
    }
    let waiting = purchase::Entity::find().filter(whose).filter(purchase::Column::State.eq("pending"));
    let interrupted = job::Entity::find()
        .filter(prints.clone())
        .filter(job::Column::State.eq(JobState::Interrupted.as_str()));
    Ok(Json(SalesSummary {
        from: date(first),
        to: date(today),
        days: days.collect(),
        totals: totals.into_api(),
        without_money,
        waiting: waiting.count(db).await?,
        interrupted: interrupted.count(db).await?,
        prints: outcomes(&state, prints, first * DAY_MS).await?,
    }))
}

/// Purchases of one day that cost the same.
#[derive(Debug, FromQueryResult)]
struct Group {
    day: i64,
    method: String,
    state: String,
    amount: Option<String>,
    currency: Option<String>,
    basis_points: i32,
    chain_fee: Option<String>,
    count: i64,
}

impl Group {
    /// What a voucher paid for was paid elsewhere, or not at all.
    fn is_money(&self) -> bool {
        self.method != "voucher" && self.amount.is_some()
    }

    fn amount(&self) -> u128 {
        self.amount.as_deref().and_then(|amount| amount.parse().ok()).unwrap_or(0)
    }
}

async fn paid(db: &impl ConnectionTrait, of: Condition) -> Result<Vec<Group>> {
    // What a chain took back for now is no sale.
    groups(db, purchase::Column::PaidAt, of.add(purchase::Column::State.is_in(["paid", "refunded"]))).await
}

async fn refunded(db: &impl ConnectionTrait, of: Condition) -> Result<Vec<Group>> {
    let refunded = of.add(purchase::Column::State.eq("refunded")).add(purchase::Column::PaidAt.is_not_null());
    groups(db, purchase::Column::RefundedAt, refunded).await
}

async fn groups(db: &impl ConnectionTrait, at: purchase::Column, of: Condition) -> Result<Vec<Group>> {
    let columns = [
        (purchase::Column::Method, "method"),
        (purchase::Column::State, "state"),
        (purchase::Column::PriceAmount, "amount"),
        (purchase::Column::PriceCurrency, "currency"),
        (purchase::Column::FeeBasisPoints, "basis_points"),
    ];
    // As text: a number that is bound is another one in every place for PostgreSQL, and groups would be others than columns.
    let day = || {
        Expr::cust(match at {
            purchase::Column::RefundedAt => r#""purchases"."refunded_at" / 86400000"#,
            _ => r#""purchases"."paid_at" / 86400000"#,
        })
    };
    let chain_fee = || SimpleExpr::from(Expr::col((chain_payment::Entity, chain_payment::Column::Fee)));
    let mut select = Sql::select();
    select.from(purchase::Entity).expr_as(day(), "day").expr_as(chain_fee(), "chain_fee");
    for (column, name) in columns {
        select.expr_as(column.into_expr(), name);
    }
    select
        .expr_as(purchase::Column::Id.into_expr().count(), "count")
        .left_join(
            chain_payment::Entity,
            Condition::all()
                .add(
                    Expr::col((chain_payment::Entity, chain_payment::Column::Purchase))
                        .equals((purchase::Entity, purchase::Column::Id)),
                )
                .add(chain_payment::Column::BlockNumber.is_not_null()),
        )
        .cond_where(of)
        .add_group_by([day(), chain_fee()])
        .add_group_by(columns.map(|(column, _)| SimpleExpr::from(column.into_expr())));
    all(db, &select).await
}

async fn all<T: FromQueryResult>(db: &impl ConnectionTrait, select: &SelectStatement) -> Result<Vec<T>> {
    let rows = db.query_all_raw(db.get_database_backend().build(select)).await?;
    Ok(rows.iter().map(|row| T::from_query_result(row, "")).collect::<Result<_, _>>()?)
}

/// Sums by currency.
#[derive(Default)]
struct Sums(BTreeMap<String, Sum>);

#[derive(Default)]
struct Sum {
    count: u64,
    gross: u128,
    fee: u128,
    refunds: u64,
    refunded: u128,
}

impl Sums {
    fn of(&mut self, group: &Group) -> &mut Sum {
        self.0.entry(group.currency.clone().unwrap_or_default()).or_default()
    }

    fn add_paid(&mut self, group: &Group) {
        let (times, amount) = (group.count.unsigned_abs(), group.amount());
        let sum = self.of(group);
        sum.count += times;
        sum.gross = sum.gross.saturating_add(amount.saturating_mul(times.into()));
        // Of what was paid back, nobody keeps a share.
        if group.state == "paid" {
            let fee = share_of(amount, group.basis_points, group.chain_fee.as_deref());
            sum.fee = sum.fee.saturating_add(fee.saturating_mul(times.into()));
        }
    }

    fn add_refunded(&mut self, group: &Group) {
        let (times, amount) = (group.count.unsigned_abs(), group.amount());
        let sum = self.of(group);
        sum.refunds += times;
        sum.refunded = sum.refunded.saturating_add(amount.saturating_mul(times.into()));
    }

    fn into_api(self) -> Vec<SalesSum> {
        let sums = self.0.into_iter().map(|(currency, sum)| {
            let out = sum.fee.saturating_add(sum.refunded);
            let net = match sum.gross.checked_sub(out) {
                Some(net) => net.to_string(),
                None => format!("-{}", out - sum.gross),
            };
            let decimals = currency.parse().map_or(2, |currency: Currency| currency.decimals());
            SalesSum {
                decimals: u32::try_from(decimals).unwrap_or(0),
                currency,
                count: sum.count,
                gross: sum.gross.to_string(),
                fee: sum.fee.to_string(),
                refunds: sum.refunds,
                refunded: sum.refunded.to_string(),
                net,
            }
        });
        sums.collect()
    }
}

/// Prints of one listing in one state.
#[derive(Debug, FromQueryResult)]
struct Prints {
    listing: String,
    state: String,
    count: i64,
    filament: Option<i64>,
    seconds: Option<i64>,
}

async fn outcomes(state: &AppState, of: Condition, from: i64) -> Result<Vec<PrintOutcomes>> {
    // PostgreSQL adds integers up to a decimal, which is read back as an integer.
    let sum = |column: job::Column| SimpleExpr::from(column.into_expr().sum()).cast_as("bigint");
    let ended = ["success", "failure", "cancelled", "expired", "interrupted"].map(SimpleExpr::from);
    let mut select = Sql::select();
    select
        .from(job::Entity)
        .expr_as(job::Column::Listing.into_expr(), "listing")
        .expr_as(job::Column::State.into_expr(), "state")
        .expr_as(job::Column::Id.into_expr().count(), "count")
        .expr_as(sum(job::Column::FilamentUsedMmX100), "filament")
        .expr_as(sum(job::Column::PrintDurationS), "seconds")
        .cond_where(of)
        .and_where(job::Column::UpdatedAt.gte(from))
        .and_where(Expr::col((job::Entity, job::Column::State)).is_in(ended))
        .add_group_by([job::Column::Listing.into_expr(), job::Column::State.into_expr()]);
    let rows: Vec<Prints> = all(state.db.read(), &select).await?;
    let mut by_listing: BTreeMap<String, PrintOutcomes> = BTreeMap::new();
    for row in rows {
        let outcomes = by_listing.entry(row.listing.clone()).or_default();
        outcomes.listing = row.listing;
        let count = row.count.unsigned_abs();
        match row.state.as_str() {
            "success" => outcomes.success += count,
            "failure" => outcomes.failure += count,
            "cancelled" => outcomes.cancelled += count,
            "expired" => outcomes.expired += count,
            _ => outcomes.interrupted += count,
        }
        outcomes.filament_mm_x100 += row.filament.unwrap_or(0).unsigned_abs();
        outcomes.print_s += row.seconds.unwrap_or(0).unsigned_abs();
    }
    let mut outcomes: Vec<_> = by_listing.into_values().collect();
    let prints = |of: &PrintOutcomes| of.success + of.failure + of.cancelled + of.expired + of.interrupted;
    outcomes.sort_by(|a, b| prints(b).cmp(&prints(a)).then_with(|| a.listing.cmp(&b.listing)));
    outcomes.truncate(LISTINGS_MAX);
    let listings = listings_of(state, outcomes.iter().map(|of| of.listing.as_str())).await?;
    for of in &mut outcomes {
        of.title = listings.get(&of.listing).map(|row| row.title.clone()).unwrap_or_default();
    }
    Ok(outcomes)
}

/// A day as `2026-01-31`.
fn date(day: i64) -> String {
    rfc3339(day * DAY_MS).chars().take(10).collect()
}
