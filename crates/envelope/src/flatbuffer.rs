//! FlatBuffers without unsafe code: the library's builder writes and its verifier checks, a bounds-checked reader of
//! our own reads (ADR 7).

use std::marker::PhantomData;

use flatbuffers::{
    FlatBufferBuilder, ForwardsUOffset, InvalidFlatbuffer, TableFinishedWIPOffset, UnionWIPOffset, Vector,
    Verifiable, Verifier, VerifierOptions, WIPOffset,
};

/// Length of the size prefix, and of a root offset.
const WORD: usize = 4;

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
    Ok(Table { buffer, position })
}

/// One buffer of that identifier and nothing behind it, as far as its frame tells.
pub(crate) fn is_one(buffer: &[u8], identifier: &str) -> bool {
    start(buffer, identifier).is_some()
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

/// A table in the making: fields in the order of their numbers. What is empty or 0 is left out.
pub(crate) struct Fields<'w, 'b> {
    builder: &'w mut FlatBufferBuilder<'b>,
    values: Vec<(u16, Value)>,
}

impl<'w, 'b> Fields<'w, 'b> {
    pub(crate) fn new(builder: &'w mut FlatBufferBuilder<'b>) -> Self {
        Self { builder, values: Vec::new() }
    }

    pub(crate) fn bytes(&mut self, id: u16, bytes: &[u8]) {
        if !bytes.is_empty() {
            let at = self.builder.create_vector(bytes).as_union_value();
            self.values.push((id, Value::Offset(at)));
        }
    }

    pub(crate) fn text(&mut self, id: u16, text: &str) {
        if !text.is_empty() {
            let at = self.builder.create_string(text).as_union_value();
            self.values.push((id, Value::Offset(at)));
        }
    }

    pub(crate) fn texts(&mut self, id: u16, texts: &[String]) {
        if !texts.is_empty() {
            let entries: Vec<_> = texts.iter().map(|text| self.builder.create_string(text)).collect();
            let at = self.builder.create_vector(&entries).as_union_value();
            self.values.push((id, Value::Offset(at)));
        }
    }

    pub(crate) fn tables(&mut self, id: u16, tables: &[WIPOffset<TableFinishedWIPOffset>]) {
        let at = self.builder.create_vector(tables).as_union_value();
        self.values.push((id, Value::Offset(at)));
    }

    pub(crate) fn u8(&mut self, id: u16, number: u8) {
        self.values.push((id, Value::U8(number)));
    }

    pub(crate) fn u32(&mut self, id: u16, number: u32) {
        self.values.push((id, Value::U32(number)));
    }

    pub(crate) fn u64(&mut self, id: u16, number: u64) {
        self.values.push((id, Value::U64(number)));
    }

    pub(crate) fn end(self) -> WIPOffset<TableFinishedWIPOffset> {
        let table = self.builder.start_table();
        for (id, value) in self.values {
            match value {
                Value::Offset(at) => self.builder.push_slot_always(slot(id), at),
                Value::U8(number) => self.builder.push_slot(slot(id), number, 0),
                Value::U32(number) => self.builder.push_slot(slot(id), number, 0),
                Value::U64(number) => self.builder.push_slot(slot(id), number, 0),
            }
        }
        self.builder.end_table(table)
    }
}

enum Value {
    Offset(WIPOffset<UnionWIPOffset>),
    U8(u8),
    U32(u32),
    U64(u64),
}

/// A table whose fields are read by number. Whatever lies outside the buffer reads as absent.
#[derive(Clone, Copy)]
pub(crate) struct Table<'a> {
    buffer: &'a [u8],
    position: usize,
}

impl<'a> Table<'a> {
    pub(crate) fn bytes(&self, id: u16) -> Option<&'a [u8]> {
        self.bytes_at(follow(self.buffer, self.field(id)?)?)
    }

    pub(crate) fn text(&self, id: u16) -> Option<&'a str> {
        std::str::from_utf8(self.bytes(id)?).ok()
    }

    pub(crate) fn texts(&self, id: u16) -> impl Iterator<Item = &'a str> {
        let table = *self;
        self.offsets(id).filter_map(move |at| std::str::from_utf8(table.bytes_at(at)?).ok())
    }

    pub(crate) fn tables(&self, id: u16) -> impl Iterator<Item = Table<'a>> {
        let buffer = self.buffer;
        self.offsets(id).map(move |position| Table { buffer, position })
    }

    pub(crate) fn number<const SIZE: usize>(&self, id: u16) -> Option<[u8; SIZE]> {
        let at = self.field(id)?;
        self.buffer.get(at..at.checked_add(SIZE)?)?.try_into().ok()
    }

    fn field(&self, id: u16) -> Option<usize> {
        let back = self.buffer.get(self.position..self.position.checked_add(WORD)?)?.try_into().ok()?;
        let vtable = self
            .position
            .checked_add_signed(isize::try_from(i32::from_le_bytes(back)).ok()?.checked_neg()?)?;
        let slot = usize::from(slot(id));
        if slot >= half(self.buffer, vtable)? {
            return None;
        }
        let offset = half(self.buffer, vtable.checked_add(slot)?)?;
        if offset == 0 { None } else { self.position.checked_add(offset) }
    }

    fn bytes_at(&self, at: usize) -> Option<&'a [u8]> {
        let start = at.checked_add(WORD)?;
        self.buffer.get(start..start.checked_add(word(self.buffer, at)?)?)
    }

    /// Where the entries of a vector of offsets lead.
    fn offsets(&self, id: u16) -> impl Iterator<Item = usize> + use<'a> {
        let buffer = self.buffer;
        let vector = self.field(id).and_then(|at| follow(buffer, at));
        let entries = vector.and_then(|at| Some((at.checked_add(WORD)?, word(buffer, at)?)));
        let (first, len) = entries.unwrap_or((0, 0));
        (0..len).map_while(move |index| follow(buffer, first.checked_add(index.checked_mul(WORD)?)?))
    }
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
    let prefixed =
        buffer.get(2 * WORD..3 * WORD)? == identifier.as_bytes() && word(buffer, 0)? == buffer.len() - WORD;
    prefixed.then_some(WORD)
}

/// The place of a field in a table's vtable.
const fn slot(id: u16) -> u16 {
    4 + 2 * id
}

fn follow(buffer: &[u8], at: usize) -> Option<usize> {
    at.checked_add(word(buffer, at)?)
}

fn word(buffer: &[u8], at: usize) -> Option<usize> {
    let bytes = buffer.get(at..at.checked_add(WORD)?)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(bytes)).ok()
}

fn half(buffer: &[u8], at: usize) -> Option<usize> {
    let bytes = buffer.get(at..at.checked_add(2)?)?.try_into().ok()?;
    Some(usize::from(u16::from_le_bytes(bytes)))
}
