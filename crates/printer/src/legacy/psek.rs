//! The sealed PSEK as older plugins kept it: `keys/kek_id`, or `keys/encrypted_psek.json` of those before.

use std::{fs::File, io::Read, path::Path};

use sealpost_api::Problem;
use sealpost_envelope::SecretText;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::problem::file as file_problem;

/// The text that a store once sent as `kek_id`, then the form of before.
const FILES: [&str; 2] = ["keys/kek_id", "keys/encrypted_psek.json"];
const LIMIT: u64 = 64 << 10;

/// Only its custodian opens it. Text, as it is sent.
#[derive(Clone, Debug)]
pub(crate) struct SealedPsek(SecretText);

impl SealedPsek {
    /// The one that lies in the agent's state folder. Nothing is ever written there.
    pub(crate) fn read(state: &Path) -> Result<Self, Problem> {
        for name in FILES {
            let path = state.join(name);
            let mut text = Zeroizing::new(String::new());
            match File::open(&path).and_then(|file| file.take(LIMIT + 1).read_to_string(&mut text)) {
                Ok(_) => return Self::of(name, &text).ok_or_else(|| damaged(&path)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) if error.kind() == std::io::ErrorKind::InvalidData => return Err(damaged(&path)),
                Err(error) => return Err(file_problem(&path, &error)),
            }
        }
        Err(Problem::new(422, "psek_missing", "This printer has no PSEK")
            .detail(format!("Neither {} nor {} is in {}.", FILES[0], FILES[1], state.display()))
            .hint("Copy the folder `keys` of the older plugin there, readable for the agent's user alone, or pair the printer again and send the job anew."))
    }

    /// As it is sent.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }

    fn of(name: &str, text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Kept {
            encrypted_psek: SecretText,
        }
        let text = if name.ends_with(".json") {
            serde_json::from_str::<Kept>(text).ok()?.encrypted_psek
        } else {
            SecretText::new(text.trim().to_owned())
        };
        let shown = text.expose();
        let usable =
            !shown.is_empty() && shown.len() as u64 <= LIMIT && !shown.contains(|c: char| c.is_control());
        usable.then_some(Self(text))
    }
}

fn damaged(path: &Path) -> Problem {
    Problem::new(422, "psek_damaged", "The sealed PSEK cannot be read")
        .detail(path.display().to_string())
        .hint("Restore the file from a copy. It is never replaced by itself.")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn both_forms_are_read_and_the_newer_one_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let read = || SealedPsek::read(folder.path()).map(|psek| psek.expose().to_owned());
        assert_eq!(read().unwrap_err().code, "psek_missing");
        fs::create_dir(folder.path().join("keys")).unwrap();
        fs::write(folder.path().join(FILES[1]), "{\"encrypted_psek\": \"older\", \"more\": 1}").unwrap();
        assert_eq!(read().unwrap(), "older");
        fs::write(folder.path().join(FILES[0]), "newer+/=\n").unwrap();
        assert_eq!(read().unwrap(), "newer+/=");
    }

    #[test]
    fn what_cannot_be_sent_is_refused_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("keys")).unwrap();
        for (name, content) in [
            (FILES[0], b"".as_slice()),
            (FILES[0], b"two\nlines"),
            (FILES[0], b"\xff\xfe"),
            (FILES[0], &[b'a'; 70_000]),
            (FILES[1], b"{}"),
            (FILES[1], b"[1"),
        ] {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            assert_eq!(
                SealedPsek::read(folder.path()).unwrap_err().code,
                "psek_damaged",
                "{name} {content:?}"
            );
            assert_eq!(fs::read(&path).unwrap(), content);
            fs::remove_file(&path).unwrap();
        }
    }
}
