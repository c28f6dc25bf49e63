//! A file beside a vector of bytes that says what it should be: each operation is done to both, and both
//! must agree, also after faults.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use larder_pack::append_only_file::{AppendOnlyFileError as E, AutoFlush, Bound, Reader};

use crate::support::FaultyDisk;
use crate::{File, PATH};

/// What is done to the file. Numbers are taken modulo what makes sense.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Append(Vec<usize>),
    Flush,
    Fsync,
    /// Flushes and syncs, and records the end.
    Publish,
    /// Takes back so many bytes, if they are buffered.
    TakeBack(usize),
    /// Reads so many bytes, so far before the end.
    Read(usize, usize),
    /// Tells the read-only handle the published end.
    Refresh,
    /// Opens another read-only handle.
    Follow,
    /// Closes the file, and opens it again at its end.
    Reopen,
    /// Drops the file, and opens it at the published end.
    Kill,
}

/// How the file is set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) threshold: usize,
    pub(crate) dead_header_size: u64,
    /// Whether the procedure is an external one, which flushes, syncs and publishes.
    pub(crate) external: bool,
    /// In steps of so many bytes the file's length is set ahead.
    pub(crate) ahead: u64,
}

/// The file, its readers, and what they should hold.
pub(crate) struct Pair {
    pub(crate) disk: Arc<FaultyDisk>,
    setup: Setup,
    file: File,
    reader: Reader,
    follower: File,
    /// Where ends are recorded.
    control: Arc<AtomicU64>,
    /// All that was appended and not taken back.
    bytes: Vec<u8>,
    flushed: usize,
    synced: usize,
    poisoned: bool,
    /// Makes every byte that is ever appended another one, for a while.
    stamp: u32,
}

/// How an operation went.
pub(crate) type Outcome = Result<(), E>;

impl Pair {
    pub(crate) fn new(setup: Setup) -> Pair {
        let disk = FaultyDisk::new();
        disk.put_file(PATH, &vec![b'H'; setup.dead_header_size as usize]);
        let control = Arc::new(AtomicU64::new(0));
        let file = open(&disk, setup, &control, 0).unwrap();
        let reader = file.reader().unwrap();
        let follower = follow(&disk, setup, 0).unwrap();
        let bytes = Vec::new();
        let (flushed, synced, poisoned, stamp) = (0, 0, false, 0);
        Pair { disk, setup, file, reader, follower, control, bytes, flushed, synced, poisoned, stamp }
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    fn published(&self) -> usize {
        self.control.load(Ordering::Relaxed) as usize
    }

    /// Does it, and checks that the model says the same. What fails has no effect, apart from what is said
    /// here; what fails without a fault is wrong.
    pub(crate) fn step(&mut self, op: &Op) -> Outcome {
        let fired = self.disk.fired();
        let poisoned = self.poisoned;
        let outcome = self.act(op);
        if let Err(error) = &outcome {
            let expected = match error {
                E::Poisoned { .. } => poisoned,
                // A read that finds nothing is at the end of the file.
                E::Io { .. }
                | E::Fsync { .. }
                | E::AutoFlush { .. }
                | E::ReadOutOfBounds { bound: Bound::File, .. } => self.disk.fired() > fired,
                _ => false,
            };
            assert!(expected, "{op:?}: {error:?}");
        }
        let plan = self.disk.suspend();
        self.check(op);
        self.disk.resume(plan);
        outcome
    }

    fn act(&mut self, op: &Op) -> Outcome {
        match op {
            Op::Append(lens) => self.append(lens),
            Op::Flush => self.flush(),
            Op::Fsync => self.fsync(),
            Op::Publish => {
                self.flush()?;
                self.fsync()?;
                self.control.store(self.file.end_poff(), Ordering::Relaxed);
                Ok(())
            }
            Op::TakeBack(count) => {
                let off = self.bytes.len() - count % (self.bytes.len() + 1);
                let left = off.max(self.flushed);
                assert_eq!(self.file.take_back(off as u64)?, left as u64);
                self.bytes.truncate(left);
                Ok(())
            }
            Op::Read(back, len) => self.read(*back, *len),
            Op::Refresh => self.follower.refresh_end_poff(self.published() as u64),
            Op::Follow => {
                self.follower = follow(&self.disk, self.setup, self.published() as u64)?;
                Ok(())
            }
            Op::Reopen => {
                if !self.poisoned {
                    self.flush()?;
                }
                self.file.close()?;
                self.open(self.flushed)
            }
            Op::Kill => self.open(self.published()),
        }
    }

    fn append(&mut self, lens: &[usize]) -> Outcome {
        let pieces: Vec<Vec<u8>> = lens.iter().map(|len| self.fresh(*len)).collect();
        let slices: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        let start = self.bytes.len();
        let result = match slices[..] {
            [one] => self.file.append(one),
            _ => self.file.append_pieces(&slices),
        };
        let appended = matches!(result, Ok(_) | Err(E::AutoFlush { appended: true, .. }));
        if appended {
            self.bytes.extend(slices.concat());
            let buffered = self.bytes.len() - self.flushed;
            if buffered > 0 && buffered >= self.setup.threshold {
                self.flushed = self.bytes.len();
            }
        }
        if result.is_ok() && self.setup.external && self.flushed == self.bytes.len() && self.flushed > start {
            self.synced = self.flushed;
            assert_eq!(self.published(), self.flushed);
        }
        // An external procedure syncs, which may fail.
        self.poisoned |= matches!(result, Err(E::AutoFlush { appended: true, .. }));
        assert_eq!(result?, start as u64);
        Ok(())
    }

    fn flush(&mut self) -> Outcome {
        self.file.flush()?;
        self.flushed = self.bytes.len();
        Ok(())
    }

    fn fsync(&mut self) -> Outcome {
        let result = self.file.fsync();
        match &result {
            Ok(()) => self.synced = self.flushed,
            Err(_) => self.poisoned = true,
        }
        result
    }

    fn read(&mut self, back: usize, len: usize) -> Outcome {
        let off = self.bytes.len() - back % (self.bytes.len() + 1);
        let mut filled = vec![0; len];
        let reads = [
            self.file.read(off as u64, len),
            self.reader.read(off as u64, len),
            self.file.read_exact_at(&mut filled, off as u64).map(|()| filled),
        ];
        for read in reads {
            match read {
                Ok(read) => assert_eq!(read, self.bytes[off..off + len], "{off}, {len}"),
                Err(E::ReadOutOfBounds { bound: Bound::Flushed, .. }) => assert!(off + len > self.flushed),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Opens the file anew, at an end that it has; what was beyond is gone.
    fn open(&mut self, end: usize) -> Outcome {
        let opened = open(&self.disk, self.setup, &self.control, end as u64);
        let file = match opened {
            Ok(file) => file,
            // Once more, now that the fault has passed.
            Err(E::Io { .. }) => {
                let plan = self.disk.suspend();
                let file = open(&self.disk, self.setup, &self.control, end as u64)?;
                self.disk.resume(plan);
                file
            }
            Err(error) => return Err(error),
        };
        self.file = file;
        self.bytes.truncate(end);
        (self.flushed, self.synced, self.poisoned) = (end, 0, false);
        self.reader = self.file.reader()?;
        Ok(())
    }

    /// Bytes that differ from those that were appended before.
    fn fresh(&mut self, len: usize) -> Vec<u8> {
        (0..len)
            .map(|_| {
                self.stamp = self.stamp.wrapping_add(1);
                (self.stamp.wrapping_mul(0x9e37_79b1) >> 24) as u8
            })
            .collect()
    }

    fn check(&self, op: &Op) {
        let (file, flushed) = (&self.file, self.flushed as u64);
        assert_eq!(file.end_poff(), self.bytes.len() as u64, "{op:?}");
        assert_eq!(file.flushed_end_poff(), flushed, "{op:?}");
        assert_eq!(file.synced_end_poff(), self.synced as u64, "{op:?}");
        assert_eq!(file.is_poisoned(), self.poisoned, "{op:?}");
        assert_eq!(file.empty_buffer(), self.flushed == self.bytes.len(), "{op:?}");
        let buffered = self.bytes.len() - self.flushed;
        assert!(buffered < self.setup.threshold.max(1), "{op:?}: {buffered} bytes are buffered");
        assert_eq!(self.reader.flushed_end_poff(), flushed, "{op:?}");
        assert_eq!(self.reader.read(0, self.flushed).unwrap(), self.bytes[..self.flushed], "{op:?}");
        let beyond = self.reader.read(flushed, 1);
        assert!(matches!(beyond, Err(E::ReadOutOfBounds { .. })), "{op:?}: {beyond:?}");
        // What was published is never taken back.
        let end = self.follower.end_poff() as usize;
        assert_eq!(self.follower.read(0, end).unwrap(), self.bytes[..end], "{op:?}");
        assert!(self.follower.read(end as u64, 1).is_err());
    }

    /// Flushes, trims, closes, and compares the whole file: nothing else may be in it.
    pub(crate) fn end(mut self) {
        self.disk.heal();
        if self.poisoned {
            self.step(&Op::Kill).unwrap();
        }
        self.step(&Op::Flush).unwrap();
        self.step(&Op::Fsync).unwrap();
        self.file.trim().unwrap();
        self.file.close().unwrap();
        let mut whole = vec![b'H'; self.setup.dead_header_size as usize];
        whole.extend(&self.bytes);
        assert_eq!(self.disk.bytes(PATH), whole);
    }
}

fn open(disk: &Arc<FaultyDisk>, setup: Setup, control: &Arc<AtomicU64>, end: u64) -> Result<File, E> {
    let auto_flush = if setup.external {
        let control = Arc::clone(control);
        AutoFlush::external(move |file: &mut File| {
            file.flush()?;
            file.fsync()?;
            control.store(file.end_poff(), Ordering::Relaxed);
            Ok(())
        })
    } else {
        AutoFlush::Internal
    };
    let mut file =
        File::open_rw(Arc::clone(disk), PATH, end, setup.dead_header_size, setup.threshold, auto_flush)?;
    file.preallocate(setup.ahead)?;
    Ok(file)
}

fn follow(disk: &Arc<FaultyDisk>, setup: Setup, end: u64) -> Result<File, E> {
    File::open_ro(Arc::clone(disk), PATH, end, setup.dead_header_size)
}
