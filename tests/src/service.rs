//! Programs that run beside a test and end with it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};

/// Starts the program behind a shell that kills it when its own standard input closes, which happens however the test ends.
const KEEPER: &str = r#"
sh -c 'echo "keeper: program $$"; exec "$@"' "$0" "$@" </dev/null 3<&- & program=$!
(
    cat >/dev/null
    kill -TERM $program 2>/dev/null
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do kill -0 $program 2>/dev/null || break; sleep .2; done
    kill -KILL $program 2>/dev/null
    [ -z "$KEEPER_REMOVES" ] || rm -rf "$KEEPER_REMOVES"
) <&3 &
exec 3<&-
wait $program
echo "keeper: ended with $?"
"#;

const ENDED: &str = "keeper: ended with";

/// How long a program may take until it says that it is ready.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running program whose output is kept and can be waited for.
#[derive(Debug)]
pub struct Service {
    name: String,
    keeper: Child,
    program: Pid,
    output: Arc<Output>,
}

impl Service {
    /// Starts it; both its outputs go to `<folder>/<name>.log`, which [`Self::wait_for`] reads too.
    pub fn start(name: &str, command: &Command, folder: &Path) -> Result<Self> {
        Self::keep(name, command, folder, false)
    }

    /// The same for a program whose `folder` goes away with it, as a static of a test program cannot do by itself.
    pub fn start_and_clean(name: &str, command: &Command, folder: &Path) -> Result<Self> {
        Self::keep(name, command, folder, true)
    }

    fn keep(name: &str, command: &Command, folder: &Path, clean: bool) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let log = folder.join(format!("{name}.log"));
        let mut keeper = Command::new("sh");
        // Descriptor 3 is the keeper's life line; the program itself reads nothing.
        keeper.arg("-c").arg(format!("exec 3<&0 2>&1; {KEEPER}")).arg(name);
        keeper.arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => keeper.env(key, value),
                None => keeper.env_remove(key),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            keeper.current_dir(folder);
        }
        keeper.env("KEEPER_REMOVES", if clean { folder } else { Path::new("") });
        keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut keeper = keeper.spawn().with_context(|| format!("{name} could not be started"))?;
        let stdout = keeper.stdout.take().context("the keeper has no output")?;

        let output = Arc::new(Output { log: log.clone(), lines: Mutex::default(), news: Condvar::new() });
        let reader = Arc::clone(&output);
        let mut file = File::create(&log)?;
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                let _ = writeln!(file, "{line}");
                let ended = line.starts_with(ENDED);
                reader.add(Some(line));
                if ended {
                    break;
                }
            }
            reader.add(None);
        });

        let said =
            output.wait(|line| line.strip_prefix("keeper: program ").map(str::to_owned), PATIENCE, 0)?;
        let program =
            said.1.trim().parse().ok().and_then(Pid::from_raw).context("the keeper named no process")?;
        Ok(Self { name: name.to_owned(), keeper, program, output })
    }

    /// The process id of the program itself.
    pub fn pid(&self) -> i32 {
        self.program.as_raw_nonzero().get()
    }

    /// Waits for a line that holds `text` and gives it whole.
    pub fn wait_for(&self, text: &str) -> Result<String> {
        self.wait_with(|line| line.contains(text).then(|| line.to_owned()))
            .with_context(|| format!("{} did not say `{text}`", self.name))
    }

    /// Waits for a line from which `find` makes something.
    pub fn wait_with(&self, find: impl Fn(&str) -> Option<String>) -> Result<String> {
        Ok(self.output.wait(find, PATIENCE, 0)?.1)
    }

    /// Everything it has said so far.
    pub fn said(&self) -> String {
        self.output.lines.lock().map(|lines| lines.text.join("\n")).unwrap_or_default()
    }

    /// Sends a signal to the program.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(self.program, signal).with_context(|| format!("{} could not be signalled", self.name))
    }

    /// Whether it is gone.
    pub fn has_ended(&self) -> bool {
        self.output.lines.lock().is_ok_and(|lines| lines.ended)
    }

    /// Whether it was told to stand still, and does.
    pub fn stands(&self) -> bool {
        let Ok(stat) = fs::read_to_string(format!("/proc/{}/stat", self.pid())) else { return false };
        let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
        state == Some("T")
    }

    /// Kills it at once, as a power cut would, and waits until it is gone.
    pub fn kill(mut self) -> Result<()> {
        self.signal(Signal::KILL)?;
        self.gone()
    }

    /// The same for one that may be gone already.
    pub fn put_down(&mut self) -> Result<()> {
        if !self.has_ended() {
            // It may be going by itself.
            let _ = self.signal(Signal::KILL);
        }
        self.gone()
    }

    /// Asks it to end and waits until it has.
    pub fn stop(mut self) -> Result<()> {
        self.signal(Signal::TERM)?;
        self.gone()
    }

    /// Interrupts it, as Ctrl-C does, and waits until it has ended.
    pub fn interrupt(mut self) -> Result<()> {
        self.signal(Signal::INT)?;
        self.gone()
    }

    fn gone(&mut self) -> Result<()> {
        self.output.wait(|line| line.starts_with(ENDED).then(String::new), PATIENCE, 0)?;
        drop(self.keeper.stdin.take());
        self.keeper.wait()?;
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
        if std::thread::panicking() {
            let said = self.said();
            let tail: Vec<&str> = said.lines().rev().take(40).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            let _ = writeln!(std::io::stderr(), "--- {} said last:\n{}", self.name, tail.join("\n"));
        }
    }
}

/// Lines of a program, and the news of another one.
#[derive(Debug)]
struct Output {
    log: PathBuf,
    lines: Mutex<Lines>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    text: Vec<String>,
    ended: bool,
}

impl Output {
    fn add(&self, line: Option<String>) {
        if let Ok(mut lines) = self.lines.lock() {
            match line {
                Some(line) => lines.text.push(line),
                None => lines.ended = true,
            }
        }
        self.news.notify_all();
    }

    /// The first line from `from` on that `find` accepts, with its number.
    fn wait(
        &self,
        find: impl Fn(&str) -> Option<String>,
        patience: Duration,
        from: usize,
    ) -> Result<(usize, String)> {
        let deadline = Instant::now() + patience;
        let mut seen = from;
        let Ok(mut lines) = self.lines.lock() else { bail!("the reader of {} is gone", self.log.display()) };
        loop {
            while let Some(line) = lines.text.get(seen) {
                if let Some(found) = find(line) {
                    return Ok((seen, found));
                }
                seen += 1;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if lines.ended || left.is_zero() {
                let tail: Vec<&str> = lines.text.iter().rev().take(15).map(String::as_str).collect();
                let tail: Vec<&str> = tail.into_iter().rev().collect();
                bail!(
                    "it ended or stayed silent; its last lines in {}:\n{}",
                    self.log.display(),
                    tail.join("\n")
                );
            }
            lines = match self.news.wait_timeout(lines, left) {
                Ok((lines, _)) => lines,
                Err(_) => bail!("the reader of {} is gone", self.log.display()),
            };
        }
    }
}

/// A port of loopback that was free a moment ago, for programs that cannot choose one themselves or come back to the same one. None
/// is given twice: the first who asked may not listen yet. None is of those that the system hands out (32768 and up): a stranger
/// would get it while its program restarts.
pub fn free_port() -> Result<u16> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().map_err(|_| anyhow!("a test that asked for a port panicked"))?;
    loop {
        let random = getrandom::u32().map_err(|error| anyhow!("no randomness: {error}"))?;
        let port = u16::try_from(15_000 + random % 17_000)?;
        if given.insert(port) && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
}
