//! How a failure is told: a sentence with its stable code, and a hint.

use std::io::Write;

use sealpost_api::Problem;

/// Tells the person at the terminal.
pub(crate) fn report(error: &anyhow::Error) {
    let _ = std::io::stderr().write_all(text(error).as_bytes());
}

fn text(error: &anyhow::Error) -> String {
    let Some(problem) = error.downcast_ref::<Problem>() else {
        return format!("sealpost-printer: {error:#} (failed)\n");
    };
    let mut told = format!("sealpost-printer: {}\n", sentence(problem));
    if !problem.hint.is_empty() {
        told.push_str(&format!("hint: {}\n", problem.hint));
    }
    told
}

/// What goes wrong in general, what happened this time, and the code.
pub(crate) fn sentence(problem: &Problem) -> String {
    let detail = problem.detail.trim_end_matches('.');
    if detail.is_empty() {
        return format!("{} ({})", problem.title, problem.code);
    }
    format!("{}: {detail} ({})", problem.title, problem.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_once_with_its_code_and_a_hint() {
        let problem = Problem::new(409, "job_at_hand", "A job is at hand").hint("Wait.");
        assert_eq!(text(&problem.into()), "sealpost-printer: A job is at hand (job_at_hand)\nhint: Wait.\n");
    }

    #[test]
    fn what_happened_this_time_stands_behind_what_it_is() {
        let problem = Problem::new(502, "store_unreachable", "The store is not reached").detail("no route.");
        assert_eq!(sentence(&problem), "The store is not reached: no route (store_unreachable)");
    }
}
