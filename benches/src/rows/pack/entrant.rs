//! One store in the contests: it is opened, driven by one or many writers and readers, closed, and
//! opened again.

use std::any::Any;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Instant;

use futures::future::BoxFuture;
use pollster::block_on;
use tokio::runtime::Runtime;

use super::records::{RawKey, Records};
use crate::peers::embedded::{Shape, Store, Use};
use crate::rows::Failure;
use crate::rows::data::Numbers;
use crate::rows::files::On;
use crate::time::{Clock, Sample};

/// In which rows a store stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// In all of them.
    All,
    /// In those of reading; it begins with the files of the store with this name.
    Reads(&'static str),
    /// In those of writing; it begins with the files of the store with this name.
    Writes(&'static str),
}

impl Part {
    /// The store whose files it begins with.
    pub fn model(self) -> Option<&'static str> {
        match self {
            Part::All => None,
            Part::Reads(model) | Part::Writes(model) => Some(model),
        }
    }
}

/// A store whose type is forgotten.
pub trait Entrant: Send {
    /// Its name in the tables.
    fn name(&self) -> &'static str;
    /// In which rows it stands.
    fn part(&self) -> Part;
    /// What is on the medium when it has answered a write.
    fn terms(&self) -> &'static str;
    /// Where its files are.
    fn dir(&self) -> &Path;
    /// From now on its files are here.
    fn move_to(&mut self, dir: PathBuf);
    /// Opens it, closing it first if it is open.
    fn open(&mut self, used: Use) -> Result<(), Failure>;
    /// Closes it.
    fn close(&mut self) -> Result<(), Failure>;
    /// Waits until it has nothing to do of its own accord.
    fn settle(&self) -> Result<(), Failure>;
    /// Writes all records, durable when they are written.
    fn load(&self, clock: Clock) -> Result<Sample, Failure>;
    /// Compares some of these records with what they ought to be.
    fn check(&self, numbers: Range<u64>) -> Result<(), Failure>;
    /// Reads of random records by so many threads, `each` by each of them.
    fn reads(&self, clock: Clock, threads: usize, each: u64) -> Result<Sample, Failure>;
    /// Reads of random records by one thread while another makes durable writes, one after the other.
    fn reads_while_writing(&mut self, clock: Clock, count: u64) -> Result<Sample, Failure>;
    /// Durable writes of new records by so many tasks, `each` by each of them.
    fn writes(&mut self, clock: Clock, tasks: usize, each: u64) -> Result<Sample, Failure>;
    /// Overwrites random records, several at a time; each time they are durable.
    fn overwrites(&mut self, clock: Clock, count: u64) -> Result<Sample, Failure>;
    /// Lists all keys.
    fn keys(&self, clock: Clock) -> Result<Sample, Failure>;
    /// Opens it after it was closed or killed, and reads a record.
    fn reopen(&mut self, clock: Clock) -> Result<Sample, Failure>;
    /// The number of the next new record.
    fn next(&self) -> u64;
    /// How many records there are, as far as this process knows.
    fn live(&self) -> u64;
    /// From now on this is the number of the next new record.
    fn skip_to(&mut self, number: u64);
}

/// The store `S` of this shape.
pub(super) struct Of<S> {
    shape: Shape,
    records: Arc<Records>,
    runtime: Arc<Runtime>,
    dir: PathBuf,
    store: Option<Arc<S>>,
    part: Part,
    next: u64,
    live: u64,
    numbers: Numbers,
}

impl<S: Store> Of<S> {
    pub(super) fn boxed(shape: Shape, records: &Arc<Records>, runtime: &Arc<Runtime>) -> Box<dyn Entrant> {
        Box::new(Of::<S>::new(shape, records, runtime))
    }

    pub(super) fn boxed_in(
        part: Part,
        shape: Shape,
        records: &Arc<Records>,
        runtime: &Arc<Runtime>,
    ) -> Box<dyn Entrant> {
        Box::new(Of::<S> { part, ..Of::new(shape, records, runtime) })
    }

    fn new(shape: Shape, records: &Arc<Records>, runtime: &Arc<Runtime>) -> Of<S> {
        Of {
            shape,
            records: Arc::clone(records),
            runtime: Arc::clone(runtime),
            dir: PathBuf::new(),
            store: None,
            part: Part::All,
            next: shape.records,
            live: shape.records,
            numbers: Numbers::new(1),
        }
    }

    fn store(&self) -> Result<&Arc<S>, Failure> {
        self.store.as_ref().ok_or_else(|| "the store is not open".into())
    }

    /// So many numbers that were not used yet.
    fn fresh(&mut self, count: u64) -> Range<u64> {
        let from = self.next;
        self.next += count;
        from..self.next
    }
}

impl<S: Store> Entrant for Of<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn part(&self) -> Part {
        self.part
    }

    fn terms(&self) -> &'static str {
        S::TERMS
    }

    fn dir(&self) -> &Path {
        &self.dir
    }

    fn move_to(&mut self, dir: PathBuf) {
        self.dir = dir;
    }

    fn open(&mut self, used: Use) -> Result<(), Failure> {
        self.close()?;
        self.store = Some(Arc::new(block_on(S::open(&self.dir, self.shape, used))?));
        Ok(())
    }

    fn close(&mut self) -> Result<(), Failure> {
        let Some(store) = self.store.take() else { return Ok(()) };
        block_on(Arc::try_unwrap(store).map_err(|_| "a task still holds the store")?.close())
    }

    fn settle(&self) -> Result<(), Failure> {
        self.store()?.settle();
        Ok(())
    }

    fn load(&self, clock: Clock) -> Result<Sample, Failure> {
        let store = self.store()?;
        timed(clock, self.shape.records, || block_on(store.load(&self.records, 0..self.shape.records)))
    }

    fn check(&self, numbers: Range<u64>) -> Result<(), Failure> {
        const MOST: u64 = 1000;
        let store = self.store()?;
        let step = (numbers.end - numbers.start).div_ceil(MOST).max(1);
        for number in numbers.step_by(step as usize) {
            let (key, value) = self.records.record(number);
            if block_on(store.get(key))? != Some(store.expected(&value)) {
                return Err(format!("{}: record {number} is not what was written", S::NAME).into());
            }
        }
        Ok(())
    }

    fn reads(&self, clock: Clock, threads: usize, each: u64) -> Result<Sample, Failure> {
        let (store, records) = (self.store()?, self.shape.records);
        let seed = |thread: usize| Numbers::new(1 + thread as u64);
        if threads == 1 {
            return timed(clock, each, || block_on(read(store.as_ref(), records, each, seed(0))));
        }
        together(threads, each, |thread| block_on(read(store.as_ref(), records, each, seed(thread))))
    }

    fn reads_while_writing(&mut self, clock: Clock, count: u64) -> Result<Sample, Failure> {
        const AT_MOST: u64 = 1_000_000;
        let (store, records) = (Arc::clone(self.store()?), Arc::clone(&self.records));
        let (entries, numbers, done) = (self.shape.records, self.fresh(AT_MOST), AtomicBool::new(false));
        let (sample, written) = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                block_on(async {
                    let mut written = 0;
                    for number in numbers.take_while(|_| !done.load(Ordering::Relaxed)) {
                        let (key, value) = records.record(number);
                        store.put(key, value).await?;
                        written += 1;
                    }
                    Ok(written)
                })
            });
            let seed = Numbers::new(2);
            let sample = timed(clock, count, || block_on(read(store.as_ref(), entries, count, seed)));
            done.store(true, Ordering::Relaxed);
            (sample, finished(writer.join()))
        });
        self.live += written?;
        sample
    }

    fn writes(&mut self, clock: Clock, tasks: usize, each: u64) -> Result<Sample, Failure> {
        let store = Arc::clone(self.store()?);
        let numbers = self.fresh(tasks as u64 * each);
        self.live += tasks as u64 * each;
        let work = |task: usize| write(&store, &self.records, numbers.start + task as u64 * each, each);
        match tasks {
            1 => timed(clock, each, || block_on(work(0))),
            _ if S::TASKS => {
                timed(clock, tasks as u64 * each, || On::Tokio(&self.runtime).tasks(tasks, work))
            }
            _ => together(tasks, each, |task| block_on(work(task))),
        }
    }

    fn overwrites(&mut self, clock: Clock, count: u64) -> Result<Sample, Failure> {
        const MOST: u64 = 1000;
        const MOST_BYTES: usize = 4 << 20;
        let store = Arc::clone(self.store()?);
        let piece = MOST.min((MOST_BYTES / self.shape.len) as u64).min(self.shape.records);
        let mut left = count;
        let records = self.shape.records;
        let mut batch = |size: u64| {
            // Neighbours by number are strangers by key, and no key stands twice in a batch.
            let first = self.numbers.draw() % records;
            let mut write = |n| {
                let number = (first + n) % records;
                (RawKey::new(number), self.records.value(self.numbers.draw()))
            };
            (0..size).map(&mut write).collect::<Vec<_>>()
        };
        timed(clock, count, || {
            block_on(async {
                while left > 0 {
                    let size = piece.min(left);
                    store.put_together(batch(size)).await?;
                    left -= size;
                }
                Ok(())
            })
        })
    }

    fn keys(&self, clock: Clock) -> Result<Sample, Failure> {
        let mut count = 0;
        let store = self.store()?;
        let sample = timed(clock, 1, || {
            count = block_on(store.keys())?;
            Ok(())
        })?;
        if count < self.shape.records {
            return Err(format!("{} lists {count} keys only", S::NAME).into());
        }
        Ok(sample)
    }

    fn reopen(&mut self, clock: Clock) -> Result<Sample, Failure> {
        self.close()?;
        let (dir, shape) = (self.dir.clone(), self.shape);
        timed(clock, 1, || {
            let store = self.store.insert(Arc::new(block_on(S::open(&dir, shape, Use::Serving))?));
            block_on(read(store.as_ref(), shape.records, 1, Numbers::new(3)))
        })
    }

    fn next(&self) -> u64 {
        self.next
    }

    fn live(&self) -> u64 {
        self.live
    }

    fn skip_to(&mut self, number: u64) {
        self.next = number;
    }
}

/// A sample of work that may fail.
fn timed(
    clock: Clock,
    operations: u64,
    work: impl FnOnce() -> Result<(), Failure>,
) -> Result<Sample, Failure> {
    let mut result = Ok(());
    let sample = clock.time(operations, || result = work());
    result.map(|()| sample)
}

/// A sample of so many threads, timed from where all of them are ready until the last is done.
fn together(
    threads: usize,
    each: u64,
    work: impl Fn(usize) -> Result<(), Failure> + Sync,
) -> Result<Sample, Failure> {
    let (ready, work) = (Barrier::new(threads + 1), &work);
    std::thread::scope(|scope| {
        let ready = &ready;
        let begin = |thread: usize| {
            scope.spawn(move || {
                ready.wait();
                work(thread)
            })
        };
        let threads: Vec<_> = (0..threads).map(begin).collect();
        let operations = threads.len() as u64 * each;
        ready.wait();
        let start = Instant::now();
        threads.into_iter().try_for_each(|thread| finished(thread.join()))?;
        Ok(Sample::new(operations, start.elapsed()))
    })
}

fn finished<T>(joined: Result<Result<T, Failure>, Box<dyn Any + Send>>) -> Result<T, Failure> {
    joined.unwrap_or_else(|_| Err("a thread panicked".into()))
}

async fn read<S: Store>(store: &S, records: u64, count: u64, mut numbers: Numbers) -> Result<(), Failure> {
    let mut seen = 0;
    for _ in 0..count {
        let key = RawKey::new(numbers.draw() % records);
        seen ^= store.get(key).await?.ok_or("a record is not there")?;
    }
    std::hint::black_box(seen);
    Ok(())
}

fn write<S: Store>(
    store: &Arc<S>,
    records: &Arc<Records>,
    from: u64,
    count: u64,
) -> BoxFuture<'static, Result<(), Failure>> {
    let (store, records) = (Arc::clone(store), Arc::clone(records));
    Box::pin(async move {
        for number in from..from + count {
            let (key, value) = records.record(number);
            store.put(key, value).await?;
        }
        Ok(())
    })
}

/// So many bytes the files in this directory take on the medium.
pub(super) fn disk_use(dir: &Path) -> Result<u64, Failure> {
    const BLOCK: u64 = 512;
    sum_over(dir, &|meta| meta.blocks() * BLOCK)
}

/// So many files are in this directory.
pub(super) fn files_in(dir: &Path) -> Result<u64, Failure> {
    sum_over(dir, &|_| 1)
}

/// The sum over all files, also those in directories within this one.
fn sum_over(dir: &Path, of: &dyn Fn(&Metadata) -> u64) -> Result<u64, Failure> {
    let mut sum = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let meta = match entry.metadata() {
            Ok(meta) => meta,
            // Stores remove files of their own accord.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        sum += if meta.is_dir() { sum_over(&entry.path(), of)? } else { of(&meta) };
    }
    Ok(sum)
}

/// Copies all files, also those in directories within.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir(&to)?;
            copy(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}
