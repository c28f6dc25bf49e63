//! The operations that are one call of the backend behind.

use std::future::Future;
use std::sync::Arc;

use larder::{
    Backend, Batch, Data, Expect, Key, Part, Record, Removed, Reply, Result, Stored, Write, Written,
};

use super::altered::{self, Altered};
use super::download;
use super::log::Outcome;
use super::world::World;
use crate::fault::Fault;
use crate::latency::Class;
use crate::time::Nanos;

/// An operation that is one call of the backend behind.
pub(super) trait Call: Send + Sized + 'static {
    type Answer: Send + 'static;

    fn class(&self) -> Class;

    /// The key, or the first of them.
    fn key(&self) -> Option<&Key>;

    /// The keys that it changes.
    fn changes(&self) -> impl Iterator<Item = &Key> + Clone {
        self.key().into_iter().filter(|_| self.class().is_change())
    }

    /// How many bytes of data it brings.
    fn bytes_in(&self) -> u64 {
        0
    }

    /// Makes the call.
    fn perform<B: Backend>(self, inner: &B) -> Reply<Self::Answer>;

    /// Makes the call where faults may change what is stored or read: they need to be remembered.
    fn perform_altered<B: Backend>(
        self,
        world: Arc<World<B>>,
        inner: Arc<B>,
        fault: Option<Fault>,
    ) -> impl Future<Output = Altered<Self::Answer>> + Send;

    /// The same call once more. None where that is not possible.
    fn again(&self) -> Option<Self>;

    /// How many bytes of data the answer brings at once.
    fn bytes_out(_answer: &Self::Answer) -> u64 {
        0
    }

    /// How it ended.
    fn outcome(answer: &Self::Answer) -> Outcome;

    /// The answer as the caller gets it, at the instant of its acknowledgement.
    fn deliver<B: Backend>(_world: &Arc<World<B>>, _epoch: u64, answer: Self::Answer) -> Self::Answer {
        answer
    }
}

/// A record once more, which is not a stream.
pub(super) fn copy(record: &Record) -> Option<Record> {
    let data = match record.data() {
        Data::None => larder::Bytes::new(),
        Data::Bytes(bytes) => bytes.clone(),
        Data::Stream(_) => return None,
    };
    Record::new(&record.head().meta().ok()?, data).ok()
}

/// How many bytes of data there are, as far as that is known.
pub(super) fn length(data: &Data) -> u64 {
    match data {
        Data::Bytes(bytes) => bytes.len() as u64,
        Data::None | Data::Stream(_) => 0,
    }
}

pub(super) struct Read {
    pub(super) key: Key,
    pub(super) part: Part,
}

impl Call for Read {
    type Answer = Option<Stored>;

    fn class(&self) -> Class {
        if self.part == Part::Head { Class::Head } else { Class::Read }
    }

    fn key(&self) -> Option<&Key> {
        Some(&self.key)
    }

    fn perform<B: Backend>(self, inner: &B) -> Reply<Option<Stored>> {
        inner.read(&self.key, self.part)
    }

    async fn perform_altered<B: Backend>(
        self,
        world: Arc<World<B>>,
        inner: Arc<B>,
        fault: Option<Fault>,
    ) -> Altered<Option<Stored>> {
        altered::read(&world, &*inner, self, fault).await
    }

    fn again(&self) -> Option<Read> {
        Some(Read { key: self.key.clone(), part: self.part })
    }

    fn bytes_out(answer: &Option<Stored>) -> u64 {
        answer.as_ref().map_or(0, |stored| length(&stored.data))
    }

    fn outcome(answer: &Option<Stored>) -> Outcome {
        if answer.is_some() { Outcome::Done } else { Outcome::Absent }
    }

    fn deliver<B: Backend>(world: &Arc<World<B>>, epoch: u64, answer: Option<Stored>) -> Option<Stored> {
        answer.map(|stored| download::paced(world, epoch, stored))
    }
}

/// A write of one record.
pub(super) struct WriteOne {
    pub(super) key: Key,
    pub(super) record: Record,
    pub(super) expect: Expect,
}

impl Call for WriteOne {
    type Answer = Written;

    fn class(&self) -> Class {
        Class::Write
    }

    fn key(&self) -> Option<&Key> {
        Some(&self.key)
    }

    fn bytes_in(&self) -> u64 {
        length(self.record.data())
    }

    fn perform<B: Backend>(self, inner: &B) -> Reply<Written> {
        inner.write(&self.key, self.record, self.expect)
    }

    async fn perform_altered<B: Backend>(
        self,
        world: Arc<World<B>>,
        inner: Arc<B>,
        fault: Option<Fault>,
    ) -> Altered<Written> {
        altered::write(&world, &*inner, self, fault).await
    }

    fn again(&self) -> Option<WriteOne> {
        let record = copy(&self.record)?;
        Some(WriteOne { key: self.key.clone(), record, expect: self.expect.clone() })
    }

    fn outcome(answer: &Written) -> Outcome {
        match answer {
            Written::Done(_) => Outcome::Done,
            Written::Unmet => Outcome::Unmet,
        }
    }
}

pub(super) struct Remove {
    pub(super) key: Key,
    pub(super) expect: Expect,
}

impl Call for Remove {
    type Answer = Removed;

    fn class(&self) -> Class {
        Class::Remove
    }

    fn key(&self) -> Option<&Key> {
        Some(&self.key)
    }

    fn perform<B: Backend>(self, inner: &B) -> Reply<Removed> {
        inner.remove(&self.key, self.expect)
    }

    async fn perform_altered<B: Backend>(
        self,
        world: Arc<World<B>>,
        inner: Arc<B>,
        fault: Option<Fault>,
    ) -> Altered<Removed> {
        altered::remove(&world, &*inner, self, fault).await
    }

    fn again(&self) -> Option<Remove> {
        Some(Remove { key: self.key.clone(), expect: self.expect.clone() })
    }

    fn outcome(answer: &Removed) -> Outcome {
        match answer {
            Removed::Done => Outcome::Done,
            Removed::Absent => Outcome::Absent,
            Removed::Unmet => Outcome::Unmet,
        }
    }
}

/// A write of several records.
pub(super) struct WriteBatch {
    pub(super) writes: Vec<Write>,
}

impl Call for WriteBatch {
    type Answer = Batch;

    fn class(&self) -> Class {
        Class::Batch
    }

    fn key(&self) -> Option<&Key> {
        self.writes.first().map(|write| &write.key)
    }

    fn changes(&self) -> impl Iterator<Item = &Key> + Clone {
        self.writes.iter().map(|write| &write.key)
    }

    fn bytes_in(&self) -> u64 {
        self.writes.iter().filter_map(|write| write.record.as_ref()).map(|record| length(record.data())).sum()
    }

    fn perform<B: Backend>(self, inner: &B) -> Reply<Batch> {
        inner.write_batch(self.writes)
    }

    async fn perform_altered<B: Backend>(
        self,
        world: Arc<World<B>>,
        inner: Arc<B>,
        fault: Option<Fault>,
    ) -> Altered<Batch> {
        altered::batch(&world, &*inner, self, fault).await
    }

    fn again(&self) -> Option<WriteBatch> {
        let copied = |write: &Write| {
            let record = match &write.record {
                Some(record) => Some(copy(record)?),
                None => None,
            };
            Some(Write { key: write.key.clone(), record, expect: write.expect.clone() })
        };
        Some(WriteBatch { writes: self.writes.iter().map(copied).collect::<Option<_>>()? })
    }

    fn outcome(answer: &Batch) -> Outcome {
        match answer {
            Batch::Done(_) => Outcome::Done,
            Batch::Unmet => Outcome::Unmet,
        }
    }
}

pub(super) struct Sync;

impl Call for Sync {
    type Answer = ();

    fn class(&self) -> Class {
        Class::Sync
    }

    fn key(&self) -> Option<&Key> {
        None
    }

    fn perform<B: Backend>(self, inner: &B) -> Reply<()> {
        inner.sync()
    }

    async fn perform_altered<B: Backend>(
        self,
        world: Arc<World<B>>,
        inner: Arc<B>,
        _fault: Option<Fault>,
    ) -> Altered<()> {
        let result = inner.sync().await;
        if result.is_ok() {
            world.past(|past| past.synced());
        }
        Altered::faithful(result)
    }

    fn again(&self) -> Option<Sync> {
        Some(Sync)
    }

    fn outcome((): &()) -> Outcome {
        Outcome::Done
    }
}

/// The answer of a call: now, if it is there.
pub(super) fn poll_now<T>(reply: Reply<T>) -> std::result::Result<Result<T>, Reply<T>> {
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    let mut reply = match reply.try_now() {
        Ok(answer) => return Ok(answer),
        Err(later) => later,
    };
    match Pin::new(&mut reply).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Ok(answer),
        Poll::Pending => Err(reply),
    }
}

/// The instant that lies so much later.
pub(super) fn later(at: Nanos, by: Nanos) -> Nanos {
    at.saturating_add(by)
}
