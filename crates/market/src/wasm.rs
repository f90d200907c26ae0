//! Telling a WebAssembly module by its first bytes (WebAssembly core specification, 5.5.16).

/// Bytes that tell: the magic and the version.
const LEN: usize = 8;
const MAGIC: &[u8; 4] = b"\0asm";
const MODULE: [u8; 4] = [1, 0, 0, 0];
/// The component model puts its layer behind a version of its own.
const COMPONENT_LAYER: [u8; 2] = [1, 0];

/// The first bytes of a file, as its pieces come in.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileStart {
    bytes: [u8; LEN],
    len: usize,
}

/// Why a file is no plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotWasm {
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Letters and numbers: G-code, source text, base64.
    #[error("the file is a text and no WebAssembly module")]
    Text,
    /// A component, which is made of modules.
    #[error("the file is a WebAssembly component and no module")]
    Component,
    /// A module of another version than 1.
    #[error("the file is a WebAssembly module of another version than 1")]
    Version,
    /// Anything else, or less than the first 8 bytes of a module.
    #[error("the file is no WebAssembly module")]
    Other,
}

impl FileStart {
    /// Takes the next piece of the file.
    pub fn see(&mut self, piece: &[u8]) {
        let taken = piece.len().min(LEN - self.len);
        self.bytes[self.len..self.len + taken].copy_from_slice(&piece[..taken]);
        self.len += taken;
    }

    /// Whether enough was seen to tell.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.len == LEN
    }

    /// Whether the file says of itself that it is WebAssembly of some kind.
    #[must_use]
    pub fn is_wasm(&self) -> bool {
        self.seen().starts_with(MAGIC)
    }

    /// Whether the file is a module that plugins are made of, once [`FileStart::is_known`] or at the file's end.
    ///
    /// # Errors
    /// What it is instead, as far as that can be told.
    pub fn check(&self) -> Result<(), NotWasm> {
        let seen = self.seen();
        let text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
        match seen.strip_prefix(MAGIC) {
            Some(version) if version == MODULE => Ok(()),
            Some(version) if version.ends_with(&COMPONENT_LAYER) => Err(NotWasm::Component),
            Some(version) if version.len() == MODULE.len() => Err(NotWasm::Version),
            _ if seen.is_empty() => Err(NotWasm::Empty),
            None if seen.iter().all(text) => Err(NotWasm::Text),
            _ => Err(NotWasm::Other),
        }
    }

    fn seen(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl NotWasm {
    /// A stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Component => "wasm_component",
            Self::Version => "wasm_version",
            Self::Empty | Self::Text | Self::Other => "not_wasm",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::Text => {
                "Compile the plugin to a .wasm file; G-code belongs into a listing of kind `gcode`, source text (.wat) to a compiler."
            }
            Self::Component => "Build it as a core module, such as for the target wasm32-unknown-unknown.",
            Self::Version => "Build it with a compiler that writes version 1 of the binary format.",
            Self::Empty | Self::Other => {
                "Give the .wasm file that your compiler wrote, not packed and not sealed."
            }
        }
    }
}
