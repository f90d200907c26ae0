// Wallets of many keys: one for each curve and index.

import { wipe } from "../bytes.js";
import { readCurve } from "../curves.js";
import { refusedSecret } from "../curves/refused.js";
import { SealpostError, badArgument } from "../error.js";
import { walletFromPrivateKey } from "../wallet.js";

/** @typedef {import("../bytes.js").Bytes} Bytes */
/** @typedef {import("../curves.js").Curve} Curve */
/** @typedef {import("../wallet.js").Wallet} Wallet */

/**
 * One key of a wallet that has many.
 *
 * @typedef {object} KeyOfMany
 * @property {Curve} curve
 * @property {number} index
 * @property {string} publicKey lower hex
 * @property {Wallet["ecdh"]} ecdh
 * @property {(index: number, curve?: Curve) => Promise<KeyOfMany>} key another key of the same wallet
 * @property {() => void} dispose forgets the key; of the first one, the whole wallet
 */

const INDEXES = 2 ** 31;

/**
 * Where the key of an index is found, whatever its curve.
 *
 * @param {number} index
 * @returns {string} `m/44'/9999'/0'/0/{index}`
 */
export const pluginKeyPath = (index) => `m/44'/9999'/0'/0/${readIndex(index)}`;

/**
 * @param {unknown} index
 * @returns {number}
 */
export function readIndex(index) {
  if (typeof index !== "number" || !Number.isInteger(index) || index < 0) throw badArgument("index", "a whole number");
  if (index >= INDEXES) {
    throw new SealpostError("wallet_index", `a wallet ends at index ${INDEXES - 1}; there is no index ${index}`);
  }
  return index;
}

/**
 * @param {object} source
 * @param {(curve: Curve, index: number) => Promise<Bytes>} source.secret a private key, for us to wipe
 * @param {(curve: Curve, secret: Bytes) => Promise<Wallet & { publicKey: string, dispose: () => void }>} [source.hold]
 * @param {() => void} source.forget
 * @param {{ curve?: Curve, index?: number }} first
 * @returns {Promise<KeyOfMany>} the first key, whose `dispose` forgets all of them
 */
export async function manyKeys({ secret, hold = inMemory, forget }, { curve = "secp256k1", index = 0 }) {
  let closed = false;
  const standard = readCurve(curve);
  /** @type {KeyOfMany["key"]} */
  const key = async (number, on = standard) => {
    if (closed) throw new SealpostError("wallet_closed", "the wallet was closed");
    const bytes = await secret(readCurve(on), readIndex(number));
    try {
      return { ...(await hold(on, bytes)), index: number, key };
    } catch (error) {
      if (!(error instanceof SealpostError) || error.code !== refusedSecret(on).code) throw error;
      throw new SealpostError("wallet_no_key", `index ${number} has no key on ${on}`);
    } finally {
      wipe(bytes);
    }
  };
  const opened = await key(index);
  return {
    ...opened,
    dispose() {
      closed = true;
      opened.dispose();
      forget();
    },
  };
}

/**
 * @param {Curve} curve
 * @param {Bytes} secret
 */
function inMemory(curve, secret) {
  return walletFromPrivateKey(secret, curve);
}
