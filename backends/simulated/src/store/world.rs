//! [`World`]: what all clients of a simulated store share.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;
use larder::{Backend, Key, Reply};

use super::altered;
use super::call::later;
use super::client::Client;
use super::error::Failure;
use super::log::{Entry, Log};
use super::past::Past;
use super::plan::Plan;
use super::server::Server;
use super::timer::Timer;
use crate::draw::Draws;
use crate::fault::{Counters, Decider, Fault, Planned};
use crate::latency::{Class, Resource};
use crate::time::{Nanos, Timeline, VirtualClock, drive};

/// What becomes of an operation whose reply is dropped before its effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnCancel {
    /// It happens all the same: the request is on its way.
    #[default]
    Detach,
    /// It does not happen.
    Abort,
}

/// What is done with an operation that hangs when it is hung up at last.
pub(super) type HangUp<B> = Box<dyn FnOnce(&Arc<World<B>>, Failure) + Send>;

pub(super) struct World<B> {
    pub(super) name: Arc<str>,
    pub(super) timeline: Arc<dyn Timeline>,
    pub(super) resource: Resource,
    /// Whether the service takes no time at all, as long as its weather is good.
    pub(super) bare: bool,
    pub(super) server: Server<B>,
    pub(super) on_cancel: OnCancel,
    pub(super) ordered: bool,
    /// Whether the backend works elsewhere, in threads or beyond a socket: time stands still meanwhile.
    pub(super) external: bool,
    pub(super) counters: Counters,
    pub(super) log: Option<Log>,
    pub(super) draws: Draws,
    pub(super) decider: Decider,
    /// Whether nothing happens to anybody (any more).
    pub(super) quiet: AtomicBool,
    /// What was stored before, where faults may need it.
    pub(super) past: Option<Mutex<Past>>,
    pub(super) clock: Option<VirtualClock>,
    pub(super) clients: Mutex<BTreeMap<u64, Arc<Client>>>,
    pub(super) injected: Mutex<Vec<Planned>>,
    pub(super) hung: Mutex<Vec<HangUp<B>>>,
    pub(super) pause: Pause,
    /// The latest instant at which something is going to take effect.
    pub(super) latest_effect: AtomicU64,
}

/// The store stands still until an instant; what would have happened meanwhile does so then, in the same
/// order, a nanosecond after each other.
#[derive(Debug, Default)]
pub(super) struct Pause {
    until: AtomicU64,
    deferred: AtomicU64,
}

impl Pause {
    /// When that happens which would happen now, if not now.
    pub(super) fn defers(&self, now: Nanos) -> Option<Nanos> {
        let until = self.until.load(Ordering::Acquire);
        (now < until).then(|| later(until, self.deferred.fetch_add(1, Ordering::AcqRel)))
    }

    fn begin(&self, until: Nanos) {
        if self.until.fetch_max(until, Ordering::AcqRel) < until {
            self.deferred.store(0, Ordering::Release);
        }
    }

    fn end(&self) {
        self.until.store(0, Ordering::Release);
    }
}

impl<B> World<B> {
    /// Whether an operation to which nothing happens is the backend's own.
    pub(super) fn is_bare(&self) -> bool {
        self.bare && self.past.is_none()
    }

    /// What was stored before, where it is kept.
    pub(super) fn past<T>(&self, with: impl FnOnce(&mut Past) -> T) -> Option<T> {
        self.past.as_ref().map(|past| with(&mut past.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    pub(super) fn client(&self, id: u64) -> Arc<Client> {
        let mut clients = lock(&self.clients);
        Arc::clone(clients.entry(id).or_insert_with(|| Arc::new(Client::new(id, self.draws.of(id)))))
    }

    pub(super) fn injected(&self) -> Vec<Planned> {
        lock(&self.injected).clone()
    }

    /// Notes that something takes effect at this instant.
    pub(super) fn effect_at(&self, at: Nanos) {
        self.latest_effect.fetch_max(at, Ordering::AcqRel);
    }

    /// The entry in the log for this operation, if there is a log.
    pub(super) fn entry(&self, plan: &Plan, key: Option<&Key>, bytes_in: u64) -> Entry {
        match &self.log {
            Some(log) => Entry::new(log, &self.name, plan, key, bytes_in),
            None => Entry::none(),
        }
    }

    pub(super) fn pause(&self, time: Nanos) {
        self.pause.begin(later(self.timeline.nanos(), time));
    }

    /// Waits while the store stands still.
    pub(super) async fn passes_pause(&self) {
        while let Some(at) = self.pause.defers(self.timeline.nanos()) {
            Timer::at(&self.timeline, at).await;
        }
    }

    /// Whether the storage holds so many bytes.
    pub(super) fn has_room_for(&self, all: u64) -> bool {
        self.is_quiet() || self.decider.quota().is_none_or(|quota| all <= quota)
    }

    /// Whether the storage holds so many bytes more.
    pub(super) fn has_room(&self, more: u64) -> bool {
        self.past(|past| past.stored()).is_none_or(|stored| self.has_room_for(stored.saturating_add(more)))
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.quiet.load(Ordering::Acquire)
    }

    /// Hangs until it is hung up, and says why.
    pub(super) async fn hangs(&self) -> Failure {
        let (hung_up, failure) = oneshot::channel();
        self.hang(Box::new(move |_, failure| _ = hung_up.send(failure)));
        failure.await.unwrap_or(Failure::HungUp)
    }

    /// Keeps an operation hanging until it is hung up.
    pub(super) fn hang(&self, hang_up: HangUp<B>) {
        lock(&self.hung).push(hang_up);
    }

    /// Counts the fault of an operation whose caller sees it, although it has not ended.
    pub(super) fn seen(&self, plan: &mut Plan) {
        if let Some(fault) = plan.fault.take() {
            self.counters.ended(fault.kind(), true);
        }
    }

    /// Ends what hangs. Not under the lock: it wakes callers.
    fn hang_up(self: &Arc<Self>, failure: Failure) {
        let hung = std::mem::take(&mut *lock(&self.hung));
        hung.into_iter().for_each(|hang_up| hang_up(self, failure));
    }
}

impl<B: Backend> World<B> {
    /// What happens to this operation, if anything. What strikes the whole store does so now.
    pub(super) fn decide(&self, client: u64, number: u64, class: Class, draws: Draws) -> Option<Fault> {
        if self.is_quiet() {
            return None;
        }
        let fault = self.decider.decide(client, number, class, draws)?;
        self.counters.injected(fault.kind());
        lock(&self.injected).push(Planned { client, number, fault });
        match fault {
            Fault::Pause { time_ns } => self.pause(time_ns),
            Fault::ClockStep { by_ms } => {
                if let Some(clock) = &self.clock {
                    clock.step_wall(by_ms.saturating_mul(1_000_000));
                }
            }
            _ => {}
        }
        Some(fault)
    }

    pub(super) fn crash(self: &Arc<Self>, down: Nanos) {
        let (epoch, lost) = self.server.crash();
        self.hang_up(Failure::Crashed);
        let back = later(self.timeline.nanos(), down);
        let world = Arc::clone(self);
        drive(
            &self.timeline,
            Box::pin(async move {
                if let Some(lost) = lost {
                    altered::lose_unsynced(&world, &*lost).await;
                }
                Timer::at(&world.timeline, back).await;
                world.server.restart(epoch).await;
            }),
        );
    }

    /// Closes the store, and with it the connections on which something hangs.
    pub(super) fn close(self: &Arc<Self>) -> Reply<()> {
        let closed = self.server.close();
        self.hang_up(Failure::HungUp);
        closed
    }

    pub(super) fn heal(self: &Arc<Self>) {
        self.quiet.store(true, Ordering::Release);
        self.pause.end();
        self.past(Past::heal);
        self.resource.heal();
        self.hang_up(Failure::HungUp);
        if self.server.inner().is_none() {
            let (epoch, _) = self.server.crash();
            let world = Arc::clone(self);
            drive(&self.timeline, Box::pin(async move { world.server.restart(epoch).await }));
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<B> fmt::Debug for World<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("name", &self.name)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}
