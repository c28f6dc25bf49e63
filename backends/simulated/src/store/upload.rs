//! Writing a stream: whoever awaits the reply pulls it, chunk by chunk at the bandwidth of the profile.
//! The effect comes after the last chunk; whoever drops the reply before that has written nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::StreamExt;
use futures::stream;
use larder::{Backend, ByteStream, Data, Expect, Key, Record, Reply, Result, Written};

use super::altered::{self, Altered};
use super::call::{WriteOne, later};
use super::client::Client;
use super::error::Failure;
use super::flight;
use super::log::Entry;
use super::past::Old;
use super::plan::{Fate, Plan};
use super::timer::Timer;
use super::world::World;
use crate::fault::Fault;
use crate::latency::Class;

/// Submits a write whose data is a stream.
pub(super) fn submit<B: Backend>(world: &Arc<World<B>>, client: &Client, write: WriteOne) -> Reply<Written> {
    let plan = Plan::draw(world, client, Class::Write, 0, std::iter::empty());
    let entry = world.entry(&plan, Some(&write.key), 0);
    if world.is_bare() && plan.is_at_once() && world.pause.defers(plan.submitted).is_none() {
        return flight::at_once(world, plan, entry, write);
    }
    let upload = Upload { world: Arc::clone(world), plan, entry };
    Reply::future(upload.run(write))
}

struct Upload<B> {
    world: Arc<World<B>>,
    plan: Plan,
    entry: Entry,
}

impl<B: Backend> Upload<B> {
    async fn run(mut self, write: WriteOne) -> Result<Written> {
        let altered = self.write(write).await;
        let now = self.world.timeline.nanos();
        let Altered { mut result, shown } = altered;
        if result.is_ok() && self.world.server.epoch() != self.plan.epoch {
            result = self.fail(Failure::Crashed);
        }
        self.entry.end::<WriteOne>(now, &result);
        if let Some(fault) = self.plan.fault {
            self.world.counters.ended(fault.kind(), shown || result.is_err());
        }
        result
    }

    async fn write(&mut self, WriteOne { key, record, expect }: WriteOne) -> Altered<Written> {
        let (world, plan) = (Arc::clone(&self.world), self.plan);
        Timer::at(&world.timeline, plan.start).await;
        match plan.fate {
            // Nobody takes the stream.
            Fate::FailsBefore(failure) => return self.tell(failure).await,
            Fate::Hangs { effect: false } => return self.hang().await,
            Fate::Crashes { after: false, down } => {
                world.crash(down);
                return self.tell(Failure::Crashed).await;
            }
            _ => {}
        }
        let inner = match world.server.enter(plan.epoch) {
            Ok(inner) => inner,
            Err(failure) => return self.tell(failure).await,
        };
        if world.past.is_some()
            && let Err(error) = altered::begin(&world, &*inner, &[(key.clone(), 0)]).await
        {
            return Altered::shown(Err(error));
        }
        let (head, data) = record.into_parts();
        let chunks = match data {
            Data::Stream(chunks) => chunks,
            data => stream::iter(altered::in_one_piece(data).map(Ok)).boxed(),
        };
        let sent = Arc::new(AtomicU64::new(0));
        let chunks = paced(&world, plan, Arc::clone(&sent), chunks);
        let written = if plan.fault == Some(Fault::LostWrite) {
            lost(&world, &*inner, &key, &expect, chunks).await
        } else {
            match head.meta().and_then(|meta| Record::streamed(&meta, chunks)) {
                Ok(record) => inner.write(&key, record, expect).await,
                Err(error) => Err(error),
            }
        };
        self.entry.bytes_in(sent.load(Ordering::Relaxed));
        let now = world.timeline.nanos();
        self.entry.effect(now);
        if let Ok(Written::Done(version)) = &written
            && plan.fault != Some(Fault::LostWrite)
            && world.past.is_some()
        {
            // What stands there now is known only by its head.
            let stored = inner.read(&key, larder::Part::Head).await.ok().flatten();
            let old = stored.map(|stored| Old { head: stored.head, data: None, version: version.clone() });
            altered::done(&world, &key, old, plan.fault);
        }
        match plan.fate {
            Fate::FailsAfter(failure) | Fate::FailsFirst(failure) if written.is_ok() => {
                self.tell(failure).await
            }
            Fate::Hangs { .. } => self.hang().await,
            Fate::Crashes { down, .. } => {
                world.crash(down);
                self.tell(Failure::Crashed).await
            }
            _ => {
                let back = plan.acknowledge.saturating_sub(plan.effect);
                Timer::at(&world.timeline, later(now, back)).await;
                Altered::faithful(written)
            }
        }
    }

    fn fail(&self, failure: Failure) -> Result<Written> {
        Err(failure.error(Class::Write))
    }

    /// Tells the caller about a failure when its instant comes.
    async fn tell(&self, failure: Failure) -> Altered<Written> {
        Timer::at(&self.world.timeline, self.plan.acknowledge).await;
        Altered::shown(self.fail(failure))
    }

    async fn hang(&mut self) -> Altered<Written> {
        self.entry.hangs();
        self.world.seen(&mut self.plan);
        let failure = self.world.hangs().await;
        Altered::shown(self.fail(failure))
    }
}

/// The chunks as they arrive at the store. After the last of them the request leg is still to pass; when
/// this stream ends, the write takes effect.
fn paced<B: Backend>(
    world: &Arc<World<B>>,
    plan: Plan,
    sent: Arc<AtomicU64>,
    chunks: ByteStream,
) -> ByteStream {
    stream::unfold((Some(chunks), Arc::clone(world), sent), move |(chunks, world, sent)| async move {
        let mut chunks = chunks?;
        let chunk = match chunks.next().await {
            Some(Ok(chunk)) => chunk,
            Some(Err(error)) => return Some((Err(error), (None, world, sent))),
            None => {
                let request = plan.effect.saturating_sub(plan.start);
                Timer::at(&world.timeline, later(world.timeline.nanos(), request)).await;
                world.passes_pause().await;
                let failure = world.server.enter(plan.epoch).err()?;
                return Some((Err(failure.error(Class::Write)), (None, world, sent)));
            }
        };
        let all = sent.fetch_add(chunk.len() as u64, Ordering::Relaxed) + chunk.len() as u64;
        let now = world.timeline.nanos();
        let arrived = world.resource.transfer(now, Class::Write, chunk.len() as u64);
        Timer::at(&world.timeline, arrived).await;
        world.passes_pause().await;
        let failure = match world.server.enter(plan.epoch) {
            Err(failure) => Some(failure),
            Ok(_) => (!world.has_room(all)).then_some(Failure::Full),
        };
        match failure {
            None => Some((Ok(chunk), (Some(chunks), world, sent))),
            Some(failure) => Some((Err(failure.error(Class::Write)), (None, world, sent))),
        }
    })
    .boxed()
}

/// Takes the whole stream, and does nothing with it.
async fn lost<B: Backend>(
    world: &Arc<World<B>>,
    inner: &B,
    key: &Key,
    expect: &Expect,
    mut chunks: ByteStream,
) -> Result<Written> {
    while let Some(chunk) = chunks.next().await {
        chunk?;
    }
    altered::lost(world, inner, key, expect).await
}
