// The npm package hd-wallet-wasm as a wallet. It derives by BIP-32 on secp256k1 alone, reads out of bounds where P-384
// gets a key of 32 bytes, and knows no X25519 counterpart of Ed25519 keys: these are settled here, and every public key
// is checked before it is asked to agree with one.

import { toHex, viewExactly, viewOptions, wipe } from "../bytes.js";
import { publicKeyOf, readEphemeral, readSecret } from "../curves.js";
import { secretFromSeed } from "../curves/curve25519.js";
import { SealpostError, badArgument } from "../error.js";
import { checkShared } from "../wallet.js";
import { manyKeys, pluginKeyPath } from "./keys.js";
import { secretOfScalar } from "./scalars.js";

/** @typedef {import("../bytes.js").Bytes} Bytes */
/** @typedef {import("../curves.js").Curve} Curve */
/** @typedef {import("./keys.js").KeyOfMany} KeyOfMany */

/**
 * What is used of `await init()` of hd-wallet-wasm.
 *
 * @typedef {object} HdWalletModule
 * @property {{ toSeed: (mnemonic: string, passphrase?: string) => Uint8Array, validate: (mnemonic: string) => boolean }} mnemonic
 * @property {{ fromSeed: (seed: Uint8Array) => HdKey }} hdkey
 * @property {Record<"secp256k1" | "p256" | "p384" | "x25519", { ecdh: (secret: Uint8Array, peer: Uint8Array) => Uint8Array }>} curves
 */

/**
 * @typedef {object} HdKey
 * @property {(path: string) => HdKey} derivePath
 * @property {() => Uint8Array} privateKey
 * @property {() => void} [wipe]
 */

/**
 * @param {HdWalletModule} module `await init()` of hd-wallet-wasm
 * @param {{ mnemonic?: string, passphrase?: string, seed?: Uint8Array, curve?: Curve, index?: number }} options words, or
 *   a seed of BIP-39
 * @returns {Promise<KeyOfMany>}
 */
export async function walletFromHdWallet(module, options) {
  const { mnemonic, passphrase = "", seed, ...first } = viewOptions(options);
  if (typeof module?.hdkey?.fromSeed !== "function")
    throw badArgument("module", "what hd-wallet-wasm's `init()` gives");
  const master = masterOf(module, mnemonic, passphrase, seed);
  return manyKeys(
    {
      async secret(curve, index) {
        const node = master.derivePath(pluginKeyPath(index));
        const scalar = Uint8Array.from(node.privateKey());
        node.wipe?.();
        try {
          return await secretOfScalar(curve, scalar);
        } finally {
          scalar.fill(0);
        }
      },
      hold: (curve, secret) => hold(module, curve, secret),
      forget: () => master.wipe?.(),
    },
    first,
  );
}

/**
 * @param {HdWalletModule} module
 * @param {string | undefined} mnemonic
 * @param {string} passphrase
 * @param {Uint8Array | undefined} seed
 * @returns {HdKey}
 */
function masterOf(module, mnemonic, passphrase, seed) {
  if (seed !== undefined) return module.hdkey.fromSeed(viewExactly(seed, 64, "seed"));
  if (typeof mnemonic !== "string") throw badArgument("mnemonic", "words");
  if (!module.mnemonic.validate(mnemonic)) {
    throw new SealpostError("mnemonic_checksum", "hd-wallet-wasm does not take these words");
  }
  let own;
  try {
    own = module.mnemonic.toSeed(mnemonic, passphrase);
    return module.hdkey.fromSeed(own);
  } catch {
    // It refuses some words with a passphrase that is not ASCII.
    throw new SealpostError("wallet_seed", "hd-wallet-wasm makes no seed of these words and this passphrase", {
      hint: "Use `walletFromMnemonic`, which finds the same keys.",
    });
  } finally {
    wipe(own);
  }
}

/**
 * @param {HdWalletModule} module
 * @param {Curve} curve
 * @param {Bytes} secret
 */
async function hold(module, curve, secret) {
  const read = await readSecret(curve, secret);
  const publicKey = toHex(await publicKeyOf(curve, read));
  const key = curve === "ed25519" ? await secretFromSeed(read) : read.slice();
  const { ecdh } = module.curves[curve === "ed25519" ? "x25519" : curve];
  let closed = false;
  return {
    curve,
    publicKey,
    async ecdh(/** @type {Uint8Array} */ peer) {
      if (closed) throw new SealpostError("wallet_closed", "the wallet was closed");
      return checkShared(curve, ecdh(key, await readEphemeral(curve, peer)));
    },
    dispose() {
      closed = true;
      wipe(key);
    },
  };
}
