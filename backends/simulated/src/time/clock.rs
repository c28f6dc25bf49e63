//! [`VirtualClock`]: time that stands still until somebody says that nothing is left to do in it, and
//! then jumps to the next instant at which something will happen.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use larder::{Clock, Timestamp};

use super::executor::Task;
use super::hold::Hold;
use super::journal::{Digest, Entry, Journal, Polls};
use super::limits::{Limit, Limits};
use super::sleep::Sleep;
use super::timers::{EventId, Timers};
use super::wall::Wall;
use super::{Event, Nanos, Timeline, nanos};
use crate::draw::{Draws, below};

/// Virtual time, in nanoseconds since its making. Clones share it.
///
/// It moves only by [`advance`](VirtualClock::advance), which an executor calls when it has nothing to
/// poll: [`Sim`](super::Sim) and the drivers [`turn`](super::turn) and [`ParkDriver`](super::ParkDriver)
/// do. Sleepers and events share one timeline. What falls on one instant happens in an order that the
/// seed decides: it depends on the instant and on the order in which its entries were made, and on nothing
/// else, so that leaving one operation out of a run changes the order at no instant but its own.
#[derive(Clone)]
pub struct VirtualClock(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    /// A copy of `state.now`, written under the lock.
    now: AtomicU64,
    tracing: AtomicBool,
    /// Whether something was made for the current instant since this was last looked at.
    more: AtomicBool,
    ties: Draws,
    randoms: Draws,
    randoms_drawn: AtomicU64,
}

struct State {
    now: Nanos,
    timers: Timers<Waiter>,
    /// What is being fired; empty between two calls, and kept for its memory.
    due: Vec<EventId>,
    /// How many rounds of several entries were fired at this instant, and how many entries; how many in
    /// all.
    round: u64,
    fired_here: u64,
    fired: u64,
    holds: u64,
    /// Woken when a hold ends or something became due at the current instant from outside.
    watchers: Vec<Waker>,
    limits: Limits,
    journal: Journal,
    wall: Wall,
}

impl State {
    fn count(&mut self, now: Nanos, id: EventId) {
        self.journal.fired(now, id.order());
        self.fired += 1;
        self.fired_here += 1;
    }

    fn limited(&self) -> Option<Limit> {
        if self.fired > self.limits.events {
            return Some(Limit::Events);
        }
        (self.fired_here > self.limits.instant).then_some(Limit::Instant)
    }
}

/// What waits for an instant.
pub(super) enum Waiter {
    Sleeper(Waker),
    Event(Event),
}

impl Waiter {
    /// Never under the lock: it runs foreign code.
    fn fire(self) {
        match self {
            Waiter::Sleeper(waker) => waker.wake(),
            Waiter::Event(event) => event(),
        }
    }
}

/// What became of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Advance {
    /// It is this instant now, and everything that waited for it was woken or has run. It may be the
    /// same instant as before, if something new had become due in it.
    Moved(Nanos),
    /// A [`Hold`] keeps it where it is.
    Held,
    /// Nobody waits for any instant.
    Empty,
    /// It went too far.
    Limited(Limit),
}

impl VirtualClock {
    /// A clock at 0. The seed decides the order within one instant, and [`random`](Clock::random).
    pub fn new(seed: u64) -> VirtualClock {
        VirtualClock::with_limits(seed, Limits::default())
    }

    /// A clock at 0 with other limits.
    pub fn with_limits(seed: u64, limits: Limits) -> VirtualClock {
        let draws = Draws::new(seed);
        VirtualClock(Arc::new(Inner {
            state: Mutex::new(State {
                now: 0,
                timers: Timers::new(),
                due: Vec::new(),
                round: 0,
                fired_here: 0,
                fired: 0,
                holds: 0,
                watchers: Vec::new(),
                limits,
                journal: Journal::new(seed),
                wall: Wall::default(),
            }),
            now: AtomicU64::new(0),
            tracing: AtomicBool::new(false),
            more: AtomicBool::new(false),
            ties: draws.domain("ties"),
            randoms: draws.domain("random"),
            randoms_drawn: AtomicU64::new(0),
        }))
    }

    /// Now.
    #[inline]
    pub fn nanos(&self) -> Nanos {
        self.0.now.load(Ordering::Acquire)
    }

    /// Completes at this instant; at the end of the current one if it has passed.
    pub fn sleep_until(&self, at: Nanos) -> Sleep {
        Sleep::new(self.clone(), at)
    }

    /// Completes after this time.
    pub fn sleep_for(&self, time: Duration) -> Sleep {
        self.sleep_until(self.nanos().saturating_add(nanos(time)))
    }

    /// Jumps to the next instant at which somebody waits, wakes its sleepers and runs its events.
    /// Events that these make for the same instant run too, after them. For executors that have nothing
    /// left to poll; never to be called by an event.
    pub fn advance(&self) -> Advance {
        self.advance_after(&mut Polls::default())
    }

    /// The same, for an executor that says what it has polled before.
    pub(super) fn advance_after(&self, polls: &mut Polls) -> Advance {
        let mut state = self.lock();
        state.journal.polled(polls);
        let Some(next) = state.timers.next() else {
            return if state.holds > 0 { Advance::Held } else { Advance::Empty };
        };
        if next > state.now {
            if state.holds > 0 {
                return Advance::Held;
            }
            if next > state.limits.time {
                return Advance::Limited(Limit::Time);
            }
            (state.now, state.round, state.fired_here) = (next, 0, 0);
            self.0.now.store(next, Ordering::Release);
        }
        let now = state.now;
        loop {
            // Mostly one entry is due, and makes no other for this instant: one lock.
            if let Some((id, waiter)) = state.timers.only_one_due(now) {
                state.count(now, id);
                let limited = state.limited();
                self.0.more.store(false, Ordering::Relaxed);
                drop(state);
                waiter.fire();
                if !self.0.more.load(Ordering::Relaxed) && limited.is_none() {
                    return Advance::Moved(now);
                }
                state = self.lock();
            } else {
                state = self.fire(state);
            }
            if let Some(limit) = state.limited() {
                return Advance::Limited(limit);
            }
            if state.timers.next().is_none_or(|next| next > now) {
                return Advance::Moved(now);
            }
        }
    }

    /// Fires what is due now, in an order of the seed's choice.
    fn fire<'a>(&'a self, mut guard: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let state = &mut *guard;
        let now = state.now;
        let mut due = std::mem::take(&mut state.due);
        state.timers.due(now, &mut due);
        // Fisher and Yates's shuffle.
        let ties = self.0.ties.of(now).of(state.round);
        for last in (1..due.len()).rev() {
            due.swap(last, below(ties.at(last as u64), last as u64 + 1) as usize);
        }
        state.round += 1;
        for id in due.drain(..) {
            // One that is due may have been cancelled by one before it.
            let Some(waiter) = guard.timers.remove(id) else { continue };
            guard.count(now, id);
            drop(guard);
            waiter.fire();
            guard = self.lock();
        }
        guard.due = due;
        guard
    }

    /// While it lives, time stands still: see [`Hold`].
    pub fn hold(&self) -> Hold {
        self.lock().holds += 1;
        Hold::of(self.clone())
    }

    pub(super) fn release(&self) {
        let mut state = self.lock();
        state.holds = state.holds.saturating_sub(1);
        let watchers = if state.holds == 0 { std::mem::take(&mut state.watchers) } else { Vec::new() };
        drop(state);
        watchers.into_iter().for_each(Waker::wake);
    }

    /// Wakes this one, once, when a hold ends or something becomes due at the current instant. Says
    /// whether there is something to wait for: otherwise it would be woken for sure only by the latter.
    pub(super) fn watch(&self, waker: &Waker) -> bool {
        let mut state = self.lock();
        let due = state.timers.next().is_some_and(|next| next <= state.now);
        if state.holds == 0 || due {
            return false;
        }
        if !state.watchers.iter().any(|watcher| watcher.will_wake(waker)) {
            state.watchers.push(waker.clone());
        }
        true
    }

    /// How many sleepers and events wait.
    pub fn waiting(&self) -> usize {
        self.lock().timers.len()
    }

    /// How many sleepers and events were fired.
    pub fn fired(&self) -> u64 {
        self.lock().fired
    }

    /// Drops every sleeper and event, at the end of a run: an event may own what owns this clock, and this
    /// breaks the circle. A sleep that is polled after this has ended.
    pub fn clear(&self) {
        let dropped = self.lock().timers.clear();
        drop(dropped);
    }

    /// Sets how far [`wall`](Clock::wall) is ahead of virtual time (behind, if negative). While that
    /// would turn it back it stands still instead, as the contract of [`Clock`] asks.
    pub fn set_skew(&self, nanos: i64) {
        self.lock().wall.set_skew(nanos);
    }

    /// Steps [`wall`](Clock::wall) by this, also back: a fault, for tests of what must survive it.
    pub fn step_wall(&self, nanos: i64) {
        self.lock().wall.step(nanos);
    }

    /// Folds these bytes into the digest, and keeps them in the trace, as text.
    pub fn note(&self, bytes: &[u8]) {
        let mut state = self.lock();
        let now = state.now;
        state.journal.note(now, bytes);
    }

    /// The digest of all that has happened: what fired, what was polled, what was noted.
    pub fn digest(&self) -> Digest {
        self.lock().journal.digest()
    }

    /// The latest 256 notes; or, after [`trace_everything`](VirtualClock::trace_everything), the first
    /// steps of all kinds.
    pub fn trace(&self) -> Vec<Entry> {
        self.lock().journal.trace()
    }

    /// Keeps the first so many steps of all kinds from now on, instead of the latest notes.
    pub fn trace_everything(&self, most: usize) {
        self.0.tracing.store(true, Ordering::Relaxed);
        self.lock().journal.keep_everything(most);
    }

    /// The limits.
    pub fn limits(&self) -> Limits {
        self.lock().limits
    }

    /// Folds in what was polled, at the end of a run.
    pub(super) fn polled(&self, polls: &mut Polls) {
        self.lock().journal.polled(polls);
    }

    /// Keeps a poll in the trace, if everything is kept.
    #[inline]
    pub(super) fn trace_poll(&self, task: &Task, ready: u64) {
        if self.0.tracing.load(Ordering::Relaxed) {
            let mut state = self.lock();
            let now = state.now;
            state.journal.trace_poll(now, task, ready);
        }
    }

    pub(super) fn insert(&self, at: Nanos, waiter: Waiter) -> EventId {
        let mut state = self.lock();
        let at = at.max(state.now);
        let id = state.timers.insert(at, waiter);
        if at == state.now {
            self.0.more.store(true, Ordering::Relaxed);
            let watchers = std::mem::take(&mut state.watchers);
            drop(state);
            watchers.into_iter().for_each(Waker::wake);
        }
        id
    }

    pub(super) fn remove(&self, id: EventId) {
        // Dropped after the lock: what it owns may come back here.
        let removed = self.lock().timers.remove(id);
        drop(removed);
    }

    /// Whether this sleeper still waits. If so, `waker` is woken from now on.
    pub(super) fn renew(&self, id: EventId, waker: &Waker) -> bool {
        let mut state = self.lock();
        let replaced = match state.timers.get_mut(id) {
            Some(Waiter::Sleeper(old)) if old.will_wake(waker) => None,
            Some(Waiter::Sleeper(old)) => Some(std::mem::replace(old, waker.clone())),
            _ => return false,
        };
        drop(state);
        drop(replaced);
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.nanos())
    }

    fn wall(&self) -> Timestamp {
        let mut state = self.lock();
        let now = state.now;
        state.wall.read(now)
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        self.sleep_for(time).boxed()
    }

    fn random(&self) -> u64 {
        self.0.randoms.at(self.0.randoms_drawn.fetch_add(1, Ordering::Relaxed))
    }
}

impl Timeline for VirtualClock {
    fn nanos(&self) -> Nanos {
        VirtualClock::nanos(self)
    }

    fn call_at(&self, at: Nanos, event: Event) -> EventId {
        self.insert(at, Waiter::Event(event))
    }

    fn cancel(&self, id: EventId) {
        self.remove(id);
    }

    fn hold(&self) -> Hold {
        VirtualClock::hold(self)
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VirtualClock({} ns)", self.nanos())
    }
}
