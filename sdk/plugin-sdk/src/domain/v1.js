// The derivation of the public Space Data Network demo, written anew from what it computes. Home-made, without published
// analysis; for reading and writing what exists already.

import { concat, wipe } from "../bytes.js";
import { hmacSha256, sha256 } from "../hash.js";

/** @typedef {import("../bytes.js").Bytes} Bytes */

const PASSES = 3;
const MASK = (1n << 64n) - 1n;
const CONTEXT = new TextEncoder().encode("kdf-program-v1");

/**
 * @param {Bytes} secret not empty
 * @param {Bytes} domain
 * @param {Bytes} pluginId empty skips the last hash
 * @param {bigint | undefined} epoch none is not the same as 0
 * @returns {Promise<Bytes>}
 */
export async function deriveV1(secret, domain, pluginId, epoch) {
  const key = await sha256(secret);
  stir(key, secret);
  const program = await programOf(secret);
  const blocks = new DataView(key.buffer);
  for (let at = 0; at < 32; at += 8) {
    const mixed = program.reduce((value, step) => apply(step, value), blocks.getBigUint64(at, true));
    blocks.setBigUint64(at, mixed, true);
  }
  xor(key, await sha256(domain));
  if (epoch !== undefined) {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, epoch, true);
    xor(key, await sha256(bytes));
  }
  if (pluginId.length === 0) return key;
  const identified = concat(key, pluginId);
  const derived = await sha256(identified);
  wipe(key, identified);
  return derived;
}

/**
 * @param {Bytes} key
 * @param {Bytes} secret
 */
function stir(key, secret) {
  for (let pass = 0; pass < PASSES; pass++) {
    let previous = 0;
    for (let at = 0; at < key.length; at++) {
      const mixed = key[at] ^ secret[at % secret.length];
      previous = key[at] = ((mixed << 4) | (mixed >> 4)) ^ previous;
      previous &= 0xff;
    }
  }
}

/**
 * @param {Bytes} key
 * @param {Bytes} other
 */
function xor(key, other) {
  for (let at = 0; at < key.length; at++) key[at] ^= other[at];
}

/**
 * One step on a 64-bit block, arithmetic modulo 2^64.
 *
 * @typedef {{ operation: number, low: number, high: number }} Step
 */

/**
 * @param {Step} step
 * @param {bigint} value
 * @returns {bigint}
 */
function apply({ operation, low, high }, value) {
  const argument = BigInt(low | (high << 8));
  const turn = BigInt((low % 63) + 1);
  switch (operation) {
    case 0:
      return value ^ ((argument * 0x9e3779b185ebca87n) & MASK);
    case 1:
      return ((value << turn) | (value >> (64n - turn))) & MASK;
    case 2:
      return (value * ((argument << 1n) | 1n)) & MASK;
    case 3:
      return (value + argument) & MASK;
    case 4:
      return (value - argument) & MASK;
    case 5:
      return value ^ (((value >> 17n) * 0xbf58476d1ce4e5b9n) & MASK);
    default:
      return value;
  }
}

/**
 * Three rounds of the five kinds of steps and one or two that do nothing, each round shuffled. The order in which bytes
 * are drawn is part of the format.
 *
 * @param {Bytes} secret
 * @returns {Promise<Step[]>}
 */
async function programOf(secret) {
  const seed = await hmacSha256(CONTEXT, secret);
  const counter = new Uint8Array(4);
  let drawn = 0;
  const byte = async () => {
    new DataView(counter.buffer).setUint32(0, drawn++, true);
    return (await hmacSha256(seed, counter))[0];
  };
  const between = async (/** @type {number} */ least, /** @type {number} */ most) =>
    least + ((await byte()) % (most - least + 1));
  const step = async (/** @type {number} */ operation) => ({ operation, low: await byte(), high: await byte() });

  /** @type {Step[]} */
  const program = [];
  for (let pass = 0; pass < PASSES; pass++) {
    const round = [await step(0), { operation: 1, low: await between(1, 63), high: 0 }, await step(2)];
    round.push(await step(await between(3, 4)), await step(5));
    for (let idle = await between(1, 2); idle > 0; idle--) round.push(await step(await between(6, 7)));
    for (let last = round.length - 1; last > 0; last--) {
      const other = (await byte()) % (last + 1);
      [round[last], round[other]] = [round[other], round[last]];
    }
    program.push(...round);
  }
  wipe(seed);
  return program;
}
