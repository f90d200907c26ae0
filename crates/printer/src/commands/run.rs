use sealpost_printer::{Agent, Settings, log};
use tokio::signal::unix::{SignalKind, signal};

pub(super) async fn run(settings: Settings) -> anyhow::Result<()> {
    log::start(settings.log_file.as_deref(), settings.debug);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (agent, mail) = Agent::open(settings)?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    agent.run(mail, stop).await?;
    tracing::info!("stopped");
    Ok(())
}
