//! What the storage did, from the log of a simulated store.

use std::collections::BTreeMap;

use super::super::data::{Crash, FaultCount, Latencies, Model, Nanos, Period, Report, Sample, Series};
use crate::fault::{Counts, Fault, FaultKind};
use crate::latency::{Class, RegimeKind, Resource};
use crate::store::Life;

/// The quantiles at which a model is drawn, in millionths: closer together where it is rarer.
const DRAWN: [u64; 22] = [
    0, 10_000, 50_000, 100_000, 200_000, 300_000, 400_000, 500_000, 600_000, 700_000, 800_000, 900_000,
    950_000, 980_000, 990_000, 995_000, 998_000, 999_000, 999_500, 999_900, 999_990, 1_000_000,
];

impl Report {
    /// Adds what the storage took for each class of call, how many calls were under way, and when it
    /// crashed.
    pub fn add_lives(&mut self, lives: &[Life]) {
        let mut classes: BTreeMap<Class, Vec<Sample>> = BTreeMap::new();
        let (mut waiting, mut in_flight) = (Vec::new(), Vec::new());
        for life in lives {
            let started = life.started.max(life.submitted);
            if let Some(acknowledged) = life.acknowledged {
                let took = acknowledged.saturating_sub(life.submitted);
                // What hung until all faults were ended did not take that long.
                if !matches!(life.fault, Some(Fault::Hang { .. })) {
                    classes.entry(life.class).or_default().push(Sample { at: life.submitted, took });
                }
                self.lasted = self.lasted.max(acknowledged);
                in_flight.push((acknowledged.max(started), -1));
            }
            if started > life.submitted {
                waiting.extend([(life.submitted, 1), (started, -1)]);
            }
            in_flight.push((started, 1));
            if let Some(Fault::Crash { .. }) = life.fault {
                let at = life.effect.unwrap_or(started);
                self.crashes.push(Crash { at, what: life.store.to_string() });
            }
        }
        for (class, samples) in classes {
            match self.storage.iter_mut().find(|known| known.class == class.name()) {
                Some(known) => known.samples.extend(samples),
                None => self.storage.push(Latencies { class: class.name().to_owned(), samples }),
            }
        }
        // Of several stores, each is told by its name.
        let store = lives.first().map(|life| format!(" ({})", life.store));
        let store = store.filter(|_| !self.depths.is_empty()).unwrap_or_default();
        for (name, changes) in [("calls in flight", in_flight), ("calls waiting for the storage", waiting)] {
            self.depths.push(Series { name: format!("{name}{store}"), points: sums(changes) });
        }
    }

    /// Adds what the profile of a storage says about the classes of these calls, and its slow times up to
    /// the end of the run so far.
    pub fn add_resource(&mut self, resource: &Resource, lives: &[Life]) {
        for class in Class::ALL {
            let mut sizes =
                lives.iter().filter(|life| life.class == class).map(|life| life.bytes_in + life.bytes_out);
            let Some(first) = sizes.next() else { continue };
            let (sum, count) =
                sizes.fold((u128::from(first), 1), |(sum, count), size| (sum + u128::from(size), count + 1));
            let latency = resource.profile().unloaded(class, (sum / count) as u64);
            if self.models.iter().any(|known| known.class == class.name()) {
                continue;
            }
            let quantile = |millionths: &u64| {
                let q = *millionths as f64 / 1e6;
                (q, latency.quantile(q))
            };
            self.models.push(Model {
                class: class.name().to_owned(),
                quantiles: DRAWN.iter().map(quantile).collect(),
            });
        }
        for band in resource.weather().bands(self.lasted) {
            if band.regime.kind != RegimeKind::Normal && band.from < self.lasted {
                let name = band.regime.kind.name().to_owned();
                self.periods.push(Period { from: band.from, to: band.to.min(self.lasted), name });
            }
        }
    }

    /// Adds what became of the faults of each kind. `offered` are kinds that might have happened: of
    /// those that did not, that is said.
    pub fn add_faults(&mut self, counts: &Counts, offered: &[FaultKind]) {
        for kind in FaultKind::ALL {
            let count = counts.of(kind);
            if count.injected > 0 || offered.contains(&kind) {
                let at = match self.faults.iter().position(|known| known.kind == kind.name()) {
                    Some(at) => at,
                    None => {
                        self.faults
                            .push(FaultCount { kind: kind.name().to_owned(), ..FaultCount::default() });
                        self.faults.len() - 1
                    }
                };
                let known = &mut self.faults[at];
                known.injected = known.injected.saturating_add(count.injected);
                known.seen = known.seen.saturating_add(count.seen);
                known.survived = known.survived.saturating_add(count.survived);
            }
        }
    }
}

/// A count from its changes, in any order.
fn sums(mut changes: Vec<(Nanos, i64)>) -> Vec<(Nanos, u64)> {
    // Of one moment, what ends is counted before what begins.
    changes.sort_unstable();
    let (mut points, mut sum): (Vec<(Nanos, u64)>, i64) = (Vec::new(), 0);
    for (at, change) in changes {
        sum += change;
        let value = u64::try_from(sum).unwrap_or(0);
        match points.last_mut() {
            Some((last, there)) if *last == at => *there = value,
            _ => points.push((at, value)),
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_the_sum_of_its_changes() {
        assert_eq!(
            sums(vec![(5, 1), (1, 1), (5, -1), (2, 1), (9, -1), (9, -1)]),
            [(1, 1), (2, 2), (5, 2), (9, 0)]
        );
        assert_eq!(sums(Vec::new()), []);
    }
}
