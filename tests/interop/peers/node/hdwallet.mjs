// hd-wallet-wasm: wallet keys, and envelopes by its primitives.
import init, { Curve } from 'hd-wallet-wasm';
import { fromHex, hex, join } from './bytes.mjs';
import { operations } from './envelope.mjs';

const wallet = await init();
const { curves, utils } = wallet;
const IDS = { p256: Curve.P256, p384: Curve.P384, secp256k1: Curve.SECP256K1 };

const seal = (key, iv, plain) => {
  const { ciphertext, tag } = utils.aesGcm.encrypt(key, plain, iv);
  return join(ciphertext, tag);
};

export const { publicKey, wrap, unwrap } = operations({
  newSecret(curve) {
    const secret = utils.getRandomBytes(curve === 'p384' ? 48 : 32);
    // Below the order of every curve.
    secret[0] &= 0x7f;
    return secret;
  },

  publicKey(curve, secret) {
    if (curve === 'x25519') return curves.x25519.publicKey(secret);
    if (curve === 'ed25519') return curves.ed25519.publicKeyFromSeed(secret);
    return curves.publicKeyFromPrivate(secret, IDS[curve]);
  },

  agree: (curve, secret, peer) => curves[curve].ecdh(secret, peer),
  sha256: (bytes) => utils.sha256(bytes),
  hkdf: (ikm, salt, info) => utils.hkdf(ikm, salt, info, 32),

  seal,
  open: (key, iv, ciphertext, tag) => utils.aesGcm.decrypt(key, ciphertext, tag, iv),
  random: (length) => utils.getRandomBytes(length),
});

/** From words in English and a passphrase in ASCII, which is all it takes, or from a seed. */
export function walletKey({ mnemonic, passphrase, seed, path }) {
  const seedBytes = seed === undefined ? wallet.mnemonic.toSeed(mnemonic, passphrase) : fromHex(seed);
  const key = wallet.hdkey.fromSeed(seedBytes).derivePath(path);
  return { secret: hex(key.privateKey()), publicKey: hex(key.publicKey()) };
}

export function newMnemonic({ words }) {
  return { mnemonic: wallet.mnemonic.fromEntropy(utils.getRandomBytes((words / 3) * 4)) };
}

export function checkMnemonic({ mnemonic }) {
  return { valid: wallet.mnemonic.validate(mnemonic) };
}

export function sealGcm({ key, plain }) {
  const iv = utils.getRandomBytes(12);
  return { blob: hex(join(iv, seal(fromHex(key), iv, fromHex(plain)))) };
}

export function openGcm({ key, blob }) {
  const bytes = fromHex(blob);
  const [iv, ciphertext, tag] = [bytes.slice(0, 12), bytes.slice(12, -16), bytes.slice(-16)];
  return { plain: hex(utils.aesGcm.decrypt(fromHex(key), ciphertext, tag, iv)) };
}
