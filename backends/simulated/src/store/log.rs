//! [`Log`]: what became of every operation, for reports, for checkers and for people.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use larder::{ErrorKind, Key, Result};

use super::call::Call;
use super::plan::Plan;
use crate::fault::Fault;
use crate::latency::Class;
use crate::time::Nanos;

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was answered: something was there, or it was done.
    Done,
    /// Nothing was there.
    Absent,
    /// The expectation did not hold, and nothing was done.
    Unmet,
    /// It failed.
    Failed {
        /// In this way.
        kind: ErrorKind,
        /// Whether it may have happened all the same.
        ambiguous: bool,
    },
    /// No answer has come.
    Hung,
    /// Its caller had gone before it was done.
    Abandoned,
}

/// The life of one operation. Instants are in nanoseconds since the run's start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// The store, as its builder named it.
    pub store: Arc<str>,
    /// The client.
    pub client: u64,
    /// The number of the operation among those of the client.
    pub number: u64,
    /// What it did.
    pub class: Class,
    /// Its key: of a batch the first, of a listing its prefix.
    pub key: Option<Key>,
    /// When it was called.
    pub submitted: Nanos,
    /// When the store began with it (if it came so far).
    pub started: Nanos,
    /// When it took effect; `None` if it never did, or not yet when this was written down.
    pub effect: Option<Nanos>,
    /// The place of its effect among all effects that this log has seen, from 0: effects of one instant
    /// are in the order in which they happened. The order of the log itself is that of the ends.
    pub order: Option<u64>,
    /// When it was answered; `None` if it never was.
    pub acknowledged: Option<Nanos>,
    /// What happened to it.
    pub fault: Option<Fault>,
    /// Bytes of data that went in.
    pub bytes_in: u64,
    /// Bytes of data that came out (of a stream: those that had been pulled when this was written down).
    pub bytes_out: u64,
    /// How it ended.
    pub outcome: Outcome,
}

/// The lives of all operations, in the order of their ends. Clones are the same log; several stores may
/// share one.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    lives: Vec<Life>,
    /// How many were taken out before these.
    taken: u64,
    effects: u64,
}

impl Log {
    /// An empty log.
    pub fn new() -> Log {
        Log::default()
    }

    /// The lives so far.
    pub fn lives(&self) -> Vec<Life> {
        self.lock().lives.clone()
    }

    /// Takes the lives out, so that the log is empty again.
    pub fn take(&self) -> Vec<Life> {
        let mut inner = self.lock();
        inner.taken += inner.lives.len() as u64;
        std::mem::take(&mut inner.lives)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().lives.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The place of an effect that happens now.
    fn effect(&self) -> u64 {
        let mut inner = self.lock();
        inner.effects += 1;
        inner.effects - 1
    }

    /// Writes a life down, and says where.
    fn push(&self, life: Life) -> u64 {
        let mut inner = self.lock();
        inner.lives.push(life);
        inner.taken + inner.lives.len() as u64 - 1
    }

    /// Changes one that was written down, unless it was taken out.
    fn amend(&self, place: u64, change: impl FnOnce(&mut Life)) {
        let mut inner = self.lock();
        let place = place.checked_sub(inner.taken).and_then(|place| usize::try_from(place).ok());
        if let Some(life) = place.and_then(|place| inner.lives.get_mut(place)) {
            change(life);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The entry of an operation under way. Dropped without an end, it is written down as abandoned.
pub(super) struct Entry(Option<Box<Open>>);

struct Open {
    log: Log,
    life: Life,
    /// Where it was written down already.
    place: Option<u64>,
    /// Its caller knows how it ended.
    told: bool,
}

impl Entry {
    /// Of an operation that nobody writes down.
    pub(super) const fn none() -> Entry {
        Entry(None)
    }

    pub(super) fn new(log: &Log, store: &Arc<str>, plan: &Plan, key: Option<&Key>, bytes_in: u64) -> Entry {
        let life = Life {
            store: Arc::clone(store),
            client: plan.client,
            number: plan.number,
            class: plan.class,
            key: key.cloned(),
            submitted: plan.submitted,
            started: plan.start,
            effect: None,
            order: None,
            acknowledged: None,
            fault: plan.fault,
            bytes_in,
            bytes_out: 0,
            outcome: Outcome::Abandoned,
        };
        Entry(Some(Box::new(Open { log: log.clone(), life, place: None, told: false })))
    }

    pub(super) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// It takes effect now. Of several times the last one counts.
    pub(super) fn effect(&mut self, now: Nanos) {
        let Some(open) = &mut self.0 else { return };
        let (effect, order) = (Some(now), Some(open.log.effect()));
        (open.life.effect, open.life.order) = (effect, order);
        if let Some(place) = open.place {
            open.log.amend(place, |life| (life.effect, life.order) = (effect, order));
        }
    }

    /// The caller is told now that it failed, but it is still to take effect: this is written down now,
    /// and the effect is added when it comes.
    pub(super) fn told(&mut self, now: Nanos, error: &larder::Error) {
        if let Some(open) = &mut self.0 {
            open.life.acknowledged = Some(now);
            open.life.outcome = failed(error);
            open.place = Some(open.log.push(open.life.clone()));
            open.told = true;
        }
    }

    /// It hangs: this is written down now, and corrected if it ends after all.
    pub(super) fn hangs(&mut self) {
        if let Some(open) = &mut self.0 {
            open.life.outcome = Outcome::Hung;
            open.place = Some(open.log.push(open.life.clone()));
        }
    }

    /// Counts data that goes by.
    pub(super) fn bytes_in(&mut self, bytes: u64) {
        if let Some(open) = &mut self.0 {
            open.life.bytes_in += bytes;
        }
    }

    /// The answer is given now.
    pub(super) fn end<C: Call>(&mut self, now: Nanos, result: &Result<C::Answer>) {
        self.ends(now, result.as_ref().map(|answer| (C::outcome(answer), C::bytes_out(answer))));
    }

    /// The same, for an answer with this outcome and so many bytes.
    pub(super) fn ends(&mut self, now: Nanos, ended: Result<(Outcome, u64), &larder::Error>) {
        let Some(open) = self.0.take().filter(|open| !open.told) else { return };
        let Open { log, mut life, place, .. } = *open;
        life.acknowledged = Some(now);
        (life.outcome, life.bytes_out) = ended.unwrap_or_else(|error| (failed(error), 0));
        match place {
            Some(place) => log.amend(place, |written| *written = life),
            None => _ = log.push(life),
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(open) = self.0.take().filter(|open| open.place.is_none()) {
            open.log.push(open.life);
        }
    }
}

fn failed(error: &larder::Error) -> Outcome {
    Outcome::Failed { kind: error.kind(), ambiguous: error.is_ambiguous() }
}
