//! Content identifiers of sealed blobs (design section 3), counted while they stream.
//!
//! CIDv1, SHA-256, UnixFS of chunks of 256 KiB with 174 links a node and raw leaves: what `ipfs add --cid-version=1` gives.
//! A blob of one chunk is its raw leaf. Text is lower-case base32 (`bafkrei…`, `bafybei…`).

use rust_unixfs::file::adder::{BalancedCollector, Chunker, FileAdder};

/// Bytes of a chunk.
const CHUNK: usize = 256 << 10;
/// Links of a node.
const LINKS: usize = 174;

/// The CID of bytes at hand.
pub fn of(bytes: &[u8]) -> String {
    let mut hasher = CidHasher::default();
    hasher.update(bytes);
    hasher.finish()
}

/// Takes a blob piece by piece and tells its CID; keeps one chunk and the links, never the blob.
#[derive(Debug)]
pub struct CidHasher {
    adder: FileAdder,
    /// The block that was made last: the root, once it is finished.
    root: String,
}

impl CidHasher {
    /// Takes the next piece, of any size.
    pub fn update(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let (blocks, taken) = self.adder.push(piece);
            if let Some((cid, _)) = blocks.last() {
                self.root = cid.to_string();
            }
            piece = &piece[taken..];
        }
    }

    /// The CID of all that was taken.
    pub fn finish(self) -> String {
        self.adder.finish().last().map_or(self.root, |(cid, _)| cid.to_string())
    }
}

impl Default for CidHasher {
    fn default() -> Self {
        let adder = FileAdder::builder()
            .with_chunker(Chunker::Size(CHUNK))
            .with_collector(BalancedCollector::with_branching_factor(LINKS))
            .build();
        Self { adder, root: String::new() }
    }
}
