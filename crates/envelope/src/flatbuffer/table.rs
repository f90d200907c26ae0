use super::slot;

/// Bytes of a size prefix, an offset or a length.
pub(super) const WORD: usize = 4;

/// A table whose fields are read by number. Whatever lies outside the buffer reads as absent.
#[derive(Clone, Copy)]
pub(crate) struct Table<'a> {
    buffer: &'a [u8],
    position: usize,
}

impl<'a> Table<'a> {
    pub(super) fn new(buffer: &'a [u8], position: usize) -> Self {
        Self { buffer, position }
    }

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

pub(super) fn follow(buffer: &[u8], at: usize) -> Option<usize> {
    at.checked_add(word(buffer, at)?)
}

pub(super) fn word(buffer: &[u8], at: usize) -> Option<usize> {
    let bytes = buffer.get(at..at.checked_add(WORD)?)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(bytes)).ok()
}

fn half(buffer: &[u8], at: usize) -> Option<usize> {
    let bytes = buffer.get(at..at.checked_add(2)?)?.try_into().ok()?;
    Some(usize::from(u16::from_le_bytes(bytes)))
}
