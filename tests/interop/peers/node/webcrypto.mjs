// Node's WebCrypto: P-256, P-384, X25519, HKDF, AES-GCM.
import { ECDH } from 'node:crypto';
import { fromHex, hex, join } from './bytes.mjs';
import { operations } from './envelope.mjs';

const { subtle } = globalThis.crypto;

const CURVES = {
  p256: { name: 'ECDH', namedCurve: 'P-256', openssl: 'prime256v1', bytes: 32 },
  p384: { name: 'ECDH', namedCurve: 'P-384', openssl: 'secp384r1', bytes: 48 },
  x25519: { name: 'X25519', bytes: 32 },
};

export const { publicKey, wrap, unwrap } = operations({
  async newSecret(curve) {
    const { name, namedCurve } = known(curve);
    const { privateKey } = await subtle.generateKey({ name, namedCurve }, true, ['deriveBits']);
    const { d } = await subtle.exportKey('jwk', privateKey);
    return new Uint8Array(Buffer.from(d, 'base64url'));
  },

  async publicKey(curve, secret, { uncompressed = false } = {}) {
    const { openssl } = known(curve);
    const { x, y } = await subtle.exportKey('jwk', await privateKey(curve, secret, true));
    const coordinates = [x, y].filter(Boolean).map((part) => Buffer.from(part, 'base64url'));
    if (!openssl) return join(...coordinates);
    const point = join(Uint8Array.of(4), ...coordinates);
    return uncompressed ? point : ECDH.convertKey(point, openssl, undefined, undefined, 'compressed');
  },

  async agree(curve, secret, peer) {
    const { name, namedCurve, openssl, bytes } = known(curve);
    const point = openssl ? ECDH.convertKey(peer, openssl, undefined, undefined, 'uncompressed') : peer;
    const other = await subtle.importKey('raw', point, { name, namedCurve }, false, []);
    const own = await privateKey(curve, secret, false);
    return new Uint8Array(await subtle.deriveBits({ name, public: other }, own, 8 * bytes));
  },

  sha256: async (bytes) => new Uint8Array(await subtle.digest('SHA-256', bytes)),

  async hkdf(ikm, salt, info) {
    const key = await subtle.importKey('raw', ikm, 'HKDF', false, ['deriveBits']);
    return new Uint8Array(await subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info }, key, 256));
  },

  seal: sealBytes,
  open: (key, iv, ciphertext, tag) => openBytes(key, iv, join(ciphertext, tag)),
  random: (length) => globalThis.crypto.getRandomValues(new Uint8Array(length)),
});

export async function sealGcm({ key, plain }) {
  const iv = globalThis.crypto.getRandomValues(new Uint8Array(12));
  return { blob: hex(join(iv, await sealBytes(fromHex(key), iv, fromHex(plain)))) };
}

export async function openGcm({ key, blob }) {
  const bytes = fromHex(blob);
  return { plain: hex(await openBytes(fromHex(key), bytes.slice(0, 12), bytes.slice(12))) };
}

async function sealBytes(key, iv, plain) {
  return new Uint8Array(await subtle.encrypt({ name: 'AES-GCM', iv }, await aes(key, 'encrypt'), plain));
}

async function openBytes(key, iv, sealed) {
  return new Uint8Array(await subtle.decrypt({ name: 'AES-GCM', iv }, await aes(key, 'decrypt'), sealed));
}

function aes(key, use) {
  return subtle.importKey('raw', key, 'AES-GCM', false, [use]);
}

// PKCS #8 without the public half: OpenSSL works it out.
function privateKey(curve, secret, extractable) {
  const { name, namedCurve } = known(curve);
  const head = {
    p256: '3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420',
    p384: '304e020100301006072a8648ce3d020106052b81040022043730350201010430',
    x25519: '302e020100300506032b656e04220420',
  }[curve];
  const pkcs8 = join(fromHex(head), secret);
  return subtle.importKey('pkcs8', pkcs8, { name, namedCurve }, extractable, ['deriveBits']);
}

function known(curve) {
  const found = CURVES[curve];
  if (!found) throw new Error(`WebCrypto has no ${curve}`);
  return found;
}
