// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IOrbProMarketplace, Receipt} from "../../src/IOrbProMarketplace.sol";
import {Usdc} from "../tokens/Usdc.sol";
import {vm} from "./Vm.sol";

/// @dev All that the contract can be asked.
interface Market is IOrbProMarketplace {
    function acceptOwnership() external;
    function owner() external view returns (address);
    function paused() external view returns (bool);
    function pendingOwner() external view returns (address);
    function renounceOwnership() external;
    function transferOwnership(address newOwner) external;
}

/// @title A market with an operator, a treasury, a seller and a buyer
abstract contract MarketTest {
    address internal constant COIN = address(0);
    address internal constant OWNER = address(0xA11CE0001);
    address internal constant TREASURY = address(0x7EA50001);
    address internal constant SELLER = address(0x5E110001);
    address internal constant BUYER = address(0xB0B0001);
    address internal constant STRANGER = address(0x57A40001);
    uint96 internal constant PRICE = 0.0421 ether;
    uint16 internal constant FEE_BPS = 1500;
    uint256 internal constant START = 1_790_000_000;
    bytes32 internal constant ITEM = keccak256("com.publisher.my-plugin@1.0.0");

    Market internal market;
    Usdc internal usdc;

    function setUp() public virtual {
        vm.warp(START);
        market = _deploy(OWNER, TREASURY, FEE_BPS);
        usdc = new Usdc();
        vm.deal(BUYER, 1_000_000 ether);
    }

    function _deploy(address owner, address treasury, uint16 feeBps) internal returns (Market) {
        return Market(vm.deployCode("OrbProMarketplace.sol:OrbProMarketplace", abi.encode(owner, treasury, feeBps)));
    }

    function _list(address token, uint96 price) internal {
        vm.prank(SELLER);
        market.list(ITEM, token, price);
    }

    function _buy() internal returns (Receipt memory) {
        return _buy(BUYER, ITEM, _key(1), PRICE);
    }

    function _buy(address buyer, bytes32 item, bytes memory key, uint96 price) internal returns (Receipt memory) {
        vm.prank(buyer);
        market.purchase{value: price}(item, key, price);
        return _receipt(buyer, COIN, price);
    }

    function _buyIn(Usdc token, uint96 price) internal returns (Receipt memory) {
        token.mint(BUYER, price);
        vm.startPrank(BUYER);
        token.approve(address(market), price);
        market.purchase(ITEM, _key(1), price);
        vm.stopPrank();
        return _receipt(BUYER, address(token), price);
    }

    function _receipt(address payer, address token, uint256 price) internal view returns (Receipt memory) {
        // A price has 96 bits.
        // forge-lint: disable-next-line(unsafe-typecast)
        return Receipt(payer, SELLER, token, uint128(price), uint128(_fee(price)), uint64(block.timestamp));
    }

    function _withdraw(address account, address token) internal returns (uint256 paid) {
        uint256 before = _wealth(account, token);
        vm.prank(account);
        market.withdrawToken(token);
        return _wealth(account, token) - before;
    }

    function _available(address account, address token) internal view returns (uint256 available) {
        (available,) = market.balanceOf(account, token);
    }

    function _wealth(address account, address token) internal view returns (uint256) {
        return token == COIN ? account.balance : Usdc(token).balanceOf(account);
    }

    function _fee(uint256 price) internal pure returns (uint256) {
        return price * FEE_BPS / 10_000;
    }

    /// @dev A key on secp256k1 of nobody's.
    function _key(uint256 number) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(2), keccak256(abi.encode("key", number)));
    }

    function _bound(uint256 value, uint256 least, uint256 most) internal pure returns (uint256) {
        return least + value % (most - least + 1);
    }

    function _error(bytes4 selector, uint256 first, uint256 second) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(selector, first, second);
    }
}
