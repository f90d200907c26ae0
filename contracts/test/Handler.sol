// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Receipt} from "../src/IOrbProMarketplace.sol";
import {Market} from "./kit/MarketTest.sol";
import {vm} from "./kit/Vm.sol";
import {Usdc} from "./tokens/Usdc.sol";

/// @title Anybody doing anything, and books of their own about whose money it is
/// @dev The books credit fees to a pot of the treasury's and take refunds from publisher, pot and caller, in this order.
/// They are kept by sums over all sales where the contract keeps running balances.
contract Handler {
    struct Sale {
        bytes32 item;
        bytes key;
        Receipt receipt;
        bool refunded;
    }

    Market public immutable market;
    address public immutable owner;
    address[4] public traders = [address(0x1001), address(0x1002), address(0x1003), address(0x1004)];
    address[2] public treasuries = [address(0x2001), address(0x2002)];
    address[3] public tokens;

    Sale[] private _sales;
    /// @dev By account and token: earned and credited, less what was withdrawn or taken back.
    mapping(address account => mapping(address token => uint256)) public mine;
    mapping(address token => uint256) public pot;
    mapping(address token => uint256) public paidIn;
    mapping(address token => uint256) public paidOut;
    uint256 public purchases;
    uint256 public refunds;
    uint256 public withdrawals;

    constructor(Market market_, address owner_) {
        (market, owner) = (market_, owner_);
        tokens = [address(0), address(new Usdc()), address(new Usdc())];
        vm.prank(owner);
        market.setTreasury(treasuries[0]);
    }

    // ---- What may happen ----

    function list(uint256 trader, uint256 item, uint256 token, uint96 price) external {
        price = price % 40_000 ether + 1;
        vm.prank(_trader(trader));
        try market.list(_item(item), tokens[token % 3], price) {} catch {}
    }

    function unlist(uint256 trader, uint256 item) external {
        vm.prank(_trader(trader));
        try market.unlist(_item(item)) {} catch {}
    }

    function transfer(uint256 item, uint256 to) external {
        (address publisher,,,,) = market.listing(_item(item));
        vm.prank(publisher);
        try market.transferListing(_item(item), _trader(to)) {} catch {}
        vm.prank(_trader(to));
        try market.acceptListing(_item(item)) {} catch {}
    }

    function purchase(uint256 trader, uint256 item, uint256 key) external {
        (address publisher, address token, uint256 price, uint16 bps, bool active) = market.listing(_item(item));
        if (!active || market.paused() || market.verifyPurchase(_item(item), _key(key))) return;
        address payer = _trader(trader);
        _fund(payer, token, price);
        vm.prank(payer);
        market.purchase{value: token == address(0) ? price : 0}(_item(item), _key(key), price);
        uint256 fee = price * bps / 10_000;
        // forge-lint: disable-next-line(unsafe-typecast)
        Receipt memory receipt = Receipt(payer, publisher, token, uint128(price), uint128(fee), uint64(block.timestamp));
        _sales.push(Sale(_item(item), _key(key), receipt, false));
        mine[publisher][token] += price - fee;
        pot[token] += fee;
        paidIn[token] += price;
        purchases++;
    }

    function refund(uint256 sale, bool byOwner, uint96 surplus) external {
        if (_sales.length == 0) return;
        Sale storage sold = _sales[sale % _sales.length];
        if (sold.refunded) return;
        Receipt memory receipt = sold.receipt;
        if (byOwner && block.timestamp > receipt.paidAt + 30 days) return;
        uint256 fromSeller = _least(mine[receipt.publisher][receipt.token], receipt.amount - receipt.fee);
        uint256 fromPot = _least(pot[receipt.token], receipt.fee);
        uint256 missing = receipt.amount - fromSeller - fromPot;
        address caller = byOwner ? owner : receipt.publisher;
        uint256 value;
        if (receipt.token == address(0)) {
            value = missing + surplus % 1 ether;
            _fund(caller, receipt.token, value);
        } else {
            _fund(caller, receipt.token, missing);
        }
        vm.prank(caller);
        market.refund{value: value}(sold.item, sold.key, receipt);
        sold.refunded = true;
        mine[receipt.publisher][receipt.token] -= fromSeller;
        pot[receipt.token] -= fromPot;
        paidIn[receipt.token] += missing;
        paidOut[receipt.token] += receipt.amount;
        refunds++;
    }

    function withdraw(uint256 who, uint256 token) external {
        address account = who % 6 < 4 ? traders[who % 6] : treasuries[who % 6 - 4];
        address paidIn_ = tokens[token % 3];
        uint256 expected = mine[account][paidIn_];
        bool fees = expected == 0 && account == market.treasury();
        if (fees) expected = pot[paidIn_];
        uint256 before = _wealth(account, paidIn_);
        vm.prank(account);
        try market.withdrawToken(paidIn_) {
            withdrawals++;
        } catch {
            vm.assertEq(expected, 0, "money that cannot be withdrawn");
        }
        vm.assertEq(_wealth(account, paidIn_) - before, expected, "another amount than is the account's");
        if (fees) pot[paidIn_] = 0;
        else mine[account][paidIn_] = 0;
        paidOut[paidIn_] += expected;
    }

    function settle(uint256 who, uint256 token) external {
        address account = treasuries[who % 2];
        vm.prank(who % 4 < 2 ? account : owner);
        market.settleFees(account, tokens[token % 3]);
        if (account != market.treasury()) return;
        mine[account][tokens[token % 3]] += pot[tokens[token % 3]];
        pot[tokens[token % 3]] = 0;
    }

    function operate(uint256 treasury, uint16 bps, bool pause) external {
        vm.startPrank(owner);
        market.setTreasury(treasuries[treasury % 2]);
        market.setFee(bps % 3001);
        if (pause && !market.paused()) market.pause();
        else if (!pause && market.paused()) market.unpause();
        vm.stopPrank();
    }

    function wait(uint256 seconds_) external {
        vm.warp(block.timestamp + seconds_ % 20 days);
    }

    // ---- What the books say ----

    function sales() external view returns (Sale[] memory) {
        return _sales;
    }

    /// @notice All that is owed in a token.
    function owed(address token) external view returns (uint256 sum) {
        for (uint256 i = 0; i < 4; i++) {
            sum += mine[traders[i]][token];
        }
        for (uint256 i = 0; i < 2; i++) {
            sum += mine[treasuries[i]][token];
        }
        sum += pot[token];
    }

    function _fund(address account, address token, uint256 amount) private {
        if (token == address(0)) {
            vm.deal(account, account.balance + amount);
        } else {
            Usdc(token).mint(account, amount);
            vm.prank(account);
            Usdc(token).approve(address(market), amount);
        }
    }

    function _wealth(address account, address token) private view returns (uint256) {
        return token == address(0) ? account.balance : Usdc(token).balanceOf(account);
    }

    function _trader(uint256 number) private view returns (address) {
        return traders[number % 4];
    }

    function _item(uint256 number) private pure returns (bytes32) {
        return keccak256(abi.encode("item", number % 5));
    }

    function _key(uint256 number) private pure returns (bytes memory) {
        return abi.encodePacked(uint8(3), keccak256(abi.encode("key", number % 7)));
    }

    function _least(uint256 left, uint256 right) private pure returns (uint256) {
        return left < right ? left : right;
    }
}
