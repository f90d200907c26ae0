// A key of this browser: made by WebCrypto, kept in IndexedDB, never exported. Whoever clears the page's data loses it.

import { toHex, viewOptions } from "../bytes.js";
import { readCurve } from "../curves.js";
import { exportPublic, hasNative } from "../curves/native.js";
import { SealpostError, badArgument } from "../error.js";
import { subtle } from "../platform.js";
import { walletFromCryptoKey } from "./cryptokey.js";
import { inStore, removeFromStore } from "./store.js";

/** @typedef {import("../curves.js").Curve} Curve */
/** @typedef {import("../curves/native.js").NativeCurve} NativeCurve */
/** @typedef {import("../wallet.js").Wallet} Wallet */

/**
 * A key of this browser.
 *
 * @typedef {Wallet & { publicKey: string, name: string }} DeviceWallet
 */

/** @typedef {{ name: string, curve: NativeCurve, publicKey: string, privateKey: CryptoKey, createdAt: number }} Kept */

/**
 * The key of that name, made if there is none yet.
 *
 * @param {{ name?: string, curve?: NativeCurve }} [options] `default` and P-256 unless said otherwise
 * @returns {Promise<DeviceWallet>}
 */
export async function deviceWallet(options) {
  const { name = "default", curve = "p256" } = viewOptions(options);
  return (await loadDeviceWallet(name)) ?? createDeviceWallet(name, curve);
}

/**
 * The key of that name.
 *
 * @param {string} [name]
 * @returns {Promise<DeviceWallet | undefined>} none where there is none
 */
export async function loadDeviceWallet(name = "default") {
  const kept = await inStore("readonly", (store) => store.get(readName(name)));
  return kept && walletOf(kept);
}

/**
 * Names, curves and public keys of the keys that this browser keeps for the page's origin.
 *
 * @returns {Promise<{ name: string, curve: Curve, publicKey: string, createdAt: number }[]>} times in Unix milliseconds
 */
export async function listDeviceWallets() {
  const kept = await inStore("readonly", (store) => store.getAll());
  return kept.map(({ name, curve, publicKey, createdAt }) => ({ name, curve, publicKey, createdAt }));
}

/**
 * Forgets a key for good: what was bought with it alone does not open any more.
 *
 * @param {string} name
 * @returns {Promise<void>}
 */
export async function deleteDeviceWallet(name) {
  await removeFromStore(readName(name));
}

/**
 * @param {string} name
 * @param {NativeCurve} curve
 * @returns {Promise<DeviceWallet>}
 */
async function createDeviceWallet(name, curve) {
  if (!NATIVE.includes(readCurve(curve)) || !(await hasNative(curve))) {
    throw new SealpostError("wallet_no_curve", `this browser makes no keys on ${curve} that stay in it`);
  }
  const algorithm = curve === "x25519" ? { name: "X25519" } : { name: "ECDH", namedCurve: `P-${curve.slice(1)}` };
  const pair = /** @type {CryptoKeyPair} */ (await subtle().generateKey(algorithm, false, ["deriveBits"]));
  const publicKey = toHex(await exportPublic(curve, pair.publicKey));
  /** @type {Kept} */
  const made = { name: readName(name), curve, publicKey, privateKey: pair.privateKey, createdAt: Date.now() };
  await inStore("readwrite", async (store) => {
    // Another tab may have been faster: then that one's key counts.
    if ((await store.get(name)) === undefined) await store.put(made);
  });
  // Browsers throw away data of pages that are seldom visited, unless they were asked not to.
  await globalThis.navigator?.storage?.persist?.().catch(() => false);
  const kept = await loadDeviceWallet(name);
  if (!kept) throw new SealpostError("wallet_storage", "the browser does not keep keys for this page");
  return kept;
}

const NATIVE = /** @type {readonly Curve[]} */ (["p256", "p384", "x25519"]);

/**
 * @param {Kept} kept
 * @returns {Promise<DeviceWallet>}
 */
async function walletOf({ name, publicKey, privateKey }) {
  return { ...(await walletFromCryptoKey(privateKey)), publicKey, name };
}

/**
 * @param {unknown} name
 * @returns {string}
 */
function readName(name) {
  if (typeof name !== "string" || name === "") throw badArgument("name", "a name");
  return name;
}
