"""Signed statements by Python: Ed25519 of cryptography, JSON of rfc8785."""

import base64
import hashlib
import json

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


def sign_manifest(seed, claims):
    """A job manifest as a compact JWS."""
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
    header = {"alg": "EdDSA", "kid": key_id(key.public_key()), "typ": "sealpost-job+jwt"}
    signed = ".".join(_base64url(rfc8785.dumps(part)) for part in (header, claims))
    return {"jws": f"{signed}.{_base64url(key.sign(signed.encode()))}"}


def verify_manifest(public_key, jws):
    """The claims, when the signature holds and both parts are canonical JSON."""
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
    signed, signature = jws.rsplit(".", 1)
    key.verify(_from_base64url(signature), signed.encode())
    header, claims = (_canonical(_from_base64url(part)) for part in signed.split("."))
    if header != {"alg": "EdDSA", "kid": key_id(key), "typ": "sealpost-job+jwt"}:
        raise ValueError(f"another header: {header}")
    return {"claims": claims}


def sign(seed, prefix, statement):
    """A detached signature over a prefix and canonical JSON: releases and licences."""
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
    return {"signature": key.sign(prefix.encode() + rfc8785.dumps(statement)).hex()}


def verify(public_key, prefix, statement, signature):
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
    key.verify(bytes.fromhex(signature), prefix.encode() + rfc8785.dumps(statement))
    return {}


def canonical(value):
    return {"bytes": rfc8785.dumps(value).hex()}


def key_id(key):
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def _canonical(text):
    value = json.loads(text)
    if rfc8785.dumps(value) != text:
        raise ValueError("the JSON is not canonical")
    return value


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _from_base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
