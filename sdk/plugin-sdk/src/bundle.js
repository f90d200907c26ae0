// A bundle: one plugin, sealed once, with its content key wrapped for domains and buyers. Each slot opens by itself.
//
// `wasmHash` and manifest are the publisher's word only in a signed bundle.

import { fromBase64, toBase64 } from "./base64.js";
import { fromHex, randomBytes, toHex, viewBytes, viewList, viewOptions, wipe } from "./bytes.js";
import { readBundle } from "./bundle/read.js";
import { openContent, sealContent } from "./content.js";
import { deriveDomainKey, readDomainKek, wrapForDomain } from "./domain.js";
import { unwrapMarketplaceDEK, wrapMarketplaceDEK } from "./ecies.js";
import { SealpostError } from "./error.js";
import { DEK, openGcm, viewDek } from "./gcm.js";
import { pluginIdBytes, sha256, sha256Hex } from "./hash.js";
import { readRecipient } from "./recipient.js";
import { readTrust, releaseBytes, verifyRelease } from "./release.js";
import { readSigner } from "./signature.js";
import { asWallet } from "./wallet.js";

export { readBundle };

/** @typedef {import("./bytes.js").Bytes} Bytes */
/** @typedef {import("./bytes.js").BytesLike} BytesLike */
/** @typedef {import("./bundle/read.js").Bundle} Bundle */
/** @typedef {import("./domain.js").DomainKek} DomainKek */
/** @typedef {import("./recipient.js").Recipient} Recipient */
/** @typedef {import("./release.js").Release} Release */
/** @typedef {import("./release.js").Trust} Trust */
/** @typedef {import("./signature.js").Signer} Signer */
/** @typedef {import("./wallet.js").WalletLike} WalletLike */

/**
 * Seals a plugin. The content key is needed to add domains and buyers, and belongs in a vault.
 *
 * @param {string} pluginId such as `com.publisher.my-plugin`
 * @param {BytesLike} data
 * @param {{ dek?: BytesLike, version?: string, manifest?: Record<string, unknown> }} [options] a content key at hand must
 *   not have sealed anything else
 * @returns {Promise<{ bundle: Bundle, dek: Bytes }>}
 */
export async function sealBundle(pluginId, data, options) {
  const { dek, version = "", manifest = {} } = viewOptions(options);
  pluginIdBytes(pluginId);
  const key = dek === undefined ? randomBytes(DEK) : viewDek(dek);
  const plain = viewBytes(data, "data");
  const [encryptedData, wasmHash] = await Promise.all([sealContent(plain, key), sha256Hex(plain)]);
  /** @type {Bundle} */
  const bundle = {
    pluginId,
    version,
    manifest,
    encryptedData: toBase64(encryptedData),
    wasmHash,
    domainWrappedKeys: [],
    buyerWrappedKeys: [],
  };
  return { bundle, dek: key };
}

/**
 * Wraps the content key for more buyers.
 *
 * @param {Bundle} bundle
 * @param {BytesLike} dek
 * @param {readonly Recipient[]} buyers
 * @returns {Promise<Bundle>} a bundle with theirs too; the one given stays as it is
 */
export async function addBuyers(bundle, dek, buyers) {
  const read = readBundle(bundle);
  const added = await Promise.all(
    viewList(buyers, "buyers").map(async (buyer) => {
      const { publicKey, curve } = readRecipient(buyer);
      return wrapMarketplaceDEK(dek, /** @type {string} */ (publicKey), read.pluginId, { curve });
    }),
  );
  return { ...read, buyerWrappedKeys: [...read.buyerWrappedKeys, ...added] };
}

/**
 * Wraps the content key for more domains. All of a bundle's domains share one version and epoch.
 *
 * @param {Bundle} bundle
 * @param {BytesLike} dek
 * @param {BytesLike | string} secret the publisher's
 * @param {readonly string[]} domains
 * @param {DomainKek} [kek] version 2, epoch 0 unless said otherwise
 * @returns {Promise<Bundle>} a bundle with theirs too; the one given stays as it is
 */
export async function addDomains(bundle, dek, secret, domains, kek = { version: 2, epoch: 0 }) {
  const read = readBundle(bundle);
  const wanted = readDomainKek(kek);
  if (read.domainWrappedKeys.length > 0) {
    const there = readDomainKek(read.domainKek ?? { version: 1 });
    if (there.version !== wanted.version || there.epoch !== wanted.epoch) {
      const found = "the bundle's domains were wrapped under another version or epoch";
      throw new SealpostError("bundle_mixed_domains", found);
    }
  }
  const slots = [];
  for (const domain of viewList(domains, "domains")) {
    const key = await deriveDomainKey(secret, domain, read.pluginId, kek);
    slots.push(toBase64(await wrapForDomain(dek, key)));
    wipe(key);
  }
  const { domainKek: before, ...rest } = read;
  const domainKek = slots.length > 0 ? writtenKek(wanted) : before;
  return { ...rest, ...(domainKek && { domainKek }), domainWrappedKeys: [...read.domainWrappedKeys, ...slots] };
}

/**
 * Signs a bundle as a release. Adding domains and buyers afterwards keeps the signature, changing anything else does not.
 *
 * @param {Bundle} bundle
 * @param {Signer} signer
 * @returns {Promise<Bundle>}
 */
export async function signBundle(bundle, signer) {
  const { publicKey, sign } = await readSigner(signer);
  const signed = { ...readBundle(bundle), publisher: publicKey };
  return { ...signed, signature: await sign(releaseBytes(releaseOf(signed))) };
}

/**
 * Checks the publisher's signature.
 *
 * @param {Bundle} bundle
 * @param {Trust} trust
 * @returns {Promise<void>}
 */
export async function verifyBundle(bundle, trust) {
  const read = readBundle(bundle);
  const expected = readTrust(trust);
  if (read.signature === undefined) {
    if (expected) throw new SealpostError("release_unsigned", "the release is not signed");
    return;
  }
  await verifyRelease(releaseOf(read), read.signature, trust);
}

/**
 * The content key, by a buyer's key or by the key of a domain: for wrapping it again, or for opening data that comes in
 * some other way. What it opens is nobody's word yet: `verifyBundle`.
 *
 * @param {Bundle} bundle
 * @param {{ wallet?: WalletLike, domainKey?: BytesLike }} key
 * @returns {Promise<Bytes>}
 */
export async function unwrapBundle(bundle, key) {
  const { wallet, domainKey } = viewOptions(key);
  const read = readBundle(bundle);
  return domainKey === undefined ? byWallet(read, wallet) : byDomainKey(read, domainKey);
}

/**
 * Checks signature, tag and hash of a bundle, and gives the plugin.
 *
 * @param {Bundle} bundle
 * @param {{ wallet?: WalletLike, domainKey?: BytesLike, dek?: BytesLike, encryptedData?: string | BytesLike } & Trust} options
 *   one key, whose signature counts, and the data of a bundle that comes without
 * @returns {Promise<Bytes>}
 */
export async function openBundle(bundle, options) {
  const { wallet, domainKey, dek, encryptedData, ...trust } = viewOptions(options);
  const read = readBundle(bundle);
  await verifyBundle(read, trust);
  const data = encryptedData ?? read.encryptedData;
  if (data === undefined) {
    throw new SealpostError("bundle_no_data", "the bundle comes without its data", { detail: { cid: read.cid } });
  }
  const key = dek === undefined ? await unwrapBundle(read, { wallet, domainKey }) : viewDek(dek).slice();
  let plain;
  try {
    plain = await openContent(data, key);
  } finally {
    wipe(key);
  }
  if (read.wasmHash !== undefined && (await sha256Hex(plain)) !== read.wasmHash) {
    wipe(plain);
    throw new SealpostError("bundle_wrong_hash", "the opened plugin is not the one the bundle names");
  }
  return plain;
}

/**
 * The statement that a bundle's signature is over. Of a plugin it names the plugin id as its listing.
 *
 * @param {Bundle} bundle
 * @returns {Release}
 */
export function releaseOf(bundle) {
  const { publisher, pluginId, version, cid, wasmHash, manifest } = readBundle(bundle);
  if (publisher === undefined) throw incomplete("publisher");
  if (wasmHash === undefined) throw incomplete("wasmHash");
  return {
    publisher,
    listing: pluginId,
    version,
    ...(cid !== undefined && { cid }),
    plain_sha256: wasmHash,
    cipher: "aes-256-gcm",
    manifest,
  };
}

/**
 * Every envelope of the wallet's curve is tried, those made for its key first, so that it need not ask its owner once
 * for each.
 *
 * @param {Bundle} bundle
 * @param {WalletLike | undefined} walletLike
 * @returns {Promise<Bytes>}
 */
async function byWallet(bundle, walletLike) {
  const wallet = await asWallet(walletLike, { curve: bundle.buyerWrappedKeys[0]?.curve });
  const { curve, publicKey } = wallet;
  const candidates = bundle.buyerWrappedKeys.filter((envelope) => envelope.curve === curve);
  if (candidates.length === 0) {
    throw new SealpostError("bundle_no_envelope", `the bundle has no envelope for a key on ${curve}`);
  }
  const bytes = fromHex(publicKey);
  const salt = bytes && toHex(await sha256(bytes));
  const isOurs = (/** @type {{ salt: string }} */ envelope) => envelope.salt.toLowerCase() === salt;
  const ordered = [...candidates.filter(isOurs), ...candidates.filter((envelope) => !isOurs(envelope))];
  for (const envelope of ordered) {
    try {
      return await unwrapMarketplaceDEK(envelope, wallet, bundle.pluginId);
    } catch (error) {
      if (!(error instanceof SealpostError) || !TRY_NEXT.has(error.code)) throw error;
    }
  }
  throw new SealpostError("bundle_not_for_us", "none of the bundle's envelopes was made for this key");
}

/** What says that an envelope is another's; a wallet that does not answer is asked no second time. */
const TRY_NEXT = new Set(["envelope_not_for_us", "envelope_public_key", "envelope_malformed"]);

/**
 * @param {Bundle} bundle
 * @param {BytesLike} domainKey
 * @returns {Promise<Bytes>}
 */
async function byDomainKey(bundle, domainKey) {
  const key = viewDek(domainKey, "domainKey");
  if (bundle.domainWrappedKeys.length === 0) {
    throw new SealpostError("bundle_no_domains", "the bundle is not wrapped for any domain");
  }
  for (const slot of bundle.domainWrappedKeys) {
    const dek = await openGcm(key, /** @type {Bytes} */ (fromBase64(slot)));
    if (dek) return dek;
  }
  throw new SealpostError(
    "domain_not_for_us",
    "the key was wrapped for another domain, plugin or epoch, or changed on its way",
  );
}

/**
 * The documents' bundles have no such member: it stays away where it would say nothing new.
 *
 * @param {ReturnType<typeof readDomainKek>} kek
 * @returns {DomainKek | undefined}
 */
function writtenKek({ version, epoch }) {
  if (epoch === undefined) return undefined;
  return { version, epoch: epoch <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(epoch) : epoch.toString() };
}

/** @param {string} missing */
const incomplete = (missing) =>
  new SealpostError("release_incomplete", `the release is signed, but without ${missing}`);
