//! Sales on chain: a node of the test's own, endpoints that lie about it, the contracts, and a store that sells there.
//!
//! The contract's interface is written here once more, from its documents: bindings shared with the program under test would
//! agree with its mistakes.

pub mod abi;
pub mod bazaar;
pub mod buyer;
pub mod endpoint;
pub mod node;
pub mod patience;
pub mod rpc;
pub mod wasm;
