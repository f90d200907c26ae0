// Sealpost's own package for JavaScript, as it lies in `sdk/`.
import * as sdk from '../../../../sdk/plugin-sdk/index.js';
import { fromHex, hex } from './bytes.mjs';

export async function publicKey({ curve, secret }) {
  return { publicKey: hex(await sdk.publicKeyOf(curve, fromHex(secret))) };
}

export async function wrap({ curve, recipient, pluginId, dek }) {
  return { envelope: await sdk.wrapDEKForBuyer(fromHex(dek), recipient, curve, pluginId) };
}

export async function unwrap({ secret, pluginId, envelope }) {
  return { dek: hex(await sdk.unwrapMarketplaceDEK(envelope, secret, pluginId)) };
}

/** One domain key for each of the secret's domains, and a signed bundle for them and for the buyers. */
export async function seal({ plain, secret, pluginId, domains, buyers, domainKek, version, manifest, seed }) {
  const options = { domainKek, version, manifest };
  const bundle = await sdk.encryptWithDualKEK(fromHex(plain), fromHex(secret), pluginId, domains, buyers, options);
  return { bundle: await sdk.signBundle(bundle, fromHex(seed)) };
}

/** By a buyer's key, or by the publisher's secret and a domain. */
export async function open({ bundle, publisher, curve, key, secret, domain }) {
  const trust = { publisherKey: publisher };
  if (key !== undefined) {
    const wallet = await sdk.walletFromPrivateKey(fromHex(key), curve);
    return { plain: hex(await sdk.openBundle(bundle, { wallet, ...trust })) };
  }
  const { pluginId, domainKek = { version: 1 } } = sdk.readBundle(bundle);
  const domainKey = await sdk.deriveDomainKey(fromHex(secret), domain, pluginId, domainKek);
  return { plain: hex(await sdk.openBundle(bundle, { domainKey, ...trust })) };
}

export async function signLicence({ licence, seed }) {
  return { json: sdk.licenceJson(await sdk.signLicence(licence, fromHex(seed))) };
}

export async function verifyLicence({ json, issuer, usage }) {
  const { licence } = await sdk.verifyLicence(json, issuer, usage);
  return { licence };
}

export async function walletKey({ mnemonic, passphrase, curve, index }) {
  const wallet = await sdk.walletFromMnemonic(mnemonic, { passphrase, curve, index });
  return { publicKey: wallet.publicKey };
}

export async function findIndex({ mnemonic, passphrase, envelope }) {
  const wallet = await sdk.walletFromMnemonic(mnemonic, { passphrase });
  return { index: await sdk.findIndex(envelope, wallet) };
}
