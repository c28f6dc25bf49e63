//! What the tests share: records, a look at the directory, and a disk that fails on command.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use larder::io::{Disk, DiskFile, DiskLock, DiskSync, Entry, EntryKind, Mode, RealDisk};
use larder::{
    Backend, Bytes, Data, Expect, Key, Keys, Kind, Meta, Part, Record, Result, Stored, Timestamp, Version,
    Written,
};
use larder_filesystem::Filesystem;
use smol::stream::StreamExt;

pub(crate) fn meta(key: &Key) -> Meta {
    Meta::new(key.clone(), Kind::Binary, Timestamp::from_millis(1_795_260_480_123))
}

pub(crate) fn record(key: &Key, data: impl Into<Bytes>) -> Record {
    Record::new(&meta(key), data.into()).unwrap()
}

pub(crate) fn streamed(
    key: &Key,
    chunks: impl IntoIterator<Item = Result<Bytes>, IntoIter: Send + 'static>,
) -> Record {
    Record::streamed(&meta(key), smol::stream::iter(chunks).boxed()).unwrap()
}

pub(crate) fn open(dir: &Path) -> Filesystem {
    smol::block_on(Filesystem::open(dir)).unwrap()
}

pub(crate) fn put(store: &Filesystem, key: impl Into<Key>, data: impl Into<Bytes>) -> Result<Written> {
    let key = key.into();
    store.write(&key, record(&key, data), Expect::Any).wait()
}

pub(crate) fn read(store: &Filesystem, key: impl Into<Key>) -> Result<Option<Stored>> {
    store.read(&key.into(), Part::All).wait()
}

/// The data under a key, checked against the checksum.
pub(crate) fn get(store: &Filesystem, key: impl Into<Key>) -> Result<Option<Vec<u8>>> {
    let Some(stored) = read(store, key)? else { return Ok(None) };
    let data = bytes(stored.data)?;
    stored.head.vouch(&larder::DataSum::of(&data))?;
    Ok(Some(data))
}

pub(crate) fn bytes(data: Data) -> Result<Vec<u8>> {
    match data {
        Data::None => Ok(Vec::new()),
        Data::Bytes(bytes) => Ok(bytes.to_vec()),
        Data::Stream(mut stream) => smol::block_on(async {
            let mut all = Vec::new();
            while let Some(chunk) = stream.next().await {
                all.extend_from_slice(&chunk?);
            }
            Ok(all)
        }),
    }
}

pub(crate) fn version(store: &Filesystem, key: impl Into<Key>) -> Version {
    store.read(&key.into(), Part::Head).wait().unwrap().unwrap().version
}

pub(crate) fn collect(keys: Keys) -> Vec<Result<Key>> {
    smol::block_on(keys.collect())
}

/// All keys, sorted; panics at an error.
pub(crate) fn keys(store: &Filesystem) -> Vec<Key> {
    let mut keys: Vec<Key> = collect(store.keys(None)).into_iter().map(Result::unwrap).collect();
    keys.sort();
    keys
}

/// Adds one to the counter under `key`, over and over until it has been added `times` times.
pub(crate) fn increment(store: &Filesystem, key: &Key, times: usize) {
    for _ in 0..times {
        loop {
            let (expect, count) = match store.read(key, Part::All).wait().unwrap() {
                None => (Expect::Absent, 0),
                Some(stored) => {
                    let data = bytes(stored.data).unwrap();
                    (
                        Expect::Version(stored.version),
                        String::from_utf8(data).unwrap().parse::<u64>().unwrap(),
                    )
                }
            };
            let next = record(key, (count + 1).to_string());
            if matches!(store.write(key, next, expect).wait().unwrap(), Written::Done(_)) {
                break;
            }
        }
    }
}

/// All files below the directory.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

pub(crate) fn file_name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

pub(crate) fn temps(dir: &Path) -> Vec<PathBuf> {
    let mut files = files(&dir.join("records"));
    files.retain(|path| file_name(path).starts_with('~'));
    files
}

pub(crate) fn owners(dir: &Path) -> Vec<PathBuf> {
    files(&dir.join("owners"))
}

/// The file of a text key.
pub(crate) fn file_of(dir: &Path, name: &str) -> PathBuf {
    let found = files(&dir.join("records")).into_iter().find(|path| file_name(path) == name);
    found.unwrap_or_else(|| panic!("no file {name}"))
}

/// When and how the disk fails. Calls are counted from 1.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) calls: AtomicU64,
    /// The call that fails; 0 for none.
    pub(crate) at: AtomicU64,
    /// All calls from there on fail.
    pub(crate) stays: AtomicBool,
    /// The failing call has its effect before it fails.
    pub(crate) after: AtomicBool,
    /// Only this call counts, if any: "sync", "sync_dir", ...
    pub(crate) only: std::sync::Mutex<Option<&'static str>>,
    pub(crate) kind: std::sync::Mutex<Option<io::ErrorKind>>,
    pub(crate) bytes_read: AtomicU64,
    /// `sync_all` is not there.
    pub(crate) no_sync_all: AtomicBool,
    /// Nothing is in the page cache.
    pub(crate) cold: AtomicBool,
}

impl Plan {
    pub(crate) fn fail_at(&self, call: u64, kind: io::ErrorKind) {
        self.calls.store(0, Ordering::SeqCst);
        *self.kind.lock().unwrap() = Some(kind);
        self.at.store(call, Ordering::SeqCst);
    }

    pub(crate) fn fail_every(&self, only: &'static str, kind: io::ErrorKind) {
        *self.only.lock().unwrap() = Some(only);
        self.stays.store(true, Ordering::SeqCst);
        self.fail_at(1, kind);
    }

    pub(crate) fn heal(&self) {
        self.at.store(0, Ordering::SeqCst);
    }

    /// How many calls there were since the plan was made.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    fn run<T>(&self, name: &str, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if self.only.lock().unwrap().is_some_and(|only| only != name) {
            return call();
        }
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let at = self.at.load(Ordering::SeqCst);
        let fails = at != 0 && (number == at || (number > at && self.stays.load(Ordering::SeqCst)));
        if !fails {
            return call();
        }
        if self.after.load(Ordering::SeqCst) {
            call()?;
        }
        Err(self.kind.lock().unwrap().unwrap_or(io::ErrorKind::Other).into())
    }
}

/// The real disk, which fails as planned.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultyDisk(pub(crate) Arc<Plan>);

#[derive(Debug)]
struct FaultyFile(Box<dyn DiskFile>, Arc<Plan>);

impl FaultyDisk {
    fn wrap(&self, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(FaultyFile(file, Arc::clone(&self.0)))
    }
}

impl Disk for FaultyDisk {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn DiskFile>> {
        self.0.run("open", || RealDisk.open(path, mode)).map(|file| self.wrap(file))
    }
    fn open_cached(&self, path: &Path) -> io::Result<Option<Box<dyn DiskFile>>> {
        if self.0.cold.load(Ordering::SeqCst) {
            return Ok(None);
        }
        self.0.run("open_cached", || RealDisk.open_cached(path)).map(|file| file.map(|file| self.wrap(file)))
    }
    fn entry(&self, path: &Path) -> io::Result<Option<EntryKind>> {
        self.0.run("entry", || RealDisk.entry(path))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.run("rename", || RealDisk.rename(from, to))
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.run("remove", || RealDisk.remove(path))
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.0.run("create_dir", || RealDisk.create_dir(path))
    }
    fn list(&self, dir: &Path) -> io::Result<Box<dyn Iterator<Item = io::Result<Entry>> + Send>> {
        self.0.run("list", || RealDisk.list(dir))
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.0.run("sync_dir", || RealDisk.sync_dir(dir))
    }
    fn syncer(&self, dir: &Path) -> io::Result<Box<dyn DiskSync>> {
        let syncer = self.0.run("syncer", || RealDisk.syncer(dir))?;
        Ok(Box::new(FaultySync(syncer, Arc::clone(&self.0))))
    }
    fn lock_file(&self, path: &Path) -> io::Result<Box<dyn DiskLock>> {
        self.0.run("lock_file", || RealDisk.lock_file(path))
    }
}

#[derive(Debug)]
struct FaultySync(Box<dyn DiskSync>, Arc<Plan>);

impl DiskSync for FaultySync {
    fn sync_all(&self) -> io::Result<()> {
        if self.1.no_sync_all.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        self.1.run("sync_all", || self.0.sync_all())
    }
}

impl DiskFile for FaultyFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let read = self.1.run("read_at", || self.0.read_at(buffer, offset))?;
        self.1.bytes_read.fetch_add(read as u64, Ordering::SeqCst);
        Ok(read)
    }
    fn read_at_cached(&self, buffer: &mut [u8], offset: u64) -> io::Result<Option<usize>> {
        if self.1.cold.load(Ordering::SeqCst) {
            return Ok(None);
        }
        let read = self.1.run("read_at_cached", || self.0.read_at_cached(buffer, offset))?;
        self.1.bytes_read.fetch_add(read.unwrap_or_default() as u64, Ordering::SeqCst);
        Ok(read)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.1.run("write_at", || self.0.write_at(bytes, offset))
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.1.run("set_len", || self.0.set_len(len))
    }
    fn len(&self) -> io::Result<u64> {
        self.1.run("len", || self.0.len())
    }
    fn sync(&self) -> io::Result<()> {
        self.1.run("sync", || self.0.sync())
    }
}
