//! Money as an integer in minor units with its currency. No floats anywhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is no amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MoneyError {
    /// Not a plain decimal integer that fits 128 bits.
    #[error("an amount is a whole number of minor units, such as 1999 for 19.99")]
    Amount,
    /// Not a currency code.
    #[error("a currency is 2 to 12 letters or digits, such as EUR or USDC")]
    Currency,
    /// Not `NUMBER CURRENCY`.
    #[error("write money as a number and a currency, such as `19.99 EUR`")]
    Shape,
    /// More decimals than the currency has.
    #[error("this currency has fewer decimals")]
    Decimals,
}

/// A currency code in upper case: ISO 4217, or a token's symbol.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, example = "EUR"))]
pub struct Currency(String);

/// An amount in the currency's minor units. Travels as `{"amount": "1999", "currency": "EUR"}`; is shown as `19.99 EUR`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Money {
    /// Minor units as decimal text on the wire: wei does not fit the numbers of JSON.
    #[serde(with = "decimal_text")]
    #[cfg_attr(feature = "schema", schema(value_type = String, pattern = "^[0-9]{1,39}$", example = "1999"))]
    pub amount: u128,
    /// The currency.
    pub currency: Currency,
}

impl Money {
    /// Money of `amount` minor units (decimal text) in `currency`.
    ///
    /// # Errors
    /// When the amount is not decimal digits that fit 128 bits, or the currency is no code.
    pub fn parse(amount: &str, currency: &str) -> Result<Self, MoneyError> {
        Ok(Self { amount: parse_amount(amount)?, currency: currency.parse()? })
    }

    /// The amount as decimal text in minor units, as it is stored and sent.
    #[must_use]
    pub fn amount_text(&self) -> String {
        self.amount.to_string()
    }
}

/// Reads what people write: `19.99 EUR`, `1 JPY`, `0.05 ETH`.
impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let (number, currency) = text.trim().split_once(' ').ok_or(MoneyError::Shape)?;
        let currency: Currency = currency.trim().parse()?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let decimals = currency.decimals();
        if fraction.len() > decimals {
            return Err(MoneyError::Decimals);
        }
        let digits = format!("{whole}{fraction}{}", "0".repeat(decimals - fraction.len()));
        Ok(Self { amount: parse_amount(&digits)?, currency })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = self.currency.decimals();
        if decimals == 0 {
            return write!(f, "{} {}", self.amount, self.currency);
        }
        let digits = format!("{:0>width$}", self.amount, width = decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        // Coins with many decimals read badly with all of them; two stay, as with other money.
        let kept = fraction.trim_end_matches('0').len().max(decimals.min(2));
        write!(f, "{whole}.{} {}", &fraction[..kept], self.currency)
    }
}

impl Currency {
    /// The code, in upper case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How many decimals the currency has (ISO 4217; 2 where nothing else is known).
    #[must_use]
    pub fn decimals(&self) -> usize {
        match self.0.as_str() {
            "JPY" | "KRW" | "CLP" | "ISK" | "VND" | "XAF" | "XOF" | "XPF" | "PYG" | "UGX" | "RWF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            "USDC" | "USDT" | "EURC" => 6,
            "BTC" | "WBTC" | "CBBTC" | "HBAR" => 8,
            "ETH" | "WETH" | "DAI" | "POL" | "MATIC" | "BNB" | "AVAX" | "XDAI" | "CELO" => 18,
            _ => 2,
        }
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        if (2..=12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            Ok(Self(text.to_ascii_uppercase()))
        } else {
            Err(MoneyError::Currency)
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;
    fn try_from(text: String) -> Result<Self, MoneyError> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.0
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn parse_amount(text: &str) -> Result<u128, MoneyError> {
    // `parse` alone would take a leading plus sign.
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(MoneyError::Amount);
    }
    text.parse().map_err(|_| MoneyError::Amount)
}

mod decimal_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(amount: &u128, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(amount)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u128, D::Error> {
        super::parse_amount(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}
