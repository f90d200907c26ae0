use std::io;

use super::{ContentCipher, WHOLE_LIMIT};
use crate::ErrorCode;

/// Why a file could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// Wrong bytes, wrong key, wrong IV or a truncated blob: deliberately not told apart.
    #[error("the blob is damaged, cut short or belongs to another key")]
    Corrupt,
    /// The start of the blob is not what the cipher writes.
    #[error("the blob is not a sealed file of cipher `{cipher}`")]
    Format {
        /// The cipher that was named.
        cipher: ContentCipher,
    },
    /// Reading or writing failed.
    #[error(transparent)]
    Io(io::Error),
    /// `aes-256-cbc` without an IV.
    #[error("an `aes-256-cbc` blob needs its IV")]
    MissingIv,
    /// Fernet was asked for when sealing.
    #[error("`fernet` blobs can be opened, not made")]
    ReadOnly,
    /// A whole-file cipher with more bytes than it may hold.
    #[error("a blob of this cipher may hold at most {WHOLE_LIMIT} bytes")]
    TooLarge,
    /// An IV beside a cipher that carries its own.
    #[error("a blob of cipher `{cipher}` has no IV beside it")]
    UnexpectedIv {
        /// The cipher that was named.
        cipher: ContentCipher,
    },
}

impl ErrorCode for ContentError {
    fn code(&self) -> &'static str {
        match self {
            Self::Corrupt => "blob_corrupt",
            Self::Format { .. } => "blob_format",
            Self::Io(_) => "blob_io",
            Self::MissingIv => "blob_iv_missing",
            Self::ReadOnly => "cipher_read_only",
            Self::TooLarge => "blob_too_large",
            Self::UnexpectedIv { .. } => "blob_iv_unexpected",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Corrupt => {
                "Download the blob again; if it still fails, ask the store to seal the job anew."
            }
            Self::Format { .. } => {
                "The store named another cipher than the blob has; report it to the store."
            }
            Self::Io(_) => "Check disk, memory and network, then try again.",
            Self::MissingIv | Self::UnexpectedIv { .. } => "The job is inconsistent; report it to the store.",
            Self::ReadOnly => "Seal with `age` or `aes-256-cbc`.",
            Self::TooLarge => "Seal large files with `age`.",
        }
    }
}

impl From<io::Error> for ContentError {
    fn from(error: io::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(Self::Io)
    }
}

impl From<ContentError> for io::Error {
    fn from(error: ContentError) -> Self {
        match error {
            ContentError::Io(error) => error,
            other => Self::new(io::ErrorKind::InvalidData, other),
        }
    }
}
