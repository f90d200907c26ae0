//! Pages that are open are told of purchases: the buyer's, who waits for it, and the publisher's.

use sealpost_database::Tx;

use crate::catalogue::find_listing;
use crate::fault::Result;
use crate::live::Topic;
use crate::schema::{listing, purchase};
use crate::state::AppState;

/// Of a purchase whose listing is at hand.
pub(crate) fn sold(state: &AppState, tx: &Tx, listing: &listing::Model, row: &purchase::Model) {
    let (state, publisher, buyer) = (state.clone(), listing.publisher.clone(), row.buyer.clone());
    let sale = Topic::Sale { purchase: row.id.clone(), listing: row.listing.clone() };
    let bought = Topic::Notice { kind: "purchase".to_owned(), about: Some(row.id.clone()) };
    tx.after_commit(move || {
        state.live.tell(&publisher, sale);
        state.live.tell(&buyer, bought);
    });
}

/// Of a purchase that changed.
pub(crate) async fn changed(state: &AppState, tx: &Tx, row: &purchase::Model) -> Result<()> {
    sold(state, tx, &find_listing(tx, &row.listing).await?, row);
    Ok(())
}
