// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IOrbProMarketplace, Receipt} from "../src/IOrbProMarketplace.sol";
import {OrbProMarketplace} from "../src/OrbProMarketplace.sol";
import {vm} from "../test/kit/Vm.sol";
import {Usdc} from "../test/tokens/Usdc.sol";
import {PlainMarketplace} from "./PlainMarketplace.sol";

/// @title What whole transactions cost, from the base fee of a transaction to refunds for cleared storage
/// @dev Run with `isolate`, so that each call from here is a transaction of its own. The figures go to `snapshots/`.
abstract contract GasOfSales {
    address internal constant OWNER = address(0xA11CE0001);
    address internal constant TREASURY = address(0x7EA50001);
    address internal constant SELLER = address(0x5E110001);
    uint96 internal constant PRICE = 0.0421 ether;

    IOrbProMarketplace internal market;
    Usdc internal usdc;

    function deploy() internal virtual returns (address);
    function group() internal pure virtual returns (string memory);
    function takeBack(bytes32 item, bytes memory key, Receipt memory receipt) internal virtual;

    function setUp() public {
        vm.warp(1_790_000_000);
        market = IOrbProMarketplace(deploy());
        usdc = new Usdc();
        // What a market has once it is in use: a seller and a treasury who were paid before.
        _list("in use", address(0));
        _list("in use, for a token", address(usdc));
        _buy(1, "in use");
        _buyForToken(1, "in use, for a token");
    }

    function test_deploy() public {
        uint256 before = gasleft();
        deploy();
        vm.snapshotValue(group(), "deploy", before - gasleft());
    }

    function test_list() public {
        _list("new", address(0));
        _note("list");
    }

    function test_firstPurchase() public {
        vm.prank(SELLER);
        market.withdraw();
        _buy(2, "in use");
        _note("first purchase");
    }

    function test_laterPurchase() public {
        _buy(2, "in use");
        _note("later purchase");
    }

    function test_laterPurchaseInAToken() public {
        _buyForToken(2, "in use, for a token");
        _note("later purchase in a token");
    }

    function test_withdraw() public {
        vm.prank(SELLER);
        market.withdraw();
        _note("withdraw");
    }

    function test_withdrawOfTheTreasury() public {
        vm.prank(TREASURY);
        market.withdraw();
        _note("withdraw of the treasury");
    }

    function test_refund() public {
        _buy(2, "in use");
        uint128 fee = PRICE * 15 / 100;
        vm.prank(SELLER);
        takeBack(_item("in use"), _key(2), Receipt(_buyer(2), SELLER, address(0), PRICE, fee, uint64(block.timestamp)));
        _note("refund");
    }

    function _list(string memory name, address token) private {
        vm.prank(SELLER);
        market.list(_item(name), token, PRICE);
    }

    function _buy(uint256 number, string memory name) private {
        vm.deal(_buyer(number), 1 ether);
        vm.prank(_buyer(number));
        market.purchase{value: PRICE}(_item(name), _key(number), PRICE);
    }

    function _buyForToken(uint256 number, string memory name) private {
        usdc.mint(_buyer(number), 2 * PRICE);
        vm.prank(_buyer(number));
        usdc.approve(address(market), 2 * PRICE);
        vm.prank(_buyer(number));
        market.purchase(_item(name), _key(number), PRICE);
    }

    function _note(string memory row) private {
        vm.snapshotGasLastCall(group(), row);
    }

    function _item(string memory name) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(name, "@1.0.0"));
    }

    function _buyer(uint256 number) private pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode("buyer", number)))));
    }

    function _key(uint256 number) private pure returns (bytes memory) {
        return abi.encodePacked(uint8(2), keccak256(abi.encode("key", number)));
    }
}

contract GasOfOrbProMarketplace is GasOfSales {
    function deploy() internal override returns (address) {
        return address(new OrbProMarketplace(OWNER, TREASURY, 1500));
    }

    function group() internal pure override returns (string memory) {
        return "OrbProMarketplace";
    }

    function takeBack(bytes32 item, bytes memory key, Receipt memory receipt) internal override {
        market.refund(item, key, receipt);
    }
}

contract GasOfPlainMarketplace is GasOfSales {
    function deploy() internal override returns (address) {
        return address(new PlainMarketplace(OWNER, TREASURY, 1500));
    }

    function group() internal pure override returns (string memory) {
        return "PlainMarketplace";
    }

    function takeBack(bytes32 item, bytes memory key, Receipt memory) internal override {
        PlainMarketplace(address(market)).refund(item, key);
    }
}
