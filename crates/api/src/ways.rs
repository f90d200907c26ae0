//! Ways in beside the password: links, passkeys, wallets; and what an account page shows.

use serde::{Deserialize, Serialize};

/// What shows that it is really the person: one of both.
#[derive(Clone, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Proof {
    /// The password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// What a passkey answered to `POST /auth/passkey/challenge` (`AuthenticationResponseJSON` of WebAuthn).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    pub passkey: Option<serde_json::Map<String, serde_json::Value>>,
}

/// `POST /api/v1/people/{id}/reset-link`: shown once.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ResetLink {
    /// Opens a page that takes a new password; for whoever has it.
    pub link: String,
    /// RFC 3339.
    pub expires_at: String,
}

/// `POST /auth/password/forgot`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ForgotPassword {
    /// Address of the account.
    pub email: String,
}

/// `POST /auth/password/reset`.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ResetPassword {
    /// The part of the link behind `#`.
    pub token: String,
    /// At least 10 characters.
    pub new_password: String,
}

/// `POST /api/v1/me/email`.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChangeEmail {
    /// The new address.
    pub email: String,
    /// What shows that it is really the person.
    #[serde(flatten)]
    pub proof: Proof,
}

/// `POST /api/v1/me/username`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChangeName {
    /// The name that others see.
    pub username: String,
}

/// `POST /auth/email/confirm`.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ConfirmEmail {
    /// The part of the link behind `#`.
    pub token: String,
}

/// What became of an address.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EmailState {
    /// Whether it counts now; where not, the other address has to agree too.
    pub done: bool,
    /// The address it is about.
    pub email: String,
}

/// `GET /api/v1/me/account`: what an account page shows.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AccountDetails {
    /// Account id.
    pub user_id: String,
    /// Address.
    pub email: String,
    /// Whether its owner followed a link that was sent there.
    pub email_confirmed: bool,
    /// The address it is being changed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_email: Option<String>,
    /// Name that others see.
    pub username: String,
    /// Since when there is an account, RFC 3339.
    pub created_at: String,
    /// Whether there is a password.
    pub has_password: bool,
    /// Passkeys that sign in.
    pub passkeys: Vec<Passkey>,
    /// Wallets that sign in.
    pub wallets: Vec<SignInWallet>,
    /// What is told by mail.
    pub mails: MailChoices,
}

/// What somebody wants to be told by mail.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MailChoices {
    /// A print of mine ended.
    #[serde(default = "yes")]
    pub print_ended: bool,
    /// A print of mine waits for somebody, or nobody knows how it goes.
    #[serde(default = "yes")]
    pub print_needs_someone: bool,
    /// Somebody bought from me, got their money back or wrote about it.
    #[serde(default = "yes")]
    pub sale: bool,
    /// A webhook of mine is not taken.
    #[serde(default = "yes")]
    pub webhook_failing: bool,
    /// A seller declined an order of mine.
    #[serde(default = "yes")]
    pub order_declined: bool,
}

fn yes() -> bool {
    true
}

impl Default for MailChoices {
    fn default() -> Self {
        Self {
            print_ended: true,
            print_needs_someone: true,
            sale: true,
            webhook_failing: true,
            order_declined: true,
        }
    }
}

/// A passkey that signs in.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Passkey {
    /// Credential id, base64url.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<String>,
    /// Whether it is kept on several devices.
    pub synced: bool,
}

/// `POST /api/v1/me/passkeys`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AddPasskey {
    /// What its owner calls it.
    #[serde(default)]
    pub name: Option<String>,
    /// What the browser made of the challenge (`RegistrationResponseJSON` of WebAuthn).
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub credential: serde_json::Value,
}

/// `POST /auth/session/passkey`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PasskeySignIn {
    /// What the browser made of the challenge (`AuthenticationResponseJSON` of WebAuthn).
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub credential: serde_json::Value,
}

/// Another name for a passkey or wallet.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Rename {
    /// The name.
    pub name: String,
}

/// A wallet that signs in.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SignInWallet {
    /// Its address, with the checksum of EIP-55.
    pub address: String,
    /// What its owner calls it.
    pub name: String,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<String>,
}

/// `POST /auth/wallet/challenge`, `POST /api/v1/me/wallets/challenge`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AskWallet {
    /// The wallet's address, in any letters.
    pub address: String,
    /// What shows that it is really the person; to link a wallet.
    #[serde(flatten)]
    pub proof: Proof,
}

/// Answer to `POST /auth/wallet/challenge`, `POST /api/v1/me/wallets/challenge`: what the message (EIP-4361) has to say.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WalletChallenge {
    /// The wallet's address, with the checksum of EIP-55.
    pub address: String,
    /// The store's authority; a page says its own `location.host`.
    pub domain: String,
    /// The store's origin; a page says its own.
    pub uri: String,
    /// The sentence that people read.
    pub statement: String,
    /// EIP-155.
    pub chain_id: u64,
    /// Good once.
    pub nonce: String,
    /// RFC 3339.
    pub issued_at: String,
    /// RFC 3339.
    pub expires_at: String,
}

/// `POST /auth/session/wallet`, `POST /api/v1/me/wallets`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WalletAnswer {
    /// The message (EIP-4361), as it was signed.
    pub message: String,
    /// 65 bytes as hex (EIP-191, `personal_sign`).
    pub signature: String,
    /// What its owner calls the wallet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// `POST /api/v1/unsubscribe`: answer.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Unsubscribed {
    /// What is not told by mail any more: a field of the choices.
    pub kind: String,
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proof").finish_non_exhaustive()
    }
}

macro_rules! redacted_debug {
    ($($name:ident { $($field:ident),* }),* $(,)?) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name))$(.field(stringify!($field), &self.$field))*.finish_non_exhaustive()
            }
        }
    )*};
}

redacted_debug! {
    ResetLink { expires_at },
    ResetPassword {},
    ChangeEmail { email },
    ConfirmEmail {},
}
