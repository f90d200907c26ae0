use crate::{ErrorCode, jws::JwsError};

/// Why a manifest was refused: one variant for each reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// `alg` is not `EdDSA`.
    #[error("the job manifest is signed with an algorithm that is not accepted")]
    Algorithm,
    /// The blob has another hash or size.
    #[error("the downloaded file is not the one the job manifest names")]
    Blob,
    /// The header has `crit`.
    #[error("the job manifest demands an extension this version does not know")]
    Critical,
    /// The header carries `jwk`, `jku`, `x5c` or `x5u`.
    #[error("the job manifest brings its own key, which is never accepted")]
    EmbeddedKey,
    /// `exp` has passed.
    #[error("the job manifest expired at {exp}, it is {now} (Unix seconds)")]
    Expired {
        /// When it expired.
        exp: u64,
        /// The time it was checked at.
        now: u64,
    },
    /// `iat` lies ahead. Everything up to here has verified, so a device without a clock may take `iat` as time
    /// signed by the store.
    #[error("the job manifest was issued at {iat}, but it is only {now} (Unix seconds)")]
    FromTheFuture {
        /// When it was issued.
        iat: u64,
        /// The time it was checked at.
        now: u64,
    },
    /// Not a manifest, or inconsistent in itself.
    #[error("the job manifest is malformed")]
    Malformed,
    /// The key package has another hash.
    #[error("the key package is not the one the job manifest names")]
    Package,
    /// The signature does not verify.
    #[error("the signature of the job manifest is wrong")]
    Signature,
    /// `typ` is another.
    #[error("the statement is not a job manifest")]
    Type,
    /// `kid` names no job key of the known set.
    #[error("the job manifest is signed with a key this device does not know")]
    UnknownKey,
    /// A later format.
    #[error("the job manifest has format {v}, which this version cannot read")]
    Version {
        /// The format's number.
        v: u32,
    },
    /// `iss` is another store.
    #[error("the job manifest comes from another store")]
    WrongIssuer,
    /// `job` is another.
    #[error("the job manifest belongs to another job")]
    WrongJob,
    /// `nonce` is not that of the claim: a replay.
    #[error("the job manifest answers another claim")]
    WrongNonce,
    /// `aud` is another printer.
    #[error("the job manifest is meant for another printer")]
    WrongPrinter,
}

impl ErrorCode for ManifestError {
    fn code(&self) -> &'static str {
        match self {
            Self::Algorithm => "manifest_algorithm",
            Self::Blob => "manifest_blob_mismatch",
            Self::Critical => "manifest_critical_extension",
            Self::EmbeddedKey => "manifest_embedded_key",
            Self::Expired { .. } => "manifest_expired",
            Self::FromTheFuture { .. } => "manifest_from_the_future",
            Self::Malformed => "manifest_malformed",
            Self::Package => "manifest_package_mismatch",
            Self::Signature => "manifest_bad_signature",
            Self::Type => "manifest_type",
            Self::UnknownKey => "manifest_unknown_key",
            Self::Version { .. } => "manifest_version",
            Self::WrongIssuer => "manifest_wrong_store",
            Self::WrongJob => "manifest_wrong_job",
            Self::WrongNonce => "manifest_wrong_nonce",
            Self::WrongPrinter => "manifest_wrong_printer",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Blob => "Download the file again.",
            Self::Critical | Self::Type | Self::Version { .. } => "Update the printer's agent.",
            Self::Expired { .. } => "Claim the job again; check the printer's clock if it stays.",
            Self::FromTheFuture { .. } => "Check the printer's clock.",
            Self::Package | Self::WrongJob | Self::WrongNonce => "Claim the job again.",
            Self::UnknownKey => "Fetch the store's current key set, then claim the job again.",
            Self::WrongIssuer | Self::WrongPrinter => "Check which store the printer is paired with.",
            Self::Algorithm | Self::EmbeddedKey | Self::Malformed | Self::Signature => {
                "Do not print it; report it to the store."
            }
        }
    }
}

impl From<JwsError> for ManifestError {
    fn from(error: JwsError) -> Self {
        match error {
            JwsError::Algorithm => Self::Algorithm,
            JwsError::Critical => Self::Critical,
            JwsError::EmbeddedKey => Self::EmbeddedKey,
            JwsError::Malformed => Self::Malformed,
            JwsError::Signature => Self::Signature,
            JwsError::Type => Self::Type,
            JwsError::UnknownKey => Self::UnknownKey,
        }
    }
}
