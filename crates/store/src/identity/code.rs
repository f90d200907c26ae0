//! Codes that people type, as RFC 8628, section 6.1 recommends: 8 of 20 consonants, 34.5 bits.

use getrandom::rand_core::CryptoRng;
use sealpost_accounts::random::number;

const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LEN: usize = 8;

/// A fresh code, without the dash.
pub(super) fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> String {
    (0..LEN).map(|_| char::from(ALPHABET[number(20, rng) as usize])).collect()
}

/// The code as it is shown: `XXXX-XXXX`.
pub(super) fn display(code: &str) -> String {
    match code.split_at_checked(LEN / 2) {
        Some((front, back)) => format!("{front}-{back}"),
        None => code.to_owned(),
    }
}

/// What a person typed, in any case and with any dashes and spaces; `None` when it cannot be a code.
pub(super) fn normalise(typed: &str) -> Option<String> {
    if typed.len() > 64 {
        return None;
    }
    let separator = |c: char| c.is_whitespace() || "-_.–—".contains(c);
    let code: String = typed.chars().filter(|c| !separator(*c)).map(|c| c.to_ascii_uppercase()).collect();
    (code.len() == LEN && code.bytes().all(|byte| ALPHABET.contains(&byte))).then_some(code)
}

#[cfg(test)]
mod tests {
    use sealpost_accounts::random::system_rng;

    use super::*;

    #[test]
    fn a_code_survives_how_people_type_it() {
        let code = generate(&mut system_rng());
        assert_eq!(normalise(&display(&code)).as_deref(), Some(code.as_str()));
        assert_eq!(normalise("wdjb-mjht").as_deref(), Some("WDJBMJHT"));
        assert_eq!(normalise(" wd jb – mj_ht ").as_deref(), Some("WDJBMJHT"));
        for wrong in ["", "WDJB-MJH", "WDJB-MJHTT", "WDJB-MJHA", "WDJB-MJH1", &"B".repeat(1000)] {
            assert_eq!(normalise(wrong), None, "{wrong}");
        }
    }
}
