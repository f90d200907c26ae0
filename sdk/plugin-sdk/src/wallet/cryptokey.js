import { toHex } from "../bytes.js";
import { readEphemeral } from "../curves.js";
import { agreeNative, exportPublic } from "../curves/native.js";
import { badArgument } from "../error.js";

/** @typedef {import("../curves/native.js").NativeCurve} NativeCurve */
/** @typedef {import("../wallet.js").Wallet} Wallet */

/**
 * A wallet of a WebCrypto key for P-256, P-384 or X25519 with the usage `deriveBits`. The key stays where it is.
 *
 * @param {CryptoKey} privateKey
 * @param {CryptoKey} [publicKey] for telling which key it is
 * @returns {Promise<Wallet>}
 */
export async function walletFromCryptoKey(privateKey, publicKey) {
  if (!isCryptoKey(privateKey) || (publicKey !== undefined && !isCryptoKey(publicKey))) {
    throw badArgument("wallet", "a CryptoKey");
  }
  const curve = curveOf(privateKey);
  if (publicKey && (publicKey.type !== "public" || curveOf(publicKey) !== curve)) {
    throw badArgument("publicKey", "the public CryptoKey of the private one");
  }
  if (privateKey.type !== "private" || !privateKey.usages.includes("deriveBits")) {
    throw badArgument("wallet", "a private CryptoKey with the usage `deriveBits`");
  }
  return {
    curve,
    ...(publicKey && { publicKey: toHex(await exportPublic(curve, publicKey)) }),
    ecdh: async (peer) => agreeNative(curve, privateKey, await readEphemeral(curve, peer)),
  };
}

/**
 * @param {unknown} value
 * @returns {value is CryptoKey}
 */
export function isCryptoKey(value) {
  return typeof CryptoKey !== "undefined" && value instanceof CryptoKey;
}

/**
 * @param {CryptoKey} key
 * @returns {NativeCurve}
 */
function curveOf({ algorithm }) {
  const { name, namedCurve } = /** @type {EcKeyAlgorithm} */ (algorithm);
  if (name === "X25519") return "x25519";
  if (name === "ECDH" && namedCurve === "P-256") return "p256";
  if (name === "ECDH" && namedCurve === "P-384") return "p384";
  throw badArgument("wallet", "a CryptoKey for ECDH on P-256 or P-384, or for X25519");
}
