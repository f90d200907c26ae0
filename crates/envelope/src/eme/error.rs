use crate::{ErrorCode, flatbuffer::Unreadable};

use super::RECORDS;

/// Why an `$EME` record, stream or collection was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmeError {
    /// A field is missing or does not hold what it should.
    #[error("the EME record has no usable {name}")]
    Field {
        /// The schema's name of the field.
        name: &'static str,
    },
    /// The key derivation is bound to something else than a plugin id.
    #[error("the EME record derives its key for another purpose than a plugin")]
    Info,
    /// The FlatBuffer verifier refused it.
    #[error("the EME record is damaged")]
    Malformed,
    /// Prefix or file identifier are not those of `$EME`.
    #[error("the bytes are no EME record")]
    NotEme,
    /// What is wrong with one of several records.
    #[error("record {index}: {source}")]
    Record {
        /// Counted from 0.
        index: usize,
        /// The error of that record.
        source: Box<EmeError>,
    },
    /// `CIPHER_SUITE` is missing or another than the five that are known.
    #[error("the EME record has a cipher suite this version does not know")]
    Suite,
    /// More bytes than are looked at.
    #[error("the EME record is larger than {limit} bytes")]
    TooLarge {
        /// The most that is read.
        limit: usize,
    },
    /// More records than are looked at.
    #[error("there are more than {limit} EME records")]
    TooMany {
        /// The most that is read.
        limit: usize,
    },
    /// The stream ends within a record.
    #[error("the EME record is cut off")]
    Truncated,
    /// A field is set that an envelope has no use for.
    #[error("the EME record sets {name}, which an envelope does not use")]
    Unused {
        /// The schema's name of the field.
        name: &'static str,
    },
}

impl EmeError {
    pub(super) fn in_record(self, index: usize) -> Self {
        Self::Record { index, source: Box::new(self) }
    }
}

impl From<Unreadable> for EmeError {
    fn from(error: Unreadable) -> Self {
        match error {
            Unreadable::Invalid => Self::Malformed,
            Unreadable::Limit => Self::TooMany { limit: RECORDS },
            Unreadable::Other => Self::NotEme,
        }
    }
}

impl ErrorCode for EmeError {
    fn code(&self) -> &'static str {
        match self {
            Self::Field { .. } => "eme_field",
            Self::Info => "eme_info",
            Self::Malformed => "eme_malformed",
            Self::NotEme => "eme_not_eme",
            Self::Record { source, .. } => source.code(),
            Self::Suite => "eme_cipher_suite",
            Self::TooLarge { .. } => "eme_too_large",
            Self::TooMany { .. } => "eme_too_many_records",
            Self::Truncated => "eme_truncated",
            Self::Unused { .. } => "eme_unused_field",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Field { .. } | Self::Malformed | Self::Truncated => "Fetch the envelope again.",
            Self::Info | Self::Suite | Self::Unused { .. } => {
                "Ask the publisher for an envelope of this marketplace."
            }
            Self::NotEme => "Give the bytes of an $EME FlatBuffer, with or without size prefix.",
            Self::Record { source, .. } => source.hint(),
            Self::TooLarge { .. } | Self::TooMany { .. } => "Send the records in several parts.",
        }
    }
}
