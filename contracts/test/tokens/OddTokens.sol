// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Usdc} from "./Usdc.sol";

/// @title Says false instead of reverting, and moves nothing
contract FalseToken {
    function balanceOf(address) external pure returns (uint256) {
        return 0;
    }

    function transferFrom(address, address, uint256) external pure returns (bool) {
        return false;
    }
}

/// @title Says true, and moves nothing
contract EmptyToken {
    function balanceOf(address) external pure returns (uint256) {
        return 0;
    }

    function transferFrom(address, address, uint256) external pure returns (bool) {
        return true;
    }
}

/// @title Moves more than it was asked to
contract GenerousToken is Usdc {
    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        _mint(to, 1);
        return super.transferFrom(from, to, amount);
    }
}

/// @title Calls somebody before and after it moves anything
contract HostileToken is Usdc {
    address public target;
    uint48 public calls;
    uint48 public successes;
    bytes[] private _plan;

    /// @notice What to call, in each transfer.
    function plan(address target_, bytes[] calldata calls_) external {
        target = target_;
        delete _plan;
        for (uint256 i = 0; i < calls_.length; i++) {
            _plan.push(calls_[i]);
        }
    }

    function _update(address from, address to, uint256 amount) internal override {
        _callBack();
        super._update(from, to, amount);
        _callBack();
    }

    function _callBack() private {
        for (uint256 i = 0; i < _plan.length; i++) {
            (bool success,) = target.call(_plan[i]);
            calls++;
            if (success) successes++;
        }
    }
}
