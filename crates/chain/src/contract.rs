//! The marketplace contract and ERC-20 as this crate calls them. `contracts/src/OrbProMarketplace.sol` is the source; a
//! test holds this text against the ABI that is committed with it.

use alloy::sol;

sol! {
    /// What [`Marketplace::refund`] has to name: the contract keeps its hash.
    #[derive(Debug, PartialEq, Eq)]
    struct Receipt {
        address payer;
        address publisher;
        address token;
        uint128 amount;
        uint128 fee;
        uint64 paidAt;
    }

    /// `OrbProMarketplace`.
    #[derive(Debug, PartialEq, Eq)]
    interface Marketplace {
        constructor(address owner, address treasury, uint16 feeBps);

        function purchase(bytes32 pluginId, bytes calldata buyerPubkey, uint256 amount) external payable;
        function verifyPurchase(bytes32 pluginId, bytes calldata buyerPubkey) external view returns (bool);
        function withdraw() external;
        function withdrawToken(address token) external;
        function withdrawTo(address token, address to) external;

        function list(bytes32 pluginId, address token, uint96 price) external;
        function unlist(bytes32 pluginId) external;
        function listing(bytes32 pluginId) external view
            returns (address publisher, address token, uint256 price, uint16 feeBps, bool active);
        function transferListing(bytes32 pluginId, address to) external;
        function acceptListing(bytes32 pluginId) external;

        function refund(bytes32 pluginId, bytes calldata buyerPubkey, Receipt calldata receipt) external payable;
        function balanceOf(address account, address token) external view
            returns (uint256 available, uint256 unsettledFees);
        function settleFees(address account, address token) external;
        function deliver(bytes32 pluginId, bytes calldata buyerPubkey, bytes calldata envelope) external;

        function setFee(uint16 bps) external;
        function setTreasury(address to) external;
        function pause() external;
        function unpause() external;
        function feeBps() external view returns (uint16);
        function treasury() external view returns (address);
        function paused() external view returns (bool);
        function owner() external view returns (address);
        function pendingOwner() external view returns (address);
        function transferOwnership(address newOwner) external;
        function acceptOwnership() external;

        event PluginPurchased(bytes32 indexed pluginId, bytes buyerPubkey, uint256 amount, uint256 platformFee);
        event PurchaseRecorded(
            bytes32 indexed pluginId, bytes32 indexed buyerKeyHash, address indexed payer, address publisher, address token
        );
        event PurchaseRefunded(
            bytes32 indexed pluginId, bytes32 indexed buyerKeyHash, address indexed payer,
            address token, uint256 amount, address by
        );
        event Listed(bytes32 indexed pluginId, address indexed publisher, address token, uint256 price, uint16 feeBps);
        event Unlisted(bytes32 indexed pluginId);
        event ListingOffered(bytes32 indexed pluginId, address indexed to);
        event ListingTransferred(bytes32 indexed pluginId, address indexed from, address indexed to);
        event EnvelopeDelivered(bytes32 indexed pluginId, bytes32 indexed buyerKeyHash, bytes envelope);
        event Withdrawn(address indexed account, address indexed token, address to, uint256 amount);
        event FeesSettled(address indexed account, address indexed token, uint256 amount);
        event FeeChanged(uint16 bps);
        event TreasuryChanged(address indexed treasury);

        error AlreadyPurchased();
        error BadBuyerKey();
        error BadEnvelope(uint256 length);
        error BadPrice();
        error FeeTooHigh(uint16 bps);
        error FeeOnTransfer(uint256 expected, uint256 received);
        error NotListed();
        error NotOffered();
        error NotPublisher();
        error NotPurchased();
        error NotToken(address token);
        error NotTreasury();
        error NothingToWithdraw();
        error RefundWindowClosed(uint256 closedAt);
        error TokenFixed(address token);
        error WrongAmount(uint256 expected, uint256 given);
        error WrongReceipt();
        error WrongRecipient();

        error EnforcedPause();
        error ExpectedPause();
        error OwnableInvalidOwner(address owner);
        error OwnableUnauthorizedAccount(address account);
        error ReentrancyGuardReentrantCall();
        error SafeERC20FailedOperation(address token);
        error InsufficientBalance(uint256 balance, uint256 needed);
        error FailedCall();
    }

    /// What is needed of a token.
    #[derive(Debug, PartialEq, Eq)]
    interface Erc20 {
        function approve(address spender, uint256 amount) external returns (bool);
        function allowance(address owner, address spender) external view returns (uint256);
        function balanceOf(address account) external view returns (uint256);
        function decimals() external view returns (uint8);
        function symbol() external view returns (string);

        error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
        error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);
    }
}

/// What the contract's source compiles to, before the constructor's arguments.
#[must_use]
pub fn bytecode() -> Vec<u8> {
    let artifact: Option<Artifact> =
        serde_json::from_str(include_str!("../../../contracts/artifact/OrbProMarketplace.json")).ok();
    artifact.and_then(|artifact| hex::decode(artifact.bytecode.strip_prefix("0x")?).ok()).unwrap_or_default()
}

#[derive(serde::Deserialize)]
struct Artifact {
    bytecode: String,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use alloy::{primitives::keccak256, sol_types::SolInterface as _};
    use serde_json::Value;

    use super::{
        Marketplace::{MarketplaceCalls, MarketplaceErrors, MarketplaceEvents},
        bytecode,
    };

    fn abi() -> Vec<Value> {
        let artifact: Value =
            serde_json::from_str(include_str!("../../../contracts/artifact/OrbProMarketplace.json")).unwrap();
        artifact["abi"].as_array().unwrap().clone()
    }

    fn kind(parameter: &Value) -> String {
        let name = parameter["type"].as_str().unwrap();
        match name.strip_prefix("tuple") {
            Some(array) => {
                let parts: Vec<_> = parameter["components"].as_array().unwrap().iter().map(kind).collect();
                format!("({}){array}", parts.join(","))
            }
            None => name.to_owned(),
        }
    }

    /// The first bytes of every signature of one kind, such as `purchase(bytes32,bytes,uint256)`.
    fn signatures<const N: usize>(of: &str) -> BTreeSet<[u8; N]> {
        let entries = abi().into_iter().filter(|entry| entry["type"] == of);
        entries
            .map(|entry| {
                let inputs: Vec<_> = entry["inputs"].as_array().unwrap().iter().map(kind).collect();
                let signature = format!("{}({})", entry["name"].as_str().unwrap(), inputs.join(","));
                keccak256(signature)[..N].try_into().unwrap()
            })
            .collect()
    }

    #[test]
    fn the_interface_is_that_of_the_compiled_contract() {
        let calls = signatures("function");
        for selector in MarketplaceCalls::selectors() {
            let name = MarketplaceCalls::name_by_selector(selector);
            assert!(calls.contains(&selector), "{name:?}");
        }
        let events = signatures("event");
        for selector in MarketplaceEvents::SELECTORS {
            assert!(events.contains(selector), "{:?}", MarketplaceEvents::name_by_selector(*selector));
        }
        let ours: BTreeSet<[u8; 4]> = MarketplaceErrors::selectors().collect();
        for selector in signatures("error") {
            assert!(ours.contains(&selector), "an error without a sentence: {selector:02x?}");
        }
    }

    /// Those of the OrbPro document.
    #[test]
    fn the_documents_functions_and_event_are_as_they_were() {
        let calls = signatures::<4>("function");
        for document in ["purchase(bytes32,bytes,uint256)", "verifyPurchase(bytes32,bytes)", "withdraw()"] {
            assert!(calls.contains(&keccak256(document)[..4]), "{document}");
        }
        let event = keccak256("PluginPurchased(bytes32,bytes,uint256,uint256)");
        assert!(MarketplaceEvents::SELECTORS.contains(&event.0));
    }

    #[test]
    fn what_is_indexed_is_indexed_in_the_contract_too() {
        let topics = |name: &str| {
            let event =
                abi().into_iter().find(|entry| entry["type"] == "event" && entry["name"] == name).unwrap();
            event["inputs"].as_array().unwrap().iter().filter(|input| input["indexed"] == true).count()
        };
        let counts =
            ["PluginPurchased", "PurchaseRecorded", "PurchaseRefunded", "EnvelopeDelivered"].map(topics);
        assert_eq!(counts, [1, 3, 3, 2]);
    }

    #[test]
    fn the_bytecode_is_there() {
        assert!(bytecode().len() > 1000);
    }
}
