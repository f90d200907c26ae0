import assert from "node:assert/strict";
import { test } from "node:test";

import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { p256, p384 } from "@noble/curves/nist.js";

import {
  CURVES,
  createPasskeyWallet,
  deviceWallet,
  listDeviceWallets,
  openPasskeyWallet,
  passkeySupport,
  publicKeyOf,
} from "../index.js";
import { toHex } from "../src/bytes.js";
import { secretOf } from "../src/wallet/passkey.js";
import { refused } from "./support/errors.js";

const OUTPUT = new Uint8Array(32).map((_, at) => at);

test("a passkey's keys are derived as the guide says", async () => {
  const root = await crypto.subtle.importKey("raw", OUTPUT, "HKDF", false, ["deriveBits"]);
  const orders = { secp256k1: secp256k1.Point.CURVE().n, p256: p256.Point.CURVE().n, p384: p384.Point.CURVE().n };
  const lengths = { secp256k1: 48, p256: 48, p384: 64, x25519: 32, ed25519: 32 };
  for (const curve of CURVES) {
    for (const index of [0, 7]) {
      const info = new TextEncoder().encode(`sealpost/passkey/v1\n${curve}\n${index}`);
      const wide = toHex(hkdf(sha256, OUTPUT, undefined, info, lengths[curve]));
      const order = curve === "x25519" || curve === "ed25519" ? undefined : orders[curve];
      const length = curve === "p384" ? 96 : 64;
      const expected = order ? ((BigInt(`0x${wide}`) % (order - 1n)) + 1n).toString(16).padStart(length, "0") : wide;
      assert.equal(toHex(await secretOf(root, curve, index)), expected, `${curve} ${index}`);
    }
  }
});

test("keys of passkeys that exist stay as they are", async () => {
  const root = await crypto.subtle.importKey("raw", OUTPUT, "HKDF", false, ["deriveBits"]);
  const keys = await Promise.all(
    CURVES.map(async (curve) => [curve, toHex(await publicKeyOf(curve, await secretOf(root, curve, 0)))]),
  );
  assert.deepEqual(Object.fromEntries(keys), {
    ed25519: "ad64bfa67ca311a618d315755c5f53e00cbde641981b647d3480a3253b265993",
    p256: "032453d807bfd9a3c6cac03daafc3bc43a2cee931068c99518e014ee646f21fe2e",
    p384: "031f5a04540577c603bef9dc90359fac80cc1d24c0c8a430ba4077183a138f31f2db280a49e170b3643c0d68a4fb84da52",
    secp256k1: "034452e4c76d3e596a8d8498d1736606338737f399f31cf9c336fd25c078844820",
    x25519: "9f3554aec268a294200e0fb67718d15bfd8b52db9d8b59cbbcb5e10a30b1df51",
  });
});

test("where there are no passkeys and no store for keys, that is told", async () => {
  assert.equal(await passkeySupport(), "no");
  await assert.rejects(createPasskeyWallet({ userName: "ada" }), refused("passkey_unavailable"));
  await assert.rejects(openPasskeyWallet(), refused("passkey_unavailable"));
  await assert.rejects(deviceWallet(), refused("wallet_storage"));
  await assert.rejects(listDeviceWallets(), refused("wallet_storage"));
});
