//! The call that opens a PSEK, in the three forms it had. No sockets here.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use sealpost_api::Problem;
use sealpost_envelope::{SecretText, psek::Psek};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A form of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `/ops/decrypt-data {dataToDecrypt} -> {decryptedData}`: the one that was there longest.
    DataToDecrypt,
    /// `/ops/decrypt-data {encrypted_data} -> {decrypted_data}`.
    EncryptedData,
    /// `/api/1.0.0/decrypt-psek {encrypted_psek} -> {decrypted_psek}`.
    EncryptedPsek,
}

/// Why an answer holds no key.
#[derive(Debug)]
pub(crate) enum NoKey {
    /// This service does not know the form: its path, or the field in it.
    UnknownForm,
    /// Worth asking again later.
    Later(Problem),
    /// For good.
    Refused(Problem),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    #[serde(rename = "decryptedData")]
    data: Option<SecretText>,
    decrypted_data: Option<SecretText>,
    decrypted_psek: Option<SecretText>,
}

impl Form {
    /// In the order in which they are tried.
    pub(crate) const ALL: [Self; 3] = [Self::DataToDecrypt, Self::EncryptedData, Self::EncryptedPsek];

    /// Path below the service's address.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::DataToDecrypt | Self::EncryptedData => "ops/decrypt-data",
            Self::EncryptedPsek => "api/1.0.0/decrypt-psek",
        }
    }

    /// What is sent.
    pub(crate) fn body(self, sealed: &str) -> String {
        let field = match self {
            Self::DataToDecrypt => "dataToDecrypt",
            Self::EncryptedData => "encrypted_data",
            Self::EncryptedPsek => "encrypted_psek",
        };
        json!({field: sealed}).to_string()
    }

    /// What comes back. Only this form's own field is read.
    pub(crate) fn read(self, status: u16, body: &[u8]) -> Result<Psek, NoKey> {
        match status {
            200 | 201 => self.key(body).ok_or_else(|| NoKey::Refused(malformed())),
            400 | 404 | 405 | 422 => Err(NoKey::UnknownForm),
            401 => Err(NoKey::Refused(
                Problem::new(422, "cws_token_refused", "The CWS does not take this printer's token")
                    .hint("Is `cws_url` the service that keeps this printer's key, and is the printer still registered there?"),
            )),
            408 | 425 | 429 | 500..=599 => Err(NoKey::Later(
                Problem::new(503, "cws_unavailable", "The CWS cannot answer now")
                    .detail(format!("HTTP status {status}"))
                    .hint("Send the job again when the service is back."),
            )),
            _ => Err(NoKey::Refused(refused().detail(format!("HTTP status {status}")))),
        }
    }

    fn key(self, body: &[u8]) -> Option<Psek> {
        let said: Said = serde_json::from_slice(body).ok()?;
        let text = match self {
            Self::DataToDecrypt => said.data,
            Self::EncryptedData => said.decrypted_data,
            Self::EncryptedPsek => said.decrypted_psek,
        }?;
        // Room for what the decoder expects of 44 characters.
        let mut bytes = Zeroizing::new([0; 36]);
        let length = BASE64.decode_slice(text.expose(), bytes.as_mut_slice()).ok()?;
        bytes.first_chunk::<32>().filter(|_| length == 32).map(|key| Psek::from_bytes(*key))
    }
}

/// No form was understood, or the answer is a plain no.
pub(crate) fn refused() -> Problem {
    Problem::new(422, "cws_refused", "The CWS did not open this printer's key").hint(
        "Is `cws_url` the service that keeps this printer's key, and are the files in `keys` this printer's?",
    )
}

fn malformed() -> Problem {
    Problem::new(422, "cws_protocol", "The CWS answered something else than expected")
        .hint("Is `cws_url` the address of a custodial wallet service?")
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    #[test]
    fn each_form_reads_its_own_field_and_no_other() {
        let key = BASE64_STANDARD.encode([7; 32]);
        let fields = ["decryptedData", "decrypted_data", "decrypted_psek"];
        for (form, own) in Form::ALL.into_iter().zip(fields) {
            for field in fields {
                let body = json!({field: key, "more": [1]}).to_string();
                match form.read(200, body.as_bytes()) {
                    Ok(psek) => assert!(field == own && psek.expose() == &[7; 32]),
                    Err(NoKey::Refused(problem)) => assert!(field != own && problem.code == "cws_protocol"),
                    other => panic!("{form:?} {field}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn a_key_of_another_length_and_nonsense_are_refused() {
        for length in [0, 1, 16, 31, 33, 64, 100_000] {
            let body = json!({"decryptedData": BASE64_STANDARD.encode(vec![7; length])}).to_string();
            let meaning = Form::DataToDecrypt.read(200, body.as_bytes());
            assert!(
                matches!(meaning, Err(NoKey::Refused(problem)) if problem.code == "cws_protocol"),
                "{length}"
            );
        }
        for body in
            ["", "null", "[]", "{}", "{\"decryptedData\": 7}", "{\"decryptedData\": \"***\"}", "\u{0}"]
        {
            let meaning = Form::DataToDecrypt.read(200, body.as_bytes());
            assert!(
                matches!(meaning, Err(NoKey::Refused(problem)) if problem.code == "cws_protocol"),
                "{body}"
            );
        }
    }

    #[test]
    fn another_form_is_tried_only_where_this_one_is_not_known() {
        for status in 100..=599 {
            let unknown = matches!(Form::DataToDecrypt.read(status, b"{}"), Err(NoKey::UnknownForm));
            assert_eq!(unknown, [400, 404, 405, 422].contains(&status), "{status}");
            let later = matches!(Form::DataToDecrypt.read(status, b"{}"), Err(NoKey::Later(_)));
            assert_eq!(later, status >= 500 || [408, 425, 429].contains(&status), "{status}");
        }
    }

    #[test]
    fn no_error_shows_the_key() {
        let key = BASE64_STANDARD.encode([0xab; 33]);
        let body = json!({"decryptedData": key}).to_string();
        let shown = format!("{:?}", Form::DataToDecrypt.read(200, body.as_bytes()));
        assert!(!shown.contains(&key[..8]), "{shown}");
    }
}
