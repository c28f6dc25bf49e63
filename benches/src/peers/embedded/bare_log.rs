//! The limit: a file that is appended to and a hash index of all keys, behind one thread that drains its
//! queue, appends everything, syncs once and answers all. No compaction, no checkpoint of the index, no
//! second process, no error but the first one that comes.
//!
//!     4 bytes CRC-32 of the rest, 4 bytes length of the value, the key, the value; all big-endian

use std::collections::HashMap;
use std::fs::File;
use std::hint::black_box;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;

use foldhash::fast::RandomState;
use futures::channel::oneshot;
use memmap2::{Mmap, MmapOptions};

use super::{Shape, Store, Use, look, pieces};
use crate::rows::Failure;
use crate::rows::pack::records::{RawKey, Records, Value};

const HEAD: usize = 8 + RawKey::LEN;
/// A map is address space, not memory: the file grows into it.
const MAP: usize = 64 << 30;
/// A group is written when it is so long, whatever else waits.
const GROUP: usize = 8 << 20;

/// Where a record stands, and the length of its value.
#[derive(Clone, Copy, Debug)]
struct Place {
    offset: u64,
    len: u32,
}

type Index = HashMap<RawKey, Place, RandomState>;

#[derive(Debug)]
struct Shared {
    file: File,
    map: Option<Mmap>,
    index: RwLock<Index>,
}

type Answer = oneshot::Sender<Result<(), String>>;

#[derive(Debug)]
enum Request {
    One(RawKey, Value, Answer),
    Many(Vec<(RawKey, Value)>, Answer),
    Sync(Answer),
}

/// The log. Reads go through a map of the file if `MAPPED`, otherwise by `pread`; both check the CRC.
#[derive(Debug)]
pub struct BareLog<const MAPPED: bool> {
    shared: Arc<Shared>,
    requests: flume::Sender<Request>,
    writer: JoinHandle<()>,
}

impl<const MAPPED: bool> BareLog<MAPPED> {
    async fn request(&self, request: impl FnOnce(Answer) -> Request) -> Result<(), Failure> {
        const GONE: &str = "the writer is gone";
        let (answer, answered) = oneshot::channel();
        self.requests.send(request(answer)).map_err(|_| GONE)?;
        Ok(answered.await.map_err(|_| GONE)??)
    }
}

impl<const MAPPED: bool> Store for BareLog<MAPPED> {
    const NAME: &'static str = if MAPPED { "bare log, mapped" } else { "bare log, pread" };
    const TASKS: bool = true;

    async fn open(dir: &Path, _shape: Shape, used: Use) -> Result<BareLog<MAPPED>, Failure> {
        let path = dir.join("log");
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        let file_len = file.metadata()?.len();
        let map = map(&file)?;
        let (index, end) = replay(&map[..file_len as usize]);
        file.set_len(end)?;
        let map = MAPPED.then_some(map);
        let shared = Arc::new(Shared { file, map, index: RwLock::new(index) });
        let (requests, queue) = flume::unbounded();
        let writer = Writer { shared: Arc::clone(&shared), end, sync: used == Use::Serving };
        let writer = std::thread::spawn(move || writer.run(&queue));
        Ok(BareLog { shared, requests, writer })
    }

    async fn load(&self, records: &Records, numbers: Range<u64>) -> Result<(), Failure> {
        const AT_ONCE: usize = 1000;
        let piece = AT_ONCE.min(GROUP / records.value_len()) as u64;
        let mut before = None;
        for numbers in pieces(numbers, piece) {
            let (answer, answered) = oneshot::channel();
            let writes = numbers.map(|number| records.record(number)).collect();
            self.requests.send(Request::Many(writes, answer)).map_err(|_| "the writer is gone")?;
            // One piece is written while the next is made.
            if let Some(before) = before.replace(answered) {
                before.await??;
            }
        }
        self.request(Request::Sync).await
    }

    async fn get(&self, key: RawKey) -> Result<Option<u64>, Failure> {
        let found = self.shared.index.read().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        let Some(place) = found else { return Ok(None) };
        let (offset, len) = (place.offset as usize, HEAD + place.len as usize);
        let value = match &self.shared.map {
            Some(map) => checked(&map[offset..offset + len]).map(look),
            None => {
                let mut record = vec![0; len];
                self.shared.file.read_exact_at(&mut record, place.offset)?;
                checked(&record).map(look)
            }
        };
        Ok(Some(value.ok_or("a record is damaged")?))
    }

    async fn put(&self, key: RawKey, value: Value) -> Result<(), Failure> {
        self.request(|answer| Request::One(key, value, answer)).await
    }

    async fn put_together(&self, writes: Vec<(RawKey, Value)>) -> Result<(), Failure> {
        self.request(|answer| Request::Many(writes, answer)).await
    }

    async fn keys(&self) -> Result<u64, Failure> {
        let index = self.shared.index.read().unwrap_or_else(PoisonError::into_inner);
        Ok(index.keys().map(black_box).count() as u64)
    }

    async fn close(self) -> Result<(), Failure> {
        drop(self.requests);
        Ok(self.writer.join().map_err(|_| "the writer panicked")?)
    }
}

fn map(file: &File) -> io::Result<Mmap> {
    #[expect(unsafe_code, reason = "a benchmark's own file, which only grows, read up to its end only")]
    unsafe {
        MmapOptions::new().len(MAP).map(file)
    }
}

/// The value of a record whose CRC is right.
fn checked(record: &[u8]) -> Option<&[u8]> {
    let (sum, rest) = record.split_first_chunk()?;
    (crc32fast::hash(rest) == u32::from_be_bytes(*sum)).then(|| &record[HEAD..])
}

/// The index of all records, and where they end.
fn replay(bytes: &[u8]) -> (Index, u64) {
    let (mut index, mut offset) = (Index::default(), 0);
    while let Some((key, record)) = first(&bytes[offset..]) {
        index.insert(key, Place { offset: offset as u64, len: (record.len() - HEAD) as u32 });
        offset += record.len();
    }
    (index, offset as u64)
}

fn first(bytes: &[u8]) -> Option<(RawKey, &[u8])> {
    let len = u32::from_be_bytes(*bytes.get(4..)?.first_chunk()?) as usize;
    let key = RawKey::from_bytes(*bytes.get(8..)?.first_chunk()?);
    let record = bytes.get(..HEAD + len)?;
    checked(record).map(|_| (key, record))
}

struct Writer {
    shared: Arc<Shared>,
    end: u64,
    sync: bool,
}

#[derive(Default)]
struct Group {
    bytes: Vec<u8>,
    places: Vec<(RawKey, Place)>,
    answers: Vec<Answer>,
    sync: bool,
}

impl Writer {
    fn run(mut self, queue: &flume::Receiver<Request>) {
        let mut group = Group::default();
        while let Ok(request) = queue.recv() {
            group.add(request, self.end);
            while group.bytes.len() < GROUP
                && let Ok(request) = queue.try_recv()
            {
                group.add(request, self.end);
            }
            let done = self.write(&group).map_err(|error| error.to_string());
            for answer in group.answers.drain(..) {
                _ = answer.send(done.clone());
            }
            group.bytes.clear();
            group.places.clear();
            group.sync = false;
        }
    }

    fn write(&mut self, group: &Group) -> io::Result<()> {
        self.shared.file.write_all_at(&group.bytes, self.end)?;
        if self.sync || group.sync {
            self.shared.file.sync_data()?;
        }
        self.end += group.bytes.len() as u64;
        let mut index = self.shared.index.write().unwrap_or_else(PoisonError::into_inner);
        index.extend(group.places.iter().copied());
        Ok(())
    }
}

impl Group {
    fn add(&mut self, request: Request, end: u64) {
        let answer = match request {
            Request::One(key, value, answer) => {
                self.append(key, &value.bytes, end);
                answer
            }
            Request::Many(writes, answer) => {
                writes.iter().for_each(|(key, value)| self.append(*key, &value.bytes, end));
                answer
            }
            Request::Sync(answer) => {
                self.sync = true;
                answer
            }
        };
        self.answers.push(answer);
    }

    fn append(&mut self, key: RawKey, value: &[u8], end: u64) {
        let at = self.bytes.len();
        let place = Place { offset: end + at as u64, len: value.len() as u32 };
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&place.len.to_be_bytes());
        self.bytes.extend_from_slice(key.bytes());
        self.bytes.extend_from_slice(value);
        let sum = crc32fast::hash(&self.bytes[at + 4..]);
        self.bytes[at..at + 4].copy_from_slice(&sum.to_be_bytes());
        self.places.push((key, place));
    }
}
