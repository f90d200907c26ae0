// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Says what the marketplace says, and nobody paid
contract LookAlike {
    event PluginPurchased(bytes32 indexed pluginId, bytes buyerPubkey, uint256 amount, uint256 platformFee);
    event PurchaseRecorded(
        bytes32 indexed pluginId, bytes32 indexed buyerKeyHash, address indexed payer, address publisher, address token
    );

    /// @notice Who it says earns, and what it says is paid in.
    address public publisher;
    address public token;

    function pretend(address publisher_, address token_) external {
        (publisher, token) = (publisher_, token_);
    }

    function purchase(bytes32 pluginId, bytes calldata buyerPubkey, uint256 amount) external payable {
        emit PluginPurchased(pluginId, buyerPubkey, amount, amount * 15 / 100);
        emit PurchaseRecorded(pluginId, keccak256(buyerPubkey), msg.sender, publisher, token);
    }

    function verifyPurchase(bytes32, bytes calldata) external pure returns (bool) {
        return true;
    }
}
