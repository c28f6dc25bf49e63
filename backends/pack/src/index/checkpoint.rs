//! Writing a checkpoint, and opening the newest.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crc32fast::Hasher;
use larder::io::{Disk, DiskFile, Halt, Mode};
use larder::{Error, ErrorKind, Result};

use super::file::{self, CheckpointFile};
use super::format::{self, Header, Section};
use super::recent::Recent;
use super::shard::{Enough, Shard};
use super::table::Table;
use super::{Index, SHARDS, failure, lock, read, write};
use crate::place::Place;

/// So many bytes are written at once.
const CHUNK: usize = 256 << 10;

/// A checkpoint that was found.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    /// The index as it was; its shards are loaded when they are needed.
    pub(crate) index: Index,
    /// It holds all of the log before this.
    pub(crate) position: Place,
    /// What was given to [`Index::checkpoint`].
    pub(crate) extra: Vec<u8>,
    /// Its number.
    pub(crate) number: u64,
}

impl Index {
    /// Opens the newest checkpoint of a store with this salt that is whole, as far as its header and its
    /// directory tell; and says what is wrong with newer ones. What it holds of the shards is verified
    /// when it is read.
    ///
    /// # Errors
    /// Those of listing the directory.
    pub(crate) fn open(disk: &dyn Disk, dir: &Path, salt: u64) -> Result<(Option<Checkpoint>, Vec<Error>)> {
        let mut refused = Vec::new();
        for number in file::numbers(disk, dir)? {
            match CheckpointFile::open(disk, dir.join(format::name(number)), salt, number) {
                Ok((file, header)) => {
                    let index = Index::of(salt, Some(&Arc::new(file)));
                    let Header { position, extra, .. } = header;
                    return Ok((Some(Checkpoint { index, position, extra, number }), refused));
                }
                Err(error) => refused.push(error),
            }
        }
        Ok((None, refused))
    }

    /// Writes the checkpoint with this number, which must be higher than those before. `position`: the
    /// index holds all of the log before it, and nothing after; that part of the log must be durable.
    /// When this is back the checkpoint is durable, and the keys that came before are no longer kept in
    /// memory. Older checkpoints stay: see [`remove_older`](super::remove_older).
    ///
    /// Readers go on meanwhile, and changes wait.
    ///
    /// # Errors
    /// Those of the disk; `Corrupt` if the checkpoint before is damaged; `TooLarge` if `extra` has more
    /// than 16 MiB. Then everything is as before; whether the new file will be found later is not known.
    pub(crate) fn checkpoint(
        &self,
        disk: &dyn Disk,
        dir: &Path,
        number: u64,
        position: Place,
        extra: &[u8],
    ) -> Result<()> {
        if extra.len() > format::EXTRA_BYTES {
            let message = format!("a checkpoint takes no more than {} bytes of others", format::EXTRA_BYTES);
            return Err(failure::error(ErrorKind::TooLarge, message));
        }
        let _writing = lock(&self.writing);
        let header = Header { salt: self.salt, number, position, extra: extra.to_vec() };
        let unfinished = dir.join(format::unfinished_name(number));
        let path = dir.join(format::name(number));
        let written = self.write(disk, &unfinished, &header).and_then(|(file, sections)| {
            let renamed = disk.rename(&unfinished, &path);
            renamed.map_err(|cause| failure::disk("cannot rename", &unfinished, cause))?;
            Ok((file, sections))
        });
        let (file, sections) = written.inspect_err(|_| {
            // What is left does no harm.
            let _ = disk.remove(&unfinished);
        })?;
        disk.sync_dir(dir).map_err(|cause| failure::disk("cannot sync", dir, cause))?;
        let file = Arc::new(CheckpointFile::new(file, path, &header, sections));
        for shard in &self.shards {
            let mut shard = write(shard);
            shard.checkpoint = Some(Arc::clone(&file));
            shard.recent = Recent::default();
        }
        Ok(())
    }

    /// Writes and syncs the file.
    fn write(
        &self,
        disk: &dyn Disk,
        path: &Path,
        header: &Header,
    ) -> Result<(Box<dyn DiskFile>, Vec<Section>)> {
        let failed = |cause| failure::disk("cannot write", path, cause);
        let mut output = Output { file: create(disk, path).map_err(failed)?, at: 0, buffer: Vec::new() };
        let bytes = header.to_bytes();
        output.put(&bytes).map_err(failed)?;
        let mut sections = Vec::with_capacity(SHARDS);
        let mut buffer = Vec::new();
        for (number, shard) in self.shards.iter().enumerate() {
            let at = output.position();
            let mut slots = Slots {
                output: &mut output,
                sum: format::sum_at(header.salt, header.number, at),
                bytes: Vec::new(),
            };
            // What is not loaded stays so: a checkpoint must not fill the memory.
            let stored = read(shard).not_loaded();
            let count = match stored {
                Some(stored) => slots.put(&stored.load(number)?).map_err(failed)?,
                // Only changes would wait for this lock, and they wait for the whole checkpoint.
                None => match &read(shard).table {
                    Some(table) => slots.put(table).map_err(failed)?,
                    None => return Err(failure::unknown_place()),
                },
            };
            let slots_sum = slots.sum.finalize();
            let keys_at = output.position();
            let mut blocks = Blocks { output: &mut output, header, keys: Vec::new(), count: 0, total: 0 };
            let mut keys = self.keys_of(number, buffer);
            keys.each(|key| blocks.put(key).map(|()| Enough(false)).map_err(failed))
                .map_err(Halt::into_error)?;
            buffer = keys.into_buffer();
            if blocks.finish().map_err(failed)? != count {
                let message = "the index has other keys than places; rebuild it from the log";
                return Err(failure::error(ErrorKind::Corrupt, message));
            }
            let keys_len = output.position() - keys_at;
            sections.push(Section { at, count, keys_len, slots_sum });
        }
        output.put(&format::directory(&sections, &bytes)).map_err(failed)?;
        output.flush().map_err(failed)?;
        output.file.sync().map_err(|cause| failure::disk("cannot sync", path, cause))?;
        Ok((output.file, sections))
    }
}

impl Index {
    /// An index with this salt: empty, or as in the checkpoint.
    pub(super) fn of(salt: u64, checkpoint: Option<&Arc<CheckpointFile>>) -> Index {
        let shard = |number| match checkpoint {
            Some(checkpoint) => Shard::stored(number, Arc::clone(checkpoint)),
            None => Shard::empty(),
        };
        let keys = checkpoint.map_or(0, |file| (0..SHARDS).map(|number| file.count(number)).sum());
        Index::with(salt, (0..SHARDS).map(shard).collect(), keys)
    }
}

/// A new file, in place of one that was not finished.
fn create(disk: &dyn Disk, path: &Path) -> io::Result<Box<dyn DiskFile>> {
    match disk.open(path, Mode::Create) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            disk.remove(path)?;
            disk.open(path, Mode::Create)
        }
        opened => opened,
    }
}

/// A file that is written from its beginning to its end.
struct Output {
    file: Box<dyn DiskFile>,
    /// How much of it is written.
    at: u64,
    buffer: Vec<u8>,
}

impl Output {
    /// Where the next byte will stand.
    fn position(&self) -> u64 {
        self.at + self.buffer.len() as u64
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all_at(&self.buffer, self.at)?;
        self.at += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

/// The slots of a shard.
struct Slots<'a> {
    output: &'a mut Output,
    sum: Hasher,
    bytes: Vec<u8>,
}

impl Slots<'_> {
    /// Writes them; says how many there are.
    fn put(&mut self, table: &Table) -> io::Result<u64> {
        for slot in table.iter() {
            self.bytes.extend_from_slice(&slot.to_bytes());
            if self.bytes.len() >= CHUNK {
                self.flush()?;
            }
        }
        self.flush()?;
        Ok(table.len() as u64)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sum.update(&self.bytes);
        self.output.put(&self.bytes)?;
        self.bytes.clear();
        Ok(())
    }
}

/// The keys of a shard, put into blocks.
struct Blocks<'a> {
    output: &'a mut Output,
    header: &'a Header,
    /// Those of the block that is being filled.
    keys: Vec<u8>,
    count: u32,
    /// Those of all blocks before.
    total: u64,
}

impl Blocks<'_> {
    fn put(&mut self, key: &[u8]) -> io::Result<()> {
        super::packed::put(&mut self.keys, key);
        self.count += 1;
        if self.keys.len() >= format::BLOCK_BYTES { self.end_block() } else { Ok(()) }
    }

    /// Ends the last block; says how many keys there are.
    fn finish(mut self) -> io::Result<u64> {
        if self.count > 0 {
            self.end_block()?;
        }
        Ok(self.total)
    }

    fn end_block(&mut self) -> io::Result<()> {
        let sum = format::sum_at(self.header.salt, self.header.number, self.output.position());
        let head = format::block_head(&self.keys, self.count, sum);
        self.output.put(&head)?;
        self.output.put(&self.keys)?;
        self.total += u64::from(self.count);
        self.count = 0;
        self.keys.clear();
        Ok(())
    }
}
