//! Chains that people know by a name.

/// A chain that is known by its number (EIP-155).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Network {
    /// Its number.
    pub id: u64,
    /// What people call it, such as `Base`.
    pub name: &'static str,
    /// What its coin is called.
    pub coin: &'static str,
    /// What its coin was called before, or is called as well.
    pub coin_too: Option<&'static str>,
    /// With fewer blocks on top, a payment of ordinary size can still be taken back: by a reorganisation that has been seen
    /// there, or by whoever orders the blocks before they are on the chain below.
    pub shallow: u64,
}

/// Which chain has that number; nothing where it is not a known one.
#[must_use]
pub fn network(id: u64) -> Option<&'static Network> {
    NETWORKS.iter().find(|network| network.id == id)
}

/// A chain as a sentence names it: `8453 (Base)`, or the number alone.
#[must_use]
pub fn network_text(id: u64) -> String {
    network(id).map_or_else(|| id.to_string(), |network| format!("{id} ({})", network.name))
}

impl Network {
    /// Whether that is a name of its coin, in either case.
    #[must_use]
    pub fn is_coin(&self, symbol: &str) -> bool {
        self.coin.eq_ignore_ascii_case(symbol)
            || self.coin_too.is_some_and(|also| also.eq_ignore_ascii_case(symbol))
    }

    const fn new(id: u64, name: &'static str, coin: &'static str, shallow: u64) -> Self {
        Self { id, name, coin, coin_too: None, shallow }
    }

    const fn also(self, coin: &'static str) -> Self {
        Self { coin_too: Some(coin), ..self }
    }
}

const NETWORKS: &[Network] = &[
    Network::new(1, "Ethereum", "ETH", 12),
    Network::new(10, "OP Mainnet", "ETH", 60),
    Network::new(56, "BNB Smart Chain", "BNB", 15),
    Network::new(100, "Gnosis", "XDAI", 20),
    Network::new(137, "Polygon", "POL", 128).also("MATIC"),
    Network::new(1337, "a local test node", "ETH", 0),
    Network::new(8453, "Base", "ETH", 60),
    Network::new(31337, "a local test node", "ETH", 0),
    Network::new(42161, "Arbitrum One", "ETH", 240),
    Network::new(42220, "Celo", "CELO", 60),
    Network::new(43114, "Avalanche C-Chain", "AVAX", 3),
    Network::new(59144, "Linea", "ETH", 60),
    Network::new(84532, "Base Sepolia, a test chain", "ETH", 1),
    Network::new(421_614, "Arbitrum Sepolia, a test chain", "ETH", 1),
    Network::new(11_155_111, "Sepolia, a test chain", "ETH", 1),
    Network::new(11_155_420, "OP Sepolia, a test chain", "ETH", 1),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Currency;

    #[test]
    fn every_coin_has_a_code_of_eighteen_decimals() {
        for network in NETWORKS {
            for coin in [Some(network.coin), network.coin_too].into_iter().flatten() {
                assert_eq!(coin.parse::<Currency>().unwrap().decimals(), 18, "{}", network.name);
                assert!(network.is_coin(&coin.to_lowercase()));
            }
        }
    }

    #[test]
    fn a_number_stands_for_one_chain() {
        assert!(NETWORKS.is_sorted_by(|a, b| a.id < b.id));
        assert_eq!(network_text(8453), "8453 (Base)");
        assert_eq!(network_text(8454), "8454");
        assert!(!network(1).unwrap().is_coin("DAI"));
    }
}
