//! Names that people give to passkeys and wallets.

use http::StatusCode;

use crate::ApiError;

const MOST: usize = 60;

/// A name in a line; the usual one where there is none.
///
/// # Errors
/// 422 `bad_name`.
pub(crate) fn of_a_way(name: Option<&str>, usual: &str) -> Result<String, ApiError> {
    let name = name.map(str::trim).filter(|name| !name.is_empty()).unwrap_or(usual);
    if name.chars().count() > MOST || name.chars().any(char::is_control) {
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_name", "The name is not accepted")
            .hint("Use at most 60 characters in one line."));
    }
    Ok(name.to_owned())
}
