//! Records in files: against `std::fs` doing the same steps, and against three stores that do more.

use std::path::Path;

use bytes::Bytes;
use larder::Durability::{Flushed, Synced as Durable};

use super::files::{Files, On, Writer, stop_on_failure, tokio};
use super::{Failure, data};
use crate::harness::{Contest, Effort, Outcomes};
use crate::peers::plain_files::{PlainFiles, Synced};
use crate::peers::stores::Store;
use crate::report::{Section, Target};
use crate::time::Clock;
use crate::warm::Warm;

const STD: &str = "`std::fs`";
const STD_FAN: &str = "`std::fs`, in 64 directories";
const LARDER: &str = "larder";
const LARDER_TOKIO: &str = "larder, under tokio";
const OBJECT: &str = "object_store, under tokio";
const DAL: &str = "opendal, under tokio";
const CACACHE: &str = "cacache, under tokio";
const CACACHE_SYNC: &str = "cacache, blocking calls";

/// So many entries a store has before writes of new ones are measured.
const ALREADY: u64 = 2000;

const NOTHING: &str = "in the page cache";
const CONTENT: &str = "content synced, name not";
const EVERYTHING: &str = "content and name synced";

/// All rows of this theme.
pub fn section(effort: Effort, dir: &Path) -> Result<Section, Failure> {
    let _warm = Warm::up(8 << 30);
    let files = Files::within(dir)?;
    let mut contests = Vec::new();
    let mut targets = Vec::new();
    for (len, size) in [(1024, "1 KiB"), (64 * 1024, "64 KiB")] {
        let durable = durable_writes(&files, len, size, effort)?;
        let what = format!("one durable write of {size}, to `std::fs` with the same fsyncs");
        targets.push(Target::at_most(what, 1.1, durable.ratio(LARDER, STD)));
        no_slower(&mut targets, &durable, &[OBJECT, DAL], &format!("durable write of {size}"));
        contests.push(durable);

        let flushed = flushed_writes(&files, len, size, effort)?;
        no_slower(&mut targets, &flushed, &[OBJECT, CACACHE], &format!("flushed write of {size}"));
        contests.push(flushed);
    }
    let flushed = overwrites(&files, effort)?;
    no_slower(&mut targets, &flushed, &[OBJECT, CACACHE], "flushed write of 1 KiB over an old entry");
    contests.push(flushed);
    let durable = durable_overwrites(&files, effort)?;
    let what = "one durable write of 1 KiB over an old entry, to `std::fs` with the same fsyncs";
    targets.push(Target::at_most(what, 1.1, durable.ratio(LARDER, STD)));
    no_slower(&mut targets, &durable, &[OBJECT, DAL], "durable write of 1 KiB over an old entry");
    contests.push(durable);

    let many = many_tasks(&files, effort)?;
    let speed = 1.0 / many.ratio("larder, 64 tasks", "larder, 1 task");
    targets.push(Target::at_least("a durable write by 64 tasks, to one by one task", 4.0, speed));
    let speed = many.ratio("larder, 64 tasks under tokio", "object_store, 64 tasks under tokio");
    targets.push(Target::at_most(
        "durable writes by 64 tasks, to object_store's, both under tokio",
        1.0,
        speed,
    ));
    contests.push(many);

    for (len, size, count) in [(1024, "1 KiB", 10_000), (64 * 1024, "64 KiB", 1000)] {
        let [read, head] = reads(&files, len, size, count, effort)?;
        let what = format!("cached read of {size}, to `std::fs::read`");
        targets.push(Target::at_most(what, 1.3, read.ratio(LARDER, STD)));
        let peers = [OBJECT, DAL, CACACHE];
        no_slower(&mut targets, &read, &peers, &format!("cached read of {size}"));
        no_slower(&mut targets, &head, &peers, &format!("head of {size}"));
        contests.extend([read, head]);
    }
    let listed = listing(&files, effort)?;
    no_slower(&mut targets, &listed, &[OBJECT, DAL, CACACHE], "listing");
    contests.push(listed);
    let method = "Every contender has a directory of its own, in which nothing was ever removed; writes are of new keys \
                  unless it says otherwise, one after the other unless it says otherwise. `std::fs` makes a temporary file \
                  beside its place, writes, syncs where the row says so (`fdatasync`), renames, and syncs the \
                  directory where the row says so. larder runs under `pollster::block_on` on the calling thread, and, to be \
                  compared with the peers, under the same tokio as they (two workers; the calling thread waits in \
                  `block_on`). larder's record has a head and checksums, which it verifies on reading, as cacache does; \
                  `std::fs`, object_store and opendal verify nothing. opendal always syncs the content and never the name: \
                  it appears among the durable writes, where it promises less than larder. cacache never syncs. Before \
                  the first row memory is touched and let go, so that nobody pays for pages that the host of a virtual \
                  machine first has to find."
        .into();
    Ok(Section { title: "Files".into(), method, contests, targets, ..Section::default() })
}

fn no_slower(targets: &mut Vec<Target>, outcomes: &Outcomes, peers: &[&str], what: &str) {
    for peer in peers {
        let ratio = outcomes.ratio(LARDER_TOKIO, peer);
        targets.push(Target::at_most(format!("{what}, to {peer}"), 1.0, ratio));
    }
}

fn durable_writes(files: &Files, len: usize, size: &str, effort: Effort) -> Result<Outcomes, Failure> {
    let bytes = Bytes::from(data::bytes(len, 1));
    let (runtime, count) = (tokio()?, effort.operations(40));
    let on = On::Tokio(&runtime);
    let already = effort.operations(ALREADY);
    let mut plain = plain(PlainFiles::new(&files.fresh()?, Synced::All), &bytes, count, already);
    let mut plain_fan =
        self::plain(PlainFiles::fanned_out(&files.fresh()?, Synced::All)?, &bytes, count, already);
    let mut plain_content =
        self::plain(PlainFiles::new(&files.fresh()?, Synced::Content), &bytes, count, already);
    let larder =
        Writer::of_new(Store::larder(&files.fresh()?, Durable)?, bytes.clone(), already, On::Pollster)?;
    let larder_tokio = Writer::of_new(Store::larder(&files.fresh()?, Durable)?, bytes.clone(), already, on)?;
    let object = Writer::of_new(Store::object(&files.fresh()?, true)?, bytes.clone(), already, on)?;
    let dal = Writer::of_new(Store::dal(&files.fresh()?)?, bytes.clone(), already, on)?;
    Ok(Contest::new(format!("Durable write of {size}"), Clock::Wall)
        .contender(STD, EVERYTHING, |clock| clock.time(count, &mut plain))
        .contender(STD_FAN, EVERYTHING, |clock| clock.time(count, &mut plain_fan))
        .contender(LARDER, EVERYTHING, |clock| larder.alone(clock, On::Pollster, count))
        .contender(LARDER_TOKIO, EVERYTHING, |clock| larder_tokio.alone(clock, on, count))
        .contender(OBJECT, EVERYTHING, |clock| object.alone(clock, on, count))
        .contender("`std::fs`, name not synced", CONTENT, |clock| clock.time(count, &mut plain_content))
        .contender(DAL, CONTENT, |clock| dal.alone(clock, on, count))
        .run(effort.more()))
}

fn flushed_writes(files: &Files, len: usize, size: &str, effort: Effort) -> Result<Outcomes, Failure> {
    let bytes = Bytes::from(data::bytes(len, 1));
    let (runtime, count) = (tokio()?, effort.operations(200));
    let on = On::Tokio(&runtime);
    let already = effort.operations(ALREADY);
    let mut plain = plain(PlainFiles::new(&files.fresh()?, Synced::No), &bytes, count, already);
    let mut plain_fan =
        self::plain(PlainFiles::fanned_out(&files.fresh()?, Synced::No)?, &bytes, count, already);
    let larder =
        Writer::of_new(Store::larder(&files.fresh()?, Flushed)?, bytes.clone(), already, On::Pollster)?;
    let larder_tokio = Writer::of_new(Store::larder(&files.fresh()?, Flushed)?, bytes.clone(), already, on)?;
    let object = Writer::of_new(Store::object(&files.fresh()?, false)?, bytes.clone(), already, on)?;
    let cacache = Writer::of_new(Store::Cacache(files.fresh()?), bytes.clone(), already, on)?;
    let cacache_sync = Writer::of_new(Store::CacacheSync(files.fresh()?), bytes.clone(), already, on)?;
    Ok(Contest::new(format!("Flushed write of {size}"), Clock::Wall)
        .contender(STD, NOTHING, |clock| clock.time(count, &mut plain))
        .contender(STD_FAN, NOTHING, |clock| clock.time(count, &mut plain_fan))
        .contender(LARDER, NOTHING, |clock| larder.alone(clock, On::Pollster, count))
        .contender(LARDER_TOKIO, NOTHING, |clock| larder_tokio.alone(clock, on, count))
        .contender(OBJECT, NOTHING, |clock| object.alone(clock, on, count))
        .contender(CACACHE, NOTHING, |clock| cacache.alone(clock, on, count))
        .contender(CACACHE_SYNC, NOTHING, |clock| cacache_sync.alone(clock, On::Pollster, count))
        .run(effort.more()))
}

fn overwrites(files: &Files, effort: Effort) -> Result<Outcomes, Failure> {
    const KEYS: usize = 100;
    let bytes = Bytes::from(data::bytes(1024, 1));
    let (runtime, count) = (tokio()?, effort.operations(KEYS as u64));
    let on = On::Tokio(&runtime);
    let mut plain = plain_again(PlainFiles::new(&files.fresh()?, Synced::No), &bytes, KEYS, count);
    let larder = Writer::of_old(Store::larder(&files.fresh()?, Flushed)?, bytes.clone(), KEYS, On::Pollster)?;
    let larder_tokio = Writer::of_old(Store::larder(&files.fresh()?, Flushed)?, bytes.clone(), KEYS, on)?;
    let object = Writer::of_old(Store::object(&files.fresh()?, false)?, bytes.clone(), KEYS, on)?;
    let cacache = Writer::of_old(Store::Cacache(files.fresh()?), bytes.clone(), KEYS, on)?;
    Ok(Contest::new("Flushed write of 1 KiB over one of 100 old entries", Clock::Wall)
        .contender(STD, NOTHING, |clock| clock.time(count, &mut plain))
        .contender(LARDER, NOTHING, |clock| larder.alone(clock, On::Pollster, count))
        .contender(LARDER_TOKIO, NOTHING, |clock| larder_tokio.alone(clock, on, count))
        .contender(OBJECT, NOTHING, |clock| object.alone(clock, on, count))
        .contender(CACACHE, NOTHING, |clock| cacache.alone(clock, on, count))
        .run(effort.more()))
}

fn durable_overwrites(files: &Files, effort: Effort) -> Result<Outcomes, Failure> {
    const KEYS: usize = 40;
    let bytes = Bytes::from(data::bytes(1024, 1));
    let (runtime, count) = (tokio()?, effort.operations(KEYS as u64));
    let on = On::Tokio(&runtime);
    let mut plain = plain_again(PlainFiles::new(&files.fresh()?, Synced::All), &bytes, KEYS, count);
    let larder = Writer::of_old(Store::larder(&files.fresh()?, Durable)?, bytes.clone(), KEYS, On::Pollster)?;
    let larder_tokio = Writer::of_old(Store::larder(&files.fresh()?, Durable)?, bytes.clone(), KEYS, on)?;
    let object = Writer::of_old(Store::object(&files.fresh()?, true)?, bytes.clone(), KEYS, on)?;
    let dal = Writer::of_old(Store::dal(&files.fresh()?)?, bytes.clone(), KEYS, on)?;
    Ok(Contest::new("Durable write of 1 KiB over one of 40 old entries", Clock::Wall)
        .contender(STD, EVERYTHING, |clock| clock.time(count, &mut plain))
        .contender(LARDER, EVERYTHING, |clock| larder.alone(clock, On::Pollster, count))
        .contender(LARDER_TOKIO, EVERYTHING, |clock| larder_tokio.alone(clock, on, count))
        .contender(OBJECT, EVERYTHING, |clock| object.alone(clock, on, count))
        .contender(DAL, CONTENT, |clock| dal.alone(clock, on, count))
        .run(effort.more()))
}

fn many_tasks(files: &Files, effort: Effort) -> Result<Outcomes, Failure> {
    const TASKS: usize = 64;
    let bytes = Bytes::from(data::bytes(1024, 1));
    let (runtime, alone, each) = (tokio()?, effort.operations(40), effort.operations(10));
    let already = effort.operations(ALREADY);
    let on = On::Tokio(&runtime);
    let one = Writer::of_new(Store::larder(&files.fresh()?, Durable)?, bytes.clone(), already, On::Pollster)?;
    let many =
        Writer::of_new(Store::larder(&files.fresh()?, Durable)?, bytes.clone(), already, On::Pollster)?;
    let many_tokio = Writer::of_new(Store::larder(&files.fresh()?, Durable)?, bytes.clone(), already, on)?;
    let object = Writer::of_new(Store::object(&files.fresh()?, true)?, bytes.clone(), already, on)?;
    let dal = Writer::of_new(Store::dal(&files.fresh()?)?, bytes.clone(), already, on)?;
    let dir = files.fresh()?;
    let threads: Vec<_> = (0..TASKS).map(|_| PlainFiles::new(&dir, Synced::All)).collect();
    let mut round = 0u64;
    let plain_threads = |clock: Clock| {
        round += 1;
        clock.time(TASKS as u64 * each, || {
            std::thread::scope(|scope| {
                for (thread, plain) in threads.iter().enumerate() {
                    let bytes = &bytes;
                    scope.spawn(move || {
                        for n in 0..each {
                            stop_on_failure(plain.write(&format!("entry-{round}-{thread}-{n}"), bytes));
                        }
                    });
                }
            })
        })
    };
    Ok(Contest::new("Durable writes of 1 KiB by many at a time, time per write", Clock::Wall)
        .contender("larder, 1 task", EVERYTHING, |clock| one.alone(clock, On::Pollster, alone))
        .contender("larder, 64 tasks", EVERYTHING, |clock| many.together(clock, On::Pollster, TASKS, each))
        .contender("larder, 64 tasks under tokio", EVERYTHING, |clock| {
            many_tokio.together(clock, on, TASKS, each)
        })
        .contender("`std::fs`, 64 threads", EVERYTHING, plain_threads)
        .contender("object_store, 64 tasks under tokio", EVERYTHING, |clock| {
            object.together(clock, on, TASKS, each)
        })
        .contender("opendal, 64 tasks under tokio", CONTENT, |clock| dal.together(clock, on, TASKS, each))
        .run(effort.fewer()))
}

fn reads(
    files: &Files,
    len: usize,
    size: &str,
    keys: usize,
    effort: Effort,
) -> Result<[Outcomes; 2], Failure> {
    let bytes = Bytes::from(data::bytes(len, 1));
    let runtime = tokio()?;
    let on = On::Tokio(&runtime);
    let keys = effort.operations(keys as u64) as usize;
    let names: Vec<String> = (0..keys).map(|n| format!("entry-{n:08}")).collect();
    let plain = PlainFiles::new(&files.fresh()?, Synced::No);
    names.iter().try_for_each(|name| plain.write(name, &bytes))?;
    let filled = |store: Store| -> Result<Store, Failure> {
        on.run(async {
            for name in &names {
                store.put(name, bytes.clone()).await?;
            }
            Ok(store)
        })
    };
    let larder = filled(Store::larder(&files.fresh()?, Flushed)?)?;
    let larder_tokio = filled(Store::larder(&files.fresh()?, Flushed)?)?;
    let object_dir = files.fresh()?;
    let object = filled(Store::object(&object_dir, false)?)?;
    // opendal reads what object_store wrote: files of the same names and content.
    let dal = Store::dal(&object_dir)?;
    let cache_dir = files.fresh()?;
    let cacache = filled(Store::CacacheSync(cache_dir.clone()))?;
    let cacache_async = Store::Cacache(cache_dir);

    let order = data::order(keys, 1);
    let mut at = 0;
    let mut next = || {
        at = (at + 1) % order.len();
        &names[order[at]]
    };
    let count = effort.operations(500);
    let mut picked = move || (0..count).map(|_| next().as_str()).collect::<Vec<_>>();
    // Each sample reads other keys than the one before, the same number of them.
    let samples: Vec<Vec<&str>> = (0..keys.div_ceil(count as usize).max(2)).map(|_| picked()).collect();
    let turn = std::cell::Cell::new(0);
    let sample = || {
        turn.set((turn.get() + 1) % samples.len());
        &samples[turn.get()]
    };
    let get = |store: &Store, on: On<'_>, clock: Clock| {
        let sample = sample();
        clock.time(count, || {
            on.run(async {
                for name in sample {
                    assert_eq!(stop_on_failure(store.get(name).await), len);
                }
            })
        })
    };
    let head = |store: &Store, on: On<'_>, clock: Clock| {
        let sample = sample();
        clock.time(count, || {
            on.run(async {
                for name in sample {
                    let size = stop_on_failure(store.head(name).await);
                    assert!(size.is_none_or(|size| size == len as u64), "{size:?}");
                }
            })
        })
    };
    let read = Contest::new(format!("Cached read of {size}"), Clock::Wall)
        .contender(STD, "", |clock| {
            let sample = sample();
            clock.time(count, || sample.iter().for_each(|name| drop(stop_on_failure(plain.read(name)))))
        })
        .contender(LARDER, "", |clock| get(&larder, On::Pollster, clock))
        .contender(LARDER_TOKIO, "", |clock| get(&larder_tokio, on, clock))
        .contender(OBJECT, "", |clock| get(&object, on, clock))
        .contender(DAL, "", |clock| get(&dal, on, clock))
        .contender(CACACHE, "", |clock| get(&cacache_async, on, clock))
        .contender(CACACHE_SYNC, "", |clock| get(&cacache, On::Pollster, clock))
        .run(effort);
    let head = Contest::new(format!("Head of an entry of {size}, cached"), Clock::Wall)
        .contender("`std::fs`, open and pread of 4 KiB", "", |clock| {
            let sample = sample();
            clock.time(count, || sample.iter().for_each(|name| _ = stop_on_failure(plain.head(name))))
        })
        .contender(LARDER, "", |clock| head(&larder, On::Pollster, clock))
        .contender(LARDER_TOKIO, "", |clock| head(&larder_tokio, on, clock))
        .contender(OBJECT, "", |clock| head(&object, on, clock))
        .contender(DAL, "", |clock| head(&dal, on, clock))
        .contender(CACACHE, "", |clock| head(&cacache_async, on, clock))
        .contender(CACACHE_SYNC, "", |clock| head(&cacache, On::Pollster, clock))
        .run(effort);
    Ok([read, head])
}

fn listing(files: &Files, effort: Effort) -> Result<Outcomes, Failure> {
    let runtime = tokio()?;
    let on = On::Tokio(&runtime);
    let count = effort.operations(100_000);
    let bytes = Bytes::from_static(b"a few bytes");
    let dir = files.fresh()?;
    let plain = PlainFiles::new(&dir, Synced::No);
    (0..count).try_for_each(|n| plain.write(&format!("entry-{n:08}"), &bytes))?;
    let larder = Store::larder(&files.fresh()?, Flushed)?;
    let cacache = Store::CacacheSync(files.fresh()?);
    for store in [&larder, &cacache] {
        on.run(async {
            for n in 0..count {
                store.put(&format!("entry-{n:08}"), bytes.clone()).await?;
            }
            Ok::<(), Failure>(())
        })?;
    }
    // These two list what `std::fs` wrote.
    let object = Store::object(&dir, false)?;
    let dal = Store::dal(&dir)?;
    let list = |store: &Store, on: On<'_>, clock: Clock| {
        clock.time(1, || assert_eq!(stop_on_failure(on.run(store.list())) as u64, count))
    };
    Ok(Contest::new(format!("Listing of {count} keys, time per listing"), Clock::Wall)
        .contender("`std::fs::read_dir`, names only", "", |clock| {
            clock.time(1, || assert_eq!(stop_on_failure(plain.list()) as u64, count))
        })
        .contender(LARDER, "", |clock| list(&larder, On::Pollster, clock))
        .contender(LARDER_TOKIO, "", |clock| list(&larder, on, clock))
        .contender(OBJECT, "", |clock| list(&object, on, clock))
        .contender(DAL, "", |clock| list(&dal, on, clock))
        .contender(CACACHE, "", |clock| list(&cacache, On::Pollster, clock))
        .run(effort.fewest()))
}

/// Writes so many new files, after a first lot that nobody waits for.
fn plain(files: PlainFiles, bytes: &Bytes, count: u64, already: u64) -> impl FnMut() + use<> {
    let mut write = plain_again(files, bytes, usize::MAX, 1);
    (0..already).for_each(|_| write());
    move || (0..count).for_each(|_| write())
}

/// Writes so many files, over and over the same `keys`.
fn plain_again(files: PlainFiles, bytes: &Bytes, keys: usize, count: u64) -> impl FnMut() + use<> {
    let bytes = bytes.clone();
    let mut next = 0;
    move || {
        for _ in 0..count {
            stop_on_failure(files.write(&format!("entry-{:08}", next % keys), &bytes));
            next += 1;
        }
    }
}
