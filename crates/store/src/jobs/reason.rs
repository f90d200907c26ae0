//! Why a job is not a success: a stable code, a sentence, and what to do.

use sealpost_api::job::Reason;
use sealpost_market::JobState;

/// Of a job that ended otherwise than well, or that nobody knows of.
pub(super) fn of(state: JobState, message: Option<&str>, key_released: bool) -> Option<Reason> {
    let fallback = match state {
        JobState::Failure => ("print_failed", "the printer said that the print failed"),
        JobState::Cancelled if key_released => ("cancelled", "the print was stopped"),
        JobState::Cancelled => ("cancelled", "the print was taken back before it began"),
        JobState::Expired => ("expired", "no printer claimed the job in time"),
        JobState::Interrupted => ("interrupted", "nobody knows what became of the print"),
        _ => return None,
    };
    let (mut code, mut sentence) = match message.map(str::trim).filter(|message| !message.is_empty()) {
        Some(message) => split(message).unwrap_or((fallback.0, message)),
        None => fallback,
    };
    // Why it was not started is said behind that it was not.
    if let Some(inner) = split(sentence).filter(|_| code == "not_started") {
        (code, sentence) = inner;
    }
    // Later it hangs on the free retries of the listing.
    let cost = if state.is_final() && !key_released { "Nothing was counted. " } else { "" };
    Some(Reason {
        code: code.to_owned(),
        sentence: spoken(sentence),
        hint: format!("{cost}{}", hint(code, state)),
    })
}

/// `code: sentence`, as the store and its agents write it.
fn split(message: &str) -> Option<(&str, &str)> {
    let (code, sentence) = message.split_once(": ")?;
    let is_code = (3..=48).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && code.contains('_')
        || code == "expired";
    is_code.then_some((code, sentence.trim()))
}

fn spoken(sentence: &str) -> String {
    let mut chars = sentence.chars();
    let first = chars.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    let stop = if sentence.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{stop}", chars.as_str())
}

fn hint(code: &str, state: JobState) -> &'static str {
    match code {
        "printer_silent" => {
            "Look at the printer. When it is back, it says by itself how the print went; else the seller decides."
        }
        "expired" => "Switch the printer on, see that it is paired, and print again.",
        "removed_at_printer" => "Print again when the printer is free.",
        "not_started" => "Look at the printer's messages, and print again.",
        "cancelled_by_buyer" => "Print again whenever you like.",
        "cancelled_by_publisher" | "cancelled_by_operator" => "Ask the shop why.",
        "cancelled_at_printer" => "It was stopped at the printer itself. Print again whenever you like.",
        "stop_asked" => "It was stopped as you asked. Clear the bed before the next print.",
        "outcome_unknown" => {
            "Look at the part: whether it is good cannot be told from here. The seller decides, or the printer's next report."
        }
        "start_refused" => "Klipper says why. Put that right at the printer, and print again.",
        "lease_lost" => {
            "Another agent, or the store itself, took the print over. See that the printer is paired once, and print again."
        }
        "cancelled_by_store" => "Pair the printer again, or look at the licence.",
        _ => match state {
            JobState::Interrupted => {
                "Look at the printer. What it reports later still counts; else the seller decides."
            }
            JobState::Cancelled => "Print again whenever you like.",
            JobState::Expired => "See that the printer is on and connected, and print again.",
            _ => "Look at the printer, put right what went wrong, and print again.",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_that_is_no_success_has_a_reason_and_a_hint() {
        for state in JobState::ALL {
            let reason = of(state, None, true);
            let needs = (state.is_final() && state != JobState::Success) || state == JobState::Interrupted;
            assert_eq!(reason.is_some(), needs, "{state}");
            assert!(reason.is_none_or(|reason| !reason.sentence.is_empty() && !reason.hint.is_empty()));
        }
    }

    #[test]
    fn a_message_gives_its_code_and_what_has_none_is_the_sentence() {
        let silent = of(JobState::Interrupted, Some("printer_silent: it fell silent"), true).unwrap();
        assert_eq!((silent.code.as_str(), silent.sentence.as_str()), ("printer_silent", "It fell silent."));
        let klipper = of(JobState::Failure, Some("MCU 'mcu' shutdown: Timer too close"), true).unwrap();
        assert_eq!(klipper.code, "print_failed");
        assert_eq!(klipper.sentence, "MCU 'mcu' shutdown: Timer too close.");
        let inner = Some("not_started: limits_unknown: The printer's limits are not known");
        assert_eq!(of(JobState::Failure, inner, true).unwrap().code, "limits_unknown");
    }

    #[test]
    fn what_cost_nothing_says_so_and_what_may_have_does_not() {
        let hint = |released| of(JobState::Cancelled, None, released).unwrap().hint;
        assert!(hint(false).starts_with("Nothing was counted."));
        assert!(!hint(true).contains("counted"));
    }
}
