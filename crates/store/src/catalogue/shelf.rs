//! What the catalogue is searched, filtered and sorted by, as columns of a listing.

use std::collections::BTreeSet;
use std::sync::Arc;

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, LikeExpr, SimpleExpr};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sealpost_api::catalogue::Preview;
use sealpost_market::{Money, PurchaseState};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::mine;
use crate::fault::Result;
use crate::schema::{listing, release};
use crate::state::AppState;

/// Characters of a description that are searched.
const SEARCHED: usize = 4_000;
/// Words of a search that count.
const WORDS_MAX: usize = 8;
/// Prices are compared in millionths of a currency's unit.
const MILLIONTHS: u128 = 1_000_000;
/// How often sales are counted anew, milliseconds.
pub(crate) const COUNTED_EVERY_MS: i64 = 60_000;
/// Listings whose sales are counted together.
const COUNTED_TOGETHER: u64 = 100;

/// The text that is searched: without case and accents.
pub(crate) fn words(title: &str, description: &str, publisher: &str, plugin: &str) -> String {
    let description: String = description.chars().take(SEARCHED).collect();
    folded(&[title, publisher, plugin, &description].join("\n"))
}

/// Where a price stands among others: by the number of its currency's units, whatever currency that is.
pub(crate) fn price_rank(amount: Option<&str>, currency: Option<&str>) -> i64 {
    let money = amount.zip(currency).and_then(|(amount, currency)| Money::parse(amount, currency).ok());
    let Some(money) = money else { return 0 };
    let unit = 10u128.checked_pow(u32::try_from(money.currency.decimals()).unwrap_or(0)).unwrap_or(1);
    let (whole, rest) = (money.amount / unit, money.amount % unit);
    let rank = whole.saturating_mul(MILLIONTHS).saturating_add(rest.saturating_mul(MILLIONTHS) / unit);
    // What costs anything at all stands behind what is free.
    Ord::max(i64::try_from(rank).unwrap_or(i64::MAX), i64::from(money.amount > 0))
}

/// What a release with this preview prints with: `;petg;pla;`, lower case.
pub(crate) fn materials(preview: &str) -> Option<String> {
    let named = read(preview).filament_type.unwrap_or_default();
    let found: BTreeSet<_> = named.split([';', ',']).map(material).filter(|name| !name.is_empty()).collect();
    (!found.is_empty()).then(|| format!(";{};", Vec::from_iter(found).join(";")))
}

/// A material as it is compared.
pub(crate) fn material(name: &str) -> String {
    let kept = folded(name)
        .chars()
        .filter(|c| !matches!(c, ';' | '%' | '_' | '\\' | '"'))
        .take(40)
        .collect::<String>();
    kept.trim().to_owned()
}

/// Listings with all words of a search, in any order and anywhere; none where there are no words.
pub(crate) fn holds_all(text: &str) -> Option<SimpleExpr> {
    let text = folded(text);
    let each = text.split_whitespace().take(WORDS_MAX).map(|word| {
        let word = word.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
        Expr::col(listing::Column::Words).like(LikeExpr::new(format!("%{word}%")).escape('\\'))
    });
    each.reduce(ExprTrait::and)
}

/// Listings that print with a material.
pub(crate) fn printed_with(name: &str) -> SimpleExpr {
    Expr::col(listing::Column::Materials).like(LikeExpr::new(format!("%;{};%", material(name))))
}

/// Reads anew what a listing's current release prints with and on. The current one is what pages show and people get; what older
/// ones said finds nothing.
pub(crate) async fn releases_changed(db: &impl ConnectionTrait, listing: &str) -> Result<()> {
    // Whoever publishes or edits at the same time waits, and then reads what is written here.
    let Some(row) = listing::Entity::find_by_id(listing).lock_exclusive().one(db).await? else {
        return Ok(());
    };
    let current = release::Entity::find()
        .select_only()
        .column(release::Column::Preview)
        .filter(release::Column::Listing.eq(listing))
        .filter(release::Column::State.eq("active"))
        .order_by_desc(release::Column::CreatedAt)
        .order_by_desc(release::Column::Id)
        .into_tuple::<String>()
        .one(db)
        .await?;
    let current = current.unwrap_or_default();
    let mut words = row.shelved().words;
    if let Some(printer) = read(&current).printer {
        words.push('\n');
        words.push_str(&folded(&printer));
    }
    let change =
        listing::ActiveModel { words: Set(words), materials: Set(materials(&current)), ..Default::default() };
    listing::Entity::update_many().set(change).filter(listing::Column::Id.eq(listing)).exec(db).await?;
    Ok(())
}

/// Counts what was bought anew, purchases that are paid and not given back. A sale does not do it itself: many buy the same thing at
/// the same moment. It is read in steps, and only what changed is written: nobody's sale waits for all listings.
pub(crate) async fn count_sales(state: &AppState) -> Result<()> {
    let mut after = String::new();
    loop {
        let step: Vec<(String, i32)> = listing::Entity::find()
            .select_only()
            .column(listing::Column::Id)
            .column(listing::Column::Sold)
            .filter(listing::Column::Id.gt(&after))
            .order_by_asc(listing::Column::Id)
            .limit(COUNTED_TOGETHER)
            .into_tuple()
            .all(state.db.read())
            .await?;
        let Some((last, _)) = step.last() else { return Ok(()) };
        after.clone_from(last);
        let ids: Vec<String> = step.iter().map(|(id, _)| id.clone()).collect();
        let mut paid = mine::counted(state.db.read(), &ids, PurchaseState::Paid).await?;
        let counted = step.into_iter().map(|(id, before)| {
            let now = paid.remove(&id).and_then(|count| i32::try_from(count).ok()).unwrap_or_default();
            (id, before, now)
        });
        let changed: Vec<_> = counted.filter(|(_, before, now)| before != now).collect();
        if !changed.is_empty() {
            write_counts(state, changed).await?;
        }
    }
}

async fn write_counts(state: &AppState, changed: Vec<(String, i32, i32)>) -> Result<()> {
    let changed = Arc::new(changed);
    state
        .db
        .write(move |tx| {
            let changed = changed.clone();
            Box::pin(async move {
                for (id, _, now) in &*changed {
                    let change = listing::ActiveModel { sold: Set(*now), ..Default::default() };
                    listing::Entity::update_many()
                        .set(change)
                        .filter(listing::Column::Id.eq(id))
                        .exec(tx)
                        .await?;
                }
                Ok::<_, crate::fault::Fault>(())
            })
        })
        .await
}

/// A preview that cannot be read tells nothing.
fn read(preview: &str) -> Preview {
    serde_json::from_str::<Option<Preview>>(preview).ok().flatten().unwrap_or_default()
}

fn folded(text: &str) -> String {
    text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_accents_make_no_difference() {
        assert_eq!(words("Étui ÖÄ", "", "Ann", "org.example.X"), "etui oa\nann\norg.example.x\n");
        assert_eq!(folded("ﬁn"), "fin");
    }

    #[test]
    fn prices_of_currencies_with_other_decimals_stand_by_their_units() {
        let rank = |amount: &str, currency: &str| price_rank(Some(amount), Some(currency));
        assert_eq!(rank("500", "EUR"), 5_000_000);
        assert_eq!(rank("5", "JPY"), 5_000_000);
        assert_eq!(rank("5000000000000000000", "ETH"), 5_000_000);
        assert!(rank("1", "ETH") > price_rank(None, None));
        assert_eq!(rank(&u128::MAX.to_string(), "JPY"), i64::MAX);
    }

    #[test]
    fn materials_are_told_apart_however_a_slicer_joins_them() {
        let preview = |name: &str| format!(r#"{{"filament_type":"{name}"}}"#);
        assert_eq!(materials(&preview("PLA;PETG;pla; ASA, TPU")).as_deref(), Some(";asa;petg;pla;tpu;"));
        for none in ["", "null", "{}"] {
            assert_eq!(materials(none), None, "{none}");
        }
    }
}
