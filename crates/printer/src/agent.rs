//! The daemon: feeds what happens into the core and carries out what it says.

mod alone;
mod effects;
mod hand;
mod keeper;
mod own;
mod pair;
mod patience;
mod prepare;
mod requests;
mod status;
mod stubs;

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use sealpost_api::Problem;
use sealpost_envelope::JobManifest;
use sealpost_faults::point;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{AbortHandle, JoinHandle},
};
use url::Url;

use crate::{
    core::{Core, Document, Effect, Event, Klipper, Rules, Trouble},
    local::Request,
    machine::{Clock, Identity, notify_ready},
    moonraker::{Address, Moonraker},
    opening::OpenedFile,
    points,
    settings::Settings,
    state::{Folder, StoredToken},
    store::{self, Store, pairing::Session},
};

/// The running agent.
pub struct Agent {
    settings: Settings,
    folder: Folder,
    clock: Clock,
    core: Core,
    http: reqwest::Client,
    store: Option<Store>,
    token: watch::Sender<Option<StoredToken>>,
    identity: Option<Arc<Identity>>,
    moonraker: Moonraker,
    mail: mpsc::UnboundedSender<Mail>,
    /// Effects whose turn has not come; the first waits for a save that failed.
    waiting: VecDeque<Effect>,
    save_again: Option<Instant>,
    save_problem: Option<Problem>,
    job: Option<JobFiles>,
    handed_in: Option<(String, Answer)>,
    /// Entries of earlier prints on their way out of the file list.
    pruning: Option<JoinHandle<()>>,
    events: Option<JoinHandle<()>>,
    session: Option<Session>,
    described: sealpost_api::pairing::PrinterDescription,
    marketplace_url: Option<Url>,
    /// Who keeps the printer's key, by Moonraker's word.
    cws_url: watch::Sender<Option<Url>>,
    /// Whether others of Klipper's user can look into it; unknown while it is not ready.
    reduced: Option<bool>,
    /// It was asked since it got ready.
    looked: bool,
    /// Off while a command only pairs or unpairs: then nothing but the state is touched.
    printing: bool,
}

type Answer = oneshot::Sender<Result<serde_json::Value, Problem>>;

/// What is there of the job at hand.
struct JobFiles {
    id: String,
    title: String,
    manifest: JobManifest,
    task: AbortHandle,
    /// Tells whoever still writes its blob that nobody wants it.
    unwanted: Arc<AtomicBool>,
    opened: Option<OpenedFile>,
}

/// What tasks and sockets tell the agent.
enum Mail {
    Event(Box<Event>),
    Opened { job: String, result: Box<Result<OpenedFile, Problem>> },
    HandedOver { job: String, reduced: bool },
    Looked(Option<bool>),
    Token(StoredToken),
    Request(Request),
    Pair(pair::PairMail),
    OwnDone { result: Result<serde_json::Value, Problem>, answer: Answer },
}

impl Agent {
    /// Opens the state folder and connects to Moonraker.
    pub fn open(settings: Settings) -> Result<(Self, AgentMail), Problem> {
        let folder = Folder::open(&settings.state_dir)?;
        let mut document = folder.document()?;
        if document.id.is_empty() {
            document.id = [random_bytes()?, random_bytes()?].map(hex::encode).concat();
            // Before anybody hears of it.
            folder.save_document(&document)?;
        }
        let identity = folder.identity()?.map(|secret| Arc::new(Identity::new(secret)));
        let token = folder.token()?;
        let clock = Clock::start();
        let http = store::client()?;
        let (mail, inbox) = mpsc::unbounded_channel();
        let observed = mail.clone();
        let address = Address {
            url: settings.moonraker_url.clone(),
            socket: settings.moonraker_socket.clone(),
            api_key_file: settings.moonraker_api_key_file.clone(),
        };
        let moonraker = Moonraker::connect(address, http.clone(), move |observation| {
            // Fails only when the agent is gone.
            let _ = observed.send(Mail::Event(Box::new(Event::Observed(Box::new(observation)))));
        });
        let rules =
            Rules { poll_interval: millis(settings.poll_interval), run: u64::from_le_bytes(random_bytes()?) };
        let store = paired_store(&http, &document, &settings);
        // What an earlier run left; a job that was not started yet may be claimed again and finds its blob.
        if document.job.as_ref().is_none_or(|record| record.starting) {
            store::clean(&settings.cache_dir);
        }
        let agent = Self {
            core: Core::new(document, token.as_ref().map(StoredToken::life), rules),
            settings,
            folder,
            clock,
            http,
            store,
            token: watch::Sender::new(token),
            identity,
            moonraker,
            mail,
            waiting: VecDeque::new(),
            save_again: None,
            save_problem: None,
            job: None,
            handed_in: None,
            pruning: None,
            events: None,
            session: None,
            described: Default::default(),
            marketplace_url: None,
            cws_url: watch::Sender::new(None),
            reduced: None,
            looked: false,
            printing: true,
        };
        Ok((agent, AgentMail(inbox)))
    }

    /// Runs until `stop` is done.
    pub async fn run(mut self, mut inbox: AgentMail, stop: impl Future<Output = ()>) -> Result<(), Problem> {
        let requests = self.mail.clone();
        let _socket = crate::local::serve(&self.settings.agent_socket, move |request| {
            let _ = requests.send(Mail::Request(request));
        })?;
        self.listen_for_events();
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            socket = %self.settings.agent_socket.display(),
            paired = self.store.is_some(),
            "ready"
        );
        notify_ready();
        let mut stop = std::pin::pin!(stop);
        self.take(Event::Tick);
        loop {
            let now = self.clock.now();
            let wake = self.clock.at(self.core.wake_at(now).max(now.mono + 10));
            let wake = self.save_again.map_or(wake, |again| wake.min(again));
            tokio::select! {
                () = &mut stop => return Ok(()),
                mail = inbox.0.recv() => match mail {
                    Some(mail) => self.read(mail),
                    None => return Ok(()),
                },
                () = tokio::time::sleep_until(wake.into()) => self.take(Event::Tick),
            }
        }
    }

    fn read(&mut self, mail: Mail) {
        match mail {
            Mail::Event(event) => {
                if let Event::Observed(seen) = &*event {
                    point(points::OBSERVED);
                    self.look_at_extra(seen.klipper == Klipper::Ready && seen.extra.is_some());
                }
                self.take(*event);
            }
            Mail::Opened { job, result } => self.opened(job, *result),
            Mail::Looked(reduced) => {
                self.reduced = self.reduced.or(reduced.filter(|_| self.looked));
            }
            Mail::HandedOver { job, reduced } => {
                self.reduced = Some(reduced);
                if let Some(files) = self.job.as_mut().filter(|files| files.id == job) {
                    // The extra has its own descriptor now; this one only held the memory.
                    files.opened = None;
                }
                self.take(Event::Loaded { job, result: Ok(()), sent: true });
            }
            Mail::Token(token) => self.take_token(token),
            Mail::Request(request) => self.answer(request),
            Mail::Pair(mail) => self.take_pair_mail(mail),
            Mail::OwnDone { result, answer } => {
                self.core.occupy(false);
                let _ = answer.send(result);
                self.take(Event::Tick);
            }
        }
    }

    fn take(&mut self, event: Event) {
        let now = self.clock.now();
        let effects = self.core.handle(event, now);
        self.waiting.extend(effects);
        self.carry_out();
    }

    fn take_token(&mut self, token: StoredToken) {
        if let Err(problem) = self.folder.save_token(&token) {
            tracing::error!(code = problem.code, "{problem}");
        }
        let life = token.life();
        self.token.send_replace(Some(token));
        tracing::info!("the printer's token was renewed");
        self.take(Event::TokenRenewed(Ok(life)));
    }

    fn opened(&mut self, job: String, result: Result<OpenedFile, Problem>) {
        let Some(files) = self.job.as_mut().filter(|files| files.id == job) else { return };
        let waits = self.handed_in.take_if(|(waiting, _)| *waiting == job);
        let result = match result {
            Ok(opened) => {
                let layers = opened.report.summary.layers;
                let size = opened.file.size();
                tracing::info!(job, size, layers, "the file was opened");
                files.opened = Some(opened);
                if let Some((_, answer)) = waits {
                    let _ = answer.send(Ok(serde_json::json!({
                        "status": "success",
                        "message": "The file was opened and is handed to Klipper.",
                        "layer_count": layers,
                    })));
                }
                Ok(crate::core::Opened { size, layers })
            }
            Err(problem) => {
                tracing::warn!(job, code = problem.code, "the job is refused: {problem}");
                if let Some((_, answer)) = waits {
                    let _ = answer.send(Err(problem.clone()));
                }
                Err(problem)
            }
        };
        self.take(Event::Prepared { job, result });
    }

    /// Signals of the store; a task that lives as long as the pairing.
    fn listen_for_events(&mut self) {
        if let Some(task) = self.events.take() {
            task.abort();
        }
        let Some(store) = self.store.clone().filter(|_| self.printing) else { return };
        let (mail, mut token) = (self.mail.clone(), self.token.subscribe());
        self.events = Some(tokio::spawn(async move {
            let mut pause = Duration::from_secs(1);
            loop {
                let current = token.borrow_and_update().clone();
                if let Some(current) = current {
                    let begin = Instant::now();
                    let signal = || drop(mail.send(Mail::Event(Box::new(Event::Signal))));
                    match store::listen(&store, &current.token, signal).await {
                        Ok(()) => tracing::debug!("the store's event stream ended"),
                        Err(trouble) => {
                            if trouble == Trouble::Unauthorized {
                                // The poll hears the same and gets a new token.
                                let _ = mail.send(Mail::Event(Box::new(Event::Signal)));
                            }
                            tracing::debug!(code = store::into_problem(trouble).code, "no event stream");
                        }
                    }
                    if begin.elapsed() > Duration::from_secs(60) {
                        pause = Duration::from_secs(1);
                    }
                }
                // A new token is a reason to try at once.
                let _ = tokio::time::timeout(pause, token.changed()).await;
                pause = (pause * 2).min(Duration::from_secs(60));
            }
        }));
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(task) = self.events.take() {
            task.abort();
        }
    }
}

/// Where the agent's mail comes in.
pub struct AgentMail(mpsc::UnboundedReceiver<Mail>);

fn paired_store(http: &reqwest::Client, document: &Document, settings: &Settings) -> Option<Store> {
    let pairing = document.pairing.as_ref()?;
    let store = Store::new(http.clone(), Url::parse(&pairing.store).ok()?).remembering(&document.id);
    Some(store.protecting(settings.is_reduced()))
}

fn random_bytes() -> Result<[u8; 8], Problem> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| {
        Problem::new(500, "no_randomness", "The system gives no random bytes")
            .detail(error.to_string())
            .hint("Restart the agent; if it stays, report it.")
    })?;
    Ok(bytes)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
