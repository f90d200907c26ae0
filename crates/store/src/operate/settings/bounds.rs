//! What settings may be.

use sealpost_api::operate::{Pace, SettingsChanges, StoreRates, StoreSettings};

use crate::fault::{Fault, Result};
use crate::limits::invalid;

/// The largest share of a sale, basis points.
pub(super) const FEE_MAX: u16 = 5_000;
const NAME_MAX: usize = 60;
const CONTACT_MAX: usize = 500;
const TERMS_MAX: usize = 20_000;
/// Nobody sells with less.
const UPLOAD_MIN: u64 = 1 << 20;

/// The settings with these changes in them.
///
/// # Errors
/// `invalid`, naming the first setting that cannot be so.
pub(super) fn apply(
    now: &StoreSettings,
    defaults: &StoreSettings,
    changes: SettingsChanges,
) -> Result<StoreSettings> {
    let mut new = now.clone();
    let SettingsChanges {
        name,
        registration,
        currency,
        fee_bps,
        contact,
        terms,
        upload_bytes,
        storage_bytes,
        listings,
        open_jobs,
        rates,
    } = changes;
    if let Some(text) = name {
        new.name = line("name", &text, NAME_MAX)?;
        if new.name.is_empty() {
            return Err(invalid("name", format!("it has 1 to {NAME_MAX} characters on one line")));
        }
    }
    new.registration = registration.unwrap_or(new.registration);
    if let Some(text) = currency {
        new.currency = self::currency(&text)?;
    }
    if let Some(fee) = fee_bps {
        if fee > FEE_MAX {
            return Err(invalid("fee_bps", format!("it is 0 to {FEE_MAX}, which is half of the price")));
        }
        new.fee_bps = fee;
    }
    if let Some(text) = contact {
        new.contact = plain("contact", &text, CONTACT_MAX)?;
    }
    if let Some(text) = terms {
        new.terms = plain("terms", &text, TERMS_MAX)?;
    }
    if let Some(bytes) = upload_bytes {
        let most = defaults.upload_bytes;
        if bytes > most || bytes < UPLOAD_MIN.min(most) {
            return Err(Fault::invalid(
                format!("`upload_bytes` is {} to {most}.", UPLOAD_MIN.min(most)),
                "The settings file says how much is possible at most: `max_upload_bytes`.",
            ));
        }
        new.upload_bytes = bytes;
    }
    if let Some(bytes) = storage_bytes {
        // More than that is none that a database counts to.
        new.storage_bytes = bytes.min(i64::MAX.unsigned_abs());
    }
    new.listings = listings.unwrap_or(new.listings);
    new.open_jobs = open_jobs.unwrap_or(new.open_jobs);
    if let Some(rates) = rates {
        check(&rates)?;
        new.rates = rates;
    }
    Ok(new)
}

/// A text for people, without what would break a line or a screen.
pub(crate) fn plain(field: &str, text: &str, most: usize) -> Result<String> {
    let text = text.trim();
    let printable = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    if text.chars().count() > most || !text.chars().all(printable) {
        return Err(invalid(field, format!("it has at most {most} characters of plain text")));
    }
    Ok(text.to_owned())
}

fn line(field: &str, text: &str, most: usize) -> Result<String> {
    let text = text.trim();
    if text.chars().count() > most || text.chars().any(char::is_control) {
        return Err(invalid(field, format!("it has at most {most} characters on one line")));
    }
    Ok(text.to_owned())
}

fn currency(text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(String::new());
    }
    let money = sealpost_market::Money::parse("0", text).map_err(|error| invalid("currency", error))?;
    Ok(money.currency.as_str().to_owned())
}

fn check(rates: &StoreRates) -> Result<()> {
    let StoreRates { sign_up, sign_in, purchase, voucher, device, upload, job, report } = rates;
    for (name, Pace { burst, every_ms }) in [
        ("sign_up", sign_up),
        ("sign_in", sign_in),
        ("purchase", purchase),
        ("voucher", voucher),
        ("device", device),
        ("upload", upload),
        ("job", job),
        ("report", report),
    ] {
        if *burst == 0 || *every_ms == 0 {
            let field = format!("rates.{name}");
            return Err(invalid(&field, "a limit that lets nothing through shuts everybody out: 1 at least"));
        }
    }
    Ok(())
}
