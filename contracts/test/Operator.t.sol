// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

import {IOrbProMarketplace} from "../src/IOrbProMarketplace.sol";
import {MarketTest} from "./kit/MarketTest.sol";
import {vm} from "./kit/Vm.sol";

contract OperatorTest is MarketTest {
    function test_aMarketStartsAsItWasDeployed() public view {
        vm.assertEq(market.owner(), OWNER);
        vm.assertEq(market.treasury(), TREASURY);
        vm.assertEq(market.feeBps(), FEE_BPS);
        vm.assertFalse(market.paused());
        vm.assertEq(market.MAX_FEE_BPS(), 3000);
        vm.assertEq(market.OPERATOR_REFUND_WINDOW(), 30 days);
        vm.assertEq(market.MAX_ENVELOPE(), 4096);
    }

    function test_aMarketIsNotDeployedWithABadOperatorTreasuryOrFee() public {
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableInvalidOwner.selector, address(0)));
        this.deploy(address(0), TREASURY, FEE_BPS);
        vm.expectRevert(IOrbProMarketplace.WrongRecipient.selector);
        this.deploy(OWNER, address(0), FEE_BPS);
        vm.expectRevert(abi.encodeWithSelector(IOrbProMarketplace.FeeTooHigh.selector, 3001));
        this.deploy(OWNER, TREASURY, 3001);
        this.deploy(OWNER, TREASURY, 3000);
    }

    function test_onlyTheOwnerOperates() public {
        address[3] memory others = [STRANGER, SELLER, TREASURY];
        bytes[6] memory calls = [
            abi.encodeCall(market.setFee, (0)),
            abi.encodeCall(market.setTreasury, (STRANGER)),
            abi.encodeCall(market.pause, ()),
            abi.encodeCall(market.unpause, ()),
            abi.encodeCall(market.transferOwnership, (STRANGER)),
            abi.encodeCall(market.renounceOwnership, ())
        ];
        for (uint256 i = 0; i < calls.length; i++) {
            for (uint256 j = 0; j < others.length; j++) {
                vm.prank(others[j]);
                (bool success, bytes memory why) = address(market).call(calls[i]);
                vm.assertFalse(success);
                vm.assertEq(why, abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, others[j]));
            }
        }
    }

    function test_theFeeHasACap() public {
        vm.startPrank(OWNER);
        market.setFee(0);
        vm.expectEmit(address(market));
        emit IOrbProMarketplace.FeeChanged(3000);
        market.setFee(3000);
        vm.expectRevert(abi.encodeWithSelector(IOrbProMarketplace.FeeTooHigh.selector, 3001));
        market.setFee(3001);
        vm.expectRevert(abi.encodeWithSelector(IOrbProMarketplace.FeeTooHigh.selector, type(uint16).max));
        market.setFee(type(uint16).max);
        vm.stopPrank();
        vm.assertEq(market.feeBps(), 3000);
    }

    function test_theTreasuryIsSomebody() public {
        vm.startPrank(OWNER);
        vm.expectRevert(IOrbProMarketplace.WrongRecipient.selector);
        market.setTreasury(address(0));
        vm.expectEmit(address(market));
        emit IOrbProMarketplace.TreasuryChanged(STRANGER);
        market.setTreasury(STRANGER);
        vm.stopPrank();
        vm.assertEq(market.treasury(), STRANGER);
    }

    function test_aPauseStopsPurchasesAndListingAndNothingElse() public {
        _list(COIN, PRICE);
        _buy();
        vm.prank(OWNER);
        market.pause();
        vm.assertTrue(market.paused());

        vm.expectRevert(Pausable.EnforcedPause.selector);
        vm.prank(BUYER);
        market.purchase{value: PRICE}(ITEM, _key(2), PRICE);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        _list(COIN, PRICE);

        vm.assertTrue(market.verifyPurchase(ITEM, _key(1)));
        vm.startPrank(SELLER);
        market.deliver(ITEM, _key(1), "an envelope");
        market.withdraw();
        market.transferListing(ITEM, STRANGER);
        market.unlist(ITEM);
        vm.stopPrank();
        vm.prank(STRANGER);
        market.acceptListing(ITEM);
        vm.assertEq(_withdraw(TREASURY, COIN), _fee(PRICE));

        vm.prank(OWNER);
        market.unpause();
        vm.prank(STRANGER);
        market.list(ITEM, COIN, PRICE);
        _buy(BUYER, ITEM, _key(2), PRICE);
        vm.assertEq(_available(TREASURY, COIN), _fee(PRICE));
    }

    function test_ownershipMovesWhenTheNextOwnerTakesIt() public {
        vm.prank(OWNER);
        market.transferOwnership(STRANGER);
        vm.assertEq(market.owner(), OWNER);
        vm.assertEq(market.pendingOwner(), STRANGER);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, SELLER));
        vm.prank(SELLER);
        market.acceptOwnership();
        vm.prank(STRANGER);
        market.acceptOwnership();
        vm.assertEq(market.owner(), STRANGER);
        vm.assertEq(market.pendingOwner(), address(0));
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, OWNER));
        vm.prank(OWNER);
        market.pause();
    }

    /// @dev The next owner, the pause, the fee and the fees in coin lie in one word.
    function testFuzz_whatLiesBesideTheFeesStaysAsItIs(uint16 bps, uint96 price, address next) public {
        bps = uint16(_bound(bps, 0, 3000));
        price = uint96(_bound(price, 1, 30_000 ether));
        vm.startPrank(OWNER);
        market.setFee(bps);
        market.transferOwnership(next);
        vm.stopPrank();
        _list(COIN, price);
        _buy(BUYER, ITEM, _key(1), price);
        uint256 fee = uint256(price) * bps / 10_000;
        vm.assertEq(market.pendingOwner(), next);
        vm.assertEq(market.feeBps(), bps);
        vm.assertFalse(market.paused());
        vm.assertEq(_available(TREASURY, COIN), fee);
        vm.startPrank(OWNER);
        market.pause();
        market.setFee(7);
        market.transferOwnership(STRANGER);
        vm.stopPrank();
        vm.assertEq(_available(TREASURY, COIN), fee);
        vm.assertTrue(market.paused());
        if (fee != 0) vm.assertEq(_withdraw(TREASURY, COIN), fee);
        vm.assertEq(market.pendingOwner(), STRANGER);
        vm.assertEq(market.feeBps(), 7);
        vm.assertTrue(market.paused());
    }

    function test_anOperatorLeavesNoMarketBehindThatIsPaused() public {
        vm.startPrank(OWNER);
        market.pause();
        vm.expectRevert(Pausable.EnforcedPause.selector);
        market.renounceOwnership();
        market.unpause();
        market.renounceOwnership();
        vm.stopPrank();
        vm.assertEq(market.owner(), address(0));
        _list(COIN, PRICE);
        _buy();
        vm.assertEq(_withdraw(SELLER, COIN), PRICE - _fee(PRICE));
        vm.assertEq(_withdraw(TREASURY, COIN), _fee(PRICE));
    }

    function deploy(address owner, address treasury, uint16 feeBps) external {
        _deploy(owner, treasury, feeBps);
    }
}
