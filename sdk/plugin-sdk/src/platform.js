import { SealpostError } from "./error.js";

/**
 * WebCrypto, which pages have in secure contexts only.
 *
 * @returns {Crypto}
 */
export function cryptography() {
  const found = globalThis.crypto;
  if (!found?.subtle) {
    throw new SealpostError("platform_crypto", "there is no WebCrypto here: the page is not in a secure context");
  }
  return found;
}

/** @returns {SubtleCrypto} */
export function subtle() {
  return cryptography().subtle;
}
