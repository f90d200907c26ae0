//! Addresses and names that people sign in by.

use http::StatusCode;

use crate::ApiError;

/// An address in lower case.
///
/// # Errors
/// When it has not the shape of one. Whether it exists only a message to it can show.
pub(crate) fn email(text: &str) -> Result<String, ApiError> {
    let text = text.trim().to_lowercase();
    let plausible = text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !domain.is_empty()
            && !domain.contains('@')
            && !domain.starts_with('.')
            && !domain.ends_with('.')
    });
    let clean = text.len() <= 254
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"\\,;".contains(c));
    if plausible && clean {
        Ok(text)
    } else {
        Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "bad_email",
            "The address is not an e-mail address",
        )
        .hint("Give one like `name@example.org`."))
    }
}

/// A name as others see it.
///
/// # Errors
/// When it has characters or a length that names do not have. `@` is not allowed, so no name looks like an address.
pub(crate) fn username(text: &str) -> Result<String, ApiError> {
    let text = text.trim();
    let allowed = |c: char| c.is_alphanumeric() || "._-+".contains(c);
    if (2..=64).contains(&text.chars().count()) && text.chars().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_username", "The name is not accepted")
            .hint("Use 2 to 64 letters, digits, dots, dashes, pluses and underscores."))
    }
}

/// A name made from the part of an address before the `@`; `attempt` above 0 adds a number.
pub(crate) fn username_from(email: &str, attempt: u32) -> String {
    let local = email.split('@').next().unwrap_or_default();
    let mut name: String =
        local.chars().filter(|c| c.is_alphanumeric() || "._-+".contains(*c)).take(48).collect();
    if name.chars().count() < 2 {
        name.push_str("person");
    }
    if attempt > 0 {
        name.push_str(&format!("-{attempt}"));
    }
    name
}

/// How names are compared.
pub(crate) fn username_key(username: &str) -> String {
    username.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_folded_and_shapes_checked() {
        assert_eq!(email(" Ann@Example.ORG ").unwrap(), "ann@example.org");
        for bad in [
            "",
            "ann",
            "@b",
            "a@",
            "a@b@c",
            "a b@c",
            "a@.b",
            "a\n@b",
            "<a@b>",
            &format!("{}@b", "a".repeat(254)),
        ] {
            assert_eq!(email(bad).unwrap_err().code(), "bad_email", "{bad:?}");
        }
    }

    #[test]
    fn no_name_looks_like_an_address() {
        assert!(username("Ann-Marie_3").is_ok());
        for bad in ["a", "a@b", "a b", "<b>", &"a".repeat(65)] {
            assert_eq!(username(bad).unwrap_err().code(), "bad_username", "{bad:?}");
        }
        for made in [username_from("x@y", 0), username_from("\"@y", 7), username_from("ann@y", 0)] {
            assert!(username(&made).is_ok(), "{made}");
        }
    }
}
