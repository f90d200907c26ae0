//! A plugin's envelope for a key that a transaction paid for.

use std::sync::Arc;

use http::StatusCode;
use sea_orm::EntityTrait;
use sealpost_accounts::extract::ClientAddress;
use sealpost_accounts::{Actor, UserAuth};
use sealpost_api::marketplace::MarketplacePurchased;
use sealpost_database::Tx;
use sealpost_market::chain::Refusal;
use sealpost_market::{RuleError, Version};

use super::{bundle, devices, marketplace};
use crate::chain::named::{self, Named, Standing};
use crate::chain::questions::Asking;
use crate::fault::{Fault, Result};
use crate::http::once::{Answer, Once, once};
use crate::purchases::find_licence;
use crate::purchases::on_chain::{buyer_key, check_proved};
use crate::schema::device::Wanted;
use crate::schema::value::parsed;
use crate::schema::{chain_payment, listing, purchase};
use crate::state::AppState;

/// Who asks for what.
pub(super) struct Sale {
    /// `None` for a wallet without an account: the envelope is of use to the holder of its key alone.
    pub(super) user: Option<UserAuth>,
    pub(super) actor: Actor,
    pub(super) listing: listing::Model,
    pub(super) wanted: Wanted,
    /// The version that is wanted; the one that was paid for where absent.
    pub(super) version: Option<Version>,
    pub(super) from: ClientAddress,
}

/// Gives what a transaction paid for, once it is settled. Nothing is kept of one that is not.
pub(super) async fn collect(state: &AppState, request: Once, sale: Sale, tx_hash: &str) -> Result<Answer> {
    let asking = Asking::new(state, sale.from)?;
    if sale.listing.plugin_id.is_none() {
        return Err(RuleError::NoDevices.into());
    }
    if let Some(user) = &sale.user {
        check_proved(state, user, &sale.wanted.device.key).await?;
    }
    let key = buyer_key(&sale.wanted.device.key)?;
    let account = sale.user.as_ref().map(UserAuth::id);
    let tx = named::read_hash(tx_hash)?;
    let named = Named { tx, listing: &sale.listing, key: Some(key), account };
    let row = match named::look(state, &asking, &named).await? {
        Standing::Known(row) => row,
        Standing::Pending { heard: false, .. }
            if state.questions.unheard.is_unknown(tx, state.clock.now_ms()) =>
        {
            return Err(named::refused(&Refusal::Unknown));
        }
        pending @ Standing::Pending { .. } => {
            if sale.user.is_some() {
                state.watching.ring(tx);
            }
            return Err(named::not_yet(&pending));
        }
    };
    let shared = Arc::new((state.clone(), sale, row.id));
    once(state, request, StatusCode::OK, move |tx| {
        let shared = shared.clone();
        Box::pin(async move {
            let (state, sale, payment) = &*shared;
            give(state, tx, sale, payment).await
        })
    })
    .await
}

async fn give(state: &AppState, tx: &Tx, sale: &Sale, payment: &str) -> Result<MarketplacePurchased> {
    let row = chain_payment::Entity::find_by_id(payment).one(tx).await?.ok_or(Fault::Conflict)?;
    let bought = match &row.purchase {
        Some(id) => purchase::Entity::find_by_id(id).one(tx).await?,
        None => None,
    };
    let (licence, paid) = bought.map(|bought| (bought.licence, bought.version)).unwrap_or_default();
    let Some(licence) = licence else { return Err(named::refused_before(&row)) };
    let paid = paid.as_deref().map(parsed::<Version>).transpose()?;
    let version = sale.version.as_ref().or(paid.as_ref());
    let held = find_licence(tx, &licence).await?;
    if sale.user.as_ref().is_some_and(|user| user.id().as_str() != held.holder) {
        return Err(named::refused(&Refusal::Used));
    }
    let (device, given) = devices::register(state, tx, &held, &sale.wanted, version, &sale.actor).await?;
    marketplace::to_api(bundle::to_api(&sale.listing, &device, &given)?, given.release.cid)
}
