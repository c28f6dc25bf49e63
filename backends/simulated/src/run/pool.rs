//! Runs side by side, with outcomes that do not depend on how many.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Context, Extensions, Outcome, Seed, Setup, once};

/// How to run many seeds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pool {
    pub(super) threads: usize,
    /// Whether to run seeds after one that has failed.
    pub(super) keep_going: bool,
    /// Whether to keep the extensions of runs that have not failed.
    pub(super) keep: bool,
}

impl Pool {
    /// The outcomes, in the order of the seeds.
    pub(super) fn run<F>(
        self,
        seeds: &[Seed],
        setup: &Setup,
        body: &(impl Fn(Context) -> F + Sync),
    ) -> Vec<Outcome>
    where
        F: Future<Output = super::Result> + 'static,
    {
        let slots: Vec<Mutex<Option<Outcome>>> = seeds.iter().map(|_| Mutex::new(None)).collect();
        let (next, last) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
        let work = || {
            loop {
                let at = next.fetch_add(1, Ordering::SeqCst);
                let Some(seed) = seeds.get(at).filter(|_| at <= last.load(Ordering::SeqCst)) else { return };
                let mut outcome = once(*seed, setup, body);
                if outcome.failure.is_none() && !self.keep {
                    outcome.extensions = Extensions::default();
                }
                if outcome.failure.is_some() && !self.keep_going {
                    last.fetch_min(at, Ordering::SeqCst);
                }
                *slots[at].lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
            }
        };
        let name = std::thread::current().name().unwrap_or("simulation").to_owned();
        std::thread::scope(|scope| {
            for _ in 1..self.threads.min(seeds.len()) {
                // Where the system gives no thread, those that there are do the work.
                _ = std::thread::Builder::new().name(name.clone()).spawn_scoped(scope, work);
            }
            work();
        });
        // What was run beyond the first failure is forgotten: with more threads it is more.
        let outcomes = slots.into_iter().take(last.into_inner().saturating_add(1));
        outcomes.filter_map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
    }
}
