//! What commands do when no agent runs.

use std::time::Duration;

use sealpost_api::Problem;

use super::{Agent, AgentMail, Mail};
use crate::{
    checks::{self, Check},
    core::Event,
    settings::Settings,
};

impl Agent {
    /// Serves the agent's socket without asking for jobs, until `stop` is done: for pairing.
    pub async fn pair_only(
        mut self,
        mut inbox: AgentMail,
        stop: impl Future<Output = ()>,
    ) -> Result<(), Problem> {
        let requests = self.mail.clone();
        let _socket = crate::local::serve(&self.settings.agent_socket, move |request| {
            let _ = requests.send(Mail::Request(request));
        })?;
        self.printing = false;
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => return Ok(()),
                mail = inbox.0.recv() => match mail {
                    Some(Mail::Event(event)) if !matches!(*event, Event::Paired { .. }) => {}
                    Some(mail) => self.read(mail),
                    None => return Ok(()),
                },
            }
        }
    }

    /// Looks at everything once.
    pub async fn check_only(settings: Settings) -> Result<Vec<Check>, Problem> {
        let (agent, _inbox) = Self::open(settings)?;
        // Moonraker's connection is made in the background.
        for _ in 0..20 {
            if agent.moonraker.look().await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let (checks, token) = checks::run(agent.check_context()).await;
        if let Some(token) = token {
            agent.folder.save_token(&token)?;
        }
        Ok(checks)
    }

    /// Leaves the store.
    pub fn unpair_only(settings: Settings) -> Result<(), Problem> {
        let (mut agent, _inbox) = Self::open(settings)?;
        agent.printing = false;
        agent.unpair().map(drop)
    }
}
