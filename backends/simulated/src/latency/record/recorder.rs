//! [`Recorder`]: a backend that measures another.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use larder::{
    Backend, Batch, Bytes, Capabilities, Clock, Data, Error, ErrorKind, Expect, Key, Keys, Part, Record,
    Removed, Reply, Result, Stored, Write, Written,
};

use super::Recording;
use super::metered::{Passed, metered};
use crate::latency::class::Class;
use crate::latency::lock;
use crate::latency::text::nanos;

/// Measures how long every operation of a backend takes, and changes nothing about it.
///
/// A streamed read counts until its last chunk, without the time that its reader took; a streamed
/// write without the time that its source took; a listing until its end. What is dropped before it has
/// ended is not counted.
///
/// ```
/// use larder::{Larder, RealClock};
/// use larder_memory::Memory;
/// use larder_simulated::latency::Recorder;
///
/// # pollster::block_on(async {
/// let recorder = Recorder::new(Memory::new(), RealClock::shared());
/// let tape = recorder.tape();
/// let larder = Larder::new(recorder);
/// larder.assoc("ada", &1815).await?;
/// let recording = tape.recording();
/// // It looked at what was there, and wrote.
/// assert_eq!(recording.counts(), (2, 0));
/// println!("{}", recording.fit()?.to_text());
/// # Ok::<(), larder::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Recorder<B> {
    inner: B,
    tape: Tape,
}

/// What a [`Recorder`] has written so far. Clones share it.
#[derive(Clone, Debug)]
pub struct Tape {
    clock: Arc<dyn Clock>,
    recording: Arc<Mutex<Recording>>,
}

impl<B: Backend> Recorder<B> {
    /// Measures this backend by this clock.
    pub fn new(inner: B, clock: Arc<dyn Clock>) -> Recorder<B> {
        let date: String = clock.wall().to_string().chars().take(10).collect();
        let recording = Recording::new(inner.capabilities().name, &date);
        Recorder { inner, tape: Tape { clock, recording: Arc::new(Mutex::new(recording)) } }
    }

    /// What it has written so far, to be kept while the recorder is inside a larder.
    pub fn tape(&self) -> Tape {
        self.tape.clone()
    }
}

impl Tape {
    /// A copy of what has been recorded so far.
    pub fn recording(&self) -> Recording {
        lock(&self.recording).clone()
    }

    fn note(&self, class: Class, bytes: u64, time: Duration) {
        lock(&self.recording).note(class, bytes, nanos(time));
    }

    /// Notes a failure, unless it is the caller's own.
    fn note_error(&self, class: Class, bytes: u64, error: &Error) {
        use ErrorKind::{Corrupt, Full, Io, Poisoned, TimedOut, Unavailable};
        if matches!(error.kind(), Corrupt | Full | Io | Poisoned | TimedOut | Unavailable) {
            lock(&self.recording).note_error(class, bytes);
        }
    }

    /// The same reply, whose answer is handed on after `finish` has seen it and how long it took.
    fn measure<T: Send + 'static>(
        &self,
        started: Duration,
        reply: Reply<T>,
        finish: impl FnOnce(&Tape, Duration, Result<T>) -> Result<T> + Send + 'static,
    ) -> Reply<T> {
        let tape = self.clone();
        match reply.try_now() {
            Ok(answer) => Reply::ready(finish(&tape, tape.since(started), answer)),
            Err(reply) => Reply::future(async move {
                let answer = reply.await;
                finish(&tape, tape.since(started), answer)
            }),
        }
    }

    fn measure_plain<T: Send + 'static>(
        &self,
        started: Duration,
        class: Class,
        bytes: u64,
        reply: Reply<T>,
    ) -> Reply<T> {
        self.measure(started, reply, move |tape, took, answer| {
            match &answer {
                Ok(_) => tape.note(class, bytes, took),
                Err(error) => tape.note_error(class, bytes, error),
            }
            answer
        })
    }

    fn since(&self, started: Duration) -> Duration {
        self.clock.now().saturating_sub(started)
    }

    /// Notes a read: at once, or when its stream has ended.
    fn note_read(&self, class: Class, took: Duration, stored: &mut Option<Stored>) {
        match stored.as_mut().map(|stored| &mut stored.data) {
            Some(data @ Data::Stream(_)) => {
                let Data::Stream(chunks) = std::mem::replace(data, Data::None) else { return };
                let tape = self.clone();
                *data = Data::Stream(metered(chunks, Arc::clone(&self.clock), length, move |passed, all| {
                    tape.note_passed(class, took, passed, all);
                }));
            }
            Some(Data::Bytes(bytes)) => self.note(class, bytes.len() as u64, took),
            Some(Data::None) | None => self.note(class, 0, took),
        }
    }

    fn note_passed(&self, class: Class, before: Duration, passed: Passed, all: bool) {
        if all && !passed.failed {
            self.note(class, passed.bytes, before + passed.waited);
        } else if all {
            lock(&self.recording).note_error(class, passed.bytes);
        }
    }
}

fn length(bytes: &Bytes) -> u64 {
    bytes.len() as u64
}

fn size_of(data: &Data) -> u64 {
    if let Data::Bytes(bytes) = data { bytes.len() as u64 } else { 0 }
}

#[deny(clippy::missing_trait_methods)]
impl<B: Backend> Backend for Recorder<B> {
    fn read(&self, key: &Key, part: Part) -> Reply<Option<Stored>> {
        let class = if part == Part::Head { Class::Head } else { Class::Read };
        let started = self.tape.clock.now();
        self.tape.measure(started, self.inner.read(key, part), move |tape, took, answer| match answer {
            Ok(mut stored) => {
                tape.note_read(class, took, &mut stored);
                Ok(stored)
            }
            Err(error) => {
                tape.note_error(class, 0, &error);
                Err(error)
            }
        })
    }

    fn write(&self, key: &Key, record: Record, expect: Expect) -> Reply<Written> {
        let started = self.tape.clock.now();
        if !matches!(record.data(), Data::Stream(_)) {
            let bytes = size_of(record.data());
            return self.tape.measure_plain(
                started,
                Class::Write,
                bytes,
                self.inner.write(key, record, expect),
            );
        }
        let (head, data) = record.into_parts();
        let sum = Arc::new(Mutex::new(Passed::default()));
        let seen = Arc::clone(&sum);
        let Data::Stream(chunks) = data else { return Reply::ready(Err(Error::closed())) };
        let chunks = metered(chunks, Arc::clone(&self.tape.clock), length, move |passed, _| {
            *lock(&seen) = passed;
        });
        let record = match head.meta().and_then(|meta| Record::streamed(&meta, chunks)) {
            Ok(record) => record,
            Err(error) => return Reply::ready(Err(error)),
        };
        let reply = self.inner.write(key, record, expect);
        self.tape.measure(started, reply, move |tape, took, answer| {
            let passed = *lock(&sum);
            match &answer {
                Ok(_) => tape.note(Class::Write, passed.bytes, took.saturating_sub(passed.waited)),
                // A source that fails is no fault of the storage.
                Err(_) if passed.failed => {}
                Err(error) => tape.note_error(Class::Write, passed.bytes, error),
            }
            answer
        })
    }

    fn remove(&self, key: &Key, expect: Expect) -> Reply<Removed> {
        let started = self.tape.clock.now();
        self.tape.measure_plain(started, Class::Remove, 0, self.inner.remove(key, expect))
    }

    fn keys(&self, prefix: Option<&str>) -> Keys {
        let tape = self.tape.clone();
        let size = |key: &Key| key.as_cbor().len() as u64;
        let keys = Box::pin(self.inner.keys(prefix));
        let keys = metered(keys, Arc::clone(&self.tape.clock), size, move |passed, all| {
            tape.note_passed(Class::List, Duration::ZERO, passed, all);
        });
        keys.into()
    }

    fn write_batch(&self, writes: Vec<Write>) -> Reply<Batch> {
        let started = self.tape.clock.now();
        let data = writes.iter().filter_map(|write| write.record.as_ref().map(Record::data));
        let bytes = data.map(size_of).sum();
        self.tape.measure_plain(started, Class::Batch, bytes, self.inner.write_batch(writes))
    }

    fn sync(&self) -> Reply<()> {
        let started = self.tape.clock.now();
        self.tape.measure_plain(started, Class::Sync, 0, self.inner.sync())
    }

    fn close(&self) -> Reply<()> {
        self.inner.close()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}
