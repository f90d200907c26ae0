//! Files that are not G-code, told by how they begin.

use std::fmt;

use memchr::memmem;

/// How many bytes of the head are looked at.
pub(crate) const HEAD: usize = 512;

/// What a file is instead of G-code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names say it")]
pub enum Format {
    Jpeg,
    Png,
    Gzip,
    Zip,
    ThreeMf,
    Ufp,
    BinaryGcode,
    Stl,
    Elf,
    Pdf,
    Html,
    Utf16,
    Age,
}

/// What `head`, the first [`HEAD`] bytes or the whole of a shorter file, belongs to.
pub(crate) fn sniff(head: &[u8]) -> Option<Format> {
    let starts = |magic: &[u8]| head.starts_with(magic);
    let holds = |text: &str| memmem::find(head, text.as_bytes()).is_some();
    let text = head.trim_ascii_start();
    if starts(b"\xff\xd8\xff") {
        Some(Format::Jpeg)
    } else if starts(b"\x89PNG\r\n\x1a\n") {
        Some(Format::Png)
    } else if starts(b"\x1f\x8b") {
        Some(Format::Gzip)
    } else if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") {
        Some(if holds("3D/model.gcode") {
            Format::Ufp
        } else if holds("[Content_Types].xml") || holds("3D/3dmodel.model") {
            Format::ThreeMf
        } else {
            Format::Zip
        })
    } else if starts(b"GCDE") {
        Some(Format::BinaryGcode)
    } else if starts(b"\x7fELF") {
        Some(Format::Elf)
    } else if starts(b"%PDF-") {
        Some(Format::Pdf)
    } else if starts(b"\xff\xfe") || starts(b"\xfe\xff") {
        Some(Format::Utf16)
    } else if starts(b"age-encryption.org/") || starts(b"-----BEGIN AGE ENCRYPTED FILE-----") {
        Some(Format::Age)
    } else if starts_ignoring_case(text, b"<!doctype html") || starts_ignoring_case(text, b"<html") {
        Some(Format::Html)
    } else if (starts_ignoring_case(text, b"solid") && holds("facet")) || is_binary_stl(head) {
        Some(Format::Stl)
    } else {
        None
    }
}

fn starts_ignoring_case(text: &[u8], magic: &[u8]) -> bool {
    text.get(..magic.len()).is_some_and(|start| start.eq_ignore_ascii_case(magic))
}

/// An 80-byte title, a count, then triangles of 50 bytes: a unit normal, three corners, two spare bytes.
fn is_binary_stl(head: &[u8]) -> bool {
    let Some((_, rest)) = head.split_at_checked(80) else { return false };
    let Some((count, triangles)) = rest.split_first_chunk::<4>() else { return false };
    // Letters and digits read as small numbers too; a text has no zero bytes.
    let is_text = !triangles.contains(&0);
    let mut triangles = triangles.chunks_exact(50).peekable();
    u32::from_le_bytes(*count) > 0
        && !is_text
        && triangles.peek().is_some()
        && triangles.all(|triangle| {
            let mut squares = 0.0;
            for (i, bytes) in triangle.as_chunks::<4>().0.iter().enumerate() {
                let value = f32::from_le_bytes(*bytes);
                if !value.is_finite() || value.abs() > 1e6 {
                    return false;
                }
                if i < 3 {
                    squares += value * value;
                }
            }
            squares < 1e-6 || (squares - 1.0).abs() < 0.02
        })
}

impl Format {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Jpeg => "gcode_is_jpeg",
            Self::Png => "gcode_is_png",
            Self::Gzip => "gcode_is_gzip",
            Self::Zip => "gcode_is_zip",
            Self::ThreeMf => "gcode_is_3mf",
            Self::Ufp => "gcode_is_ufp",
            Self::BinaryGcode => "gcode_is_bgcode",
            Self::Stl => "gcode_is_stl",
            Self::Elf => "gcode_is_elf",
            Self::Pdf => "gcode_is_pdf",
            Self::Html => "gcode_is_html",
            Self::Utf16 => "gcode_is_utf16",
            Self::Age => "gcode_is_encrypted",
        }
    }

    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::Jpeg | Self::Png | Self::Elf | Self::Pdf => {
                "Choose the .gcode file that the slicer exported."
            }
            Self::Gzip | Self::Zip => "Unpack it and choose the .gcode file inside.",
            Self::ThreeMf | Self::Stl => {
                "This is a model. Slice it for the printer and choose the .gcode file."
            }
            Self::Ufp => "Let the slicer save it as plain G-code instead of a UFP package.",
            Self::BinaryGcode => {
                "Turn off binary G-code in the slicer's printer settings and export again, or convert it to .gcode."
            }
            Self::Html => {
                "This is a web page, often an error page saved by a browser. Download the file again."
            }
            Self::Utf16 => "Save the file as UTF-8 or plain ASCII text.",
            Self::Age => {
                "This file is sealed already. Choose the plain .gcode file, or publish it as a sealed blob."
            }
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jpeg => "a JPEG picture",
            Self::Png => "a PNG picture",
            Self::Gzip => "a gzip archive",
            Self::Zip => "a ZIP archive",
            Self::ThreeMf => "a 3MF file",
            Self::Ufp => "a UFP package",
            Self::BinaryGcode => "binary G-code (.bgcode)",
            Self::Stl => "an STL model",
            Self::Elf => "a program",
            Self::Pdf => "a PDF document",
            Self::Html => "a web page",
            Self::Utf16 => "text in UTF-16",
            Self::Age => "an encrypted file",
        })
    }
}
