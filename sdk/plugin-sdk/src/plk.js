// Plugin licences: the `$PLK` of Space Data Standards 1.1.1, signed by who issues them. Ed25519 over "sealpost-plk-v1\n" ‖
// RFC 8785 JSON of all fields but SIGNATURE.

import { fromBase64 } from "./base64.js";
import { equalBytes, fromHex, toHex, utf8 } from "./bytes.js";
import { readPublicKey } from "./curves.js";
import { fromEd25519, isEd25519 } from "./curves/curve25519.js";
import { normaliseDomain } from "./domain/host.js";
import { unwrapMarketplaceDEK } from "./ecies.js";
import { SealpostError } from "./error.js";
import { openGcm, viewDek } from "./gcm.js";
import { sha256 } from "./hash.js";
import { licenceJson, readLicence } from "./plk/read.js";
import { unusable } from "./plk/refused.js";
import { checkUsage } from "./plk/usage.js";
import { isSignature, readEd25519Key, readSigner } from "./signature.js";
import { asWallet } from "./wallet.js";

export { licenceJson, readLicence };

/** @typedef {import("./bytes.js").Bytes} Bytes */
/** @typedef {import("./bytes.js").BytesLike} BytesLike */
/** @typedef {import("./envelope.js").Envelope} Envelope */
/** @typedef {import("./plk/fields.js").Licence} Licence */
/** @typedef {import("./plk/usage.js").Usage} Usage */
/** @typedef {import("./signature.js").Signer} Signer */
/** @typedef {import("./wallet.js").WalletLike} WalletLike */

const CONTEXT = "sealpost-plk-v1\n";

/**
 * A licence that was found good for a use: what opens content keys with it.
 *
 * @typedef {object} VerifiedLicence
 * @property {Licence} licence
 * @property {(envelopes: readonly Envelope[], wallet: WalletLike) => Promise<Bytes>} openWithLicenseeKey the content key,
 *   by the envelope for LICENSEE_PUBKEY, whose private key the wallet holds
 * @property {(slots: readonly string[], domainKey: BytesLike) => Promise<Bytes>} openWithDomainKey the content key, by one
 *   of the slots for domains
 */

/**
 * Checks that a licence was signed by that issuer and is good for this use.
 *
 * @param {string | BytesLike | Licence} licence
 * @param {string | Uint8Array} issuerKey the Ed25519 key that is trusted
 * @param {Usage} usage
 * @returns {Promise<VerifiedLicence>}
 */
export async function verifyLicence(licence, issuerKey, usage) {
  const read = readLicence(licence);
  await checkLicenceSignature(read, issuerKey);
  checkUsage(read, usage);
  return {
    licence: read,
    openWithLicenseeKey: (envelopes, wallet) => byLicensee(read, envelopes, wallet),
    openWithDomainKey: (slots, domainKey) => byDomain(slots, domainKey),
  };
}

/**
 * Signed by that issuer, as it is. Says nothing about dates, domains and the rest.
 *
 * @param {string | BytesLike | Licence} licence
 * @param {string | Uint8Array} issuerKey
 * @returns {Promise<void>}
 */
export async function checkLicenceSignature(licence, issuerKey) {
  const { SIGNATURE: signature, ...unsigned } = readLicence(licence);
  const issuer = readEd25519Key(issuerKey, "issuerKey");
  if (signature === undefined) throw new SealpostError("plk_unsigned", "the licence is not signed");
  const named = fromHex(unsigned.ISSUER_PUBKEY);
  // The schema speaks of an X25519 key: the counterpart of the issuer's is one.
  const isNamed = named && (equalBytes(named, issuer) || (await isCounterpart(named, issuer)));
  if (!isNamed) throw new SealpostError("plk_wrong_issuer", "the licence was issued by somebody else");
  const bytes = utf8(CONTEXT + licenceJson(unsigned), "licence");
  if (!(await isSignature(issuer, bytes, /** @type {Bytes} */ (fromHex(signature))))) {
    throw new SealpostError("plk_bad_signature", "the signature of the licence is wrong");
  }
}

/**
 * Brings domains into their one spelling, sets the issuer's key and signs. Whatever could never be verified or used is
 * refused.
 *
 * @param {Licence} licence
 * @param {Signer} signer
 * @returns {Promise<Licence>}
 */
export async function signLicence(licence, signer) {
  const { publicKey, sign } = await readSigner(signer);
  const { SIGNATURE: _, ...read } = readLicence(licence);
  if (read.ALLOWED_DOMAINS) read.ALLOWED_DOMAINS = read.ALLOWED_DOMAINS.map(normaliseDomain);
  if (read.ALLOWED_TLDS) read.ALLOWED_TLDS = read.ALLOWED_TLDS.map((tld) => normaliseDomain(tld.replace(/^\./, "")));
  if (read.LICENSEE_PUBKEY !== undefined) {
    await readPublicKey("x25519", read.LICENSEE_PUBKEY).catch(() => {
      throw unusable("LICENSEE_PUBKEY");
    });
  }
  const [issued, from, expires] = [read.ISSUED_AT, read.VALID_FROM, read.EXPIRES_AT].map(BigInt);
  if (expires !== 0n && (expires <= from || expires <= issued)) throw unusable("EXPIRES_AT");
  const unsigned = readLicence({ ...read, ISSUER_PUBKEY: publicKey });
  const signature = await sign(utf8(CONTEXT + licenceJson(unsigned), "licence"));
  return readLicence({ ...unsigned, SIGNATURE: signature });
}

/**
 * Envelopes whose salt names the licensee's key are tried first, and alone if the wallet does not tell which key it has:
 * it could otherwise open its own envelope with somebody else's licence.
 *
 * @param {Licence} licence
 * @param {readonly Envelope[]} envelopes
 * @param {WalletLike} walletLike
 * @returns {Promise<Bytes>}
 */
async function byLicensee({ LICENSEE_PUBKEY: publicKey, PLUGIN_ID: pluginId }, envelopes, walletLike) {
  if (publicKey === undefined) throw unusable("LICENSEE_PUBKEY");
  const wallet = await asWallet(walletLike, { curve: "x25519" });
  const held = wallet.publicKey?.toLowerCase();
  if (wallet.curve !== "x25519" || (held !== undefined && held !== publicKey)) {
    throw new SealpostError("plk_wrong_key", "the key at hand is not the one the licence names");
  }
  const salt = toHex(await sha256(/** @type {Bytes} */ (fromHex(publicKey))));
  const ours = envelopes.filter(({ curve }) => curve === "x25519");
  const named = ours.filter((envelope) => envelope.salt.toLowerCase() === salt);
  const others = held === undefined ? [] : ours.filter((envelope) => !named.includes(envelope));
  for (const envelope of [...named, ...others]) {
    try {
      return await unwrapMarketplaceDEK(envelope, wallet, pluginId);
    } catch (error) {
      const isAnothers = error instanceof SealpostError && ANOTHERS.has(error.code);
      if (!isAnothers) throw error;
    }
  }
  throw new SealpostError("plk_no_envelope", "there is no envelope for the key the licence names");
}

const ANOTHERS = new Set(["envelope_not_for_us", "envelope_public_key"]);

/**
 * @param {readonly string[]} slots
 * @param {BytesLike} domainKey
 * @returns {Promise<Bytes>}
 */
async function byDomain(slots, domainKey) {
  const key = viewDek(domainKey, "domainKey");
  for (const slot of slots) {
    const bytes = fromBase64(slot);
    const dek = bytes?.length === 60 ? await openGcm(key, bytes) : undefined;
    if (dek) return dek;
  }
  throw new SealpostError("plk_no_domain_slot", "there is no content key for this domain");
}

/**
 * @param {Bytes} named
 * @param {Bytes} issuer
 * @returns {Promise<boolean>}
 */
async function isCounterpart(named, issuer) {
  return (await isEd25519(issuer)) && equalBytes(named, await fromEd25519(issuer));
}
