//! Money on a chain as people read it: `1.50 USDC`, what the platform takes of it, and what is left.

use sealpost_market::Money;

/// Basis points of the whole.
const WHOLE: u32 = 10_000;
/// The highest share that the contract takes.
const MAX_FEE_BPS: u16 = 3000;

/// Minor units as decimal text in a currency; as they are, where they are none.
pub(super) fn text(amount: &str, currency: &str) -> String {
    match Money::parse(amount, currency) {
        Ok(money) => money.to_string(),
        Err(_) => format!("{amount} {currency} (minor units)"),
    }
}

/// Minor units with a point before the last `decimals` of them; two of those stay, and zeros at the end go.
pub(super) fn decimal(amount: u128, decimals: u8) -> String {
    let decimals = usize::from(decimals);
    let digits = format!("{amount:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let kept = fraction.trim_end_matches('0').len().max(decimals.min(2));
    match kept {
        0 => whole.to_owned(),
        _ => format!("{whole}.{}", &fraction[..kept]),
    }
}

/// The platform's share of a price, rounded down as the contract does.
pub(super) fn fee(amount: u128, bps: u16) -> u128 {
    let (whole, bps) = (u128::from(WHOLE), u128::from(bps));
    // In two parts: the product may not fit.
    amount / whole * bps + amount % whole * bps / whole
}

/// What a sale for `amount` brings: `1.28 USDC after the platform's 15 % (0.22 USDC)`.
pub(super) fn proceeds(amount: u128, bps: u16, text: impl Fn(u128) -> String) -> String {
    let fee = fee(amount, bps);
    let left = text(amount - fee);
    match bps {
        0 => format!("{left}, the platform takes nothing"),
        _ => format!("{left} after the platform's {} ({})", percent(bps), text(fee)),
    }
}

/// Basis points as `15 %` or `2.5 %`.
pub(super) fn percent(bps: u16) -> String {
    match (bps / 100, bps % 100) {
        (whole, 0) => format!("{whole} %"),
        (whole, part) => format!("{whole}.{} %", format!("{part:02}").trim_end_matches('0')),
    }
}

/// Reads a percentage such as `15`, `15%` or `2.5`, for options: basis points.
pub(super) fn bps_option(text: &str) -> Result<u16, &'static str> {
    const WHY: &str = "a share is written such as 15 or 2.5, in percent, from 0 to 30";
    let number = text.trim();
    let number = number.strip_suffix('%').unwrap_or(number).trim_end();
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) {
        return Err(WHY);
    }
    let bps: u16 = format!("{whole}{part:0<2}").parse().map_err(|_| WHY)?;
    if bps <= MAX_FEE_BPS { Ok(bps) } else { Err(WHY) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_read_in_percent() {
        for (text, bps) in [("15", 1500), ("15%", 1500), ("2.5 %", 250), ("0", 0), ("0.01", 1), ("30", 3000)]
        {
            assert_eq!(bps_option(text), Ok(bps), "{text}");
        }
        for text in ["", "%", "-1", "30.01", "31", "1.234", "15,5", "1e1", ".5", "5.", "100"] {
            assert!(bps_option(text).is_err(), "{text}");
        }
        assert_eq!([0, 1, 250, 1500].map(percent), ["0 %", "0.01 %", "2.5 %", "15 %"]);
    }

    #[test]
    fn a_point_stands_where_the_decimals_say() {
        for (amount, decimals, text) in [
            (0, 18, "0.00"),
            (1, 18, "0.000000000000000001"),
            (1_500_000, 6, "1.50"),
            (1_234_567, 6, "1.234567"),
            (5, 0, "5"),
            (5, 1, "0.5"),
            (u128::MAX, 0, "340282366920938463463374607431768211455"),
        ] {
            assert_eq!(decimal(amount, decimals), text);
        }
        assert_eq!(decimal(1, 255).len(), 257);
    }

    #[test]
    fn share_and_rest_are_the_whole_to_the_last_wei() {
        assert_eq!(fee(99, 1500), 14, "rounded down");
        assert_eq!(fee(u128::MAX, 10_000), u128::MAX);
        let text = |amount| format!("{} USDC", decimal(amount, 6));
        assert_eq!(proceeds(1_500_000, 1500, text), "1.275 USDC after the platform's 15 % (0.225 USDC)");
        assert_eq!(proceeds(1_500_000, 0, text), "1.50 USDC, the platform takes nothing");
    }
}
