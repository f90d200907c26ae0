// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IOrbProMarketplace} from "../src/IOrbProMarketplace.sol";
import {MarketTest} from "./kit/MarketTest.sol";
import {Vm, vm} from "./kit/Vm.sol";

/// @title What the OrbPro document fixes, and what others rely on beside it
contract AbiTest is MarketTest {
    function test_theThreeFunctionsOfTheDocumentHaveItsSelectors() public pure {
        vm.assertTrue(IOrbProMarketplace.purchase.selector == 0xe8a4d39f);
        vm.assertTrue(IOrbProMarketplace.verifyPurchase.selector == 0x908d26d1);
        vm.assertTrue(IOrbProMarketplace.withdraw.selector == 0x3ccfd60b);
    }

    function test_theEventOfTheDocumentHasItsTopic() public pure {
        vm.assertEq(
            IOrbProMarketplace.PluginPurchased.selector,
            0x5bbe7f20663257c65a108b1d01861d067e29308d369187827977d0791042399b
        );
    }

    function test_anItemIsTheKeccakHashOfItsText() public pure {
        vm.assertEq(
            keccak256("com.publisher.my-plugin"), 0x79c36737d89f4336afd612b2926b5a913998f370d4af48a990cd7a5657fbb0ad
        );
    }

    function test_aSaleIsTwoLogsInARow() public {
        _list(COIN, PRICE);
        vm.recordLogs();
        _buy();
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 2);
        for (uint256 i = 0; i < 2; i++) {
            vm.assertEq(logs[i].emitter, address(market));
            vm.assertEq(logs[i].topics[1], ITEM);
        }
        vm.assertEq(logs[0].topics[0], IOrbProMarketplace.PluginPurchased.selector);
        vm.assertEq(logs[0].topics.length, 2);
        vm.assertEq(logs[0].data, abi.encode(_key(1), uint256(PRICE), _fee(PRICE)));
        vm.assertEq(logs[1].topics[0], IOrbProMarketplace.PurchaseRecorded.selector);
        vm.assertEq(logs[1].topics[2], keccak256(_key(1)));
        vm.assertEq(logs[1].topics[3], bytes32(uint256(uint160(BUYER))));
        vm.assertEq(logs[1].data, abi.encode(SELLER, COIN));
    }
}
