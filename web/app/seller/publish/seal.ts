// From a file to a sealed one and an envelope that the store's vault alone opens: what `sealpost publish --seal-here` does.

import { SealpostError, publicKeyOf, toHex, wrapDEKForBuyer, type Curve } from "@sealpost/plugin-sdk";
import { sha256 } from "@noble/hashes/sha2.js";
import { bech32 } from "@scure/base";
import { Encrypter } from "age-encryption";
import type { SealedFile } from "./messages";

/**
 * Seals as an age file whose one X25519 stanza is for the content key itself, hashes what is sealed on the way, and wraps the key.
 * Nothing but the sealed bytes is handed to `write`, in order.
 */
export async function sealForVault(
  plain: AsyncIterable<Uint8Array<ArrayBuffer>>,
  vault: { curve: string; public_key: string },
  write: (sealed: Uint8Array) => void | Promise<void>,
): Promise<SealedFile["sealed"]> {
  if (vault.curve !== "x25519") {
    throw new SealpostError("vault_key", "the key of the store's vault cannot be used", { hint: "ask the store's operator" });
  }
  const dek = crypto.getRandomValues(new Uint8Array(32));
  try {
    const hash = sha256.create();
    let size = 0;
    const source = plain[Symbol.asyncIterator]();
    const read = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { done, value } = await source.next();
        if (done) return controller.close();
        hash.update(value);
        size += value.length;
        controller.enqueue(value);
      },
    });
    const encrypter = new Encrypter();
    encrypter.addRecipient(await recipient(dek));
    const sealed = (await encrypter.encrypt(read)).getReader();
    for (;;) {
      const { done, value } = await sealed.read();
      if (done) break;
      await write(value);
    }
    const plain_sha256 = toHex(hash.digest());
    const envelope = await wrapDEKForBuyer(dek, vault.public_key, vault.curve as Curve, `vault:${plain_sha256}`);
    return { cipher: "age", envelope, plain_sha256, plain_size: size };
  } finally {
    dek.fill(0);
  }
}

/** `age1…` of a content key. The library is told the public half alone, so no text of the key comes to be. */
async function recipient(dek: Uint8Array): Promise<string> {
  return bech32.encodeFromBytes("age", await publicKeyOf("x25519", dek));
}
