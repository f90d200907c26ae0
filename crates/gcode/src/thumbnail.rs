//! Pictures that slicers embed as base64 in comments.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How many pictures are kept.
const COUNT_MAX: usize = 8;
/// How much base64 text all of them may have together.
const TEXT_MAX: usize = 1 << 20;
/// How large a picture may be, pixels.
const SIDE_MAX: u32 = 4096;

/// A picture, checked by its first and last bytes only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail {
    /// How it is encoded.
    pub format: ThumbnailFormat,
    /// Pixels, as the comment says.
    pub width: u32,
    /// Pixels, as the comment says.
    pub height: u32,
    /// The encoded picture.
    pub data: Vec<u8>,
}

/// How a picture is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThumbnailFormat {
    /// Portable Network Graphics.
    Png,
    /// JPEG.
    Jpeg,
    /// Quite OK Image.
    Qoi,
}

/// Collects pictures from comments.
#[derive(Default)]
pub(crate) struct Collector {
    done: Vec<Thumbnail>,
    text_total: usize,
    open: Option<Open>,
}

struct Open {
    format: ThumbnailFormat,
    width: u32,
    height: u32,
    declared: usize,
    text: Vec<u8>,
}

impl Collector {
    /// Takes a comment without its semicolon. True when it belonged to a picture.
    pub(crate) fn comment(&mut self, text: &[u8]) -> bool {
        if self.open.is_none() {
            return match text.first() {
                Some(b't') => self.begin(text),
                _ => false,
            };
        }
        if text.starts_with(b"thumbnail") {
            if text.ends_with(b" end") {
                self.end();
                return true;
            }
            self.open = None;
            return self.begin(text);
        }
        self.take(text)
    }

    /// A command inside a picture: the block was cut short.
    #[inline]
    pub(crate) fn interrupt(&mut self) {
        if self.open.is_some() {
            self.open = None;
        }
    }

    pub(crate) fn finish(self) -> Vec<Thumbnail> {
        self.done
    }

    fn begin(&mut self, text: &[u8]) -> bool {
        let Some(open) = parse_begin(text) else { return false };
        if self.done.len() < COUNT_MAX && self.text_total.saturating_add(open.declared) <= TEXT_MAX {
            self.open = Some(open);
        }
        true
    }

    fn take(&mut self, text: &[u8]) -> bool {
        let is_base64 = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
        let Some(open) = &mut self.open else { return false };
        if open.text.len() + text.len() > open.declared || !text.iter().all(is_base64) {
            self.open = None;
            return false;
        }
        open.text.extend_from_slice(text);
        true
    }

    fn end(&mut self) {
        let Some(open) = self.open.take() else { return };
        // Moonraker drops pictures whose length is not the one declared, and so do we.
        if open.text.len() != open.declared {
            return;
        }
        let Ok(data) = STANDARD.decode(&open.text) else { return };
        if open.format.fits(&data) {
            self.text_total += open.declared;
            self.done.push(Thumbnail { format: open.format, width: open.width, height: open.height, data });
        }
    }
}

/// `thumbnail begin 300x300 12345`, `thumbnail_QOI begin 32x32 480`.
fn parse_begin(text: &[u8]) -> Option<Open> {
    let text = std::str::from_utf8(text).ok()?;
    let (kind, rest) = text.split_once(" begin ")?;
    let format = match kind {
        "thumbnail" | "thumbnail_PNG" => ThumbnailFormat::Png,
        "thumbnail_JPG" => ThumbnailFormat::Jpeg,
        "thumbnail_QOI" => ThumbnailFormat::Qoi,
        _ => return None,
    };
    let (size, declared) = rest.trim().split_once(' ')?;
    let (width, height) = size.split_once(['x', 'X'])?;
    let side = |text: &str| text.trim().parse().ok().filter(|side| (1..=SIDE_MAX).contains(side));
    let declared: usize = declared.trim().parse().ok()?;
    Some(Open { format, width: side(width)?, height: side(height)?, declared, text: Vec::new() })
}

impl ThumbnailFormat {
    /// The word before `begin` in a comment.
    pub(crate) fn keyword(self) -> &'static str {
        match self {
            Self::Png => "thumbnail",
            Self::Jpeg => "thumbnail_JPG",
            Self::Qoi => "thumbnail_QOI",
        }
    }

    /// The media type to serve it with.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Qoi => "image/qoi",
        }
    }

    fn fits(self, data: &[u8]) -> bool {
        let side = |at: usize| {
            let bytes = data.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes);
            bytes.is_some_and(|side| (1..=SIDE_MAX).contains(&side))
        };
        match self {
            Self::Png => {
                data.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
                    && data.ends_with(b"\0\0\0\0IEND\xaeB`\x82")
                    && side(16)
                    && side(20)
            }
            Self::Jpeg => data.starts_with(b"\xff\xd8\xff") && data.ends_with(b"\xff\xd9"),
            Self::Qoi => {
                data.starts_with(b"qoif") && data.ends_with(b"\0\0\0\0\0\0\0\x01") && side(4) && side(8)
            }
        }
    }
}
