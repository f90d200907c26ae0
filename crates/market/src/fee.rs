//! The store's share of a sale.

/// All of a price, in basis points.
pub const WHOLE: u16 = 10_000;

/// The store's share of `amount` minor units: `basis_points` hundredths of a percent, rounded down in the seller's favour.
#[must_use]
pub fn fee(amount: u128, basis_points: u16) -> u128 {
    let (share, whole) = (u128::from(basis_points.min(WHOLE)), u128::from(WHOLE));
    // In two parts: the product of the whole amount may not fit.
    (amount / whole) * share + (amount % whole) * share / whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_share_is_rounded_down() {
        assert_eq!(fee(1999, 250), 49);
        assert_eq!(fee(1999, 0), 0);
        assert_eq!(fee(1, 9_999), 0);
        assert_eq!(fee(u128::MAX, 10_000), u128::MAX);
    }

    proptest! {
        #[test]
        fn nobody_loses_and_nothing_is_made_of_nothing(amount: u128, basis_points in 0_u16..=WHOLE) {
            let share = fee(amount, basis_points);
            prop_assert!(share <= amount);
            if let Some(product) = amount.checked_mul(u128::from(basis_points)) {
                prop_assert_eq!(share, product / u128::from(WHOLE));
            }
        }
    }
}
