//! Asking the CWS for the printer's key. The printer's token goes to a service that the agent's own settings name, or that is the
//! paired store itself, and nowhere else: whoever has it may claim jobs and report about them.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use reqwest::{
    Method,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use sealpost_api::Problem;
use sealpost_envelope::{SecretText, psek::Psek};
use sealpost_outgoing::{Answer, Error, Outgoing, Settings};
use url::Url;
use zeroize::Zeroize;

use super::{
    call::{Form, NoKey, refused},
    psek::SealedPsek,
};
use crate::{
    locked::Locked,
    settings::{is_local_network, is_loopback},
};

const TIMEOUT: Duration = Duration::from_secs(20);
const ANSWER_LIMIT: usize = 64 << 10;
/// Pauses before it is asked again for somebody who waits: a restart of the service is not noticed.
const PAUSES: [Duration; 6] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(40),
];

/// A custodial wallet service.
#[derive(Debug)]
pub(crate) struct Custody {
    outgoing: Outgoing,
    base: Url,
    pauses: &'static [Duration],
}

impl Custody {
    /// The one at an address that follows the rules for stores' addresses.
    pub(crate) fn new(base: Url) -> Result<Self, Problem> {
        let mut allow = Vec::new();
        if is_loopback(&base) {
            allow.extend([net(Ipv4Addr::LOCALHOST, 8), net(Ipv6Addr::LOCALHOST, 128)]);
        } else if is_local_network(&base) {
            allow.extend([
                net(Ipv4Addr::new(10, 0, 0, 0), 8),
                net(Ipv4Addr::new(172, 16, 0, 0), 12),
                net(Ipv4Addr::new(192, 168, 0, 0), 16),
                net(Ipv4Addr::new(169, 254, 0, 0), 16),
                net(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
                net(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
            ]);
        }
        let settings = Settings {
            allow: allow.into_iter().flatten().collect(),
            allow_http: base.scheme() == "http",
            timeout: TIMEOUT,
            max_answer: ANSWER_LIMIT,
        };
        let outgoing = Outgoing::new(settings).map_err(|error| unreachable(&error))?;
        Ok(Self { outgoing, base, pauses: &PAUSES })
    }

    /// Has the printer's key opened, asking again for a while.
    pub(crate) async fn psek(
        &self,
        token: &SecretText,
        sealed: &SealedPsek,
    ) -> Result<Locked<Psek>, Problem> {
        let mut pauses = self.pauses.iter();
        loop {
            match self.ask(token, sealed).await {
                Ok(psek) => return Ok(psek),
                Err(problem) if problem.status != 503 => return Err(problem),
                Err(problem) => {
                    let Some(pause) = pauses.next() else { return Err(problem) };
                    tracing::info!(code = problem.code, "the CWS is asked again: {problem}");
                    tokio::time::sleep(*pause).await;
                }
            }
        }
    }

    /// The same, asked once.
    pub(crate) async fn ask(&self, token: &SecretText, sealed: &SealedPsek) -> Result<Locked<Psek>, Problem> {
        for form in Form::ALL {
            let answer = self.send(form, token, sealed).await?;
            let status = answer.status.as_u16();
            let opened = Locked::make(|| form.read(status, &answer.body));
            erase(answer);
            match opened {
                Ok(psek) => return Ok(psek),
                Err(NoKey::UnknownForm) => tracing::debug!(?form, status, "the CWS does not take this form"),
                Err(NoKey::Later(problem) | NoKey::Refused(problem)) => return Err(problem),
            }
        }
        Err(refused().detail(
            "It knows none of the calls that open a printer's key, or this key is not in its keeping.",
        ))
    }

    async fn send(&self, form: Form, token: &SecretText, sealed: &SealedPsek) -> Result<Answer, Problem> {
        let mut headers = HeaderMap::new();
        let mut bearer =
            HeaderValue::from_str(&format!("Bearer {}", token.expose())).map_err(|_| no_token())?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let address = self.address(form);
        let body = form.body(sealed.expose()).into_bytes().into();
        self.outgoing.send(Method::POST, &address, headers, body).await.map_err(|error| unreachable(&error))
    }

    /// Below the configured address, which may have a path of its own.
    fn address(&self, form: Form) -> String {
        format!("{}/{}", self.base.as_str().trim_end_matches('/'), form.path())
    }
}

/// Who may be sent the printer's token: whom the agent's own settings name, else what Moonraker says if that is the store itself.
/// Whoever may write moonraker.conf or use the agent's socket may not choose.
pub(crate) fn trusted(named: Option<&Url>, told: Option<&Url>, store: Option<&Url>) -> Result<Url, Problem> {
    match (named, told) {
        (Some(named), _) => Ok(named.clone()),
        (None, Some(told)) if store.is_some_and(|store| store.origin() == told.origin()) => Ok(told.clone()),
        (None, Some(_)) => Err(not_trusted()),
        (None, None) => Err(not_configured()),
    }
}

/// Whether the same question may be answered later, without anybody sending the job again.
pub(crate) fn may_pass(problem: &Problem) -> bool {
    matches!(
        problem.code.as_str(),
        "cws_unreachable"
            | "cws_unavailable"
            | "cws_not_configured"
            | "cws_not_trusted"
            | "cws_no_token"
            | "cws_token_refused"
            | "psek_missing"
    )
}

fn not_trusted() -> Problem {
    Problem::new(422, "cws_not_trusted", "The CWS that moonraker.conf names is not asked")
        .detail("The printer's token would go there, and who writes moonraker.conf does not decide that.")
        .hint("If it keeps this printer's key, write the same `cws_url` into /etc/sealpost/printer.toml and restart the agent.")
}

fn not_configured() -> Problem {
    Problem::new(422, "cws_not_configured", "This job's key is in the keeping of a CWS, and none is named")
        .hint("Write `cws_url` into /etc/sealpost/printer.toml and restart the agent.")
}

pub(crate) fn no_token() -> Problem {
    Problem::new(422, "cws_no_token", "This printer has no token for the CWS")
        .hint("Pair or register the printer.")
}

fn net<A: Into<std::net::IpAddr>>(address: A, bits: u8) -> Option<ipnet::IpNet> {
    ipnet::IpNet::new(address.into(), bits).ok()
}

/// The answer held the key as text.
fn erase(answer: Answer) {
    if let Ok(mut body) = answer.body.try_into_mut() {
        body.as_mut().zeroize();
    }
}

fn unreachable(error: &Error) -> Problem {
    let again = matches!(error, Error::Timeout { .. } | Error::Unreachable { .. });
    let status = if again { 503 } else { 422 };
    let code = if again { "cws_unreachable" } else { "cws_address" };
    let title = if again { "The CWS is not reached" } else { "The CWS may not or cannot be asked" };
    Problem::new(status, code, title)
        .detail(error.to_string())
        .hint("Check `cws_url`, and the printer's network.")
}

#[cfg(test)]
mod tests;
