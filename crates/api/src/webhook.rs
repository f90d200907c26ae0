//! Webhooks: where a store tells others what happened, and where payment providers tell a store.

use serde::{Deserialize, Serialize};

/// `POST /api/v1/webhooks`: somewhere to tell what happens.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// An `https://` address.
    pub url: String,
    /// What is told, such as `purchase.paid`; everything where empty or absent.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// What it is for, in your words.
    #[serde(default)]
    pub description: String,
    /// Operators: what happens to all sellers of the store, not to you alone.
    #[serde(default)]
    pub everybody: bool,
}

/// `PATCH /api/v1/webhooks/{id}`; what is absent stays.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WebhookChanges {
    /// As in [`NewWebhook`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// As in [`NewWebhook`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<String>>,
    /// As in [`NewWebhook`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `active` sends, also what was held meanwhile; `paused` holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// Somewhere that is told what happens.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Webhook {
    /// Its id.
    pub id: String,
    /// Where.
    pub url: String,
    /// What is told; everything where empty.
    pub kinds: Vec<String>,
    /// What it is for.
    pub description: String,
    /// Whether it is told of all sellers.
    pub everybody: bool,
    /// `active`, `paused` by its owner, or `failing`: it took nothing for days, and what happens is held.
    pub state: String,
    /// Why it is failing, or what went wrong last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when nothing was taken, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<String>,
    /// Until when messages are signed by the secret before the newest, too, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_secret_until: Option<String>,
    /// Messages that wait to be sent, or to be sent again.
    pub waiting: u64,
    /// Messages that are held until it is active.
    pub held: u64,
    /// RFC 3339.
    pub created_at: String,
    /// What messages are signed with, `whsec_` and base64: shown once, when it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// `GET /api/v1/webhooks`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WebhookList {
    /// Newest first.
    pub webhooks: Vec<Webhook>,
    /// What can be told.
    pub kinds: Vec<String>,
}

/// A message, and what became of it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Delivery {
    /// Its id, which travels as `webhook-id` and stays the same however often it is sent.
    pub id: String,
    /// Of what, such as `purchase.paid`; `ping` of a test.
    pub kind: String,
    /// `waiting`, `delivered`, `failed` (nothing more is tried) or `held`.
    pub state: String,
    /// How often it was sent since somebody asked for it last.
    pub tries: u32,
    /// HTTP status of the last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// When it is sent next, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<String>,
    /// RFC 3339.
    pub created_at: String,
}

/// `GET /api/v1/webhooks/{id}/deliveries`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeliveryList {
    /// Newest first.
    pub deliveries: Vec<Delivery>,
    /// Value of `?after=` for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One message with all that was answered to it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeliveryDetails {
    /// The message.
    pub delivery: Delivery,
    /// Its body, byte for byte.
    pub payload: String,
    /// Each time it was sent, newest first.
    pub tries: Vec<Try>,
}

/// A message was sent once.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Try {
    /// RFC 3339.
    pub at: String,
    /// Milliseconds until its answer.
    pub took_ms: u64,
    /// HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The answer's first 1024 bytes, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// `POST /api/v1/payments/sources`: somebody who says when money came.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewPaymentSource {
    /// What buyers read: `Card`, `Bank transfer`.
    pub name: String,
    /// Where buyers pay: an `https://` address with `{purchase}`, and where you like `{amount}` (minor units), `{amount_decimal}`,
    /// `{currency}`, `{listing}`. Without it buyers are told to wait for you.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkout_url: Option<String>,
    /// Operators: for all listings of the store, not for yours alone.
    #[serde(default)]
    pub everybody: bool,
}

/// `PATCH /api/v1/payments/sources/{id}`; what is absent stays.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentSourceChanges {
    /// As in [`NewPaymentSource`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// As in [`NewPaymentSource`]; none where empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkout_url: Option<String>,
    /// `active`, or `paused`: no new purchases, but what it says of older ones is heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// Somebody who says when money came.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PaymentSource {
    /// Its id.
    pub id: String,
    /// What buyers read.
    pub name: String,
    /// Where buyers pay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkout_url: Option<String>,
    /// Whether it is for all listings of the store.
    pub everybody: bool,
    /// `active` or `paused`.
    pub state: String,
    /// Where it sends its messages.
    pub webhook_url: String,
    /// Until when messages signed by the secret before the newest are taken, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_secret_until: Option<String>,
    /// RFC 3339.
    pub created_at: String,
    /// What it signs its messages with, `whsec_` and base64: shown once, when it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// `GET /api/v1/payments/sources`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PaymentSourceList {
    /// Newest first.
    pub sources: Vec<PaymentSource>,
}

/// `POST /api/v1/payments/webhook/{source}`, signed by the Standard Webhooks scheme: what a payment provider says.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PaymentNotice {
    /// Purchase id.
    pub purchase: String,
    /// Minor units (cents), as text or as a number; that of the purchase.
    pub amount: Amount,
    /// That of the purchase.
    pub currency: String,
    /// What happened to the money.
    pub status: PaymentStatus,
    /// What the provider calls the payment: at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// A whole number of minor units.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Amount {
    /// In decimal.
    Text(String),
    /// Where it fits.
    Number(u64),
}

/// What happened to the money.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// It is there.
    Paid,
    /// It went back.
    Refunded,
}

/// What a store made of a [`PaymentNotice`].
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PaymentNoted {
    /// Purchase id.
    pub purchase: String,
    /// Its state now: `paid` or `refunded`.
    pub state: String,
    /// Whether this message had been heard before.
    pub repeated: bool,
}

/// `GET /api/v1/listings/{id}/payment`: how a listing can be paid for.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PaymentWays {
    /// `free`, `voucher`, `marked_paid`, `external`, `chain`: what `payment.method` may be.
    pub methods: Vec<String>,
    /// With `external`, where one can pay.
    pub sources: Vec<PaymentWay>,
    /// With `marked_paid`, for people who are signed in: how the seller is paid and reached, in their words; absent where they
    /// wrote nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how_to_pay: Option<String>,
}

/// Somewhere to pay.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PaymentWay {
    /// Value of `payment.source`.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Whether buyers are sent to an address to pay.
    pub has_checkout: bool,
}
