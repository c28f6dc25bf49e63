//! A disk in memory that fails on command. It has the calls that an append-only file needs, and refuses
//! all others.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use larder::io::{Disk, DiskFile, DiskLock, DiskSync, Entry, EntryKind, Mode};

use super::world::{Call, Fault, Node, Planned, World};

/// The disk. Clones are the same disk.
#[derive(Clone)]
pub(crate) struct FaultyDisk(Arc<Mutex<World>>);

impl FaultyDisk {
    /// A disk with the empty directory `/dir`.
    pub(crate) fn new() -> Arc<FaultyDisk> {
        let disk = FaultyDisk(Arc::default());
        disk.put("/", Node::Dir);
        disk.put("/dir", Node::Dir);
        Arc::new(disk)
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    fn put(&self, path: &str, node: Node) {
        self.world().nodes.insert(PathBuf::from(path), node);
    }

    pub(crate) fn put_file(&self, path: &str, bytes: &[u8]) {
        self.put(path, Node::File(Arc::new(Mutex::new(bytes.to_vec()))));
    }

    pub(crate) fn put_dir(&self, path: &str) {
        self.put(path, Node::Dir);
    }

    pub(crate) fn put_other(&self, path: &str) {
        self.put(path, Node::Other);
    }

    /// The bytes of a file.
    pub(crate) fn bytes(&self, path: &str) -> Vec<u8> {
        match self.world().nodes.get(Path::new(path)) {
            Some(Node::File(bytes)) => bytes.lock().unwrap().clone(),
            other => panic!("{path} is no file: {other:?}"),
        }
    }

    /// Cuts a file behind everyone's back.
    pub(crate) fn cut(&self, path: &str, len: usize) {
        match self.world().nodes.get(Path::new(path)) {
            Some(Node::File(bytes)) => bytes.lock().unwrap().truncate(len),
            other => panic!("{path} is no file: {other:?}"),
        }
    }

    pub(crate) fn plan(&self, planned: Planned) {
        self.world().plan.push(planned);
    }

    /// Ends all faults.
    pub(crate) fn heal(&self) {
        self.world().plan.clear();
    }

    /// Suspends all faults: nothing that happens until they are [resumed](FaultyDisk::resume) counts.
    pub(crate) fn suspend(&self) -> Vec<Planned> {
        std::mem::take(&mut self.world().plan)
    }

    pub(crate) fn resume(&self, plan: Vec<Planned>) {
        self.world().plan = plan;
    }

    /// How many calls met a fault.
    pub(crate) fn fired(&self) -> usize {
        self.world().fired
    }

    /// Does this just before the next call of this kind.
    pub(crate) fn before(&self, call: Call, hook: impl FnOnce() + Send + 'static) {
        self.world().hooks.push((call, Box::new(hook)));
    }

    /// From now on nothing can be read without waiting.
    pub(crate) fn set_cold(&self) {
        self.world().cold = true;
    }

    /// From now on every file says that it is as long as this.
    pub(crate) fn pretend_len(&self, len: u64) {
        self.world().pretended_len = Some(len);
    }

    /// The calls since this was last asked.
    pub(crate) fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.world().calls)
    }

    /// How many handles on files are open.
    pub(crate) fn open_handles(&self) -> usize {
        self.world().open
    }

    /// Makes a call that reads or writes up to `len` bytes.
    fn transfer(
        &self,
        call: Call,
        len: usize,
        act: impl FnOnce(usize) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let (fault, hook) = self.world().note(call);
        if let Some(hook) = hook {
            hook();
        }
        match fault {
            None => act(len),
            Some(Fault::Fails(kind)) => Err(kind.into()),
            Some(Fault::FailsAfter(kind)) => act(len).and(Err(kind.into())),
            Some(Fault::Part(part)) => act(len.min(part)),
            Some(Fault::PartThenFails(part, kind)) => act(len.min(part)).and(Err(kind.into())),
            Some(Fault::Nothing) => Ok(0),
        }
    }

    fn call<T>(&self, call: Call, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let (fault, hook) = self.world().note(call);
        if let Some(hook) = hook {
            hook();
        }
        match fault {
            Some(Fault::Fails(kind) | Fault::PartThenFails(_, kind)) => Err(kind.into()),
            Some(Fault::FailsAfter(kind)) => act().and(Err(kind.into())),
            None | Some(Fault::Part(_) | Fault::Nothing) => act(),
        }
    }
}

impl fmt::Debug for FaultyDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyDisk")
    }
}

impl Disk for FaultyDisk {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn DiskFile>> {
        self.call(Call::Open, || {
            let mut world = self.world();
            let bytes = match (world.nodes.get(path), mode) {
                (Some(_), Mode::Create) => return Err(io::ErrorKind::AlreadyExists.into()),
                (Some(Node::File(bytes)), _) => Arc::clone(bytes),
                // A directory can be opened for reading, as on Linux.
                (Some(Node::Dir), Mode::Read) => Arc::default(),
                (Some(Node::Dir), _) => return Err(io::ErrorKind::IsADirectory.into()),
                (Some(Node::Other), _) => return Err(io::ErrorKind::Other.into()),
                (None, Mode::Create) => {
                    let parent = path.parent().and_then(|dir| world.nodes.get(dir));
                    if !matches!(parent, Some(Node::Dir)) {
                        return Err(io::ErrorKind::NotFound.into());
                    }
                    let bytes = Arc::<Mutex<Vec<u8>>>::default();
                    world.nodes.insert(path.to_owned(), Node::File(Arc::clone(&bytes)));
                    bytes
                }
                (None, _) => return Err(io::ErrorKind::NotFound.into()),
            };
            world.open += 1;
            Ok(Box::new(FaultyFile { disk: self.clone(), bytes, writable: mode != Mode::Read }) as Box<_>)
        })
    }

    fn entry(&self, path: &Path) -> io::Result<Option<EntryKind>> {
        self.call(Call::Entry, || {
            let world = self.world();
            if path.parent().is_some_and(|dir| matches!(world.nodes.get(dir), Some(Node::File(_)))) {
                return Err(io::ErrorKind::NotADirectory.into());
            }
            Ok(world.nodes.get(path).map(|node| match node {
                Node::File(_) => EntryKind::File,
                Node::Dir => EntryKind::Dir,
                Node::Other => EntryKind::Other,
            }))
        })
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.call(Call::SyncDir, || match self.world().nodes.get(dir) {
            Some(Node::Dir) => Ok(()),
            _ => Err(io::ErrorKind::NotFound.into()),
        })
    }

    fn open_cached(&self, _path: &Path) -> io::Result<Option<Box<dyn DiskFile>>> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn rename(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn remove(&self, _path: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn create_dir(&self, _path: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn list(&self, _dir: &Path) -> io::Result<Box<dyn Iterator<Item = io::Result<Entry>> + Send>> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn syncer(&self, _dir: &Path) -> io::Result<Box<dyn DiskSync>> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn lock_file(&self, _path: &Path) -> io::Result<Box<dyn DiskLock>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[derive(Debug)]
struct FaultyFile {
    disk: FaultyDisk,
    bytes: Arc<Mutex<Vec<u8>>>,
    writable: bool,
}

impl FaultyFile {
    fn read(&self, buffer: &mut [u8], offset: u64) -> usize {
        let bytes = self.bytes.lock().unwrap();
        let from = usize::try_from(offset).map_or(bytes.len(), |offset| offset.min(bytes.len()));
        let read = buffer.len().min(bytes.len() - from);
        buffer[..read].copy_from_slice(&bytes[from..from + read]);
        read
    }

    fn write(&self, from: &[u8], offset: u64) -> io::Result<usize> {
        if !self.writable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let mut bytes = self.bytes.lock().unwrap();
        let offset = offset as usize;
        let end = (offset + from.len()).max(bytes.len());
        bytes.resize(end, 0);
        bytes[offset..offset + from.len()].copy_from_slice(from);
        Ok(from.len())
    }
}

impl DiskFile for FaultyFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.transfer(Call::ReadAt, buffer.len(), |part| Ok(self.read(&mut buffer[..part], offset)))
    }

    fn read_at_cached(&self, buffer: &mut [u8], offset: u64) -> io::Result<Option<usize>> {
        let cold = self.disk.world().cold;
        let read = self
            .disk
            .transfer(Call::ReadAtCached, buffer.len(), |part| Ok(self.read(&mut buffer[..part], offset)))?;
        Ok((!cold).then_some(read))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.disk.transfer(Call::WriteAt, bytes.len(), |part| self.write(&bytes[..part], offset))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.call(Call::SetLen, || {
            if !self.writable {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            self.bytes.lock().unwrap().resize(len as usize, 0);
            Ok(())
        })
    }

    fn len(&self) -> io::Result<u64> {
        self.disk.call(Call::Len, || {
            let len = self.bytes.lock().unwrap().len() as u64;
            Ok(self.disk.world().pretended_len.unwrap_or(len))
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.call(Call::Sync, || Ok(()))
    }
}

impl Drop for FaultyFile {
    fn drop(&mut self) {
        self.disk.world().open -= 1;
    }
}
