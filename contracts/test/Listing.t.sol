// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IOrbProMarketplace} from "../src/IOrbProMarketplace.sol";
import {MarketTest} from "./kit/MarketTest.sol";
import {vm} from "./kit/Vm.sol";
import {Usdc} from "./tokens/Usdc.sol";

contract ListingTest is MarketTest {
    function test_aListingSaysHowAnItemIsSold() public {
        vm.expectEmit(address(market));
        emit IOrbProMarketplace.Listed(ITEM, SELLER, COIN, PRICE, FEE_BPS);
        _list(COIN, PRICE);
        _expect(SELLER, COIN, PRICE, FEE_BPS, true);

        vm.expectEmit(address(market));
        emit IOrbProMarketplace.Listed(ITEM, SELLER, address(usdc), 5e6, FEE_BPS);
        _list(address(usdc), 5e6);
        _expect(SELLER, address(usdc), 5e6, FEE_BPS, true);

        vm.expectEmit(address(market));
        emit IOrbProMarketplace.Unlisted(ITEM);
        vm.prank(SELLER);
        market.unlist(ITEM);
        _expect(SELLER, address(usdc), 0, FEE_BPS, false);
    }

    function test_anItemNobodyListedIsNobodys() public view {
        _expect(address(0), COIN, 0, 0, false);
    }

    function test_onlyThePublisherChangesAListing() public {
        _list(COIN, PRICE);
        address[2] memory others = [STRANGER, OWNER];
        for (uint256 i = 0; i < 2; i++) {
            vm.startPrank(others[i]);
            vm.expectRevert(IOrbProMarketplace.NotPublisher.selector);
            market.list(ITEM, COIN, 1);
            vm.expectRevert(IOrbProMarketplace.NotPublisher.selector);
            market.unlist(ITEM);
            vm.expectRevert(IOrbProMarketplace.NotPublisher.selector);
            market.transferListing(ITEM, others[i]);
            vm.stopPrank();
        }
        _expect(SELLER, COIN, PRICE, FEE_BPS, true);
    }

    function test_anUnlistedItemStaysItsPublishers() public {
        _list(COIN, PRICE);
        vm.prank(SELLER);
        market.unlist(ITEM);
        vm.expectRevert(IOrbProMarketplace.NotPublisher.selector);
        vm.prank(STRANGER);
        market.list(ITEM, COIN, PRICE);
        _list(COIN, PRICE);
        _expect(SELLER, COIN, PRICE, FEE_BPS, true);
    }

    function test_nothingIsListedForNothing() public {
        vm.expectRevert(IOrbProMarketplace.BadPrice.selector);
        _list(COIN, 0);
    }

    function test_onlyAContractIsAToken() public {
        vm.expectRevert(abi.encodeWithSelector(IOrbProMarketplace.NotToken.selector, STRANGER));
        _list(STRANGER, 5e6);
    }

    /// @dev Somebody who approved several tokens expects to pay so many units of the one the item is sold in.
    function test_aPriceNeverMovesToAnotherToken() public {
        address dearer = address(new Usdc());
        _list(address(usdc), 5e6);
        _cannotMoveTo(dearer);
        vm.prank(SELLER);
        market.unlist(ITEM);
        _cannotMoveTo(dearer);
        _list(COIN, PRICE);
        _cannotMoveTo(dearer);
        vm.prank(SELLER);
        market.transferListing(ITEM, STRANGER);
        vm.startPrank(STRANGER);
        market.acceptListing(ITEM);
        vm.expectRevert(abi.encodeWithSelector(IOrbProMarketplace.TokenFixed.selector, address(usdc)));
        market.list(ITEM, dearer, 5e6);
        market.list(ITEM, address(usdc), 6e6);
        vm.stopPrank();
        _expect(STRANGER, address(usdc), 6e6, FEE_BPS, true);
    }

    function test_coinAfterATokenIsCoin() public {
        _list(address(usdc), 5e6);
        _list(COIN, PRICE);
        _expect(SELLER, COIN, PRICE, FEE_BPS, true);
        _buy();
        vm.assertEq(_withdraw(SELLER, COIN), PRICE - _fee(PRICE));
        // A price in coin that needs the token's place.
        vm.expectRevert(abi.encodeWithSelector(IOrbProMarketplace.TokenFixed.selector, address(usdc)));
        _list(COIN, uint96(type(uint80).max) + 1);
    }

    function test_aListingChangesHandsWhenBothWant() public {
        _list(COIN, PRICE);
        vm.expectEmit(address(market));
        emit IOrbProMarketplace.ListingOffered(ITEM, STRANGER);
        vm.prank(SELLER);
        market.transferListing(ITEM, STRANGER);
        _expect(SELLER, COIN, PRICE, FEE_BPS, true);

        vm.expectRevert(IOrbProMarketplace.NotOffered.selector);
        vm.prank(BUYER);
        market.acceptListing(ITEM);

        vm.expectEmit(address(market));
        emit IOrbProMarketplace.ListingTransferred(ITEM, SELLER, STRANGER);
        vm.prank(STRANGER);
        market.acceptListing(ITEM);
        _expect(STRANGER, COIN, PRICE, FEE_BPS, true);

        vm.expectRevert(IOrbProMarketplace.NotOffered.selector);
        vm.prank(STRANGER);
        market.acceptListing(ITEM);
        vm.expectRevert(IOrbProMarketplace.NotPublisher.selector);
        _list(COIN, 1);
    }

    function test_anOfferCanBeTakenBack() public {
        _list(COIN, PRICE);
        vm.startPrank(SELLER);
        market.transferListing(ITEM, STRANGER);
        market.transferListing(ITEM, address(0));
        vm.stopPrank();
        vm.expectRevert(IOrbProMarketplace.NotOffered.selector);
        vm.prank(STRANGER);
        market.acceptListing(ITEM);
    }

    function test_aRaisedFeeIsForLaterListingsAndALoweredOneForAll() public {
        _list(COIN, PRICE);
        vm.prank(OWNER);
        market.setFee(3000);
        _expect(SELLER, COIN, PRICE, 1500, true);
        _list(COIN, PRICE);
        _expect(SELLER, COIN, PRICE, 3000, true);
        vm.prank(OWNER);
        market.setFee(500);
        _expect(SELLER, COIN, PRICE, 500, true);
        _buy();
        vm.assertEq(_available(TREASURY, COIN), uint256(PRICE) * 5 / 100);
    }

    function testFuzz_aSaleCostsTheLowerOfTheTwoFees(uint16 agreed, uint16 current) public {
        agreed = uint16(_bound(agreed, 0, 3000));
        current = uint16(_bound(current, 0, 3000));
        vm.prank(OWNER);
        market.setFee(agreed);
        _list(COIN, PRICE);
        vm.prank(OWNER);
        market.setFee(current);
        uint256 bps = agreed < current ? agreed : current;
        _expect(SELLER, COIN, PRICE, uint16(bps), true);
        _buy();
        vm.assertEq(_available(TREASURY, COIN), PRICE * bps / 10_000);
        vm.assertEq(_available(SELLER, COIN), PRICE - PRICE * bps / 10_000);
    }

    function _cannotMoveTo(address token) private {
        vm.expectRevert(abi.encodeWithSelector(IOrbProMarketplace.TokenFixed.selector, address(usdc)));
        _list(token, 5e6);
    }

    function _expect(address publisher, address token, uint256 price, uint16 feeBps, bool active) private view {
        (address publisher_, address token_, uint256 price_, uint16 feeBps_, bool active_) = market.listing(ITEM);
        vm.assertEq(publisher_, publisher);
        vm.assertEq(token_, token);
        vm.assertEq(price_, price);
        vm.assertEq(feeBps_, feeBps);
        vm.assertEq(active_, active);
    }
}
