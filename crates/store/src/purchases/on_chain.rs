//! Buying by a transaction that was sent: the purchase waits for it, and is paid when it settles.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};
use sealpost_accounts::extract::ClientAddress;
use sealpost_accounts::{ApiError, UserAuth};
use sealpost_api::purchase::{PurchaseRequest, PurchaseResponse};
use sealpost_database::Tx;
use sealpost_market::chain::{BuyerKey, ChainPurchase, Refusal};
use sealpost_market::{DeviceKey, Money, Party, RuleError};

use super::change::licence_of;
use super::{buy, routes};
use crate::chain::named::{self, Named, Standing, key_not_proved, refused};
use crate::chain::questions::Asking;
use crate::chain::settle::{Order, begin};
use crate::chain::view::View;
use crate::chain::{self, payments, pending, refund};
use crate::fault::{Fault, Result};
use crate::http::once::{Answer, Once, once};
use crate::plugins::give::offered;
use crate::plugins::recipient;
use crate::schema::device::Wanted;
use crate::schema::value::parsed;
use crate::schema::{chain_payment, device, linked_key, listing, purchase, release};
use crate::state::AppState;

/// Purchases of one person that wait for a transaction, at most.
const WAITING_MAX: u64 = 20;

/// Begins a purchase that a transaction pays for, or finds the one that it paid for.
pub(crate) async fn place(
    state: &AppState,
    user: UserAuth,
    from: ClientAddress,
    headers: &HeaderMap,
    new: &PurchaseRequest,
    tx_hash: &str,
) -> Result<Answer> {
    let asking = Asking::new(state, from)?;
    let request = Once::new(headers, user.id().as_str(), "purchases", new)?;
    if let Some(answer) = request.earlier(state, state.db.read()).await? {
        return Ok(answer);
    }
    let (listing, releases) = offered(state.db.read(), &new.listing).await?;
    let wanted = new.recipient.as_ref().map(recipient::read).transpose()?;
    if let Some(wanted) = &wanted {
        check_proved(state, &user, &wanted.device.key).await?;
    }
    let key = wanted.as_ref().map(|wanted| buyer_key(&wanted.device.key)).transpose()?;
    let tx = named::read_hash(tx_hash)?;
    let named = Named { tx, listing: &listing, key, account: Some(user.id()) };
    let standing = named::look(state, &asking, &named).await?;
    if matches!(standing, Standing::Pending { .. }) {
        state.watching.ring(tx);
    }
    let shared = Arc::new((state.clone(), user, listing, releases, wanted, tx, standing));
    once(state, request, StatusCode::CREATED, move |tx| {
        let shared = shared.clone();
        Box::pin(async move {
            let (state, user, listing, releases, wanted, hash, standing) = &*shared;
            let order = Waiting { state, tx, user, listing, releases, wanted: wanted.as_ref() };
            let row = match standing {
                Standing::Known(row) => order.known(row).await?,
                Standing::Pending { paid, .. } => order.wait(*hash, paid.as_deref()).await?,
            };
            if let (Some(wanted), Some(licence)) = (wanted, &row.licence) {
                name_device(tx, licence, wanted).await?;
            }
            respond(state, tx, user, listing, &row).await
        })
    })
    .await
}

/// How far the payment of a purchase is; sellers and operators are given the call that pays it back.
pub(crate) async fn payment(
    state: &AppState,
    row: &purchase::Model,
    by: Party,
) -> Result<Option<sealpost_api::chain::ChainPayment>> {
    let Some(found) = chain_payment::Entity::find_by_id(&row.id).one(state.db.read()).await? else {
        return Ok(None);
    };
    let view = View::load(state).await?;
    let mut payment = view.payment(&found)?;
    if matches!(by, Party::Publisher | Party::Operator) {
        refund::offer(state, &view, &found, by == Party::Operator, &mut payment).await?;
    }
    Ok(Some(payment))
}

/// A key as it is paid for.
pub(crate) fn buyer_key(key: &DeviceKey) -> Result<BuyerKey> {
    BuyerKey::from_device(key).map_err(|error| crate::limits::invalid("recipient", error))
}

/// Whether the person has proved that the key is theirs.
pub(crate) async fn check_proved(state: &AppState, user: &UserAuth, key: &DeviceKey) -> Result<()> {
    match payments::linked_account(state.db.read(), key).await? {
        Some(account) if account == *user.id() => Ok(()),
        _ => Err(key_not_proved()),
    }
}

struct Waiting<'a> {
    state: &'a AppState,
    tx: &'a Tx,
    user: &'a UserAuth,
    listing: &'a listing::Model,
    releases: &'a [release::Model],
    wanted: Option<&'a Wanted>,
}

impl Waiting<'_> {
    /// The purchase of a payment that is settled, if it is this person's.
    async fn known(&self, row: &chain_payment::Model) -> Result<purchase::Model> {
        let row = chain_payment::Entity::find_by_id(&row.id).one(self.tx).await?;
        let row = row.ok_or(Fault::Conflict)?;
        match self.purchase_of(&row).await? {
            Some(purchase) if row.state == "refused" && purchase.licence.is_none() => {
                Err(named::refused_before(&row))
            }
            Some(purchase) => self.mine(purchase),
            None => Err(named::refused_before(&row)),
        }
    }

    /// The purchase that waits for a transaction; a new one, unless it was named before.
    async fn wait(
        &self,
        hash: sealpost_market::chain::ChainHash,
        paid: Option<&ChainPurchase>,
    ) -> Result<purchase::Model> {
        let Some(port) = &self.state.chain else { return Err(Fault::Conflict) };
        let device = self.key(paid).await?;
        let key = buyer_key(&device)?;
        let source = chain::source(port.terms());
        let now = self.state.clock.now_ms();
        let id = payments::id(&source, hash, &self.listing.id, &key, 0);
        let row = chain_payment::Entity::find_by_id(&id).one(self.tx).await?;
        let mut row = match row {
            Some(mut row) => match self.purchase_of(&row).await? {
                Some(purchase) => {
                    let purchase = self.mine(purchase)?;
                    let again = pending::seen_again(&mut row, now)?;
                    let news = paid.is_some_and(|paid| pending::show(&mut row, paid));
                    if again || news {
                        row.save(self.tx).await?;
                    }
                    return Ok(purchase);
                }
                None if row.state == "refused" => return Err(named::refused_before(&row)),
                None => {
                    pending::wait_anew(&mut row, now);
                    row
                }
            },
            None => payments::new(&source, hash, &self.listing.id, &key, 0, now),
        };
        self.check_few().await?;
        let release = self.release(paid).await?;
        let money = self.money(port.terms(), paid).await?;
        let order = Order {
            buyer: self.user.id().clone(),
            listing: self.listing,
            release: &release,
            key: &device,
            name: self.wanted.and_then(|wanted| wanted.name.clone()),
            index: self.wanted.and_then(|wanted| wanted.index),
        };
        let purchase = begin(self.state, self.tx, &self.user.actor(), &id, &order, money).await?;
        row.purchase = Some(id);
        // Whoever asked about the transaction before has been told so much.
        if let Some(paid) = paid {
            pending::show(&mut row, paid);
        }
        // It is looked for at once.
        row.look_at = 0;
        row.save(self.tx).await?;
        let fact = sealpost_market::Fact::PaymentNamed { tx: hash, purchase: parsed(&purchase.id)?, key };
        crate::facts::record(self.tx, now, &self.user.actor(), &format!("payment:{hash}"), &[fact])?;
        Ok(purchase)
    }

    async fn purchase_of(&self, row: &chain_payment::Model) -> Result<Option<purchase::Model>> {
        let Some(id) = &row.purchase else { return Ok(None) };
        Ok(purchase::Entity::find_by_id(id).one(self.tx).await?)
    }

    /// Whoever held the key when it was paid, or named the payment first, has what it gave.
    fn mine(&self, row: purchase::Model) -> Result<purchase::Model> {
        if row.buyer == self.user.id().as_str() { Ok(row) } else { Err(refused(&Refusal::Used)) }
    }

    /// The key that is paid for: the one that was sent, that of the transaction, or the only one this person has.
    async fn key(&self, paid: Option<&ChainPurchase>) -> Result<DeviceKey> {
        let key = match (self.wanted, paid) {
            (Some(wanted), _) => wanted.device.key.clone(),
            (None, Some(paid)) => payments::usable_key(&paid.buyer_key).map_err(|no| refused(&no))?,
            (None, None) => {
                let mine = linked_key::Entity::find()
                    .filter(linked_key::Column::Account.eq(self.user.id().as_str()))
                    .all(self.tx)
                    .await?;
                match mine.as_slice() {
                    [key] => DeviceKey { curve: key.curve.clone(), public_key: key.public_key.clone() },
                    [] => return Err(key_not_proved()),
                    _ => return Err(which_key()),
                }
            }
        };
        match payments::linked_account(self.tx, &key).await? {
            Some(account) if account == *self.user.id() => Ok(key),
            _ => Err(key_not_proved()),
        }
    }

    async fn release(&self, paid: Option<&ChainPurchase>) -> Result<release::Model> {
        if let Some(paid) = paid {
            let release = payments::release_of(self.tx, paid.item).await?;
            return release.ok_or_else(|| refused(&Refusal::WrongListing));
        }
        let rules = self.releases.iter().map(release::Model::to_market).collect::<Result<Vec<_>>>()?;
        let newest = sealpost_market::pick_release(&rules, None, None)?;
        let row = self.releases.iter().find(|row| row.id == newest.id.as_str());
        row.cloned().ok_or_else(|| RuleError::NoRelease.into())
    }

    /// What is paid, or is to be paid by the newest offer.
    async fn money(&self, terms: &chain::ChainTerms, paid: Option<&ChainPurchase>) -> Result<Money> {
        let (token, amount) = match paid {
            Some(paid) => (paid.token, paid.amount),
            None => {
                let offers = payments::offers_of(self.tx, &chain::source(terms), &self.listing.id).await?;
                let newest = offers.into_iter().max_by_key(|offer| offer.since);
                let newest = newest.ok_or_else(|| refused(&Refusal::NotOffered))?;
                (newest.token, newest.amount)
            }
        };
        let currency = payments::currency_of(self.tx, terms, &self.listing.id, token).await?;
        Ok(Money { amount, currency })
    }

    /// Whoever names transactions that do not come fills tables and asks the chain for nothing.
    async fn check_few(&self) -> Result<()> {
        let waiting = purchase::Entity::find()
            .filter(purchase::Column::Buyer.eq(self.user.id().as_str()))
            .filter(purchase::Column::Method.eq("chain"))
            .filter(purchase::Column::State.eq("pending"))
            .count(self.tx)
            .await?;
        if waiting < WAITING_MAX {
            return Ok(());
        }
        Err(ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", "Too many purchases wait")
            .detail(format!("{waiting} of your purchases wait for their transactions."))
            .hint("Wait until they are settled; what is paid counts without being named, too.")
            .retry_after(60)
            .into())
    }
}

/// A device of a payment that nobody had told of has no name, and is found by no restored wallet without its index.
async fn name_device(tx: &Tx, licence: &str, wanted: &Wanted) -> Result<()> {
    if wanted.name.is_none() && wanted.index.is_none() {
        return Ok(());
    }
    let change = device::ActiveModel {
        name: Set(wanted.name.clone()),
        key_index: Set(wanted.index.map(i64::from)),
        ..Default::default()
    };
    device::Entity::update_many()
        .set(change)
        .filter(device::Column::Licence.eq(licence))
        .filter(device::Column::Curve.eq(&wanted.device.key.curve))
        .filter(device::Column::PublicKey.eq(&wanted.device.key.public_key))
        .filter(device::Column::Name.is_null())
        .filter(device::Column::KeyIndex.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

async fn respond(
    state: &AppState,
    db: &impl ConnectionTrait,
    user: &UserAuth,
    listing: &listing::Model,
    row: &purchase::Model,
) -> Result<PurchaseResponse> {
    let licence = licence_of(db, row).await?;
    let devices = routes::devices(db, row, user).await?;
    let licence = licence.map(|row| row.to_market()).transpose()?;
    let mut answer = buy::to_response(listing, row, licence.as_ref(), &devices)?;
    if let Some(found) = chain_payment::Entity::find_by_id(&row.id).one(db).await? {
        answer.payment = Some(View::load(state).await?.payment(&found)?);
    }
    Ok(answer)
}

fn which_key() -> Fault {
    sealpost_api::Problem::new(422, "which_key", "It is not clear which key is paid for")
        .detail("You have several.")
        .hint("Send it as `recipient`.")
        .into()
}
