// What opens envelopes: anything that agrees on secrets with a private key it holds.

import { equalBytes, fromHex, isArrayBuffer, toHex, viewBytes, viewOptions, wipe } from "./bytes.js";
import { agreement, publicKeyOf, readCurve, readEphemeral, readSecret, secretLength } from "./curves.js";
import { refusedKey, refusedSecret } from "./curves/refused.js";
import { SealpostError, badArgument } from "./error.js";
import { isCryptoKey, walletFromCryptoKey } from "./wallet/cryptokey.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */
/** @typedef {import("./curves.js").Curve} Curve */

/**
 * A key that opens envelopes and stays where it is.
 *
 * @typedef {object} Wallet
 * @property {Curve} curve
 * @property {string} [publicKey] lower hex of the canonical public key, where the wallet can tell
 * @property {(peer: Uint8Array) => Promise<Uint8Array>} ecdh the raw shared x coordinate with a public key: 32 bytes,
 *   p384 48; of `ed25519`, `peer` is an X25519 u
 * @property {(index: number, curve?: Curve) => Promise<Wallet>} [key] another key of the same wallet
 * @property {() => void} [dispose] forgets the key
 */

/**
 * The raw shared x coordinate of a private key and a public key, from whatever library holds the private key.
 *
 * @typedef {(privateKey: any, publicKey: Bytes, curve: Curve) => Uint8Array | ArrayBuffer | Promise<Uint8Array | ArrayBuffer>} EcdhFn
 */

/**
 * The wallet of the OrbPro marketplace document: a private key, and a function that agrees on secrets with it.
 *
 * @typedef {object} DocumentWallet
 * @property {unknown} privateKey
 * @property {EcdhFn} ecdh
 * @property {Curve} [curve] that of the envelope unless said
 */

/** @typedef {Wallet | DocumentWallet | CryptoKey | CryptoKeyPair | Uint8Array | ArrayBuffer} WalletLike */

/**
 * A wallet of a private key at hand. It keeps a copy, out of reach of scripts where the platform can; wipe your own.
 *
 * @param {Uint8Array | ArrayBuffer} privateKey big-endian scalar, 32 bytes (p384: 48); for x25519 32 bytes, for ed25519 the seed
 * @param {Curve} [curve] secp256k1 unless said otherwise
 * @returns {Promise<Wallet & { publicKey: string, dispose: () => void }>}
 */
export async function walletFromPrivateKey(privateKey, curve = "secp256k1") {
  // At once: the caller may wipe its own while we wait.
  const secret = viewBytes(privateKey, "privateKey").slice();
  let opened;
  try {
    await readSecret(curve, secret);
    opened = await Promise.all([publicKeyOf(curve, secret), agreement(curve, secret)]);
  } finally {
    wipe(secret);
  }
  const [publicKey, held] = opened;
  let closed = false;
  return {
    curve,
    publicKey: toHex(publicKey),
    async ecdh(peer) {
      if (closed) throw closedWallet();
      return held.agree(await readEphemeral(curve, peer));
    },
    dispose() {
      closed = true;
      held.dispose();
    },
  };
}

/**
 * A wallet of whatever may stand in for one: a wallet, the document's `{privateKey, ecdh(priv, pub)}`, a CryptoKey or a
 * pair of them, or key bytes.
 *
 * @param {unknown} input
 * @param {{ curve?: Curve, ecdhFn?: EcdhFn }} [options] the curve of a key that does not tell (secp256k1 unless said
 *   otherwise), and what agrees with it
 * @returns {Promise<Wallet>}
 */
export async function asWallet(input, options) {
  const { curve = "secp256k1", ecdhFn } = viewOptions(options);
  if (ecdhFn !== undefined) return fromFunction(input, ecdhFn, readCurve(curve));
  if (typeof input === "string") {
    const secret = fromHex(input);
    if (!secret) throw refusedSecret(curve);
    try {
      return await walletFromPrivateKey(secret, curve);
    } finally {
      secret.fill(0);
    }
  }
  if (isArrayBuffer(input) || ArrayBuffer.isView(input)) {
    return walletFromPrivateKey(viewBytes(input, "privateKey"), curve);
  }
  if (typeof input !== "object" || input === null) throw badArgument("wallet", "a wallet, a key or a CryptoKey");
  if (isCryptoKey(input)) return walletFromCryptoKey(input);
  const { privateKey, publicKey, ecdh, curve: own } = /** @type {Record<string, unknown>} */ (input);
  if (isCryptoKey(privateKey) && ecdh === undefined) {
    return walletFromCryptoKey(privateKey, isCryptoKey(publicKey) ? publicKey : undefined);
  }
  if (typeof ecdh !== "function") {
    if (privateKey !== undefined) return asWallet(privateKey, { curve: own === undefined ? curve : readCurve(own) });
    throw badArgument("wallet", "a wallet: it has no `ecdh`");
  }
  if (privateKey !== undefined) {
    const agree = /** @type {EcdhFn} */ ((key, peer, on) => ecdh.call(input, key, peer, on));
    return fromFunction(privateKey, agree, own === undefined ? readCurve(curve) : readCurve(own));
  }
  readCurve(own);
  return /** @type {Wallet} */ (input);
}

/**
 * The raw shared x coordinate of a wallet and a public key that was read, checked.
 *
 * @param {Wallet} wallet
 * @param {Bytes} peer
 * @returns {Promise<Bytes>}
 */
export async function agreeWith(wallet, peer) {
  let shared;
  try {
    shared = await wallet.ecdh(peer);
  } catch (error) {
    if (error instanceof SealpostError) throw error;
    // What a library throws may quote what it was given.
    throw holder("it failed");
  }
  return checkShared(wallet.curve, shared);
}

/**
 * A holder elsewhere is not taken at its word: an all-zero output is refused, and what is longer or shorter was hashed,
 * or is a whole point.
 *
 * @param {Curve} curve
 * @param {unknown} shared
 * @returns {Bytes}
 */
export function checkShared(curve, shared) {
  if (!isArrayBuffer(shared) && !ArrayBuffer.isView(shared)) throw holder("it gave no bytes");
  const bytes = viewBytes(shared, "shared");
  if (bytes.length !== secretLength(curve)) throw holder(`it gave ${bytes.length} bytes`);
  if ((curve === "x25519" || curve === "ed25519") && equalBytes(bytes, new Uint8Array(32))) throw refusedKey();
  return bytes;
}

/**
 * @param {unknown} privateKey
 * @param {EcdhFn} ecdhFn
 * @param {Curve} curve
 * @returns {Wallet}
 */
function fromFunction(privateKey, ecdhFn, curve) {
  if (typeof ecdhFn !== "function") throw badArgument("ecdhFn", "a function");
  return {
    curve,
    async ecdh(peer) {
      return checkShared(curve, await ecdhFn(privateKey, await readEphemeral(curve, peer), curve));
    },
  };
}

/** @param {string} how */
function holder(how) {
  return new SealpostError("envelope_key_holder", `the holder of the private key did not agree on a secret: ${how}`);
}

const closedWallet = () => new SealpostError("wallet_closed", "the wallet was closed");
