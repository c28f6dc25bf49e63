//! [`CheckpointFile`]: a checkpoint that is read. [`Blocks`]: the keys of a shard in it, block by block.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use larder::Result;
use larder::io::Halt;
use larder::io::{Disk, DiskFile, EntryKind, Mode};

use super::failure;
use super::format::{self, Header, Section};
use super::location::Slot;
use super::table::Table;

/// So many bytes are read at once: a multiple of a slot's.
const CHUNK: usize = 256 << 10;

const _: () = assert!(CHUNK.is_multiple_of(Slot::BYTES));

/// A checkpoint whose header and directory are verified. It stays readable when its name is removed.
#[derive(Debug)]
pub(super) struct CheckpointFile {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    salt: u64,
    number: u64,
    sections: Vec<Section>,
}

impl CheckpointFile {
    /// A file that was just written.
    pub(super) fn new(
        file: Box<dyn DiskFile>,
        path: PathBuf,
        header: &Header,
        sections: Vec<Section>,
    ) -> CheckpointFile {
        CheckpointFile { file, path, salt: header.salt, number: header.number, sections }
    }

    /// Opens a file, and verifies header and directory.
    pub(super) fn open(
        disk: &dyn Disk,
        path: PathBuf,
        salt: u64,
        number: u64,
    ) -> Result<(CheckpointFile, Header)> {
        let damaged = |what| failure::damaged(&path, what);
        let failed = |cause| failure::disk("cannot read", &path, cause);
        if disk.entry(&path).map_err(failed)? != Some(EntryKind::File) {
            return Err(damaged("this is no file"));
        }
        let file = disk.open(&path, Mode::Read).map_err(failed)?;
        let len = file.len().map_err(failed)?;
        let mut fixed = [0; format::FIXED];
        read(&*file, &path, &mut fixed, 0)?;
        let extra = format::extra_len(&fixed).ok_or_else(|| damaged("the header is damaged"))?;
        let header_len = format::FIXED + extra + 4;
        let directory_at = len.checked_sub(format::DIRECTORY as u64);
        let directory_at = directory_at.filter(|at| *at >= header_len as u64);
        let directory_at = directory_at.ok_or_else(|| damaged("the file is cut"))?;
        let mut bytes = vec![0; header_len];
        read(&*file, &path, &mut bytes, 0)?;
        let header = Header::from_bytes(&bytes).ok_or_else(|| damaged("the header is damaged"))?;
        if (header.salt, header.number) != (salt, number) {
            return Err(damaged("this is the file of another store, or under another's name"));
        }
        let mut directory = vec![0; format::DIRECTORY];
        read(&*file, &path, &mut directory, directory_at)?;
        let sections = format::sections(&directory, &bytes, directory_at);
        let sections = sections.ok_or_else(|| damaged("the directory is damaged"))?;
        Ok((CheckpointFile { file, path, salt, number, sections }, header))
    }

    /// How many keys a shard has.
    pub(super) fn count(&self, shard: usize) -> u64 {
        self.sections.get(shard).map_or(0, |section| section.count)
    }

    /// Reads the slots of a shard. Waits for the medium.
    pub(super) fn load(&self, shard: usize) -> Result<Table> {
        let damaged = || failure::damaged(&self.path, "the places of some keys are damaged");
        let section = self.sections.get(shard).copied().unwrap_or_default();
        // The slots lie within the file, so this many can be asked for.
        let count = usize::try_from(section.count).map_err(|_| damaged())?;
        let mut table = Table::with_room(count);
        let mut sum = format::sum_at(self.salt, self.number, section.at);
        let mut left = count.checked_mul(Slot::BYTES).ok_or_else(damaged)?;
        let mut chunk = vec![0; left.min(CHUNK)];
        let mut at = section.at;
        let mut before = 0;
        while left > 0 {
            let chunk = &mut chunk[..left.min(CHUNK)];
            read(&*self.file, &self.path, chunk, at)?;
            sum.update(chunk);
            for bytes in chunk.as_chunks::<{ Slot::BYTES }>().0 {
                let slot = Slot::from_bytes(*bytes);
                if slot.is_empty() || slot.tag() < before {
                    return Err(damaged());
                }
                before = slot.tag();
                table.push(slot);
            }
            at += chunk.len() as u64;
            left -= chunk.len();
        }
        if sum.finalize() != section.slots_sum {
            return Err(damaged());
        }
        Ok(table)
    }

    /// The keys of a shard.
    pub(super) fn blocks(self: &Arc<Self>, shard: usize, chunk: Vec<u8>) -> Blocks {
        let section = self.sections.get(shard).copied().unwrap_or_default();
        // These are not `None`: the directory was checked.
        let at = section.keys_at().unwrap_or_default();
        Blocks {
            file: Arc::clone(self),
            at,
            end: section.end().unwrap_or_default(),
            left: section.count,
            chunk,
            chunk_at: at,
            filled: 0,
            waits: true,
        }
    }

    fn sum_at(&self, at: u64) -> crc32fast::Hasher {
        format::sum_at(self.salt, self.number, at)
    }
}

/// Fills the buffer.
fn read(file: &dyn DiskFile, path: &Path, buffer: &mut [u8], at: u64) -> Result<()> {
    match file.read_full_at(buffer, at) {
        Ok(read) if read == buffer.len() => Ok(()),
        Ok(_) => Err(failure::damaged(path, "the file is cut")),
        Err(cause) => Err(failure::disk("cannot read", path, cause)),
    }
}

/// The keys of a shard in a checkpoint, block by block.
#[derive(Debug)]
pub(super) struct Blocks {
    file: Arc<CheckpointFile>,
    /// Where the next block begins.
    at: u64,
    /// Where the last one ends.
    end: u64,
    /// How many keys are left.
    left: u64,
    /// What was read: `filled` bytes from `chunk_at`.
    chunk: Vec<u8>,
    chunk_at: u64,
    filled: usize,
    /// Whether the medium may be waited for.
    waits: bool,
}

impl Blocks {
    /// Whether the medium may be waited for from now on. Otherwise reading ends with [`Halt::Waits`] where it
    /// would have to be, and goes on there the next time.
    pub(super) fn waits(&mut self, waits: bool) {
        self.waits = waits;
    }

    /// Reads and verifies the next block: where its keys stand in [`Blocks::bytes`]. After an error there
    /// are no more.
    pub(super) fn next(&mut self) -> Result<Option<Range<usize>>, Halt> {
        let block = self.try_next();
        if matches!(block, Err(Halt::Failed(_))) {
            (self.at, self.left) = (self.end, 0);
        }
        block
    }

    /// What [`Blocks::next`] speaks of, until it is called again.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.chunk
    }

    /// The buffer, to be used again.
    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.chunk
    }

    /// The error of keys that are not what the checksum vouched for.
    pub(super) fn damaged(&self) -> larder::Error {
        failure::damaged(&self.file.path, "some keys are damaged")
    }

    fn try_next(&mut self) -> Result<Option<Range<usize>>, Halt> {
        if self.at == self.end {
            return if self.left == 0 { Ok(None) } else { Err(self.damaged().into()) };
        }
        let start = self.need(format::BLOCK_HEAD)?;
        let Some(head) = self.chunk[start..].first_chunk().copied() else {
            return Err(self.damaged().into());
        };
        let (len, count) = format::block_size(&head);
        if len > format::BLOCK_MOST || count > self.left {
            return Err(self.damaged().into());
        }
        let whole = format::BLOCK_HEAD + len;
        let start = self.need(whole)?;
        let keys = start + format::BLOCK_HEAD..start + whole;
        if !format::is_block(&head, &self.chunk[keys.clone()], self.file.sum_at(self.at)) {
            return Err(self.damaged().into());
        }
        self.at += whole as u64;
        self.left -= count;
        Ok(Some(keys))
    }

    /// Sees to it that so many bytes of the block are in the chunk, and says where they begin there.
    fn need(&mut self, len: usize) -> Result<usize, Halt> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        if len > left {
            return Err(self.damaged().into());
        }
        let start = (self.at - self.chunk_at) as usize;
        if start + len <= self.filled {
            return Ok(start);
        }
        let size = left.min(CHUNK.max(len));
        if self.chunk.len() < size {
            self.chunk.resize(size, 0);
        }
        self.filled = 0;
        self.chunk_at = self.at;
        let chunk = &mut self.chunk[..size];
        if self.waits {
            read(&*self.file.file, &self.file.path, chunk, self.at)?;
        } else if !matches!(self.file.file.read_at_cached(chunk, self.at), Ok(Some(read)) if read == size) {
            // What failed, fails again where it may be waited for, and is told there.
            return Err(Halt::Waits);
        }
        self.filled = size;
        Ok(0)
    }
}

/// Removes the checkpoints before this one, and those that were never finished.
///
/// # Errors
/// Those of the disk. What could not be removed does no harm.
pub(crate) fn remove_older(disk: &dyn Disk, dir: &Path, number: u64) -> Result<()> {
    for entry in list(disk, dir)? {
        let is_older = format::number(&entry).is_some_and(|other| other < number);
        if is_older || format::is_unfinished(&entry) {
            let path = dir.join(entry);
            match disk.remove(&path) {
                Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                    return Err(failure::disk("cannot remove", &path, cause));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The numbers of the checkpoints, the newest first.
pub(crate) fn numbers(disk: &dyn Disk, dir: &Path) -> Result<Vec<u64>> {
    let mut numbers: Vec<u64> = list(disk, dir)?.iter().filter_map(|name| format::number(name)).collect();
    numbers.sort_unstable_by(|one, other| other.cmp(one));
    Ok(numbers)
}

/// The salts that the checkpoints claim, the newest first; not verified.
///
/// # Errors
/// Those of listing the directory.
pub(crate) fn salts(disk: &dyn Disk, dir: &Path) -> Result<Vec<u64>> {
    let salt = |number| {
        let mut fixed = [0; format::FIXED];
        let file = disk.open(&dir.join(format::name(number)), Mode::Read).ok()?;
        file.read_full_at(&mut fixed, 0).ok()?;
        format::salt(&fixed)
    };
    Ok(numbers(disk, dir)?.into_iter().filter_map(salt).collect())
}

fn list(disk: &dyn Disk, dir: &Path) -> Result<Vec<String>> {
    let failed = |cause| failure::disk("cannot list", dir, cause);
    let mut names = Vec::new();
    for entry in disk.list(dir).map_err(failed)? {
        names.extend(entry.map_err(failed)?.name.into_string());
    }
    names.sort_unstable();
    Ok(names)
}
