// What a store answers, as far as plugins go. The store's own description is at /api/docs.

/**
 * @typedef {object} Price
 * @property {string} amount whole number of minor units (cents, wei), in decimal
 * @property {string} currency ISO 4217 code or token symbol
 * @property {number} [decimals] of its minor unit, where the store says them
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
 * @property {string} [payout] address that is paid when it is bought on chain; not sold there where absent
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
 * @typedef {object} Purchase
 * @property {string} id
 * @property {string} listing
 * @property {string} method `free`, `voucher`, `marked_paid` or `chain`
 * @property {string} state `pending`, `paid`, `undone` (the chain took the payment back, and it may return), `refunded`, `failed`, `cancelled`, `declined`
 * @property {string} created_at
 *
 * @typedef {object} PurchaseAnswer
 * @property {Purchase} purchase
 * @property {Licence | null} licence absent while the payment is pending
 * @property {Device} [device]
 * @property {import("@sealpost/plugin-sdk").Envelope} [envelope]
 * @property {string} [cid]
 * @property {ChainPayment} [payment] of purchases on chain
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
 *
 * @typedef {object} ChainInfo what a store sells on
 * @property {number} chain_id EIP-155
 * @property {string} [name] what people call the chain; absent where the store knows no name
 * @property {string} contract
 * @property {{ symbol: string, decimals: number }} coin
 * @property {{ symbol: string, address: string, decimals: number }[]} tokens
 * @property {number} from_block block that the contract was deployed in, as far as the store knows
 * @property {string} finality `finalized`, `safe`, or a number of blocks
 * @property {number} [fee_bps] the platform's share, in hundredths of a percent
 * @property {string} [treasury] address that the platform's share goes to
 * @property {boolean} caught_up whether the store has read every settled block
 * @property {number} [block]
 * @property {number} [latest]
 * @property {string} [error]
 * @property {string} [explorer]
 *
 * @typedef {object} ChainCall a prepared transaction, for `eth_sendTransaction`
 * @property {number} chain_id
 * @property {string} to
 * @property {string} data
 * @property {string} value quantity in hex
 *
 * @typedef {object} ChainOffer how one version is bought on chain
 * @property {string} listing
 * @property {number} chain_id
 * @property {string} contract
 * @property {string} item keccak-256 of `item_text`
 * @property {string} item_text plugin or listing id, `@`, version
 * @property {string} version
 * @property {string} [newest] the newest version, where that is another one: its seller has not put it on chain
 * @property {string} publisher address that is paid
 * @property {string} [token] the coin where absent
 * @property {string} currency
 * @property {number} decimals
 * @property {string} amount in minor units
 * @property {"yes" | "no" | "differs"} listed whether the contract sells it so
 * @property {string} [hint]
 * @property {number} [fee_bps]
 * @property {ChainCall} [list] for the publisher's wallet, unless `listed` is `yes`
 * @property {{ approve?: ChainCall, purchase: ChainCall }} [calls] where a key was named
 *
 * @typedef {object} ChainPayment
 * @property {string} tx_hash
 * @property {"waiting" | "confirming" | "settled" | "refused" | "undone" | "refunded" | "dropped"} state
 * @property {number} confirmations
 * @property {number} [needed] absent where the chain itself says what is final
 * @property {number} [block]
 * @property {string} [block_hash]
 * @property {number} chain_id
 * @property {string} [amount]
 * @property {string} [currency]
 * @property {number} [decimals]
 * @property {string} [token]
 * @property {string} [fee]
 * @property {string} [payer]
 * @property {string} [paid_at]
 * @property {{ code: string, title: string, detail?: string, hint: string }} [reason]
 * @property {ChainCall} [refund] for publisher and operator
 * @property {ChainCall} [refund_approve] sent before it, where a token was paid that the contract does not hold any more
 * @property {string} [refund_tx] that gave the money back
 * @property {string} [explorer_url]
 *
 * @typedef {object} PaymentFacts
 * @property {number} index which purchase of its transaction it is
 * @property {string} [purchase]
 * @property {string} [listing]
 * @property {string} [version]
 * @property {string} [item]
 * @property {string} [buyer_key]
 * @property {string} [publisher]
 *
 * @typedef {ChainPayment & PaymentFacts} RecordedPayment
 *
 * @typedef {{ payments: RecordedPayment[], next?: string }} PaymentList newest first
 *
 * @typedef {object} ChainBalance what the contract holds for an address
 * @property {string} [token] the coin where absent
 * @property {string} currency
 * @property {number} decimals
 * @property {string} available
 * @property {string} unsettled_fees the part of `available` that is the platform's share, which waits; the treasury's alone
 * @property {ChainCall} withdraw
 *
 * @typedef {{ curve: import("@sealpost/plugin-sdk").Curve, public_key: string, proved_at: string }} LinkedKey
 */

export {};
