//! What a part of the print is, as slicers name it in comments: `;TYPE:External perimeter`.

/// Kinds that are told apart; further ones count as the last.
const KINDS: usize = 32;
/// Longest name that is kept, characters.
const NAME_MAX: usize = 40;
/// What is printed beside parts begins with one of these: purge lines of custom start commands, skirts.
const BESIDE: [&str; 3] = ["custom", "skirt", "purge"];

/// The kinds seen so far, the first of which has no name.
pub(crate) struct Kinds {
    names: Vec<String>,
    current: usize,
    beside: bool,
}

impl Kinds {
    pub(crate) fn new() -> Self {
        Self { names: vec![String::new()], current: 0, beside: false }
    }

    /// Reads a comment; most are of another sort.
    pub(crate) fn comment(&mut self, text: &[u8]) {
        let Some(name) = text.strip_prefix(b"TYPE:").or_else(|| text.strip_prefix(b"FEATURE:")) else {
            return;
        };
        let name = String::from_utf8_lossy(&name[..name.len().min(4 * NAME_MAX)]);
        let name: String = name.trim().chars().filter(|c| !c.is_control()).take(NAME_MAX).collect();
        let starts =
            |start: &&str| name.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
        self.beside = BESIDE.iter().any(starts);
        self.current = match self.names.iter().position(|known| *known == name) {
            Some(known) => known,
            None if self.names.len() < KINDS => {
                self.names.push(name);
                self.names.len() - 1
            }
            None => KINDS - 1,
        };
    }

    /// Which kind is printed now.
    pub(crate) fn current(&self) -> usize {
        self.current
    }

    /// Whether what is printed now belongs to no part.
    pub(crate) fn beside(&self) -> bool {
        self.beside
    }

    pub(crate) fn names(self) -> Vec<String> {
        self.names
    }
}
