//! Files that the owner opens from the printer's own disk: no store, no manifest, no report.
//!
//! What is told by its content is only how a file is opened; one that fails to open is never tried as something else.

use std::{
    fs::{self, File},
    io::{Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rand_core::Rng;
use sealpost_api::Problem;
use sealpost_envelope::{
    ContentCipher, Dek, nacl_box,
    psek::{self, KeyPackage},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Agent, Answer, Mail,
    hand::{give, let_go},
    keeper::Keeper,
    prepare::opening_failed,
    stubs::{Picture, prune_stubs, remove_stub, stub_name, write_stub},
};
use crate::{
    core::Event,
    legacy::file::{HEAD, Kind, check_name, kind_of},
    locked::{Locked, leaving_nothing},
    machine::{Identity, rng},
    moonraker::{CallError, Moonraker},
    opening::{OpenError, OpenedFile, check_memory, open_own},
    problem::{bad_request, coded, file as file_problem},
    settings::Settings,
    store::make_room,
};

/// What is asked of `start_print` where no sealed job is carried along.
#[derive(Deserialize)]
pub(super) struct OwnFile {
    filename: String,
    gcode_dek_package: Option<String>,
}

/// Pauses while it is found out what became of a file whose start was not confirmed.
const TAKEN_BACK: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];
/// Largest package that is looked at.
const PACKAGE_LIMIT: usize = 1024;

/// What became of a file that was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Back {
    /// Klipper does not hold it.
    Gone,
    /// It started after all.
    Prints,
    /// Klipper does not say.
    Unknown,
}

struct Work {
    settings: Settings,
    moonraker: Moonraker,
    identity: Option<Arc<Identity>>,
    keeper: Keeper,
    own: OwnFile,
}

impl Agent {
    /// Prints a file below `gcodes`. Nothing of a store's is begun meanwhile.
    pub(super) fn print_own(&mut self, own: OwnFile, answer: Answer) {
        if let Err(problem) = check_name(&own.filename).and_then(|()| self.core.check_idle()) {
            return drop(answer.send(Err(problem)));
        }
        self.core.occupy(true);
        let work = Work {
            settings: self.settings.clone(),
            moonraker: self.moonraker.clone(),
            identity: self.identity.clone(),
            keeper: self.keeper(),
            own,
        };
        let (mail, moonraker) = (self.mail.clone(), self.moonraker.clone());
        tokio::spawn(async move {
            let result = tokio::spawn(work.run()).await.unwrap_or_else(|_| Err(opening_failed()));
            // Known to be busy before anything else may want it.
            if let Ok(seen) = moonraker.look().await {
                let _ = mail.send(Mail::Event(Box::new(Event::Observed(Box::new(seen)))));
            }
            let _ = mail.send(Mail::OwnDone { result, answer });
        });
    }
}

impl Work {
    async fn run(mut self) -> Result<Value, Problem> {
        let (mut file, size) = self.fetch().await?;
        let (kind, file) = tokio::task::spawn_blocking(move || {
            let mut head = Vec::new();
            (&file).take(HEAD as u64).read_to_end(&mut head).map_err(|error| unreadable(&error))?;
            file.rewind().map_err(|error| unreadable(&error))?;
            Ok::<_, Problem>((kind_of(&head)?, file))
        })
        .await
        .unwrap_or_else(|_| Err(opening_failed()))?;
        let cipher = match kind {
            // Its owner may print it by every other way too, so it passes through as it is.
            Kind::Plain => {
                drop(file);
                self.moonraker.start_print(&self.own.filename).await.map_err(not_started)?;
                return Ok(json!({
                    "status": "success", "layer_count": null,
                    "message": "The file is not sealed: Klipper prints it as any other.",
                }));
            }
            Kind::Stub => {
                return Err(Problem::new(409, "file_is_stub", "This is only the entry of a purchased file")
                    .hint("Send the print again from where it was bought."));
            }
            Kind::Sealed(cipher) => cipher,
        };
        let dek = self.content_key(cipher).await?;
        check_memory(size)?;
        let limits = self.moonraker.limits().await?;
        let limits = self.settings.macros.within(limits);
        let opened = tokio::task::spawn_blocking(move || {
            let dek = dek.get().ok_or_else(opening_failed)?;
            leaving_nothing(|| open_own(file, size, cipher, dek, &limits)).map_err(Problem::from)
        });
        let opened = opened.await.unwrap_or_else(|_| Err(opening_failed()))?;
        self.print(opened).await
    }

    /// The key comes beside the file, wrapped for this printer; files of the first stores were sealed with the printer's key itself.
    async fn content_key(&mut self, cipher: ContentCipher) -> Result<Locked<Dek>, Problem> {
        let legacy = |error| Problem::from(OpenError::LegacyPackage(error));
        match self.own.gcode_dek_package.as_deref().map(str::trim) {
            Some(package) if package.len() > PACKAGE_LIMIT => {
                Err(bad_request("`gcode_dek_package` is too long."))
            }
            Some(package) => match KeyPackage::of(package) {
                KeyPackage::Psek(package) => {
                    let key = self.keeper.psek().await?;
                    let key = key.get().ok_or_else(opening_failed)?;
                    Locked::make(|| psek::unwrap(package, key)).map_err(legacy)
                }
                _ => {
                    let identity = self.identity.as_ref().ok_or_else(|| {
                        Problem::new(422, "no_identity", "This printer has no identity key yet")
                            .hint("Pair it with a store first.")
                    })?;
                    Locked::make(|| nacl_box::unwrap(package, identity.secret()))
                        .map_err(|error| coded(422, "The file's key could not be opened", &error))
                }
            },
            None if cipher == ContentCipher::Fernet => {
                let key = self.keeper.psek().await?;
                let key = key.get().ok_or_else(opening_failed)?;
                Locked::make(|| Ok(Dek::from_bytes(*key.expose())))
            }
            None => Err(Problem::new(422, "key_missing", "The file is sealed, and its key is not there")
                .hint("Send its key as `gcode_dek_package`, wrapped for this printer.")),
        }
    }

    async fn print(self, opened: OpenedFile) -> Result<Value, Problem> {
        let (job, gcodes) = (fresh_id(), self.settings.gcodes_dir.as_deref());
        let layers = opened.report.summary.layers;
        prune_stubs(&self.moonraker, gcodes, self.settings.keep_stubs).await;
        write_stub(&self.moonraker, gcodes, &job, &self.own.filename, &opened).await?;
        let picture = Picture::show(&self.moonraker, &job).await;
        let (problem, sent) = match give(&self.moonraker, &self.settings, &job, layers, opened).await {
            Ok(_) => {
                tracing::info!(job, ?layers, "a file of the owner's is started");
                match self.moonraker.start_print(&stub_name(&job)).await {
                    Ok(()) => return Ok(prints(&job, layers, "The file was opened and prints.")),
                    Err(error) => (not_started(error), true),
                }
            }
            Err(failed) => failed,
        };
        match if sent { self.take_back(&job).await } else { Back::Gone } {
            Back::Prints => {
                return Ok(prints(
                    &job,
                    layers,
                    "The file was opened and prints; Klipper was slow to say so.",
                ));
            }
            Back::Gone => {
                picture.give_up();
                remove_stub(&self.moonraker, gcodes, &job).await;
            }
            // It may print yet: then its entry is needed.
            Back::Unknown => self.take_back_later(job),
        }
        Err(problem)
    }

    /// What did not start is not left in Klipper, where anybody could start it at any time.
    async fn take_back(&self, job: &str) -> Back {
        for pause in TAKEN_BACK {
            let back = back(&self.moonraker, &self.settings, job).await;
            if back != Back::Unknown {
                return back;
            }
            tokio::time::sleep(pause).await;
        }
        Back::Unknown
    }

    fn take_back_later(&self, job: String) {
        tracing::warn!(
            job,
            "Klipper may still hold the file; it is taken back as soon as Klipper can be asked"
        );
        let (moonraker, settings) = (self.moonraker.clone(), self.settings.clone());
        tokio::spawn(async move {
            let mut found = Back::Unknown;
            while found == Back::Unknown {
                tokio::time::sleep(Duration::from_secs(10)).await;
                found = back(&moonraker, &settings, &job).await;
            }
            if found == Back::Gone {
                remove_stub(&moonraker, settings.gcodes_dir.as_deref(), &job).await;
            }
        });
    }

    /// The file, and its size in bytes: where the folder can be read, from there, else by Moonraker.
    async fn fetch(&self) -> Result<(File, u64), Problem> {
        let Some(gcodes) = &self.settings.gcodes_dir else {
            return self.download().await;
        };
        let path = gcodes.join(&self.own.filename);
        let opened = tokio::task::spawn_blocking(move || {
            let file = File::open(&path)?;
            let metadata = file.metadata()?;
            if !metadata.is_file() {
                return Err(std::io::ErrorKind::InvalidInput.into());
            }
            Ok((file, metadata.len()))
        });
        match opened.await.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
            Ok(opened) => Ok(opened),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(no_file()),
            Err(error) => Err(unreadable(&error)),
        }
    }

    /// Sealed bytes are all that reaches the cache; of a plain file the beginning is enough, and is gone at once.
    async fn download(&self) -> Result<(File, u64), Problem> {
        let folder = &self.settings.cache_dir;
        fs::create_dir_all(folder).map_err(|error| file_problem(folder, &error))?;
        let (path, mut file) = scratch(folder)?;
        // Open, and already nobody's: it goes away however this ends.
        fs::remove_file(&path).map_err(|error| file_problem(&path, &error))?;
        let mut response = self.moonraker.file(&self.own.filename).await?.ok_or_else(no_file)?;
        let (mut size, mut head) = (0, Vec::new());
        let announced = response.content_length();
        let plain = |head: &[u8]| matches!(kind_of(head), Ok(Kind::Plain) | Err(_));
        while let Some(chunk) = response.chunk().await.map_err(|_| CallError::Unreachable.problem())? {
            file.write_all(&chunk).map_err(|error| file_problem(&path, &error))?;
            size += chunk.len() as u64;
            if announced.is_some_and(|announced| size > announced) {
                return Err(unreadable(&std::io::ErrorKind::InvalidData.into()));
            }
            let missing = HEAD - head.len();
            if missing > 0 {
                head.extend_from_slice(&chunk[..chunk.len().min(missing)]);
                if head.len() == HEAD {
                    if plain(&head) {
                        break;
                    }
                    make_room(folder, announced.unwrap_or_default())?;
                }
            }
        }
        file.rewind().map_err(|error| file_problem(&path, &error))?;
        Ok((file, size))
    }
}

async fn back(moonraker: &Moonraker, settings: &Settings, job: &str) -> Back {
    if let_go(moonraker, settings, job.to_owned()).await {
        return Back::Gone;
    }
    let extra = moonraker.look().await.ok().and_then(|seen| seen.extra);
    match extra.filter(|extra| extra.job.as_deref() == Some(job)) {
        Some(extra) if matches!(extra.state.as_str(), "printing" | "paused") => Back::Prints,
        _ => Back::Unknown,
    }
}

fn prints(job: &str, layers: Option<u32>, message: &str) -> Value {
    json!({"status": "success", "layer_count": layers, "job": job, "message": message})
}

/// A file of the agent's alone.
fn scratch(folder: &Path) -> Result<(PathBuf, File), Problem> {
    let path = folder.join(format!("{}.sealed", fresh_id()));
    let open = fs::OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
    open.map(|file| (path.clone(), file)).map_err(|error| file_problem(&path, &error))
}

/// Each print has one of its own: the extra never starts an id again.
fn fresh_id() -> String {
    let mut bytes = [0; 8];
    rng().fill_bytes(&mut bytes);
    format!("own_{}", hex::encode(bytes))
}

fn no_file() -> Problem {
    Problem::new(404, "no_such_file", "There is no such file below `gcodes`")
        .hint("Name it as the file list shows it.")
}

fn unreadable(error: &std::io::Error) -> Problem {
    Problem::new(422, "file_unreadable", "The file cannot be read")
        .detail(error.to_string())
        .hint("May the agent's user read it? Leave `gcodes_dir` out, and it is read through Moonraker.")
}

fn not_started(error: CallError) -> Problem {
    match error {
        CallError::Refused(said) => Problem::new(409, "start_refused", "Klipper did not start the file")
            .detail(crate::core::without_lines(&said))
            .hint("Wait until the printer is ready and idle."),
        lost => lost.problem(),
    }
}
