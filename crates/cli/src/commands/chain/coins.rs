//! What money of a chain is called: by the chain's number and by what tokens say of themselves, never by a store alone.

use sealpost_market::{
    Currency,
    chain::{Address, network},
};

use super::amounts;

/// Names of a chain's coin, and of the tokens that were asked.
#[derive(Debug)]
pub(super) struct Coins {
    chain_id: u64,
    tokens: Vec<Told>,
}

/// A token, as itself and the store call it.
#[derive(Debug)]
struct Told {
    address: Address,
    decimals: u8,
    own: Option<String>,
    store: Option<String>,
}

/// Why a token is not the one that its name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Misnamed {
    /// It calls itself something else.
    Symbol(String),
    /// It counts in other steps than that name stands for.
    Decimals(u8),
}

impl Coins {
    pub(super) fn of(chain_id: u64) -> Self {
        Self { chain_id, tokens: Vec::new() }
    }

    /// Whether a token was asked already.
    pub(super) fn knows(&self, token: Address) -> bool {
        self.told(token).is_some()
    }

    /// Takes note of what a token says, and what the store calls it.
    pub(super) fn note(
        &mut self,
        address: Address,
        decimals: u8,
        own: Option<String>,
        store: Option<String>,
    ) {
        let own = own.filter(|own| is_plain(own));
        self.tokens.push(Told { address, decimals, own, store });
    }

    /// Why a token that was asked is not what `symbol` stands for.
    pub(super) fn misnamed(&self, token: Address, symbol: &str) -> Option<Misnamed> {
        let told = self.told(token)?;
        let stands_for = symbol.parse::<Currency>().map(|currency| currency.decimals()).ok();
        if stands_for != Some(usize::from(told.decimals)) {
            return Some(Misnamed::Decimals(told.decimals));
        }
        let own = told.own.as_ref().filter(|own| !own.eq_ignore_ascii_case(symbol))?;
        Some(Misnamed::Symbol(own.clone()))
    }

    /// An amount as people read it.
    pub(super) fn text(&self, token: Option<Address>, amount: u128) -> String {
        let Some(token) = token else { return coin_text(self.chain_id, amount) };
        match self.told(token) {
            Some(told) => format!("{} {}", amounts::decimal(amount, told.decimals), told.name()),
            None => format!("{amount} units of token {}", token.checksummed()),
        }
    }

    /// What a question says of a token: where it is, and what it calls itself where that differs.
    pub(super) fn line(&self, token: Option<Address>) -> String {
        let Some(token) = token else { return String::new() };
        let Some(told) = self.told(token) else { return format!("\nToken {}.", token.checksummed()) };
        let mut line = format!("\n{} is token {}", told.name(), token.checksummed());
        match (&told.own, &told.store) {
            (None, _) => line += ", which does not say what it is called",
            (Some(own), Some(store)) if !own.eq_ignore_ascii_case(store) => {
                line += &format!(", which the store calls {store}");
            }
            _ => {}
        }
        line + "."
    }

    fn told(&self, token: Address) -> Option<&Told> {
        self.tokens.iter().find(|told| told.address == token)
    }
}

impl Told {
    fn name(&self) -> &str {
        self.own.as_deref().or(self.store.as_deref()).unwrap_or("units")
    }
}

/// An amount of a chain's coin, in wei.
pub(super) fn coin_text(chain_id: u64, wei: u128) -> String {
    format!("{} {}", amounts::decimal(wei, 18), coin_name(chain_id))
}

/// What a chain's coin is called.
pub(super) fn coin_name(chain_id: u64) -> String {
    match network(chain_id) {
        Some(network) => network.coin.to_owned(),
        None => format!("of the coin of chain {chain_id}"),
    }
}

/// Names can hold anything, also what looks like another name or a number.
fn is_plain(symbol: &str) -> bool {
    (1..=12).contains(&symbol.len())
        && symbol.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: Address = Address::new([7; 20]);

    fn told(decimals: u8, own: Option<&str>, store: &str) -> Coins {
        let mut coins = Coins::of(1);
        coins.note(TOKEN, decimals, own.map(str::to_owned), Some(store.to_owned()));
        coins
    }

    #[test]
    fn a_coin_is_called_what_its_chain_is_known_for() {
        assert_eq!(Coins::of(137).text(None, 1_500_000_000_000_000_000), "1.50 POL");
        assert_eq!(Coins::of(99_999).text(None, 1), "0.000000000000000001 of the coin of chain 99999");
    }

    #[test]
    fn an_amount_is_read_by_the_decimals_of_the_token_itself() {
        let wrapped = told(8, Some("WBTC"), "USDC");
        assert_eq!(wrapped.text(Some(TOKEN), 150_000_000), "1.50 WBTC");
        assert!(wrapped.line(Some(TOKEN)).ends_with(", which the store calls USDC."));
        assert!(Coins::of(1).text(Some(TOKEN), 5).starts_with("5 units of token 0x"));
    }

    #[test]
    fn a_token_under_anothers_name_is_found_out() {
        assert_eq!(told(8, Some("WBTC"), "USDC").misnamed(TOKEN, "USDC"), Some(Misnamed::Decimals(8)));
        assert_eq!(
            told(6, Some("EURC"), "USDC").misnamed(TOKEN, "USDC"),
            Some(Misnamed::Symbol("EURC".to_owned()))
        );
        assert_eq!(told(6, Some("usdc"), "USDC").misnamed(TOKEN, "USDC"), None);
        assert_eq!(told(6, None, "USDC").misnamed(TOKEN, "USDC"), None);
    }

    #[test]
    fn a_name_that_is_no_word_is_no_name() {
        for own in ["", "USDC 5", "\u{202e}CDSU", "a\nb", "THIRTEENCHARS"] {
            assert!(told(6, Some(own), "USDC").line(Some(TOKEN)).contains("does not say"), "{own:?}");
        }
    }
}
