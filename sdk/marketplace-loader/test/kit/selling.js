// A publisher, a buyer, and a plugin that one sold the other.

import { addBuyers, addDomains, deriveDomainKey, sealBundle, signBundle, walletFromPrivateKey } from "@sealpost/plugin-sdk";

import { everyType, everyTypeManifest } from "./modules.js";

export const pluginId = "com.publisher.my-plugin";
export const domain = "app.example.com";
export const secret = crypto.getRandomValues(new Uint8Array(32));
/** @type {import("@sealpost/plugin-sdk").DomainKek} */
export const kek = { version: 2, epoch: 7 };

const seed = crypto.getRandomValues(new Uint8Array(32));

/** @param {import("@sealpost/plugin-sdk").Curve} [curve] */
export async function buyer(curve = "secp256k1") {
  // Below every curve's order.
  const privateKey = crypto.getRandomValues(new Uint8Array(curve === "p384" ? 48 : 32));
  privateKey[0] = 1;
  return { privateKey, wallet: await walletFromPrivateKey(privateKey, curve) };
}

/**
 * A signed bundle for a buyer and a domain.
 *
 * @param {import("@sealpost/plugin-sdk").Wallet} wallet
 * @param {{ wasm?: Uint8Array<ArrayBuffer>, manifest?: Record<string, unknown>, cid?: string }} [what]
 */
export async function sold(wallet, { wasm = everyType, manifest = everyTypeManifest, cid } = {}) {
  const { bundle, dek } = await sealBundle(pluginId, wasm, { version: "1.0.0", manifest });
  const gated = await addDomains(bundle, dek, secret, ["other.example.com", domain], kek);
  const wrapped = await addBuyers(gated, dek, [wallet]);
  const signed = await signBundle(cid ? { ...wrapped, cid } : wrapped, seed);
  return {
    bundle: /** @type {typeof signed & { encryptedData: string, publisher: string, signature: string, wasmHash: string }} */ (signed),
    publisherKey: /** @type {string} */ (signed.publisher),
    sealed: Uint8Array.from(Buffer.from(String(signed.encryptedData), "base64")),
    dek,
    domainKey: await deriveDomainKey(secret, domain, pluginId, kek),
  };
}
