// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Receipt} from "../src/IOrbProMarketplace.sol";
import {HostileReceiver, Trader} from "./actors/Payers.sol";
import {MarketTest} from "./kit/MarketTest.sol";
import {vm} from "./kit/Vm.sol";
import {HostileToken} from "./tokens/OddTokens.sol";

/// @dev Tokens and receivers call everything that moves money, with a right to each of it.
contract ReentrancyTest is MarketTest {
    uint96 private constant DOLLARS = 5e6;
    bytes32 private constant OTHER = keccak256("another item");

    HostileToken private token;
    HostileReceiver private receiver;

    function setUp() public override {
        super.setUp();
        token = new HostileToken();
        receiver = new HostileReceiver();
    }

    function test_aTokenGetsNothingOutOfAPurchase() public {
        _tokenSells();
        _armToken();
        vm.prank(BUYER);
        market.purchase(ITEM, _key(2), DOLLARS);
        _expectTokenRefused();
        vm.assertTrue(market.verifyPurchase(ITEM, _key(2)));
        _expectTokenAccounts(2);
    }

    function test_aTokenGetsNothingOutOfAWithdrawal() public {
        _tokenSells();
        _armToken();
        vm.prank(TREASURY);
        market.withdrawToken(address(token));
        _expectTokenRefused();
        vm.assertEq(token.balanceOf(TREASURY), _fee(DOLLARS));
        vm.assertEq(_available(TREASURY, address(token)), 0);
        vm.assertEq(_available(address(token), address(token)), DOLLARS - _fee(DOLLARS));
        vm.assertEq(token.balanceOf(address(market)), DOLLARS - _fee(DOLLARS));
    }

    function test_aTokenGetsNothingOutOfARefund() public {
        _tokenSells();
        vm.prank(BUYER);
        market.purchase(ITEM, _key(2), DOLLARS);
        _armToken();
        vm.prank(OWNER);
        market.refund(ITEM, _key(2), _tokensReceipt());
        _expectTokenRefused();
        vm.assertFalse(market.verifyPurchase(ITEM, _key(2)));
        vm.assertTrue(market.verifyPurchase(ITEM, _key(1)));
        vm.assertEq(token.balanceOf(BUYER), 99 * uint256(DOLLARS));
        _expectTokenAccounts(1);
    }

    /// @dev Neither does the part that the caller of a refund pays.
    function test_aTokenGetsNothingOutOfWhatIsMissingForARefund() public {
        _tokenSells();
        bytes[] memory none;
        token.plan(address(market), none);
        vm.prank(address(token));
        market.withdrawToken(address(token));
        token.mint(OWNER, DOLLARS);
        _armToken();
        vm.startPrank(OWNER);
        token.approve(address(market), DOLLARS);
        market.refund(ITEM, _key(1), _tokensReceipt());
        vm.stopPrank();
        _expectTokenRefused();
        _expectTokenAccounts(0);
    }

    function test_aReceiverGetsNothingOutOfAWithdrawal() public {
        bytes[] memory calls = _receiverSells();
        for (uint256 i = 0; i < calls.length; i++) {
            _buy(BUYER, ITEM, _key(10 + i), PRICE);
            uint256 before = address(receiver).balance;
            _armReceiver(calls[i]);
            receiver.call(address(market), abi.encodeCall(market.withdraw, ()));
            // The first one also pays for the sale that is there from the beginning.
            vm.assertEq(address(receiver).balance - before, (PRICE - _fee(PRICE)) * (i == 0 ? 2 : 1));
            vm.assertEq(receiver.calls(), i + 1);
            vm.assertEq(receiver.successes(), 0);
        }
    }

    function test_aReceiverGetsNothingOutOfARefund() public {
        bytes[] memory calls = _receiverSells();
        for (uint256 i = 0; i < calls.length; i++) {
            _receiverBuys(20 + i);
            uint256 before = address(receiver).balance;
            _armReceiver(calls[i]);
            vm.prank(OWNER);
            market.refund(ITEM, _key(20 + i), _receiversReceipt());
            vm.assertEq(address(receiver).balance - before, PRICE);
            vm.assertEq(receiver.calls(), i + 1);
            vm.assertEq(receiver.successes(), 0);
            vm.assertFalse(market.verifyPurchase(ITEM, _key(20 + i)));
        }
        vm.assertEq(address(market).balance, _available(address(receiver), COIN) + _available(TREASURY, COIN));
    }

    function test_aReceiverGetsNothingOutOfItsSurplus() public {
        bytes[] memory calls = _receiverSells();
        for (uint256 i = 0; i < calls.length; i++) {
            _buy(BUYER, ITEM, _key(30 + i), PRICE);
            _armReceiver(calls[i]);
            Receipt memory receipt = Receipt(BUYER, address(receiver), COIN, PRICE, uint128(_fee(PRICE)), uint64(START));
            uint256 before = address(receiver).balance;
            receiver.call{value: 5}(address(market), abi.encodeCall(market.refund, (ITEM, _key(30 + i), receipt)));
            vm.assertEq(address(receiver).balance - before, 5);
            vm.assertEq(receiver.calls(), i + 1);
            vm.assertEq(receiver.successes(), 0);
        }
        vm.assertEq(address(market).balance, PRICE);
    }

    /// @dev The token is the publisher of the item and has sold it for itself once.
    function _tokenSells() private {
        bytes[] memory none;
        token.plan(address(market), none);
        token.mint(BUYER, 100 * uint256(DOLLARS));
        token.mint(address(token), 100 * uint256(DOLLARS));
        vm.startPrank(address(token));
        token.approve(address(market), type(uint256).max);
        market.list(ITEM, address(token), DOLLARS);
        market.list(OTHER, address(token), DOLLARS);
        vm.stopPrank();
        vm.startPrank(BUYER);
        token.approve(address(market), type(uint256).max);
        market.purchase(ITEM, _key(1), DOLLARS);
        vm.stopPrank();
    }

    function _armToken() private {
        bytes[] memory calls = new bytes[](6);
        calls[0] = abi.encodeCall(market.purchase, (OTHER, _key(3), DOLLARS));
        calls[1] = abi.encodeCall(market.withdraw, ());
        calls[2] = abi.encodeCall(market.withdrawToken, (address(token)));
        calls[3] = abi.encodeCall(market.withdrawTo, (address(token), STRANGER));
        calls[4] = abi.encodeCall(market.refund, (ITEM, _key(1), _tokensReceipt()));
        calls[5] = abi.encodeCall(market.settleFees, (TREASURY, address(token)));
        token.plan(address(market), calls);
    }

    function _expectTokenRefused() private view {
        vm.assertLe(12, token.calls());
        vm.assertEq(token.successes(), 0);
    }

    function _expectTokenAccounts(uint256 sales) private view {
        vm.assertEq(_available(address(token), address(token)), sales * (DOLLARS - _fee(DOLLARS)));
        vm.assertEq(_available(TREASURY, address(token)), sales * _fee(DOLLARS));
        vm.assertEq(token.balanceOf(address(market)), sales * DOLLARS);
    }

    function _tokensReceipt() private view returns (Receipt memory) {
        return Receipt(BUYER, address(token), address(token), DOLLARS, uint128(_fee(DOLLARS)), uint64(START));
    }

    /// @dev The receiver is the publisher of the item and has sold it to itself once.
    function _receiverSells() private returns (bytes[] memory calls) {
        receiver.call(address(market), abi.encodeCall(market.list, (ITEM, COIN, PRICE)));
        _receiverBuys(1);
        calls = new bytes[](6);
        calls[0] = abi.encodeCall(market.withdraw, ());
        calls[1] = abi.encodeCall(market.withdrawToken, (COIN));
        calls[2] = abi.encodeCall(market.withdrawTo, (COIN, STRANGER));
        calls[3] = abi.encodeCall(market.refund, (ITEM, _key(1), _receiversReceipt()));
        calls[4] = abi.encodeCall(market.settleFees, (TREASURY, COIN));
        calls[5] = abi.encodeCall(market.purchase, (ITEM, _key(9), PRICE));
    }

    function _receiverBuys(uint256 number) private {
        receiver.call{value: PRICE}(address(market), abi.encodeCall(market.purchase, (ITEM, _key(number), PRICE)));
    }

    function _receiversReceipt() private view returns (Receipt memory) {
        return Receipt(address(receiver), address(receiver), COIN, PRICE, uint128(_fee(PRICE)), uint64(START));
    }

    function _armReceiver(bytes memory call) private {
        bytes[] memory calls = new bytes[](1);
        calls[0] = call;
        receiver.plan(address(market), calls);
    }
}
