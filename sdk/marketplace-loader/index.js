export { SealpostError } from "@sealpost/plugin-sdk";
export { BLOB_CACHE, forgetBlobs } from "./src/cache.js";
export { verifyPluginHash } from "./src/hash.js";
export { PERMISSIONS } from "./src/imports.js";
export { loadMarketplacePlugin } from "./src/load.js";
export { getPluginKeyPath } from "./src/path.js";
export { decryptPayload } from "./src/sealed.js";
export { fetchSealed } from "./src/source.js";
export { unwrapDEK } from "./src/unlock.js";

/**
 * @typedef {import("./src/download.js").Progress} Progress
 * @typedef {import("./src/imports.js").Permission} Permission
 * @typedef {import("./src/load.js").LoadableBundle} LoadableBundle
 * @typedef {import("./src/load.js").LoadOptions} LoadOptions
 * @typedef {import("./src/load.js").MarketplacePlugin} MarketplacePlugin
 * @typedef {import("./src/source.js").BlobSource} BlobSource
 * @typedef {import("./src/source.js").SourceOptions} SourceOptions
 */
