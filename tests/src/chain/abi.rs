//! The contracts as their documents describe them, and what `contracts/artifact` holds of them.

use std::fs;

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::sol;
use alloy::sol_types::{SolCall, SolValue};
use anyhow::{Context, Result};
use serde_json::Value;

use crate::programs::root;

sol! {
    /// The marketplace, and `pretend` of its look-alike.
    interface Market {
        #[derive(Debug)]
        struct Receipt { address payer; address publisher; address token; uint128 amount; uint128 fee; uint64 paidAt; }
        function purchase(bytes32 pluginId, bytes calldata buyerPubkey, uint256 amount) external payable;
        function verifyPurchase(bytes32 pluginId, bytes calldata buyerPubkey) external view returns (bool);
        function withdraw() external;
        function withdrawTo(address token, address to) external;
        function pretend(address publisher, address token) external;
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

/// Creation code of a contract that does nothing but these calls, in one transaction: to whom, with which data and coin.
pub fn batch(calls: &[(Address, Bytes, U256)]) -> Bytes {
    // Per call: PUSH4 length, PUSH4 offset, PUSH1 0, CODECOPY; PUSH1 0, PUSH1 0, PUSH4 length, PUSH1 0, PUSH32 value,
    // PUSH20 to, GAS, CALL, POP. Behind all of them a STOP and the data.
    const STEP: usize = 5 + 5 + 2 + 1 + 2 + 2 + 5 + 2 + 33 + 21 + 1 + 1 + 1;
    let (mut code, mut tail) = (Vec::<u8>::new(), Vec::<u8>::new());
    for (to, data, value) in calls {
        let offset = (calls.len() * STEP + 1 + tail.len()) as u32;
        let length = (data.len() as u32).to_be_bytes();
        for part in [&[0x63][..], &length, &[0x63], &offset.to_be_bytes(), &[0x60, 0, 0x39]] {
            code.extend(part);
        }
        for part in [&[0x60, 0, 0x60, 0, 0x63][..], &length, &[0x60, 0, 0x7f], &value.to_be_bytes::<32>()] {
            code.extend(part);
        }
        for part in [&[0x73][..], to.as_slice(), &[0x5a, 0xf1, 0x50]] {
            code.extend(part);
        }
        tail.extend(data);
    }
    code.push(0);
    code.extend(tail);
    code.into()
}

fn code(file: &str) -> Result<Vec<u8>> {
    let path = root().join("contracts/artifact").join(file);
    let text = fs::read_to_string(&path).with_context(|| format!("{} is missing", path.display()))?;
    let artifact: Value = serde_json::from_str(&text)?;
    let code = artifact["bytecode"].as_str().with_context(|| format!("{file} holds no bytecode"))?;
    Ok(hex::decode(code.trim_start_matches("0x"))?)
}
