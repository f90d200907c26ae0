//! Signatures of the Standard Webhooks specification 1.0.0 (standardwebhooks.com), for messages out and in.
//! Pure: time is a parameter.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sealpost_envelope::SecretText;
use sealpost_keyring as keyring;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::fault::{Fault, Result};
use crate::random;
use crate::state::AppState;

pub(crate) const ID: &str = "webhook-id";
pub(crate) const TIMESTAMP: &str = "webhook-timestamp";
pub(crate) const SIGNATURE: &str = "webhook-signature";

const PREFIX: &str = "whsec_";
/// Seconds that clocks may differ.
const TOLERANCE_S: i64 = 300;
/// Signatures of one message that are looked at.
const MOST: usize = 16;

/// What messages are signed with.
pub(crate) struct Secret(Zeroizing<Vec<u8>>);

/// Why a signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsigned {
    #[error("the time of the message is no number of seconds")]
    Time,
    #[error("the message is too old")]
    Old,
    #[error("the message comes from the future")]
    Early,
    #[error("no signature of the message is right")]
    Wrong,
}

impl Secret {
    pub(crate) fn generate() -> Result<Self> {
        Ok(Self(Zeroizing::new(random::bytes::<32>()?.to_vec())))
    }

    /// As its owner is shown it, once.
    pub(crate) fn text(&self) -> SecretText {
        SecretText::new(format!("{PREFIX}{}", STANDARD.encode(&*self.0)))
    }

    pub(crate) fn seal(&self, state: &AppState, whose: &str) -> Result<String> {
        let sealed = keyring::seal(state.keks.current(), &purpose(whose), &self.0, &mut random::rng())?;
        Ok(sealed.to_string())
    }

    pub(crate) fn open(state: &AppState, whose: &str, sealed: &str) -> Result<Self> {
        let sealed = sealed.parse().map_err(Fault::from)?;
        Ok(Self(keyring::open(&*state.keks, &purpose(whose), &sealed)?))
    }

    fn mac(&self, id: &str, timestamp: i64, body: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(id.as_bytes());
        mac.update(b".");
        mac.update(timestamp.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        Some(mac)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

/// The newest secret of two, and the one before while it counts.
pub(crate) fn secrets(
    state: &AppState,
    whose: &str,
    newest: &str,
    old: Option<(&str, i64)>,
) -> Result<Vec<Secret>> {
    let mut all = vec![Secret::open(state, whose, newest)?];
    if let Some((sealed, _)) = old.filter(|(_, until)| state.clock.now_ms() < *until) {
        // Where its key is gone meanwhile, the newest one is enough.
        all.extend(Secret::open(state, whose, sealed).ok());
    }
    Ok(all)
}

/// Value of the header [`SIGNATURE`]: a signature by each secret.
pub(crate) fn sign(secrets: &[Secret], id: &str, timestamp: i64, body: &[u8]) -> String {
    let each = secrets.iter().filter_map(|secret| secret.mac(id, timestamp, body));
    each.map(|mac| format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Checks a message at `now`, Unix seconds; signatures are compared in constant time.
///
/// # Errors
/// Why it does not count.
pub(crate) fn verify(
    secrets: &[Secret],
    (id, timestamp, signatures): (&str, &str, &str),
    body: &[u8],
    now: i64,
) -> Result<(), Unsigned> {
    let at: i64 = timestamp.parse().map_err(|_| Unsigned::Time)?;
    if at.to_string() != timestamp {
        return Err(Unsigned::Time);
    }
    match now.saturating_sub(at) {
        late if late > TOLERANCE_S => return Err(Unsigned::Old),
        late if late < -TOLERANCE_S => return Err(Unsigned::Early),
        _ => {}
    }
    for signature in signatures.split(' ').take(MOST) {
        let Some(given) = signature.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok()) else {
            continue;
        };
        for mac in secrets.iter().filter_map(|secret| secret.mac(id, at, body)) {
            if mac.verify_slice(&given).is_ok() {
                return Ok(());
            }
        }
    }
    Err(Unsigned::Wrong)
}

fn purpose(whose: &str) -> String {
    format!("webhook-secret:{whose}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of the specification's own libraries (`standard-webhooks/standard-webhooks`, libraries' tests).
    const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const MESSAGE: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn secret(text: &str) -> Secret {
        Secret(Zeroizing::new(STANDARD.decode(text).unwrap()))
    }

    fn check(signatures: &str, now: i64) -> Result<(), Unsigned> {
        verify(&[secret(SECRET)], (MESSAGE, &AT.to_string(), signatures), BODY, now)
    }

    #[test]
    fn the_signature_is_that_of_the_specification() {
        assert_eq!(sign(&[secret(SECRET)], MESSAGE, AT, BODY), SIGNED);
        assert_eq!(check(SIGNED, AT), Ok(()));
    }

    #[test]
    fn one_right_signature_of_several_is_enough() {
        let both = sign(&[secret("AAAA"), secret(SECRET)], MESSAGE, AT, BODY);
        assert_eq!(check(&both, AT), Ok(()));
        assert_eq!(check(&format!("v1a,AAAA v2,AAAA {SIGNED}"), AT), Ok(()));
    }

    #[test]
    fn what_was_changed_or_is_signed_by_others_does_not_count() {
        let wrong = Err(Unsigned::Wrong);
        assert_eq!(check(&SIGNED.replace("g0h", "g0i"), AT), wrong);
        assert_eq!(check(&SIGNED.replace("v1", "v2"), AT), wrong);
        assert_eq!(check("", AT), wrong);
        let other = sign(&[secret("AAAA")], MESSAGE, AT, BODY);
        assert_eq!(check(&other, AT), wrong);
        let one = [secret(SECRET)];
        assert_eq!(verify(&one, ("msg_2", &AT.to_string(), SIGNED), BODY, AT), wrong);
        assert_eq!(verify(&one, (MESSAGE, &(AT + 1).to_string(), SIGNED), BODY, AT), wrong);
        assert_eq!(verify(&one, (MESSAGE, &AT.to_string(), SIGNED), b"{}", AT), wrong);
    }

    #[test]
    fn old_and_early_messages_do_not_count() {
        assert_eq!(check(SIGNED, AT + TOLERANCE_S), Ok(()));
        assert_eq!(check(SIGNED, AT + TOLERANCE_S + 1), Err(Unsigned::Old));
        assert_eq!(check(SIGNED, AT - TOLERANCE_S - 1), Err(Unsigned::Early));
        let signed = (MESSAGE, "+1614265330", SIGNED);
        assert_eq!(verify(&[secret(SECRET)], signed, BODY, AT), Err(Unsigned::Time));
    }
}
