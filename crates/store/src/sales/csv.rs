//! Sales as rows of a file (RFC 4180).

use sealpost_api::sales::Sold;
use sealpost_market::Money;

const HEAD: [&str; 18] = [
    "purchase",
    "created_at",
    "paid_at",
    "refunded_at",
    "state",
    "method",
    "listing",
    "title",
    "kind",
    "buyer",
    "buyer_name",
    "amount",
    "currency",
    "fee",
    "net",
    "reference",
    "used",
    "allowed",
];

pub(super) fn head() -> String {
    let mut text = HEAD.join(",");
    text.push_str("\r\n");
    text
}

pub(super) fn row(text: &mut String, sale: &Sold) {
    let currency = sale.price.as_ref().map_or("", |price| price.currency.as_str());
    let money = |minor: Option<&str>| minor.map(|minor| decimal(minor, currency)).unwrap_or_default();
    let amount = money(sale.price.as_ref().map(|price| price.amount.as_str()));
    let (fee, net) = (money(sale.fee.as_deref()), money(sale.net.as_deref()));
    let (used, allowed) = (sale.used.to_string(), sale.allowed.to_string());
    let cells: [&str; 18] = [
        &sale.purchase,
        &sale.created_at,
        sale.paid_at.as_deref().unwrap_or_default(),
        sale.refunded_at.as_deref().unwrap_or_default(),
        &sale.state,
        &sale.method,
        &sale.listing,
        &sale.title,
        &sale.kind,
        &sale.buyer,
        sale.buyer_name.as_deref().unwrap_or_default(),
        &amount,
        currency,
        &fee,
        &net,
        sale.reference.as_deref().unwrap_or_default(),
        &used,
        &allowed,
    ];
    let cells: Vec<_> = cells.iter().map(|text| cell(text)).collect();
    text.push_str(&cells.join(","));
    text.push_str("\r\n");
}

/// What people read: `19.99`.
fn decimal(minor: &str, currency: &str) -> String {
    let money = Money::parse(minor, currency).map(|money| money.to_string());
    money.ok().and_then(|text| text.split(' ').next().map(str::to_owned)).unwrap_or_else(|| minor.to_owned())
}

/// Texts of strangers are texts: an apostrophe keeps spreadsheets from taking them for formulas (OWASP, CSV injection).
fn cell(text: &str) -> String {
    let is_formula =
        text.trim_start().starts_with(['=', '+', '-', '@']) || text.starts_with(['\t', '\r', '\n']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n', ';', '\t']) || is_formula {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_begins_a_formula() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1"] {
            let cell = cell(text);
            assert!(cell.starts_with("\"'"), "{cell:?}");
        }
        assert_eq!(cell("Benchy"), "Benchy");
        assert_eq!(cell("2026-01-01T00:00:00Z"), "2026-01-01T00:00:00Z");
    }

    #[test]
    fn cells_with_separators_are_quoted() {
        assert_eq!(cell("a,b"), "\"a,b\"");
        assert_eq!(cell("a\"b\r\nc"), "\"a\"\"b\r\nc\"");
    }

    #[test]
    fn every_row_has_as_many_cells_as_the_head() {
        let mut text = String::new();
        row(&mut text, &Sold::default());
        assert_eq!(text.matches(',').count() + 1, HEAD.len());
        assert_eq!(head().matches(',').count() + 1, HEAD.len());
    }
}
