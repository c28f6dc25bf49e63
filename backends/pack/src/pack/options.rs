//! How to open a store, and what opening does.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use larder::io::{Disk, Drain, MappedDisk, RealDisk, Workers, make_dirs};
use larder::{Clock, Durability, ErrorKind, RealClock, Result};

use super::{Follower, Inner, Mode, Pack, Writing};
use crate::control::Control;
use crate::failure;
use crate::layout::Layout;
use crate::log;
use crate::open::{self, Base};
use crate::writer::{Again, MOST, Policy, Writer};

/// How to open a store: [`Pack::options`].
///
/// ```
/// use larder::Durability;
/// use larder_pack::Pack;
/// # let dir = tempfile::tempdir().unwrap();
/// # let dir = dir.path();
/// let options = Pack::options().durability(Durability::Flushed).segment_bytes(16 << 20);
/// let store = smol::block_on(options.open(dir.join("cache")))?;
/// # drop(store);
/// # Ok::<(), larder::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    durability: Durability,
    mapped: bool,
    create: bool,
    readers: usize,
    threads: bool,
    disk: Option<Arc<dyn Disk>>,
    clock: Arc<dyn Clock>,
    policy: Policy,
}

/// The smallest segments, and checkpoint intervals, that can be asked for.
const SMALLEST: u64 = 4 * 1024;

/// The largest segments: offsets have 36 bits, and the last frames may lie beyond.
const LARGEST: u64 = 32 << 30;

impl Default for Options {
    fn default() -> Options {
        Options {
            durability: Durability::Synced,
            mapped: false,
            create: true,
            readers: 2,
            threads: true,
            disk: None,
            clock: RealClock::shared(),
            policy: Policy { segment_bytes: 64 << 20, checkpoint_bytes: 64 << 20, compacts: true },
        }
    }
}

impl Options {
    /// What an acknowledged write survives: a power cut (`Synced`, the default) or a killed process
    /// (`Flushed`). `Volatile` is refused at opening.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Options {
        self.durability = durability;
        self
    }

    /// Whether to make the store if there is none (the default), with the directories that lead to it.
    #[must_use]
    pub fn create(mut self, create: bool) -> Options {
        self.create = create;
        self
    }

    /// How many threads wait for reads that the page cache does not answer: at least one, two unless said
    /// otherwise.
    #[must_use]
    pub fn readers(mut self, readers: usize) -> Options {
        self.readers = readers;
        self
    }

    /// How long a segment of the log gets, in bytes, before the next is begun: 64 MiB unless said otherwise, at
    /// least 4 KiB. What is compacted is compacted by segments.
    #[must_use]
    pub fn segment_bytes(mut self, bytes: u64) -> Options {
        self.policy.segment_bytes = bytes.clamp(SMALLEST, LARGEST);
        self
    }

    /// After how many bytes of log the index is written down, so that opening after a crash need not read more of
    /// the log than that: 64 MiB unless said otherwise, at least 4 KiB. Large stores take four times the size of
    /// their index.
    #[must_use]
    pub fn checkpoint_bytes(mut self, bytes: u64) -> Options {
        self.policy.checkpoint_bytes = bytes.max(SMALLEST);
        self
    }

    /// Whether dead bytes are reclaimed in the background (the default). [`Pack::compact`] does it when asked.
    #[must_use]
    pub fn compaction(mut self, compacts: bool) -> Options {
        self.policy.compacts = compacts;
        self
    }

    /// Reads through memory maps ([`MappedDisk`](larder::io::MappedDisk)) instead of `preadv2`: about a third
    /// faster where the files are in the page cache. For media that can be trusted: a read whose page is not in
    /// memory waits in the thread that asks, and one that the medium cannot read ends the process by `SIGBUS`.
    /// Of no effect beside [`disk`](Options::disk).
    #[must_use]
    pub fn mapped_reads(mut self, mapped: bool) -> Options {
        self.mapped = mapped;
        self
    }

    /// No threads: every call does its work before it returns. For simulations, which must be the same run
    /// every time.
    #[must_use]
    pub fn inline(mut self) -> Options {
        self.threads = false;
        self
    }

    /// Another disk than the operating system's.
    #[must_use]
    pub fn disk(mut self, disk: Arc<dyn Disk>) -> Options {
        self.disk = Some(disk);
        self
    }

    /// Another clock, and source of chance, than the operating system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Options {
        self.clock = clock;
        self
    }

    /// Opens the store in this directory, to write and to read. There is one such handle at a time.
    ///
    /// # Errors
    /// `Locked` if there is another, naming its process; `Invalid` if the directory is something else than a store,
    /// or if there is none and none is to be made; `Corrupt` if the store is damaged where opening must read it.
    /// Nothing is changed then. Otherwise what the disk says.
    pub async fn open(self, dir: impl AsRef<Path>) -> Result<Pack> {
        self.run(dir.as_ref().to_owned(), Options::open_waiting).await
    }

    /// Opens the store in this directory for reading, while another process writes it. What is read is as it was when
    /// it was opened, or [refreshed](Pack::refresh).
    ///
    /// # Errors
    /// As [`open`](Options::open); there must be a store.
    pub async fn open_read_only(self, dir: impl AsRef<Path>) -> Result<Pack> {
        self.run(dir.as_ref().to_owned(), Options::open_read_only_waiting).await
    }

    async fn run(
        self,
        dir: PathBuf,
        open: impl FnOnce(Options, PathBuf, Arc<Workers>, Arc<Workers>) -> Result<Pack> + Send + 'static,
    ) -> Result<Pack> {
        let workers = |name, threads| {
            if self.threads { Workers::new(name, threads) } else { Ok(Workers::inline()) }
        };
        let readers = Arc::new(workers("larder-pack-read", self.readers)?);
        let writers = Arc::new(workers("larder-pack-blob", 1)?);
        let held = Arc::clone(&writers);
        writers
            .run(move || open(self, dir, readers, held))
            .await
            .map_err(|error| error.in_backend(failure::NAME))
    }

    fn base(&self, dir: PathBuf, readers: Arc<Workers>) -> Result<Base> {
        if self.durability == Durability::Volatile {
            return Err(failure::error(
                ErrorKind::Invalid,
                "files are never volatile; choose the durability synced or flushed",
            ));
        }
        let (disk, dir) = match &self.disk {
            Some(disk) => (Arc::clone(disk), dir),
            // So that the store stays where it is if the process changes its directory.
            None => {
                let absolute = std::path::absolute(&dir);
                let absolute =
                    absolute.map_err(|cause| failure::disk("cannot find", dir.display(), cause))?;
                let disk: Arc<dyn Disk> = if self.mapped { Arc::new(MappedDisk) } else { Arc::new(RealDisk) };
                (disk, absolute)
            }
        };
        let ahead = log::ahead_of(self.policy.segment_bytes);
        Ok(Base { disk, layout: Layout::new(dir), durability: self.durability, readers, ahead })
    }

    /// Opens the store. Waits for the medium.
    fn open_waiting(self, dir: PathBuf, readers: Arc<Workers>, writers: Arc<Workers>) -> Result<Pack> {
        let base = self.base(dir, readers)?;
        let root = base.layout.root().to_owned();
        let there = Control::read(&*base.disk, &root)?.is_some();
        if !there && !self.create {
            return Err(no_store(&root));
        }
        if !there {
            make_dirs(&*base.disk, &root)?;
            open::refuse_foreign(&*base.disk, &base.layout)?;
        }
        // Simulated processes have no number.
        let holder = self.disk.is_none().then(|| format!("process {}", std::process::id()));
        let lock = open::take_lock(&*base.disk, &base.layout, holder.as_deref())?;
        let opened = match Control::open(&*base.disk, &root, true)? {
            Some((control, state)) => open::open(base, control, state)?,
            None => open::create(base, &*self.clock)?,
        };
        let shared = opened.shared;
        let again: Again = Arc::new(OnceLock::new());
        let mut writer = Writer::new(
            Arc::clone(&shared),
            opened.log,
            opened.control,
            lock,
            self.policy,
            opened.usage,
            opened.checkpoints,
            Arc::clone(&again),
        );
        let drain = if self.threads {
            let drain = Arc::new(Drain::new("larder-pack-write", MOST, move |jobs| writer.handle(jobs))?);
            _ = again.set(Arc::downgrade(&drain));
            drain
        } else {
            Arc::new(Drain::inline(move |jobs| writer.handle(jobs)))
        };
        Ok(Pack(Arc::new(Inner { shared, mode: Mode::Writing(Writing { drain, writers }) })))
    }

    fn open_read_only_waiting(self, dir: PathBuf, readers: Arc<Workers>, _: Arc<Workers>) -> Result<Pack> {
        /// How often opening begins anew because the writer has compacted what was to be read.
        const ATTEMPTS: usize = 8;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let base = self.base(dir.clone(), Arc::clone(&readers))?;
            let root = base.layout.root().to_owned();
            let state = Control::read_newest(&*base.disk, &root)?.ok_or_else(|| no_store(&root))?;
            match open::open_read_only(base, &state) {
                Ok((shared, followed)) => {
                    let follower = Follower(Mutex::new(followed));
                    return Ok(Pack(Arc::new(Inner { shared, mode: Mode::Reading(follower) })));
                }
                Err(error) if attempt < ATTEMPTS && error.kind() == ErrorKind::Corrupt => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn no_store(root: &Path) -> larder::Error {
    failure::error(ErrorKind::Invalid, format!("there is no pack in {}", root.display()))
}
