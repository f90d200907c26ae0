//! What runs a store: its public facts, people, settings, reports, health.

use serde::{Deserialize, Serialize};

use crate::ways::Proof;

/// Who may make an account.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Registration {
    /// Anybody.
    #[default]
    Open,
    /// Whoever has an invitation of an operator.
    Invited,
    /// Nobody.
    Closed,
}

/// `GET /api/v1/store`: what everybody may know of a store. A page asks it once, when it starts.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StoreFacts {
    /// What the store is called; plain text.
    pub name: String,
    /// Whether nobody runs it yet: the link that the program printed makes the first operator.
    pub first_run: bool,
    /// Who may make an account.
    pub registration: Registration,
    /// Whether it sends mails.
    pub mail: bool,
    /// Whether people can sign in by passkey at its address.
    pub passkeys: bool,
    /// Whether people can sign in by a wallet of a chain.
    pub wallet_sign_in: bool,
    /// The chain that it sells on; `GET /api/v1/chain` tells more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<StoreChain>,
    /// The store's share of new sales that are not paid on chain, in basis points (hundredths of a percent).
    pub fee_bps: u16,
    /// The currency that forms begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Largest upload, bytes.
    pub max_upload_bytes: u64,
    /// How to reach whoever runs it; plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// What buyers and sellers agree to; plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<String>,
    /// Version of the program.
    pub version: String,
}

/// A chain, in short.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StoreChain {
    /// Number of the chain (EIP-155).
    pub chain_id: u64,
    /// Its name, where it is a known one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// How often something may be done: so often at once, then once in every so many milliseconds.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Pace {
    /// At once; at least 1.
    pub burst: u32,
    /// Milliseconds until one more is allowed; at least 1.
    pub every_ms: u32,
}

/// What operators set while the store runs.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StoreSettings {
    /// What the store is called: 1 to 60 characters on one line.
    pub name: String,
    /// Who may make an account.
    pub registration: Registration,
    /// The currency that forms begin with; none where empty.
    pub currency: String,
    /// The store's share of new sales that are not paid on chain, in basis points: 0 to 5000.
    pub fee_bps: u16,
    /// How to reach whoever runs it; none where empty.
    pub contact: String,
    /// What buyers and sellers agree to; none where empty.
    pub terms: String,
    /// Largest upload, bytes; at most what the settings file allows.
    pub upload_bytes: u64,
    /// Sealed bytes that one seller's releases may take; no limit where 0.
    pub storage_bytes: u64,
    /// Listings that one seller may have; no limit where 0.
    pub listings: u32,
    /// Jobs of one person that have not ended; no limit where 0.
    pub open_jobs: u32,
    /// How often people may do what.
    pub rates: StoreRates,
}

/// How often people may do what. Each process of a store counts for itself.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StoreRates {
    /// New accounts from one address.
    pub sign_up: Pace,
    /// Wrong passwords for one account from one address.
    pub sign_in: Pace,
    /// Purchases of one person.
    pub purchase: Pace,
    /// Wrong voucher codes of one person.
    pub voucher: Pace,
    /// Devices registered, and bundles fetched, by one person.
    pub device: Pace,
    /// Uploads of one person.
    pub upload: Pace,
    /// Jobs that one person makes.
    pub job: Pace,
    /// Listings that one person reports.
    pub report: Pace,
}

/// `PATCH /api/v1/operator/settings`: what is absent stays.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[expect(missing_docs, reason = "the fields are those of `StoreSettings`")]
pub struct SettingsChanges {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<Registration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_bps: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listings: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_jobs: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rates: Option<StoreRates>,
}

/// `GET /api/v1/operator/settings`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SettingsAnswer {
    /// Those in force.
    pub settings: StoreSettings,
    /// Those of the settings file and the program, in force where nobody set others.
    pub defaults: StoreSettings,
    /// The share that the contract takes of sales on chain, in basis points; absent where none is sold on or it cannot be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_fee_bps: Option<u16>,
}

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
    pub passkey: Option<serde_json::Value>,
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

/// Why a listing is suspended.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Suspend {
    /// What the person concerned is told: 1 to 500 characters of plain text.
    pub reason: String,
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

/// `GET /api/v1/operator/listings`: one page, the newest first.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OperatorListingPage {
    /// Listings in whatever state.
    pub listings: Vec<OperatorListing>,
    /// `after` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A listing, as operators see it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OperatorListing {
    /// Listing id.
    pub id: String,
    /// Title.
    pub title: String,
    /// `gcode` or `plugin`.
    pub kind: String,
    /// `draft`, `listed`, `unlisted` or `suspended`.
    pub state: String,
    /// Publisher's account id.
    pub publisher: String,
    /// Publisher's name.
    pub publisher_name: String,
    /// RFC 3339.
    pub created_at: String,
    /// Purchases that were paid.
    pub sold: u64,
    /// Reports that nobody has closed.
    pub open_reports: u64,
    /// Why it is suspended, where it is and somebody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspension: Option<Suspension>,
}

/// `GET /api/v1/listings/{id}/suspension`: for its publisher and operators.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Suspension {
    /// What the publisher is told.
    pub reason: String,
    /// RFC 3339.
    pub since: String,
    /// Whether it was suspended with its publisher's account.
    pub with_publisher: bool,
}

/// `POST /api/v1/listings/{id}/reports`: something is wrong with this listing.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewReport {
    /// `dangerous`, `stolen`, `illegal`, `misleading` or `other`.
    pub reason: String,
    /// More of it, in the reporter's words; at most 2000 characters. Required with `other`.
    #[serde(default)]
    pub words: String,
}

/// `GET /api/v1/operator/reports`: one page, the newest first.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReportPage {
    /// Reports of listings.
    pub reports: Vec<ListingReport>,
    /// `after` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What somebody reported of a listing.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ListingReport {
    /// Names it.
    pub id: String,
    /// Listing id.
    pub listing: String,
    /// Its title now.
    pub title: String,
    /// Its state now.
    pub listing_state: String,
    /// Name of who reported it; absent where the account is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reporter_name: Option<String>,
    /// Account id of who reported it.
    pub reporter: String,
    /// `dangerous`, `stolen`, `illegal`, `misleading` or `other`.
    pub reason: String,
    /// In the reporter's words.
    pub words: String,
    /// `open` or `closed`.
    pub state: String,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<String>,
    /// What the operator noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// `POST /api/v1/listings/{id}/reports` was taken.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Reported {
    /// Names the report.
    pub id: String,
}

/// `POST /api/v1/operator/reports/{id}/close`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CloseReport {
    /// What was done about it, for the operators' eyes; at most 500 characters.
    #[serde(default)]
    pub note: String,
}

/// `GET /api/v1/operator/backup`: whether what would be lost is somewhere else too.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BackupState {
    /// The last backup that was completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<BackupMade>,
    /// Earlier ones, the newest first.
    pub earlier: Vec<BackupMade>,
    /// Files without which a backup of the database opens nothing.
    pub key_files: Vec<KeyFile>,
    /// How well that is.
    pub health: Check,
}

/// A backup that was completed.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BackupMade {
    /// RFC 3339.
    pub at: String,
    /// Where it lies, as it was named on the machine that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Size of the sealed file, bytes; absent where it was sent on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Whether it was read back whole and opened.
    pub verified: bool,
    /// Rows of all tables.
    pub rows: u64,
    /// Sealed files.
    pub blobs: u64,
    /// Sealed files that were gone or damaged.
    pub missing: u64,
}

/// A file of keys.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct KeyFile {
    /// Where it lies on the store's machine.
    pub path: String,
    /// Names the key in force in it; no secret.
    pub key: String,
    /// When an operator said that this key is backed up, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<String>,
}

/// `POST /api/v1/operator/backup/keys`: an operator says that a file of keys lies somewhere else too.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ConfirmKeys {
    /// `key` of the file, as it was shown.
    pub key: String,
}

/// How well something is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Condition {
    /// As it should be.
    Ok,
    /// Somebody should look.
    Warn,
    /// Something does not work.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Check {
    /// Stable name, such as `database`.
    pub name: String,
    /// How well it is.
    pub state: Condition,
    /// What was seen.
    pub sentence: String,
    /// What to do about it; empty where nothing is to be done.
    pub hint: String,
}

/// `GET /api/v1/operator/health`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Health {
    /// The worst of all checks.
    pub state: Condition,
    /// What was looked at.
    pub checks: Vec<Check>,
    /// Figures: jobs by state, printers online, bytes.
    pub figures: std::collections::BTreeMap<String, u64>,
    /// Version of the program that answered.
    pub version: String,
    /// Seconds since that process began.
    pub uptime_s: u64,
    /// RFC 3339.
    pub at: String,
}

/// `GET /api/v1/operator/overview`: what needs an operator.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Overview {
    /// Checks that are not ok, the worst first.
    pub warnings: Vec<Check>,
    /// Reports of listings that nobody has closed.
    pub open_reports: u64,
    /// Jobs of which nobody knows how they went.
    pub interrupted_jobs: u64,
    /// Accounts.
    pub people: u64,
    /// Listings that are sold.
    pub listings: u64,
    /// Printers that are paired.
    pub printers: u64,
    /// Purchases that were paid in the last thirty days.
    pub sales: u64,
    /// Jobs that ended in success in the last thirty days.
    pub prints: u64,
    /// What sellers owe the store for those sales, by currency.
    pub fees: Vec<crate::catalogue::Price>,
}

/// `GET /api/v1/operator/audit`: one page of the audit log, the newest entries first.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<crate::audit::AuditEntry>,
    /// Names of what the entries are by and about, by `user:<id>`, `account:<id>`, `listing:<id>`, `printer:<id>`.
    pub names: std::collections::BTreeMap<String, String>,
    /// `after` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
}
