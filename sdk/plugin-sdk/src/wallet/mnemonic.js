// The wallet of words (BIP-39, BIP-32): the same keys as Sealpost's command line and hd-wallet-wasm.

import { viewOptions } from "../bytes.js";
import { SealpostError, badArgument } from "../error.js";
import { manyKeys } from "./keys.js";
import { secretOfScalar } from "./scalars.js";

/** @typedef {import("../bytes.js").Bytes} Bytes */
/** @typedef {import("../curves.js").Curve} Curve */
/** @typedef {import("./keys.js").KeyOfMany} KeyOfMany */

/**
 * @typedef {object} MnemonicOptions
 * @property {string} [passphrase] BIP-39's own; a wrong one leads to another wallet
 * @property {Curve} [curve] secp256k1 unless said otherwise
 * @property {number} [index] 0 unless said otherwise
 * @property {string[]} [wordlist] one of `@scure/bip39/wordlists`, English unless said otherwise
 */

const HARDENED = 0x80000000;
/** `m/44'/9999'/0'/0`, above every key. */
const ACCOUNT = [44 + HARDENED, 9999 + HARDENED, HARDENED, 0];
const COUNTS = [12, 15, 18, 21, 24];

/**
 * @param {unknown} wordlist
 * @returns {Promise<string[]>}
 */
async function listOf(wordlist) {
  if (wordlist === undefined) return (await import("@scure/bip39/wordlists/english.js")).wordlist;
  const isList =
    Array.isArray(wordlist) && wordlist.length === 2048 && wordlist.every((word) => typeof word === "string");
  if (!isList) throw badArgument("wordlist", "a list of 2048 words");
  return wordlist;
}

/**
 * Draws fresh words. Show them to their owner only.
 *
 * @param {{ words?: 12 | 15 | 18 | 21 | 24, wordlist?: string[] }} [options] 24 English words unless said otherwise
 * @returns {Promise<string>}
 */
export async function generateMnemonic(options) {
  const { words = 24, wordlist } = viewOptions(options);
  if (!COUNTS.includes(words)) throw countOf(words);
  const { generateMnemonic: generate } = await import("@scure/bip39");
  return generate(await listOf(wordlist), (words / 3) * 32);
}

/**
 * The wallet of some words: in either case, apart by any space, in any Unicode normal form.
 *
 * Every key is found at `m/44'/9999'/0'/0/{index}`. Its scalar serves secp256k1, P-256 and X25519, and Ed25519 as its
 * seed; P-384 stretches it. So whoever has the private key of one curve has those of the others at that index.
 *
 * @param {string} mnemonic 12 to 24 words
 * @param {MnemonicOptions} [options]
 * @returns {Promise<KeyOfMany>}
 */
export async function walletFromMnemonic(mnemonic, options) {
  const { passphrase = "", wordlist, ...first } = viewOptions(options);
  const seed = await seedOf(mnemonic, passphrase, wordlist);
  const account = await accountOf(seed);
  seed.fill(0);
  return manyKeys(
    {
      async secret(curve, index) {
        const node = account.deriveChild(index);
        const scalar = /** @type {Bytes | null} */ (node.privateKey);
        node.wipePrivateData();
        if (!scalar) throw new SealpostError("wallet_no_key", `index ${index} has no key`);
        try {
          return await secretOfScalar(curve, scalar);
        } finally {
          scalar.fill(0);
        }
      },
      forget: () => account.wipePrivateData(),
    },
    first,
  );
}

/**
 * What BIP-39 makes of words, once they are found to be right.
 *
 * @param {string} mnemonic
 * @param {string} passphrase
 * @param {string[]} [wordlist]
 * @returns {Promise<Uint8Array<ArrayBuffer>>} 64 bytes, for the caller to wipe
 */
export async function seedOf(mnemonic, passphrase, wordlist) {
  if (typeof mnemonic !== "string") throw badArgument("mnemonic", "words");
  if (typeof passphrase !== "string") throw badArgument("passphrase", "text");
  const [words, { mnemonicToSeedWebcrypto }] = [
    await checkedWords(mnemonic, await listOf(wordlist)),
    await import("@scure/bip39"),
  ];
  return /** @type {Uint8Array<ArrayBuffer>} */ (await mnemonicToSeedWebcrypto(words, passphrase));
}

/**
 * @param {Uint8Array} seed
 * @returns {Promise<import("@scure/bip32").HDKey>}
 */
async function accountOf(seed) {
  const { HDKey } = await import("@scure/bip32");
  try {
    let node = HDKey.fromMasterSeed(seed);
    for (const number of ACCOUNT) {
      const child = node.deriveChild(number);
      node.wipePrivateData();
      node = child;
    }
    return node;
  } catch {
    throw new SealpostError("wallet_seed", "these words lead to no wallet");
  }
}

/**
 * @param {string} text
 * @param {string[]} wordlist
 * @returns {Promise<string>}
 */
async function checkedWords(text, wordlist) {
  const words = text.toLowerCase().normalize("NFKD").split(/\s+/u).filter(Boolean);
  if (!COUNTS.includes(words.length)) throw countOf(words.length);
  const known = new Set(wordlist.map((word) => word.normalize("NFKD")));
  const places = words.flatMap((word, at) => (known.has(word) ? [] : [at + 1]));
  if (places.length > 0) {
    const are = places.length === 1 ? `word ${places[0]} is` : `words ${places.join(", ")} are`;
    throw new SealpostError("mnemonic_unknown_word", `${are} not in the list of words`, { detail: { places } });
  }
  const joined = words.join(" ");
  const { validateMnemonic } = await import("@scure/bip39");
  if (!validateMnemonic(joined, wordlist)) {
    throw new SealpostError("mnemonic_checksum", "every word is in the list, but together they do not add up");
  }
  return joined;
}

/** @param {number} found */
const countOf = (found) => new SealpostError("mnemonic_count", `a wallet has 12, 15, 18, 21 or 24 words, not ${found}`);
