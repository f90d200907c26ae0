//! `chain sales`, and payments as people read them.

use std::collections::BTreeMap;

use clap::Args;
use sealpost_api::chain::{ChainPayment, PaymentList, RecordedPayment};
use sealpost_market::Money;

use super::amounts;
use crate::{
    client::Client,
    connection::{Connection, listing_name},
    failure::Result,
    output::{Table, answer, short_date},
    pages,
};

const HELP: &str = "\
Publishers see what was paid for their listings, operators all of it: also what was refused, with
the reason, so that it can be given back with `sealpost chain refund TX`.";

#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct SalesArgs {
    /// Only of this listing
    #[arg(long, value_name = "ID", value_parser = listing_name)]
    listing: Option<String>,
    /// How many to show, newest first
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    #[command(flatten)]
    pub(super) connection: Connection,
}

pub(crate) async fn sales(args: SalesArgs) -> Result<()> {
    let client = Client::signed_in(&args.connection)?;
    let filter: Vec<_> = args.listing.as_deref().map(|listing| ("listing", listing)).into_iter().collect();
    let mut list: PaymentList =
        pages::fetch(&client, &["api", "v1", "payments"], &filter, args.limit).await?;
    answer(args.connection.json, &list, table);
    pages::tell_more(&mut list);
    Ok(())
}

/// What was paid, such as `1.50 USDC`.
pub(super) fn amount_text(payment: &ChainPayment) -> Option<String> {
    let amount = payment.amount.as_deref()?;
    Some(match (&payment.currency, &payment.token) {
        (Some(currency), _) => amounts::text(amount, currency),
        (None, Some(token)) => format!("{amount} of token {token}"),
        (None, None) => amount.to_owned(),
    })
}

/// How far a payment is, in words.
pub(super) fn state_text(payment: &ChainPayment) -> String {
    let reason = || payment.reason.as_ref().map(|reason| reason.title.as_str()).unwrap_or("no reason given");
    match payment.state.as_str() {
        "waiting" => "waiting for a block".to_owned(),
        "confirming" => match payment.needed {
            Some(needed) => format!("confirming: {} of {needed} blocks", payment.confirmations),
            None => format!("confirming: {} blocks, until its block is final", payment.confirmations),
        },
        "refused" => format!("refused: {}", reason()),
        "undone" => "undone: the chain took its block back; it counts again if it returns".to_owned(),
        "dropped" => "dropped: it came into no block".to_owned(),
        other => other.to_owned(),
    }
}

fn table(list: &PaymentList) -> String {
    let mut table = Table::new(["DATE", "LISTING", "VERSION", "PAID", "PLATFORM", "STATE", "PURCHASE", "TX"]);
    for sale in &list.payments {
        let payment = &sale.payment;
        let fee = payment.fee.as_deref().zip(payment.currency.as_deref());
        table.row([
            payment.paid_at.as_deref().map(short_date).unwrap_or_default(),
            sale.listing.clone().unwrap_or_else(|| "-".to_owned()),
            sale.version.clone().unwrap_or_default(),
            amount_text(payment).unwrap_or_default(),
            fee.map(|(fee, currency)| amounts::text(fee, currency)).unwrap_or_default(),
            state_text(payment),
            sale.purchase.clone().unwrap_or_default(),
            payment.tx_hash.clone(),
        ]);
    }
    let rows = table.or("Nothing has been sold on chain yet.");
    format!("{}\n{}", rows.trim_end(), totals(&list.payments))
}

/// What the settled ones come to, by currency.
fn totals(sales: &[RecordedPayment]) -> String {
    let mut sums: BTreeMap<&str, (u64, u128, u128)> = BTreeMap::new();
    for payment in sales.iter().map(|sale| &sale.payment).filter(|payment| payment.state == "settled") {
        let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<u128>().ok());
        if let (Some(currency), Some(paid)) = (payment.currency.as_deref(), number(&payment.amount)) {
            let sum = sums.entry(currency).or_default();
            sum.0 += 1;
            sum.1 = sum.1.saturating_add(paid);
            sum.2 = sum.2.saturating_add(number(&payment.fee).unwrap_or_default());
        }
    }
    let shown = |amount: u128, currency: &str| match Money::parse(&amount.to_string(), currency) {
        Ok(money) => money.to_string(),
        Err(_) => format!("{amount} {currency}"),
    };
    let lines = sums.iter().map(|(currency, (count, paid, fee))| {
        format!(
            "{count} settled: {}, of which the platform has {} and the publisher {}.\n",
            shown(*paid, currency),
            shown(*fee, currency),
            shown(paid.saturating_sub(*fee), currency)
        )
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sale(state: &str, amount: &str, fee: &str) -> RecordedPayment {
        RecordedPayment {
            payment: ChainPayment {
                state: state.into(),
                amount: Some(amount.into()),
                fee: Some(fee.into()),
                currency: Some("USDC".into()),
                ..ChainPayment::default()
            },
            ..RecordedPayment::default()
        }
    }

    #[test]
    fn only_what_is_settled_adds_up() {
        let sales = [
            sale("settled", "1500000", "225000"),
            sale("settled", "500000", "75000"),
            sale("undone", "1", "0"),
        ];
        assert_eq!(
            totals(&sales),
            "2 settled: 2.00 USDC, of which the platform has 0.30 USDC and the publisher 1.70 USDC.\n"
        );
        assert_eq!(totals(&sales[2..]), "");
    }

    #[test]
    fn a_person_is_told_what_a_payment_waits_for() {
        let confirming = |needed| ChainPayment {
            state: "confirming".into(),
            confirmations: 2,
            needed,
            ..ChainPayment::default()
        };
        assert_eq!(state_text(&confirming(Some(12))), "confirming: 2 of 12 blocks");
        assert_eq!(state_text(&confirming(None)), "confirming: 2 blocks, until its block is final");
    }
}
