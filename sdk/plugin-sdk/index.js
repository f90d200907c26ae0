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
export { fromBase64, toBase64 } from "./src/base64.js";
export { fromHex, toHex } from "./src/bytes.js";
export { buyerKeyFromChain, buyerKeyOnChain, itemId, keccak256 } from "./src/chain.js";
export { blobCid } from "./src/cid.js";
export { CURVES, generateSecretKey, publicKeyOf, readPublicKey } from "./src/curves.js";
export {
  deriveDomainKey,
  generateDomainSecret,
  normaliseDomain,
  unwrapForDomain,
  wrapForDomain,
} from "./src/domain.js";
export { readEme, writeEme } from "./src/eme.js";
export { proveKey } from "./src/key-proof.js";
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
export { publisherFromMnemonic, publisherFromSeed } from "./src/wallet/publisher.js";
export { askProvider } from "./src/wallet/provider.js";
export { walletFromSignature } from "./src/wallet/signature.js";

/**
 * @typedef {import("./src/bytes.js").Bytes} Bytes
 * @typedef {import("./src/bytes.js").BytesLike} BytesLike
 * @typedef {import("./src/curves.js").Curve} Curve
 * @typedef {import("./src/envelope.js").Envelope} Envelope
 * @typedef {import("./src/bundle.js").Bundle} Bundle
 * @typedef {import("./src/build.js").SealOptions} SealOptions
 * @typedef {import("./src/domain.js").DomainKek} DomainKek
 * @typedef {import("./src/recipient.js").Recipient} Recipient
 * @typedef {import("./src/release.js").Release} Release
 * @typedef {import("./src/release.js").Trust} Trust
 * @typedef {import("./src/signature.js").Signer} Signer
 * @typedef {import("./src/plk.js").Licence} Licence
 * @typedef {import("./src/plk.js").Usage} Usage
 * @typedef {import("./src/plk.js").VerifiedLicence} VerifiedLicence
 * @typedef {import("./src/wallet.js").Wallet} Wallet
 * @typedef {import("./src/wallet.js").WalletLike} WalletLike
 * @typedef {import("./src/wallet.js").DocumentWallet} DocumentWallet
 * @typedef {import("./src/wallet.js").EcdhFn} EcdhFn
 * @typedef {import("./src/wallet/keys.js").KeyOfMany} KeyOfMany
 * @typedef {import("./src/wallet/device.js").DeviceWallet} DeviceWallet
 * @typedef {import("./src/wallet/passkey.js").PasskeyWallet} PasskeyWallet
 * @typedef {import("./src/wallet/publisher.js").PublisherKey} PublisherKey
 * @typedef {import("./src/wallet/provider.js").Provider} Provider
 * @typedef {import("./src/wallet/signature.js").SignatureWallet} SignatureWallet
 */
