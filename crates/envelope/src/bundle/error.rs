use crate::{
    ContentError, ErrorCode, domain::DomainError, ecdh::Curve, ecdh::EcdhError, release::ReleaseError,
};

/// Longest account of what is wrong with a bundle's JSON: it may quote what it found.
const REASON: usize = 200;

/// Why a bundle could not be made or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The data could not be sealed or opened.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// A domain key could not be derived, or opens no slot.
    #[error(transparent)]
    Domain(#[from] DomainError),
    /// An envelope could not be made, or the key's holder did not answer.
    #[error(transparent)]
    Ecdh(#[from] EcdhError),
    /// Not the JSON of a bundle.
    #[error("the bundle cannot be read: {reason}")]
    Malformed {
        /// What and where, from the JSON library.
        reason: String,
    },
    /// Domains of two versions or epochs.
    #[error("the bundle's domains were wrapped under another version or epoch")]
    MixedDomains,
    /// Only a CID, or not even that.
    #[error("the bundle comes without its data")]
    NoData {
        /// Where the data can be fetched.
        cid: Option<String>,
    },
    /// No domain slots at all.
    #[error("the bundle is not wrapped for any domain")]
    NoDomains,
    /// No envelope for keys of this curve.
    #[error("the bundle has no envelope for a key on {curve}")]
    NoEnvelope {
        /// The curve of the key at hand.
        curve: Curve,
    },
    /// Envelopes, but none for this key.
    #[error("none of the bundle's envelopes was made for this key")]
    NotForKey,
    /// The publisher's signature is missing, incomplete or wrong.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// The plaintext is not what `wasmHash` names.
    #[error("the opened plugin is not the one the bundle names")]
    WrongHash,
}

impl BundleError {
    pub(super) fn malformed(error: &serde_json::Error) -> Self {
        let mut reason = error.to_string();
        if reason.len() > REASON {
            let cut = reason.floor_char_boundary(REASON);
            reason.truncate(cut);
            reason.push('…');
        }
        Self::Malformed { reason }
    }
}

impl ErrorCode for BundleError {
    fn code(&self) -> &'static str {
        match self {
            Self::Content(error) => error.code(),
            Self::Domain(error) => error.code(),
            Self::Ecdh(error) => error.code(),
            Self::Malformed { .. } => "bundle_malformed",
            Self::MixedDomains => "bundle_mixed_domains",
            Self::NoData { .. } => "bundle_no_data",
            Self::NoDomains => "bundle_no_domains",
            Self::NoEnvelope { .. } => "bundle_no_envelope",
            Self::NotForKey => "bundle_not_for_us",
            Self::Release(error) => error.code(),
            Self::WrongHash => "bundle_wrong_hash",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Content(ContentError::Corrupt) => {
                "Fetch the bundle and its data again; they do not belong together."
            }
            Self::Content(ContentError::Format { .. }) => {
                "Check that the bundle's data is the sealed blob, whole."
            }
            Self::Content(error) => error.hint(),
            Self::Domain(error) => error.hint(),
            Self::Ecdh(error) => error.hint(),
            Self::Malformed { .. } => "Fetch the bundle again; if it stays, report it to the publisher.",
            Self::MixedDomains => "Make a new bundle for the new epoch.",
            Self::NoData { .. } => "Fetch the blob under the bundle's CID and give it along.",
            Self::NoDomains => "Open it with a buyer's key, or ask the publisher to add the domain.",
            Self::NoEnvelope { .. } => {
                "Use the key it was bought with, or add the envelope from the purchase."
            }
            Self::NotForKey => {
                "Use the key it was bought with (check the wallet and its index), or add the envelope from the purchase."
            }
            Self::Release(error) => error.hint(),
            Self::WrongHash => "Do not use it; report it to the publisher.",
        }
    }
}
