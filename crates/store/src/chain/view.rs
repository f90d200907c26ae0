//! What a chain says, as it travels.

use sealpost_api::chain::ChainCall;
use sealpost_market::chain::ContractCall;

use super::port::ChainPort;

/// A call, ready for a wallet.
pub(crate) fn call(port: &dyn ChainPort, call: &ContractCall) -> ChainCall {
    let data = port.call(call);
    ChainCall {
        chain_id: port.terms().chain_id,
        to: data.to.to_string(),
        data: format!("0x{}", hex::encode(&data.data)),
        value: format!("{:#x}", data.value),
    }
}
