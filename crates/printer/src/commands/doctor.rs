use clap::Args;
use sealpost_api::Problem;
use sealpost_printer::{
    Settings,
    doctor::{State, gather, judge},
};
use serde_json::json;

use super::pair::print;

/// Looks at everything a person can meet.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(super) async fn execute(self, settings: Result<Settings, Problem>) -> anyhow::Result<()> {
        let findings = judge(&gather(settings).await);
        if self.json {
            print(&format!("{:#}\n", json!({"findings": findings})))?;
        } else {
            let mut shown = String::new();
            for finding in &findings {
                shown.push_str(&format!(
                    "{:<5} {:<10} {}\n",
                    finding.state.as_str(),
                    finding.code,
                    finding.text
                ));
                if !finding.hint.is_empty() {
                    shown.push_str(&format!("{:16} -> {}\n", "", finding.hint));
                }
            }
            print(&shown)?;
        }
        if findings.iter().any(|finding| finding.state == State::Fail) {
            return Err(Problem::new(500, "doctor_found", "Not everything is well")
                .hint("The lines that begin with `fail` say what to do.")
                .into());
        }
        Ok(())
    }
}
