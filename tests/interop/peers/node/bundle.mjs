// Domain-gated bundles by Node's WebCrypto, read the way a page does it: the slots carry no name, so each is tried.
import { base64, fromBase64, fromHex, hex, utf8 } from './bytes.mjs';
import { openGcm, sealGcm } from './webcrypto.mjs';

const { subtle } = globalThis.crypto;

/** The domain key of version 2. */
export async function domainKey({ secret, domain, pluginId, epoch }) {
  const salt = await subtle.digest('SHA-256', utf8(domain));
  const info = utf8(`sealpost-domain-v2\0${pluginId}\0${epoch}`);
  const key = await subtle.importKey('raw', fromHex(secret), 'HKDF', false, ['deriveBits']);
  return { key: hex(new Uint8Array(await subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info }, key, 256))) };
}

/** A bundle with one slot for each key, under the names of the format or those of the public demo. */
export async function seal({ keys, plain, pluginId, demo }) {
  const dek = hex(globalThis.crypto.getRandomValues(new Uint8Array(32)));
  const slots = [];
  for (const key of keys) slots.push(fromHexTo64((await sealGcm({ key, plain: dek })).blob));
  const encrypted = fromHexTo64((await sealGcm({ key: dek, plain })).blob);
  if (demo) {
    const sizes = { wasmSize: plain.length / 2, epochPeriodMs: 7_776_000_000, currentEpoch: 228 };
    return { bundle: { version: 1, pluginId, ...sizes, encryptedPayload: encrypted, wrappedDEKs: slots } };
  }
  const wasmHash = await sha256(plain);
  return { bundle: { version: '1.0.0', pluginId, wasmHash, encryptedData: encrypted, domainWrappedKeys: slots } };
}

export async function open({ key, bundle }) {
  const sealed = hex(fromBase64(bundle.encryptedData));
  for (const slot of bundle.domainWrappedKeys) {
    const dek = await openGcm({ key, blob: hex(fromBase64(slot)) }).catch(() => undefined);
    if (!dek) continue;
    const { plain } = await openGcm({ key: dek.plain, blob: sealed });
    if ((await sha256(plain)) !== bundle.wasmHash) throw new Error('the plaintext has another hash');
    return { plain };
  }
  throw new Error('no slot is for this key');
}

const sha256 = async (text) => hex(await subtle.digest('SHA-256', fromHex(text)));
const fromHexTo64 = (text) => base64(fromHex(text));
