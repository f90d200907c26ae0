export { SealpostError } from "@sealpost/plugin-sdk";
export { MarketplaceClient } from "./src/client.js";
export { fetchEnvelope, publishPlugin, purchase } from "./src/functions.js";
export { recipientOf } from "./src/recipient.js";

/**
 * @typedef {import("./src/client.js").Buying} Buying
 * @typedef {import("./src/client.js").ClientOptions} ClientOptions
 * @typedef {import("./src/client.js").Offer} Offer
 * @typedef {import("./src/client.js").Opening} Opening
 * @typedef {import("./src/publish.js").Version} Version
 * @typedef {import("./src/recipient.js").RecipientKey} RecipientKey
 * @typedef {import("./src/types.js").Device} Device
 * @typedef {import("./src/types.js").Licence} Licence
 * @typedef {import("./src/types.js").Listing} Listing
 * @typedef {import("./src/types.js").ListingPage} ListingPage
 * @typedef {import("./src/types.js").PurchaseAnswer} PurchaseAnswer
 * @typedef {import("./src/types.js").Release} Release
 * @typedef {import("./src/types.js").StoreBundle} StoreBundle
 * @typedef {import("./src/types.js").WalletPurchase} WalletPurchase
 */
