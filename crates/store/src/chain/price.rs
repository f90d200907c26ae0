//! What of a store's prices can be sold on chain.

use sealpost_api::Problem;
use sealpost_market::chain::Address;
use sealpost_market::{Currency, Price};

use super::port::ChainTerms;
use crate::fault::Fault;

/// The contract keeps a price in 96 bits.
pub(crate) const PRICE_MAX: u128 = (1 << 96) - 1;

/// A price as the contract has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChainPrice {
    /// `None` is the chain's coin.
    pub(crate) token: Option<Address>,
    /// Minor units.
    pub(crate) amount: u128,
}

/// Why a price cannot be sold on chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unsellable {
    Free,
    Currency(Currency),
    Amount,
}

/// The price on the chain of these terms.
pub(crate) fn of(terms: &ChainTerms, price: &Price) -> Result<ChainPrice, Unsellable> {
    let Price::Fixed(money) = price else { return Err(Unsellable::Free) };
    let token = if money.currency == terms.coin.symbol {
        None
    } else {
        let token = terms.tokens.iter().find(|token| token.symbol == money.currency);
        Some(token.ok_or_else(|| Unsellable::Currency(money.currency.clone()))?.address)
    };
    match money.amount {
        0 => Err(Unsellable::Free),
        1..=PRICE_MAX => Ok(ChainPrice { token, amount: money.amount }),
        _ => Err(Unsellable::Amount),
    }
}

/// Symbol and decimals of the coin, or of a token that the terms name.
pub(crate) fn currency(terms: &ChainTerms, token: Option<Address>) -> Option<(String, u8)> {
    let Some(address) = token else { return Some((terms.coin.symbol.to_string(), terms.coin.decimals)) };
    let token = terms.tokens.iter().find(|token| token.address == address)?;
    Some((token.symbol.to_string(), token.decimals))
}

impl Unsellable {
    /// What the seller is told.
    pub(crate) fn refuse(&self, terms: &ChainTerms) -> Fault {
        let (detail, hint) = match self {
            Self::Free => (
                "The listing costs nothing.".to_owned(),
                format!("Give it a price in {} first.", symbols(terms)),
            ),
            Self::Currency(currency) => (
                format!("Its price is in {currency}, which this store's chain does not have."),
                format!("Change the price to {} first.", symbols(terms)),
            ),
            Self::Amount => (
                "The contract takes prices up to 2^96 - 1 minor units.".to_owned(),
                "Choose a smaller price.".to_owned(),
            ),
        };
        Problem::new(422, "price_not_on_chain", "This price cannot be paid on chain")
            .detail(detail)
            .hint(hint)
            .into()
    }
}

fn symbols(terms: &ChainTerms) -> String {
    let tokens = terms.tokens.iter().map(|token| token.symbol.as_str());
    std::iter::once(terms.coin.symbol.as_str()).chain(tokens).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use sealpost_market::Money;

    use super::*;
    use crate::chain::{CoinTerms, TokenTerms};

    fn terms() -> ChainTerms {
        let usdc =
            TokenTerms { symbol: "USDC".parse().unwrap(), address: Address::new([7; 20]), decimals: 6 };
        ChainTerms {
            chain_id: 1,
            contract: Address::new([1; 20]),
            coin: CoinTerms { symbol: "ETH".parse().unwrap(), decimals: 18 },
            tokens: vec![usdc],
            from_block: 0,
            finality: "finalized".to_owned(),
            explorer: None,
        }
    }

    fn fixed(amount: u128, currency: &str) -> Price {
        Price::Fixed(Money { amount, currency: currency.parse().unwrap() })
    }

    #[test]
    fn coin_and_tokens_are_sold_up_to_what_the_contract_can_keep() {
        let terms = terms();
        assert_eq!(of(&terms, &fixed(5, "ETH")), Ok(ChainPrice { token: None, amount: 5 }));
        let usdc = ChainPrice { token: Some(Address::new([7; 20])), amount: PRICE_MAX };
        assert_eq!(of(&terms, &fixed(PRICE_MAX, "usdc")), Ok(usdc));
        for currency in ["ETH", "USDC"] {
            assert_eq!(of(&terms, &fixed(PRICE_MAX + 1, currency)), Err(Unsellable::Amount));
        }
    }

    #[test]
    fn nothing_is_sold_for_nothing_or_for_money_the_chain_does_not_have() {
        let terms = terms();
        assert_eq!(of(&terms, &Price::Free), Err(Unsellable::Free));
        assert_eq!(of(&terms, &fixed(0, "ETH")), Err(Unsellable::Free));
        assert_eq!(of(&terms, &fixed(1999, "EUR")), Err(Unsellable::Currency("EUR".parse().unwrap())));
    }
}
