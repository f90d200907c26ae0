export { SealpostError } from "./src/error.js";
export { CURVES, generateSecretKey, publicKeyOf, readPublicKey } from "./src/curves.js";
export { decryptWithDEK, unwrapMarketplaceDEK, wrapMarketplaceDEK } from "./src/ecies.js";
export { asWallet, walletFromPrivateKey } from "./src/wallet.js";
export { deriveDomainKey, generateDomainSecret, normaliseDomain, unwrapForDomain, wrapForDomain } from "./src/domain.js";
