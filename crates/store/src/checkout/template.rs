//! Addresses where buyers pay, with places for what the payment is about.

use sealpost_market::Price;
use url::Url;
use url::form_urlencoded::byte_serialize;

use crate::fault::Result;
use crate::limits;
use crate::schema::purchase;

const MAX: usize = 2000;
const PLACES: [&str; 5] = ["{purchase}", "{amount}", "{amount_decimal}", "{currency}", "{listing}"];

/// Reads a template.
pub(super) fn read(text: &str) -> Result<String> {
    let text = text.trim();
    let wrong = |reason: &str| limits::invalid("checkout_url", reason);
    if text.len() > MAX || text.chars().any(char::is_control) {
        return Err(wrong("it has at most 2000 characters on one line"));
    }
    if !text.contains("{purchase}") {
        return Err(wrong("it needs `{purchase}`, by which the payment is known again"));
    }
    let filled = PLACES.iter().fold(text.to_owned(), |text, place| text.replace(place, "x"));
    if filled.contains(['{', '}']) {
        return Err(wrong(
            "it has another place than {purchase}, {amount}, {amount_decimal}, {currency} and {listing}",
        ));
    }
    let Ok(url) = Url::parse(&filled) else { return Err(wrong("it is no address")) };
    if url.scheme() != "https" {
        return Err(wrong("it does not begin with https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("it holds a name or a password"));
    }
    // Whoever chose the rest of the address chose the host, too.
    let host = text.split("://").nth(1).and_then(|rest| rest.split(['/', '?', '#']).next());
    if host.is_some_and(|host| host.contains('{')) {
        return Err(wrong("its host has a place in it"));
    }
    Ok(text.to_owned())
}

/// The address for one purchase; none for a free one.
pub(super) fn fill(template: &str, row: &purchase::Model, price: &Price) -> Option<String> {
    let Price::Fixed(money) = price else { return None };
    let shown = money.to_string();
    let decimal = shown.split(' ').next().unwrap_or_default();
    let values =
        [row.id.as_str(), &money.amount_text(), decimal, money.currency.as_str(), row.listing.as_str()];
    let escaped = values.map(|value| byte_serialize(value.as_bytes()).collect::<String>());
    let places = PLACES.iter().zip(&escaped);
    Some(places.fold(template.to_owned(), |text, (place, value)| text.replace(place, value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_an_https_address_with_the_purchase_in_it() {
        let good =
            "https://pay.example/c?ref={purchase}&amount={amount}&d={amount_decimal}&currency={currency}";
        assert_eq!(read(good).unwrap(), good);
        for wrong in [
            "https://pay.example/c",
            "http://pay.example/{purchase}",
            "javascript:alert('{purchase}')",
            "https://{purchase}.example/",
            "https://{purchase}",
            "https://a:b@pay.example/{purchase}",
            "https://pay.example/{purchase}/{secret}",
            "pay.example/{purchase}",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
