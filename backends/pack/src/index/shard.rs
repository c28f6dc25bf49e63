//! [`Shard`]: one of 256 parts of the index. [`ShardKeys`]: its keys at one moment.

use std::ops::Range;
use std::sync::Arc;

use larder::Result;
use larder::io::Halt;

use super::failure;
use super::file::{Blocks, CheckpointFile};
use super::location::{Found, Slot};
use super::packed;
use super::recent::{KeySet, Net, Recent};
use super::table::Table;
use super::{Change, tag_of};

/// The keys whose hashes begin with the same 8 bits.
#[derive(Debug)]
pub(super) struct Shard {
    /// The slots, once they are loaded.
    pub(super) table: Option<Table>,
    /// Where the slots are loaded from, and where the keys stand that are not in `recent`.
    pub(super) checkpoint: Option<Arc<CheckpointFile>>,
    /// The keys that came and went since.
    pub(super) recent: Recent,
}

impl Shard {
    /// Without keys.
    pub(super) fn empty() -> Shard {
        Shard { table: Some(Table::default()), checkpoint: None, recent: Recent::default() }
    }

    /// As it is in the checkpoint, not loaded yet.
    pub(super) fn stored(number: usize, checkpoint: Arc<CheckpointFile>) -> Shard {
        let table = (checkpoint.count(number) == 0).then(Table::default);
        Shard { table, checkpoint: Some(checkpoint), recent: Recent::default() }
    }

    #[inline]
    pub(super) fn find(&self, hash: u64) -> Found {
        match &self.table {
            Some(table) => table.find(tag_of(hash)),
            None => Found::NotLoaded,
        }
    }

    /// What the slots must be loaded from; `None` if they are there.
    pub(super) fn not_loaded(&self) -> Option<Arc<CheckpointFile>> {
        if self.table.is_some() { None } else { self.checkpoint.clone() }
    }

    /// Makes one change, or none if the old place is not there.
    pub(super) fn change(&mut self, change: &Change<'_>) -> Result<()> {
        let tag = tag_of(change.hash);
        let Some(table) = &mut self.table else { return Err(failure::unknown_place()) };
        let known = match (change.old, change.new) {
            (Some(old), Some(new)) => table.replace(tag, old, new),
            (Some(old), None) => {
                let known = table.remove(tag, old);
                if known {
                    self.recent.remove(change.key);
                }
                known
            }
            (None, Some(new)) => {
                table.insert(Slot::new(tag, new));
                self.recent.add(change.key);
                true
            }
            (None, None) => true,
        };
        if known { Ok(()) } else { Err(failure::unknown_place()) }
    }

    /// The bytes that it takes.
    pub(super) fn memory(&self) -> usize {
        size_of::<Shard>() + self.table.as_ref().map_or(0, Table::memory) + self.recent.memory()
    }
}

/// The keys of a shard at one moment: those of the checkpoint, then those that came since.
#[derive(Debug)]
pub(super) struct ShardKeys {
    blocks: Option<Blocks>,
    /// What is left of the block that is being read.
    block: Range<usize>,
    /// Those of the checkpoint that are gone.
    removed: KeySet,
    /// Those that are not in the checkpoint, packed.
    added: Vec<u8>,
    added_at: usize,
}

impl ShardKeys {
    /// The keys of a shard with this number. `buffer` is used for reading.
    pub(super) fn new(
        number: usize,
        checkpoint: Option<Arc<CheckpointFile>>,
        recent: Recent,
        buffer: Vec<u8>,
    ) -> ShardKeys {
        let Net { added, removed } = recent.net();
        let blocks = checkpoint.map(|checkpoint| checkpoint.blocks(number, buffer));
        ShardKeys { blocks, block: 0..0, removed, added, added_at: 0 }
    }

    /// See [`Blocks::waits`].
    pub(super) fn waits(&mut self, waits: bool) {
        if let Some(blocks) = &mut self.blocks {
            blocks.waits(waits);
        }
    }

    /// Gives keys out until `take` says that it has enough (true) or there are no more (false). After an
    /// error it goes on with what can be read.
    pub(super) fn each(&mut self, mut take: impl FnMut(&[u8]) -> Result<Enough>) -> Result<bool, Halt> {
        while let Some(blocks) = &mut self.blocks {
            while self.block.is_empty() {
                match blocks.next()? {
                    Some(block) => self.block = block,
                    None => break,
                }
            }
            if self.block.is_empty() {
                break;
            }
            let bytes = &blocks.bytes()[..self.block.end];
            while !self.block.is_empty() {
                let Some(key) = packed::take(bytes, &mut self.block.start) else {
                    self.block = 0..0;
                    return Err(blocks.damaged().into());
                };
                let key = &bytes[key];
                if !self.removed.is_empty() && self.removed.contains(key) {
                    continue;
                }
                if take(key)?.0 {
                    return Ok(true);
                }
            }
        }
        while let Some(key) = packed::take(&self.added, &mut self.added_at) {
            if take(&self.added[key])?.0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The buffer, to be used again.
    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.blocks.map(Blocks::into_buffer).unwrap_or_default()
    }
}

/// Whether whoever takes keys has enough for now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Enough(pub(super) bool);
