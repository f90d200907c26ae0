use std::{io::Write, time::Duration};

use clap::Args;
use qrcode::{QrCode, render::unicode};
use sealpost_api::Problem;
use sealpost_printer::{Agent, Settings, local::Client};
use serde_json::{Value, json};

use super::running;

const NEXT: &str =
    "It stands at Printers in the shop now. `sealpost-printer doctor` says whether all is ready to print.";

/// How this printer joins a store.
#[derive(Debug, Args)]
pub(super) struct Pair {
    /// Address of the store
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Name of the printer for people [default: the machine's name]
    #[arg(long)]
    name: Option<String>,
    /// Maker of the printer
    #[arg(long)]
    manufacturer: Option<String>,
    /// Model of the printer
    #[arg(long)]
    model: Option<String>,
    /// One JSON object a line instead of text and QR code
    #[arg(long)]
    json: bool,
}

impl Pair {
    pub(super) async fn execute(self, settings: Settings) -> anyhow::Result<()> {
        if let Some(client) = running(&settings).await? {
            return self.talk(client).await;
        }
        // Without a running agent this process is one for as long as pairing takes.
        let socket = settings.agent_socket.clone();
        let (agent, mail) = Agent::open(settings)?;
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serving = tokio::spawn(agent.pair_only(mail, async { drop(stopped.await) }));
        let mut client = None;
        while client.is_none() && !serving.is_finished() {
            client = Client::connect(&socket).await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let result = match client {
            Some(client) => self.talk(client).await,
            None => Ok(()),
        };
        drop(stop);
        serving.await??;
        result
    }

    async fn talk(&self, mut client: Client) -> anyhow::Result<()> {
        let params = json!({
            "store": self.store, "printer_name": self.name,
            "manufacturer": self.manufacturer, "model": self.model,
        });
        let started = client.call("pair_start", params).await?;
        self.show(&started)?;
        let session = started["session_id"].clone();
        let mut pause = started["interval"].as_u64().unwrap_or(5).clamp(1, 60);
        loop {
            tokio::time::sleep(Duration::from_secs(pause)).await;
            let answer = match client.call("pair_status", json!({"session_id": session})).await {
                Ok(answer) => answer,
                // No network for a while is no reason to give up the code.
                Err(problem) if problem.status >= 500 => continue,
                Err(problem) if problem.status == 429 => {
                    pause = (pause + 5).min(60);
                    continue;
                }
                Err(problem) => return Err(problem.into()),
            };
            pause = answer["interval"].as_u64().unwrap_or(pause).clamp(1, 60);
            match answer["status"].as_str().unwrap_or_default() {
                "approved" | "completed" => break,
                "denied" => {
                    return Err(Problem::new(
                        403,
                        "pairing_denied",
                        "This printer was turned away at the store",
                    )
                    .hint("Ask who did it; run the command again for a new code.")
                    .into());
                }
                "expired" => {
                    return Err(Problem::new(
                        410,
                        "pairing_expired",
                        "The code expired before somebody approved it",
                    )
                    .hint("Run the command again for a new code.")
                    .into());
                }
                _ => {}
            }
        }
        let done = client.call("pair_complete", json!({"session_id": session})).await?;
        if self.json {
            return print(&format!("{done}\n"));
        }
        let id = done["printer_id"].as_str().unwrap_or_default();
        print(&format!("\nPaired. This printer is {id}.\n{NEXT}\n"))
    }

    fn show(&self, started: &Value) -> anyhow::Result<()> {
        if self.json {
            let shown =
                ["pairing_code", "short_code", "verification_uri", "verification_uri_complete", "expires_at"];
            let line: serde_json::Map<_, _> =
                shown.iter().map(|field| ((*field).to_owned(), started[*field].clone())).collect();
            return print(&format!("{}\n", Value::Object(line)));
        }
        let text = |field: &str| started[field].as_str().unwrap_or_default();
        let complete = text("verification_uri_complete");
        let mut shown = String::new();
        if let Ok(code) = QrCode::new(complete) {
            let drawn = code
                .render::<unicode::Dense1x2>()
                .dark_color(unicode::Dense1x2::Light)
                .light_color(unicode::Dense1x2::Dark)
                .build();
            shown.push_str(&drawn);
            shown.push('\n');
        }
        shown.push_str(&format!(
            "Open     {}\nor go to {} and enter the code\n\n    {}\n\nThe store must show the same six digits: {}\nWaiting until somebody approves ...\n",
            complete,
            text("verification_uri"),
            text("pairing_code"),
            text("short_code"),
        ));
        print(&shown)
    }
}

pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}
