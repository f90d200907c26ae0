// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {BuyerKey} from "./BuyerKey.sol";
import {IOrbProMarketplace, Receipt} from "./IOrbProMarketplace.sol";

/// @title Sales of files to the holders of keys
/// @notice Keeps the money of publishers and treasury until they withdraw it. The operator sets the fee of later
/// listings, pauses sales and takes sales back for a time; what was earned is out of the operator's reach otherwise.
/// @dev For each token, what the accounts can withdraw and the fees that wait add up to what was paid in and not out.
/// Coin forced into the contract, and tokens sent to it without a purchase, belong to nobody.
contract OrbProMarketplace is IOrbProMarketplace, Ownable2Step, Pausable, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev A sale in coin reads the first word alone: its price is zero where the second one tells token and price.
    /// Of the token it tells the first one ever, even while the price is in coin.
    struct Terms {
        address publisher;
        uint80 coinPrice;
        uint16 feeBps;
        address token;
        uint96 price;
    }

    /// @inheritdoc IOrbProMarketplace
    uint16 public constant override MAX_FEE_BPS = 3000;

    /// @inheritdoc IOrbProMarketplace
    uint256 public constant override OPERATOR_REFUND_WINDOW = 30 days;

    /// @inheritdoc IOrbProMarketplace
    uint256 public constant override MAX_ENVELOPE = 4096;

    /// @dev Enough for the wallets that are contracts, too little to make a refund expensive for who gives it.
    uint256 private constant REFUND_GAS = 50_000;

    address private constant COIN = address(0);

    /// @dev It and the next one lie in the word of `Pausable`, which every sale reads: fees in coin cost one write.
    uint16 private _feeBps;

    /// @dev Fees in coin that wait. Those it cannot hold wait in `_fees`.
    uint72 private _coinFees;

    address private _treasury;

    mapping(bytes32 pluginId => Terms) private _terms;
    mapping(bytes32 pluginId => address to) private _offers;
    mapping(bytes32 pluginId => mapping(bytes32 buyerKeyHash => bytes32 receiptHash)) private _sales;
    mapping(address account => mapping(address token => uint256)) private _balances;
    mapping(address token => uint256) private _fees;

    /// @param initialOwner The operator.
    /// @param initialTreasury Who gets the fees.
    /// @param initialFeeBps The fee, in hundredths of a percent.
    constructor(address initialOwner, address initialTreasury, uint16 initialFeeBps) Ownable(initialOwner) {
        _setTreasury(initialTreasury);
        _setFee(initialFeeBps);
    }

    // ---- Sales ----

    /// @inheritdoc IOrbProMarketplace
    function purchase(bytes32 pluginId, bytes calldata buyerPubkey, uint256 amount)
        external
        payable
        override
        nonReentrant
        whenNotPaused
    {
        bytes memory key = buyerPubkey;
        if (!BuyerKey.isKey(key)) revert BadBuyerKey();
        bytes32 keyHash = keccak256(key);
        (address publisher, address token, uint256 price, uint256 bps) = _offer(pluginId);
        if (price == 0) revert NotListed();
        if (amount != price) revert WrongAmount(price, amount);
        uint256 due = token == COIN ? price : 0;
        if (msg.value != due) revert WrongAmount(due, msg.value);
        mapping(bytes32 => bytes32) storage sales = _sales[pluginId];
        if (sales[keyHash] != 0) revert AlreadyPurchased();

        uint256 fee;
        // A price has 96 bits and a fee is less than the whole: nothing here can overflow.
        unchecked {
            fee = price * bps / 10_000;
            _balances[publisher][token] += price - fee;
        }
        _addFee(token, fee);
        // As a receipt is encoded.
        sales[keyHash] = keccak256(abi.encode(msg.sender, publisher, token, price, fee, block.timestamp));
        emit PluginPurchased(pluginId, key, price, fee);
        emit PurchaseRecorded(pluginId, keyHash, msg.sender, publisher, token);

        if (token != COIN) _pull(token, price);
    }

    /// @inheritdoc IOrbProMarketplace
    function verifyPurchase(bytes32 pluginId, bytes calldata buyerPubkey) external view override returns (bool) {
        return _sales[pluginId][keccak256(buyerPubkey)] != 0;
    }

    /// @inheritdoc IOrbProMarketplace
    function refund(bytes32 pluginId, bytes calldata buyerPubkey, Receipt calldata receipt)
        external
        payable
        override
        nonReentrant
    {
        bytes32 keyHash = keccak256(buyerPubkey);
        _endSale(pluginId, keyHash, receipt);
        emit PurchaseRefunded(pluginId, keyHash, receipt.payer, receipt.token, receipt.amount, msg.sender);

        uint256 missing = _takeBack(receipt);
        if (receipt.token == COIN) {
            if (msg.value < missing) revert WrongAmount(missing, msg.value);
        } else {
            if (msg.value != 0) revert WrongAmount(0, msg.value);
            if (missing != 0) _pull(receipt.token, missing);
        }
        // A payer who cannot be paid must not keep the sale from being taken back.
        if (!_trySend(receipt.token, receipt.payer, receipt.amount)) {
            _balances[receipt.payer][receipt.token] += receipt.amount;
        }
        if (msg.value > missing) Address.sendValue(payable(msg.sender), msg.value - missing);
    }

    /// @inheritdoc IOrbProMarketplace
    function deliver(bytes32 pluginId, bytes calldata buyerPubkey, bytes calldata envelope) external override {
        if (msg.sender != _terms[pluginId].publisher && msg.sender != owner()) revert NotPublisher();
        if (envelope.length == 0 || envelope.length > MAX_ENVELOPE) revert BadEnvelope(envelope.length);
        bytes32 keyHash = keccak256(buyerPubkey);
        if (_sales[pluginId][keyHash] == 0) revert NotPurchased();
        emit EnvelopeDelivered(pluginId, keyHash, envelope);
    }

    // ---- Listings ----

    /// @inheritdoc IOrbProMarketplace
    function list(bytes32 pluginId, address token, uint96 price) external override whenNotPaused {
        if (price == 0) revert BadPrice();
        Terms storage terms = _terms[pluginId];
        address publisher = terms.publisher;
        if (publisher != msg.sender && publisher != address(0)) revert NotPublisher();
        _offerFor(terms, token, price);
        uint16 bps = _feeBps;
        (terms.publisher, terms.feeBps) = (msg.sender, bps);
        emit Listed(pluginId, msg.sender, token, price, bps);
    }

    /// @inheritdoc IOrbProMarketplace
    function unlist(bytes32 pluginId) external override {
        Terms storage terms = _own(pluginId);
        (terms.coinPrice, terms.price) = (0, 0);
        emit Unlisted(pluginId);
    }

    /// @inheritdoc IOrbProMarketplace
    function listing(bytes32 pluginId)
        external
        view
        override
        returns (address publisher, address token, uint256 price, uint16 feeBps, bool active)
    {
        uint256 fee;
        (publisher, token, price, fee) = _offer(pluginId);
        return (publisher, token, price, uint16(fee), price != 0);
    }

    /// @inheritdoc IOrbProMarketplace
    function transferListing(bytes32 pluginId, address to) external override {
        _own(pluginId);
        _offers[pluginId] = to;
        emit ListingOffered(pluginId, to);
    }

    /// @inheritdoc IOrbProMarketplace
    function acceptListing(bytes32 pluginId) external override {
        if (_offers[pluginId] != msg.sender) revert NotOffered();
        delete _offers[pluginId];
        address from = _terms[pluginId].publisher;
        _terms[pluginId].publisher = msg.sender;
        emit ListingTransferred(pluginId, from, msg.sender);
    }

    // ---- Money ----

    /// @inheritdoc IOrbProMarketplace
    function withdraw() external override nonReentrant {
        _withdraw(COIN, msg.sender);
    }

    /// @inheritdoc IOrbProMarketplace
    function withdrawToken(address token) external override nonReentrant {
        _withdraw(token, msg.sender);
    }

    /// @inheritdoc IOrbProMarketplace
    function withdrawTo(address token, address to) external override nonReentrant {
        if (to == address(0) || to == address(this)) revert WrongRecipient();
        _withdraw(token, to);
    }

    /// @inheritdoc IOrbProMarketplace
    function balanceOf(address account, address token)
        external
        view
        override
        returns (uint256 available, uint256 unsettledFees)
    {
        if (account == _treasury) unsettledFees = _waitingFees(token);
        available = _balances[account][token] + unsettledFees;
    }

    /// @inheritdoc IOrbProMarketplace
    function settleFees(address account, address token) external override nonReentrant {
        if (account != _treasury) return;
        if (msg.sender != account && msg.sender != owner()) revert NotTreasury();
        uint256 amount = _takeFees(token, type(uint256).max);
        _balances[account][token] += amount;
        emit FeesSettled(account, token, amount);
    }

    // ---- The operator ----

    /// @inheritdoc IOrbProMarketplace
    function feeBps() external view override returns (uint16) {
        return _feeBps;
    }

    /// @inheritdoc IOrbProMarketplace
    function treasury() external view override returns (address) {
        return _treasury;
    }

    /// @inheritdoc IOrbProMarketplace
    function setFee(uint16 bps) external override onlyOwner {
        _setFee(bps);
    }

    /// @inheritdoc IOrbProMarketplace
    function setTreasury(address to) external override onlyOwner {
        _setTreasury(to);
    }

    /// @inheritdoc IOrbProMarketplace
    function pause() external override onlyOwner {
        _pause();
    }

    /// @inheritdoc IOrbProMarketplace
    function unpause() external override onlyOwner {
        _unpause();
    }

    /// @notice Leaves the contract without an operator for ever, which a pause would make the end of its sales.
    function renounceOwnership() public override onlyOwner whenNotPaused {
        super.renounceOwnership();
    }

    // ---- Inside ----

    /// @dev What an item costs; zero if it is not for sale. A later fee counts where it is lower.
    function _offer(bytes32 pluginId)
        private
        view
        returns (address publisher, address token, uint256 price, uint256 bps)
    {
        Terms storage terms = _terms[pluginId];
        (publisher, price, bps) = (terms.publisher, terms.coinPrice, terms.feeBps);
        uint256 current = _feeBps;
        if (current < bps) bps = current;
        if (price == 0) (token, price) = (terms.token, terms.price);
    }

    /// @dev The treasury's fees are looked for where there is no other money, so that nobody else pays for the question.
    function _withdraw(address token, address to) private {
        uint256 amount = _balances[msg.sender][token];
        if (amount != 0) _balances[msg.sender][token] = 0;
        else if (msg.sender == _treasury) amount = _takeFees(token, type(uint256).max);
        if (amount == 0) revert NothingToWithdraw();
        emit Withdrawn(msg.sender, token, to, amount);
        if (token == COIN) Address.sendValue(payable(to), amount);
        else IERC20(token).safeTransfer(to, amount);
    }

    /// @dev Writes token and price where `_offer` finds them.
    function _offerFor(Terms storage terms, address token, uint96 price) private {
        address fixedToken = terms.token;
        if (token == COIN) {
            if (price <= type(uint80).max) {
                terms.coinPrice = uint80(price);
                return;
            }
        } else if (fixedToken == address(0)) {
            if (token.code.length == 0) revert NotToken(token);
            fixedToken = token;
        }
        if (token != fixedToken) revert TokenFixed(fixedToken);
        terms.coinPrice = 0;
        (terms.token, terms.price) = (token, price);
    }

    function _own(bytes32 pluginId) private view returns (Terms storage terms) {
        terms = _terms[pluginId];
        if (terms.publisher != msg.sender) revert NotPublisher();
    }

    /// @dev Deletes a sale for who may end it.
    function _endSale(bytes32 pluginId, bytes32 keyHash, Receipt calldata receipt) private {
        bytes32 sale = _sales[pluginId][keyHash];
        if (sale == 0) revert NotPurchased();
        if (sale != keccak256(abi.encode(receipt))) revert WrongReceipt();
        if (msg.sender != receipt.publisher) {
            if (msg.sender != owner()) revert NotPublisher();
            uint256 closedAt = receipt.paidAt + OPERATOR_REFUND_WINDOW;
            if (block.timestamp > closedAt) revert RefundWindowClosed(closedAt);
        }
        delete _sales[pluginId][keyHash];
    }

    /// @dev Takes what is there of a sale's money from its publisher and the fees that wait.
    function _takeBack(Receipt calldata receipt) private returns (uint256 missing) {
        uint256 balance = _balances[receipt.publisher][receipt.token];
        uint256 share = receipt.amount - receipt.fee;
        uint256 taken = balance < share ? balance : share;
        _balances[receipt.publisher][receipt.token] = balance - taken;
        return receipt.amount - taken - _takeFees(receipt.token, receipt.fee);
    }

    function _addFee(address token, uint256 fee) private {
        if (token == COIN) {
            uint256 sum = _coinFees + fee;
            if (sum <= type(uint72).max) {
                _coinFees = uint72(sum);
                return;
            }
        }
        _fees[token] += fee;
    }

    /// @dev Takes at most `limit` of the fees that wait.
    function _takeFees(address token, uint256 limit) private returns (uint256 taken) {
        if (token == COIN) {
            taken = _coinFees;
            if (taken > limit) taken = limit;
            _coinFees -= uint72(taken);
            limit -= taken;
        }
        uint256 more = _fees[token];
        if (more > limit) more = limit;
        if (more != 0) _fees[token] -= more;
        taken += more;
    }

    function _waitingFees(address token) private view returns (uint256) {
        return _fees[token] + (token == COIN ? _coinFees : 0);
    }

    function _pull(address token, uint256 amount) private {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        if (received != amount) revert FeeOnTransfer(amount, received);
    }

    function _trySend(address token, address to, uint256 amount) private returns (bool sent) {
        if (token != COIN) return IERC20(token).trySafeTransfer(to, amount);
        // In assembly, because an answer of any length would be copied at the caller's cost.
        assembly ("memory-safe") {
            sent := call(REFUND_GAS, to, amount, 0, 0, 0, 0)
        }
    }

    function _setFee(uint16 bps) private {
        if (bps > MAX_FEE_BPS) revert FeeTooHigh(bps);
        _feeBps = bps;
        emit FeeChanged(bps);
    }

    function _setTreasury(address to) private {
        if (to == address(0)) revert WrongRecipient();
        _treasury = to;
        emit TreasuryChanged(to);
    }
}
