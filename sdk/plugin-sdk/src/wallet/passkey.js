// A passkey as a wallet: WebAuthn's PRF extension gives the same 32 bytes for a credential and a salt each time, and no
// other credential does. They never leave the page, and come back on every device that has the passkey.
//
// salt = SHA-256("sealpost/passkey/v1\n" + origin); the private key of a curve and index is
// HKDF-SHA256(PRF output, no salt, "sealpost/passkey/v1\n" + curve + "\n" + index): 32 bytes for x25519 and ed25519; 48 for
// secp256k1 and p256, 64 for p384, as a big-endian number k, of which k mod (n-1) + 1 is taken.

import { randomBytes, utf8, viewOptions } from "../bytes.js";
import { SealpostError, badArgument } from "../error.js";
import { sha256 } from "../hash.js";
import { subtle } from "../platform.js";
import { manyKeys } from "./keys.js";
import { reduce } from "./scalars.js";

/** @typedef {import("../bytes.js").Bytes} Bytes */
/** @typedef {import("../curves.js").Curve} Curve */
/** @typedef {import("./keys.js").KeyOfMany} KeyOfMany */

/**
 * @typedef {object} PasskeyOptions
 * @property {string} [rpId] the domain the passkey is for: the page's, unless a parent of it is named
 * @property {Curve} [curve] x25519 unless said otherwise
 * @property {number} [index] 0 unless said otherwise
 * @property {AbortSignal} [signal]
 */

/** @typedef {KeyOfMany & { credentialId: string }} PasskeyWallet */

const CONTEXT = "sealpost/passkey/v1\n";
const LENGTHS = { ed25519: 32, p256: 48, p384: 64, secp256k1: 48, x25519: 32 };
/** EdDSA, ES256, RS256: nothing is signed with it but the browser's own challenge. */
const ALGORITHMS = [-8, -7, -257];

/**
 * Whether this browser offers passkeys that derive keys, as far as it tells.
 *
 * @returns {Promise<"yes" | "no" | "unknown">}
 */
export async function passkeySupport() {
  const { PublicKeyCredential: found } = globalThis;
  if (!found || !globalThis.navigator?.credentials) return "no";
  const capabilities = await /** @type {any} */ (found).getClientCapabilities?.().catch(() => undefined);
  const prf = capabilities?.["extension:prf"];
  return prf === undefined ? "unknown" : prf ? "yes" : "no";
}

/**
 * Makes a passkey, and opens it.
 *
 * @param {{ userName: string, displayName?: string, rpName?: string } & PasskeyOptions} options how the passkey is called
 *   where the browser lists it
 * @returns {Promise<PasskeyWallet>} keep `credentialId` to ask for this passkey and no other
 */
export async function createPasskeyWallet(options) {
  const { userName, displayName = userName, rpName, rpId, signal, ...first } = viewOptions(options);
  if (typeof userName !== "string" || typeof displayName !== "string") throw badArgument("userName", "a name");
  const salt = await prfSalt();
  const credential = await asked(() =>
    navigator.credentials.create({
      signal,
      publicKey: {
        challenge: randomBytes(32),
        rp: { ...(rpId && { id: rpId }), name: rpName ?? location.hostname },
        user: { id: randomBytes(32), name: userName, displayName },
        pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: "public-key", alg })),
        authenticatorSelection: { residentKey: "required", userVerification: "required" },
        extensions: { prf: { eval: { first: salt } } },
      },
    }),
  );
  const { prf } = credential.getClientExtensionResults();
  if (!prf?.enabled) throw noPrf();
  const output = prf.results?.first;
  // Many authenticators evaluate only when they are asked to sign in.
  if (!output) return openPasskeyWallet({ credentialId: credential.id, rpId, signal, ...first });
  return walletOf(credential.id, output, first);
}

/**
 * Opens a passkey: its owner confirms with a fingerprint, a face or a PIN.
 *
 * @param {{ credentialId?: string } & PasskeyOptions} [options] none leaves the choice among the page's passkeys to its owner
 * @returns {Promise<PasskeyWallet>}
 */
export async function openPasskeyWallet(options) {
  const { credentialId, rpId, signal, ...first } = viewOptions(options);
  const salt = await prfSalt();
  const wanted = credentialId === undefined ? [] : [fromBase64Url(credentialId)];
  const credential = await asked(() =>
    navigator.credentials.get({
      signal,
      publicKey: {
        challenge: randomBytes(32),
        ...(rpId && { rpId }),
        allowCredentials: wanted.map((id) => ({ type: "public-key", id })),
        // Without it, authenticators answer with another secret.
        userVerification: "required",
        extensions: { prf: { eval: { first: salt } } },
      },
    }),
  );
  const output = credential.getClientExtensionResults().prf?.results?.first;
  if (!output) throw noPrf();
  return walletOf(credential.id, output, first);
}

/**
 * @param {string} credentialId
 * @param {BufferSource} output of the PRF, which is wiped
 * @param {{ curve?: Curve, index?: number }} first
 * @returns {Promise<PasskeyWallet>}
 */
async function walletOf(credentialId, output, { curve = "x25519", index }) {
  const bytes = ArrayBuffer.isView(output)
    ? new Uint8Array(output.buffer, output.byteOffset, output.byteLength)
    : new Uint8Array(output);
  /** @type {CryptoKey | undefined} */
  let root = await subtle().importKey("raw", bytes, "HKDF", false, ["deriveBits"]);
  bytes.fill(0);
  const wallet = await manyKeys(
    {
      secret: async (on, number) => secretOf(/** @type {CryptoKey} */ (root), on, number),
      forget: () => {
        root = undefined;
      },
    },
    { curve, index },
  );
  return { ...wallet, credentialId };
}

/**
 * @param {CryptoKey} root
 * @param {Curve} curve
 * @param {number} index
 * @returns {Promise<Bytes>}
 */
export async function secretOf(root, curve, index) {
  const info = utf8(`${CONTEXT}${curve}\n${index}`, "curve");
  const parameters = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info };
  const bytes = new Uint8Array(await subtle().deriveBits(parameters, root, 8 * LENGTHS[curve]));
  if (curve === "x25519" || curve === "ed25519") return bytes;
  const secret = reduce(curve, bytes);
  bytes.fill(0);
  return secret;
}

/** @returns {Promise<Bytes>} */
const prfSalt = () => sha256(utf8(CONTEXT + globalThis.location?.origin, "origin"));

/**
 * @param {() => Promise<Credential | null>} ask
 * @returns {Promise<PublicKeyCredential>}
 */
async function asked(ask) {
  if (!globalThis.PublicKeyCredential || !globalThis.navigator?.credentials) {
    throw new SealpostError("passkey_unavailable", "there are no passkeys here");
  }
  let credential;
  try {
    credential = await ask();
  } catch (error) {
    const name = error instanceof Error ? error.name : "";
    if (name === "AbortError" || name === "NotAllowedError") {
      throw new SealpostError("passkey_cancelled", "the passkey was not confirmed");
    }
    throw new SealpostError("passkey_unavailable", `the browser refused to ask for a passkey (${name})`);
  }
  if (!(credential instanceof PublicKeyCredential)) {
    throw new SealpostError("passkey_cancelled", "the passkey was not confirmed");
  }
  return credential;
}

const noPrf = () =>
  new SealpostError("passkey_no_prf", "this passkey derives no keys (WebAuthn's PRF extension is missing)");

/**
 * @param {string} text
 * @returns {Bytes}
 */
function fromBase64Url(text) {
  try {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (digit) => digit.charCodeAt(0));
  } catch {
    throw new SealpostError("bad_argument", "`credentialId` is not the id of a passkey");
  }
}
