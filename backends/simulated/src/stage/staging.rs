//! [`Staging`]: what a run keeps of its stores and of what was measured.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::check::{Verdict, check};
use crate::fault::Counts;
use crate::history::{History, Recorder};
use crate::latency::Resource;
use crate::report::{Conclusion, Latencies, Report, Sample};
use crate::store::{Life, Log};
use crate::time::Nanos;
use crate::workload::with_effects;

/// What a run keeps. It owns no context, only clocks.
#[derive(Default)]
pub(super) struct Staging {
    stores: Mutex<Vec<Store>>,
    measured: Mutex<BTreeMap<String, Vec<Sample>>>,
}

/// A store of the run.
pub(super) struct Store {
    pub(super) name: String,
    pub(super) log: Log,
    pub(super) recorder: Recorder,
    pub(super) resource: Resource,
    pub(super) counts: Box<dyn Fn() -> Counts + Send + Sync>,
    pub(super) heal: Box<dyn Fn() + Send + Sync>,
}

impl Store {
    fn history(&self) -> (History, Vec<Life>) {
        let lives = self.log.lives();
        (with_effects(&self.recorder.history(), &lives), lives)
    }
}

impl Staging {
    pub(super) fn add(&self, store: Store) {
        lock(&self.stores).push(store);
    }

    /// How many stores there are.
    pub(super) fn count(&self) -> usize {
        lock(&self.stores).len()
    }

    pub(super) fn measured(&self, what: &str, began: Nanos, ended: Nanos) {
        let sample = Sample { at: began, took: ended.saturating_sub(began) };
        lock(&self.measured).entry(what.to_owned()).or_default().push(sample);
    }

    pub(super) fn heal(&self) {
        lock(&self.stores).iter().for_each(|store| (store.heal)());
    }

    /// How many operations have not been answered.
    pub(super) fn unanswered(&self) -> usize {
        let of = |store: &Store| {
            let history = store.recorder.history();
            history.operations().iter().filter(|operation| operation.returned.is_none()).count()
        };
        lock(&self.stores).iter().map(of).sum()
    }

    pub(super) fn histories(&self) -> Vec<History> {
        lock(&self.stores).iter().map(|store| store.history().0).collect()
    }

    pub(super) fn verdict(&self) -> Verdict {
        let verdicts = self.histories().into_iter().map(|history| check(&history));
        verdicts.reduce(worse).unwrap_or(Verdict::Linearizable)
    }

    /// The smallest time that at least the share `q` of what was measured does not exceed.
    pub(super) fn quantile(&self, what: &str, q: f64) -> Option<Nanos> {
        let mut times: Vec<Nanos> =
            lock(&self.measured).get(what)?.iter().map(|sample| sample.took).collect();
        times.sort_unstable();
        let rank = (q.clamp(0.0, 1.0) * times.len() as f64).ceil() as usize;
        times.get(rank.saturating_sub(1)).copied()
    }

    /// The report: all stores together, and what was measured under names of its own.
    pub(super) fn report(&self, lasted: Nanos) -> Report {
        let mut report = Report { lasted, ..Report::default() };
        let stores = lock(&self.stores);
        let several = stores.len() > 1;
        let seen: Vec<(History, Vec<Life>)> = stores.iter().map(Store::history).collect();
        let mut conclusion = Conclusion::Unchecked;
        for (store, (history, _)) in stores.iter().zip(&seen) {
            report.add_verdict(&check(history), history);
            let name = several.then_some(store.name.as_str());
            conclusion = summary(conclusion, std::mem::take(&mut report.conclusion), name);
        }
        report.conclusion = conclusion;
        for (store, (history, lives)) in stores.iter().zip(&seen) {
            report.add_history(history, lives);
            report.add_lives(lives);
            report.add_resource(&store.resource, lives);
            report.add_faults(&(store.counts)(), &[]);
        }
        for (what, samples) in lock(&self.measured).iter() {
            report.latencies.push(Latencies { class: what.clone(), samples: samples.clone() });
        }
        report
    }
}

/// The conclusion of several: a broken promise is worse than an unknown one.
fn summary(so_far: Conclusion, next: Conclusion, name: Option<&str>) -> Conclusion {
    let rank = |conclusion: &Conclusion| match conclusion {
        Conclusion::Unchecked => 0,
        Conclusion::Kept(_) => 1,
        Conclusion::Unknown(_) => 2,
        Conclusion::Broken(_) => 3,
    };
    let named = |sentence: String| name.map_or(sentence.clone(), |name| format!("{name}: {sentence}"));
    let next = match next {
        Conclusion::Kept(sentence) => Conclusion::Kept(named(sentence)),
        Conclusion::Unknown(sentence) => Conclusion::Unknown(named(sentence)),
        Conclusion::Broken(sentence) => Conclusion::Broken(named(sentence)),
        Conclusion::Unchecked => Conclusion::Unchecked,
    };
    match (so_far, next) {
        (Conclusion::Kept(one), Conclusion::Kept(other)) => Conclusion::Kept(format!("{one} {other}")),
        (so_far, next) if rank(&next) > rank(&so_far) => next,
        (so_far, _) => so_far,
    }
}

fn worse(one: Verdict, other: Verdict) -> Verdict {
    match (&one, &other) {
        (Verdict::NotLinearizable(_), _) | (_, Verdict::Linearizable) => one,
        (Verdict::Unknown(_), Verdict::Unknown(_)) => one,
        _ => other,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_nearest_rank() {
        let staging = Staging::default();
        (1..=10).for_each(|took| staging.measured("work", 100, 100 + took));
        let found = [0.0, 0.5, 0.51, 0.95, 1.0, 7.0].map(|q| staging.quantile("work", q).unwrap());
        assert_eq!(found, [1, 5, 6, 10, 10, 10]);
        assert_eq!(staging.quantile("play", 0.5), None);
    }
}
