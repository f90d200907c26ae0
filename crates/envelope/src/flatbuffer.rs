//! FlatBuffers without unsafe code: the library's builder writes and its verifier checks, a bounds-checked reader of
//! our own reads (ADR 7).

mod fields;
mod table;

use std::marker::PhantomData;

use flatbuffers::{
    FlatBufferBuilder, ForwardsUOffset, InvalidFlatbuffer, Vector, Verifiable, Verifier, VerifierOptions,
    WIPOffset,
};

use table::{WORD, follow, word};

pub(crate) use fields::Fields;
pub(crate) use table::Table;

type Checked = Result<(), InvalidFlatbuffer>;

/// A table type: what its verifier walks through.
pub(crate) trait Schema {
    const FIELDS: &'static [Field];
}

/// One field of a table.
pub(crate) struct Field {
    id: u16,
    name: &'static str,
    required: bool,
    verify: fn(&mut Verifier<'_, '_>, usize) -> Checked,
}

impl Field {
    pub(crate) const fn bytes(id: u16, name: &'static str) -> Self {
        Self::new(id, name, ForwardsUOffset::<Vector<'_, u8>>::run_verifier)
    }

    pub(crate) const fn text(id: u16, name: &'static str) -> Self {
        Self::new(id, name, ForwardsUOffset::<&str>::run_verifier)
    }

    pub(crate) const fn texts(id: u16, name: &'static str) -> Self {
        Self::new(id, name, ForwardsUOffset::<Vector<'_, ForwardsUOffset<&str>>>::run_verifier)
    }

    pub(crate) const fn tables<S: Schema>(id: u16, name: &'static str) -> Self {
        Self::new(id, name, ForwardsUOffset::<Vector<'_, ForwardsUOffset<Of<S>>>>::run_verifier)
    }

    /// A number of `SIZE` bytes. Its alignment is not asked for: it is read byte by byte, and a buffer whose size
    /// prefix was taken off has its 64-bit numbers in the wrong place.
    pub(crate) const fn number<const SIZE: usize>(id: u16, name: &'static str) -> Self {
        Self::new(id, name, |verifier, at| verifier.range_in_buffer(at, SIZE))
    }

    pub(crate) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    const fn new(id: u16, name: &'static str, verify: fn(&mut Verifier<'_, '_>, usize) -> Checked) -> Self {
        Self { id, name, required: false, verify }
    }
}

/// How much a buffer may make its reader do.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Tables that may be reached.
    pub(crate) tables: usize,
    /// Bytes that may be read, counting what is reached twice as two.
    pub(crate) bytes: usize,
}

/// Why a buffer is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// The verifier refused it.
    Invalid,
    /// It would take more than the limits allow.
    Limit,
    /// Size prefix or identifier are not those of the format.
    Other,
}

/// The root table of a buffer with or without a size prefix, verified.
pub(crate) fn root<'a, S: Schema>(
    buffer: &'a [u8],
    identifier: &str,
    limits: Limits,
) -> Result<Table<'a>, Unreadable> {
    let start = start(buffer, identifier).ok_or(Unreadable::Other)?;
    let options = VerifierOptions {
        max_depth: 4,
        max_tables: limits.tables,
        max_apparent_size: limits.bytes,
        ignore_missing_null_terminator: false,
    };
    let mut verifier = Verifier::new(&options, buffer);
    ForwardsUOffset::<Of<S>>::run_verifier(&mut verifier, start).map_err(|error| match error {
        InvalidFlatbuffer::ApparentSizeTooLarge | InvalidFlatbuffer::TooManyTables => Unreadable::Limit,
        _ => Unreadable::Invalid,
    })?;
    let position = follow(buffer, start).ok_or(Unreadable::Invalid)?;
    Ok(Table::new(buffer, position))
}

/// One buffer of that identifier and nothing behind it, as far as its frame tells.
pub(crate) fn is_one(buffer: &[u8], identifier: &str) -> bool {
    start(buffer, identifier).is_some()
}

/// Whether a size-prefixed buffer of that identifier begins here, whole or not.
pub(crate) fn starts_prefixed(stream: &[u8], identifier: &str) -> bool {
    stream.get(2 * WORD..3 * WORD) == Some(identifier.as_bytes())
}

/// The first size-prefixed buffer of several, with its prefix, and what comes after it.
pub(crate) fn split_prefixed(stream: &[u8]) -> Option<(&[u8], &[u8])> {
    stream.split_at_checked(WORD.checked_add(word(stream, 0)?)?)
}

/// Finishes a buffer with its size in front of it.
pub(crate) fn finish<T>(mut builder: FlatBufferBuilder<'_>, root: WIPOffset<T>, identifier: &str) -> Vec<u8> {
    builder.finish_size_prefixed(root, Some(identifier));
    builder.finished_data().to_vec()
}

/// Names a table type to the verifier.
struct Of<S>(PhantomData<S>);

impl<S: Schema> Verifiable for Of<S> {
    fn run_verifier(verifier: &mut Verifier<'_, '_>, position: usize) -> Checked {
        let mut table = verifier.visit_table(position)?;
        for field in S::FIELDS {
            match table.deref(slot(field.id))? {
                Some(at) => (field.verify)(table.verifier(), at)?,
                None if field.required => return InvalidFlatbuffer::new_missing_required(field.name),
                None => {}
            }
        }
        table.finish();
        Ok(())
    }
}

/// Where the root offset stands: 0, or 4 behind a size prefix that says what follows it.
fn start(buffer: &[u8], identifier: &str) -> Option<usize> {
    if buffer.get(WORD..2 * WORD)? == identifier.as_bytes() {
        return Some(0);
    }
    let whole = word(buffer, 0)?.checked_add(WORD)? == buffer.len();
    (whole && starts_prefixed(buffer, identifier)).then_some(WORD)
}

/// The place of a field in a table's vtable.
const fn slot(id: u16) -> u16 {
    4 + 2 * id
}
