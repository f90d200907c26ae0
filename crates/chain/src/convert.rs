//! Between the types of the rules and those of the ABI.

use alloy::primitives as evm;
use sealpost_market::chain::{Address, ChainHash};

pub(crate) fn address(address: Address) -> evm::Address {
    evm::Address::new(*address.as_bytes())
}

/// The contract writes the zero address where the rules have none.
pub(crate) fn token(token: Option<Address>) -> evm::Address {
    token.map_or(evm::Address::ZERO, address)
}

pub(crate) fn hash(hash: ChainHash) -> evm::B256 {
    evm::B256::new(*hash.as_bytes())
}

pub(crate) fn to_address(address: evm::Address) -> Address {
    Address::new(address.into_array())
}

pub(crate) fn to_token(token: evm::Address) -> Option<Address> {
    (!token.is_zero()).then(|| to_address(token))
}

pub(crate) fn to_hash(hash: evm::B256) -> ChainHash {
    ChainHash::new(hash.0)
}

/// `None` beyond 128 bits: no money is that large.
pub(crate) fn to_u128(number: evm::U256) -> Option<u128> {
    number.try_into().ok()
}
