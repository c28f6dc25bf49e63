//! What the scenarios share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder_memory::Memory;
use larder_simulated::latency::Profile;
use larder_simulated::run::Context;
use larder_simulated::stage::{Stage, Wrapped};
use larder_simulated::time::Nanos;

pub(crate) type Store = Wrapped<Memory>;

/// Memory behind this profile.
pub(crate) fn store(cx: &Context, profile: Profile) -> Store {
    cx.wrap(Memory::new()).profile(profile).build()
}

pub(crate) fn profile(name: &str) -> Profile {
    Profile::named(name).unwrap()
}

/// The profile without slow times of its own, so that a scenario has those alone that it schedules.
pub(crate) fn steady(name: &str) -> Profile {
    profile(name).regime(larder_simulated::latency::Regimes::calm()).no_limits()
}

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) fn at(time: Duration) -> Nanos {
    larder_simulated::time::nanos(time)
}

/// A count that tasks share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count(Arc<AtomicU64>);

impl Count {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The value at this quantile.
pub(crate) fn quantile(times: &mut [Nanos], quantile: f64) -> Nanos {
    times.sort_unstable();
    times[((times.len() as f64 * quantile).ceil() as usize).saturating_sub(1)]
}
