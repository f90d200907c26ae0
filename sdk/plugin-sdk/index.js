export { SealpostError } from "./src/error.js";

// The names of the OrbPro marketplace document.
export { encryptForMarketplace, encryptWithDualKEK, encryptWithKEKWrapper, wrapDEKForBuyer } from "./src/build.js";
export { decryptWithDEK, unwrapMarketplaceDEK, wrapMarketplaceDEK } from "./src/ecies.js";

export {
  addBuyers,
  addDomains,
  openBundle,
  readBundle,
  releaseOf,
  sealBundle,
  signBundle,
  unwrapBundle,
  verifyBundle,
} from "./src/bundle.js";
export { blobCid } from "./src/cid.js";
export { CURVES, generateSecretKey, publicKeyOf, readPublicKey } from "./src/curves.js";
export { deriveDomainKey, generateDomainSecret, normaliseDomain, unwrapForDomain, wrapForDomain } from "./src/domain.js";
export { checkLicenceSignature, licenceJson, readLicence, signLicence, verifyLicence } from "./src/plk.js";
export { releaseBytes, signRelease, verifyRelease } from "./src/release.js";

export { asWallet, walletFromPrivateKey } from "./src/wallet.js";
export { walletFromCryptoKey } from "./src/wallet/cryptokey.js";
export { deleteDeviceWallet, deviceWallet, listDeviceWallets, loadDeviceWallet } from "./src/wallet/device.js";
export { GAP, findIndex, findIndexes } from "./src/wallet/find.js";
export { walletFromHdWallet } from "./src/wallet/hd-wallet.js";
export { pluginKeyPath } from "./src/wallet/keys.js";
export { generateMnemonic, walletFromMnemonic } from "./src/wallet/mnemonic.js";
export { createPasskeyWallet, openPasskeyWallet, passkeySupport } from "./src/wallet/passkey.js";
