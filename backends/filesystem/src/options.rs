//! How to open a store, and what opening does.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use larder::io::{Disk, Drain, RealDisk, Workers, make_dir, make_dirs};
use larder::{Clock, Durability, ErrorKind, RealClock, Result};

use crate::commit::{Committer, MOST};
use crate::descriptor;
use crate::failure;
use crate::layout::Layout;
use crate::names::FAN_OUT;
use crate::owner::Owner;
use crate::shared::Shared;
use crate::{Filesystem, Inner};

/// How to open a store: [`Filesystem::options`].
///
/// ```
/// use larder::Durability;
/// use larder_filesystem::Filesystem;
/// # let dir = tempfile::tempdir().unwrap();
/// # let dir = dir.path();
/// let options = Filesystem::options().durability(Durability::Flushed).readers(4);
/// let store = smol::block_on(options.open(dir.join("cache")))?;
/// # drop(store);
/// # Ok::<(), larder::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    durability: Durability,
    create: bool,
    readers: usize,
    threads: bool,
    disk: Option<Arc<dyn Disk>>,
    clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            durability: Durability::Synced,
            create: true,
            readers: 2,
            threads: true,
            disk: None,
            clock: RealClock::shared(),
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

    /// Whether to make the store if there is none (the default), with the directories that lead to
    /// it.
    #[must_use]
    pub fn create(mut self, create: bool) -> Options {
        self.create = create;
        self
    }

    /// How many threads wait for reads that the page cache does not answer: at least one, two unless
    /// said otherwise.
    #[must_use]
    pub fn readers(mut self, readers: usize) -> Options {
        self.readers = readers;
        self
    }

    /// No threads: every call does its work before it returns. For simulations, which must be the same
    /// run every time.
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

    /// Opens the store in this directory.
    ///
    /// # Errors
    /// `Invalid` if the directory is something else than a store, or if there is none and none is to
    /// be made: nothing is changed then. Otherwise what the disk says.
    pub async fn open(self, dir: impl AsRef<Path>) -> Result<Filesystem> {
        let dir = dir.as_ref().to_owned();
        let new = |name, threads| {
            if self.threads { Workers::new(name, threads) } else { Ok(Workers::inline()) }
        };
        let writers = Arc::new(new("larder-fs-write", 1)?);
        let readers = Arc::new(new("larder-fs-read", self.readers)?);
        let opened = writers.run(move || self.open_waiting(dir, readers)).await;
        opened.map(|(shared, drain)| {
            Filesystem(Arc::new(Inner { shared, drain, asking: Arc::default(), writers }))
        })
    }

    /// Opens the store. Waits for the medium.
    fn open_waiting(
        self,
        dir: PathBuf,
        readers: Arc<Workers>,
    ) -> Result<(Arc<Shared>, Drain<crate::commit::Job>)> {
        if self.durability == Durability::Volatile {
            return Err(failure::error(
                ErrorKind::Invalid,
                "files are never volatile; choose the durability synced or flushed",
            ));
        }
        let (disk, dir) = match self.disk {
            Some(disk) => (disk, dir),
            // So that the store stays where it is if the process changes its directory.
            None => {
                let absolute =
                    std::path::absolute(&dir).map_err(|cause| failure::disk("cannot find", &dir, cause))?;
                (Arc::new(RealDisk) as Arc<dyn Disk>, absolute)
            }
        };
        let layout = Layout::new(dir);
        let durable = self.durability == Durability::Synced;
        let is_store = descriptor::check(&*disk, &layout, self.create)?;
        if !is_store {
            make_dirs(&*disk, layout.root()).map_err(ours)?;
        }
        let (there, (owner, dead)) = {
            // One process at a time, so that each sees what another has made complete.
            let path = layout.opening_lock();
            let failed = |cause| failure::disk("cannot lock", &path, cause);
            let lock = disk.lock_file(&path).map_err(failed)?;
            lock.lock().map_err(failed)?;
            let is_new = !is_store && !descriptor::check(&*disk, &layout, self.create)?;
            if is_new {
                descriptor::write(&*disk, &layout, &*self.clock)?;
            }
            let there = complete(&*disk, &layout, is_new, durable)?;
            (there, Owner::register(&disk, &layout, &*self.clock, durable)?)
        };
        dead.sweep(&*disk, &layout, durable);
        let owner = Arc::new(owner);
        let shared = Shared::new(disk, layout, self.durability, readers, Arc::clone(&owner), there)?;
        let shared = Arc::new(shared);
        let mut committer = Committer::new(Arc::clone(&shared), owner);
        let drain = if self.threads {
            Drain::new("larder-fs-commit", MOST, move |jobs| committer.handle(jobs))?
        } else {
            Drain::inline(move |jobs| committer.handle(jobs))
        };
        Ok((shared, drain))
    }
}

/// Makes what is missing of the directories of a store; in a new one also those of the records, and
/// their locks, so that no write has to. Tells which record directories are there, durably if asked to.
fn complete(disk: &dyn Disk, layout: &Layout, is_new: bool, durable: bool) -> Result<[bool; FAN_OUT]> {
    let sync = |dir| disk.sync_dir(dir).map_err(|cause| failure::disk("cannot sync", dir, cause));
    let looked = disk.entry(layout.records());
    let begun = looked.map_err(|cause| failure::disk("cannot look at", layout.records(), cause))?.is_some();
    if !is_new && !begun {
        // Whoever wrote the descriptor may have been killed before it was durable. A power cut must not
        // leave the rest without it: nobody would take that for a store.
        sync(layout.root())?;
    }
    for dir in [layout.records().to_owned(), layout.locks(), layout.owners()] {
        make_dir(disk, &dir).map_err(ours)?;
    }
    for number in (0..FAN_OUT).filter(|_| is_new).map(|dir| dir as u8) {
        make_dir(disk, &layout.dir(number)).map_err(ours)?;
        let lock = layout.lock(number);
        disk.lock_file(&lock).map_err(|cause| failure::disk("cannot make", &lock, cause))?;
    }
    let records = layout.records();
    let failed = |cause| failure::disk("cannot list", records, cause);
    let mut there = [false; FAN_OUT];
    for entry in disk.list(records).map_err(failed)? {
        let name = entry.map_err(failed)?.name;
        if let Some(dir) = crate::layout::dir_number(&name) {
            there[usize::from(dir)] = true;
        }
    }
    if durable {
        // Also what was there before: whoever made it may have died before this.
        sync(records)?;
        sync(layout.root())?;
    }
    Ok(there)
}

fn ours(error: larder::Error) -> larder::Error {
    error.in_backend(failure::NAME)
}
