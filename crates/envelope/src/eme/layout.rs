use crate::{
    ecdh::Curve,
    flatbuffer::{self, Field, Limits, Schema, Table, Unreadable},
};

use super::{EmeError, IDENTIFIER, RECORD_BYTES, parameters};

pub(super) const ENCRYPTED_BLOB: u16 = 0;
pub(super) const EPHEMERAL_PUBLIC_KEY: u16 = 1;
pub(super) const MAC: u16 = 2;
pub(super) const NONCE: u16 = 3;
pub(super) const TAG: u16 = 4;
pub(super) const IV: u16 = 5;

/// The two published orders of fields behind `IV`; neither says which it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// npm package 1.0.197.
    V1_0_1,
    /// `SALT` before the key's identifier, and `NONCE_START` bytes in place of `NONCE`.
    V1_0_4,
}

impl Layout {
    pub(super) fn salt(self) -> Option<u16> {
        match self {
            Self::V1_0_1 => None,
            Self::V1_0_4 => Some(6),
        }
    }

    pub(super) fn public_key_identifier(self) -> u16 {
        match self {
            Self::V1_0_1 => 6,
            Self::V1_0_4 => 7,
        }
    }

    pub(super) fn cipher_suite(self) -> u16 {
        self.public_key_identifier() + 1
    }

    pub(super) fn kdf_parameters(self) -> u16 {
        self.public_key_identifier() + 2
    }

    pub(super) fn algorithm_parameters(self) -> u16 {
        self.public_key_identifier() + 3
    }

    /// The curve, when the suite stands where this layout has it and is one of ours.
    pub(super) fn curve(self, table: Table<'_>) -> Option<Curve> {
        parameters::curve(table.text(self.cipher_suite())?)
    }
}

/// The layout a record reads in. The error is that of the older one, which is the one we write.
pub(super) fn find(record: &[u8]) -> Result<(Layout, Table<'_>), EmeError> {
    let limits = Limits { tables: 1, bytes: 2 * RECORD_BYTES };
    let older = suited(Layout::V1_0_1, flatbuffer::root::<V1_0_1>(record, IDENTIFIER, limits));
    older.or_else(|error| {
        suited(Layout::V1_0_4, flatbuffer::root::<V1_0_4>(record, IDENTIFIER, limits)).map_err(|_| error)
    })
}

fn suited(layout: Layout, table: Result<Table<'_>, Unreadable>) -> Result<(Layout, Table<'_>), EmeError> {
    let table = table.map_err(|error| match error {
        Unreadable::Limit => EmeError::TooLarge { limit: RECORD_BYTES },
        error => error.into(),
    })?;
    layout.curve(table).map(|_| (layout, table)).ok_or(EmeError::Suite)
}

pub(super) struct V1_0_1;

impl Schema for V1_0_1 {
    const FIELDS: &'static [Field] = &[
        Field::bytes(0, "ENCRYPTED_BLOB"),
        Field::text(1, "EPHEMERAL_PUBLIC_KEY"),
        Field::text(2, "MAC"),
        Field::text(3, "NONCE"),
        Field::text(4, "TAG"),
        Field::text(5, "IV"),
        Field::text(6, "PUBLIC_KEY_IDENTIFIER"),
        Field::text(7, "CIPHER_SUITE"),
        Field::text(8, "KDF_PARAMETERS"),
        Field::text(9, "ENCRYPTION_ALGORITHM_PARAMETERS"),
    ];
}

pub(super) struct V1_0_4;

impl Schema for V1_0_4 {
    const FIELDS: &'static [Field] = &[
        Field::bytes(0, "ENCRYPTED_BLOB"),
        Field::text(1, "EPHEMERAL_PUBLIC_KEY"),
        Field::text(2, "MAC"),
        Field::bytes(3, "NONCE_START"),
        Field::text(4, "TAG"),
        Field::text(5, "IV"),
        Field::text(6, "SALT"),
        Field::text(7, "PUBLIC_KEY_IDENTIFIER"),
        Field::text(8, "CIPHER_SUITE"),
        Field::text(9, "KDF_PARAMETERS"),
        Field::text(10, "ENCRYPTION_ALGORITHM_PARAMETERS"),
    ];
}
