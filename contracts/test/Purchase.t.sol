// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IOrbProMarketplace, Receipt} from "../src/IOrbProMarketplace.sol";
import {MarketTest} from "./kit/MarketTest.sol";
import {vm} from "./kit/Vm.sol";

contract PurchaseTest is MarketTest {
    function test_aPaidItemVerifiesForItsKeyAlone() public {
        _list(COIN, PRICE);
        vm.assertFalse(market.verifyPurchase(ITEM, _key(1)));
        _buy();
        vm.assertTrue(market.verifyPurchase(ITEM, _key(1)));
        vm.assertFalse(market.verifyPurchase(ITEM, _key(2)));
        vm.assertFalse(market.verifyPurchase(keccak256("com.publisher.my-plugin@1.0.1"), _key(1)));
    }

    function test_fifteenOfAHundredAreTheTreasurysToTheWei() public {
        uint96 price = 100_000_000_000_000_003;
        _list(COIN, price);
        _buy(BUYER, ITEM, _key(1), price);
        vm.assertEq(_withdraw(SELLER, COIN), 85_000_000_000_000_003);
        vm.assertEq(_withdraw(TREASURY, COIN), 15_000_000_000_000_000);
        vm.assertEq(address(market).balance, 0);
    }

    function testFuzz_sellerAndTreasuryGetThePriceBetweenThem(uint96 price, uint16 bps) public {
        price = uint96(_bound(price, 1, type(uint96).max));
        bps = uint16(_bound(bps, 0, market.MAX_FEE_BPS()));
        vm.prank(OWNER);
        market.setFee(bps);
        _list(COIN, price);
        vm.deal(BUYER, price);
        _buy(BUYER, ITEM, _key(1), price);
        uint256 fee = uint256(price) * bps / 10_000;
        vm.assertEq(_withdraw(SELLER, COIN), price - fee);
        vm.assertEq(_available(TREASURY, COIN), fee);
        if (fee != 0) vm.assertEq(_withdraw(TREASURY, COIN), fee);
        vm.assertEq(address(market).balance, 0);
    }

    function test_aKeyBuysAnItemOnce() public {
        _list(COIN, PRICE);
        _buy();
        _refused(IOrbProMarketplace.AlreadyPurchased.selector, PRICE, PRICE);
        vm.assertEq(address(market).balance, PRICE);
    }

    function test_anybodyPaysForAnybodysKey() public {
        _list(COIN, PRICE);
        vm.deal(STRANGER, PRICE);
        _buy(STRANGER, ITEM, _key(1), PRICE);
        vm.assertTrue(market.verifyPurchase(ITEM, _key(1)));
    }

    function test_whatIsNotListedIsNotSold() public {
        _refused(IOrbProMarketplace.NotListed.selector, PRICE, PRICE);
        _refused(IOrbProMarketplace.NotListed.selector, 0, 0);
        _list(COIN, PRICE);
        vm.prank(SELLER);
        market.unlist(ITEM);
        _refused(IOrbProMarketplace.NotListed.selector, PRICE, PRICE);
        _refused(IOrbProMarketplace.NotListed.selector, 0, 0);
    }

    function testFuzz_onlyTheExactPricePays(uint256 amount, uint256 value) public {
        _list(COIN, PRICE);
        value = _bound(value, 0, 1_000_000 ether);
        vm.assume(amount != PRICE || value != PRICE);
        vm.expectRevert(
            amount != PRICE
                ? _error(IOrbProMarketplace.WrongAmount.selector, PRICE, amount)
                : _error(IOrbProMarketplace.WrongAmount.selector, PRICE, value)
        );
        vm.prank(BUYER);
        market.purchase{value: value}(ITEM, _key(1), amount);
        vm.assertFalse(market.verifyPurchase(ITEM, _key(1)));
    }

    function test_aBuyerWhoExpectedTheOldPricePaysNothing() public {
        _list(COIN, PRICE);
        _list(COIN, PRICE + 1);
        vm.expectRevert(_error(IOrbProMarketplace.WrongAmount.selector, PRICE + 1, PRICE));
        vm.prank(BUYER);
        market.purchase{value: PRICE}(ITEM, _key(1), PRICE);
    }

    function test_aPriceOfAnySizeIsPaidInCoin() public {
        uint96[4] memory prices = [1, uint96(type(uint80).max), uint96(type(uint80).max) + 1, type(uint96).max];
        for (uint256 i = 0; i < prices.length; i++) {
            _list(COIN, prices[i]);
            (, address token, uint256 price,, bool active) = market.listing(ITEM);
            vm.assertEq(token, COIN);
            vm.assertEq(price, prices[i]);
            vm.assertTrue(active);
            vm.deal(BUYER, prices[i]);
            _buy(BUYER, ITEM, _key(i), prices[i]);
            vm.assertEq(_withdraw(SELLER, COIN), prices[i] - _fee(prices[i]));
        }
    }

    function test_coinSentWithoutAPurchaseIsRefused() public {
        (bool sent,) = address(market).call{value: 1 ether}("");
        vm.assertFalse(sent);
    }

    function test_aSaleIsTheSellersOfTheDay() public {
        _list(COIN, PRICE);
        _buy();
        vm.prank(SELLER);
        market.transferListing(ITEM, STRANGER);
        vm.prank(STRANGER);
        market.acceptListing(ITEM);
        _buy(BUYER, ITEM, _key(2), PRICE);
        vm.assertEq(_available(SELLER, COIN), PRICE - _fee(PRICE));
        vm.assertEq(_available(STRANGER, COIN), PRICE - _fee(PRICE));
    }

    function test_anEnvelopeIsPublishedByPublisherOrOwnerForASaleThatStands() public {
        _list(COIN, PRICE);
        bytes memory envelope = new bytes(4096);
        vm.expectRevert(IOrbProMarketplace.NotPurchased.selector);
        vm.prank(SELLER);
        market.deliver(ITEM, _key(1), envelope);

        Receipt memory receipt = _buy();
        address[2] memory allowed = [SELLER, OWNER];
        for (uint256 i = 0; i < 2; i++) {
            vm.expectEmit(address(market));
            emit IOrbProMarketplace.EnvelopeDelivered(ITEM, keccak256(_key(1)), envelope);
            vm.prank(allowed[i]);
            market.deliver(ITEM, _key(1), envelope);
        }
        vm.expectRevert(IOrbProMarketplace.NotPublisher.selector);
        vm.prank(BUYER);
        market.deliver(ITEM, _key(1), envelope);
        vm.expectRevert(abi.encodeWithSelector(IOrbProMarketplace.BadEnvelope.selector, 4097));
        vm.prank(SELLER);
        market.deliver(ITEM, _key(1), new bytes(4097));
        vm.expectRevert(abi.encodeWithSelector(IOrbProMarketplace.BadEnvelope.selector, 0));
        vm.prank(SELLER);
        market.deliver(ITEM, _key(1), "");

        vm.startPrank(SELLER);
        market.refund(ITEM, _key(1), receipt);
        vm.expectRevert(IOrbProMarketplace.NotPurchased.selector);
        market.deliver(ITEM, _key(1), envelope);
        vm.stopPrank();
    }

    function _refused(bytes4 why, uint256 amount, uint256 value) private {
        vm.expectRevert(why);
        vm.prank(BUYER);
        market.purchase{value: value}(ITEM, _key(1), amount);
    }
}
