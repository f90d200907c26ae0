// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IOrbProMarketplace} from "../../src/IOrbProMarketplace.sol";

/// @title A contract that buys and sells
contract Trader {
    /// @notice Calls with what was sent along.
    function call(address target, bytes calldata data) external payable returns (bytes memory answer) {
        bool success;
        (success, answer) = target.call{value: msg.value}(data);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
    }
}

/// @title Takes coin, and needs more for it than a transfer gives, as wallets do
contract Wallet is Trader {
    uint256 public received;

    receive() external payable {
        received += msg.value;
    }
}

/// @title Takes no coin
contract Rejecting is Trader {}

/// @title Takes coin, after it used up all gas there is
contract Guzzler is Trader {
    receive() external payable {
        while (true) {}
    }
}

/// @title Refuses coin with an answer that is dear to copy
contract Bomb is Trader {
    receive() external payable {
        assembly ("memory-safe") {
            revert(0, 100000)
        }
    }
}

/// @title Calls back when it gets coin
contract HostileReceiver is Trader {
    address public target;
    uint48 public calls;
    uint48 public successes;
    bytes[] private _plan;

    receive() external payable {
        for (uint256 i = 0; i < _plan.length; i++) {
            (bool success,) = target.call(_plan[i]);
            calls++;
            if (success) successes++;
        }
    }

    function plan(address target_, bytes[] calldata calls_) external {
        target = target_;
        delete _plan;
        for (uint256 i = 0; i < calls_.length; i++) {
            _plan.push(calls_[i]);
        }
    }
}

/// @title Leaves its coin to somebody who does not take any
contract Bequest {
    constructor(address payable heir) payable {
        selfdestruct(heir);
    }
}
