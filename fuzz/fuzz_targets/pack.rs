//! A small pack whose files are changed in any way, opened for reading and for writing, read, written, compacted and
//! opened again: nothing panics, hangs or takes memory that the files do not bear out, and what is written to a store
//! that could be opened is there.
//!
//! The input: a byte, of which one bit says whether the store was closed; then steps. Each begins with a byte that
//! says what is done, and one that says to which file; most go on with an offset of two bytes. A step can make the
//! checksums of a file right again: no input would get past all of them by itself.

#![no_main]

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use larder::io::Disk;
use larder::{Backend, Expect, Key, Kind, Meta, Part, Record, Timestamp, Write, Written};
use larder_pack::{Options, Pack};
use larder_simulated::disk::SimDisk;
use libfuzzer_sys::fuzz_target;

const DIR: &str = "/store";

/// More steps than this add nothing.
const STEPS: usize = 64;

fuzz_target!(|input: &[u8]| {
    let mut input = Input(input);
    let stores = STORES.get_or_init(|| [store(false), store(true)]);
    let disk = stores[usize::from(input.byte() & 1)].fork();
    for _ in 0..STEPS {
        if input.0.is_empty() || !step(&disk, &mut input) {
            break;
        }
    }
    let copy = disk.fork();
    if let Ok(pack) = wait(options(&copy).open_read_only(DIR)) {
        read(&pack);
        _ = pack.refresh().wait().map_err(|error| error.to_string());
    }
    for round in 0..2 {
        match wait(options(&disk).open(DIR)) {
            Ok(pack) => write(&pack, round),
            Err(error) => return drop(error.to_string()),
        }
    }
});

static STORES: OnceLock<[SimDisk; 2]> = OnceLock::new();

fn wait<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

fn options(disk: &SimDisk) -> Options {
    let options = Pack::options().disk(Arc::new(disk.clone())).inline();
    options.segment_bytes(4096).checkpoint_bytes(4096).compaction(false)
}

fn record(key: &Key, data: Vec<u8>) -> Record {
    let meta = Meta::new(key.clone(), Kind::Binary, Timestamp::from_millis(1_795_260_480_123));
    Record::new(&meta, data.into()).expect("a small record")
}

fn put(pack: &Pack, key: &str, data: Vec<u8>) -> larder::Result<Written> {
    let key = Key::from(key);
    pack.write(&key, record(&key, data), Expect::Any).wait()
}

/// Three segments, a checkpoint, replaced and removed keys, a batch.
fn store(closed: bool) -> SimDisk {
    let disk = SimDisk::new(7);
    let pack = wait(options(&disk).open(DIR)).expect("a new store");
    for (first, size) in [(0, 700), (5, 700), (9, 60)] {
        for i in first..first + 6 {
            put(&pack, &format!("key {i}"), vec![i as u8; size]).expect("room");
        }
        pack.remove(&format!("key {first}").into(), Expect::Any).wait().expect("it is there");
    }
    let writes = ["key 1", "new"].map(|key| {
        let key = Key::from(key);
        Write { record: Some(record(&key, b"batch".to_vec())), key, expect: Expect::Any }
    });
    pack.write_batch(writes.into()).wait().expect("room");
    if closed {
        pack.close().wait().expect("closing");
    }
    disk.fork()
}

/// Reads everything, whatever comes.
fn read(pack: &Pack) {
    for i in 0..16 {
        let part = if i % 3 == 0 { Part::Head } else { Part::All };
        _ = pack.read(&format!("key {i}").into(), part).wait().map_err(|error| error.to_string());
    }
    let keys: Vec<_> = wait(futures::StreamExt::collect(futures::StreamExt::take(pack.keys(None), 10_000)));
    assert!(keys.len() < 10_000, "a listing ends");
}

/// Writes, and finds what was written.
fn write(pack: &Pack, round: u8) {
    read(pack);
    for i in 0..8 {
        let (key, data) = (format!("key {i}"), vec![round; 300 + i]);
        if let Ok(written) = put(pack, &key, data.clone()) {
            assert!(matches!(written, Written::Done(_)));
            let stored = pack.read(&key.as_str().into(), Part::All).wait();
            let stored = stored.expect("it was just written").expect("it is there");
            assert!(matches!(stored.data, larder::Data::Bytes(bytes) if bytes == data));
        }
    }
    _ = pack.remove(&"key 3".into(), Expect::Any).wait().map_err(|error| error.to_string());
    _ = pack.compact().wait().map_err(|error| error.to_string());
    read(pack);
    _ = pack.close().wait().map_err(|error| error.to_string());
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    fn offset(&mut self) -> usize {
        usize::from(self.byte()) << 8 | usize::from(self.byte())
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

/// One change of one file; false if there is no file left.
fn step(disk: &SimDisk, input: &mut Input<'_>) -> bool {
    let (what, which) = (input.byte(), input.byte());
    let mut files = disk.files();
    files.retain(|(path, _)| !path.ends_with("lock"));
    if files.is_empty() {
        return false;
    }
    let (path, mut bytes) = files[usize::from(which) % files.len()].clone();
    let at = if bytes.is_empty() { 0 } else { input.offset() % bytes.len() };
    match what % 8 {
        0 => bytes[at..].iter_mut().take(1).for_each(|byte| *byte ^= 1 << (which >> 5)),
        1 | 2 => {
            let length = usize::from(input.byte() % 32);
            let new = input.take(length);
            bytes[at..].iter_mut().zip(new).for_each(|(byte, new)| *byte = *new);
        }
        3 => bytes.truncate(at),
        4 => bytes.resize(bytes.len() + usize::from(input.byte()), which),
        5 => {
            // From another file, or from elsewhere in this one.
            let from = &files[usize::from(input.byte()) % files.len()].1;
            let start = if from.is_empty() { 0 } else { input.offset() % from.len() };
            let length = input.offset();
            bytes[at..]
                .iter_mut()
                .zip(from[start..].iter().take(length))
                .for_each(|(byte, new)| *byte = *new);
        }
        6 => _ = disk.remove(&path),
        _ => seal(disk, &path, &mut bytes),
    }
    if what % 8 != 6 {
        disk.replace(&path, &bytes).expect("the file is there");
    }
    true
}

/// Makes the checksums of a control file or of a segment right.
fn seal(disk: &SimDisk, path: &Path, bytes: &mut [u8]) {
    if path.ends_with("control") {
        for slot in [0, 4096] {
            sum(bytes, slot..slot + 60, slot + 60);
        }
        return;
    }
    let control = disk.bytes(&PathBuf::from(DIR).join("control")).unwrap_or_default();
    let Some(salt) = control.get(24..32) else { return };
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let Ok(id) = u32::from_str_radix(&name, 16) else { return };
    let Some(count) = number(bytes, 24).filter(|count| *count < 1000) else { return };
    sum(bytes, 0..28, 28);
    let end = 32 + 12 * count;
    sum(bytes, 32..end, end);
    for at in (end.next_multiple_of(16)..bytes.len().saturating_sub(44)).step_by(16) {
        if bytes[at..at + 4] != *b"\xf5LP1" {
            continue;
        }
        let (Some(head), Some(data)) = (number(bytes, at + 16), number(bytes, at + 20)) else { continue };
        let Some(payload) = bytes.get(at + 44..(at + 44).saturating_add(head).saturating_add(data)) else {
            continue;
        };
        let crc = crc32fast::hash(payload);
        bytes[at + 36..at + 40].copy_from_slice(&crc.to_be_bytes());
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(salt);
        hasher.update(&id.to_be_bytes());
        hasher.update(&(at as u64).to_be_bytes());
        hasher.update(&bytes[at..at + 40]);
        bytes[at + 40..at + 44].copy_from_slice(&hasher.finalize().to_be_bytes());
    }
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let four = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_be_bytes(four) as usize)
}

fn sum(bytes: &mut [u8], of: std::ops::Range<usize>, at: usize) {
    if at + 4 <= bytes.len() {
        let crc = crc32fast::hash(&bytes[of]);
        bytes[at..at + 4].copy_from_slice(&crc.to_be_bytes());
    }
}
