// The @noble libraries: all five curves.
import { gcm } from '@noble/ciphers/aes.js';
import { randomBytes } from '@noble/ciphers/utils.js';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { p256, p384 } from '@noble/curves/nist.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { fromHex, hex, join } from './bytes.mjs';
import { operations } from './envelope.mjs';

const WEIERSTRASS = { p256, p384, secp256k1 };

export const { publicKey, wrap, unwrap } = operations({
  newSecret: (curve) => (curve === 'x25519' ? x25519 : WEIERSTRASS[curve]).utils.randomSecretKey(),

  publicKey(curve, secret, { uncompressed = false } = {}) {
    if (curve === 'x25519') return x25519.getPublicKey(secret);
    if (curve === 'ed25519') return ed25519.getPublicKey(secret);
    return WEIERSTRASS[curve].getPublicKey(secret, !uncompressed);
  },

  agree(curve, secret, peer) {
    if (curve === 'x25519') return x25519.getSharedSecret(secret, peer);
    if (curve === 'ed25519') return x25519.getSharedSecret(ed25519.utils.toMontgomerySecret(secret), peer);
    // A compressed point; what follows its first byte is x.
    return WEIERSTRASS[curve].getSharedSecret(secret, peer).slice(1);
  },

  montgomery: (publicKey) => ed25519.utils.toMontgomery(publicKey),
  sha256,
  hkdf: (ikm, salt, info) => hkdf(sha256, ikm, salt, info, 32),
  seal: (key, iv, plain) => gcm(key, iv).encrypt(plain),
  open: (key, iv, ciphertext, tag) => gcm(key, iv).decrypt(join(ciphertext, tag)),
  random: randomBytes,
});

export function sealGcm({ key, plain }) {
  const iv = randomBytes(12);
  return { blob: hex(join(iv, gcm(fromHex(key), iv).encrypt(fromHex(plain)))) };
}

export function openGcm({ key, blob }) {
  const bytes = fromHex(blob);
  return { plain: hex(gcm(fromHex(key), bytes.slice(0, 12)).decrypt(bytes.slice(12))) };
}
