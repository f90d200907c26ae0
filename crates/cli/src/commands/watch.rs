//! Following one job to its end.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use sealpost_api::job::Job;
use sealpost_market::JobState;

use crate::{
    client::Client,
    commands::jobs::{describe, fetch_job, state_text},
    failure::{Exit, Failure, Result},
    output::{answer, clean, percent, person_watches, say},
};

/// Time between two looks at the job.
const INTERVAL: Duration = Duration::from_secs(2);
/// How long a store that cannot be reached is waited for.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// Shows how `job` goes until it has ended; anything but success is a failure with an exit code of its own.
pub(crate) async fn watch(client: &Client, mut job: Job, json: bool) -> Result<()> {
    say!("Watching job {}; Ctrl-C stops watching, not the print.", job.id);
    let mut view = View::new();
    loop {
        view.show(&job);
        if job.state.is_final() || job.state == JobState::Interrupted {
            break;
        }
        job = next_look(client, &job.id, &mut view).await?;
    }
    view.finish();
    if json || job.state == JobState::Success {
        answer(json, &job, describe);
    }
    ended(&job)
}

/// The job a little later. Prints take hours: a store that is away for a while is waited for.
async fn next_look(client: &Client, id: &str, view: &mut View) -> Result<Job> {
    let given_up = Instant::now() + PATIENCE;
    loop {
        tokio::time::sleep(INTERVAL).await;
        match fetch_job(client, id).await {
            Err(failure) if failure.is(Exit::Unreachable) && Instant::now() < given_up => {
                view.tell("the store cannot be reached; still trying");
            }
            looked => return looked,
        }
    }
}

fn ended(job: &Job) -> Result<()> {
    let because = job.message.as_deref().filter(|message| !message.is_empty());
    let sentence = match because {
        Some(message) => format!("job {} is {}: {message}", job.id, state_text(job.state)),
        None => format!("job {} is {}", job.id, state_text(job.state)),
    };
    let failure = |code: &str| Failure::new(code, sentence.clone()).exit(Exit::PrintFailed);
    match job.state {
        JobState::Success => Ok(()),
        JobState::Interrupted => Err(failure("print_interrupted").hint(format!(
            "the printer may still tell how it went; if it does not, the seller decides with `sealpost resolve {} OUTCOME`",
            job.id
        ))),
        JobState::Expired => Err(failure("print_expired").hint("nothing was counted; is the printer on and paired?")),
        _ => {
            let code = if job.state == JobState::Cancelled { "print_cancelled" } else { "print_failed" };
            Err(failure(code).hint("`sealpost licences` shows how many prints are left"))
        }
    }
}

/// A bar for a person, a line for each change otherwise.
struct View {
    bar: Option<ProgressBar>,
    told: String,
}

impl View {
    fn new() -> Self {
        let bar = person_watches().then(|| {
            let style = ProgressStyle::with_template("{bar:30} {percent:>3}%  {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(1000).with_style(style)
        });
        Self { bar, told: String::new() }
    }

    fn show(&mut self, job: &Job) {
        let mut text = state_text(job.state).to_owned();
        if let Some(layer) = job.layer {
            text.push_str(&format!(", layer {layer}"));
        }
        if let Some(message) = job.message.as_deref().filter(|message| !message.is_empty()) {
            text.push_str(&format!(": {}", clean(message)));
        }
        match &self.bar {
            Some(bar) => {
                bar.set_position(job.progress_permille.into());
                bar.set_message(text);
            }
            None => self.tell_once(format!("{} {text}", percent(job.progress_permille))),
        }
    }

    fn tell(&mut self, text: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(text.to_owned()),
            None => self.tell_once(text.to_owned()),
        }
    }

    fn tell_once(&mut self, line: String) {
        if line != self.told {
            say!("{line}");
            self.told = line;
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
        }
    }
}
