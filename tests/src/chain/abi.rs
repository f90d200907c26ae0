//! The contracts as their documents describe them, and what `contracts/artifact` holds of them.

use std::fs;

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::sol;
use alloy::sol_types::{SolCall, SolValue};
use anyhow::{Context, Result};
use serde_json::Value;

use crate::programs::root;

sol! {
    /// The marketplace.
    interface Market {
        #[derive(Debug)]
        struct Receipt { address payer; address publisher; address token; uint128 amount; uint128 fee; uint64 paidAt; }
        function purchase(bytes32 pluginId, bytes calldata buyerPubkey, uint256 amount) external payable;
        function verifyPurchase(bytes32 pluginId, bytes calldata buyerPubkey) external view returns (bool);
        function withdraw() external;
        function withdrawToken(address token) external;
        function list(bytes32 pluginId, address token, uint96 price) external;
        function unlist(bytes32 pluginId) external;
        function refund(bytes32 pluginId, bytes calldata buyerPubkey, Receipt calldata receipt) external payable;
        function balanceOf(address account, address token) external view returns (uint256 available, uint256 unsettledFees);
        function settleFees(address publisher, address token) external;
        event PluginPurchased(bytes32 indexed pluginId, bytes buyerPubkey, uint256 amount, uint256 platformFee);
        event PurchaseRecorded(bytes32 indexed pluginId, bytes32 indexed buyerKeyHash, address indexed payer, address publisher, address token);
    }

    /// An ERC-20 of the tests.
    interface Token {
        function mint(address to, uint256 amount) external;
        function approve(address spender, uint256 amount) external returns (bool);
        function balanceOf(address account) external view returns (uint256);
    }
}

/// What the contracts call a version: the hash of `name@version`.
pub fn item(name: &str, version: &str) -> B256 {
    keccak256(format!("{name}@{version}"))
}

/// Call data of a call.
pub fn data(call: &impl SolCall) -> Bytes {
    call.abi_encode().into()
}

/// Creation code of the marketplace.
pub fn marketplace(owner: Address, treasury: Address, fee_bps: u16) -> Result<Bytes> {
    let mut code = code("OrbProMarketplace.json")?;
    code.extend((owner, treasury, U256::from(fee_bps)).abi_encode_params());
    Ok(code.into())
}

/// Creation code of a contract of the tests, such as `Usdc`.
pub fn test_contract(name: &str) -> Result<Bytes> {
    Ok(code(&format!("test/{name}.json"))?.into())
}

fn code(file: &str) -> Result<Vec<u8>> {
    let path = root().join("contracts/artifact").join(file);
    let text = fs::read_to_string(&path).with_context(|| format!("{} is missing", path.display()))?;
    let artifact: Value = serde_json::from_str(&text)?;
    let code = artifact["bytecode"].as_str().with_context(|| format!("{file} holds no bytecode"))?;
    Ok(hex::decode(code.trim_start_matches("0x"))?)
}
