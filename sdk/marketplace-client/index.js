export { SealpostError } from "@sealpost/plugin-sdk";
export { coinOf } from "./src/chain/coins.js";
export { boughtBy, checkOffer, payWithWallet } from "./src/chain/pay.js";
export { heldFor, sendCall, sendRefund, withdrawnBy } from "./src/chain/sell.js";
export { accountOf, inBlock, switchTo } from "./src/chain/wallet.js";
export { discoverWallets, watchWallets } from "./src/chain/wallets.js";
export { MarketplaceClient } from "./src/client.js";
export { fetchEnvelope, publishPlugin, purchase } from "./src/functions.js";
export { publicKeyOfSigner, sealedRelease } from "./src/publish.js";
export { recipientOf } from "./src/recipient.js";

/**
 * @typedef {import("./src/chain/pay.js").Paying} Paying
 * @typedef {import("./src/chain/pay.js").PayState} PayState
 * @typedef {import("./src/chain/sell.js").Selling} Selling
 * @typedef {import("./src/chain/sell.js").Sent} Sent
 * @typedef {import("./src/chain/wait.js").Waiting} Waiting
 * @typedef {import("./src/chain/wallets.js").BrowserWallet} BrowserWallet
 * @typedef {import("./src/client.js").Buying} Buying
 * @typedef {import("./src/client.js").ClientOptions} ClientOptions
 * @typedef {import("./src/client.js").Offer} Offer
 * @typedef {import("./src/client.js").Opening} Opening
 * @typedef {import("./src/publish.js").Version} Version
 * @typedef {import("./src/recipient.js").RecipientKey} RecipientKey
 * @typedef {import("./src/types.js").ChainBalance} ChainBalance
 * @typedef {import("./src/types.js").ChainCall} ChainCall
 * @typedef {import("./src/types.js").ChainInfo} ChainInfo
 * @typedef {import("./src/types.js").ChainOffer} ChainOffer
 * @typedef {import("./src/types.js").ChainPayment} ChainPayment
 * @typedef {import("./src/types.js").LinkedKey} LinkedKey
 * @typedef {import("./src/types.js").PaymentList} PaymentList
 * @typedef {import("./src/types.js").RecordedPayment} RecordedPayment
 * @typedef {import("./src/types.js").Device} Device
 * @typedef {import("./src/types.js").Licence} Licence
 * @typedef {import("./src/types.js").Listing} Listing
 * @typedef {import("./src/types.js").ListingPage} ListingPage
 * @typedef {import("./src/types.js").PurchaseAnswer} PurchaseAnswer
 * @typedef {import("./src/types.js").Release} Release
 * @typedef {import("./src/types.js").StoreBundle} StoreBundle
 * @typedef {import("./src/types.js").WalletPurchase} WalletPurchase
 */
