// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title The forms in which a buyer's public key comes
/// @notice Compressed secp256k1 keys stand as they are; the others carry the multicodec prefix of their curve, so that
/// two curves never share a key's bytes. Whether a point lies on its curve is not checked: nobody holds the key of one
/// that does not, so only its payer loses, who could as well pay for any key that nobody holds.
library BuyerKey {
    /// @notice Whether the bytes have the form of a key.
    /// @param key secp256k1: 02 or 03, then 32 bytes. P-256: 80 24, 02 or 03, 32 bytes. P-384: 81 24, 02 or 03,
    /// 48 bytes. X25519: ec 01, 32 bytes. Ed25519: ed 01, 32 bytes.
    function isKey(bytes memory key) internal pure returns (bool) {
        bytes3 head = bytes3(key);
        if (key.length == 33) return _isSign(head[0]);
        bytes2 codec = bytes2(head);
        if (key.length == 34) return codec == 0xec01 || codec == 0xed01;
        if (key.length == 35) return codec == 0x8024 && _isSign(head[2]);
        return key.length == 51 && codec == 0x8124 && _isSign(head[2]);
    }

    function _isSign(bytes1 first) private pure returns (bool) {
        return first == 0x02 || first == 0x03;
    }
}
