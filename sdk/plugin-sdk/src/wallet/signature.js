// A wallet out of the signature of an account on the chain: whoever has the account has the keys, on every device.
//
// The signer is asked to sign a text in the form of a sign-in (ERC-4361), with a sentence, the site and the account. With a signer
// that always signs the same (RFC 6979, which nearly all are), its first 64 bytes are the same each time. The private key of a curve and index is
// HKDF-SHA256(those 64 bytes, no salt, "sealpost/signature/v1\n" + curve + "\n" + index), as it is: 32 bytes, p384 48.

import { equalBytes, fromHex, toHex, utf8, viewOptions, wipe } from "../bytes.js";
import { secretLength } from "../curves.js";
import { SealpostError, badArgument } from "../error.js";
import { subtle } from "../platform.js";
import { readAddress, requestText, signerOf, textDigest, withLowS } from "./key-request.js";
import { manyKeys } from "./keys.js";
import { askProvider } from "./provider.js";

/** @typedef {import("../bytes.js").Bytes} Bytes */
/** @typedef {import("../curves.js").Curve} Curve */
/** @typedef {import("./keys.js").KeyOfMany} KeyOfMany */
/** @typedef {import("./provider.js").Provider} Provider */

/**
 * @typedef {object} SignatureOptions
 * @property {string} [account] the address to sign with; the first that the wallet shows where absent
 * @property {string} [site] origin of the shop the keys are for; the page's where absent
 * @property {readonly string[]} [known] public keys (lower hex) that this account led to before. Where it does again, it is
 *   asked once; otherwise twice, and what it says has to be the same
 * @property {Curve} [curve] secp256k1 unless said otherwise
 * @property {number} [index] 0 unless said otherwise
 *
 * @typedef {KeyOfMany & { account: string }} SignatureWallet
 */

const CONTEXT = "sealpost/signature/v1\n";

/**
 * The wallet of an account on the chain. Its owner confirms a signature, and the first time a second one: an account that
 * signs something else each time would lead to keys that nobody finds again.
 *
 * @param {Provider} provider
 * @param {SignatureOptions} [options]
 * @returns {Promise<SignatureWallet>}
 */
export async function walletFromSignature(provider, options) {
  const { account, site, known = [], ...first } = viewOptions(options);
  if (!Array.isArray(known)) throw badArgument("known", "a list of public keys");
  const origin = siteOf(site);
  if (typeof provider?.request !== "function") throw badArgument("provider", "a wallet (EIP-1193)");
  const address = readAddress(account ?? (await askProvider(provider, "eth_requestAccounts"))?.[0]);
  const signature = await signed(provider, address, origin);
  try {
    const wallet = await walletOf(signature, first);
    if (!known.includes(wallet.publicKey)) {
      const again = await signed(provider, address, origin);
      const same = equalBytes(signature, again);
      wipe(again);
      if (!same) {
        wallet.dispose();
        throw new SealpostError("signer_not_repeatable", "this account signs something else each time");
      }
    }
    return { ...wallet, account: address };
  } finally {
    wipe(signature);
  }
}

/**
 * @param {Bytes} signature 64 bytes
 * @param {{ curve?: Curve, index?: number }} first
 * @returns {Promise<KeyOfMany>}
 */
async function walletOf(signature, first) {
  /** @type {CryptoKey | undefined} */
  let root = await subtle().importKey("raw", signature, "HKDF", false, ["deriveBits"]);
  return manyKeys(
    {
      async secret(curve, index) {
        const info = utf8(`${CONTEXT}${curve}\n${index}`, "curve");
        const parameters = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info };
        const bits = await subtle().deriveBits(parameters, /** @type {CryptoKey} */ (root), 8 * secretLength(curve));
        // A scalar that is zero or not below the order is refused where it is read, and the next index taken.
        return new Uint8Array(bits);
      },
      forget: () => {
        root = undefined;
      },
    },
    first,
  );
}

/**
 * The first 64 bytes of a signature that the account itself made, over what was asked.
 *
 * @param {Provider} provider
 * @param {string} account
 * @param {string} site
 * @returns {Promise<Bytes>}
 */
async function signed(provider, account, site) {
  const text = utf8(await requestText(account, site), "text");
  const answer = await askProvider(provider, "personal_sign", [`0x${toHex(text)}`, account]);
  const bytes = typeof answer === "string" ? fromHex(answer.replace(/^0x/i, "")) : undefined;
  if (bytes?.length !== 65) throw foreign("it is no signature of an account with a key of its own");
  const signer = await signerOf(await textDigest(text), bytes);
  if (signer !== account) throw foreign("another account signed, or something else was signed");
  const low = withLowS(bytes.subarray(0, 64));
  wipe(bytes);
  return low;
}

/**
 * @param {unknown} site
 * @returns {string}
 */
function siteOf(site) {
  const text = String(site ?? globalThis.location?.origin ?? "");
  if (!URL.canParse(text) || new URL(text).origin === "null") throw badArgument("site", "the origin of a site");
  return new URL(text).origin;
}

/** @param {string} how */
const foreign = (how) => new SealpostError("signer_unusable", `the wallet's answer makes no keys: ${how}`);
