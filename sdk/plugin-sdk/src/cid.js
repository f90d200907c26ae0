// The CID of a blob, as `ipfs add --cid-version=1` gives it: sha2-256, chunks of 256 KiB, 174 links a node, raw leaves, in a
// balanced tree (UnixFS 1).

import { concat, viewBytes } from "./bytes.js";
import { sha256 } from "./hash.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */
/** @typedef {import("./bytes.js").BytesLike} BytesLike */

const CHUNK = 256 << 10;
const LINKS = 174;

const RAW = 0x55;
const DAG_PB = 0x70;

/**
 * A node of the tree.
 *
 * @typedef {object} Node
 * @property {Bytes} cid
 * @property {number} size bytes of the file below it
 * @property {number} total bytes of all blocks below it, its own included
 */

/**
 * The CID of a blob's bytes, in lower-case base32.
 *
 * @param {BytesLike} bytes
 * @returns {Promise<string>}
 */
export async function blobCid(bytes) {
  const blob = viewBytes(bytes, "bytes");
  /** @type {Node[]} */
  let nodes = [];
  for (let at = 0; at < blob.length || at === 0; at += CHUNK) {
    const chunk = blob.subarray(at, at + CHUNK);
    nodes.push({ cid: await cidOf(RAW, chunk), size: chunk.length, total: chunk.length });
  }
  while (nodes.length > 1) {
    const parents = [];
    for (let at = 0; at < nodes.length; at += LINKS) parents.push(await parentOf(nodes.slice(at, at + LINKS)));
    nodes = parents;
  }
  return `b${base32(nodes[0].cid)}`;
}

/**
 * @param {Node[]} children
 * @returns {Promise<Node>}
 */
async function parentOf(children) {
  const size = children.reduce((sum, child) => sum + child.size, 0);
  // DAG-PB: the links (2: hash, empty name, size of the blocks below), then the data (1), which is UnixFS: type file (1: 2),
  // size of the file (3), sizes of the parts (4).
  const links = children.map(({ cid, total }) =>
    bytesField(2, bytesField(1, cid), bytesField(2), numberField(3, total)),
  );
  const parts = children.map((child) => numberField(4, child.size));
  const block = concat(...links, bytesField(1, numberField(1, 2), numberField(3, size), ...parts));
  const total = children.reduce((sum, child) => sum + child.total, block.length);
  return { cid: await cidOf(DAG_PB, block), size, total };
}

/**
 * Version 1, codec, sha2-256 (0x12) of 32 bytes.
 *
 * @param {number} codec
 * @param {Bytes} block
 * @returns {Promise<Bytes>}
 */
async function cidOf(codec, block) {
  return concat(Uint8Array.of(1, codec, 0x12, 32), await sha256(block));
}

/**
 * @param {number} field
 * @param {...Bytes} content
 * @returns {Bytes}
 */
function bytesField(field, ...content) {
  const joined = concat(...content);
  return concat(varint((field << 3) | 2), varint(joined.length), joined);
}

/**
 * @param {number} field
 * @param {number} value
 * @returns {Bytes}
 */
const numberField = (field, value) => concat(varint(field << 3), varint(value));

/**
 * @param {number} value
 * @returns {Bytes}
 */
function varint(value) {
  const bytes = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
  return Uint8Array.of(...bytes, value);
}

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/**
 * RFC 4648 in lower case, without padding.
 *
 * @param {Bytes} bytes
 * @returns {string}
 */
function base32(bytes) {
  let text = "";
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    bits = ((bits << 8) | byte) & 0xfff;
    held += 8;
    for (; held >= 5; held -= 5) text += BASE32[(bits >> (held - 5)) & 31];
  }
  return held > 0 ? text + BASE32[(bits << (5 - held)) & 31] : text;
}
