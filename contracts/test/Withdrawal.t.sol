// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IOrbProMarketplace} from "../src/IOrbProMarketplace.sol";
import {Bequest, Rejecting, Wallet} from "./actors/Payers.sol";
import {MarketTest} from "./kit/MarketTest.sol";
import {vm} from "./kit/Vm.sol";

contract WithdrawalTest is MarketTest {
    function test_aWithdrawalPaysTheCallersMoneyOnce() public {
        _list(COIN, PRICE);
        _buy();
        uint256 share = PRICE - _fee(PRICE);
        vm.expectEmit(address(market));
        emit IOrbProMarketplace.Withdrawn(SELLER, COIN, SELLER, share);
        vm.prank(SELLER);
        market.withdraw();
        vm.assertEq(SELLER.balance, share);
        _nothingFor(SELLER, COIN);
    }

    function test_whoEarnedNothingGetsNothing() public {
        _list(COIN, PRICE);
        _buy();
        _nothingFor(STRANGER, COIN);
        _nothingFor(BUYER, COIN);
        _nothingFor(OWNER, COIN);
        _nothingFor(SELLER, address(usdc));
        _nothingFor(TREASURY, address(usdc));
    }

    function test_coinAndTokensAreCountedApart() public {
        _list(COIN, PRICE);
        _buy(BUYER, ITEM, _key(2), PRICE);
        _list(address(usdc), 5e6);
        _buyIn(usdc, 5e6);
        vm.assertEq(_withdraw(SELLER, address(usdc)), 4.25e6);
        vm.assertEq(_withdraw(TREASURY, address(usdc)), 0.75e6);
        vm.assertEq(_withdraw(SELLER, COIN), PRICE - _fee(PRICE));
        vm.assertEq(_withdraw(TREASURY, COIN), _fee(PRICE));
        vm.assertEq(address(market).balance, 0);
        vm.assertEq(usdc.balanceOf(address(market)), 0);
    }

    function test_moneyGoesWhereItsOwnerSays() public {
        _list(COIN, PRICE);
        _buy(BUYER, ITEM, _key(2), PRICE);
        _list(address(usdc), 5e6);
        _buyIn(usdc, 5e6);
        vm.startPrank(SELLER);
        market.withdrawTo(COIN, STRANGER);
        market.withdrawTo(address(usdc), STRANGER);
        vm.stopPrank();
        vm.assertEq(STRANGER.balance, PRICE - _fee(PRICE));
        vm.assertEq(usdc.balanceOf(STRANGER), 4.25e6);
    }

    function test_moneyIsNotThrownAway() public {
        _list(COIN, PRICE);
        _buy();
        address[2] memory nobody = [address(0), address(market)];
        for (uint256 i = 0; i < 2; i++) {
            vm.expectRevert(IOrbProMarketplace.WrongRecipient.selector);
            vm.prank(SELLER);
            market.withdrawTo(COIN, nobody[i]);
        }
        vm.assertEq(_available(SELLER, COIN), PRICE - _fee(PRICE));
    }

    function test_aSellerThatIsAContractIsPaid() public {
        Wallet wallet = new Wallet();
        wallet.call(address(market), abi.encodeCall(market.list, (ITEM, COIN, PRICE)));
        _buy();
        wallet.call(address(market), abi.encodeCall(market.withdraw, ()));
        vm.assertEq(wallet.received(), PRICE - _fee(PRICE));
    }

    function test_aSellerWhoTakesNoCoinKeepsItHere() public {
        Rejecting rejecting = new Rejecting();
        rejecting.call(address(market), abi.encodeCall(market.list, (ITEM, COIN, PRICE)));
        _buy();
        (bool success,) = address(rejecting)
            .call(abi.encodeCall(rejecting.call, (address(market), abi.encodeCall(market.withdraw, ()))));
        vm.assertFalse(success);
        vm.assertEq(_available(address(rejecting), COIN), PRICE - _fee(PRICE));
        rejecting.call(address(market), abi.encodeCall(market.withdrawTo, (COIN, STRANGER)));
        vm.assertEq(STRANGER.balance, PRICE - _fee(PRICE));
    }

    function test_theFeesAreTheTreasurysOfTheDay() public {
        _list(COIN, PRICE);
        _buy();
        vm.prank(OWNER);
        market.setTreasury(STRANGER);
        _nothingFor(TREASURY, COIN);
        vm.assertEq(_withdraw(STRANGER, COIN), _fee(PRICE));
    }

    function test_settledFeesStayWithTheTreasuryThatWas() public {
        _list(address(usdc), 5e6);
        _buyIn(usdc, 5e6);
        _expect(TREASURY, address(usdc), 0.75e6, 0.75e6);
        vm.expectEmit(address(market));
        emit IOrbProMarketplace.FeesSettled(TREASURY, address(usdc), 0.75e6);
        vm.prank(OWNER);
        market.settleFees(TREASURY, address(usdc));
        _expect(TREASURY, address(usdc), 0.75e6, 0);
        vm.prank(OWNER);
        market.setTreasury(STRANGER);
        _expect(TREASURY, address(usdc), 0.75e6, 0);
        _expect(STRANGER, address(usdc), 0, 0);
        vm.assertEq(_withdraw(TREASURY, address(usdc)), 0.75e6);
    }

    /// @dev Else anybody could make every refund cost its seller the fee.
    function test_onlyTreasuryAndOwnerSettle() public {
        _list(COIN, PRICE);
        _buy();
        address[3] memory others = [STRANGER, BUYER, SELLER];
        for (uint256 i = 0; i < 3; i++) {
            vm.expectRevert(IOrbProMarketplace.NotTreasury.selector);
            vm.prank(others[i]);
            market.settleFees(TREASURY, COIN);
        }
        vm.prank(TREASURY);
        market.settleFees(TREASURY, COIN);
        _expect(TREASURY, COIN, _fee(PRICE), 0);
    }

    function test_thereIsNothingToSettleForOthers() public {
        _list(COIN, PRICE);
        _buy();
        market.settleFees(SELLER, COIN);
        market.settleFees(STRANGER, COIN);
        _expect(SELLER, COIN, PRICE - _fee(PRICE), 0);
        _expect(STRANGER, COIN, 0, 0);
        _expect(TREASURY, COIN, _fee(PRICE), _fee(PRICE));
    }

    function test_aTreasuryThatSellsGetsItsEarningsAndThenTheFees() public {
        vm.prank(TREASURY);
        market.list(ITEM, COIN, PRICE);
        _buy();
        _expect(TREASURY, COIN, PRICE, _fee(PRICE));
        vm.assertEq(_withdraw(TREASURY, COIN), PRICE - _fee(PRICE));
        vm.assertEq(_withdraw(TREASURY, COIN), _fee(PRICE));
        _nothingFor(TREASURY, COIN);
    }

    /// @dev 2^72 wei of fees fill the place that they have beside the pause.
    function test_feesOfAnySizeAreTheTreasurys() public {
        uint96 price = 30_000 ether;
        _list(COIN, price);
        uint256 expected;
        for (uint256 i = 0; i < 5; i++) {
            _buy(BUYER, ITEM, _key(i), price);
            expected += 4500 ether;
            _expect(TREASURY, COIN, expected, expected);
        }
        vm.assertFalse(market.paused());
        vm.assertEq(market.feeBps(), FEE_BPS);
        vm.assertEq(market.pendingOwner(), address(0));
        vm.assertEq(_withdraw(TREASURY, COIN), expected);
        _nothingFor(TREASURY, COIN);
        _buy(BUYER, ITEM, _key(9), price);
        vm.assertEq(_withdraw(TREASURY, COIN), 4500 ether);
    }

    function test_coinForcedInIsNobodysAndChangesNothing() public {
        _list(COIN, PRICE);
        _buy();
        vm.deal(address(this), 5 ether);
        new Bequest{value: 5 ether}(payable(address(market)));
        vm.assertEq(address(market).balance, PRICE + 5 ether);
        vm.assertEq(_withdraw(SELLER, COIN), PRICE - _fee(PRICE));
        vm.assertEq(_withdraw(TREASURY, COIN), _fee(PRICE));
        _nothingFor(SELLER, COIN);
        _nothingFor(TREASURY, COIN);
        vm.assertEq(address(market).balance, 5 ether);
    }

    function test_tokensSentWithoutAPurchaseAreNobodys() public {
        _list(address(usdc), 5e6);
        usdc.mint(address(market), 100e6);
        _buyIn(usdc, 5e6);
        vm.assertEq(_withdraw(SELLER, address(usdc)), 4.25e6);
        vm.assertEq(_withdraw(TREASURY, address(usdc)), 0.75e6);
        vm.assertEq(usdc.balanceOf(address(market)), 100e6);
    }

    function _nothingFor(address account, address token) private {
        _expect(account, token, 0, 0);
        vm.expectRevert(IOrbProMarketplace.NothingToWithdraw.selector);
        vm.prank(account);
        market.withdrawToken(token);
    }

    function _expect(address account, address token, uint256 available, uint256 unsettled) private view {
        (uint256 available_, uint256 unsettled_) = market.balanceOf(account, token);
        vm.assertEq(available_, available);
        vm.assertEq(unsettled_, unsettled);
    }
}
