//! What people see of a file without having it.

use sealpost_api::catalogue::{Extent, Preview};
use sealpost_gcode::{Report, ThumbnailFormat};

use crate::fault::Result;
use crate::random;
use crate::schema::thumbnail;
use crate::schema::value::stored;

/// Beyond these a number is no measure of a print.
const MM_MAX: f64 = 100_000.0;
const FINE_MM_MAX: f64 = 100.0;
const CELSIUS_MAX: f64 = 2_000.0;

pub(crate) fn of(release: &str, report: &Report) -> Preview {
    let summary = &report.summary;
    let shown = report.thumbnails.iter().any(|picture| media_type(picture.format).is_some());
    Preview {
        slicer: summary.slicer.clone(),
        layers: summary.layers,
        estimated_time_s: summary.estimated_time_s,
        filament_mm_x100: summary.filament_used_mm.and_then(hundredths),
        filament_type: summary.filament_type.clone(),
        printer: summary.printer_model.clone().or_else(|| summary.printer_profile.clone()),
        bed_mm: summary
            .bed_mm
            .and_then(|[width, depth]| Some([whole(width, MM_MAX)?, whole(depth, MM_MAX)?])),
        nozzle_mm_x1000: summary.nozzle_diameter_mm.and_then(thousandths),
        layer_height_mm_x1000: summary.layer_height_mm.and_then(thousandths),
        nozzle_temp_c: summary.extruder_temp_c.and_then(|celsius| whole(celsius, CELSIUS_MAX)),
        bed_temp_c: summary.bed_temp_c.and_then(|celsius| whole(celsius, CELSIUS_MAX)),
        extent: summary.extent_mm.and_then(extent),
        thumbnail_url: shown.then(|| format!("/api/v1/releases/{release}/thumbnail")),
    }
}

/// The pictures that browsers show.
pub(crate) fn pictures(release: &str, report: &Report) -> Result<Vec<thumbnail::Model>> {
    let mut rows = Vec::new();
    for picture in &report.thumbnails {
        let Some(media_type) = media_type(picture.format) else { continue };
        rows.push(thumbnail::Model {
            id: format!("t_{}", hex::encode(random::bytes::<12>()?)),
            release: release.to_owned(),
            width: stored(picture.width),
            height: stored(picture.height),
            media_type: media_type.to_owned(),
            picture: picture.data.clone(),
            remade: false,
        });
    }
    Ok(rows)
}

/// Hundredths of a millimetre, for numbers that make sense.
pub(crate) fn hundredths(millimetres: f64) -> Option<u64> {
    let hundredths = (millimetres * 100.0).round();
    (0.0..1e15).contains(&hundredths).then_some(hundredths as u64)
}

/// Of nozzles and layers.
fn thousandths(millimetres: f64) -> Option<u32> {
    whole(millimetres * 1_000.0, FINE_MM_MAX * 1_000.0)
}

/// A number above nothing, rounded.
fn whole(number: f64, most: f64) -> Option<u32> {
    let rounded = number.round();
    (1.0..=most).contains(&rounded).then_some(rounded as u32)
}

fn extent(of: sealpost_gcode::Extent) -> Option<Extent> {
    let hundredths = |places: [f64; 3]| {
        let known = places.iter().all(|place| place.abs() <= MM_MAX);
        known.then(|| places.map(|place| (place * 100.0).round() as i32))
    };
    Some(Extent { min_mm_x100: hundredths(of.min)?, max_mm_x100: hundredths(of.max)? })
}

fn media_type(format: ThumbnailFormat) -> Option<&'static str> {
    match format {
        ThumbnailFormat::Png => Some("image/png"),
        ThumbnailFormat::Jpeg => Some("image/jpeg"),
        ThumbnailFormat::Qoi => None,
    }
}
