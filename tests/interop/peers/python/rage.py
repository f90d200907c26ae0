"""pyrage, which is rage's library."""

from pyrage import decrypt as _decrypt
from pyrage import encrypt as _encrypt
from pyrage import passphrase as _passphrase
from pyrage import x25519


def recipient(identity):
    return {"recipient": str(x25519.Identity.from_str(identity).to_public())}


def encrypt(recipient, plain):
    return {"file": _encrypt(bytes.fromhex(plain), [x25519.Recipient.from_str(recipient)]).hex()}


def decrypt(identity, file):
    return {"plain": _decrypt(bytes.fromhex(file), [x25519.Identity.from_str(identity)]).hex()}


def encrypt_with_passphrase(passphrase, plain):
    return {"file": _passphrase.encrypt(bytes.fromhex(plain), passphrase).hex()}


def decrypt_with_passphrase(passphrase, file):
    return {"plain": _passphrase.decrypt(bytes.fromhex(file), passphrase).hex()}
