//! The embedded store against its peers, and against the least that any of them could do.

use std::path::Path;
use std::sync::Arc;

use self::entrant::{Entrant, Of, Part, copy, disk_use, files_in};
use self::records::{RawKey, Records};
use super::Failure;
use super::files::{Files, stop_on_failure, tokio};
use crate::harness::{Contest, Effort, Outcomes};
use crate::peers::embedded::bare_log::BareLog;
use crate::peers::embedded::fjall::Fjall;
use crate::peers::embedded::larder::{LarderBytes, LarderDocuments, backend};
use crate::peers::embedded::lmdb::Lmdb;
use crate::peers::embedded::redb::Redb;
#[cfg(feature = "rocksdb")]
use crate::peers::embedded::rocksdb::Rocks;
use crate::peers::embedded::sled::Sled;
use crate::peers::embedded::{Shape, Store, Use};
use crate::report::{Amounts, Section, Target, Unit};
use crate::time::{Clock, Sample};
use crate::warm::Warm;

pub mod child;
pub mod entrant;
pub mod records;

/// The title of this part of the report.
pub const TITLE: &str = "Embedded stores";

/// How the titles of the rows begin; what follows names the records.
pub mod titles {
    /// Filling an empty store.
    pub const LOAD: &str = "Bulk load";
    /// Reads by one thread.
    pub const READS: &str = "Random reads by 1 thread";
    /// Reads by two threads.
    pub const READS_BY_TWO: &str = "Random reads by 2 threads";
    /// Reads beside a writer.
    pub const READS_WHILE_WRITING: &str = "Random reads while 1 task writes";
    /// Durable writes by one task.
    pub const WRITES: &str = "Durable writes by 1 task";
    /// Durable writes by 16 tasks.
    pub const WRITES_BY_16: &str = "Durable writes by 16 tasks";
    /// Durable writes by 64 tasks.
    pub const WRITES_BY_64: &str = "Durable writes by 64 tasks";
    /// Overwriting what is there.
    pub const OVERWRITES: &str = "Durable overwriting in batches";
    /// Listing.
    pub const KEYS: &str = "Listing of all keys";
    /// Reopening a store that was closed.
    pub const REOPEN: &str = "Reopening after closing";
    /// Reopening a store whose process was killed.
    pub const REOPEN_KILLED: &str = "Reopening after SIGKILL";
    /// Memory.
    pub const MEMORY: &str = "Memory";
    /// Space on the medium.
    pub const DISK: &str = "Disk";
    /// The column of memory that counts.
    pub const OWN_PER_RECORD: &str = "own after reading, per record";
}

const BARE: &str = BareLog::<true>::NAME;
/// The other stores, without larder and without the limit.
pub const PEERS: [&str; 5] = [Redb::NAME, Lmdb::NAME, Fjall::NAME, Sled::<true>::NAME, "RocksDB"];
/// The first contender of every row.
pub const LARDER: &str = LarderBytes::<false>::NAME;
const MAPPED: &str = LarderBytes::<true>::NAME;

#[cfg(not(feature = "rocksdb"))]
const LEFT_OUT: [&str; 1] = ["RocksDB, left out: `cargo run --release --features rocksdb --bin table`"];
#[cfg(feature = "rocksdb")]
const LEFT_OUT: [&str; 0] = [];

/// How one shape of records is measured.
struct Plan {
    records: u64,
    len: usize,
    /// How often the stores are filled, and killed.
    fills: usize,
    /// How many rounds of the other rows count.
    rounds: usize,
    /// Operations per sample.
    reads: u64,
    /// Durable writes per sample: by one task, and by each of 16 and of 64.
    writes: [u64; 3],
    /// Records overwritten per sample.
    overwrites: u64,
}

/// The first is the one that the targets are about.
const PLANS: [Plan; 5] = [
    Plan {
        records: 1_000_000,
        len: 100,
        fills: 3,
        rounds: 7,
        reads: 50_000,
        writes: [200, 40, 25],
        overwrites: 100_000,
    },
    Plan {
        records: 1_000_000,
        len: 1024,
        fills: 1,
        rounds: 3,
        reads: 50_000,
        writes: [100, 20, 10],
        overwrites: 20_000,
    },
    Plan {
        records: 100_000,
        len: 100,
        fills: 3,
        rounds: 3,
        reads: 50_000,
        writes: [100, 20, 10],
        overwrites: 100_000,
    },
    Plan {
        records: 100_000,
        len: 1024,
        fills: 3,
        rounds: 3,
        reads: 50_000,
        writes: [100, 20, 10],
        overwrites: 50_000,
    },
    Plan {
        records: 10_000,
        len: 64 * 1024,
        fills: 2,
        rounds: 3,
        reads: 5000,
        writes: [50, 10, 5],
        overwrites: 2000,
    },
];

/// The variable that limits the shapes, for a shorter run.
const SHAPES: &str = "LARDER_SHAPES";

/// Acknowledged writes after which a process is killed.
const KILLED_AFTER: u64 = 1000;

/// All stores, none of them opened. The first is the one that all are compared with.
fn entrants(shape: Shape) -> Result<Vec<Box<dyn Entrant>>, Failure> {
    let (records, runtime) = (&Arc::new(Records::new(shape.len)), &Arc::new(tokio()?));
    Ok(vec![
        Of::<LarderBytes<false>>::boxed(shape, records, runtime),
        Of::<LarderBytes<true>>::boxed_in(Part::Reads(LARDER), shape, records, runtime),
        Of::<LarderDocuments>::boxed(shape, records, runtime),
        Of::<Redb>::boxed(shape, records, runtime),
        Of::<Lmdb>::boxed(shape, records, runtime),
        Of::<Fjall>::boxed(shape, records, runtime),
        Of::<Sled<true>>::boxed(shape, records, runtime),
        Of::<Sled<false>>::boxed_in(Part::Writes(Sled::<true>::NAME), shape, records, runtime),
        #[cfg(feature = "rocksdb")]
        Of::<Rocks>::boxed(shape, records, runtime),
        Of::<BareLog<true>>::boxed(shape, records, runtime),
        Of::<BareLog<false>>::boxed_in(Part::Reads(BARE), shape, records, runtime),
    ])
}

/// All rows of this theme.
pub fn section(effort: Effort, dir: &Path) -> Result<Section, Failure> {
    let _warm = Warm::up(8 << 30);
    let files = Files::within(dir)?;
    let mut section =
        Section { title: TITLE.into(), method: method(backend(&files.fresh()?)?), ..Section::default() };
    for (at, plan) in PLANS.iter().enumerate().take(shapes()?) {
        let measured = measure(plan, effort, &files)?;
        if at == 0 {
            section.targets = targets(&measured);
        }
        section.contests.extend(measured.contests);
        section.amounts.extend([measured.memory, measured.disk]);
    }
    Ok(section)
}

/// How many of the shapes are measured: all, unless the environment asks for the first few.
fn shapes() -> Result<usize, Failure> {
    match std::env::var(SHAPES) {
        Ok(number) => Ok(number.parse().map_err(|_| format!("{SHAPES} is a number of shapes"))?),
        Err(_) => Ok(PLANS.len()),
    }
}

/// What came of one shape.
struct Measured {
    label: String,
    contests: Vec<Outcomes>,
    memory: Amounts,
    disk: Amounts,
}

fn measure(plan: &Plan, effort: Effort, files: &Files) -> Result<Measured, Failure> {
    // A short run is short by the records as well.
    let records = effort.operations(effort.operations(plan.records));
    let shape = Shape { records, len: plan.len };
    let label = format!("{} records of {}", count(records), size(plan.len));
    let rounds = effort.rounds(plan.rounds);
    let mut stage = Stage { entrants: entrants(shape)?, label: label.clone(), contests: Vec::new() };

    let peaks = stage.load(shape, files, effort.exactly(plan.fills))?;
    let reads = effort.operations(plan.reads);
    let memory = stage.memory(shape, &peaks, effort.operations(4 * plan.reads))?;
    for entrant in &mut stage.entrants {
        entrant.open(Use::Serving)?;
        entrant.settle()?;
        entrant.check(0..records)?;
    }
    let loaded = stage.disk()?;

    let (reading, writing, whole) = (Kind::Reading, Kind::Writing, Kind::Whole);
    stage.row(titles::READS, "time per read", reading, rounds, |store, clock| store.reads(clock, 1, reads));
    stage.row(titles::READS_BY_TWO, "time per read", reading, rounds, |store, clock| {
        store.reads(clock, 2, reads)
    });
    stage.row(titles::KEYS, "time per listing", whole, rounds.rounds(5), |store, clock| store.keys(clock));
    stage.row(titles::READS_WHILE_WRITING, "time per read", whole, rounds, |store, clock| {
        store.reads_while_writing(clock, reads / 5)
    });
    let writes = [(titles::WRITES, 1), (titles::WRITES_BY_16, 16), (titles::WRITES_BY_64, 64)];
    for ((title, tasks), each) in writes.into_iter().zip(plan.writes) {
        stage.row(title, "time per write", writing, rounds, |store, clock| {
            store.writes(clock, tasks, effort.operations(each))
        });
    }
    let overwrites = effort.operations(effort.operations(plan.overwrites));
    stage.row(titles::OVERWRITES, "time per record", writing, rounds.rounds(3), |store, clock| {
        store.overwrites(clock, overwrites)
    });
    stage.entrants.iter().try_for_each(|entrant| entrant.settle())?;
    let disk = stage.disk_amounts(shape, &loaded)?;
    stage.row(titles::REOPEN, UNTIL_READ, whole, rounds.rounds(5), |store, clock| store.reopen(clock));
    stage.reopen_killed(shape, effort.exactly(plan.fills));
    for entrant in &mut stage.entrants {
        entrant.close()?;
        remove_few(entrant.dir())?;
    }
    Ok(Measured { label, contests: stage.contests, memory, disk })
}

const UNTIL_READ: &str = "time until a record is read";

/// What a row is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Reading,
    Writing,
    /// Both, or neither.
    Whole,
}

impl Kind {
    fn takes(self, part: Part) -> bool {
        match part {
            Part::All => true,
            Part::Reads(_) => self == Kind::Reading,
            Part::Writes(_) => self == Kind::Writing,
        }
    }
}

/// The stores of one shape, and what was measured of them so far.
struct Stage {
    entrants: Vec<Box<dyn Entrant>>,
    label: String,
    contests: Vec<Outcomes>,
}

impl Stage {
    fn title(&self, what: &str, unit: &str) -> String {
        format!("{what}, {}, {unit}", self.label)
    }

    /// One row, of those stores that stand in rows of its kind.
    fn row(
        &mut self,
        what: &str,
        unit: &str,
        kind: Kind,
        effort: Effort,
        run: impl Fn(&mut dyn Entrant, Clock) -> Result<Sample, Failure> + Copy,
    ) {
        let mut contest = Contest::new(self.title(what, unit), Clock::Wall);
        for entrant in self.entrants.iter_mut().filter(|entrant| kind.takes(entrant.part())) {
            let terms = if kind == Kind::Writing { entrant.terms() } else { "" };
            contest = contest
                .contender(entrant.name(), terms, move |clock| stop_on_failure(run(entrant.as_mut(), clock)));
        }
        self.contests.push(LEFT_OUT.into_iter().fold(contest, Contest::absent).run(effort));
    }

    /// Fills every store, each in a process of its own, and says what the last process took. Those that
    /// begin with the files of another are given a copy.
    fn load(&mut self, shape: Shape, files: &Files, effort: Effort) -> Result<Vec<u64>, Failure> {
        let mut peaks = vec![0; self.entrants.len()];
        let mut contest = Contest::new(self.title(titles::LOAD, "time per record"), Clock::Wall);
        let whole =
            self.entrants.iter_mut().zip(&mut peaks).filter(|(entrant, _)| entrant.part() == Part::All);
        for (entrant, peak) in whole {
            let (name, terms) = (entrant.name(), entrant.terms());
            let mut load = move || -> Result<Sample, Failure> {
                let before = entrant.dir().to_owned();
                entrant.move_to(files.fresh()?);
                let report = child::load(name, shape, entrant.dir())?;
                remove_few(&before)?;
                *peak = report.peak;
                Ok(report.sample)
            };
            contest = contest.contender(name, terms, move |_| stop_on_failure(load()));
        }
        self.contests.push(LEFT_OUT.into_iter().fold(contest, Contest::absent).run_cold(effort));
        for at in 0..self.entrants.len() {
            let Some(model) = self.entrants[at].part().model() else { continue };
            let from = self.entrants.iter().find(|entrant| entrant.name() == model).ok_or("no such store")?;
            let to = files.fresh()?;
            copy(from.dir(), &to)?;
            self.entrants[at].move_to(to);
        }
        Ok(peaks)
    }

    /// What each store takes of memory, in a process of its own that reads so many records.
    fn memory(&self, shape: Shape, peaks: &[u64], reads: u64) -> Result<Amounts, Failure> {
        let mut amounts = Amounts {
            title: format!("{}, {}", titles::MEMORY, self.label),
            columns: vec![
                ("peak while loading", Unit::Bytes),
                ("peak while reading", Unit::Bytes),
                ("own after reading", Unit::Bytes),
                (titles::OWN_PER_RECORD, Unit::Bytes),
            ],
            rows: Vec::new(),
        };
        let whole = self.entrants.iter().zip(peaks).filter(|(entrant, _)| entrant.part() == Part::All);
        for (entrant, peak) in whole {
            let report = child::read(entrant.name(), shape, entrant.dir(), reads)?;
            let per_record = report.own as f64 / shape.records as f64;
            let row = vec![*peak as f64, report.peak as f64, report.own as f64, per_record];
            amounts.rows.push((entrant.name().into(), row));
        }
        amounts.rows.extend(LEFT_OUT.map(|name| (name.into(), vec![f64::NAN; 4])));
        Ok(amounts)
    }

    /// What each store takes on the medium now.
    fn disk(&self) -> Result<Vec<u64>, Failure> {
        self.entrants.iter().map(|entrant| disk_use(entrant.dir())).collect()
    }

    /// What each store takes on the medium now, beside what it took when it was filled.
    fn disk_amounts(&self, shape: Shape, loaded: &[u64]) -> Result<Amounts, Failure> {
        let mut amounts = Amounts {
            title: format!("{}, {}", titles::DISK, self.label),
            columns: vec![
                ("after loading", Unit::Bytes),
                ("to keys and values", Unit::Times),
                ("after overwriting", Unit::Bytes),
                ("to keys and values then", Unit::Times),
            ],
            rows: Vec::new(),
        };
        let record = (RawKey::LEN + shape.len) as f64;
        for ((entrant, now), loaded) in self.entrants.iter().zip(self.disk()?).zip(loaded) {
            if entrant.part() != Part::All {
                continue;
            }
            let (now, loaded) = (now as f64, *loaded as f64);
            let live = (record * shape.records as f64, record * entrant.live() as f64);
            amounts.rows.push((entrant.name().into(), vec![loaded, loaded / live.0, now, now / live.1]));
        }
        amounts.rows.extend(LEFT_OUT.map(|name| (name.into(), vec![f64::NAN; 4])));
        Ok(amounts)
    }

    /// Reopening after the process that wrote was killed; everything acknowledged must be there.
    fn reopen_killed(&mut self, shape: Shape, effort: Effort) {
        let mut contest = Contest::new(self.title(titles::REOPEN_KILLED, UNTIL_READ), Clock::Wall);
        let writes = effort.operations(KILLED_AFTER);
        for entrant in self.entrants.iter_mut().filter(|entrant| entrant.part() == Part::All) {
            let name = entrant.name();
            let mut killed = move |clock| -> Result<Sample, Failure> {
                entrant.close()?;
                let from = entrant.next();
                let acknowledged = child::killed(name, shape, entrant.dir(), from, writes)?;
                let sample = entrant.reopen(clock)?;
                entrant.check(from..from + acknowledged)?;
                // Some that were not acknowledged may be there as well.
                entrant.skip_to(from + 100 * KILLED_AFTER);
                Ok(sample)
            };
            contest = contest.contender(name, "", move |clock| stop_on_failure(killed(clock)));
        }
        self.contests.push(LEFT_OUT.into_iter().fold(contest, Contest::absent).run_cold(effort));
    }
}

impl Measured {
    fn outcomes(&self, what: &str) -> Option<&Outcomes> {
        self.contests.iter().find(|contest| contest.title.split(',').next() == Some(what))
    }

    fn ratio(&self, what: &str, one: &str, other: &str) -> f64 {
        self.outcomes(what).map_or(f64::NAN, |row| row.ratio(one, other))
    }

    /// How many times as long the best peer took as larder, and which peer that is.
    fn best_peer(&self, what: &str) -> (f64, &'static str) {
        let ratios = PEERS.map(|peer| (self.ratio(what, peer, LARDER), peer));
        let best = ratios.into_iter().filter(|(ratio, _)| ratio.is_finite());
        best.min_by(|(one, _), (other, _)| one.total_cmp(other)).unwrap_or((f64::NAN, "none"))
    }

    fn nanos(&self, what: &str) -> f64 {
        self.outcomes(what).and_then(|row| row.of(LARDER)).map_or(f64::NAN, |larder| larder.median_ns)
    }
}

/// What was promised, for the first shape.
fn targets(measured: &Measured) -> Vec<Target> {
    const MILLI: f64 = 1e6;
    let of = |what: &str| format!("{}, {}", what.to_lowercase(), measured.label);
    let mut targets = Vec::new();
    let (speed, best) = measured.best_peer(titles::WRITES_BY_64);
    targets.push(Target::at_least(
        format!("{}, to the best peer ({best})", of(titles::WRITES_BY_64)),
        2.0,
        speed,
    ));
    let ratio = measured.ratio(titles::WRITES_BY_64, LARDER, BARE);
    targets.push(Target::at_most(format!("{}, to the bare log", of(titles::WRITES_BY_64)), 1.5, ratio));
    let (speed, best) = measured.best_peer(titles::WRITES);
    let what = format!("{}, to the best peer ({best})", of(titles::WRITES));
    targets.push(Target::at_most(what, 1.0, 1.0 / speed));
    for (name, how) in [(LARDER, "by calls of the system"), (MAPPED, "mapped")] {
        let ratio = measured.ratio(titles::READS, name, Lmdb::NAME);
        targets.push(Target::at_most(format!("{}, {how}, to LMDB", of(titles::READS)), 1.0, ratio));
    }
    let millis = measured.nanos(titles::KEYS) / MILLI;
    targets.push(Target::at_most(format!("{}, to 20 ms", of(titles::KEYS)), 1.0, millis / 20.0));
    let (speed, best) = measured.best_peer(titles::LOAD);
    targets.push(Target::at_least(format!("{}, to the best peer ({best})", of(titles::LOAD)), 2.0, speed));
    let millis = measured.nanos(titles::REOPEN) / MILLI;
    targets.push(Target::at_most(format!("{}, to 5 ms", of(titles::REOPEN)), 1.0, millis / 5.0));
    let bytes = measured.memory.of(LARDER, titles::OWN_PER_RECORD);
    let what = format!(
        "{} of its own for each record, {}, to 40 bytes",
        titles::MEMORY.to_lowercase(),
        measured.label
    );
    targets.push(Target::at_most(what, 1.0, bytes / 40.0));
    let share = measured.disk.of(LARDER, "to keys and values then");
    let what = format!("{}, after overwriting, to keys and values", of(titles::DISK));
    targets.push(Target::at_most(what, 2.0, share));
    // With heads and index: what a store takes that was filled and never overwritten.
    let share =
        measured.disk.of(LARDER, "to keys and values then") / measured.disk.of(LARDER, "to keys and values");
    let what =
        format!("{}, after overwriting, to as many records that were never overwritten", of(titles::DISK));
    targets.push(Target::at_most(what, 2.0, share));
    targets
}

fn method(backend: &str) -> String {
    format!(
        "larder runs over its backend `{backend}`, through its public, asynchronous calls: bytes by `bassoc` and \
         `bget`, documents of about the same length by `assoc` of a value that serde serializes and \
         `get_document`; a batch of either (`multi_bassoc`, `multi_assoc`) is one transaction. One row of reads has the \
         option `mapped_reads`, with which larder maps its files as LMDB does; without it a read is one call of \
         the system, which neither blocks nor ends the process. Keys are text of 24 bytes in hashed order; values do not compress. Every store has 256 MiB of \
         cache if it has a cache of its own (LMDB and larder leave that to the page cache), and is set as its \
         module in `src/peers/embedded` says. A durable write is one `fdatasync` or more away from its caller in \
         every store: a transaction in redb and LMDB, a `persist` in fjall, `sync` in RocksDB, a `flush` in sled and then a sync of its file: sled's flush alone, which \
         has rows of its own, waits for `sync_file_range` only, which a power cut may undo. \
         Calls that block have a thread for each writer; larder's tasks, and the bare log's, run under tokio with \
         two workers, and those of one task or one reader under `pollster::block_on`. Every read sees the latest \
         state (in redb and LMDB: a transaction for each) and looks at one byte in 64 of the value. larder checks a \
         CRC of all that it reads, as the bare log and fjall do; LMDB, redb and sled do not when they have it in \
         memory. The bare log is the limit: a file that is appended to and a hash index behind one draining thread, \
         without any compaction, that replays all of its file when it is opened. Stores are filled by a process of \
         their own each time, empty at first; they are durable at the end of it, not before (redb and LMDB commit \
         every {bulk} records or 128 MiB; RocksDB goes past its log). Overwriting writes 1000 random records, or 4 MiB, at \
         a time, as one transaction where there are such; all are durable before the next. The writer beside the \
         reads writes as fast as its store lets it, so that the reads of a fast store have more beside them. A \
         process is killed while 16 tasks write, after {KILLED_AFTER} acknowledged writes, all of which must be there \
         afterwards. Memory: the peak is what `VmHWM` grew by, which counts the pages of mapped files; a store's own \
         is what `RssAnon` grew by. Disk: blocks allocated; keys and values are those of the raw records, also in the row of documents. \
         RocksDB is linked with the system's library: `apt-get install librocksdb-dev libclang-dev`, then \
         `ROCKSDB_LIB_DIR=/usr/lib/x86_64-linux-gnu ROCKSDB_INCLUDE_DIR=/usr/include cargo run --release \
         --features rocksdb --bin table`.",
        bulk = "100 000",
    )
}

/// Removes a store to make room for the next, unless it has so many files that the file system would
/// be slower for a while; those go when the run is over.
fn remove_few(dir: &Path) -> Result<(), Failure> {
    const FEW: u64 = 4000;
    if dir.exists() && files_in(dir)? <= FEW {
        std::fs::remove_dir_all(dir)?;
    }
    Ok(())
}

/// `1 M`, `100 k`, or the number.
fn count(number: u64) -> String {
    match number {
        n if n >= 1_000_000 && n.is_multiple_of(1_000_000) => format!("{} M", n / 1_000_000),
        n if n >= 1000 && n.is_multiple_of(1000) => format!("{} k", n / 1000),
        n => n.to_string(),
    }
}

/// `1 KiB`, or so many bytes.
fn size(bytes: usize) -> String {
    if bytes.is_multiple_of(1024) { format!("{} KiB", bytes / 1024) } else { format!("{bytes} B") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_named_as_people_name_them() {
        assert_eq!([1_000_000, 100_000, 1500].map(count), ["1 M", "100 k", "1500"]);
        assert_eq!([100, 1024, 65536].map(size), ["100 B", "1 KiB", "64 KiB"]);
    }

    #[test]
    fn every_store_does_everything() {
        let dir = tempfile::tempdir().unwrap();
        let shape = Shape { records: 300, len: 100 };
        for mut entrant in entrants(shape).unwrap() {
            let clock = Clock::Wall;
            let name = entrant.name();
            let dir = dir.path().join(name);
            std::fs::create_dir_all(dir.join("store")).unwrap();
            entrant.move_to(dir.join("store"));
            entrant.open(Use::Loading).unwrap();
            entrant.load(clock).unwrap();
            entrant.open(Use::Serving).unwrap();
            entrant.check(0..300).unwrap();
            entrant.reads(clock, 2, 10).unwrap();
            let copied = dir.join("copied");
            entrant.close().unwrap();
            std::fs::create_dir(&copied).unwrap();
            copy(&dir.join("store"), &copied).unwrap();
            entrant.move_to(copied);
            entrant.open(Use::Serving).unwrap();
            entrant.check(0..300).unwrap();
            entrant.writes(clock, 1, 2).unwrap();
            entrant.writes(clock, 8, 2).unwrap();
            entrant.reads_while_writing(clock, 10).unwrap();
            let written = entrant.live();
            assert!(written >= 300 + 18, "{name}: {written}");
            entrant.keys(clock).unwrap();
            entrant.reopen(clock).unwrap();
            entrant.check(0..300 + 18).unwrap();
            entrant.overwrites(clock, 50).unwrap();
            assert!(entrant.check(0..300).is_err(), "{name} was overwritten");
            entrant.reopen(clock).unwrap();
            assert!(disk_use(entrant.dir()).unwrap() > 0);
            entrant.close().unwrap();
        }
    }
}
