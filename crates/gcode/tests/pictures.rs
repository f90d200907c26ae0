//! Pictures in comments: kept when they are whole, dropped when they are not, and never more than a little.

#![expect(clippy::expect_used, reason = "helpers of tests fail like tests")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sealpost_gcode::{Report, Scanner, ThumbnailFormat};

/// A PNG of one grey dot.
const DOT: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==";

fn scan(comments: &str) -> Report {
    let mut scanner = Scanner::new(None);
    scanner.update(comments.as_bytes());
    scanner.update(b"G28\n");
    let report = scanner.finish();
    assert_eq!(report.refusal, None);
    report
}

fn block(begin: &str, text: &str, end: &str) -> String {
    format!("; {begin} begin 1x1 {}\n; {text}\n; {end} end\n", text.len())
}

/// A PNG of `size` bytes by its first and last bytes.
fn large_png(size: usize) -> String {
    let mut png = STANDARD.decode(DOT).expect("base64");
    let end = png.split_off(png.len() - 12);
    png.resize(size - end.len(), 0);
    png.extend(end);
    STANDARD.encode(png)
}

#[test]
fn whole_pictures_are_kept_under_every_name() {
    let jpeg = STANDARD.encode([&b"\xff\xd8\xff\xe0"[..], &[0; 30], b"\xff\xd9"].concat());
    let qoi =
        STANDARD.encode([&b"qoif\0\0\0\x01\0\0\0\x01\x03\0"[..], &[0xc0], b"\0\0\0\0\0\0\0\x01"].concat());
    for (name, text, format) in [
        ("thumbnail", DOT, ThumbnailFormat::Png),
        ("thumbnail_PNG", DOT, ThumbnailFormat::Png),
        ("thumbnail_JPG", &jpeg, ThumbnailFormat::Jpeg),
        ("thumbnail_QOI", &qoi, ThumbnailFormat::Qoi),
    ] {
        let kept = scan(&block(name, text, name)).thumbnails;
        assert_eq!(kept.len(), 1, "{name}");
        assert_eq!((kept[0].format, kept[0].width, kept[0].height), (format, 1, 1));
        assert_eq!(STANDARD.encode(&kept[0].data), text);
    }
}

#[test]
fn broken_pictures_are_dropped_and_the_next_one_is_kept() {
    let whole = block("thumbnail", DOT, "thumbnail");
    for broken in [
        whole.replace("1x1 92", "1x1 88"),
        whole.replace("1x1 92", "1x1 96"),
        whole.replace("begin 1x1 92", "begin 0x1 92"),
        whole.replace("begin 1x1 92", "begin 1x99999 92"),
        whole.replace("begin 1x1 92", "begin 1x1 99999999999999999999999"),
        whole.replace("begin 1x1 92", &format!("begin 1x1 {}", usize::MAX)),
        whole.replace("iVBOR", "iVB-R"),
        whole.replace("iVBOR", "iVBOS"),
        whole.replace("; thumbnail end\n", ""),
        whole.replace("; thumbnail end\n", "G1 X1\n; thumbnail end\n"),
        block("thumbnail", &STANDARD.encode(b"<svg onload='x'/>"), "thumbnail"),
        block("thumbnail_BIQU", DOT, "thumbnail_BIQU"),
    ] {
        assert_ne!(broken, whole);
        assert_eq!(scan(&broken).thumbnails, [], "{broken}");
        assert_eq!(scan(&format!("{broken}{whole}")).thumbnails.len(), 1, "{broken}");
    }
}

#[test]
fn pictures_are_bounded_in_number_and_size() {
    assert_eq!(scan(&block("thumbnail", DOT, "thumbnail").repeat(20)).thumbnails.len(), 8);
    let large = large_png(300_000);
    let lines: String =
        large.as_bytes().chunks(78).map(|l| format!("; {}\n", String::from_utf8_lossy(l))).collect();
    let block = format!("; thumbnail begin 500x500 {}\n{lines}; thumbnail end\n", large.len());
    let kept = scan(&block.repeat(5)).thumbnails;
    assert_eq!(kept.len(), 2, "1 MiB of text holds two");
}
