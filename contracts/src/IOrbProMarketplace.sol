// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title What was paid, by whom and to whom
/// @notice The contract keeps its hash alone; everything in it is in the logs of the sale.
struct Receipt {
    /// @dev Who paid, and gets a refund.
    address payer;
    /// @dev Who earned, and may refund.
    address publisher;
    /// @dev The ERC-20 token paid in; zero for the chain's coin.
    address token;
    /// @dev The whole price, in the token's smallest unit.
    uint128 amount;
    /// @dev The platform's part of it.
    uint128 fee;
    /// @dev The time of the block, in seconds.
    uint64 paidAt;
}

/// @title Sales of files to the holders of keys
/// @notice `purchase`, `verifyPurchase`, `withdraw` and `PluginPurchased` are those of the OrbPro document; the rest is
/// what selling needs. An item is the keccak-256 hash of a UTF-8 text: listing, at sign, version.
interface IOrbProMarketplace {
    // ---- Sales ----

    /// @notice A sale stands: the key's holder may have the item.
    event PluginPurchased(bytes32 indexed pluginId, bytes buyerPubkey, uint256 amount, uint256 platformFee);

    /// @notice The rest of the same sale, always the next log after {PluginPurchased}; its receipt's time is the block's.
    event PurchaseRecorded(
        bytes32 indexed pluginId, bytes32 indexed buyerKeyHash, address indexed payer, address publisher, address token
    );

    /// @notice A sale was taken back and `amount` given to `payer`, into the payer's balance here if it could not be sent.
    event PurchaseRefunded(
        bytes32 indexed pluginId,
        bytes32 indexed buyerKeyHash,
        address indexed payer,
        address token,
        uint256 amount,
        address by
    );

    /// @notice An envelope for the holder of the key, for those who get it from the chain.
    event EnvelopeDelivered(bytes32 indexed pluginId, bytes32 indexed buyerKeyHash, bytes envelope);

    /// @notice Buys an item for the holder of a key. Anybody may pay for anybody's key; each key buys an item once.
    /// @param pluginId The item.
    /// @param buyerPubkey The key, compressed: 33 bytes of secp256k1, or a multicodec prefix and a key on P-256, P-384,
    /// X25519 or Ed25519 (see `BuyerKey`).
    /// @param amount The exact price. In coin it is also the value sent; in a token it was approved before.
    function purchase(bytes32 pluginId, bytes calldata buyerPubkey, uint256 amount) external payable;

    /// @notice Whether a sale stands: paid, and not refunded.
    /// @param pluginId The item.
    /// @param buyerPubkey The key, as it was bought for.
    function verifyPurchase(bytes32 pluginId, bytes calldata buyerPubkey) external view returns (bool);

    /// @notice Takes a sale back; it does not verify any more. The publisher may at any time, the owner within
    /// `OPERATOR_REFUND_WINDOW`. The money comes from the publisher's balance and the fees that wait here; what is
    /// missing there is paid by the caller, in coin as the value sent (a surplus is given back) or from an allowance.
    /// @param pluginId The item.
    /// @param buyerPubkey The key, as it was bought for.
    /// @param receipt What the logs of the sale say.
    function refund(bytes32 pluginId, bytes calldata buyerPubkey, Receipt calldata receipt) external payable;

    /// @notice Publishes an envelope for the holder of a key as a log. By the item's publisher or the owner.
    /// @param pluginId The item.
    /// @param buyerPubkey The key, as it was bought for; the sale must stand.
    /// @param envelope At most `MAX_ENVELOPE` bytes, opened by the key's holder alone.
    function deliver(bytes32 pluginId, bytes calldata buyerPubkey, bytes calldata envelope) external;

    // ---- Listings ----

    /// @notice An item is for sale, or for another price than before.
    event Listed(bytes32 indexed pluginId, address indexed publisher, address token, uint256 price, uint16 feeBps);

    /// @notice An item is not for sale any more; it stays its publisher's.
    event Unlisted(bytes32 indexed pluginId);

    /// @notice A publisher offers an item to somebody; to nobody, when `to` is zero.
    event ListingOffered(bytes32 indexed pluginId, address indexed to);

    /// @notice An item has another publisher, who earns from its later sales.
    event ListingTransferred(bytes32 indexed pluginId, address indexed from, address indexed to);

    /// @notice Offers an item for sale, or changes its price. Who lists an item first is its publisher.
    /// The fee of the moment becomes the most that its sales will ever cost until it is listed again.
    /// @param pluginId The item.
    /// @param token The ERC-20 token to be paid in; zero for the chain's coin. An item can be sold in coin and in one
    /// token, never in another one: else a price change could make a buyer pay as many units of a dearer token.
    /// @param price In the token's smallest unit, not zero.
    function list(bytes32 pluginId, address token, uint96 price) external;

    /// @notice Ends the sale of an item. By its publisher.
    function unlist(bytes32 pluginId) external;

    /// @notice How an item is sold.
    /// @return publisher Who earns; zero if it was never listed.
    /// @return token What is paid in; zero for the chain's coin.
    /// @return price In the token's smallest unit; zero if it is not for sale.
    /// @return feeBps The fee a sale would cost now, in hundredths of a percent.
    /// @return active Whether it is for sale.
    function listing(bytes32 pluginId)
        external
        view
        returns (address publisher, address token, uint256 price, uint16 feeBps, bool active);

    /// @notice Offers an item to another publisher, who has to accept. By its publisher.
    /// @param pluginId The item.
    /// @param to Who may accept; zero takes an offer back.
    function transferListing(bytes32 pluginId, address to) external;

    /// @notice Takes over an item that was offered to the caller. What was earned before stays the former publisher's.
    function acceptListing(bytes32 pluginId) external;

    // ---- Money ----

    /// @notice An account took its money out.
    event Withdrawn(address indexed account, address indexed token, address to, uint256 amount);

    /// @notice Fees that waited became the treasury's balance.
    event FeesSettled(address indexed account, address indexed token, uint256 amount);

    /// @notice Sends the caller all coin that is the caller's; a treasury without such gets the fees that wait.
    function withdraw() external;

    /// @notice Sends the caller all of a token that is the caller's.
    /// @param token The token; zero for the chain's coin.
    function withdrawToken(address token) external;

    /// @notice Sends all of a token that is the caller's to somebody.
    /// @param token The token; zero for the chain's coin.
    /// @param to Who gets it.
    function withdrawTo(address token, address to) external;

    /// @notice What an account can withdraw. A treasury that has money of its own, settled or earned, gets that first
    /// and the fees with its next withdrawal.
    /// @param account The account.
    /// @param token The token; zero for the chain's coin.
    /// @return available All that is the account's.
    /// @return unsettledFees The part of it which are fees that go with the role of the treasury; zero for all others.
    function balanceOf(address account, address token) external view returns (uint256 available, uint256 unsettledFees);

    /// @notice Makes the fees that wait the treasury's own balance, which a refund does not reach and a change of the
    /// treasury does not move. By the treasury or the owner, since it makes refunds dearer for sellers; for another
    /// account there is nothing to settle.
    /// @param account The treasury.
    /// @param token The token; zero for the chain's coin.
    function settleFees(address account, address token) external;

    // ---- The operator ----

    /// @notice Another fee for what is listed from now on, and for what was listed at a higher one.
    event FeeChanged(uint16 bps);

    /// @notice Another account gets the fees, with those that wait.
    event TreasuryChanged(address indexed treasury);

    /// @notice Sets the fee. By the owner.
    /// @param bps Hundredths of a percent, at most `MAX_FEE_BPS`.
    function setFee(uint16 bps) external;

    /// @notice Says who gets the fees. By the owner.
    function setTreasury(address to) external;

    /// @notice Stops purchases and listing, and nothing else. By the owner.
    function pause() external;

    /// @notice Ends a pause. By the owner.
    function unpause() external;

    /// @notice The highest fee there can be, in hundredths of a percent.
    function MAX_FEE_BPS() external view returns (uint16);

    /// @notice For how many seconds after a sale the owner can take it back.
    function OPERATOR_REFUND_WINDOW() external view returns (uint256);

    /// @notice The longest envelope, in bytes.
    function MAX_ENVELOPE() external view returns (uint256);

    /// @notice The fee of the moment, in hundredths of a percent.
    function feeBps() external view returns (uint16);

    /// @notice Who gets the fees.
    function treasury() external view returns (address);

    // ---- What can be wrong ----

    /// @notice The key already bought this item.
    error AlreadyPurchased();
    /// @notice This is no key of a known form.
    error BadBuyerKey();
    /// @notice The envelope is empty or too long.
    error BadEnvelope(uint256 length);
    /// @notice The price is zero.
    error BadPrice();
    /// @notice The fee is above `MAX_FEE_BPS`.
    error FeeTooHigh(uint16 bps);
    /// @notice The token kept some of the amount for itself; such tokens are not taken.
    error FeeOnTransfer(uint256 expected, uint256 received);
    /// @notice The item is not for sale.
    error NotListed();
    /// @notice The item was not offered to the caller.
    error NotOffered();
    /// @notice The caller is not the item's publisher, nor the owner where the owner may.
    error NotPublisher();
    /// @notice The key did not buy this item, or it was refunded.
    error NotPurchased();
    /// @notice There is no contract at this address.
    error NotToken(address token);
    /// @notice The caller is neither the treasury nor the owner.
    error NotTreasury();
    /// @notice There is nothing to withdraw.
    error NothingToWithdraw();
    /// @notice It is too late for a refund by the owner; the publisher still can.
    error RefundWindowClosed(uint256 closedAt);
    /// @notice The item is sold in this token, and can be sold in coin, but in no other token.
    error TokenFixed(address token);
    /// @notice The price, or what is missing for a refund, is another amount than the one given.
    error WrongAmount(uint256 expected, uint256 given);
    /// @notice The receipt is not that of the sale.
    error WrongReceipt();
    /// @notice The address is zero, or this contract's.
    error WrongRecipient();
}
