//! The end of an account, in one transaction: all of it, or nothing.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};
use sealpost_accounts::Actor;
use sealpost_api::Problem;
use sealpost_database::Tx;
use sealpost_market::{AccountId, ListingState, Party};

use super::AT_IT;
use crate::catalogue;
use crate::fault::Result;
use crate::identity;
use crate::operate::office::{self, Left};
use crate::operate::suspensions;
use crate::schema::{device, job, licence, linked_key, listing, purchase, review};
use crate::state::AppState;
use crate::{checkout, sellers, webhooks};

/// What stands where a name was.
const NOBODY: &str = "deleted";

pub(super) async fn end(state: &AppState, id: &AccountId) -> Result<()> {
    let (state, id) = (state.clone(), id.clone());
    state
        .db
        .clone()
        .write(move |tx| {
            let (state, id) = (state.clone(), id.clone());
            Box::pin(async move { all(&state, tx, &id).await })
        })
        .await
}

async fn all(state: &AppState, tx: &Tx, id: &AccountId) -> Result<()> {
    let now = state.clock.now_ms();
    check_jobs(tx, id).await?;
    identity::unpair_all(&state.identity, tx, id, now).await?;
    take_off_sale(state, tx, id, now).await?;
    office::leave(state, tx, id, Left::Deleted).await?;
    webhooks::forget_of(tx, id.as_str()).await?;
    checkout::forget_of(tx, id.as_str()).await?;
    sellers::forget(tx, id.as_str()).await?;
    forget_names(tx, id).await?;
    state.accounts.erase(tx, id, now).await?;
    Ok(())
}

/// A print that is under way is somebody's at the printer, and its licence's. Claims that come now wait for this.
async fn check_jobs(tx: &Tx, id: &AccountId) -> Result<()> {
    let rows = job::Entity::find()
        .filter(job::Column::Owner.eq(id.as_str()))
        .filter(
            job::Column::State
                .is_in(AT_IT.iter().map(|state| state.as_str()).chain(["sealing", "ready_to_print"])),
        )
        .lock_exclusive()
        .all(tx)
        .await?;
    if !rows.iter().any(|row| AT_IT.iter().any(|state| state.as_str() == row.state)) {
        return Ok(());
    }
    Err(Problem::new(409, "jobs_printing", "A print is under way")
        .detail("A printer of yours is at a file that you bought here.")
        .hint("Wait until it is done, or cancel it; then delete the account.")
        .into())
}

/// Nobody could answer for what would be sold. Whoever bought it keeps it.
async fn take_off_sale(state: &AppState, tx: &Tx, id: &AccountId, now: i64) -> Result<()> {
    let rows = listing::Entity::find().filter(listing::Column::Publisher.eq(id.as_str())).all(tx).await?;
    for mut row in rows {
        NOBODY.clone_into(&mut row.publisher_name);
        if row.state != ListingState::Suspended.as_str() {
            suspensions::remember(tx, &row, now).await?;
            let (listing, facts) = row.to_market()?.change_state(ListingState::Suspended, Party::Operator)?;
            row.state = listing.state.as_str().to_owned();
            crate::facts::record(tx, now, &Actor::System, &format!("listing:{}", row.id), &facts)?;
        }
        catalogue::save_listing(state, tx, row).await?;
    }
    Ok(())
}

/// What people called their things.
async fn forget_names(tx: &Tx, id: &AccountId) -> Result<()> {
    let id = id.as_str();
    job::Entity::update_many()
        .col_expr(job::Column::PrinterName, Expr::value(NOBODY))
        .filter(job::Column::Owner.eq(id))
        .exec(tx)
        .await?;
    identity::printer::Entity::update_many()
        .col_expr(identity::printer::Column::Name, Expr::value(NOBODY))
        .col_expr(identity::printer::Column::Description, Expr::value(""))
        .filter(identity::printer::Column::Owner.eq(id))
        .exec(tx)
        .await?;
    review::Entity::update_many()
        .col_expr(review::Column::AuthorName, Expr::value(NOBODY))
        .filter(review::Column::Author.eq(id))
        .exec(tx)
        .await?;
    // Receipts say then what is said of whoever left.
    purchase::Entity::update_many()
        .col_expr(purchase::Column::BuyerName, Expr::value(Option::<String>::None))
        .col_expr(purchase::Column::Note, Expr::value(Option::<String>::None))
        .filter(purchase::Column::Buyer.eq(id))
        .exec(tx)
        .await?;
    let theirs = listing::Entity::find()
        .select_only()
        .column(listing::Column::Id)
        .filter(listing::Column::Publisher.eq(id))
        .into_query();
    purchase::Entity::update_many()
        .col_expr(purchase::Column::SellerName, Expr::value(Option::<String>::None))
        .col_expr(purchase::Column::Answer, Expr::value(Option::<String>::None))
        .filter(purchase::Column::Listing.in_subquery(theirs))
        .exec(tx)
        .await?;
    linked_key::Entity::delete_many().filter(linked_key::Column::Account.eq(id)).exec(tx).await?;
    let licences = licence::Entity::find().filter(licence::Column::Holder.eq(id)).all(tx).await?;
    device::Entity::update_many()
        .col_expr(device::Column::Name, Expr::value(Option::<String>::None))
        .filter(device::Column::Licence.is_in(licences.into_iter().map(|row| row.id)))
        .exec(tx)
        .await?;
    Ok(())
}
