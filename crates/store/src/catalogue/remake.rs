//! Pictures from strangers, painted anew: what goes out was made here, pixel by pixel. Nothing of the file itself comes along, be it
//! metadata, a second document or a script.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, Rgb, RgbImage};
use sealpost_api::Problem;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::fault::{Fault, Result};

/// Largest upload.
pub(crate) const UPLOAD_MAX: usize = 12 << 20;
/// Longest side and most pixels of a picture that is read.
const SIDE_MAX: u32 = 16_384;
const PIXELS_MAX: u64 = 50_000_000;
/// Bytes that reading one may take.
const MEMORY_MAX: u64 = 256 << 20;
/// Smallest side that shows anything.
const SIDE_MIN: u32 = 16;
/// Longest side of what is made.
const LARGE: u32 = 1600;
const SMALL: u32 = 480;
const THUMBNAIL: u32 = 800;
const QUALITY: u8 = 86;

/// One at a time: each takes a core and much memory.
static READING: Semaphore = Semaphore::const_new(1);

/// A picture as it is sent.
#[derive(Debug)]
pub(crate) struct Painted {
    pub(crate) bytes: Vec<u8>,
    pub(crate) sha256: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// A seller's picture in two sizes, JPEG both.
#[derive(Debug)]
pub(crate) struct Sizes {
    pub(crate) large: Painted,
    pub(crate) small: Painted,
}

/// Reads a PNG, JPEG or WebP and paints it anew.
pub(crate) async fn sizes(file: bytes::Bytes) -> Result<Sizes> {
    apart(move || {
        let large = fitted(opaque(read(&file)?), LARGE);
        let small = fitted(large.clone(), SMALL);
        Ok(Sizes { large: jpeg(&large)?, small: jpeg(&small)? })
    })
    .await
}

/// A slicer's picture: a PNG, which may be transparent.
pub(crate) async fn thumbnail(file: Vec<u8>) -> Result<Painted> {
    apart(move || {
        let image = fitted(read(&file)?, THUMBNAIL);
        let mut bytes = Vec::new();
        image.to_rgba8().write_with_encoder(PngEncoder::new(&mut bytes)).map_err(Fault::internal)?;
        Ok(Painted::new(bytes, image.width(), image.height()))
    })
    .await
}

async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let _one = READING.acquire().await.map_err(Fault::internal)?;
    tokio::task::spawn_blocking(work).await.map_err(Fault::internal)?
}

/// What a file is, its first bytes say and nothing else; its size is known before a pixel is read.
fn read(file: &[u8]) -> Result<DynamicImage> {
    let format = image::guess_format(file).map_err(|_| unknown())?;
    if !matches!(format, ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP) {
        return Err(unknown());
    }
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(SIDE_MAX), Some(SIDE_MAX));
    limits.max_alloc = Some(MEMORY_MAX);
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(refused)?;
    let (width, height) = decoder.dimensions();
    if width.min(height) < SIDE_MIN {
        return Err(too_small(width, height));
    }
    if u64::from(width) * u64::from(height) > PIXELS_MAX {
        return Err(too_many_pixels());
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(refused)?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// On white, where it lets something through.
fn opaque(image: DynamicImage) -> DynamicImage {
    if !image.color().has_alpha() {
        return image;
    }
    let rgba = image.to_rgba8();
    let mut plain = RgbImage::new(rgba.width(), rgba.height());
    for (to, from) in plain.pixels_mut().zip(rgba.pixels()) {
        let [red, green, blue, alpha] = from.0.map(u16::from);
        let over =
            |colour: u16| u8::try_from((colour * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX);
        *to = Rgb([over(red), over(green), over(blue)]);
    }
    plain.into()
}

/// No side longer than `side`; never larger than it was, never without a pixel.
fn fitted(image: DynamicImage, side: u32) -> DynamicImage {
    if image.width().max(image.height()) <= side {
        return image;
    }
    // Halving by averages first is quick and loses nothing that the finer filter would keep.
    let rough = side.saturating_mul(2);
    let image = if image.width().max(image.height()) > rough { image.thumbnail(rough, rough) } else { image };
    image.resize(side, side, FilterType::CatmullRom)
}

fn jpeg(image: &DynamicImage) -> Result<Painted> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    image.to_rgb8().write_with_encoder(encoder).map_err(Fault::internal)?;
    Ok(Painted::new(bytes, image.width(), image.height()))
}

impl Painted {
    fn new(bytes: Vec<u8>, width: u32, height: u32) -> Self {
        let sha256 = hex::encode(Sha256::digest(&bytes));
        Self { bytes, sha256, width, height }
    }
}

fn refused(error: image::ImageError) -> Fault {
    match error {
        image::ImageError::Limits(_) => too_many_pixels(),
        _ => Problem::new(422, "picture_broken", "The picture cannot be read")
            .detail("It begins like a picture, and does not go on like one.")
            .hint("Open it in a picture program, save it anew as PNG or JPEG, and send that.")
            .into(),
    }
}

fn unknown() -> Fault {
    Problem::new(422, "picture_format", "This is no picture that the store takes")
        .detail("Pictures are PNG, JPEG or WebP files.")
        .hint("Save it as PNG or JPEG and send that.")
        .into()
}

fn too_many_pixels() -> Fault {
    Problem::new(422, "picture_too_large", "The picture has too many pixels")
        .detail(format!("It has at most {} million pixels, {SIDE_MAX} on a side.", PIXELS_MAX / 1_000_000))
        .hint("Make it smaller and send it again: the shop shows at most 1600 pixels on a side.")
        .into()
}

fn too_small(width: u32, height: u32) -> Fault {
    Problem::new(422, "picture_too_small", "The picture is too small")
        .detail(format!("It has {width} by {height} pixels; each side has at least {SIDE_MIN}."))
        .hint("Send a larger one: 1600 pixels on the longer side show well everywhere.")
        .into()
}
