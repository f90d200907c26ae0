//! Why the chain gave no answer that counts.

use sealpost_envelope::ErrorCode;
use sealpost_market::chain::Address;

/// Why a question has no answer. The texts name hosts, never addresses of endpoints: those hold keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// Not an address of an endpoint.
    #[error("the endpoint's address makes no sense: {0}")]
    Address(String),
    /// Too few endpoints answered.
    #[error("{answered} of the {needed} endpoints that must agree answered ({reasons})")]
    Unreachable {
        /// How many answered.
        answered: usize,
        /// How many must.
        needed: usize,
        /// What the others did, by host.
        reasons: String,
    },
    /// Enough answered, and too few the same.
    #[error("the endpoints contradict each other about {question}: {groups}")]
    Disagreement {
        /// What was asked.
        question: &'static str,
        /// Who gave the same answer as whom.
        groups: String,
    },
    /// So many endpoints serve another chain that the right ones are too few: all that are up, or all the others.
    #[error("the endpoints serve chain {found}, and the settings say {expected}")]
    WrongChain {
        /// By the settings.
        expected: u64,
        /// By an endpoint.
        found: u64,
    },
    /// Nothing is there.
    #[error("there is no contract at {0}")]
    NoContract(Address),
    /// The endpoints agree on something that the marketplace contract never does.
    #[error("the contract does what the marketplace never does: {0}")]
    NotMarketplace(&'static str),
    /// The block that was named is none of the chain's, or not any more.
    #[error("block {0} is not on the chain any more")]
    NotCanonical(u64),
}

impl ErrorCode for ChainError {
    fn code(&self) -> &'static str {
        match self {
            Self::Address(_) => "chain_endpoint",
            Self::Disagreement { .. } => "chain_disagreement",
            Self::NoContract(_) | Self::NotMarketplace(_) => "chain_contract",
            Self::NotCanonical(_) => "chain_reorganised",
            Self::Unreachable { .. } => "chain_unreachable",
            Self::WrongChain { .. } => "chain_wrong",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Address(_) => "write the whole address, such as https://rpc.example/KEY",
            Self::Disagreement { .. } => {
                "try again in a minute; if it stays, replace the endpoint that is alone"
            }
            Self::NoContract(_) => "check the contract's address and which chain it is on",
            Self::NotMarketplace(_) => "check the contract's address: another contract is there",
            Self::NotCanonical(_) => "try again: the chain was reorganised meanwhile",
            Self::Unreachable { .. } => "check the endpoints' addresses and keys, and that they are up",
            Self::WrongChain { .. } => "check the chain id and the endpoints' addresses",
        }
    }
}
