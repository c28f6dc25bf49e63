//! Queues of requests, one per key. While a round (one read and one conditional write) of a key is
//! under way, more requests gather; the next round takes them all. So a hot key costs one round trip
//! or one sync per queue, not per request.
//!
//! A round belongs to nobody: every caller who waits for it also drives it, so a caller who is
//! dropped, or is not polled for a while, holds up no one. When the last caller of a key is gone,
//! its queue goes too.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::task::Poll;

use foldhash::fast::RandomState;
use futures::channel::oneshot;
use futures::future::{BoxFuture, FutureExt, Shared};

use super::shards::Shards;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;

/// What a request is answered with: a result, or the panic of the closure that it brought, which
/// goes on in the task of its owner.
pub(super) type Answer<T> = std::result::Result<Result<T>, Box<dyn std::any::Any + Send>>;

/// How often a caller lets other tasks run before it begins a round without them, if rounds are done
/// at once.
const PATIENCE: u8 = 4;

/// The same if rounds wait for IO, beside which a task that wakes up on another thread is soon there.
const PATIENCE_WITH_IO: u8 = 64;

pub(super) struct Combiner<R> {
    queues: Shards<Queues<R>>,
}

type Queues<R> = HashMap<Key, Queue<R>, RandomState>;

struct Queue<R> {
    gathering: Vec<(u64, R)>,
    round: Option<Shared<BoxFuture<'static, ()>>>,
    /// How many callers are here. With the last of them the queue goes.
    callers: usize,
    next_id: u64,
    /// Whether a round has had to wait for IO.
    waits: bool,
}

impl<R> Default for Queue<R> {
    fn default() -> Queue<R> {
        Queue { gathering: Vec::new(), round: None, callers: 0, next_id: 0, waits: false }
    }
}

impl<R: Send + 'static> Combiner<R> {
    pub(super) fn new() -> Combiner<R> {
        Combiner { queues: Shards::default() }
    }

    /// Whether requests of this key are under way.
    pub(super) fn is_busy(&self, key: &Key) -> bool {
        self.queues.of(key).contains_key(key)
    }

    /// Queues the request and waits for its answer. `make` makes a round from the requests that it
    /// shall answer, `most` of them at the most.
    pub(super) async fn join<T, F>(
        &self,
        key: &Key,
        request: R,
        mut answer: oneshot::Receiver<Answer<T>>,
        most: usize,
        make: impl Fn(Vec<R>) -> F,
    ) -> Result<T>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let caller = self.enter(key, request);
        let mut waited = 0;
        loop {
            match answer.try_recv() {
                Ok(Some(Ok(result))) => return result,
                Ok(Some(Err(panic))) => std::panic::resume_unwind(panic),
                Ok(None) => {}
                Err(oneshot::Canceled) => {
                    let message = "the round that this operation took part in broke off; this is a bug";
                    return Err(Error::new(ErrorKind::Io, message).ambiguous());
                }
            }
            // Others who were answered with the last round are about to come back: let them join. One
            // who is not polled must not hold up the rest, so not for long.
            if caller.awaits_others(waited) {
                waited += 1;
                yield_now().await;
                // A round may have come and gone meanwhile, with the answer.
                continue;
            }
            waited = 0;
            let mut round = caller.round(most, &make);
            if futures::poll!(&mut round).is_pending() {
                caller.waits();
                round.await;
            }
        }
    }

    fn enter<'a>(&'a self, key: &'a Key, request: R) -> Caller<'a, R> {
        let mut shard = self.queues.of(key);
        let queue = match shard.get_mut(key) {
            Some(queue) => queue,
            None => shard.entry(key.clone()).or_default(),
        };
        let id = queue.next_id;
        queue.next_id += 1;
        queue.callers += 1;
        queue.gathering.push((id, request));
        Caller { combiner: self, key, id }
    }
}

/// Lets the other tasks of this executor run once.
async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A caller's place in the queue, given up when it is dropped.
struct Caller<'a, R: Send + 'static> {
    combiner: &'a Combiner<R>,
    key: &'a Key,
    id: u64,
}

impl<R: Send + 'static> Caller<'_, R> {
    /// Whether a round could begin, but without some of the callers that are here, and this one has
    /// not waited for them long enough.
    fn awaits_others(&self, waited: u8) -> bool {
        let shard = self.combiner.queues.of(self.key);
        let Some(queue) = shard.get(self.key) else { return false };
        let idle = queue.round.as_ref().is_none_or(|round| round.peek().is_some());
        let patience = if queue.waits { PATIENCE_WITH_IO } else { PATIENCE };
        idle && queue.gathering.len() < queue.callers && waited < patience
    }

    /// Notes that rounds of this key wait for IO.
    fn waits(&self) {
        if let Some(queue) = self.combiner.queues.of(self.key).get_mut(self.key) {
            queue.waits = true;
        }
    }

    /// The round that is under way, or a new one with everybody who has gathered.
    fn round<F>(&self, most: usize, make: impl Fn(Vec<R>) -> F) -> Shared<BoxFuture<'static, ()>>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut shard = self.combiner.queues.of(self.key);
        let Some(queue) = shard.get_mut(self.key) else {
            return futures::future::ready(()).boxed().shared();
        };
        if let Some(round) = queue.round.as_ref().filter(|round| round.peek().is_none()) {
            return round.clone();
        }
        let batch = queue.gathering.drain(..most.min(queue.gathering.len()));
        let batch = batch.map(|(_, request)| request).collect();
        // A panic must not poison the shared future for the others: whoever is then left without
        // an answer is told so.
        let round = AssertUnwindSafe(make(batch)).catch_unwind().map(|_| ()).boxed().shared();
        queue.round = Some(round.clone());
        round
    }
}

impl<R: Send + 'static> Drop for Caller<'_, R> {
    fn drop(&mut self) {
        let mut shard = self.combiner.queues.of(self.key);
        let Some(queue) = shard.get_mut(self.key) else { return };
        let request = queue.gathering.iter().position(|(id, _)| *id == self.id);
        let request = request.map(|at| queue.gathering.remove(at));
        queue.callers -= 1;
        let queue = if queue.callers == 0 { shard.remove(self.key) } else { None };
        // What a closure owns may do anything when it is dropped, so not under the mutex.
        drop(shard);
        drop((request, queue));
    }
}

impl<R> fmt::Debug for Combiner<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Combiner({} busy keys)", self.queues.sum(HashMap::len))
    }
}
