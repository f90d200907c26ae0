//! Accounts and invitations, as operators see and change them.

use serde::{Deserialize, Serialize};

use crate::ways::Proof;

/// `GET /api/v1/people`: one page, the newest first.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PeoplePage {
    /// Accounts.
    pub people: Vec<Person>,
    /// How many accounts there are in all.
    pub accounts: u64,
    /// How many of them run the store.
    pub operators: u64,
    /// `after` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// An account, as operators see it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Person {
    /// Account id.
    pub id: String,
    /// Name that others see.
    pub username: String,
    /// Address.
    pub email: String,
    /// Whether this person runs the store.
    pub operator: bool,
    /// RFC 3339.
    pub created_at: String,
    /// The last request or sign-in that is known of, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    /// Since when the account is suspended, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended_at: Option<String>,
    /// Printers of theirs that are paired.
    pub printers: u64,
    /// Listings of theirs, in whatever state.
    pub listings: u64,
    /// What they bought.
    pub purchases: u64,
    /// Sealed bytes of their releases.
    pub storage_bytes: u64,
}

/// `PATCH /api/v1/people/{id}`: what is absent stays.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PersonChanges {
    /// Whether this person runs the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<bool>,
    /// The password of the operator who asks; or `passkey`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// What a passkey of that operator answered to `POST /auth/passkey/challenge`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    pub passkey: Option<serde_json::Map<String, serde_json::Value>>,
}

impl std::fmt::Debug for PersonChanges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PersonChanges").field("operator", &self.operator).finish_non_exhaustive()
    }
}

/// `POST /api/v1/people/{id}/suspend`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SuspendPerson {
    /// What the person concerned is told: 1 to 500 characters of plain text.
    pub reason: String,
    /// What shows that it is really the operator who asks.
    #[serde(flatten)]
    pub proof: Proof,
}

/// `POST /api/v1/invitations`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewInvitation {
    /// For whom, for the operators' eyes; at most 200 characters.
    #[serde(default)]
    pub note: String,
}

/// An invitation was made: its link is told this once.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MadeInvitation {
    /// The link by which one person signs up. Secret: good for whoever opens it first.
    pub link: String,
    /// The invitation.
    pub invitation: Invitation,
}

impl std::fmt::Debug for MadeInvitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MadeInvitation").field("invitation", &self.invitation).finish_non_exhaustive()
    }
}

/// `GET /api/v1/invitations`: the newest first.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct InvitationList {
    /// Invitations, without their codes.
    pub invitations: Vec<Invitation>,
}

/// An invitation, without its code.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Invitation {
    /// Names it; no secret.
    pub id: String,
    /// For whom.
    pub note: String,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub expires_at: String,
    /// When somebody came by it, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<String>,
    /// The name of who came by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
}
