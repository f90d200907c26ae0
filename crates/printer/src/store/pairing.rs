//! Pairing as the printer sees it: start, wait for a person, take the grant.

use sealpost_api::{
    Problem,
    pairing::{PairStart, PairStarted, PrinterDescription},
};
use sealpost_envelope::{
    PrinterSecret, keyset,
    pairing::{Grant, short_code},
};
use url::Url;

use super::{Store, message, origin};
use crate::{core::Pairing, problem::coded, settings::store_url, state::StoredToken};

/// A pairing under way.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    store: Store,
    /// The store's answer.
    pub(crate) started: PairStarted,
    /// Six digits that the store shows too.
    pub(crate) short_code: String,
    /// What the store said last: `pending`, `approved`, ...
    pub(crate) status: String,
    printer_name: String,
}

impl Session {
    /// Asks for a code.
    pub(crate) async fn start(
        store: Store,
        secret: &PrinterSecret,
        printer: PrinterDescription,
    ) -> Result<Self, Problem> {
        let public = secret.public();
        let printer_name = printer.name.clone().unwrap_or_default();
        let request = PairStart {
            public_key: public.to_string(),
            key_type: "x25519".to_owned(),
            key_id: Some(public.key_id()),
            printer,
        };
        let started = store.pair_start(&request).await?;
        let root = keyset::public_key_from_hex(&started.store_root_key)
            .map_err(|error| coded(502, "The store's root key cannot be used", &error))?;
        let short_code = short_code(&public, &root, &started.session_id);
        Ok(Self { store, started, short_code, status: "pending".to_owned(), printer_name })
    }

    /// Asks whether somebody approved. Gives the status and the seconds to wait before asking again.
    pub(crate) async fn ask(&mut self) -> Result<(String, u64), Problem> {
        let answer = self.store.pair_status(&self.started.session_id).await?;
        self.status = answer.status.clone();
        Ok((answer.status, answer.interval.clamp(1, 60)))
    }

    /// Takes the grant of an approved session.
    pub(crate) async fn complete(
        &mut self,
        secret: &PrinterSecret,
        allow_http: bool,
        now: u64,
    ) -> Result<(Pairing, StoredToken), Problem> {
        let sealed = self.store.pair_complete(&self.started.session_id).await?;
        let grant = Grant::open(&message(&sealed), secret, &self.started.origin, &self.started.session_id)
            .map_err(|error| coded(502, "The store's grant was refused", &error))?;
        let root_key = hex::encode(grant.store_root_key.as_bytes());
        if root_key != self.started.store_root_key {
            return Err(Problem::new(
                502,
                "root_key_changed",
                "The store changed its root key while pairing",
            )
            .hint("Start again, and compare the short code on both sides."));
        }
        let store = own_origin(&grant.origin, allow_http)?;
        self.status = "completed".to_owned();
        let pairing = Pairing {
            store,
            printer_id: grant.printer_id,
            printer_name: self.printer_name.clone(),
            root_key,
            key_set: None,
            key_set_version: 0,
        };
        Ok((pairing, StoredToken { token: grant.token, issued: now, expires: grant.expires_at }))
    }
}

/// The address a store gives itself follows the same rules as one that a person typed.
pub(crate) fn own_origin(text: &str, allow_http: bool) -> Result<String, Problem> {
    let refused = |detail: String| {
        Problem::new(502, "store_origin_refused", "The store names an address that cannot be used")
            .detail(detail)
            .hint("Set the store's `public_url`, or `allow_http` for a store on the local network.")
    };
    let url: Url = store_url(text, allow_http).map_err(|error| refused(error.to_string()))?;
    if origin(&url) != text.trim_end_matches('/') {
        return Err(refused(text.to_owned()));
    }
    Ok(text.trim_end_matches('/').to_owned())
}
