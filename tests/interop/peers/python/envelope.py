"""The `ecdh` v1 key wrap as the format's description says it, over somebody's primitives."""

import base64
import hashlib
import os


class Envelopes:
    """Subclasses give new_secret, public, agree, hkdf, seal and open.

    An Ed25519 recipient is wrapped for on X25519: `agree("ed25519", ...)` takes the seed and a u coordinate, and
    `montgomery(public)` gives the u coordinate of an Ed25519 key.
    """

    def public_key(self, curve, secret):
        return {"publicKey": self.public(curve, bytes.fromhex(secret)).hex()}

    def wrap(self, curve, recipient, plugin_id, dek, salt=None, uncompressed=False):
        recipient = bytes.fromhex(recipient)
        ed25519 = curve == "ed25519"
        agreement_curve = "x25519" if ed25519 else curve
        peer = self.montgomery(recipient) if ed25519 else recipient
        ephemeral = self.new_secret(agreement_curve)
        salt = hashlib.sha256(recipient).digest() if salt is None else bytes.fromhex(salt)
        key = self.hkdf(self.agree(agreement_curve, ephemeral, peer), salt, info(plugin_id))
        iv = os.urandom(12)
        envelope = {
            "ephemeralPub": self.public(agreement_curve, ephemeral, uncompressed).hex(),
            "wrappedDEK": base64.b64encode(iv + self.seal(key, iv, bytes.fromhex(dek))).decode(),
            "salt": salt.hex(),
            "curve": curve,
        }
        return {"envelope": envelope}

    def unwrap(self, curve, secret, plugin_id, envelope):
        if envelope["curve"] != curve:
            raise ValueError("the envelope is for another curve")
        wrapped = base64.b64decode(envelope["wrappedDEK"], validate=True)
        if len(wrapped) != 60:
            raise ValueError("a wrapped key has 60 bytes")
        shared = self.agree(curve, bytes.fromhex(secret), bytes.fromhex(envelope["ephemeralPub"]))
        key = self.hkdf(shared, bytes.fromhex(envelope["salt"]), info(plugin_id))
        return {"dek": self.open(key, wrapped[:12], wrapped[12:]).hex()}


def info(plugin_id):
    return f"orbpro-marketplace:{plugin_id}".encode()
