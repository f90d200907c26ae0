// The key that a publisher signs releases with, out of a recovery phrase: an Ed25519 seed of
// HKDF-SHA256(BIP-39 seed, no salt, "sealpost/publisher/v1", 32). Keys of the wallet's own path never sign.

import { toHex, utf8, viewOptions } from "../bytes.js";
import { badArgument } from "../error.js";
import { hkdf } from "../hash.js";
import { seedOf } from "./mnemonic.js";

const CONTEXT = "sealpost/publisher/v1";

/**
 * Signs as one publisher; `dispose` forgets the key.
 *
 * @typedef {{ publicKey: string, sign: (bytes: Uint8Array) => Uint8Array, dispose: () => void }} PublisherKey
 */

/**
 * The publisher's key of some words, the same wherever they are typed.
 *
 * @param {string} mnemonic 12 to 24 words
 * @param {{ passphrase?: string, wordlist?: string[] }} [options]
 * @returns {Promise<PublisherKey>}
 */
export async function publisherFromMnemonic(mnemonic, options) {
  const { passphrase = "", wordlist } = viewOptions(options);
  const words = await seedOf(mnemonic, passphrase, wordlist);
  const seed = await hkdf(words, new Uint8Array(), utf8(CONTEXT, "context"));
  words.fill(0);
  return publisherFromSeed(seed);
}

/**
 * The publisher's key of a seed, such as the command line keeps in a file. The seed is wiped when the key is disposed.
 *
 * @param {Uint8Array} seed 32 bytes
 * @returns {Promise<PublisherKey>}
 */
export async function publisherFromSeed(seed) {
  if (!ArrayBuffer.isView(seed) || seed.length !== 32) throw badArgument("seed", "32 bytes");
  const { ed25519 } = await import("@noble/curves/ed25519.js");
  return {
    publicKey: toHex(ed25519.getPublicKey(seed)),
    sign: (bytes) => ed25519.sign(bytes, seed),
    dispose: () => void seed.fill(0),
  };
}
