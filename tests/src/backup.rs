//! `sealpost backup` and `sealpost restore`, and what is inside of a backup.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::programs::built;
use crate::store::Options;

/// A place for backups, and the passphrase of them all.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    /// In a folder that exists.
    pub fn new(folder: &Path) -> Result<Self> {
        fs::write(folder.join("passphrase"), "three words and a number 7\n")?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// A file on it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Backs up the store that was started in `store`.
    pub fn back_up(&self, store: &Path, name: &str) -> Result<Value> {
        let mut command = self.command("backup", &self.file(name))?;
        command.arg("--config").arg(store.join("store.toml")).arg("--data").arg(store.join("store"));
        answer(&command.args(["--work-factor", "10", "--force", "--json"]).output()?)
    }

    /// The command that makes a store of a backup in `store`.
    pub fn restoring(&self, name: &str, store: &Path, options: &Options) -> Result<Command> {
        fs::create_dir_all(store)?;
        let mut config = options.config.clone();
        if let Some(url) = &options.database_url {
            config = format!("database_url = \"{url}\"\n{config}");
        }
        fs::write(store.join("store.toml"), config)?;
        let mut command = self.command("restore", &self.file(name))?;
        command.arg("--config").arg(store.join("store.toml")).arg("--data").arg(store.join("store"));
        command.arg("--json");
        Ok(command)
    }

    /// Makes a store of a backup in `store`, where [`crate::store::Store::start`] starts it with the same options.
    pub fn restore(&self, name: &str, store: &Path, options: &Options) -> Result<Value> {
        answer(&self.restoring(name, store, options)?.output()?)
    }

    /// Looks a backup through.
    pub fn check(&self, name: &str) -> Result<Value> {
        answer(&self.command("restore", &self.file(name))?.args(["--check", "--json"]).output()?)
    }

    /// Rows of each table as lines, sorted; sealed files and keys under their names.
    pub fn inside(&self, name: &str) -> Result<BTreeMap<String, Vec<String>>> {
        let mut inside: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (member, content) in self.members(name)? {
            match member.strip_prefix("tables/").and_then(|rest| rest.split_once('/')) {
                Some((table, _)) => inside
                    .entry(table.to_owned())
                    .or_default()
                    .extend(String::from_utf8(content)?.lines().map(str::to_owned)),
                None => _ = inside.insert(member, vec![hex::encode(content)]),
            }
        }
        inside.values_mut().for_each(|rows| rows.sort());
        Ok(inside)
    }

    /// Members with their contents, read by the stock `age` library and by the layout of tar alone.
    pub fn members(&self, name: &str) -> Result<Vec<(String, Vec<u8>)>> {
        let tar = self.opened(name)?;
        let (mut members, mut rest) = (Vec::new(), &tar[..]);
        while rest.first().is_some_and(|byte| *byte != 0) {
            let (header, after) = rest.split_at_checked(512).context("a header is cut")?;
            let text = |range: std::ops::Range<usize>| {
                String::from_utf8_lossy(&header[range]).trim_end_matches(['\0', ' ']).to_owned()
            };
            let size = usize::from_str_radix(&text(124..136), 8)?;
            let (content, after) =
                after.split_at_checked(size.next_multiple_of(512)).context("a member is cut")?;
            members.push((format!("{}{}", text(345..500), text(0..100)), content[..size].to_vec()));
            rest = after;
        }
        Ok(members)
    }

    /// The archive in a backup.
    pub fn opened(&self, name: &str) -> Result<Vec<u8>> {
        let passphrase = fs::read_to_string(self.file("passphrase"))?;
        let identity = age::scrypt::Identity::new(age::secrecy::SecretString::from(passphrase.trim_end()));
        let decryptor = age::Decryptor::new(fs::File::open(self.file(name))?)?;
        let mut tar = Vec::new();
        decryptor.decrypt(std::iter::once(&identity as _))?.read_to_end(&mut tar)?;
        Ok(tar)
    }

    /// A backup with these bytes inside, sealed as one is.
    pub fn forge(&self, name: &str, inside: &[u8]) -> Result<()> {
        let passphrase = fs::read_to_string(self.file("passphrase"))?;
        let mut recipient =
            age::scrypt::Recipient::new(age::secrecy::SecretString::from(passphrase.trim_end()));
        recipient.set_work_factor(10);
        let encryptor = age::Encryptor::with_recipients(std::iter::once(&recipient as _))?;
        let mut sealed = encryptor.wrap_output(fs::File::create(self.file(name))?)?;
        sealed.write_all(inside)?;
        sealed.finish()?;
        Ok(())
    }

    fn command(&self, what: &str, file: &Path) -> Result<Command> {
        let mut command = Command::new(built("sealpost")?);
        command.arg(what).arg(file).arg("--passphrase-file").arg(self.file("passphrase"));
        Ok(command)
    }
}

/// The JSON of a command that must succeed; else its code is the error.
pub fn answer(output: &Output) -> Result<Value> {
    let said = String::from_utf8_lossy(&output.stderr);
    let json: Value = serde_json::from_slice(&output.stdout).with_context(|| said.to_string())?;
    if !output.status.success() {
        bail!("{}", json["error"]["code"].as_str().unwrap_or(&said));
    }
    Ok(json)
}
