//! Whether a claimed job may be opened at all.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sealpost_api::{Problem, printer::ClaimedJob};
use sealpost_envelope::{ErrorCode, Expected, JobManifest, ManifestError};

use super::{Core, Now, poll::is_safe_id};

impl Core {
    /// Checks everything that can be checked before the blob is there. `fresh` says that `nonce` was sent with a claim.
    pub(super) fn admit(
        &self,
        claimed: &ClaimedJob,
        nonce: &str,
        fresh: bool,
        now: Now,
    ) -> Result<JobManifest, Problem> {
        let Some(pairing) = &self.document.pairing else {
            return Err(refused("not_paired", "This printer belongs to no store")
                .hint("Run `sealpost-printer pair`."));
        };
        if !is_safe_id(&claimed.print_job_id) {
            return Err(refused("bad_job_id", "The job's id cannot be used as a file name"));
        }
        let keys = self.key_set().ok_or_else(|| {
            refused("no_key_set", "The store's signing keys are not known yet")
                .hint("The agent fetches them by itself.")
        })?;
        if self.document.nonces.iter().any(|used| used == nonce) {
            return Err(refused("manifest_replayed", "This manifest was used before")
                .hint("Send the job anew; if this stays, do not trust the connection to the store."));
        }
        let expected =
            Expected { iss: &pairing.store, printer: &pairing.printer_id, job: &claimed.print_job_id, nonce };
        let verify = |now| JobManifest::verify(&claimed.job_manifest, &keys, expected, now);
        let manifest = match verify(self.wall(now)) {
            // It repeats the nonce of this very claim, so it was signed just now: this machine's clock is behind.
            Err(ManifestError::FromTheFuture { iat, .. }) if fresh => verify(iat),
            // The same where the clock is ahead; what the store signed before bounds how far back it may go.
            Err(expired @ ManifestError::Expired { .. }) if fresh => match peek(&claimed.job_manifest) {
                Some(Claims { iat, .. }) => verify(iat.max(self.floor(now))),
                None => Err(expired),
            },
            outcome => outcome,
        };
        let manifest = manifest.map_err(manifest_problem)?;
        manifest.check_package(&claimed.gcode_dek_package).map_err(manifest_problem)?;
        let iv = manifest.iv.map(hex::encode);
        if claimed.gcode_iv_hex.as_ref().is_some_and(|sent| Some(sent.to_ascii_lowercase()) != iv) {
            return Err(refused("manifest_iv_mismatch", "The IV is not the one the job manifest names"));
        }
        if claimed.cipher != manifest.cipher.as_str() {
            return Err(refused(
                "manifest_cipher_mismatch",
                "The cipher is not the one the job manifest names",
            ));
        }
        Ok(manifest)
    }
}

/// The nonce a manifest claims to have, not verified.
pub(super) fn peek_nonce(jws: &str) -> Option<String> {
    Some(peek(jws)?.nonce)
}

struct Claims {
    nonce: String,
    iat: u64,
}

fn peek(jws: &str) -> Option<Claims> {
    let payload = BASE64_URL_SAFE_NO_PAD.decode(jws.split('.').nth(1)?).ok()?;
    let manifest: JobManifest = serde_json::from_slice(&payload).ok()?;
    Some(Claims { nonce: manifest.nonce, iat: manifest.iat })
}

fn manifest_problem(error: ManifestError) -> Problem {
    refused(error.code(), "The job manifest was refused").detail(error.to_string()).hint(error.hint())
}

fn refused(code: &str, title: &str) -> Problem {
    Problem::new(422, code, title)
}
