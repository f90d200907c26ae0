//! The members of a backup, one behind the other, as a tar archive (POSIX.1-1988 `ustar`) that stock tools read.
//!
//! The hash of each goes into `SHA256SUMS`, the last but one, as `sha256sum -c` reads it.

use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};
use tar::{EntryType, Header};

use super::BackupError;
use super::error::unread;
use super::manifest::Contents;

pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const SUMS: &str = "SHA256SUMS";
pub(super) const END: &str = "end.json";

const BLOCK: usize = 512;
/// Largest member that is read whole: one row of a table may be larger than a step of it, and hashes are listed for each member.
const WHOLE: u64 = 1 << 30;

/// Writes members.
pub(super) struct Writer<'a> {
    out: &'a mut dyn Write,
    made_at_s: u64,
    sums: Vec<u8>,
    members: u64,
}

/// A member that is being written.
pub(super) struct Open<'w, 'a> {
    writer: &'w mut Writer<'a>,
    name: String,
    hash: Sha256,
    size: u64,
    left: u64,
}

impl<'a> Writer<'a> {
    pub(super) fn new(out: &'a mut dyn Write, made_at_s: u64) -> Self {
        Self { out, made_at_s, sums: Vec::new(), members: 0 }
    }

    /// Writes a member whole.
    pub(super) fn member(&mut self, name: &str, content: &[u8]) -> Result<(), BackupError> {
        let mut open = self.open(name, content.len() as u64)?;
        open.write(content)?;
        open.close().map(drop)
    }

    /// Begins a member of exactly that size.
    pub(super) fn open<'w>(&'w mut self, name: &str, size: u64) -> Result<Open<'w, 'a>, BackupError> {
        self.header(name, size)?;
        Ok(Open { writer: self, name: name.to_owned(), hash: Sha256::new(), size, left: size })
    }

    /// Writes hashes and the last record.
    pub(super) fn finish(mut self, mut contents: Contents) -> Result<Contents, BackupError> {
        let sums = std::mem::take(&mut self.sums);
        contents.members = self.members + 1;
        self.member(SUMS, &sums)?;
        self.member(END, &line(&contents)?)?;
        self.out.write_all(&[0; 2 * BLOCK]).map_err(BackupError::Write)?;
        self.out.flush().map_err(BackupError::Write)?;
        Ok(contents)
    }

    fn header(&mut self, name: &str, size: u64) -> Result<(), BackupError> {
        let mut header = Header::new_ustar();
        header.set_path(name).map_err(BackupError::Write)?;
        header.set_size(size);
        header.set_mode(0o600);
        header.set_mtime(self.made_at_s);
        header.set_entry_type(EntryType::Regular);
        header.set_cksum();
        self.out.write_all(header.as_bytes()).map_err(BackupError::Write)
    }
}

impl Open<'_, '_> {
    pub(super) fn write(&mut self, piece: &[u8]) -> Result<(), BackupError> {
        let length = piece.len() as u64;
        self.left = self.left.checked_sub(length).ok_or_else(|| {
            BackupError::Write(io::Error::other("a member is larger than it was said to be"))
        })?;
        self.hash.update(piece);
        self.writer.out.write_all(piece).map_err(BackupError::Write)
    }

    /// Bytes that are missing.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// Ends the member; the hash of its content, lower hex.
    pub(super) fn close(self) -> Result<String, BackupError> {
        let padding = padding(self.size);
        self.writer.out.write_all(&[0; BLOCK][..padding]).map_err(BackupError::Write)?;
        let hash = hex::encode(self.hash.finalize());
        self.writer.sums.extend_from_slice(format!("{hash}  {}\n", self.name).as_bytes());
        self.writer.members += 1;
        Ok(hash)
    }
}

/// Reads members and compares their hashes.
#[derive(Debug)]
pub(super) struct Reader<R> {
    source: R,
    sums: Sha256,
    members: u64,
    name: String,
    hash: Sha256,
    size: u64,
    left: u64,
}

impl<R: Read> Reader<R> {
    pub(super) fn new(source: R) -> Self {
        let (sums, hash) = (Sha256::new(), Sha256::new());
        Self { source, sums, members: 0, name: String::new(), hash, size: 0, left: 0 }
    }

    /// Goes to the next member, which must be read to its end: its name and size.
    pub(super) fn next(&mut self) -> Result<(String, u64), BackupError> {
        let mut block = [0; BLOCK];
        self.source.read_exact(&mut block).map_err(|error| unread(&error))?;
        let header = Header::from_byte_slice(&block);
        let damaged = || BackupError::Damaged("something else stands where a member should begin".to_owned());
        let name = header.path().ok().and_then(|path| path.to_str().map(str::to_owned));
        let (Some(name), Ok(size), true) = (name, header.size(), header.as_ustar().is_some()) else {
            return Err(damaged());
        };
        let summed = checksum(&block) == header.cksum().unwrap_or_default();
        if header.entry_type() != EntryType::Regular || name.is_empty() || !summed {
            return Err(damaged());
        }
        (self.name, self.hash, self.size, self.left) = (name.clone(), Sha256::new(), size, size);
        Ok((name, size))
    }

    /// A part of the member; nothing at its end.
    pub(super) fn piece<'b>(&mut self, buffer: &'b mut [u8]) -> Result<&'b [u8], BackupError> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let piece = &mut buffer[..most];
        self.source.read_exact(piece).map_err(|error| unread(&error))?;
        self.hash.update(&*piece);
        self.left -= most as u64;
        if self.left == 0 && most > 0 || self.size == 0 {
            let mut padding_bytes = [0; BLOCK];
            let padding = &mut padding_bytes[..padding(self.size)];
            self.source.read_exact(padding).map_err(|error| unread(&error))?;
            if padding.iter().any(|byte| *byte != 0) {
                return Err(BackupError::Damaged("there is something between two members".to_owned()));
            }
            let line = format!("{}  {}\n", hex::encode(self.hash.finalize_reset()), self.name);
            if self.name != SUMS && self.name != END {
                self.sums.update(line.as_bytes());
            }
            self.members += 1;
        }
        Ok(piece)
    }

    /// The member whole.
    pub(super) fn whole(&mut self) -> Result<zeroize::Zeroizing<Vec<u8>>, BackupError> {
        if self.size > WHOLE {
            return Err(BackupError::Damaged("a member is larger than any can be".to_owned()));
        }
        let mut content = zeroize::Zeroizing::new(vec![0; usize::try_from(self.size).unwrap_or(0)]);
        self.piece(&mut content)?;
        Ok(content)
    }

    /// Compares the listed hashes with those of what was read, and the last record with what came before.
    pub(super) fn finish(mut self, seen: &Contents) -> Result<Contents, BackupError> {
        let members = self.members;
        let listed = Sha256::digest(&*self.whole()?);
        if listed != self.sums.clone().finalize() {
            return Err(BackupError::Damaged("a member is not the one that was written".to_owned()));
        }
        let (name, _) = self.next()?;
        let end: Contents = serde_json::from_slice(&self.whole()?)?;
        let counted = Contents { members: members + 1, missing: end.missing.clone(), ..seen.clone() };
        if name != END || end != counted {
            return Err(BackupError::Damaged("it does not hold what its last record counts".to_owned()));
        }
        // What seals it tells at the very end whether that was all.
        let mut rest = [0; BLOCK];
        loop {
            match self.source.read(&mut rest).map_err(|error| unread(&error))? {
                0 => return Ok(end),
                read if rest[..read].iter().all(|byte| *byte == 0) => {}
                _ => return Err(BackupError::Damaged("something follows its end".to_owned())),
            }
        }
    }
}

/// A document as one line.
pub(super) fn line(value: &impl serde::Serialize) -> Result<Vec<u8>, BackupError> {
    let mut text = serde_json::to_vec(value).map_err(|error| BackupError::Write(error.into()))?;
    text.push(b'\n');
    Ok(text)
}

/// The sum of a header's bytes, in which its own field counts as blanks.
fn checksum(block: &[u8; BLOCK]) -> u32 {
    let own = 148..156;
    block.iter().enumerate().map(|(at, byte)| if own.contains(&at) { 32 } else { u32::from(*byte) }).sum()
}

fn padding(size: u64) -> usize {
    (BLOCK - (size % BLOCK as u64) as usize) % BLOCK
}
