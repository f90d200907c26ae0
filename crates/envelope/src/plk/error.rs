use crate::{ErrorCode, domain::DomainError, ecdh::EcdhError};

/// Why a licence was refused: one variant for each reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlkError {
    /// As many devices use it as may.
    #[error("the licence is in use on {max} other devices, which is all it allows")]
    Activations {
        /// How many it allows.
        max: u32,
    },
    /// A domain at hand or in a licence to be signed is none.
    #[error(transparent)]
    Domain(#[from] DomainError),
    /// The licensee's key could not be used.
    #[error(transparent)]
    Ecdh(#[from] EcdhError),
    /// `EXPIRES_AT` has passed.
    #[error("the licence expired at {expires_at}, it is {now} (Unix seconds)")]
    Expired {
        /// When it expired.
        expires_at: u64,
        /// The time it was checked at.
        now: u64,
    },
    /// A field is missing or does not hold what it should.
    #[error("the licence has no usable {name}")]
    Field {
        /// The schema's name of the field.
        name: &'static str,
    },
    /// `ISSUED_AT` lies ahead.
    #[error("the licence was issued at {issued_at}, but it is only {now} (Unix seconds)")]
    FromTheFuture {
        /// When it was issued.
        issued_at: u64,
        /// The time it was checked at.
        now: u64,
    },
    /// Neither the JSON nor the FlatBuffer of a licence.
    #[error("the licence is malformed")]
    Malformed,
    /// No envelope opens with the licensee's key.
    #[error("there is no envelope for the key the licence names")]
    NoEnvelope,
    /// No slot opens with the domain's key.
    #[error("there is no content key for this domain")]
    NoSlot,
    /// Prefix or file identifier are not those of `$PLK`.
    #[error("the bytes are no PLK licence")]
    NotPlk,
    /// `VALID_FROM` lies ahead.
    #[error("the licence is valid from {valid_from} on, it is {now} (Unix seconds)")]
    NotYetValid {
        /// From when on it is valid.
        valid_from: u64,
        /// The time it was checked at.
        now: u64,
    },
    /// The signature does not verify.
    #[error("the signature of the licence is wrong")]
    Signature,
    /// More bytes than are written or read.
    #[error("the licence is larger than {} bytes", super::LICENCE_BYTES)]
    TooLarge,
    /// There is no signature.
    #[error("the licence is not signed")]
    Unsigned,
    /// The domain is not among those of the licence, or there is none.
    #[error("the licence does not allow this domain")]
    WrongDomain,
    /// `ISSUER_PUBKEY` is another than the one that is trusted.
    #[error("the licence was issued by somebody else")]
    WrongIssuer,
    /// The key at hand is not that of `LICENSEE_PUBKEY`.
    #[error("the key at hand is not the one the licence names")]
    WrongKey,
    /// `PLUGIN_ID` is another.
    #[error("the licence is for another plugin")]
    WrongPlugin,
    /// `PLUGIN_VERSION` is another.
    #[error("the licence is for another version of the plugin")]
    WrongVersion,
}

impl ErrorCode for PlkError {
    fn code(&self) -> &'static str {
        match self {
            Self::Activations { .. } => "plk_activations",
            Self::Domain(error) => error.code(),
            Self::Ecdh(error) => error.code(),
            Self::Expired { .. } => "plk_expired",
            Self::Field { .. } => "plk_field",
            Self::FromTheFuture { .. } => "plk_from_the_future",
            Self::Malformed => "plk_malformed",
            Self::NoEnvelope => "plk_no_envelope",
            Self::NoSlot => "plk_no_domain_slot",
            Self::NotPlk => "plk_not_plk",
            Self::NotYetValid { .. } => "plk_not_yet_valid",
            Self::Signature => "plk_bad_signature",
            Self::TooLarge => "plk_too_large",
            Self::Unsigned => "plk_unsigned",
            Self::WrongDomain => "plk_wrong_domain",
            Self::WrongIssuer => "plk_wrong_issuer",
            Self::WrongKey => "plk_wrong_key",
            Self::WrongPlugin => "plk_wrong_plugin",
            Self::WrongVersion => "plk_wrong_version",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Activations { .. } => "End the use on another device, or buy a licence for more.",
            Self::Domain(error) => error.hint(),
            Self::Ecdh(error) => error.hint(),
            Self::Expired { .. } => "Renew the licence; check the clock if it should still be valid.",
            Self::Field { .. } | Self::Malformed | Self::Unsigned => "Ask the issuer for the licence again.",
            Self::FromTheFuture { .. } | Self::NotYetValid { .. } => "Wait until then, or check the clock.",
            Self::NoEnvelope => "Ask the publisher for an envelope for the licence's key.",
            Self::NoSlot => "Check domain and epoch, or open it with the licensee's key.",
            Self::NotPlk => "Give the licence as JSON or as a $PLK FlatBuffer.",
            Self::Signature | Self::WrongIssuer => {
                "Do not use it; check whose key the licence should be signed with."
            }
            Self::TooLarge => "List fewer domains.",
            Self::WrongDomain => {
                "Use the plugin on a domain of the licence, or ask the issuer to add this one."
            }
            Self::WrongKey => "Give the private key that belongs to LICENSEE_PUBKEY.",
            Self::WrongPlugin | Self::WrongVersion => "Use the plugin and version the licence names.",
        }
    }
}
