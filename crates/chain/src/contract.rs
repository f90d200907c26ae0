//! The marketplace contract and ERC-20 as this crate calls them. `contracts/src/OrbProMarketplace.sol` is the source; a
//! test holds this text against the ABI that is committed with it.

#![expect(missing_docs, reason = "the macro makes types of every parameter; the source explains them")]

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
        function settleFees(address publisher, address token) external;
        function deliver(bytes32 pluginId, bytes calldata buyerPubkey, bytes calldata envelope) external;

        function setFee(uint16 bps) external;
        function setTreasury(address treasury) external;
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
        event FeesSettled(address indexed publisher, address indexed token, uint256 amount);
    }

    /// What is needed of a token.
    #[derive(Debug, PartialEq, Eq)]
    interface Erc20 {
        function approve(address spender, uint256 amount) external returns (bool);
        function allowance(address owner, address spender) external view returns (uint256);
        function balanceOf(address account) external view returns (uint256);
        function decimals() external view returns (uint8);
        function symbol() external view returns (string);
    }
}
