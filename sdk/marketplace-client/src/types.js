// What a store answers, as far as plugins go. The store's own description is at /api/docs.

/**
 * @typedef {object} Price
 * @property {string} amount whole number of minor units (cents, wei), in decimal
 * @property {string} currency ISO 4217 code or token symbol
 *
 * @typedef {object} PluginTerms
 * @property {string} plugin_id
 * @property {number} devices that one purchase grants
 * @property {string} [publisher_key] Ed25519 key that releases are signed by, lower hex
 *
 * @typedef {object} Release
 * @property {string} id
 * @property {string} listing
 * @property {string} version
 * @property {string} state `active` or `yanked`
 * @property {string} cipher
 * @property {number} plain_size
 * @property {number} blob_size
 * @property {string} blob_sha256
 * @property {string} [cid]
 * @property {Record<string, unknown>} [manifest]
 * @property {string} [signature]
 * @property {string} [publisher_key]
 * @property {string} [plain_sha256]
 * @property {string} created_at
 *
 * @typedef {object} Listing
 * @property {string} id
 * @property {string} title
 * @property {string} description
 * @property {string} kind `gcode` or `plugin`
 * @property {string} state `listed`, `unlisted` or `suspended`
 * @property {string} publisher account id
 * @property {string} publisher_name
 * @property {Price | null} price
 * @property {PluginTerms} [plugin]
 * @property {boolean} free_updates
 * @property {number} [valid_days]
 * @property {Release[]} releases newest first
 * @property {string} created_at
 *
 * @typedef {{ listings: Listing[], next?: string }} ListingPage
 *
 * @typedef {object} Device
 * @property {string} id
 * @property {import("@sealpost/plugin-sdk").Curve} curve
 * @property {string} public_key lower hex
 * @property {string} [name]
 * @property {number} [index] which key of the wallet it is
 * @property {string} created_at
 *
 * @typedef {object} Licence
 * @property {string} id
 * @property {string} listing
 * @property {string} title
 * @property {string} purchase
 * @property {string} state `active`, `suspended` or `revoked`
 * @property {string} kind
 * @property {string} [expires_at]
 * @property {string} [plugin_id]
 * @property {string} [publisher_key] the key recorded at purchase: every release is checked by it
 * @property {number} [devices_allowed]
 * @property {Device[]} [devices]
 *
 * @typedef {{ id: string, listing: string, method: string, state: string, created_at: string }} Purchase
 *
 * @typedef {object} PurchaseAnswer
 * @property {Purchase} purchase
 * @property {Licence | null} licence absent while the payment is pending
 * @property {Device} [device]
 * @property {import("@sealpost/plugin-sdk").Envelope} [envelope]
 * @property {string} [cid]
 *
 * @typedef {object} StoreBundle
 * @property {string} pluginId
 * @property {string} version
 * @property {Record<string, unknown>} manifest
 * @property {string} [cid]
 * @property {string} wasmHash
 * @property {string[]} domainWrappedKeys
 * @property {import("@sealpost/plugin-sdk").Envelope[]} buyerWrappedKeys the one for the device
 * @property {string} [publisher]
 * @property {string} [signature]
 * @property {string} blobUrl
 * @property {string} blobSha256
 * @property {number} blobSize
 * @property {string} licence
 * @property {string} device
 * @property {string} release
 *
 * @typedef {object} WalletPurchase
 * @property {import("@sealpost/plugin-sdk").Envelope} envelope
 * @property {string} [cid]
 * @property {string} licence id
 * @property {string} device id
 * @property {string} version
 * @property {Record<string, unknown>} manifest
 * @property {string} wasmHash
 * @property {string} blobUrl
 * @property {string} [publisher] the key to keep: later releases are signed by it
 * @property {string} [signature]
 * @property {StoreBundle} bundle all of it, ready to be opened
 *
 * @typedef {{ token: string, user_id: string }} SignedIn
 */

export {};
