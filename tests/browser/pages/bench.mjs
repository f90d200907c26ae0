// Opening a plugin by the loader, beside the least that any loader has to do.

import { loadMarketplacePlugin } from "@sealpost/marketplace-loader";
import { publicKeyOf, signBundle, wrapDEKForBuyer, walletFromPrivateKey } from "@sealpost/plugin-sdk";

const ID = "org.example.large";

/** Milliseconds of both ways, turn by turn: each turn opens modules that no turn before has seen. */
globalThis.race = async ({ url, manifest, turns }) => {
  const wasm = new Uint8Array(await (await fetch(url)).arrayBuffer());
  const signer = crypto.getRandomValues(new Uint8Array(32));
  const publisherKey = await publicKeyOf("ed25519", signer);
  const wallet = await walletFromPrivateKey(crypto.getRandomValues(new Uint8Array(32)), "p256");
  const found = { ours: [], reference: [] };
  for (let turn = 0; turn < turns; turn++) {
    const ways = [
      ["ours", () => ours(wasm, manifest, { signer, publisherKey, wallet })],
      ["reference", () => reference(wasm)],
    ];
    if (turn % 2 === 1) ways.reverse();
    for (const [name, prepare] of ways) {
      const run = await prepare();
      const began = performance.now();
      const kept = await run();
      const took = performance.now() - began;
      kept.dispose?.();
      // The first turn of each warms up.
      if (turn > 1) found[name].push(took);
    }
  }
  return found;
};

async function ours(wasm, manifest, { signer, publisherKey, wallet }) {
  const plain = fresh(wasm);
  const dek = crypto.getRandomValues(new Uint8Array(32));
  const sealed = await seal(plain, dek);
  const bundle = {
    pluginId: ID,
    version: manifest.version,
    manifest,
    wasmHash: Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", plain)), (byte) => byte.toString(16).padStart(2, "0")).join(""),
    domainWrappedKeys: [],
    buyerWrappedKeys: [await wrapDEKForBuyer(dek, wallet.publicKey, "p256", ID)],
  };
  const signed = { ...(await signBundle(bundle, signer)), encryptedData: sealed };
  return () => loadMarketplacePlugin(signed, wallet, { publisherKey });
}

async function reference(wasm) {
  const dek = crypto.getRandomValues(new Uint8Array(32));
  const sealed = await seal(fresh(wasm), dek);
  return async () => {
    const key = await crypto.subtle.importKey("raw", dek, "AES-GCM", false, ["decrypt"]);
    const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: sealed.subarray(0, 12) }, key, sealed.subarray(12));
    return { module: await WebAssembly.compile(plain) };
  };
}

/** The module with a custom section of its own: browsers keep what they compiled and know it again by its bytes. */
function fresh(wasm) {
  const section = new Uint8Array([0, 18, 1, 0x78, ...crypto.getRandomValues(new Uint8Array(16))]);
  const bytes = new Uint8Array(wasm.length + section.length);
  bytes.set(wasm);
  bytes.set(section, wasm.length);
  return bytes;
}

async function seal(plain, dek) {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const key = await crypto.subtle.importKey("raw", dek, "AES-GCM", false, ["encrypt"]);
  const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, plain));
  const blob = new Uint8Array(12 + sealed.length);
  blob.set(iv);
  blob.set(sealed, 12);
  return blob;
}

globalThis.ready = true;
