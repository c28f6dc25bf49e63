//! What the tests share: a store on a simulated disk, a run that notes what it was promised, and the
//! judge of what a crash left of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::larder::{
    Backend, Bytes, Clock, Data, DataSum, Durability, ErrorKind, Expect, Key, Kind, Meta, Part, Record,
    Removed, Result, Timestamp, Written,
};
use larder_filesystem::Filesystem;
use larder_simulated::disk::{Crash, CrashModel, Exploration, SimDisk};
use larder_simulated::draw::Draws;
use smol::stream::StreamExt;

pub(crate) const STORE: &str = "/srv/store";

/// Time that moves a little whenever it is asked for, and chance from a seed.
#[derive(Debug)]
pub(crate) struct TestClock {
    draws: Draws,
    asked: AtomicU64,
}

impl TestClock {
    pub(crate) fn new(seed: u64) -> Arc<TestClock> {
        Arc::new(TestClock { draws: Draws::new(seed).domain("clock"), asked: AtomicU64::new(0) })
    }

    fn ask(&self) -> u64 {
        self.asked.fetch_add(1, Ordering::Relaxed)
    }
}

impl Clock for TestClock {
    fn now(&self) -> Duration {
        Duration::from_millis(self.ask())
    }
    fn wall(&self) -> Timestamp {
        Timestamp::from_millis(1_767_225_600_000 + self.ask())
    }
    fn sleep(&self, _time: Duration) -> futures::future::BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
    fn random(&self) -> u64 {
        self.draws.at(self.ask())
    }
}

/// Opens the store. The seed decides the owner's name, which no two openings may share.
pub(crate) fn open(disk: &SimDisk, durability: Durability, seed: u64) -> Result<Filesystem> {
    let options = Filesystem::options().inline().durability(durability);
    let disk = Arc::new(disk.clone());
    smol::block_on(options.disk(disk).clock(TestClock::new(seed)).open(STORE))
}

pub(crate) fn record(key: &Key, data: impl Into<Bytes>) -> Record {
    let meta = Meta::new(key.clone(), Kind::Binary, Timestamp::from_millis(1_767_225_600_000));
    Record::new(&meta, data.into()).unwrap()
}

pub(crate) fn streamed(key: &Key, chunks: Vec<Bytes>) -> Record {
    let meta = Meta::new(key.clone(), Kind::Binary, Timestamp::from_millis(1_767_225_600_000));
    Record::streamed(&meta, smol::stream::iter(chunks.into_iter().map(Ok)).boxed()).unwrap()
}

/// The value under a key, verified.
pub(crate) fn get(store: &Filesystem, key: &Key) -> Result<Option<Vec<u8>>> {
    let Some(stored) = store.read(key, Part::All).wait()? else { return Ok(None) };
    let bytes = match stored.data {
        Data::None => Vec::new(),
        Data::Bytes(bytes) => bytes.to_vec(),
        Data::Stream(stream) => smol::block_on(async {
            let mut stream = stream;
            let mut all = Vec::new();
            while let Some(chunk) = stream.next().await {
                all.extend_from_slice(&chunk?);
            }
            Ok::<_, larder::Error>(all)
        })?,
    };
    stored.head.vouch(&DataSum::of(&bytes))?;
    Ok(Some(bytes))
}

pub(crate) fn list(store: &Filesystem) -> Vec<Result<Key>> {
    smol::block_on(store.keys(None).collect())
}

/// The files of the disk whose names or places say that nobody needs them any more.
pub(crate) fn leftovers(disk: &SimDisk) -> Vec<String> {
    let is_leftover = |path: &Path| {
        path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"~"))
            || path.extension().is_some_and(|extension| extension == "new")
            || path.starts_with(Path::new(STORE).join("owners"))
    };
    let found = disk.files().into_iter().filter(|(path, _)| is_leftover(path));
    found.map(|(path, _)| path.display().to_string()).collect()
}

/// What an operation does to a key.
#[derive(Clone, Debug)]
struct Op {
    key: Key,
    value: Option<Vec<u8>>,
    begun: usize,
    acknowledged: Option<usize>,
}

/// A run on a store: what it did, and what it was promised.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) disk: SimDisk,
    pub(crate) store: Filesystem,
    durability: Durability,
    initial: BTreeMap<Key, Vec<u8>>,
    ops: Vec<Op>,
    /// When a sync began and ended, and how many operations there were before.
    barriers: Vec<(usize, usize)>,
}

/// What stands in a store before a run: two small values, and one of several sectors.
pub(crate) fn initial() -> BTreeMap<Key, Vec<u8>> {
    let values = [("kept", b"kept".to_vec()), ("old", b"old".to_vec()), ("wide", vec![b'w'; 1300])];
    values.into_iter().map(|(key, value)| (Key::from(key), value)).collect()
}

/// A disk with a store on it that was closed in order, all of it durable.
pub(crate) fn prepared(disk: SimDisk) -> SimDisk {
    let store = open(&disk, Durability::Synced, 1000).unwrap();
    for (key, value) in initial() {
        store.write(&key, record(&key, value), Expect::Any).wait().unwrap();
    }
    store.close().wait().unwrap();
    disk.settle();
    disk
}

impl Run {
    /// Opens the store on a copy of the disk, or makes one, recorded.
    pub(crate) fn begin(disk: &SimDisk, durability: Durability) -> Run {
        let has_store = !disk.files().is_empty();
        let disk = disk.fork();
        disk.record();
        let store = open(&disk, durability, 2000).unwrap();
        let initial = if has_store { initial() } else { BTreeMap::new() };
        Run { disk, store, durability, initial, ops: Vec::new(), barriers: Vec::new() }
    }

    /// Notes an operation whose answer says whether it was done.
    pub(crate) fn note(&mut self, key: &Key, value: Option<Vec<u8>>, act: impl FnOnce(&Filesystem) -> bool) {
        let begun = self.disk.mark();
        let acknowledged = act(&self.store).then(|| self.disk.mark());
        self.ops.push(Op { key: key.clone(), value, begun, acknowledged });
    }

    /// Notes operations that were under way together.
    pub(crate) fn note_together(
        &mut self,
        begun: usize,
        acknowledged: usize,
        values: Vec<(Key, Option<Vec<u8>>)>,
    ) {
        let op = |(key, value)| Op { key, value, begun, acknowledged: Some(acknowledged) };
        self.ops.extend(values.into_iter().map(op));
    }

    pub(crate) fn put(&mut self, key: impl Into<Key>, value: impl Into<Vec<u8>>) {
        let (key, value) = (key.into(), value.into());
        self.note(&key, Some(value.clone()), |store| {
            matches!(store.write(&key, record(&key, value), Expect::Any).wait().unwrap(), Written::Done(_))
        });
    }

    pub(crate) fn remove(&mut self, key: impl Into<Key>) {
        let key = key.into();
        self.note(&key, None, |store| {
            matches!(store.remove(&key, Expect::Any).wait().unwrap(), Removed::Done)
        });
    }

    pub(crate) fn stream(&mut self, key: impl Into<Key>, chunks: Vec<Bytes>) {
        let (key, value) = (key.into(), chunks.concat());
        self.note(&key, Some(value), |store| {
            matches!(store.write(&key, streamed(&key, chunks), Expect::Any).wait().unwrap(), Written::Done(_))
        });
    }

    /// The barrier: all that was acknowledged before is durable from then on.
    pub(crate) fn sync(&mut self) {
        let before = self.ops.len();
        self.store.sync().wait().unwrap();
        self.barriers.push((before, self.disk.mark()));
    }

    /// The barrier, which may fail.
    pub(crate) fn try_sync(&mut self) {
        let before = self.ops.len();
        if self.store.sync().wait().is_ok() {
            self.barriers.push((before, self.disk.mark()));
        }
    }

    pub(crate) fn close(&mut self) {
        self.store.close().wait().unwrap();
    }

    /// What may stand under a key after a crash, and whether it may be damaged.
    fn allowed(&self, crash: &Crash, key: &Key, strict: bool) -> (Vec<Option<Vec<u8>>>, bool) {
        let (mut allowed, mut damaged) = (vec![self.initial.get(key).cloned()], false);
        let durable =
            self.barriers.iter().filter(|(_, at)| crash.passed(*at)).map(|(before, _)| *before).max();
        for (number, op) in self.ops.iter().enumerate() {
            if op.key != *key || !crash.passed(op.begun) {
                continue;
            }
            let acknowledged = op.acknowledged.is_some_and(|at| crash.passed(at));
            let is_durable = strict || durable.is_some_and(|before| number < before);
            if acknowledged && is_durable {
                (allowed, damaged) = (vec![op.value.clone()], false);
            } else {
                allowed.push(op.value.clone());
                damaged |= !strict && op.value.is_some();
            }
        }
        (allowed, damaged)
    }

    /// Judges what a crash left: the store opens; every record is one that may be there, and whole;
    /// nothing is left over; and opening it once more changes nothing.
    pub(crate) fn judge(&self, crash: &Crash, model: CrashModel) -> Result<(), String> {
        // While it is recovered from a kill the power may fail.
        let killed = model == CrashModel::Killed && crash.depth == 0;
        let strict = self.durability == Durability::Synced || killed;
        let found = self.look(crash, &crash.disk, 1 + crash.depth as u64, strict)?;
        if crash.depth == 0 {
            let again = crash.disk.fork();
            if self.look(crash, &again, 100, strict)? != found {
                return Err("opened once more, it is another".to_owned());
            }
            let store = open(&again, self.durability, 101).map_err(|error| format!("opening: {error}"))?;
            let key = Key::from("after");
            store
                .write(&key, record(&key, "usable"), Expect::Any)
                .wait()
                .map_err(|error| error.to_string())?;
            if get(&store, &key).map_err(|error| error.to_string())?.as_deref() != Some(b"usable") {
                return Err("what is written after the crash is not there".to_owned());
            }
        }
        Ok(())
    }

    fn look(
        &self,
        crash: &Crash,
        disk: &SimDisk,
        seed: u64,
        strict: bool,
    ) -> Result<BTreeMap<Key, Option<Vec<u8>>>, String> {
        let store = open(disk, self.durability, seed).map_err(|error| format!("opening: {error}"))?;
        let mut found = BTreeMap::new();
        let keys: BTreeSet<&Key> = self.initial.keys().chain(self.ops.iter().map(|op| &op.key)).collect();
        for key in keys {
            let (allowed, damaged) = self.allowed(crash, key, strict);
            match get(&store, key) {
                Ok(value) if allowed.contains(&value) => _ = found.insert(key.clone(), value),
                Err(error) if damaged && error.kind() == ErrorKind::Corrupt => {
                    found.insert(key.clone(), Some(b"damaged".to_vec()));
                }
                Ok(value) => {
                    let short = |value: &Option<Vec<u8>>| {
                        value
                            .as_ref()
                            .map(|value| String::from_utf8_lossy(&value[..value.len().min(20)]).into_owned())
                    };
                    let allowed: Vec<_> = allowed.iter().map(short).collect();
                    return Err(format!("{key} is {:?} and not one of {allowed:?}", short(&value)));
                }
                Err(error) => return Err(format!("{key}: {error}")),
            }
        }
        let listed: Result<BTreeSet<Key>> = list(&store).into_iter().collect();
        match listed {
            Ok(listed) => {
                let expected = found.iter().filter(|(_, value)| value.is_some()).map(|(key, _)| key.clone());
                let expected: BTreeSet<Key> = expected.collect();
                if listed != expected {
                    return Err(format!("listed are {listed:?}, and there are {expected:?}"));
                }
            }
            Err(error) if strict => return Err(format!("listing: {error}")),
            Err(_) => {}
        }
        store.close().wait().map_err(|error| format!("closing: {error}"))?;
        let left = leftovers(disk);
        if strict && !left.is_empty() {
            return Err(format!("left over: {left:?}"));
        }
        Ok(found)
    }
}

/// How much of everything to visit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) cap: usize,
    pub(crate) nested: usize,
    pub(crate) before_syncs: bool,
}

impl Extent {
    pub(crate) const ALL: Extent = Extent { cap: 3000, nested: 64, before_syncs: false };
}

/// What a test of crashes comes to: what is wrong, if anything is.
pub(crate) type Verdict = Result<(), String>;

/// Visits the crashes of a run under all models, and prints how many there were. Ends at the first state
/// that is wrong.
pub(crate) fn survives(name: &str, mut run: Run, extent: Extent) -> Verdict {
    let recording = run.disk.recorded();
    run.close();
    for model in [CrashModel::Killed, CrashModel::AllLost, CrashModel::Ordered, CrashModel::Adversarial] {
        let mut exploration = Exploration::new(model, extent.cap).until_wrong(1);
        if extent.nested > 0 {
            let inner = if model == CrashModel::Killed { CrashModel::Adversarial } else { model };
            exploration = exploration.then(inner, extent.nested);
        }
        if extent.before_syncs {
            exploration = exploration.before_syncs();
        }
        let explored = exploration.run(&recording, |crash| run.judge(crash, model));
        println!("{name:26} {:12} {explored}", format!("{model:?}"));
        if let Some(violation) = explored.violations.first() {
            return Err(format!("{name}, {model:?}: {violation}"));
        }
        if explored.judged == 0 {
            return Err(format!("{name}, {model:?}: nothing was visited"));
        }
    }
    Ok(())
}

/// Fails unless nothing is wrong on an honest disk.
pub(crate) fn sound(case: impl Fn(SimDisk) -> Verdict) {
    case(SimDisk::new(1)).unwrap_or_else(|wrong| panic!("{wrong}"));
}
