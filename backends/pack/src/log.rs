//! The end of the log, where the writer appends: the newest segment, and how the next one is begun.

use std::sync::Arc;

use larder::io::{Disk, Mode};
use larder::{Error, ErrorKind, Result};

use crate::append_only_file::{AppendOnlyFile, AutoFlush};
use crate::failure;
use crate::frame::{ALIGN, Header};
use crate::place::Place;
use crate::segment::{Sealed, SegmentHeader};
use crate::shared::Shared;

/// Zeros to pad frames with.
const ZEROS: [u8; ALIGN as usize] = [0; ALIGN as usize];

/// The length of the newest segment's file is set ahead by this much, in bytes: a sync costs a third less where it need
/// not change.
const AHEAD: u64 = 1 << 20;

/// The newest segment, open for appending.
#[derive(Debug)]
pub(crate) struct Log {
    shared: Arc<Shared>,
    file: AppendOnlyFile<dyn Disk>,
    segment: u32,
    /// Everything before this offset of the newest segment, and all earlier segments, are on the medium.
    durable: u64,
    next_seq: u64,
    /// Its file's length is set ahead in steps of so many bytes.
    ahead: u64,
}

impl Log {
    /// The log that ends here. `durable` of it is known to be on the medium. What the file has beyond is cut off; it is
    /// [made so durably](Log::write_again) before anything is written.
    pub(crate) fn open(
        shared: &Arc<Shared>,
        end: Place,
        durable: u64,
        next_seq: u64,
        ahead: u64,
    ) -> Result<Log> {
        let path = shared.layout.segment(end.segment);
        let disk = Arc::clone(&shared.disk);
        let mut file = AppendOnlyFile::open_rw(disk, &path, end.offset, 0, usize::MAX, AutoFlush::Internal)?;
        file.preallocate(ahead)?;
        shared.segments.insert(end.segment, file.reader()?);
        Ok(Log { shared: Arc::clone(shared), file, segment: end.segment, durable, next_seq, ahead })
    }

    /// Whether opening cut anything off.
    pub(crate) fn was_cut(&self) -> bool {
        self.file.tail_at_open() > 0
    }

    /// Writes again what is not known to be on the medium, and syncs it: a sync that failed may have lost it, though it
    /// is still read, and the next sync would say nothing of it. The same goes for the length of the file: what was cut
    /// off must not come back behind what is written now.
    pub(crate) fn write_again(&mut self) -> Result<()> {
        const CHUNK: u64 = 256 << 10;
        let path = self.shared.layout.segment(self.segment);
        let failed = |cause| failure::disk("cannot write", path.display(), cause);
        let end = self.file.flushed_end_poff();
        let (mut at, mut buffer) = (self.durable, Vec::new());
        let file = self.shared.disk.open(&path, Mode::Write).map_err(failed)?;
        while at < end {
            buffer.resize((end - at).min(CHUNK) as usize, 0);
            let read = file.read_full_at(&mut buffer, at).map_err(failed)?;
            if read < buffer.len() {
                return Err(failure::damaged(&path, at));
            }
            file.write_all_at(&buffer, at).map_err(failed)?;
            at += read as u64;
        }
        file.set_len(end).map_err(failed)?;
        self.fsync_all()
    }

    /// Makes a segment with nothing in it, durably, and appends to it from now on.
    pub(crate) fn create(
        shared: &Arc<Shared>,
        id: u32,
        live: Vec<Sealed>,
        next_seq: u64,
        ahead: u64,
    ) -> Result<Log> {
        let path = shared.layout.segment(id);
        let header = SegmentHeader { id, salt: shared.salt, live }.encode()?;
        let create = || -> Result<AppendOnlyFile<dyn Disk>> {
            let disk = Arc::clone(&shared.disk);
            let mut file = AppendOnlyFile::create_rw(disk, &path, false, usize::MAX, AutoFlush::Internal)?;
            file.append(&header)?;
            file.flush()?;
            file.fsync()?;
            // Not before: what is not finished holds nothing but a header.
            file.preallocate(ahead)?;
            Ok(file)
        };
        let file = create().map_err(|error| give_up(shared, id, error))?;
        shared.segments.insert(id, file.reader()?);
        let durable = file.synced_end_poff();
        Ok(Log { shared: Arc::clone(shared), file, segment: id, durable, next_seq, ahead })
    }

    /// Where the next frame will stand.
    pub(crate) fn end(&self) -> Place {
        Place { segment: self.segment, offset: self.file.end_poff() }
    }

    /// Where what readers may see ends.
    pub(crate) fn flushed_end(&self) -> Place {
        Place { segment: self.segment, offset: self.file.flushed_end_poff() }
    }

    /// Where what is known to be on the medium ends.
    pub(crate) fn durable_end(&self) -> Place {
        Place { segment: self.segment, offset: self.durable }
    }

    /// The number that the next state will have.
    pub(crate) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Takes a number for a new state.
    pub(crate) fn new_seq(&mut self) -> u64 {
        let seq = self.next_seq;
        self.next_seq += 1;
        seq
    }

    /// How many bytes are appended and not flushed.
    pub(crate) fn buffered(&self) -> u64 {
        self.file.end_poff() - self.file.flushed_end_poff()
    }

    /// Appends a frame to the buffer. If it fails, nothing was appended.
    pub(crate) fn append(&mut self, mut header: Header, head: &[u8], data: &[u8]) -> Result<Place> {
        let place = self.end();
        header.durable = self.durable;
        let bytes = header.encode(self.shared.salt, place);
        self.file.append_pieces(&[&bytes, head, data, &ZEROS[..header.padding()]])?;
        Ok(place)
    }

    /// Takes back what was appended since it was flushed.
    pub(crate) fn take_back(&mut self) {
        // A log that is closed or read-only has no buffer.
        _ = self.file.take_back(self.file.flushed_end_poff());
    }

    /// Writes what is buffered into the file. If that fails, what was appended since the last flush is taken back,
    /// and makes sure that nothing of it is found in the file after a crash: if that fails too, the store is poisoned.
    pub(crate) fn flush(&mut self) -> Result<()> {
        let flushed = self.file.flush();
        flushed.map_err(|error| {
            let error = Error::from(error);
            self.take_back();
            // A flush of nothing cuts off what this one left.
            match self.file.flush().map_err(Error::from).and_then(|()| self.fsync_all()) {
                Ok(()) => error,
                Err(_) => {
                    self.shared.poison();
                    error.ambiguous()
                }
            }
        })
    }

    /// Makes what was flushed durable. If that fails, the store is poisoned.
    pub(crate) fn fsync(&mut self) -> Result<()> {
        if self.durable == self.file.flushed_end_poff() {
            return Ok(());
        }
        self.fsync_all()
    }

    fn fsync_all(&mut self) -> Result<()> {
        // First what the frames name.
        self.shared.sync_blobs()?;
        self.file.fsync().inspect_err(|_| self.shared.poison())?;
        self.durable = self.file.synced_end_poff();
        Ok(())
    }

    /// Cuts off, durably, what the file has beyond its content.
    pub(crate) fn trim(&mut self) -> Result<()> {
        if self.file.trim()? { self.fsync_all() } else { Ok(()) }
    }

    /// Begins the next segment. `live` are the live segments before this one. If it fails, this one goes on.
    pub(crate) fn rotate(&mut self, mut live: Vec<Sealed>) -> Result<()> {
        self.flush()?;
        // From here on the length of the file is that of its content: the next header says it.
        self.trim()?;
        self.fsync()?;
        let id = self.segment.checked_add(1).ok_or_else(|| {
            failure::error(
                ErrorKind::TooLarge,
                "the numbers of segments are used up; export the store into a new one",
            )
        })?;
        live.push(Sealed { id: self.segment, len: self.file.flushed_end_poff() });
        let next = Log::create(&self.shared, id, live, self.next_seq, self.ahead)?;
        *self = next;
        Ok(())
    }
}

/// By how much to set the length of segments ahead that become so long, in bytes.
pub(crate) fn ahead_of(segment_bytes: u64) -> u64 {
    (segment_bytes / 8).min(AHEAD)
}

/// Removes a segment that could not be made, durably: a power cut must not bring it back as the newest one, while
/// the one before it goes on. Otherwise the store is poisoned.
fn give_up(shared: &Shared, id: u32, error: Error) -> Error {
    let path = shared.layout.segment(id);
    let removed = match shared.disk.remove(&path) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    };
    if removed.and_then(|()| shared.disk.sync_dir(shared.layout.root())).is_err() {
        shared.poison();
    }
    error
}
