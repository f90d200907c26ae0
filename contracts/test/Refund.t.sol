// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IOrbProMarketplace, Receipt} from "../src/IOrbProMarketplace.sol";
import {Bomb, Guzzler, Rejecting, Trader, Wallet} from "./actors/Payers.sol";
import {MarketTest} from "./kit/MarketTest.sol";
import {vm} from "./kit/Vm.sol";

contract RefundTest is MarketTest {
    uint96 private constant DOLLARS = 5e6;

    function test_aRefundedSaleDoesNotVerifyAndThePayerHasTheMoney() public {
        _list(COIN, PRICE);
        Receipt memory receipt = _buy();
        uint256 before = BUYER.balance;
        vm.expectEmit(address(market));
        emit IOrbProMarketplace.PurchaseRefunded(ITEM, keccak256(_key(1)), BUYER, COIN, PRICE, SELLER);
        _refund(SELLER, receipt, 0);
        vm.assertFalse(market.verifyPurchase(ITEM, _key(1)));
        vm.assertEq(BUYER.balance - before, PRICE);
        vm.assertEq(_available(SELLER, COIN), 0);
        vm.assertEq(_available(TREASURY, COIN), 0);
        vm.assertEq(address(market).balance, 0);
    }

    function test_aRefundInATokenGoesBackInTheToken() public {
        _list(address(usdc), DOLLARS);
        Receipt memory receipt = _buyIn(usdc, DOLLARS);
        _refund(SELLER, receipt, 0);
        vm.assertFalse(market.verifyPurchase(ITEM, _key(1)));
        vm.assertEq(usdc.balanceOf(BUYER), DOLLARS);
        vm.assertEq(_available(SELLER, address(usdc)), 0);
        vm.assertEq(_available(TREASURY, address(usdc)), 0);
    }

    function test_aSaleIsRefundedOnce() public {
        _list(COIN, PRICE);
        Receipt memory receipt = _buy();
        _refund(SELLER, receipt, 0);
        vm.expectRevert(IOrbProMarketplace.NotPurchased.selector);
        _refund(SELLER, receipt, PRICE);
    }

    function test_aRefundedKeyCanBuyAgain() public {
        _list(COIN, PRICE);
        _refund(SELLER, _buy(), 0);
        Receipt memory again = _buy();
        vm.assertTrue(market.verifyPurchase(ITEM, _key(1)));
        _refund(SELLER, again, 0);
        vm.assertFalse(market.verifyPurchase(ITEM, _key(1)));
    }

    function test_onlyThePublisherOrTheOwnerRefunds() public {
        _list(COIN, PRICE);
        Receipt memory receipt = _buy();
        address[3] memory others = [BUYER, STRANGER, TREASURY];
        for (uint256 i = 0; i < 3; i++) {
            vm.deal(others[i], 1 ether);
            vm.expectRevert(IOrbProMarketplace.NotPublisher.selector);
            _refund(others[i], receipt, PRICE);
        }
        vm.assertTrue(market.verifyPurchase(ITEM, _key(1)));
    }

    function test_theOwnerRefundsForThirtyDaysAndThePublisherForEver() public {
        _list(COIN, PRICE);
        Receipt memory receipt = _buy();
        vm.warp(START + 30 days + 1);
        vm.expectRevert(abi.encodeWithSelector(IOrbProMarketplace.RefundWindowClosed.selector, START + 30 days));
        _refund(OWNER, receipt, 0);
        vm.warp(START + 30 days);
        _refund(OWNER, receipt, 0);

        Receipt memory later = _buy();
        vm.warp(START + 3650 days);
        _refund(SELLER, later, 0);
        vm.assertFalse(market.verifyPurchase(ITEM, _key(1)));
    }

    function test_theFormerPublisherRefundsTheFormerSales() public {
        _list(COIN, PRICE);
        Receipt memory receipt = _buy();
        vm.prank(SELLER);
        market.transferListing(ITEM, STRANGER);
        vm.prank(STRANGER);
        market.acceptListing(ITEM);
        vm.expectRevert(IOrbProMarketplace.NotPublisher.selector);
        _refund(STRANGER, receipt, 0);
        _refund(SELLER, receipt, 0);
    }

    function test_aReceiptWithAnythingElseInItIsRefused() public {
        _list(COIN, PRICE);
        _buy();
        Receipt[6] memory wrong;
        for (uint256 i = 0; i < 6; i++) {
            wrong[i] = _receipt(BUYER, COIN, PRICE);
        }
        wrong[0].payer = SELLER;
        wrong[1].publisher = STRANGER;
        wrong[2].token = address(usdc);
        wrong[3].amount += 1;
        wrong[4].fee -= 1;
        wrong[5].paidAt += 1;
        vm.deal(SELLER, 1 ether);
        for (uint256 i = 0; i < 6; i++) {
            vm.expectRevert(IOrbProMarketplace.WrongReceipt.selector);
            _refund(SELLER, wrong[i], 0);
        }
        vm.expectRevert(IOrbProMarketplace.WrongReceipt.selector);
        _refund(STRANGER, wrong[1], 0);
    }

    function test_aSaleIsRefundedForItsOwnItemAndKeyAlone() public {
        _list(COIN, PRICE);
        Receipt memory receipt = _buy();
        vm.startPrank(SELLER);
        vm.expectRevert(IOrbProMarketplace.NotPurchased.selector);
        market.refund(ITEM, _key(2), receipt);
        vm.expectRevert(IOrbProMarketplace.NotPurchased.selector);
        market.refund(keccak256("another item"), _key(1), receipt);
        vm.stopPrank();
    }

    function test_whatWasWithdrawnIsPaidByWhoRefunds() public {
        _list(COIN, PRICE);
        Receipt memory receipt = _buy();
        uint256 share = PRICE - _fee(PRICE);
        _withdraw(SELLER, COIN);

        vm.expectRevert(_error(IOrbProMarketplace.WrongAmount.selector, share, 0));
        _refund(SELLER, receipt, 0);
        vm.expectRevert(_error(IOrbProMarketplace.WrongAmount.selector, share, share - 1));
        _refund(SELLER, receipt, share - 1);

        // A surplus, because the treasury might have withdrawn in the meantime, comes back.
        vm.deal(SELLER, PRICE);
        uint256 before = BUYER.balance;
        _refund(SELLER, receipt, PRICE);
        vm.assertEq(SELLER.balance, PRICE - share);
        vm.assertEq(BUYER.balance - before, PRICE);
        vm.assertEq(address(market).balance, 0);
    }

    function test_withdrawnFeesArePaidByWhoRefundsToo() public {
        _list(COIN, PRICE);
        Receipt memory receipt = _buy();
        _withdraw(SELLER, COIN);
        _withdraw(TREASURY, COIN);
        vm.deal(OWNER, PRICE);
        vm.expectRevert(_error(IOrbProMarketplace.WrongAmount.selector, PRICE, PRICE - 1));
        _refund(OWNER, receipt, PRICE - 1);
        _refund(OWNER, receipt, PRICE);
        vm.assertEq(OWNER.balance, 0);
        vm.assertEq(address(market).balance, 0);
    }

    function test_settledFeesAreTheTreasurysAndNotTakenBack() public {
        _list(COIN, PRICE);
        Receipt memory receipt = _buy();
        vm.prank(TREASURY);
        market.settleFees(TREASURY, COIN);
        vm.expectRevert(_error(IOrbProMarketplace.WrongAmount.selector, _fee(PRICE), 0));
        _refund(SELLER, receipt, 0);
        vm.assertEq(_withdraw(TREASURY, COIN), _fee(PRICE));
    }

    function test_aRefundNeverTouchesTheMoneyOfOthers() public {
        bytes32 other = keccak256("another item");
        vm.prank(STRANGER);
        market.list(other, COIN, PRICE);
        _buy(BUYER, other, _key(1), PRICE);
        _list(COIN, PRICE);
        Receipt memory receipt = _buy();
        _withdraw(SELLER, COIN);
        vm.deal(SELLER, PRICE);
        _refund(SELLER, receipt, PRICE);
        vm.assertEq(_withdraw(STRANGER, COIN), PRICE - _fee(PRICE));
        vm.assertEq(_withdraw(TREASURY, COIN), _fee(PRICE));
        vm.assertEq(address(market).balance, 0);
    }

    function test_whatIsMissingOfATokenIsPulledFromWhoRefunds() public {
        _list(address(usdc), DOLLARS);
        Receipt memory receipt = _buyIn(usdc, DOLLARS);
        _withdraw(SELLER, address(usdc));
        (bool success,) = address(market).call(abi.encodeCall(market.refund, (ITEM, _key(1), receipt)));
        vm.assertFalse(success);
        vm.prank(SELLER);
        usdc.approve(address(market), DOLLARS);
        _refund(SELLER, receipt, 0);
        vm.assertEq(usdc.balanceOf(SELLER), 0);
        vm.assertEq(usdc.balanceOf(BUYER), DOLLARS);
        vm.assertEq(usdc.balanceOf(address(market)), 0);
    }

    function test_coinForARefundInATokenIsRefused() public {
        _list(address(usdc), DOLLARS);
        Receipt memory receipt = _buyIn(usdc, DOLLARS);
        vm.deal(SELLER, 1);
        vm.expectRevert(_error(IOrbProMarketplace.WrongAmount.selector, 0, 1));
        _refund(SELLER, receipt, 1);
    }

    function test_aPayerThatIsAWalletIsPaid() public {
        Wallet wallet = new Wallet();
        _refundTo(wallet);
        vm.assertEq(wallet.received(), PRICE);
        vm.assertEq(_available(address(wallet), COIN), 0);
    }

    /// @dev Else such a payer could keep a sale from being taken back.
    function test_aPayerWhoTakesNoCoinFindsItInTheBalance() public {
        Trader[3] memory payers = [new Rejecting(), Trader(new Guzzler()), new Bomb()];
        for (uint256 i = 0; i < 3; i++) {
            _refundTo(payers[i]);
            vm.assertEq(_available(address(payers[i]), COIN), PRICE);
            payers[i].call(address(market), abi.encodeCall(market.withdrawTo, (COIN, STRANGER)));
            vm.assertEq(STRANGER.balance, (i + 1) * uint256(PRICE));
        }
    }

    /// @dev Else such a payer could make a refund as dear as a block.
    function test_aPayerWhoUsesUpGasUsesLittle() public {
        Guzzler guzzler = new Guzzler();
        _list(COIN, PRICE);
        guzzler.call{value: PRICE}(address(market), abi.encodeCall(market.purchase, (ITEM, _key(1), PRICE)));
        Receipt memory receipt = _receipt(address(guzzler), COIN, PRICE);
        vm.prank(SELLER);
        market.refund{gas: 200_000}(ITEM, _key(1), receipt);
        vm.assertEq(_available(address(guzzler), COIN), PRICE);
    }

    function test_aBlacklistedPayerFindsTheTokensInTheBalance() public {
        _list(address(usdc), DOLLARS);
        Receipt memory receipt = _buyIn(usdc, DOLLARS);
        usdc.setBlacklisted(BUYER, true);
        _refund(SELLER, receipt, 0);
        vm.assertFalse(market.verifyPurchase(ITEM, _key(1)));
        vm.assertEq(_available(BUYER, address(usdc)), DOLLARS);
        vm.prank(BUYER);
        market.withdrawTo(address(usdc), STRANGER);
        vm.assertEq(usdc.balanceOf(STRANGER), DOLLARS);
    }

    function test_aRefundIsGivenDuringAPause() public {
        _list(COIN, PRICE);
        Receipt memory receipt = _buy();
        vm.prank(OWNER);
        market.pause();
        _refund(SELLER, receipt, 0);
        vm.assertFalse(market.verifyPurchase(ITEM, _key(1)));
    }

    function testFuzz_aRefundMovesThePriceAndNothingElse(uint96 price, uint96 surplus, bool sellerOut, bool treasuryOut)
        public
    {
        price = uint96(_bound(price, 10, 1000 ether));
        _list(COIN, price);
        Receipt memory receipt = _buy(BUYER, ITEM, _key(1), price);
        _buy(BUYER, ITEM, _key(2), price);
        if (sellerOut) _withdraw(SELLER, COIN);
        if (treasuryOut) _withdraw(TREASURY, COIN);
        uint256 before = SELLER.balance + BUYER.balance + TREASURY.balance + address(market).balance;
        uint256 payer = BUYER.balance;
        vm.deal(SELLER, SELLER.balance + price + surplus);
        _refund(SELLER, receipt, uint256(price) + surplus);
        vm.assertEq(BUYER.balance - payer, price);
        vm.assertEq(
            SELLER.balance + BUYER.balance + TREASURY.balance + address(market).balance, before + price + surplus
        );
        vm.assertEq(address(market).balance, _available(SELLER, COIN) + _available(TREASURY, COIN));
    }

    function _refundTo(Trader payer) private {
        vm.prank(SELLER);
        market.list(ITEM, COIN, PRICE);
        payer.call{value: PRICE}(address(market), abi.encodeCall(market.purchase, (ITEM, _key(1), PRICE)));
        _refund(SELLER, _receipt(address(payer), COIN, PRICE), 0);
        vm.assertFalse(market.verifyPurchase(ITEM, _key(1)));
    }

    function _refund(address by, Receipt memory receipt, uint256 value) private {
        if (by.balance < value) vm.deal(by, value);
        vm.prank(by);
        market.refund{value: value}(ITEM, _key(1), receipt);
    }
}
