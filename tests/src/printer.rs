//! A printer without hardware: a Klipper host with our extra, and a real Moonraker with our component.

use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::person;
use crate::programs::{behind, python, real_klipper, root};
use crate::service::{PATIENCE, Service, free_port};

/// How many ports are tried.
const PORTS: usize = 5;

/// A running printer.
#[derive(Debug)]
pub struct Printer {
    /// `printer_data`, as on a printer.
    pub data: PathBuf,
    /// Moonraker's address.
    pub moonraker_url: String,
    /// The Klipper host, while it runs.
    pub klipper: Option<Klipper>,
    /// Moonraker, while it runs.
    pub moonraker: Option<Service>,
    options: Options,
    port: u16,
}

/// How a printer is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Commands a second that the stand-in executes; 0 is as fast as it can.
    pub rate: u32,
    /// Lines for `[sealpost]` in printer.cfg.
    pub extra: String,
    /// Lines for `[lmnt_marketplace_plugin]` in moonraker.conf.
    pub component: String,
    /// What is put before the programs, such as `setpriv` with its options.
    pub prefix: Vec<String>,
    /// User and group that its folders belong to.
    pub owner: Option<(u32, u32)>,
    /// Where its agent listens; among its own sockets where absent.
    pub agent_socket: Option<PathBuf>,
    /// Keeps the stand-in from writing down what it executes.
    pub unrecorded: bool,
    /// Runs Moonraker and the stand-in; the tests' own where absent.
    pub python: Option<PathBuf>,
}

/// The host program and, for a real Klipper, its microcontroller.
#[derive(Debug)]
pub struct Klipper {
    /// The host.
    pub host: Service,
    _mcu: Option<Service>,
}

impl Printer {
    /// Starts one in `folder`, which may hold one already.
    pub fn start(folder: &Path, options: Options) -> Result<Self> {
        let data = folder.join("printer_data");
        for name in ["", "config", "gcodes", "logs", "comms", "database", "run"] {
            fs::create_dir_all(data.join(name))?;
            if let Some((user, group)) = options.owner {
                chown(data.join(name), Some(user), Some(group))?;
            }
        }
        let mut printer =
            Self { data, moonraker_url: String::new(), klipper: None, moonraker: None, options, port: 0 };
        printer.start_klipper()?;
        for _ in 0..PORTS {
            printer.port = free_port()?;
            printer.moonraker_url = format!("http://127.0.0.1:{}", printer.port);
            printer.start_moonraker()?;
            if printer.ready()? {
                return Ok(printer);
            }
            if let Some(moonraker) = printer.moonraker.take() {
                moonraker.stop()?;
            }
        }
        bail!("of {PORTS} free ports each was somebody else's when Moonraker wanted it")
    }

    /// Starts the Klipper host.
    pub fn start_klipper(&mut self) -> Result<()> {
        let klipper = match real_klipper() {
            Some(checkout) => self.real_klipper(&checkout)?,
            None => self.stand_in()?,
        };
        self.klipper = Some(klipper);
        Ok(())
    }

    /// Kills Klipper's process and starts it anew.
    pub fn replace_klipper(&mut self) -> Result<()> {
        if let Some(klipper) = self.klipper.take() {
            klipper.host.kill()?;
        }
        self.start_klipper()
    }

    /// Kills Moonraker and starts it anew at the same address.
    pub fn replace_moonraker(&mut self) -> Result<()> {
        if let Some(moonraker) = self.moonraker.take() {
            moonraker.kill()?;
        }
        self.start_moonraker()
    }

    fn start_moonraker(&mut self) -> Result<()> {
        add_component(&python()?)?;
        let data = self.data.display();
        let config = format!(
            "[server]\nhost: 127.0.0.1\nport: {port}\nklippy_uds_address: {data}/comms/klippy.sock\n\n\
             [machine]\nprovider: none\nvalidate_service: False\nvalidate_config: False\n\n\
             [authorization]\nforce_logins: False\ntrusted_clients:\n    127.0.0.1\n\n\
             [file_manager]\nenable_object_processing: False\n\n[history]\n\n\
             [lmnt_marketplace_plugin]\nagent_socket: {agent}\n{component}\n\n[encrypted_print]\n",
            port = self.port,
            agent = self.agent_socket().display(),
            component = self.options.component,
        );
        fs::write(self.data.join("config/moonraker.conf"), config)?;
        let mut command = self.own(&self.python()?);
        command.args(["-m", "moonraker", "-d"]).arg(&self.data);
        // Beside Moonraker's own log, which is `moonraker.log` too.
        let service = Service::start("moonraker", &command, &self.data.join("logs/output"))?;
        service.wait_for("Starting Moonraker on")?;
        self.moonraker = Some(service);
        Ok(())
    }

    /// Waits until Moonraker says that Klipper is ready. False when it has no port: it goes on without, and who asks there is
    /// answered by another.
    fn ready(&self) -> Result<bool> {
        let moonraker = self.moonraker.as_ref().context("Moonraker does not run")?;
        moonraker.wait_for("Klippy ready")?;
        Ok(!moonraker.said().contains("Failed to start HTTP server"))
    }

    /// Where the agent of this printer listens.
    pub fn agent_socket(&self) -> PathBuf {
        self.options.agent_socket.clone().unwrap_or_else(|| self.data.join("comms/sealpost-agent.sock"))
    }

    /// The lines that the stand-in has executed from files, in order.
    pub fn executed(&self) -> Result<Vec<String>> {
        let record = fs::read_to_string(self.record())?;
        record.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// Asks Moonraker's JSON-RPC.
    pub async fn ask(&self, method: &str, params: Value) -> Result<Value> {
        let request = json!({"jsonrpc": "2.0", "method": method, "params": params, "id": 1});
        let url = format!("{}/server/jsonrpc", self.moonraker_url);
        let answer: Value = person::client()?.post(url).json(&request).send().await?.json().await?;
        match answer.get("result") {
            Some(result) => Ok(result.clone()),
            None => bail!("{method}: {}", answer["error"]),
        }
    }

    /// What Moonraker shows of a file; waits until it has read it.
    pub async fn metadata(&self, file: &str) -> Result<Value> {
        let asked = async {
            loop {
                match self.ask("server.files.metadata", json!({"filename": file})).await {
                    Ok(metadata) => return metadata,
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        };
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(metadata) => Ok(metadata),
            Err(_) => bail!("Moonraker has not read {file}; it said last:\n{}", self.moonraker_said()),
        }
    }

    /// One object of Klipper's status.
    pub async fn object(&self, name: &str) -> Result<Value> {
        let result = self.ask("printer.objects.query", json!({"objects": {name: null}})).await?;
        Ok(result["status"][name].clone())
    }

    fn moonraker_said(&self) -> String {
        let said = self.moonraker.as_ref().map(Service::said).unwrap_or_default();
        let tail: Vec<&str> = said.lines().rev().take(40).collect();
        tail.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    fn record(&self) -> PathBuf {
        self.data.join("logs/executed.log")
    }

    /// A program of the printer's user, in the printer's folder.
    fn own(&self, program: &Path) -> Command {
        let mut command = behind(&self.options.prefix, program);
        if self.options.owner.is_some() {
            command.current_dir(&self.data).env("HOME", &self.data);
        }
        command
    }

    fn python(&self) -> Result<PathBuf> {
        self.options.python.clone().map_or_else(python, Ok)
    }

    fn stand_in(&self) -> Result<Klipper> {
        let template = fs::read_to_string(root().join("tests/klipper_host/printer.cfg.in"))?;
        let config = self.data.join("config/printer.cfg");
        let gcodes = self.data.join("gcodes");
        let text = template.replace("@GCODES@", &gcodes.display().to_string());
        fs::write(&config, text.replace("[sealpost]", &format!("[sealpost]\n{}", self.options.extra)))?;
        let mut command = self.own(&self.python()?);
        command.args(["-m", "klipper_host", "--config"]).arg(&config);
        command.arg("-a").arg(self.data.join("comms/klippy.sock"));
        command.arg("-l").arg(self.data.join("logs/klippy.log"));
        command.arg("--extras").arg(root().join("klipper"));
        if !self.options.unrecorded {
            command.arg("--record").arg(self.record());
        }
        command.args(["--rate", &self.options.rate.to_string()]);
        command.env("PYTHONPATH", root().join("tests")).env("PYTHONUNBUFFERED", "1");
        let host = Service::start("klipper", &command, &self.data.join("logs"))?;
        Ok(Klipper { host, _mcu: None })
    }

    /// `KLIPPER_DIR` is a checkout whose microcontroller was made for the Linux process; `KLIPPER_CONFIG` describes the machine
    /// (`@DATA@` and `@RUN@` are replaced), `KLIPPER_PYTHON` runs the host, `KLIPPER_MCU_PRELOAD` is loaded into the microcontroller.
    fn real_klipper(&self, checkout: &Path) -> Result<Klipper> {
        let run = self.data.join("run");
        for name in ["sealpost", "sealpost.py", "encrypted_file_bridge.py", "secure_print.py"] {
            let ours = root().join("klipper").join(name);
            let link = checkout.join("klippy/extras").join(name);
            if ours.exists() && !link.exists() {
                symlink(ours, link)?;
            }
        }
        let template =
            std::env::var_os("KLIPPER_CONFIG").context("KLIPPER_CONFIG does not name the machine")?;
        let text = fs::read_to_string(template)?;
        let text = text
            .replace("@DATA@", &self.data.display().to_string())
            .replace("@RUN@", &run.display().to_string());
        let config = self.data.join("config/printer.cfg");
        fs::write(&config, format!("{text}\n[sealpost]\n{}\n", self.options.extra))?;

        let mcu_socket = run.join("klipper_host_mcu");
        let mut mcu = self.own(&checkout.join("out/klipper.elf"));
        mcu.arg("-I").arg(&mcu_socket);
        if let Some(preload) = std::env::var_os("KLIPPER_MCU_PRELOAD") {
            mcu.env("LD_PRELOAD", preload);
        }
        let mcu = Service::start("mcu", &mcu, &self.data.join("logs"))?;

        let python = std::env::var_os("KLIPPER_PYTHON").unwrap_or_else(|| "python3".into());
        let mut host = self.own(Path::new(&python));
        host.arg(checkout.join("klippy/klippy.py")).arg(&config);
        host.arg("-I").arg(self.data.join("comms/klippy.serial"));
        host.arg("-a").arg(self.data.join("comms/klippy.sock"));
        host.arg("-l").arg(self.data.join("logs/klippy.log"));
        let host = Service::start("klipper", &host, &self.data.join("logs"))?;
        Ok(Klipper { host, _mcu: Some(mcu) })
    }
}

/// Links our component into Moonraker's, as the installer does.
fn add_component(python: &Path) -> Result<()> {
    let script = "import moonraker.components as c; print(list(c.__path__)[0])";
    let output = Command::new(python).args(["-c", script]).output()?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    for entry in fs::read_dir(root().join("moonraker"))? {
        let ours = entry?.path();
        let Some(name) =
            ours.file_name().filter(|_| ours.is_dir() || ours.extension().is_some_and(|e| e == "py"))
        else {
            continue;
        };
        let link = folder.join(name);
        if !link.exists() {
            // Another test program may have been first.
            let _ = symlink(&ours, &link);
        }
    }
    Ok(())
}
