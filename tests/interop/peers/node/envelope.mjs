// The `ecdh` v1 key wrap as the format's description says it, over somebody's primitives:
//
//   newSecret(curve), publicKey(curve, secret[, {uncompressed}]), agree(curve, secret, publicKey),
//   sha256(bytes), hkdf(ikm, salt, info), seal(key, iv, plain), open(key, iv, ciphertext, tag), random(length)
//
// An Ed25519 recipient is wrapped for on X25519: `agree('ed25519', ...)` takes the seed and a u coordinate, and
// `montgomery(publicKey)` gives the u coordinate of an Ed25519 key.
import { base64, fromBase64, fromHex, hex, join, utf8 } from './bytes.mjs';

export function operations(primitives) {
  const wrappingKey = (shared, salt, pluginId) =>
    primitives.hkdf(shared, salt, utf8(`orbpro-marketplace:${pluginId}`));

  return {
    async publicKey({ curve, secret }) {
      return { publicKey: hex(await primitives.publicKey(curve, fromHex(secret))) };
    },

    async wrap({ curve, recipient, pluginId, dek, salt, uncompressed = false }) {
      const ed25519 = curve === 'ed25519';
      const agreementCurve = ed25519 ? 'x25519' : curve;
      const peer = ed25519 ? await primitives.montgomery(fromHex(recipient)) : fromHex(recipient);
      const ephemeral = await primitives.newSecret(agreementCurve);
      const saltBytes = salt === undefined ? await primitives.sha256(fromHex(recipient)) : fromHex(salt);
      const key = await wrappingKey(await primitives.agree(agreementCurve, ephemeral, peer), saltBytes, pluginId);
      const iv = await primitives.random(12);
      const envelope = {
        ephemeralPub: hex(await primitives.publicKey(agreementCurve, ephemeral, { uncompressed })),
        wrappedDEK: base64(join(iv, await primitives.seal(key, iv, fromHex(dek)))),
        salt: hex(saltBytes),
        curve,
      };
      return { envelope };
    },

    async unwrap({ curve, secret, pluginId, envelope }) {
      if (envelope.curve !== curve) throw new Error('the envelope is for another curve');
      const wrapped = fromBase64(envelope.wrappedDEK);
      if (wrapped.length !== 60) throw new Error('a wrapped key has 60 bytes');
      const shared = await primitives.agree(curve, fromHex(secret), fromHex(envelope.ephemeralPub));
      const key = await wrappingKey(shared, fromHex(envelope.salt), pluginId);
      const dek = await primitives.open(key, wrapped.slice(0, 12), wrapped.slice(12, 44), wrapped.slice(44));
      return { dek: hex(dek) };
    },
  };
}
