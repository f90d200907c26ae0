"""Key packages, sealed tokens and files, by libraries that have nothing to do with the store's."""

import base64
import json

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from nacl.public import Box, PublicKey


def content_key(private_key, package):
    """The content key of `b64(sender):b64(nonce):b64(box)`."""
    sender, nonce, box = (base64.b64decode(part, validate=True) for part in package.split(":"))
    return Box(private_key, PublicKey(sender)).decrypt(box, nonce)


def gcode(key, iv_hex, blob):
    """AES-CBC with PKCS#7; the key's length says which AES."""
    decryptor = Cipher(algorithms.AES(key), modes.CBC(bytes.fromhex(iv_hex))).decryptor()
    padded = decryptor.update(blob) + decryptor.finalize()
    unpadder = padding.PKCS7(128).unpadder()
    return unpadder.update(padded) + unpadder.finalize()


def grant(private_key, answer):
    """What is in a sealed answer to a pairing: JSON, or the bare token."""
    sender, nonce, box = (base64.b64decode(answer[name]) for name in ("sender_pubkey", "nonce", "ciphertext"))
    plain = Box(private_key, PublicKey(sender)).decrypt(box, nonce).decode()
    try:
        return json.loads(plain)
    except ValueError:
        return {"token": plain}
