//! The parts of the upload.

use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError, MultipartRejection};
use bytes::{Bytes, BytesMut};
use futures::Stream;
use http::StatusCode;
use sealpost_api::Problem;
use sealpost_api::catalogue::NewRelease;

use crate::fault::{Fault, Result};

/// Largest first part.
const DESCRIPTION_MAX: usize = 64 << 10;
/// What is read of a file after it was refused, so that the answer reaches clients that send first and read later.
const DRAINED: usize = 64 << 20;

/// The part `release`.
pub(crate) async fn description(form: &mut Multipart) -> Result<NewRelease> {
    let mut field = expect(form, "release").await?;
    let mut text = BytesMut::new();
    while let Some(piece) = field.chunk().await.map_err(broken)? {
        if text.len() + piece.len() > DESCRIPTION_MAX {
            return Err(Problem::new(413, "body_too_large", "The part `release` is too large")
                .detail("It has at most 64 KiB, a plugin's manifest included.")
                .hint("Send the file as the second part, `file`.")
                .into());
        }
        text.extend_from_slice(&piece);
    }
    serde_json::from_slice(&text).map_err(|error| {
        Problem::new(422, "bad_request", "The part `release` does not have the expected fields")
            .detail(error.to_string())
            .hint("Its fields are named at /api/docs.")
            .into()
    })
}

/// The part `file`, as a stream.
pub(crate) async fn file(form: &mut Multipart) -> Result<Field<'_>> {
    expect(form, "file").await
}

/// Forgets the part `file` of a form whose first part was refused.
pub(crate) async fn skip_file(form: &mut Multipart) {
    if let Ok(file) = file(form).await {
        drain(file).await;
    }
}

/// Reads on for a while and forgets what it reads.
pub(crate) async fn drain(mut file: impl Stream<Item = Result<Bytes, MultipartError>> + Unpin) {
    use futures::StreamExt;
    let mut left = DRAINED;
    while let Some(Ok(piece)) = file.next().await {
        let Some(rest) = left.checked_sub(piece.len()) else { return };
        left = rest;
    }
}

pub(crate) fn rejected(rejection: MultipartRejection) -> Fault {
    Problem::new(415, "not_multipart", "The body is not a form with a file")
        .detail(rejection.body_text())
        .hint("Send `multipart/form-data`: the part `release` (JSON), then the part `file`.")
        .into()
}

pub(crate) fn broken(error: MultipartError) -> Fault {
    let status = error.status();
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(413, "file_too_large", "The file is too large")
            .hint("Ask the store's operator to raise `max_upload_bytes`.")
            .into();
    }
    Problem::new(400, "upload_broken", "The upload stopped before its end")
        .detail("Nothing of it was kept.")
        .hint("Send it again.")
        .into()
}

async fn expect<'a>(form: &'a mut Multipart, name: &str) -> Result<Field<'a>> {
    let field = form.next_field().await.map_err(broken)?;
    field.filter(|field| field.name() == Some(name)).ok_or_else(|| {
        Problem::new(422, "bad_form", "The form has not the expected parts")
            .detail(format!("The part `{name}` is missing or not in its place."))
            .hint("Send the part `release` (JSON) first, then the part `file`.")
            .into()
    })
}
