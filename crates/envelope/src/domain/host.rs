//! The one spelling of a host, as browsers give it in `location.hostname`.

use std::net::{Ipv4Addr, Ipv6Addr};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use super::DomainError;

/// A domain as a lower-case A-label, an IPv4 address as four decimal numbers, an IPv6 address in brackets.
///
/// Names are mapped as browsers map them (WHATWG URL, UTS 46 non-transitional). Whatever names more than a host, or a
/// host in a way that only browsers repair, is refused: it would never match again.
pub fn normalise(domain: &str) -> Result<String, DomainError> {
    let unbracketed = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Ok(address) = unbracketed.unwrap_or(domain).parse::<Ipv6Addr>() {
        return Ok(bracketed(address));
    }
    if domain.contains("://") || domain.contains(['/', '@', '?', '#']) {
        return Err(DomainError::Url);
    }
    if domain.contains(':') {
        let bracket_stays_open = domain.starts_with('[') && !domain.contains("]:");
        return Err(if bracket_stays_open { DomainError::NotADomain } else { DomainError::Port });
    }
    let name = Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::URL, Hyphens::Allow, DnsLength::Ignore)
        .map_err(|_| DomainError::NotADomain)?;
    // After the mapping, which makes an asterisk of its wide form.
    if name.contains('*') {
        return Err(DomainError::Wildcard);
    }
    if name.ends_with('.') {
        return Err(DomainError::TrailingDot);
    }
    if !idna::uts46::verify_dns_length(&name, false) {
        return Err(DomainError::NotADomain);
    }
    if ends_in_a_number(&name) && name.parse::<Ipv4Addr>().is_err() {
        return Err(DomainError::Ipv4);
    }
    Ok(name.into_owned())
}

/// Browsers write embedded IPv4 addresses in hexadecimal too, the standard library does not.
fn bracketed(address: Ipv6Addr) -> String {
    match (address.to_ipv4_mapped(), address.segments()) {
        (Some(_), [.., high, low]) => format!("[::ffff:{high:x}:{low:x}]"),
        (None, _) => format!("[{address}]"),
    }
}

/// What browsers read as an IPv4 address, however odd: `127.1`, `0x7f.0.0.1`, `2130706433`.
fn ends_in_a_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let hexadecimal = last.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()));
    hexadecimal || last.bytes().all(|b| b.is_ascii_digit())
}
