"""PyNaCl, which is libsodium: boxes, Ed25519 as X25519, and envelopes for both."""

import base64
import hashlib
import hmac

from nacl import bindings, utils
from nacl.public import Box, PrivateKey, PublicKey
from nacl.signing import SigningKey

from envelope import Envelopes


class Sodium(Envelopes):
    def new_secret(self, curve):
        return utils.random(32)

    def public(self, curve, secret, uncompressed=False):
        if curve == "ed25519":
            return bytes(SigningKey(secret).verify_key)
        return bindings.crypto_scalarmult_base(secret)

    def agree(self, curve, secret, public):
        if curve == "ed25519":
            secret = bytes(SigningKey(secret).to_curve25519_private_key())
        return bindings.crypto_scalarmult(secret, public)

    def montgomery(self, public):
        return bindings.crypto_sign_ed25519_pk_to_curve25519(public)

    def hkdf(self, ikm, salt, info):
        extracted = hmac.digest(salt, ikm, hashlib.sha256)
        return hmac.digest(extracted, info + b"\x01", hashlib.sha256)

    def seal(self, key, iv, plain):
        return bindings.crypto_aead_aes256gcm_encrypt(plain, None, iv, key)

    def open(self, key, iv, sealed):
        return bindings.crypto_aead_aes256gcm_decrypt(sealed, None, iv, key)


_sodium = Sodium()
public_key, wrap, unwrap = _sodium.public_key, _sodium.wrap, _sodium.unwrap


def box_key(recipient, dek):
    """A key package for a printer: the sender's fresh key, the nonce and the box, each as base64."""
    sender, nonce = PrivateKey.generate(), utils.random(Box.NONCE_SIZE)
    box = Box(sender, PublicKey(bytes.fromhex(recipient)))
    parts = [bytes(sender.public_key), nonce, box.encrypt(bytes.fromhex(dek), nonce).ciphertext]
    return {"package": ":".join(base64.b64encode(part).decode() for part in parts)}


def unbox_key(secret, package):
    sender, nonce, sealed = (base64.b64decode(part, validate=True) for part in package.split(":"))
    return {"dek": Box(PrivateKey(bytes.fromhex(secret)), PublicKey(sender)).decrypt(sealed, nonce).hex()}
