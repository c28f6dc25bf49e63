//! What is known of a task.

use std::borrow::Cow;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::Nanos;
use super::super::stall::Waiting;

/// What is known of a task; it lies in the task itself. Only the executor's thread writes it, between
/// two polls.
#[derive(Debug)]
pub(in super::super) struct Task {
    pub(in super::super) id: u64,
    pub(in super::super) key: u64,
    pub(in super::super) name: Cow<'static, str>,
    pub(super) spawned: &'static Location<'static>,
    polls: AtomicU64,
    polls_here: AtomicU64,
    polled_at: AtomicU64,
}

impl Task {
    pub(super) fn new(
        id: u64,
        key: u64,
        name: Cow<'static, str>,
        spawned: &'static Location<'static>,
    ) -> Task {
        let zero = || AtomicU64::new(0);
        Task { id, key, name, spawned, polls: zero(), polls_here: zero(), polled_at: zero() }
    }

    /// How often it was polled.
    pub(in super::super) fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }

    pub(super) fn polled(&self, now: Nanos) {
        self.polls.store(self.polls() + 1, Ordering::Relaxed);
        let again = self.polled_at.load(Ordering::Relaxed) == now;
        let here = if again { self.polls_here.load(Ordering::Relaxed) + 1 } else { 1 };
        self.polls_here.store(here, Ordering::Relaxed);
        self.polled_at.store(now, Ordering::Relaxed);
    }

    pub(super) fn waiting(&self) -> Waiting {
        Waiting {
            id: self.id,
            name: self.name.clone().into_owned(),
            spawned: self.spawned,
            polls: self.polls(),
            polls_here: self.polls_here.load(Ordering::Relaxed),
            polled_at: self.polled_at.load(Ordering::Relaxed),
        }
    }
}
