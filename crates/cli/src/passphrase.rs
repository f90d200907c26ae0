//! Streams under a passphrase: age files (scrypt), which `age -d` opens too.

use std::{
    cell::Cell,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    rc::Rc,
};

use age::{
    DecryptError, Decryptor, Encryptor,
    scrypt::{Identity, Recipient},
    secrecy::SecretString,
    stream::{StreamReader, StreamWriter},
};
use clap::Args;
use sealpost_wallet::{WorkFactor, keystore::MIN_PASSPHRASE_CHARS};
use zeroize::Zeroizing;

use crate::{
    failure::{Doing as _, Failure, Result},
    secret,
};

const OPTION: &str = "--passphrase-file";

/// Where the passphrase comes from.
#[derive(Args, Debug)]
pub(crate) struct Passphrase {
    /// File whose first line is the passphrase (`-`: standard input) instead of asking
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl Passphrase {
    /// The file it is in.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.passphrase_file.as_deref()
    }

    /// One to seal with; typed twice.
    pub(crate) fn choose(&self) -> Result<Zeroizing<String>> {
        let passphrase = secret::read_new("passphrase", self.file(), OPTION)?;
        if passphrase.chars().count() < MIN_PASSPHRASE_CHARS {
            let sentence = format!("the passphrase is shorter than {MIN_PASSPHRASE_CHARS} characters");
            return Err(Failure::usage("short_passphrase", sentence).hint(
                "whoever gets the file can try passphrases for as long as they like: take several words",
            ));
        }
        Ok(passphrase)
    }

    /// The one it was sealed with.
    pub(crate) fn ask(&self) -> Result<Zeroizing<String>> {
        secret::read("passphrase", self.file(), OPTION)
    }
}

/// Seals what is written to it; without `finish` what was written does not open.
pub(crate) fn seal<W: Write>(out: W, passphrase: &str, work: WorkFactor) -> Result<StreamWriter<W>> {
    let mut recipient = Recipient::new(SecretString::from(passphrase));
    recipient.set_work_factor(work.log2());
    let encryptor = Encryptor::with_recipients(std::iter::once(&recipient as _)).doing("seal", "seal")?;
    encryptor.wrap_output(out).doing("output_file", "begin to write")
}

/// Opens a stream that [`seal`] wrote, or any age file under a passphrase.
pub(crate) fn open<R: Read>(source: R, passphrase: &str) -> Result<Opened<R>> {
    let ended = Rc::new(Cell::new(false));
    let source = Source { source, ended: ended.clone() };
    let decryptor = Decryptor::new(source).map_err(|error| refused(&error))?;
    if !decryptor.is_scrypt() {
        return Err(refused(&DecryptError::InvalidHeader));
    }
    let mut identity = Identity::new(SecretString::from(passphrase));
    identity.set_max_work_factor(WorkFactor::MAX.log2());
    let reader = decryptor.decrypt(std::iter::once(&identity as _)).map_err(|error| refused(&error))?;
    Ok(Opened { reader, ended })
}

/// What is inside of a stream. Its last piece does not open where it was cut; that reads as an end that came too early.
pub(crate) struct Opened<R> {
    reader: StreamReader<Source<R>>,
    ended: Rc<Cell<bool>>,
}

impl<R: Read> Read for Opened<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buf).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData if self.ended.get() => io::ErrorKind::UnexpectedEof.into(),
            _ => error,
        })
    }
}

/// Notices its end.
struct Source<R> {
    source: R,
    ended: Rc<Cell<bool>>,
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buf)?;
        self.ended.set(self.ended.get() || (read == 0 && !buf.is_empty()));
        Ok(read)
    }
}

fn refused(error: &DecryptError) -> Failure {
    match error {
        DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => {
            Failure::new("passphrase", "the passphrase does not open it")
                .hint("type it again; nothing was changed")
        }
        DecryptError::ExcessiveWork { required, .. } => Failure::new(
            "too_much_work",
            format!("each try of its passphrase costs 2^{required}, which is too much"),
        )
        .hint("no backup of this program does: take the right file"),
        DecryptError::InvalidMac => {
            Failure::new("backup_damaged", "its first bytes were changed").hint("take another copy of it")
        }
        DecryptError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Failure::new("backup_truncated", "it ends within its first bytes")
                .hint("take a copy that is whole, or an older backup")
        }
        DecryptError::Io(error) => Failure::new("file", format!("it could not be read: {error}"))
            .hint("check the file, and that you may read it"),
        _ => Failure::new("no_backup", "this is no age file under a passphrase, as backups are")
            .hint("name the file that `sealpost backup` wrote"),
    }
}
