//! Files for their owner alone, written whole or not at all.

use std::{
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use atomic_write_file::{OpenOptions, unix::OpenOptionsExt as _};

/// Replaces `path` by a file of mode 0600 that holds `content`.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().mode(0o600).preserve_mode(false).open(path)?;
    file.write_all(content)?;
    file.commit()
}
