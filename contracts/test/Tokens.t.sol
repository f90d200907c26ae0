// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IOrbProMarketplace, Receipt} from "../src/IOrbProMarketplace.sol";
import {MarketTest} from "./kit/MarketTest.sol";
import {vm} from "./kit/Vm.sol";
import {FeeToken} from "./tokens/FeeToken.sol";
import {EmptyToken, FalseToken, GenerousToken} from "./tokens/OddTokens.sol";
import {Usdc} from "./tokens/Usdc.sol";
import {Usdt} from "./tokens/Usdt.sol";

contract TokensTest is MarketTest {
    uint96 private constant DOLLARS = 5e6;

    function test_aTokenThatIsPaidInNeedsAnAllowanceAndNoCoin() public {
        _list(address(usdc), DOLLARS);
        usdc.mint(BUYER, DOLLARS);
        vm.startPrank(BUYER);
        (bool success,) = address(market).call(abi.encodeCall(market.purchase, (ITEM, _key(1), DOLLARS)));
        vm.assertFalse(success);
        usdc.approve(address(market), DOLLARS);
        vm.expectRevert(_error(IOrbProMarketplace.WrongAmount.selector, 0, 1));
        market.purchase{value: 1}(ITEM, _key(1), DOLLARS);
        vm.expectRevert(_error(IOrbProMarketplace.WrongAmount.selector, DOLLARS, DOLLARS - 1));
        market.purchase(ITEM, _key(1), DOLLARS - 1);
        vm.assertFalse(market.verifyPurchase(ITEM, _key(1)));
        market.purchase(ITEM, _key(1), DOLLARS);
        vm.stopPrank();
        vm.assertTrue(market.verifyPurchase(ITEM, _key(1)));
        vm.assertEq(_withdraw(SELLER, address(usdc)), 4.25e6);
        vm.assertEq(_withdraw(TREASURY, address(usdc)), 0.75e6);
    }

    function test_aTokenThatReturnsNothingWorksThroughout() public {
        Usdt usdt = new Usdt();
        _list(address(usdt), DOLLARS);
        usdt.mint(BUYER, 2 * DOLLARS);
        vm.startPrank(BUYER);
        usdt.approve(address(market), 2 * DOLLARS);
        market.purchase(ITEM, _key(1), DOLLARS);
        market.purchase(ITEM, _key(2), DOLLARS);
        vm.stopPrank();
        Receipt memory receipt = _receipt(BUYER, address(usdt), DOLLARS);
        vm.prank(SELLER);
        market.refund(ITEM, _key(1), receipt);
        vm.assertEq(usdt.balanceOf(BUYER), DOLLARS);
        vm.assertEq(_withdraw(SELLER, address(usdt)), 4.25e6);
        vm.assertEq(_withdraw(TREASURY, address(usdt)), 0.75e6);
        vm.prank(SELLER);
        usdt.approve(address(market), DOLLARS);
        vm.prank(TREASURY);
        usdt.transfer(SELLER, 0.75e6);
        vm.prank(SELLER);
        market.refund(ITEM, _key(2), receipt);
        vm.assertEq(usdt.balanceOf(BUYER), 2 * DOLLARS);
    }

    function test_aTokenThatKeepsAPartIsRefused() public {
        FeeToken token = new FeeToken();
        _list(address(token), DOLLARS);
        token.mint(BUYER, DOLLARS);
        vm.startPrank(BUYER);
        token.approve(address(market), DOLLARS);
        vm.expectRevert(_error(IOrbProMarketplace.FeeOnTransfer.selector, DOLLARS, DOLLARS - DOLLARS / 100));
        market.purchase(ITEM, _key(1), DOLLARS);
        vm.stopPrank();
        _nothingSold(address(token));
    }

    function test_aTokenThatGivesTooMuchIsRefused() public {
        GenerousToken token = new GenerousToken();
        _list(address(token), DOLLARS);
        token.mint(BUYER, DOLLARS);
        vm.startPrank(BUYER);
        token.approve(address(market), DOLLARS);
        vm.expectRevert(_error(IOrbProMarketplace.FeeOnTransfer.selector, DOLLARS, DOLLARS + 1));
        market.purchase(ITEM, _key(1), DOLLARS);
        vm.stopPrank();
        _nothingSold(address(token));
    }

    function test_aTokenThatMovesNothingBuysNothing() public {
        address says = address(new EmptyToken());
        _list(says, DOLLARS);
        vm.expectRevert(_error(IOrbProMarketplace.FeeOnTransfer.selector, DOLLARS, 0));
        vm.prank(BUYER);
        market.purchase(ITEM, _key(1), DOLLARS);
        _nothingSold(says);
    }

    function test_aTokenThatSaysFalseBuysNothing() public {
        address says = address(new FalseToken());
        _list(says, DOLLARS);
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, says));
        vm.prank(BUYER);
        market.purchase(ITEM, _key(1), DOLLARS);
        _nothingSold(says);
    }

    function test_theMarketIsNoToken() public {
        _list(address(market), DOLLARS);
        vm.prank(BUYER);
        (bool success,) = address(market).call(abi.encodeCall(market.purchase, (ITEM, _key(1), DOLLARS)));
        vm.assertFalse(success);
        _nothingSold(address(market));
    }

    function test_aSellersWorthlessTokenBuysNothingOfOthers() public {
        _list(address(usdc), DOLLARS);
        _buyIn(usdc, DOLLARS);
        Usdc worthless = new Usdc();
        bytes32 own = keccak256("the seller's own");
        vm.prank(STRANGER);
        market.list(own, address(worthless), DOLLARS);
        worthless.mint(STRANGER, DOLLARS);
        vm.startPrank(STRANGER);
        worthless.approve(address(market), DOLLARS);
        market.purchase(own, _key(1), DOLLARS);
        vm.expectRevert(IOrbProMarketplace.NothingToWithdraw.selector);
        market.withdrawToken(address(usdc));
        vm.stopPrank();
        vm.assertEq(_withdraw(STRANGER, address(worthless)), 4.25e6);
        vm.assertEq(_withdraw(SELLER, address(usdc)), 4.25e6);
    }

    function testFuzz_sellerAndTreasuryGetThePriceBetweenThem(uint96 price) public {
        price = uint96(_bound(price, 1, type(uint96).max));
        _list(address(usdc), price);
        _buyIn(usdc, price);
        vm.assertEq(_withdraw(SELLER, address(usdc)), price - _fee(price));
        vm.assertEq(_available(TREASURY, address(usdc)), _fee(price));
        vm.assertEq(usdc.balanceOf(address(market)), _fee(price));
    }

    function _nothingSold(address token) private view {
        vm.assertFalse(market.verifyPurchase(ITEM, _key(1)));
        vm.assertEq(_available(SELLER, token), 0);
        vm.assertEq(_available(TREASURY, token), 0);
    }
}
