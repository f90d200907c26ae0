//! Purchases on an EVM chain: what a store is connected to, offers, payments, balances and proofs of wallet keys.
//!
//! Amounts are whole numbers of minor units (wei, millionths of a USDC) in decimal text. Addresses are `0x` and 40 hex digits,
//! transactions, blocks and items `0x` and 64.

use serde::{Deserialize, Serialize};

/// `GET /api/v1/chain`: the chain a store sells on.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChainInfo {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// What people call the chain, such as `Base`; absent where its number is not a known one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Address of the marketplace's contract.
    pub contract: String,
    /// The chain's own coin.
    pub coin: ChainCoin,
    /// Tokens (ERC-20) that prices may be in.
    pub tokens: Vec<ChainToken>,
    /// Block that the contract was deployed in, as far as the store knows: nothing of it is before.
    #[serde(default)]
    pub from_block: u64,
    /// When a payment counts: `finalized`, `safe`, or a number of blocks.
    pub finality: String,
    /// The platform's share of a sale for what is listed now, in hundredths of a percent; absent while the chain cannot be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_bps: Option<u16>,
    /// Account that the platform's share goes to; absent while the chain cannot be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub treasury: Option<String>,
    /// Whether the store has read every settled block.
    pub caught_up: bool,
    /// Last block it has read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<u64>,
    /// Newest block of the chain, as far as the store knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<u64>,
    /// What went wrong when the store last asked the chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What the store's operator should mend before anybody pays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Address of a block explorer, without a trailing slash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explorer: Option<String>,
}

/// A chain's own coin.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChainCoin {
    /// Symbol, as prices name it.
    pub symbol: String,
    /// Decimals of the amounts.
    pub decimals: u8,
}

/// A token that prices may be in.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChainToken {
    /// Symbol, as prices name it.
    pub symbol: String,
    /// Its contract.
    pub address: String,
    /// Decimals of the amounts.
    pub decimals: u8,
}

/// A prepared transaction, ready for `eth_sendTransaction`. Nothing in it is secret.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChainCall {
    /// Chain it is for.
    pub chain_id: u64,
    /// Contract to call.
    pub to: String,
    /// Call data, `0x` and hex.
    pub data: String,
    /// Wei to send along, as a quantity in hex: `0x0` for none.
    pub value: String,
}

/// `GET /api/v1/listings/{id}/offer`: how one version of a listing is bought on chain.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChainOffer {
    /// Listing id.
    pub listing: String,
    /// Chain id.
    pub chain_id: u64,
    /// The marketplace's contract.
    pub contract: String,
    /// What the contract calls it: keccak-256 of `item_text`.
    pub item: String,
    /// Plugin or listing id, `@`, and the version.
    pub item_text: String,
    /// Version that is sold.
    pub version: String,
    /// Newest version there is, where that is another one: its seller has not listed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
    /// Address the money is for: the listing's payout address.
    pub publisher: String,
    /// The token's contract; the coin where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Symbol of coin or token.
    pub currency: String,
    /// Its decimals.
    pub decimals: u8,
    /// Price in minor units.
    pub amount: String,
    /// `yes` when the contract sells it by this publisher for this price, `no` when it does not sell it, `differs` when the contract
    /// says something else.
    pub listed: String,
    /// What to do about `no` and `differs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The platform's share as it was agreed when the item was listed, in hundredths of a percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_bps: Option<u16>,
    /// For the publisher's wallet, unless `listed` is `yes`: puts this price on chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<ChainCall>,
    /// For the buyer's wallet: only when the request named the buyer's key, and `listed` is `yes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<PurchaseCalls>,
}

/// What a buyer's wallet sends.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PurchaseCalls {
    /// First, for tokens, unless the contract may already take that much: allows it to take exactly the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approve: Option<ChainCall>,
    /// Then: pays.
    pub purchase: ChainCall,
}

/// `PUT /api/v1/listings/{id}/payout`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PayoutChange {
    /// Address that lists it on chain and gets the money; `null` ends the sale on chain.
    pub address: Option<String>,
}

/// How far a payment on chain is.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChainPayment {
    /// The transaction.
    pub tx_hash: String,
    /// `waiting` (not in a block), `confirming`, `settled`, `refused` (see `reason`), `undone` (the chain took it back, and it may
    /// return), `refunded` or `dropped` (it never came).
    pub state: String,
    /// Blocks on top of its own.
    pub confirmations: u64,
    /// So many of them it needs; absent where the chain itself says what is final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed: Option<u64>,
    /// Number of its block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<u64>,
    /// Hash of its block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_hash: Option<String>,
    /// Chain id.
    pub chain_id: u64,
    /// What was paid, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// Symbol of coin or token; absent for tokens the store does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Its decimals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimals: Option<u8>,
    /// The token's contract; the coin where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The platform's share of `amount`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<String>,
    /// Address that paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer: Option<String>,
    /// RFC 3339, time of its block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<String>,
    /// Why it does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ChainReason>,
    /// For a seller whose address was paid: gives the money back, sent by that address. For operators: within the 30 days that the
    /// contract gives its owner, sent by the owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<ChainCall>,
    /// Sent before `refund`, where a token was paid that the contract does not hold any more: lets it take what is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_approve: Option<ChainCall>,
    /// Transaction that gave the money back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_tx: Option<String>,
    /// Page of the transaction in a block explorer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explorer_url: Option<String>,
}

/// Why a payment does not count.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChainReason {
    /// Stable code, such as `payment_wrong_amount`.
    pub code: String,
    /// A few words.
    pub title: String,
    /// A sentence about this payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What to do.
    pub hint: String,
}

/// A payment as a store has recorded it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RecordedPayment {
    /// How far it is.
    #[serde(flatten)]
    pub payment: ChainPayment,
    /// Which purchase of its transaction it is, from 0.
    pub index: u32,
    /// Purchase it paid for; told to those who may see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchase: Option<String>,
    /// Listing it is for, if the store has one of that item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listing: Option<String>,
    /// Version it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Item as the contract names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// The buyer's key as it is on chain, `0x` and hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer_key: Option<String>,
    /// Address that was paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
}

/// `GET /api/v1/payments`, and `GET /api/v1/payments/{tx_hash}` with those of one transaction.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PaymentList {
    /// Newest first.
    pub payments: Vec<RecordedPayment>,
    /// Value of `?after=` for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `GET /api/v1/chain/balances/{address}`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChainBalances {
    /// The coin first, then the store's tokens.
    pub balances: Vec<ChainBalance>,
}

/// What the contract holds for an address.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChainBalance {
    /// The token's contract; the coin where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Its symbol.
    pub currency: String,
    /// Its decimals.
    pub decimals: u8,
    /// What the address can withdraw now, in minor units.
    pub available: String,
    /// The part of `available` that is the platform's share of sales, of all sellers, which waits to become the account's own; it is
    /// withdrawn all the same. `0` for all but the treasury.
    pub unsettled_fees: String,
    /// Sent by the address itself: withdraws all of it.
    pub withdraw: ChainCall,
}

/// `POST /api/v1/keys/challenge`: whose key it is, is about to be proved.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WalletKey {
    /// `secp256k1`, `p256`, `p384`, `x25519` or `ed25519`.
    pub curve: String,
    /// The key in hex: SEC1, compressed or not, or 32 bytes. Answers have it compressed, in lower case.
    #[serde(alias = "publicKey")]
    pub public_key: String,
}

/// Answer to `POST /api/v1/keys/challenge`.
///
/// Whoever asks makes the context by themselves, `sealpost-key:{origin of the store}:{account id}`, and opens nothing for another
/// one: so nobody can have their challenge answered by somebody else's buyer.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct KeyChallenge {
    /// An `ecdh` envelope of 32 secret bytes to the key, whose `pluginId` is `context`.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub envelope: serde_json::Value,
    /// What the envelope is bound to.
    pub context: String,
    /// Seconds the challenge can be answered at least.
    pub expires_in: u64,
}

/// `POST /api/v1/keys`: the proof of a key.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct KeyProof {
    /// Curve of the key.
    pub curve: String,
    /// The key, as in the challenge.
    #[serde(alias = "publicKey")]
    pub public_key: String,
    /// Lower hex of HMAC-SHA256, keyed by the 32 bytes of the challenge, over `"sealpost-key-proof-v1\n"` and the context.
    pub answer: String,
}

/// Answer to `POST /api/v1/keys`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct KeyLinked {
    /// The key, which is yours from now on.
    pub key: LinkedKey,
    /// Licences bought with it before, without an account, that moved to yours.
    pub licences: u32,
}

/// A key whose payments are yours.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LinkedKey {
    /// Its curve.
    pub curve: String,
    /// Lower hex: SEC1 compressed, or 32 bytes.
    pub public_key: String,
    /// RFC 3339: when it was last proved.
    pub proved_at: String,
}

/// `GET /api/v1/keys/mine`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct KeyList {
    /// Newest first.
    pub keys: Vec<LinkedKey>,
}
