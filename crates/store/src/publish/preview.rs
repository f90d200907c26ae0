//! What people see of a file without having it.

use sealpost_api::catalogue::Preview;
use sealpost_gcode::{Report, ThumbnailFormat};

use crate::fault::Result;
use crate::random;
use crate::schema::thumbnail;
use crate::schema::value::stored;

pub(crate) fn of(release: &str, report: &Report) -> Preview {
    let summary = &report.summary;
    let shown = report.thumbnails.iter().any(|picture| media_type(picture.format).is_some());
    Preview {
        slicer: summary.slicer.clone(),
        layers: summary.layers,
        estimated_time_s: summary.estimated_time_s,
        filament_mm_x100: summary.filament_used_mm.and_then(hundredths),
        filament_type: summary.filament_type.clone(),
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

fn media_type(format: ThumbnailFormat) -> Option<&'static str> {
    match format {
        ThumbnailFormat::Png => Some("image/png"),
        ThumbnailFormat::Jpeg => Some("image/jpeg"),
        ThumbnailFormat::Qoi => None,
    }
}
