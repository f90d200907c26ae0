// A wallet that has a key of its own and signs sentences (EIP-1193, EIP-6963, ERC-191); it knows no chain.

import { randomBytes } from "node:crypto";

import { secp256k1 } from "../../../sdk/node_modules/@noble/curves/secp256k1.js";
import { keccak_256 } from "../../../sdk/node_modules/@noble/hashes/sha3.js";

const hex = (bytes) => Buffer.from(bytes).toString("hex");

/**
 * Puts it into every page of a context.
 *
 * @returns what the test holds of it: `address`, `sign(text)`, the sentences it signed, and whether it refuses
 */
export async function putSigner(context) {
  const key = randomBytes(32);
  const address = checksummed(hex(keccak_256(secp256k1.getPublicKey(key, false).slice(1)).slice(12)));
  const wallet = { address, signed: [], refuses: false, sign: (text) => sign(key, text) };
  await context.exposeBinding("testSigner", (_, { method, params = [] }) => {
    if (method === "eth_requestAccounts" || method === "eth_accounts") return { result: [address.toLowerCase()] };
    if (method === "eth_chainId") return { result: "0x1" };
    if (method !== "personal_sign") return { error: { code: 4200, message: "Unsupported" } };
    if (wallet.refuses) return { error: { code: 4001, message: "User rejected the request." } };
    const text = Buffer.from(params[0].slice(2), "hex").toString("utf8");
    wallet.signed.push(text);
    return { result: sign(key, text) };
  });
  await context.addInitScript(install);
  return wallet;
}

function sign(key, text) {
  const prefix = `\x19Ethereum Signed Message:\n${Buffer.byteLength(text)}`;
  const hash = keccak_256(Buffer.from(prefix + text, "utf8"));
  const [parity, ...numbers] = secp256k1.sign(hash, key, { prehash: false, format: "recovered" });
  return `0x${hex(numbers)}${(27 + parity).toString(16)}`;
}

function checksummed(digits) {
  const hash = hex(keccak_256(Buffer.from(digits)));
  return `0x${[...digits].map((digit, place) => (hash[place] >= "8" ? digit.toUpperCase() : digit)).join("")}`;
}

/** Runs in the page, before its own scripts. */
function install() {
  const provider = {
    async request({ method, params }) {
      const { result, error } = await globalThis.testSigner({ method, params });
      if (error) throw Object.assign(new Error(error.message), error);
      return result;
    },
  };
  const info = Object.freeze({ uuid: "5d0f3c1e-9a51-4c4b-8f0a-2f6f3e9b7a10", name: "Test Signer", icon: "data:image/svg+xml,<svg/>", rdns: "org.example.signer" });
  const announce = () => dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider }) }));
  addEventListener("eip6963:requestProvider", announce);
  announce();
}
