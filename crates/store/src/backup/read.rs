//! Reading a backup from its beginning to its end, whoever wants what is in it.

use std::io::Read;

use sealpost_keyring::FileKeys;
use serde_json::Value as Json;

use super::archive::{MANIFEST, Reader, SUMS};
use super::keks::Keks;
use super::manifest::{Contents, FORMAT, Manifest};
use super::{BackupError, KEK, Progress};

/// Bytes of a sealed file that are taken at once.
const STEP: usize = 256 << 10;

/// A backup whose first member was read.
#[derive(Debug)]
pub struct Opened<R> {
    reader: Reader<R>,
    /// What it says of itself.
    pub manifest: Manifest,
}

/// Takes what is in a backup, in the order in which it comes.
pub(super) trait Take {
    /// Rows of the table of that number.
    async fn rows(&mut self, table: usize, rows: Vec<Vec<Json>>) -> Result<(), BackupError>;
    /// A sealed file begins.
    async fn blob(&mut self, name: &str) -> Result<(), BackupError>;
    /// A part of it.
    async fn piece(&mut self, piece: &[u8]) -> Result<(), BackupError>;
    /// It was whole.
    async fn blob_ended(&mut self) -> Result<(), BackupError>;
    /// The file of the key-encryption keys.
    async fn keys(&mut self, document: &str) -> Result<(), BackupError>;
}

impl<R: Read> Opened<R> {
    /// Reads what the backup says of itself.
    ///
    /// # Errors
    /// Something else than a backup, or one of a newer program.
    pub fn new(source: R) -> Result<Self, BackupError> {
        let mut reader = Reader::new(source);
        let (name, _) = reader.next()?;
        if name != MANIFEST {
            return Err(BackupError::Damaged("it does not begin as a backup does".to_owned()));
        }
        let text = reader.whole()?;
        // Of a newer format nothing but its number is known.
        let format = serde_json::from_slice::<Json>(&text)?["format"].as_u64().unwrap_or_default();
        let found = u32::try_from(format).unwrap_or(u32::MAX);
        if found > FORMAT {
            return Err(BackupError::NewerFormat { found, known: FORMAT });
        }
        let manifest: Manifest = serde_json::from_slice(&text)?;
        let known = crate::migrations::all();
        let newer = |name: &&String| !known.iter().any(|migration| migration.name() == name.as_str());
        if let Some(newer) = manifest.migrations.iter().find(newer) {
            return Err(BackupError::NewerBackup(newer.clone()));
        }
        Ok(Self { reader, manifest })
    }

    /// Reads it all, keeps nothing, and compares every hash and count.
    ///
    /// # Errors
    /// Whatever is wrong with it.
    pub async fn check(
        self,
        progress: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<(Manifest, Contents), BackupError> {
        let manifest = self.manifest.clone();
        let contents = self.pass_to(&mut Nothing, progress).await?;
        Ok((manifest, contents))
    }

    /// Hands out all that is in it.
    pub(super) async fn pass_to(
        self,
        to: &mut impl Take,
        progress: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Contents, BackupError> {
        let Self { mut reader, manifest } = self;
        let mut seen = Contents::default();
        seen.rows.extend(manifest.tables.iter().map(|table| (table.name.clone(), 0)));
        let mut buffer = vec![0; STEP];
        let mut keks = Keks::default();
        let sealed: Vec<Option<usize>> = manifest
            .tables
            .iter()
            .map(|table| Keks::cell(&table.name, table.columns.iter().map(|column| column.name.as_str())))
            .collect();
        loop {
            let (name, _) = reader.next()?;
            if name == SUMS {
                return reader.finish(&seen);
            } else if name == KEK {
                let document = reader.whole()?;
                let document = str::from_utf8(&document)
                    .map_err(|_| BackupError::Damaged("its keys are no text".to_owned()))?;
                if !keks.are_in(&FileKeys::of_document(document).map_err(crate::Error::from)?) {
                    return Err(BackupError::OtherKeysInside);
                }
                to.keys(document).await?;
                seen.keys += 1;
            } else if let Some(blob) = name.strip_prefix("blobs/") {
                progress(Progress::Blobs { bytes: seen.blob_bytes, of: 0 });
                to.blob(blob).await?;
                loop {
                    let piece = reader.piece(&mut buffer)?;
                    if piece.is_empty() {
                        break;
                    }
                    seen.blob_bytes += piece.len() as u64;
                    to.piece(piece).await?;
                }
                to.blob_ended().await?;
                seen.blobs += 1;
            } else {
                let table = name.strip_prefix("tables/").and_then(|rest| rest.split_once('/'));
                let table =
                    table.and_then(|(table, _)| manifest.tables.iter().position(|known| known.name == table));
                let Some(table) = table else {
                    return Err(BackupError::Damaged("it holds what no backup does".to_owned()));
                };
                progress(Progress::Table(&manifest.tables[table].name));
                let text = reader.whole()?;
                let rows = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
                let rows = rows.map(serde_json::from_slice).collect::<Result<Vec<Vec<Json>>, _>>()?;
                if rows.iter().any(|row| row.len() != manifest.tables[table].columns.len()) {
                    return Err(BackupError::Damaged("a row has too many cells or too few".to_owned()));
                }
                for row in &rows {
                    keks.see(sealed[table].and_then(|at| row.get(at)))?;
                }
                *seen.rows.entry(manifest.tables[table].name.clone()).or_default() += rows.len() as u64;
                to.rows(table, rows).await?;
            }
        }
    }
}

/// Takes everything and keeps nothing.
struct Nothing;

impl Take for Nothing {
    async fn rows(&mut self, _: usize, _: Vec<Vec<Json>>) -> Result<(), BackupError> {
        Ok(())
    }

    async fn blob(&mut self, _: &str) -> Result<(), BackupError> {
        Ok(())
    }

    async fn piece(&mut self, _: &[u8]) -> Result<(), BackupError> {
        Ok(())
    }

    async fn blob_ended(&mut self) -> Result<(), BackupError> {
        Ok(())
    }

    async fn keys(&mut self, _: &str) -> Result<(), BackupError> {
        Ok(())
    }
}
