//! Jobs as people see them.

use sealpost_api::job::Job;
use sealpost_database::clock::rfc3339;

use crate::fault::Result;
use crate::schema::job;
use crate::schema::value::{count, named};

pub(crate) fn to_api(row: &job::Model) -> Result<Job> {
    Ok(Job {
        id: row.id.clone(),
        state: named(&row.state)?,
        title: row.title.clone(),
        listing: row.listing.clone(),
        release: row.release.clone(),
        licence: row.licence.clone(),
        printer: row.printer.clone(),
        printer_name: row.printer_name.clone(),
        message: row.message.clone(),
        progress_permille: count(row.progress_permille),
        layer: row.layer.map(count),
        filament_used_mm_x100: row.filament_used_mm_x100.map(i64::unsigned_abs),
        print_duration_s: row.print_duration_s.map(i64::unsigned_abs),
        created_at: rfc3339(row.created_at),
        updated_at: rfc3339(row.updated_at),
    })
}
