//! `GET /api/v1/listings/{id}/offer`: which version is sold on chain, how, and the calls that buy it.

use axum::Json;
use axum::extract::State;
use sealpost_accounts::extract::ClientAddress;
use sealpost_api::Problem;
use sealpost_api::chain::{ChainOffer, PurchaseCalls};
use sealpost_api::purchase::Recipient;
use sealpost_market::chain::{BuyerKey, ChainHash, ContractCall, item_id, item_text};
use sealpost_market::{ReleaseState, RuleError, Version};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::offers::{self, Asked};
use super::port::ChainListing;
use super::price;
use super::query::OfferQuery;
use super::questions::Asking;
use super::view;
use crate::fault::{Fault, Result};
use crate::http::body::{Path, Query};
use crate::limits;
use crate::plugins::{give, recipient};
use crate::schema::{listing, release};
use crate::state::AppState;

/// Versions that are looked up on chain for one question: sellers list the newest ones.
const LOOKED_UP: usize = 8;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show))
}

/// How a version of a listing is bought on chain. Without `version` it is the newest that the contract sells by its seller at its
/// price; with a key there are the calls that a wallet sends.
#[utoipa::path(get, path = "/api/v1/listings/{id}/offer", tag = "chain", params(("id" = String, Path), OfferQuery), responses(
    (status = 200, body = ChainOffer),
    (status = 404, body = Problem, description = "`not_found`, `no_release`, `not_sold_on_chain`, `chain_not_configured`"),
    (status = 410, body = Problem, description = "`listing_not_for_sale`, `release_yanked`"),
    (status = 422, body = Problem, description = "`invalid`, `envelope_public_key`, `envelope_unknown_curve`"),
    (status = 429, body = Problem, description = "`too_many_attempts`"),
    (status = 503, body = Problem, description = "`chain_unreachable`, `chain_disagreement`, `chain_wrong`"),
))]
async fn show(
    State(state): State<AppState>,
    from: ClientAddress,
    Path(id): Path<String>,
    Query(query): Query<OfferQuery>,
) -> Result<Json<ChainOffer>> {
    let asking = Asking::new(&state, from)?;
    let key = buyer_key(&query)?;
    let version = query.version.as_deref().map(str::parse::<Version>).transpose();
    let version = version.map_err(|error| limits::invalid("version", error))?;
    let (row, releases) = give::offered(state.db.read(), &id).await?;
    row.to_market()?.check_sale()?;
    let terms = asking.port().terms();
    let asked = offers::asked(Some(terms), &row)?.ok_or_else(|| not_sold(&row))?;
    offers::ensure(&state, terms, &row, asked).await?;
    let items = items(&row, give::for_sale(&row, releases), version.as_ref())?;
    let newest = items.first().ok_or(RuleError::NoRelease)?.version.to_string();
    let (item, found) = choose(&asking, &asked, items).await?;
    let mut offer = to_api(&asking, &row, &asked, &item, &found).await?;
    if let (Listed::Yes(_), Some(key)) = (&found, key) {
        offer.calls = Some(calls(&asking, &asked, item.id, key));
    }
    offer.newest = Some(newest).filter(|newest| *newest != offer.version);
    Ok(Json(offer))
}

/// One version as the contract knows it.
#[derive(Clone, Debug)]
struct Item {
    version: Version,
    text: String,
    id: ChainHash,
}

/// What the contract says about an item.
#[derive(Clone, Debug)]
enum Listed {
    /// It is sold as the store says.
    Yes(ChainListing),
    /// It is not sold; its seller may have sold it before.
    No(Option<ChainListing>),
    /// It is sold by somebody else, or at another price.
    Differs(ChainListing),
}

/// The versions in question, newest first.
fn items(row: &listing::Model, releases: Vec<release::Model>, wanted: Option<&Version>) -> Result<Vec<Item>> {
    let releases = releases.iter().map(release::Model::to_market).collect::<Result<Vec<_>>>()?;
    let item = |version: &Version| {
        let text = item_text(row.plugin_id.as_deref().unwrap_or(&row.id), version);
        Item { version: version.clone(), id: item_id(&text), text }
    };
    if let Some(wanted) = wanted {
        let found = releases.iter().find(|release| release.version == *wanted);
        let found = found.ok_or(RuleError::NoRelease)?;
        if found.state == ReleaseState::Yanked {
            return Err(RuleError::ReleaseYanked(wanted.clone()).into());
        }
        return Ok(vec![item(wanted)]);
    }
    let mut versions: Vec<_> = releases
        .iter()
        .filter(|release| release.state == ReleaseState::Active && !release.version.is_prerelease())
        .map(|release| &release.version)
        .collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    Ok(versions.into_iter().take(LOOKED_UP).map(item).collect())
}

/// The newest that is sold as the store says; the newest of all where none is.
async fn choose(asking: &Asking<'_>, asked: &Asked, items: Vec<Item>) -> Result<(Item, Listed)> {
    let mut newest = None;
    for item in items {
        let found = Listed::of(asking.listing(item.id).await?, asked);
        if matches!(found, Listed::Yes(_)) {
            return Ok((item, found));
        }
        newest.get_or_insert((item, found));
    }
    newest.ok_or_else(|| RuleError::NoRelease.into())
}

async fn to_api(
    asking: &Asking<'_>,
    row: &listing::Model,
    asked: &Asked,
    item: &Item,
    found: &Listed,
) -> Result<ChainOffer> {
    let (port, price) = (asking.port(), asked.price);
    let terms = port.terms();
    let (currency, decimals) =
        price::currency(terms, price.token).ok_or_else(|| Fault::internal("a price in an unknown token"))?;
    let fee_now = asking.fee_bps().await?;
    let list = ContractCall::List { item: item.id, token: price.token, price: price.amount };
    let (fee_bps, list) = match found {
        // The operator cannot raise it on what is listed.
        Listed::Yes(listing) => (listing.fee_bps.min(fee_now), None),
        _ if found.may_list(asked) => (fee_now, Some(view::call(port, &list))),
        _ => (fee_now, None),
    };
    Ok(ChainOffer {
        listing: row.id.clone(),
        chain_id: terms.chain_id,
        contract: terms.contract.to_string(),
        item: item.id.to_string(),
        item_text: item.text.clone(),
        version: item.version.to_string(),
        publisher: asked.payout.to_string(),
        token: price.token.map(String::from),
        currency,
        decimals,
        amount: price.amount.to_string(),
        listed: found.as_str().to_owned(),
        hint: found.hint(asked),
        fee_bps: Some(fee_bps),
        list,
        ..ChainOffer::default()
    })
}

fn calls(asking: &Asking<'_>, asked: &Asked, item: ChainHash, key: BuyerKey) -> PurchaseCalls {
    let (port, price) = (asking.port(), asked.price);
    let approve = |token| view::call(port, &ContractCall::Approve { token, amount: price.amount });
    let purchase = ContractCall::Purchase { item, key, token: price.token, amount: price.amount };
    PurchaseCalls { approve: price.token.map(approve), purchase: view::call(port, &purchase) }
}

/// The buyer's key, checked as a device's is: nobody shall pay for a key that opens nothing.
fn buyer_key(query: &OfferQuery) -> Result<Option<BuyerKey>> {
    let Some(public_key) = &query.public_key else {
        return match &query.curve {
            Some(_) => Err(limits::invalid("public_key", "a curve alone is no key")),
            None => Ok(None),
        };
    };
    let wanted = recipient::read(&Recipient {
        curve: query.curve.clone().unwrap_or_else(|| "secp256k1".to_owned()),
        public_key: public_key.clone(),
        index: None,
        name: None,
    })?;
    BuyerKey::from_device(&wanted.device.key).map(Some).map_err(Fault::internal)
}

impl Listed {
    fn of(found: Option<ChainListing>, asked: &Asked) -> Self {
        match found {
            Some(listing) if listing.active => {
                let same = listing.publisher == asked.payout
                    && listing.token == asked.price.token
                    && listing.price == asked.price.amount;
                if same { Self::Yes(listing) } else { Self::Differs(listing) }
            }
            // Whoever listed it first keeps the item, sold or not.
            Some(listing) if listing.publisher != asked.payout => Self::Differs(listing),
            other => Self::No(other),
        }
    }

    /// Whether the contract takes a `list` of what is asked, from the payout address.
    fn may_list(&self, asked: &Asked) -> bool {
        match self {
            Self::Yes(_) => false,
            Self::No(before) => before.as_ref().is_none_or(|before| !is_fixed(before, asked)),
            Self::Differs(listing) => listing.publisher == asked.payout && !is_fixed(listing, asked),
        }
    }

    fn as_str(&self) -> &'static str {
        match self {
            Self::Yes(_) => "yes",
            Self::No(_) => "no",
            Self::Differs(_) => "differs",
        }
    }

    fn hint(&self, asked: &Asked) -> Option<String> {
        let payout = asked.payout.checksummed();
        match self {
            Self::Yes(_) => None,
            Self::No(Some(listing)) | Self::Differs(listing) if is_fixed(listing, asked) => Some(
                "The contract sold this version in another token before, and sells it in no second one: the seller publishes a \
                 new version for this currency."
                    .to_owned(),
            ),
            Self::No(_) => Some(format!(
                "The contract does not sell this version yet: its seller lists it with the wallet {payout}."
            )),
            Self::Differs(listing) if listing.publisher == asked.payout => Some(format!(
                "The contract has another price: the seller lists it anew with the wallet {payout}."
            )),
            Self::Differs(listing) => Some(format!(
                "On chain this version belongs to {}, not to the payout address {payout}: the seller has it transferred, or publishes \
                 another version and lists that at once.",
                listing.publisher.checksummed()
            )),
        }
    }
}

/// Whether the contract would refuse to list it in this token: an item is sold in coin, and in the first token it was ever listed in.
fn is_fixed(listing: &ChainListing, asked: &Asked) -> bool {
    let another = |token| listing.token.is_some_and(|fixed| fixed != token);
    listing.publisher == asked.payout && asked.price.token.is_some_and(another)
}

fn not_sold(row: &listing::Model) -> Fault {
    let (detail, hint) = if row.payout.is_none() {
        (
            "Its seller has not said which address is paid.",
            "Buy with another way of paying; sellers set the payout address first.",
        )
    } else {
        (
            "Its price is not in the chain's coin or one of its tokens.",
            "Buy with another way of paying; sellers change the price, see `GET /api/v1/chain`.",
        )
    };
    Problem::new(404, "not_sold_on_chain", "This is not sold on chain").detail(detail).hint(hint).into()
}
