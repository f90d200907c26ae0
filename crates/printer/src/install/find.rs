//! Looks for Klipper, Moonraker, their user and what starts them.

use std::path::{Path, PathBuf};

use sealpost_api::Problem;

use super::{
    live,
    record::Ledger,
    system::{Access, Checkout, Init, Klipper, Moonraker, Parts, System, Text},
    text,
    tree::{Account, Tree},
};

/// Where the package puts the parts.
pub(super) const PACKAGED_PARTS: &str = "/usr/share/sealpost-printer";
/// Where the package puts the program.
const PACKAGED_PROGRAM: &str = "/usr/bin/sealpost-printer";
/// A printer whose system forgets everything else at a restart keeps this.
const KEPT: &str = "/oem/printer_data";
/// With this it keeps everything, until its next update.
const REMEMBERS: &str = "/oem/.debug";

/// What the person said instead of letting it be found.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// Who runs Klipper.
    pub user: Option<String>,
    /// Klipper's checkout.
    pub klipper: Option<PathBuf>,
    /// Moonraker's checkout, or its Python environment.
    pub moonraker: Option<PathBuf>,
    /// The folder `printer_data`.
    pub data: Option<PathBuf>,
    /// The folder with `klipper/` and `moonraker/` of Sealpost.
    pub parts: Option<PathBuf>,
}

/// Looks at the tree. `program` is the path of this program.
pub fn find(tree: &Tree, said: &Said, program: &Path) -> Result<System, Problem> {
    let owner = owner(tree, said)?;
    let folder = said.klipper.clone().unwrap_or_else(|| owner.home.join("klipper"));
    let data = data(tree, said, &owner)?;
    let config = config_folder(tree, &data)?;
    let printer_cfg = text_file(tree, config.join("printer.cfg"), "printer.cfg")?;
    let moonraker_conf = text_file(tree, config.join("moonraker.conf"), "moonraker.conf")?;
    let klipper = klipper(tree, folder, &owner, &data, &moonraker_conf.text)?;
    let moonraker = moonraker(tree, said, &owner, &data, &moonraker_conf.text)?;
    let asvc = data.join("moonraker.asvc");
    let asvc = tree.text(&asvc)?.map(|text| Text { path: asvc, text });
    let settings = PathBuf::from(crate::settings::DEFAULT_PATH);
    let settings = tree.text(&settings)?.map(|text| Text { path: settings, text });
    let packaged =
        tree.exists(Path::new(PACKAGED_PROGRAM)) && tree.is_dir(&Path::new(PACKAGED_PARTS).join("klipper"));
    let access = access(tree, &moonraker, &moonraker_conf.text);
    Ok(System {
        init: init(tree)?,
        in_owners_group: tree.others_in_group(&owner),
        parts: parts(tree, said, program)?,
        kept: Some(PathBuf::from(KEPT))
            .filter(|kept| tree.is_dir(kept) && tree.resolve(&data).starts_with(kept)),
        remembers: !forgets(tree),
        program: if packaged { PACKAGED_PROGRAM.into() } else { program.to_owned() },
        owner,
        klipper,
        moonraker,
        gcodes: tree.is_dir(&data.join("gcodes")),
        data,
        printer_cfg,
        moonraker_conf,
        asvc,
        kept_settings: Ledger::kept_settings(tree),
        settings,
        packaged,
        access,
    })
}

/// Whether this is a system that forgets what is installed when it restarts.
pub fn forgets(tree: &Tree) -> bool {
    tree.is_dir(Path::new(KEPT)) && !tree.exists(Path::new(REMEMBERS))
}

fn owner(tree: &Tree, said: &Said) -> Result<Account, Problem> {
    if let Some(name) = &said.user {
        return tree.account(name).ok_or_else(|| {
            missing(
                "user_missing",
                format!("there is no user `{name}`"),
                "Name the user who runs Klipper: `--user NAME`.",
            )
        });
    }
    let mut candidates: Vec<Account> = match &said.klipper {
        Some(folder) => {
            tree.accounts().into_iter().filter(|account| folder.starts_with(&account.home)).collect()
        }
        None => {
            let runs = |account: &Account| tree.exists(&account.home.join("klipper/klippy/klippy.py"));
            tree.accounts()
                .into_iter()
                .filter(|account| account.home != Path::new("/") && runs(account))
                .collect()
        }
    };
    candidates.dedup_by(|one, other| one.home == other.home);
    match candidates.len() {
        1 => Ok(candidates.remove(0)),
        0 => Err(missing(
            "klipper_missing",
            "no user has `klipper/klippy/klippy.py` in the home folder".to_owned(),
            "Install Klipper first; or say where it is and who runs it: `--klipper DIR --user NAME`.",
        )),
        _ => Err(missing(
            "user_unclear",
            format!("Klipper is there for {}", names(&candidates)),
            "Say whose it is: `--user NAME`.",
        )),
    }
}

fn names(accounts: &[Account]) -> String {
    accounts.iter().map(|account| account.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn data(tree: &Tree, said: &Said, owner: &Account) -> Result<PathBuf, Problem> {
    if let Some(data) = &said.data {
        return Ok(data.clone());
    }
    let mut found = tree.names(&owner.home);
    found.retain(|name| is_data_name(name));
    match found.len() {
        1 => Ok(owner.home.join(found.remove(0))),
        0 => Err(missing(
            "printer_data_missing",
            format!("{} has no printer_data", owner.home.display()),
            "Say where the folder with `config/printer.cfg` is: `--printer-data DIR`.",
        )),
        _ => Err(missing(
            "printer_data_unclear",
            format!("{} has {}", owner.home.display(), found.join(", ")),
            "One agent serves one printer. Say which: `--printer-data DIR`.",
        )),
    }
}

fn is_data_name(name: &str) -> bool {
    name == "printer_data" || name.strip_prefix("printer_").is_some_and(|rest| rest.ends_with("_data"))
}

fn config_folder(tree: &Tree, data: &Path) -> Result<PathBuf, Problem> {
    let config = data.join("config");
    if tree.is_dir(&config) {
        return Ok(config);
    }
    Err(missing(
        "printer_data_missing",
        format!("{} has no folder `config`", data.display()),
        "Say where the folder with `config/printer.cfg` is: `--printer-data DIR`.",
    ))
}

fn text_file(tree: &Tree, path: PathBuf, name: &str) -> Result<Text, Problem> {
    match tree.text(&path)? {
        Some(text) => Ok(Text { path, text }),
        None => Err(missing(
            "config_missing",
            format!("{} is not there", path.display()),
            &format!("Set Klipper and Moonraker up first; `{name}` is what they read at their start."),
        )),
    }
}

fn klipper(
    tree: &Tree,
    folder: PathBuf,
    owner: &Account,
    data: &Path,
    moonraker_conf: &str,
) -> Result<Klipper, Problem> {
    let inside = folder.join("klippy");
    let extras = inside.join("extras");
    if !tree.exists(&extras.join("virtual_sdcard.py")) {
        return Err(missing(
            "klipper_missing",
            format!("{} holds no Klipper", folder.display()),
            "Say where Klipper's checkout is: `--klipper DIR`.",
        ));
    }
    let plugins = inside.join("plugins");
    let kalico = tree.is_dir(&plugins);
    let extras = if kalico { plugins } else { extras };
    let service = service(tree, data, "klipper", runs_klipper);
    let socket = text::option(moonraker_conf, "server", "klippy_uds_address").map(|said| {
        match said.strip_prefix("~/") {
            Some(below) => owner.home.join(below),
            None => PathBuf::from(said),
        }
    });
    let socket = socket.unwrap_or_else(|| data.join("comms/klippy.sock"));
    Ok(Klipper { folder, extras, kalico, service, socket })
}

fn moonraker(
    tree: &Tree,
    said: &Said,
    owner: &Account,
    data: &Path,
    conf: &str,
) -> Result<Moonraker, Problem> {
    let places = match &said.moonraker {
        Some(folder) => vec![folder.clone()],
        None => vec![owner.home.join("moonraker"), owner.home.join("moonraker-env")],
    };
    let found = places.iter().find_map(|place| {
        let checkout = place.join("moonraker/components");
        if tree.is_dir(&checkout) {
            return Some((checkout, false));
        }
        let versions = tree.names(&place.join("lib"));
        let components = versions
            .iter()
            .map(|version| place.join("lib").join(version).join("site-packages/moonraker/components"));
        components.into_iter().find(|components| tree.is_dir(components)).map(|components| (components, true))
    });
    let Some((components, pip)) = found else {
        return Err(missing(
            "moonraker_missing",
            format!(
                "there is no Moonraker in {}",
                places.iter().map(|place| place.display().to_string()).collect::<Vec<_>>().join(" or ")
            ),
            "Install Moonraker first; or say where its checkout or its Python environment is: `--moonraker DIR`.",
        ));
    };
    let port = text::option(conf, "server", "port").and_then(|port| port.parse().ok()).unwrap_or(7125);
    let service = service(tree, data, "moonraker", runs_moonraker);
    Ok(Moonraker { components, pip, service, port, socket: data.join("comms/moonraker.sock") })
}

/// The unit that runs this program for this printer; several printers have numbered ones. `None` where the usual one is visibly
/// another printer's.
fn service(tree: &Tree, data: &Path, usual: &str, runs: fn(&[&str]) -> bool) -> Option<String> {
    let is_data = |folder: &PathBuf| tree.resolve(folder) == tree.resolve(data);
    let mut ours: Vec<String> = Vec::new();
    let mut is_anothers = false;
    for folder in ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"].map(Path::new) {
        for name in tree.names(folder) {
            let Some(stem) = name.strip_suffix(".service") else { continue };
            let text = tree.text(&folder.join(&name)).ok().flatten().unwrap_or_default();
            let unit = Unit::read(tree, &text);
            let own = format!("systemd/{usual}.env");
            let mut at = unit
                .files
                .iter()
                .filter(|file| file.ends_with(&own))
                .filter_map(|file| file.ancestors().nth(2));
            let by_file = at.any(|at| is_data(&at.to_owned()));
            let printers = unit.printers();
            if by_file || runs(&unit.words()) && printers.iter().any(is_data) {
                ours.push(stem.to_owned());
            }
            is_anothers |= stem == usual && !printers.is_empty() && !printers.iter().any(is_data);
        }
    }
    // Other programs of this printer can name its files too: the usual name goes before theirs.
    let number = |name: &str| {
        name.strip_prefix(usual).is_some_and(|rest| {
            rest.strip_prefix('-')
                .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit()))
        })
    };
    ours.sort_by_key(|name| (name != usual, !number(name), name.clone()));
    ours.into_iter().next().or_else(|| (!is_anothers).then(|| usual.to_owned()))
}

/// What a unit starts.
struct Unit {
    exec: Vec<String>,
    files: Vec<PathBuf>,
    /// What stands in these files.
    variables: String,
}

impl Unit {
    fn read(tree: &Tree, text: &str) -> Self {
        let text = text.replace("\\\n", " ");
        let values = |key: &str| -> Vec<String> {
            let found =
                text.lines().filter_map(|line| line.trim().strip_prefix(key)?.trim_start().strip_prefix('='));
            found.flat_map(str::split_whitespace).map(|word| word.trim_matches('"').to_owned()).collect()
        };
        let files = values("EnvironmentFile");
        let files: Vec<PathBuf> = files.iter().map(|file| file.trim_start_matches('-').into()).collect();
        let variables = files.iter().filter_map(|file| tree.text(file).ok().flatten()).collect();
        Self { exec: values("ExecStart"), files, variables }
    }

    fn words(&self) -> Vec<&str> {
        let variables = self.variables.split(|c: char| c.is_whitespace() || matches!(c, '"' | '=' | '\''));
        self.exec.iter().map(String::as_str).chain(variables).collect()
    }

    /// The folders of printers in which it names something.
    fn printers(&self) -> Vec<PathBuf> {
        let files = self.files.iter().map(PathBuf::as_path);
        let paths = self.words().into_iter().map(Path::new).chain(files).filter(|path| path.is_absolute());
        // Its configuration lies in a folder of that name, and its variables in that of systemd.
        let inside = |path: &Path| {
            let known = ["config", "systemd", "logs", "comms"].map(std::ffi::OsStr::new);
            let folder =
                path.ancestors().find(|folder| folder.file_name().is_some_and(|name| known.contains(&name)));
            let named = path
                .ancestors()
                .find(|folder| folder.file_name().and_then(|name| name.to_str()).is_some_and(is_data_name));
            named.or_else(|| folder.and_then(Path::parent)).map(Path::to_owned)
        };
        let system = Path::new("/etc");
        paths.filter_map(inside).filter(|folder| !folder.starts_with(system)).collect()
    }
}

fn runs_klipper(exec: &[&str]) -> bool {
    exec.iter().any(|word| word.ends_with("/klippy.py"))
}

/// Its own program and module, none of those that are named after it.
fn runs_moonraker(exec: &[&str]) -> bool {
    let module = exec.windows(2).any(|words| matches!(words, ["-m", "moonraker" | "moonraker.moonraker"]));
    module || exec.iter().any(|word| word.ends_with("/moonraker.py") || word.ends_with("/bin/moonraker"))
}

fn init(tree: &Tree) -> Result<Init, Problem> {
    let there = |path: &str| tree.exists(Path::new(path));
    // An image that is being made has the program and does not run it yet.
    let first = tree.resolve(Path::new("/sbin/init"));
    let chosen = !tree.exists(&first) || first.ends_with("systemd");
    if there("/run/systemd/system") || there("/usr/lib/systemd/systemd") && chosen {
        return Ok(Init::Systemd);
    }
    let scripts = tree.names(Path::new("/etc/init.d"));
    let numbered = |name: &String| {
        name.strip_prefix('S')
            .is_some_and(|rest| rest.chars().take(2).filter(char::is_ascii_digit).count() == 2)
    };
    if scripts.iter().any(numbered) || scripts.iter().any(|name| name == "rcS") && !there("/etc/rc2.d") {
        return Ok(Init::BusyBox);
    }
    if there("/etc/rc2.d") {
        return Ok(Init::SysV);
    }
    if there("/etc/systemd/system") {
        return Ok(Init::Systemd);
    }
    Err(missing(
        "init_missing",
        "neither systemd nor a folder of start scripts was found".to_owned(),
        "Install by hand: the printer guide says which pieces belong where.",
    ))
}

fn parts(tree: &Tree, said: &Said, program: &Path) -> Result<Parts, Problem> {
    let mut places: Vec<PathBuf> = said.parts.clone().into_iter().collect();
    if places.is_empty() {
        places.push(PACKAGED_PARTS.into());
        places.push("/usr/local/share/sealpost-printer".into());
        places.extend(program.ancestors().skip(1).map(Path::to_owned));
    }
    let is_there = |place: &PathBuf| {
        tree.exists(&place.join("klipper/sealpost/extra.py"))
            && tree.exists(&place.join("moonraker/sealpost/component.py"))
    };
    let Some(folder) = places.into_iter().find(is_there) else {
        return Err(missing(
            "parts_missing",
            "the parts for Klipper and Moonraker are not beside this program".to_owned(),
            "Install the package, or name the folder with `klipper/` and `moonraker/`: `--parts DIR`.",
        ));
    };
    let checkout = checkout(tree, &folder);
    Ok(Parts { folder, checkout })
}

fn checkout(tree: &Tree, folder: &Path) -> Option<Checkout> {
    let config = tree.text(&folder.join(".git/config")).ok()??;
    let unindented: String = config.lines().map(|line| format!("{}\n", line.trim())).collect();
    let origin = text::option(&unindented, "remote \"origin\"", "url")?;
    let head = tree.text(&folder.join(".git/HEAD")).ok()??;
    let branch = head.trim().strip_prefix("ref: refs/heads/")?.to_owned();
    let plain =
        |text: &str| text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '#' | ';' | '{' | '}'));
    (plain(&origin) && plain(&branch)).then_some(Checkout { origin, branch })
}

/// Asks Moonraker where it runs, else reads its configuration.
fn access(tree: &Tree, moonraker: &Moonraker, conf: &str) -> Access {
    let asked = tree.is_live().then(|| live::wants_key(moonraker.port)).flatten();
    if asked.unwrap_or_else(|| !trusts_loopback(conf)) {
        let key = if tree.is_live() { live::api_key(&tree.at(&moonraker.socket)) } else { None };
        return Access::Key(key);
    }
    Access::Trusted
}

fn trusts_loopback(conf: &str) -> bool {
    let option = |name| text::option(conf, "authorization", name).unwrap_or_default();
    let forced = option("force_logins").eq_ignore_ascii_case("true");
    let trusted = option("trusted_clients");
    let mut trusted = trusted.split(['\n', ',']).map(str::trim);
    !forced && trusted.any(|client| client.starts_with("127.") || matches!(client, "localhost" | "0.0.0.0/0"))
}

fn missing(code: &str, detail: String, hint: &str) -> Problem {
    let title = match code {
        "klipper_missing" => "Klipper was not found",
        "moonraker_missing" => "Moonraker was not found",
        "printer_data_missing" | "config_missing" => "The printer's configuration was not found",
        "printer_data_unclear" => "There is more than one printer",
        "user_missing" | "user_unclear" => "It is not clear who runs Klipper",
        "parts_missing" => "The parts for Klipper and Moonraker were not found",
        _ => "This system is not known",
    };
    Problem::new(400, code, title).detail(detail).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moonraker_that_trusts_this_machine_needs_no_key() {
        for (conf, trusts) in [
            ("[authorization]\ntrusted_clients:\n    10.0.0.0/8\n    127.0.0.0/8\n", true),
            ("[authorization]\ntrusted_clients:\n    192.168.0.0/16\n", false),
            ("[authorization]\nforce_logins: True\ntrusted_clients:\n    127.0.0.1\n", false),
            ("[server]\n", false),
        ] {
            assert_eq!(trusts_loopback(conf), trusts, "{conf}");
        }
    }

    #[test]
    fn services_are_known_by_what_they_run() {
        let folder = tempfile::tempdir().unwrap();
        let units = folder.path().join("etc/systemd/system");
        std::fs::create_dir_all(&units).unwrap();
        let tree = Tree::new(folder.path());
        let unit = |name: &str, text: &str| {
            std::fs::write(units.join(name), format!("[Service]\n{text}\n")).unwrap()
        };
        let found = |data: &str| {
            let data = Path::new(data);
            let klipper = service(&tree, data, "klipper", runs_klipper);
            (klipper, service(&tree, data, "moonraker", runs_moonraker))
        };
        let named = |klipper: &str, moonraker: &str| (Some(klipper.to_owned()), Some(moonraker.to_owned()));
        assert_eq!(
            found("/home/pi/printer_data"),
            named("klipper", "moonraker"),
            "the usual names where none is known"
        );

        // As their installers write them.
        unit(
            "moonraker-obico.service",
            "ExecStart=/home/pi/moonraker-obico-env/bin/python3 -m moonraker_obico.app -c /home/pi/printer_data/config/moonraker-obico.cfg",
        );
        unit(
            "moonraker-telegram-bot.service",
            "EnvironmentFile=/home/pi/printer_data/systemd/moonraker-telegram-bot.env\nExecStart=/x/python /x/main.py $TELEGRAM_BOT_ARGS",
        );
        unit(
            "moonraker-1.service",
            "EnvironmentFile=/home/pi/printer_1_data/systemd/moonraker.env\nExecStart=/x/python $MOONRAKER_ARGS",
        );
        unit(
            "klipper-2.service",
            "ExecStart=/x/python /home/pi/klipper/klippy/klippy.py \\\n  /home/pi/printer_2_data/config/printer.cfg",
        );
        assert_eq!(found("/home/pi/printer_data"), named("klipper", "moonraker"));
        assert_eq!(found("/home/pi/printer_1_data"), named("klipper", "moonraker-1"));
        assert_eq!(found("/home/pi/printer_2_data"), named("klipper-2", "moonraker"));
        unit("printer.service", "ExecStart=/x/python -m moonraker -d /home/pi/printer_data");
        assert_eq!(found("/home/pi/printer_data"), named("klipper", "printer"));
        unit(
            "moonraker.service",
            "EnvironmentFile=/home/pi/printer_data/systemd/moonraker.env\nExecStart=/x/python $MOONRAKER_ARGS",
        );
        assert_eq!(found("/home/pi/printer_data"), named("klipper", "moonraker"));

        // The usual name is another printer's, and the one that is meant says so in a file of its own.
        unit(
            "klipper.service",
            "EnvironmentFile=/home/pi/printer_1_data/systemd/klipper.env\nExecStart=/x/python $KLIPPER_ARGS",
        );
        unit(
            "klipper-2.service",
            "EnvironmentFile=/etc/default/klipper-2\nExecStart=/x/python $KLIPPER_ARGS",
        );
        assert_eq!(found("/home/pi/printer_1_data").0.unwrap(), "klipper");
        assert_eq!(found("/home/pi/printer_2_data").0, None);
        std::fs::create_dir_all(folder.path().join("etc/default")).unwrap();
        std::fs::write(
            folder.path().join("etc/default/klipper-2"),
            "KLIPPER_ARGS=\"/home/pi/klipper/klippy/klippy.py /home/pi/printer_2_data/config/printer.cfg\"\n",
        )
        .unwrap();
        assert_eq!(found("/home/pi/printer_2_data").0.unwrap(), "klipper-2");
    }
}
