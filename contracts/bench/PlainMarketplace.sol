// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {BuyerKey} from "../src/BuyerKey.sol";

/// @title The marketplace as one writes it down: the peer of the benchmark
/// @dev The same features, errors and logs, the same libraries and compiler settings. What is known of a listing and of
/// a sale lies in storage as it is, and the treasury has its balance from the sale on.
contract PlainMarketplace is Ownable2Step, Pausable, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    struct Listing {
        address publisher;
        address token;
        uint96 price;
        uint16 feeBps;
        bool active;
    }

    struct Sale {
        address payer;
        address publisher;
        address token;
        uint128 amount;
        uint128 fee;
        uint64 paidAt;
    }

    uint16 public constant MAX_FEE_BPS = 3000;
    uint256 public constant OPERATOR_REFUND_WINDOW = 30 days;
    uint256 public constant MAX_ENVELOPE = 4096;

    uint16 public feeBps;
    address public treasury;
    mapping(bytes32 pluginId => Listing) public listing;
    mapping(bytes32 pluginId => address to) public offers;
    mapping(bytes32 pluginId => mapping(bytes32 buyerKeyHash => Sale)) public sales;
    mapping(address account => mapping(address token => uint256)) public balanceOf;

    event PluginPurchased(bytes32 indexed pluginId, bytes buyerPubkey, uint256 amount, uint256 platformFee);
    event PurchaseRecorded(
        bytes32 indexed pluginId,
        bytes32 indexed buyerKeyHash,
        address indexed payer,
        address publisher,
        address token
    );
    event PurchaseRefunded(
        bytes32 indexed pluginId,
        bytes32 indexed buyerKeyHash,
        address indexed payer,
        address token,
        uint256 amount,
        address by
    );
    event EnvelopeDelivered(bytes32 indexed pluginId, bytes32 indexed buyerKeyHash, bytes envelope);
    event Listed(bytes32 indexed pluginId, address indexed publisher, address token, uint256 price, uint16 feeBps);
    event Unlisted(bytes32 indexed pluginId);
    event ListingOffered(bytes32 indexed pluginId, address indexed to);
    event ListingTransferred(bytes32 indexed pluginId, address indexed from, address indexed to);
    event Withdrawn(address indexed account, address indexed token, address to, uint256 amount);
    event FeeChanged(uint16 bps);
    event TreasuryChanged(address indexed treasury);

    error AlreadyPurchased();
    error BadBuyerKey();
    error BadEnvelope();
    error BadPrice();
    error FeeOnTransfer();
    error FeeTooHigh();
    error NotListed();
    error NotOffered();
    error NotPublisher();
    error NotPurchased();
    error NotToken();
    error NothingToWithdraw();
    error RefundWindowClosed();
    error TokenFixed();
    error WrongAmount();
    error WrongRecipient();

    constructor(address owner, address treasury_, uint16 feeBps_) Ownable(owner) {
        treasury = treasury_;
        feeBps = feeBps_;
    }

    function purchase(bytes32 pluginId, bytes calldata buyerPubkey, uint256 amount)
        external
        payable
        nonReentrant
        whenNotPaused
    {
        if (!BuyerKey.isKey(buyerPubkey)) revert BadBuyerKey();
        Listing memory item = listing[pluginId];
        if (!item.active) revert NotListed();
        if (amount != item.price) revert WrongAmount();
        if (msg.value != (item.token == address(0) ? amount : 0)) revert WrongAmount();
        bytes32 keyHash = keccak256(buyerPubkey);
        if (sales[pluginId][keyHash].paidAt != 0) revert AlreadyPurchased();

        uint256 bps = feeBps < item.feeBps ? feeBps : item.feeBps;
        uint256 fee = amount * bps / 10_000;
        sales[pluginId][keyHash] = Sale({
            payer: msg.sender,
            publisher: item.publisher,
            token: item.token,
            amount: uint128(amount),
            fee: uint128(fee),
            paidAt: uint64(block.timestamp)
        });
        balanceOf[item.publisher][item.token] += amount - fee;
        balanceOf[treasury][item.token] += fee;
        emit PluginPurchased(pluginId, buyerPubkey, amount, fee);
        emit PurchaseRecorded(pluginId, keyHash, msg.sender, item.publisher, item.token);

        if (item.token != address(0)) _pull(item.token, amount);
    }

    function verifyPurchase(bytes32 pluginId, bytes calldata buyerPubkey) external view returns (bool) {
        return sales[pluginId][keccak256(buyerPubkey)].paidAt != 0;
    }

    function refund(bytes32 pluginId, bytes calldata buyerPubkey) external payable nonReentrant {
        bytes32 keyHash = keccak256(buyerPubkey);
        Sale memory sale = sales[pluginId][keyHash];
        if (sale.paidAt == 0) revert NotPurchased();
        if (msg.sender != sale.publisher) {
            if (msg.sender != owner()) revert NotPublisher();
            if (block.timestamp > sale.paidAt + OPERATOR_REFUND_WINDOW) revert RefundWindowClosed();
        }
        delete sales[pluginId][keyHash];
        emit PurchaseRefunded(pluginId, keyHash, sale.payer, sale.token, sale.amount, msg.sender);

        uint256 missing = sale.amount - _take(sale.publisher, sale.token, sale.amount - sale.fee)
            - _take(treasury, sale.token, sale.fee);
        if (sale.token == address(0)) {
            if (msg.value < missing) revert WrongAmount();
        } else {
            if (msg.value != 0) revert WrongAmount();
            if (missing != 0) _pull(sale.token, missing);
        }
        if (!_trySend(sale.token, sale.payer, sale.amount)) balanceOf[sale.payer][sale.token] += sale.amount;
        if (msg.value > missing) Address.sendValue(payable(msg.sender), msg.value - missing);
    }

    function deliver(bytes32 pluginId, bytes calldata buyerPubkey, bytes calldata envelope) external {
        if (msg.sender != listing[pluginId].publisher && msg.sender != owner()) revert NotPublisher();
        if (envelope.length == 0 || envelope.length > MAX_ENVELOPE) revert BadEnvelope();
        bytes32 keyHash = keccak256(buyerPubkey);
        if (sales[pluginId][keyHash].paidAt == 0) revert NotPurchased();
        emit EnvelopeDelivered(pluginId, keyHash, envelope);
    }

    function list(bytes32 pluginId, address token, uint96 price) external whenNotPaused {
        if (price == 0) revert BadPrice();
        Listing storage item = listing[pluginId];
        if (item.publisher != msg.sender && item.publisher != address(0)) revert NotPublisher();
        if (token != address(0)) {
            if (token.code.length == 0) revert NotToken();
            if (item.token != address(0) && item.token != token) revert TokenFixed();
        }
        listing[pluginId] =
            Listing({publisher: msg.sender, token: token, price: price, feeBps: feeBps, active: true});
        emit Listed(pluginId, msg.sender, token, price, feeBps);
    }

    function unlist(bytes32 pluginId) external {
        if (listing[pluginId].publisher != msg.sender) revert NotPublisher();
        listing[pluginId].active = false;
        emit Unlisted(pluginId);
    }

    function transferListing(bytes32 pluginId, address to) external {
        if (listing[pluginId].publisher != msg.sender) revert NotPublisher();
        offers[pluginId] = to;
        emit ListingOffered(pluginId, to);
    }

    function acceptListing(bytes32 pluginId) external {
        if (offers[pluginId] != msg.sender) revert NotOffered();
        delete offers[pluginId];
        emit ListingTransferred(pluginId, listing[pluginId].publisher, msg.sender);
        listing[pluginId].publisher = msg.sender;
    }

    function withdraw() external {
        withdrawTo(address(0), msg.sender);
    }

    function withdrawToken(address token) external {
        withdrawTo(token, msg.sender);
    }

    function withdrawTo(address token, address to) public nonReentrant {
        if (to == address(0) || to == address(this)) revert WrongRecipient();
        uint256 amount = balanceOf[msg.sender][token];
        if (amount == 0) revert NothingToWithdraw();
        balanceOf[msg.sender][token] = 0;
        emit Withdrawn(msg.sender, token, to, amount);
        if (token == address(0)) Address.sendValue(payable(to), amount);
        else IERC20(token).safeTransfer(to, amount);
    }

    function pause() external onlyOwner {
        _pause();
    }

    function unpause() external onlyOwner {
        _unpause();
    }

    function setFee(uint16 bps) public onlyOwner {
        if (bps > MAX_FEE_BPS) revert FeeTooHigh();
        feeBps = bps;
        emit FeeChanged(bps);
    }

    function setTreasury(address treasury_) public onlyOwner {
        if (treasury_ == address(0)) revert WrongRecipient();
        treasury = treasury_;
        emit TreasuryChanged(treasury_);
    }

    function _take(address account, address token, uint256 most) private returns (uint256 taken) {
        uint256 balance = balanceOf[account][token];
        taken = balance < most ? balance : most;
        balanceOf[account][token] = balance - taken;
    }

    function _pull(address token, uint256 amount) private {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        if (IERC20(token).balanceOf(address(this)) - before != amount) revert FeeOnTransfer();
    }

    function _trySend(address token, address to, uint256 amount) private returns (bool sent) {
        if (token != address(0)) return IERC20(token).trySafeTransfer(to, amount);
        (sent,) = to.call{value: amount, gas: 50_000}("");
    }
}
