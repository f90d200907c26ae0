//! A file that exists only in memory and can no longer be changed.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

/// What keeps a file as it is: against writing, shrinking, growing and taking seals off.
pub const SEALS: SealFlags =
    SealFlags::WRITE.union(SealFlags::SHRINK).union(SealFlags::GROW).union(SealFlags::SEAL);

/// A memfd that is being filled.
#[derive(Debug)]
pub struct Draft {
    file: File,
    written: u64,
}

/// A sealed memfd.
#[derive(Debug)]
pub struct SealedFile {
    file: File,
    size: u64,
}

impl Draft {
    /// An empty one that closes on exec. Its name is the same for every job: names of memfds are public.
    pub fn new() -> io::Result<Self> {
        let fd = memfd_create("sealpost", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        Ok(Self { file: File::from(fd), written: 0 })
    }

    /// Seals it for good.
    pub fn seal(self) -> io::Result<SealedFile> {
        fcntl_add_seals(&self.file, SEALS)?;
        Ok(SealedFile { file: self.file, size: self.written })
    }
}

impl Write for Draft {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buf)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SealedFile {
    /// Gives the descriptor away.
    pub fn into_fd(self) -> OwnedFd {
        self.file.into()
    }

    /// Bytes in it.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl AsFd for SealedFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use rustix::fs::fcntl_get_seals;

    use super::*;

    #[test]
    fn a_sealed_file_can_be_read_and_not_changed() {
        let mut draft = Draft::new().unwrap();
        draft.write_all(b"G28\n").unwrap();
        let sealed = draft.seal().unwrap();

        assert_eq!(sealed.size(), 4);
        assert_eq!(fcntl_get_seals(&sealed).unwrap(), SEALS);
        assert!(sealed.file.write_at(b"X", 0).is_err());
        assert!(sealed.file.set_len(2).is_err());
        assert!(sealed.file.set_len(9).is_err());
        let mut bytes = [0; 4];
        sealed.file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"G28\n");
    }
}
