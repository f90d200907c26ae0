"""Python's cryptography, which is OpenSSL: four curves, HKDF, AES in three modes, Fernet."""

import base64
import hashlib
import os
from unicodedata import normalize

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from envelope import Envelopes

# SEC 2, section 2.5.1.
P384_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
CURVES = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "secp256k1": ec.SECP256K1()}


class Openssl(Envelopes):
    def new_secret(self, curve):
        if curve == "x25519":
            return X25519PrivateKey.generate().private_bytes_raw()
        key = ec.generate_private_key(CURVES[curve])
        return key.private_numbers().private_value.to_bytes(key.key_size // 8, "big")

    def public(self, curve, secret, uncompressed=False):
        if curve == "x25519":
            return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
        form = PublicFormat.UncompressedPoint if uncompressed else PublicFormat.CompressedPoint
        return self._private(curve, secret).public_key().public_bytes(Encoding.X962, form)

    def agree(self, curve, secret, public):
        if curve == "x25519":
            return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(public))
        peer = ec.EllipticCurvePublicKey.from_encoded_point(CURVES[curve], public)
        return self._private(curve, secret).exchange(ec.ECDH(), peer)

    def hkdf(self, ikm, salt, info):
        return HKDF(hashes.SHA256(), 32, salt, info).derive(ikm)

    def seal(self, key, iv, plain):
        return AESGCM(key).encrypt(iv, plain, None)

    def open(self, key, iv, sealed):
        return AESGCM(key).decrypt(iv, sealed, None)

    def _private(self, curve, secret):
        return ec.derive_private_key(int.from_bytes(secret, "big"), CURVES[curve])


_openssl = Openssl()
public_key, wrap, unwrap = _openssl.public_key, _openssl.wrap, _openssl.unwrap


def seal_gcm(key, plain):
    iv = os.urandom(12)
    return {"blob": (iv + AESGCM(bytes.fromhex(key)).encrypt(iv, bytes.fromhex(plain), None)).hex()}


def open_gcm(key, blob):
    blob = bytes.fromhex(blob)
    return {"plain": AESGCM(bytes.fromhex(key)).decrypt(blob[:12], blob[12:], None).hex()}


def seal_cbc(key, plain):
    iv = os.urandom(16)
    padder, encryptor = padding.PKCS7(128).padder(), Cipher(AES(bytes.fromhex(key)), CBC(iv)).encryptor()
    padded = padder.update(bytes.fromhex(plain)) + padder.finalize()
    return {"iv": iv.hex(), "blob": (encryptor.update(padded) + encryptor.finalize()).hex()}


def open_cbc(key, iv, blob):
    decryptor = Cipher(AES(bytes.fromhex(key)), CBC(bytes.fromhex(iv))).decryptor()
    unpadder = padding.PKCS7(128).unpadder()
    padded = decryptor.update(bytes.fromhex(blob)) + decryptor.finalize()
    return {"plain": (unpadder.update(padded) + unpadder.finalize()).hex()}


def seal_fernet(key, plain):
    token = Fernet(base64.urlsafe_b64encode(bytes.fromhex(key))).encrypt(bytes.fromhex(plain))
    return {"token": token.decode()}


def psek(psek, dek):
    """The package of old stores: hex of IV and AES-256-CBC of the content key."""
    sealed = seal_cbc(psek, dek)
    return {"package": sealed["iv"] + sealed["blob"]}


def domain_key(secret, domain, plugin_id, epoch):
    """The domain key of version 2."""
    salt = hashlib.sha256(domain.encode()).digest()
    info = b"\0".join([b"sealpost-domain-v2", plugin_id.encode(), str(epoch).encode()])
    return {"key": HKDF(hashes.SHA256(), 32, salt, info).derive(bytes.fromhex(secret)).hex()}


def seed(mnemonic, passphrase):
    """The seed of BIP-39, of words in any language."""
    words, salt = (normalize("NFKD", text).encode() for text in (mnemonic, "mnemonic" + passphrase))
    return {"seed": hashlib.pbkdf2_hmac("sha512", words, salt, 2048).hex()}


def p384_wallet_key(scalar):
    """A wallet's key on P-384, stretched from the scalar of its path."""
    wide = HKDF(hashes.SHA384(), 48, None, b"sealpost/p384/v1").derive(bytes.fromhex(scalar))
    secret = int.from_bytes(wide, "big") % (P384_ORDER - 1) + 1
    return {"secret": secret.to_bytes(48, "big").hex()}
