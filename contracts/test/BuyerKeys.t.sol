// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {BuyerKey} from "../src/BuyerKey.sol";
import {IOrbProMarketplace} from "../src/IOrbProMarketplace.sol";
import {MarketTest} from "./kit/MarketTest.sol";
import {vm} from "./kit/Vm.sol";

contract BuyerKeysTest is MarketTest {
    bytes32 private constant X = keccak256("an abscissa");

    function setUp() public override {
        super.setUp();
        _list(COIN, PRICE);
    }

    function test_aKeyOfEachCurveBuys() public {
        _buysFor(abi.encodePacked(hex"02", X));
        _buysFor(abi.encodePacked(hex"03", X));
        _buysFor(abi.encodePacked(hex"802402", X));
        _buysFor(abi.encodePacked(hex"802403", X));
        _buysFor(abi.encodePacked(hex"812402", X, bytes16(X)));
        _buysFor(abi.encodePacked(hex"812403", X, bytes16(X)));
        _buysFor(abi.encodePacked(hex"ec01", X));
        _buysFor(abi.encodePacked(hex"ed01", X));
    }

    function test_theSameAbscissaOnTwoCurvesIsTwoKeys() public {
        _buysFor(abi.encodePacked(hex"02", X));
        vm.assertFalse(market.verifyPurchase(ITEM, abi.encodePacked(hex"03", X)));
        vm.assertFalse(market.verifyPurchase(ITEM, abi.encodePacked(hex"802402", X)));
        vm.assertFalse(market.verifyPurchase(ITEM, abi.encodePacked(hex"ec01", X)));
    }

    function test_whatIsNoKeyBuysNothing() public {
        _refused("");
        _refused(hex"02");
        _refused(abi.encodePacked(X));
        _refused(abi.encodePacked(hex"04", X));
        _refused(abi.encodePacked(hex"00", X));
        _refused(abi.encodePacked(hex"ff", X));
        // An uncompressed key, and one of P-256 without its prefix or with another sign.
        _refused(abi.encodePacked(hex"04", X, X));
        _refused(abi.encodePacked(hex"802404", X));
        _refused(abi.encodePacked(hex"802402", X, hex"00"));
        _refused(abi.encodePacked(hex"8024", X));
        _refused(abi.encodePacked(hex"812402", X));
        _refused(abi.encodePacked(hex"812401", X, bytes16(X)));
        _refused(abi.encodePacked(hex"802402", X, bytes16(X)));
        _refused(abi.encodePacked(hex"ec02", X));
        _refused(abi.encodePacked(hex"ee01", X));
        _refused(abi.encodePacked(hex"ed01", X, hex"00"));
        // secp256k1 has no prefix here: two forms of one key would be two sales.
        _refused(abi.encodePacked(hex"e70102", X));
    }

    /// @dev Said another way than the contract says it.
    function testFuzz_onlyTheFiveFormsAreKeys(bytes calldata key, uint8 form) public pure {
        bytes[8] memory heads =
            [bytes(hex"02"), hex"03", hex"802402", hex"802403", hex"812402", hex"812403", hex"ec01", hex"ed01"];
        uint8[8] memory lengths = [33, 33, 35, 35, 51, 51, 34, 34];
        bool expected;
        for (uint256 i = 0; i < 8; i++) {
            bool same = key.length == lengths[i];
            for (uint256 j = 0; same && j < heads[i].length; j++) {
                same = key[j] == heads[i][j];
            }
            expected = expected || same;
        }
        vm.assertEq(BuyerKey.isKey(key), expected);

        bytes memory head = heads[form % 8];
        bytes memory made = new bytes(lengths[form % 8]);
        for (uint256 i = 0; i < made.length; i++) {
            made[i] = i < head.length ? head[i] : i < key.length ? key[i] : bytes1(form);
        }
        vm.assertTrue(BuyerKey.isKey(made));
    }

    function _buysFor(bytes memory key) private {
        _buy(BUYER, ITEM, key, PRICE);
        vm.assertTrue(market.verifyPurchase(ITEM, key));
    }

    function _refused(bytes memory key) private {
        vm.expectRevert(IOrbProMarketplace.BadBuyerKey.selector);
        vm.prank(BUYER);
        market.purchase{value: PRICE}(ITEM, key, PRICE);
        vm.assertFalse(market.verifyPurchase(ITEM, key));
    }
}
