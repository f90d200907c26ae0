use flatbuffers::FlatBufferBuilder;

use crate::flatbuffer::{self, Field, Fields, Limits, Schema};

use super::{
    EmeError, IDENTIFIER, Record,
    layout::{Layout, V1_0_1, V1_0_4},
    parameters, write,
};

/// Most records of one stream or collection that are written or read.
pub const RECORDS: usize = 1 << 16;

/// Most bytes of a stream or collection that are written or read; a record of ours has about 500.
const BYTES: usize = 64 << 20;

/// Size-prefixed records one after the other, as `writeFB` writes several.
pub fn to_stream(records: &[Record]) -> Result<Vec<u8>, EmeError> {
    check_count(records.len())?;
    let mut stream = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let bytes = super::to_bytes(&record.envelope, record.plugin_id.as_deref());
        stream.extend(bytes.map_err(|error| error.in_record(index))?);
        check_size(stream.len())?;
    }
    Ok(stream)
}

/// Size-prefixed records one after the other.
pub fn from_stream(mut stream: &[u8]) -> Result<Vec<Record>, EmeError> {
    check_size(stream.len())?;
    if !stream.is_empty() && !flatbuffer::starts_prefixed(stream, IDENTIFIER) {
        return Err(EmeError::NotEme);
    }
    let mut records = Vec::new();
    while !stream.is_empty() {
        let index = records.len();
        check_count(index + 1)?;
        let (record, rest) =
            flatbuffer::split_prefixed(stream).ok_or_else(|| EmeError::Truncated.in_record(index))?;
        records.push(super::from_bytes(record).map_err(|error| error.in_record(index))?);
        stream = rest;
    }
    Ok(records)
}

/// One `EMECOLLECTION` table, size-prefixed, with the identifier of the records.
pub fn to_collection(records: &[Record]) -> Result<Vec<u8>, EmeError> {
    check_count(records.len())?;
    let mut builder = FlatBufferBuilder::new();
    let mut tables = Vec::with_capacity(records.len());
    for (index, record) in records.iter().enumerate() {
        let table = write(&mut builder, &record.envelope, record.plugin_id.as_deref());
        tables.push(table.map_err(|error| error.in_record(index))?);
        check_size(builder.unfinished_data().len())?;
    }
    let mut fields = Fields::new(&mut builder);
    fields.tables(0, &tables);
    let root = fields.end();
    let collection = flatbuffer::finish(builder, root, IDENTIFIER);
    check_size(collection.len())?;
    Ok(collection)
}

/// One `EMECOLLECTION` table, with or without its size prefix. All records have one layout.
pub fn from_collection(bytes: &[u8]) -> Result<Vec<Record>, EmeError> {
    check_size(bytes.len())?;
    let older = read::<V1_0_1>(bytes, Layout::V1_0_1);
    older.or_else(|error| {
        read::<V1_0_4>(bytes, Layout::V1_0_4).map_err(|newer| match &newer {
            // A cipher suite stood where the newer layout has it: its error is the one that helps.
            EmeError::Record { source, .. } if **source != EmeError::Suite => newer,
            _ => error,
        })
    })
}

/// One record, a stream or a collection, whichever it is. No bytes are an empty stream.
pub fn from_any(bytes: &[u8]) -> Result<Vec<Record>, EmeError> {
    check_size(bytes.len())?;
    if !flatbuffer::is_one(bytes, IDENTIFIER) {
        return from_stream(bytes);
    }
    match super::from_bytes(bytes) {
        Ok(record) => Ok(vec![record]),
        // A collection has no cipher suite, so it never reads as a record.
        Err(error) => from_collection(bytes).map_err(|as_collection| match as_collection {
            EmeError::Record { .. } | EmeError::TooMany { .. } => as_collection,
            _ => error,
        }),
    }
}

fn read<S: Schema>(bytes: &[u8], layout: Layout) -> Result<Vec<Record>, EmeError> {
    // What tables of one shape share is written once and counted for each.
    let limits = Limits { tables: 1 + RECORDS, bytes: 2 * BYTES };
    let collection = flatbuffer::root::<Collection<S>>(bytes, IDENTIFIER, limits)?;
    let tables = collection.tables(0).enumerate();
    tables
        .map(|(index, table)| parameters::read(layout, table).map_err(|error| error.in_record(index)))
        .collect()
}

struct Collection<S>(std::marker::PhantomData<S>);

impl<S: Schema> Schema for Collection<S> {
    const FIELDS: &'static [Field] = &[Field::tables::<S>(0, "RECORDS").required()];
}

fn check_count(records: usize) -> Result<(), EmeError> {
    if records > RECORDS { Err(EmeError::TooMany { limit: RECORDS }) } else { Ok(()) }
}

fn check_size(bytes: usize) -> Result<(), EmeError> {
    if bytes > BYTES { Err(EmeError::TooLarge { limit: BYTES }) } else { Ok(()) }
}
