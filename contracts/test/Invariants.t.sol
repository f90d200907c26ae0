// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Handler} from "./Handler.sol";
import {MarketTest} from "./kit/MarketTest.sol";
import {vm} from "./kit/Vm.sol";
import {Usdc} from "./tokens/Usdc.sol";

contract InvariantsTest is MarketTest {
    Handler private handler;

    function setUp() public override {
        super.setUp();
        handler = new Handler(market, OWNER);
    }

    /// @dev Read by forge: the market is called through the handler alone.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function invariant_noCoinOrTokenIsCreatedOrLost() public view {
        for (uint256 i = 0; i < 3; i++) {
            address token = handler.tokens(i);
            uint256 held = token == COIN ? address(market).balance : Usdc(token).balanceOf(address(market));
            vm.assertEq(held, handler.paidIn(token) - handler.paidOut(token), "held is not what came in and not out");
            vm.assertEq(held, handler.owed(token), "held is not what is owed");
        }
    }

    function invariant_everyBalanceIsWhatTheBooksSay() public view {
        for (uint256 i = 0; i < 3; i++) {
            address token = handler.tokens(i);
            for (uint256 j = 0; j < 4; j++) {
                _check(handler.traders(j), token);
            }
            for (uint256 j = 0; j < 2; j++) {
                _check(handler.treasuries(j), token);
            }
            _check(OWNER, token);
            _check(address(market), token);
        }
    }

    function invariant_aSaleVerifiesUntilItIsRefunded() public view {
        Handler.Sale[] memory sales = handler.sales();
        for (uint256 i = 0; i < sales.length; i++) {
            bool stands = !sales[i].refunded;
            for (uint256 j = i + 1; !stands && j < sales.length; j++) {
                stands = !sales[j].refunded && sales[j].item == sales[i].item
                    && keccak256(sales[j].key) == keccak256(sales[i].key);
            }
            vm.assertEq(market.verifyPurchase(sales[i].item, sales[i].key), stands);
        }
    }

    function invariant_theFeeStaysUnderItsCap() public view {
        vm.assertLe(market.feeBps(), market.MAX_FEE_BPS());
        Handler.Sale[] memory sales = handler.sales();
        for (uint256 i = 0; i < sales.length; i++) {
            vm.assertLe(sales[i].receipt.fee * 10, sales[i].receipt.amount * 3);
        }
    }

    function _check(address account, address token) private view {
        uint256 waiting = account == market.treasury() ? handler.pot(token) : 0;
        (uint256 available, uint256 unsettledFees) = market.balanceOf(account, token);
        vm.assertEq(unsettledFees, waiting);
        vm.assertEq(available, handler.mine(account, token) + waiting);
    }
}
