use flatbuffers::{FlatBufferBuilder, TableFinishedWIPOffset, UnionWIPOffset, WIPOffset};

use super::slot;

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
