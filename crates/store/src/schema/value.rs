//! Values of the rules in columns.

use std::fmt::Display;
use std::str::FromStr;

use sealpost_market::{Money, Price, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::fault::{Fault, Result};

/// Reads an identifier or version that the rules wrote.
pub(crate) fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T> {
    text.parse().map_err(|error| Fault::internal(format_args!("a stored value cannot be read: {error}")))
}

/// Reads a state or kind by its name on the wire.
pub(crate) fn named<T: DeserializeOwned>(name: &str) -> Result<T> {
    Ok(serde_json::from_value(Value::from(name))?)
}

/// The name on the wire of a state or kind.
pub(crate) fn name(value: &impl Serialize) -> Result<String> {
    match serde_json::to_value(value)? {
        Value::String(name) => Ok(name),
        _ => Err(Fault::internal("a state without a name")),
    }
}

pub(crate) fn to_price(amount: Option<&str>, currency: Option<&str>) -> Result<Price> {
    let (Some(amount), Some(currency)) = (amount, currency) else { return Ok(Price::Free) };
    Money::parse(amount, currency).map(Price::Fixed).map_err(Fault::internal)
}

pub(crate) fn from_price(price: &Price) -> (Option<String>, Option<String>) {
    match price {
        Price::Free => (None, None),
        Price::Fixed(money) => (Some(money.amount_text()), Some(money.currency.as_str().to_owned())),
    }
}

/// Milliseconds of a row as the rules' seconds.
pub(crate) fn to_timestamp(ms: i64) -> Timestamp {
    Timestamp(ms.div_euclid(1000))
}

/// The rules' seconds as milliseconds of a row.
pub(crate) fn to_ms(at: Timestamp) -> i64 {
    at.0.saturating_mul(1000)
}

pub(crate) fn count(column: i32) -> u32 {
    u32::try_from(column).unwrap_or(0)
}

pub(crate) fn stored(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
