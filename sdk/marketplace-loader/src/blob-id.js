// By what names the bytes of a blob are known.

import { blobCid } from "@sealpost/plugin-sdk";

import { sha256, toHex } from "./hash.js";

/** A CIDv1 of raw bytes and SHA-256: version, codec, hash function, length. */
const RAW = [0x01, 0x55, 0x12, 0x20];
/** Base32 of RFC 4648 in lower case, without padding: multibase `b`. */
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
export async function identity(bytes) {
  const digest = await sha256(bytes);
  return {
    sha256: toHex(digest),
    /**
     * Whether a CID is one of these bytes: as one raw block, or as `ipfs add --cid-version=1` makes it.
     *
     * @param {string} cid
     */
    hasCid: async (cid) => cid === rawCid(digest) || cid === (await blobCid(bytes)),
  };
}

/** @param {Uint8Array} digest */
function rawCid(digest) {
  let text = "b";
  let held = 0;
  let bits = 0;
  for (const byte of [...RAW, ...digest]) {
    held = ((held << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) text += BASE32.charAt((held >> (bits - 5)) & 31);
  }
  return bits > 0 ? text + BASE32.charAt((held << (5 - bits)) & 31) : text;
}

