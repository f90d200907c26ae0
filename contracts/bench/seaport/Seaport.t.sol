// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {SeaportInterface} from "seaport-types/src/interfaces/SeaportInterface.sol";
import {BasicOrderType, ItemType, OrderType} from "seaport-types/src/lib/ConsiderationEnums.sol";
import {
    AdditionalRecipient,
    BasicOrderParameters,
    ConsiderationItem,
    OfferItem,
    OrderComponents
} from "seaport-types/src/lib/ConsiderationStructs.sol";

import {vm} from "../../test/kit/Vm.sol";

contract Goods is ERC721("Goods", "GOODS") {
    function mint(address to, uint256 number) external {
        _mint(to, number);
    }
}

/// @title What a sale through Seaport costs: a basic order, 85 parts to the seller and 15 to the platform
/// @dev Each call from here is a transaction of its own, as in `Gas.t.sol`. Seller, buyer and platform have traded before.
contract GasOfSeaport {
    uint256 private constant SELLER_KEY = 0x5E110001;
    address private constant BUYER = address(0xB0B0001);
    address payable private constant TREASURY = payable(address(0x7EA50001));
    uint256 private constant PRICE = 0.0421 ether;
    uint256 private constant FEE = PRICE * 15 / 100;

    address payable private immutable _seller = payable(vm.addr(SELLER_KEY));
    SeaportInterface private seaport;
    Goods private goods;

    function setUp() public {
        vm.warp(1_790_000_000);
        address conduits = vm.deployCode("ConduitController.sol:ConduitController", "");
        seaport = SeaportInterface(vm.deployCode("Seaport.sol:Seaport", abi.encode(conduits)));
        goods = new Goods();
        vm.deal(BUYER, 10 ether);
        vm.deal(_seller, 1 ether);
        vm.deal(TREASURY, 1 ether);
        vm.prank(_seller);
        goods.setApprovalForAll(address(seaport), true);
        for (uint256 number = 1; number <= 3; number++) {
            goods.mint(number == 3 ? BUYER : _seller, number);
        }
        _buy(1);
    }

    function test_basicOrder() public {
        _buy(2);
        vm.snapshotGasLastCall("Seaport", "basic order");
        vm.assertTrue(goods.ownerOf(2) == BUYER);
    }

    function _buy(uint256 number) private {
        BasicOrderParameters memory order = _order(number);
        vm.prank(BUYER);
        seaport.fulfillBasicOrder_efficient_6GL6yc{value: PRICE}(order);
    }

    function _order(uint256 number) private view returns (BasicOrderParameters memory order) {
        order.considerationAmount = PRICE - FEE;
        order.offerer = _seller;
        order.offerToken = address(goods);
        order.offerIdentifier = number;
        order.offerAmount = 1;
        order.basicOrderType = BasicOrderType.ETH_TO_ERC721_FULL_OPEN;
        order.endTime = type(uint256).max;
        order.salt = number;
        order.totalOriginalAdditionalRecipients = 1;
        order.additionalRecipients = new AdditionalRecipient[](1);
        order.additionalRecipients[0] = AdditionalRecipient(FEE, TREASURY);
        order.signature = _sign(_components(order));
    }

    function _components(BasicOrderParameters memory order) private view returns (OrderComponents memory components) {
        components.offerer = order.offerer;
        components.offer = new OfferItem[](1);
        components.offer[0] = OfferItem(ItemType.ERC721, order.offerToken, order.offerIdentifier, 1, 1);
        components.consideration = new ConsiderationItem[](2);
        components.consideration[0] =
            ConsiderationItem(ItemType.NATIVE, address(0), 0, PRICE - FEE, PRICE - FEE, order.offerer);
        components.consideration[1] = ConsiderationItem(ItemType.NATIVE, address(0), 0, FEE, FEE, TREASURY);
        components.orderType = OrderType.FULL_OPEN;
        components.endTime = order.endTime;
        components.salt = order.salt;
        components.counter = seaport.getCounter(order.offerer);
    }

    function _sign(OrderComponents memory components) private view returns (bytes memory) {
        (, bytes32 domain,) = seaport.information();
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", domain, seaport.getOrderHash(components)));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(SELLER_KEY, digest);
        return abi.encodePacked(r, s, v);
    }
}
