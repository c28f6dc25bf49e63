//! Checkpoints of the index: when one is due, what goes in besides, and what the writer remembers of the last.

use std::sync::Arc;

use byteorder::{BigEndian, ByteOrder};
use larder::Result;

use super::Writer;
use crate::failure;
use crate::log::Log;
use crate::place::Place;
use crate::shared::Shared;
use crate::usage::Usage;

/// The last checkpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checkpoints {
    /// The number of the next one.
    pub(crate) next: u64,
    /// How much of the log it covers: `None` if there is none.
    pub(crate) position: Option<Place>,
    /// How many bytes had been appended by then, since the store was opened.
    appended: u64,
}

impl Checkpoints {
    pub(crate) fn new(next: u64, position: Option<Place>) -> Checkpoints {
        Checkpoints { next, position, appended: 0 }
    }

    /// Whether the log goes on beyond the last one.
    pub(super) fn are_behind(&self, end: Option<Place>) -> bool {
        self.position != end
    }
}

/// What a checkpoint holds besides the index.
#[derive(Debug, Default)]
pub(crate) struct Extra {
    pub(crate) next_seq: u64,
    pub(crate) next_blob: u64,
    pub(crate) usage: Usage,
    pub(crate) doomed: Vec<u64>,
}

impl Extra {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&self.next_seq.to_be_bytes());
        out.extend_from_slice(&self.next_blob.to_be_bytes());
        self.usage.encode(&mut out);
        self.doomed.iter().for_each(|blob| out.extend_from_slice(&blob.to_be_bytes()));
        out
    }

    /// Reads what a checkpoint holds; `None` if it makes no sense.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Extra> {
        let (next_seq, rest) = bytes.split_first_chunk::<8>()?;
        let (next_blob, rest) = rest.split_first_chunk::<8>()?;
        let (usage, rest) = Usage::decode(rest)?;
        let doomed =
            rest.len().is_multiple_of(8).then(|| rest.chunks_exact(8).map(BigEndian::read_u64).collect())?;
        Some(Extra {
            next_seq: u64::from_be_bytes(*next_seq),
            next_blob: u64::from_be_bytes(*next_blob),
            usage,
            doomed,
        })
    }
}

/// What a checkpoint takes, roughly, in bytes.
fn size(shared: &Shared) -> u64 {
    shared.index.len().saturating_mul(48)
}

impl Writer {
    /// Whether so much was appended since the last one that opening after a kill would take long.
    pub(super) fn checkpoint_is_due(&self) -> bool {
        let since = self.appended - self.checkpoints.appended;
        since >= self.policy.checkpoint_bytes.max(4 * size(&self.shared))
    }

    /// Writes a checkpoint of everything that is in the log.
    pub(super) fn checkpoint(&mut self) -> Result<()> {
        let log = self.log.as_mut().ok_or_else(failure::closed)?;
        // It must not say more than the log does after a crash.
        log.fsync()?;
        let position = log.end();
        let extra = Extra {
            next_seq: log.next_seq(),
            next_blob: self.shared.next_blob(),
            usage: self.usage.clone(),
            doomed: self.shared.doomed(),
        };
        // Those that it does not name are gone.
        self.shared.sync_removals()?;
        let shared = Arc::clone(&self.shared);
        let (disk, dir) = (&*shared.disk, shared.layout.root());
        let number = self.checkpoints.next;
        self.checkpoints.next += 1;
        shared.index.checkpoint(disk, dir, number, position, &extra.encode())?;
        self.checkpoints =
            Checkpoints { position: Some(position), appended: self.appended, ..self.checkpoints };
        self.record(false);
        // One that cannot be removed is removed next time.
        _ = crate::index::remove_older(disk, dir, number);
        Ok(())
    }
}

impl Log {
    /// Whether a segment is, in part or as a whole, beyond a position.
    pub(super) fn is_beyond(segment: u32, position: Option<Place>) -> bool {
        position.is_none_or(|position| segment >= position.segment)
    }
}
