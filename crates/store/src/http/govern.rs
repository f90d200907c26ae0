//! Rate limits by action: whoever asks too often is told when to come back, before any work is done.
//!
//! Whose token or cookie is genuine is counted as that person or printer, however often they signed in and however the token is
//! spelled; everybody else as the address they ask from.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use sealpost_accounts::extract::ClientAddress;
use sealpost_accounts::limit::{Limiter, Rate};
use sealpost_accounts::{ApiError, Proved, TokenKind};

use crate::fault::ProblemCode;
use crate::operate;
use crate::state::AppState;

/// So many people share an address, in a home, a workshop or a school.
const HOUSEHOLD: u32 = 8;
/// So many printers: farms have thousands, and all of them poll.
const FARM: u32 = 256;

/// The limits of one process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Limits(Arc<Inner>);

struct Inner {
    state: AppState,
    /// Of the settings that the limits were set by.
    generation: AtomicU64,
    purchases: Shared,
    vouchers: Shared,
    devices: Shared,
    uploads: Shared,
    jobs: Shared,
    reports: Shared,
    webhooks: Shared,
    polls: Shared,
    pairing: Limiter,
}

/// A limit for a person, and a higher one for the address that they ask from: accounts are cheap to have.
struct Shared {
    person: Limiter,
    address: Limiter,
}

/// Which limit a route falls under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Purchase,
    Device,
    Upload,
    Job,
    Report,
    Webhook,
    Poll,
    Pairing,
}

/// Who asks.
struct Caller {
    /// The account or printer, or the address of who is neither.
    person: String,
    address: IpAddr,
}

impl Limits {
    pub(crate) fn new(state: AppState) -> Self {
        let rates = &state.config.rate_limits;
        Self(Arc::new(Inner {
            generation: AtomicU64::new(0),
            purchases: Shared::of(rates.purchase),
            vouchers: Shared::of(rates.voucher),
            devices: Shared::of(rates.device),
            uploads: Shared::of(rates.upload),
            jobs: Shared::of(rates.job),
            reports: Shared::of(operate::settings::rate(state.settings.get().rates.report)),
            webhooks: Shared::of(rates.webhook),
            polls: Shared::of_many(rates.poll, FARM),
            pairing: Limiter::of(rates.pairing_question),
            state,
        }))
    }

    /// Takes over what operators set since.
    async fn keep_up(&self) {
        let Inner { state, generation, purchases, vouchers, devices, uploads, jobs, reports, .. } = &*self.0;
        operate::settings::refresh(state).await;
        let now = state.settings.generation();
        if generation.swap(now, Ordering::AcqRel) == now {
            return;
        }
        let set = state.settings.get();
        let rates = operate::settings::rates(&state.config.rate_limits, &set.rates);
        purchases.set(rates.purchase);
        vouchers.set(rates.voucher);
        devices.set(rates.device);
        uploads.set(rates.upload);
        jobs.set(rates.job);
        reports.set(operate::settings::rate(set.rates.report));
    }

    fn admit(&self, action: Action, caller: &Caller) -> Result<(), u64> {
        let Inner { state, purchases, vouchers, devices, uploads, jobs, reports, .. } = &*self.0;
        let Inner { webhooks, polls, pairing, .. } = &*self.0;
        let now = state.clock.now_ms();
        match action {
            Action::Purchase => {
                vouchers.check(caller, now)?;
                purchases.attempt(caller, now)
            }
            Action::Device => devices.attempt(caller, now),
            Action::Upload => uploads.attempt(caller, now),
            Action::Job => jobs.attempt(caller, now),
            Action::Report => reports.attempt(caller, now),
            Action::Webhook => webhooks.attempt(caller, now),
            Action::Poll => polls.attempt(caller, now),
            Action::Pairing => pairing.attempt(caller.address, now),
        }
    }

    /// A request whose token was taken back was not theirs: it counts for its address alone.
    fn was_somebody_else(&self, action: Action, caller: &Caller) {
        let Inner { purchases, devices, uploads, jobs, reports, webhooks, polls, .. } = &*self.0;
        let shared = match action {
            Action::Purchase => purchases,
            Action::Device => devices,
            Action::Upload => uploads,
            Action::Job => jobs,
            Action::Report => reports,
            Action::Webhook => webhooks,
            Action::Poll => polls,
            Action::Pairing => return,
        };
        shared.person.refund(caller.person.as_str());
    }
}

/// Middleware: counts what is limited. It stands inside of what tells the client's address.
pub(crate) async fn govern(State(limits): State<Limits>, mut request: Request, next: Next) -> Response {
    limits.keep_up().await;
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let Some(action) = path.and_then(|path| action(request.method(), path)) else {
        return next.run(request).await;
    };
    let likely = if action == Action::Poll { TokenKind::Printer } else { TokenKind::User };
    let proved = Proved::of(&limits.0.state.accounts, likely, request.method(), request.headers()).await;
    let caller = Caller::of(&request, proved.as_ref());
    let is_proved = proved.is_some();
    // What was found out is not found out again behind this.
    proved.map(|proved| request.extensions_mut().insert(proved));
    if let Err(seconds) = limits.admit(action, &caller) {
        return too_many(seconds).into_response();
    }
    let response = next.run(request).await;
    if is_proved && response.status() == StatusCode::UNAUTHORIZED {
        limits.was_somebody_else(action, &caller);
    }
    let guessed = response.extensions().get::<ProblemCode>().is_some_and(|code| code.0 == "voucher_unknown");
    if action == Action::Purchase && guessed {
        // It was answered; the next one is not.
        let _ = limits.0.vouchers.attempt(&caller, limits.0.state.clock.now_ms());
    }
    response
}

impl Shared {
    fn of(rate: Rate) -> Self {
        Self::of_many(rate, HOUSEHOLD)
    }

    fn of_many(rate: Rate, people: u32) -> Self {
        Self { person: Limiter::of(rate), address: Limiter::of(rate.times(people)) }
    }

    fn set(&self, rate: Rate) {
        self.person.set(rate);
        self.address.set(rate.times(HOUSEHOLD));
    }

    fn check(&self, caller: &Caller, now: i64) -> Result<(), u64> {
        self.address.check(caller.address, now)?;
        self.person.check(caller.person.as_str(), now)
    }

    fn attempt(&self, caller: &Caller, now: i64) -> Result<(), u64> {
        self.address.attempt(caller.address, now)?;
        self.person.attempt(caller.person.as_str(), now).inspect_err(|_| self.address.refund(caller.address))
    }
}

impl Caller {
    fn of(request: &Request, proved: Option<&Proved>) -> Self {
        let unknown = ClientAddress(IpAddr::from([0, 0, 0, 0]));
        let address = request.extensions().get::<ClientAddress>().copied().unwrap_or(unknown).household();
        let person = proved.map_or_else(|| address.to_string(), Proved::holder);
        Self { person, address }
    }
}

fn action(method: &Method, path: &str) -> Option<Action> {
    Some(match (method.as_str(), path) {
        (
            "GET",
            "/api/poll-print-queue"
            | "/api/get-print-job"
            | "/api/printer-agent/poll-print-queue"
            | "/api/printer-agent/events",
        )
        | ("POST", "/api/v1/jobs/{id}/claim") => Action::Poll,
        ("POST", "/api/v1/purchases" | "/api/purchase-model" | "/api/marketplace/purchase") => {
            Action::Purchase
        }
        ("POST", "/api/v1/licences/{id}/devices") | ("GET", "/api/v1/licences/{id}/bundle") => Action::Device,
        ("POST", "/api/v1/releases" | "/api/v1/listings/{id}/pictures") => Action::Upload,
        // Each that is new is told to the publisher.
        ("POST", "/api/v1/listings/{id}/reports") | ("PUT", "/api/v1/listings/{id}/review") => Action::Report,
        // Each is a message to somebody's server.
        ("POST", "/api/v1/webhooks/{id}/test" | "/api/v1/webhooks/{id}/deliveries/{delivery}/redeliver") => {
            Action::Webhook
        }
        ("POST", "/api/v1/jobs" | "/api/prepare" | "/api/print") => Action::Job,
        ("POST", "/api/printers/pair/status" | "/api/printers/pair/complete" | "/api/printers/token") => {
            Action::Pairing
        }
        _ => return None,
    })
}

fn too_many(seconds: u64) -> ApiError {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", "Too many attempts")
        .hint(format!("Wait {seconds} seconds and try again."))
        .retry_after(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(person: &str, address: u8) -> Caller {
        Caller { person: person.to_owned(), address: IpAddr::from([192, 0, 2, address]) }
    }

    #[test]
    fn one_person_is_held_back_before_the_address_and_many_accounts_by_the_address() {
        let limit = Shared::of(Rate::new(2, 60_000));
        for _ in 0..2 {
            limit.attempt(&caller("ann", 1), 0).unwrap();
        }
        assert!(limit.attempt(&caller("ann", 1), 0).is_err());
        assert!(limit.attempt(&caller("ann", 2), 0).is_err(), "another address helps nobody");
        limit.attempt(&caller("bob", 1), 0).unwrap();
        let let_in = (0..100).filter(|n| limit.attempt(&caller(&format!("p{n}"), 1), 0).is_ok()).count();
        assert_eq!(let_in, 16 - 3);
    }

    #[test]
    fn routes_that_only_read_the_catalogue_are_free() {
        assert_eq!(action(&Method::GET, "/api/v1/listings"), None);
        assert_eq!(action(&Method::GET, "/api/v1/purchases"), None);
        assert_eq!(action(&Method::POST, "/api/v1/purchases"), Some(Action::Purchase));
    }
}
