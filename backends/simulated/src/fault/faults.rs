//! [`Faults`]: how often each kind of fault happens, and which happen for certain.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::decide::Decider;
use super::kind::{Fault, FaultKind};
use super::promise::Promise;
use super::scale::Scale;
use crate::draw::{Draws, Ratio, below};

/// A fault of a certain operation: what a run writes down and a replay reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Planned {
    /// The client.
    pub client: u64,
    /// The number of its operation.
    pub number: u64,
    /// What happens to it.
    #[serde(flatten)]
    pub fault: Fault,
}

/// How often each kind of fault happens, and which happen for certain.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    rates: BTreeMap<FaultKind, Ratio>,
    /// At so many millionths a kind of the greatest weight happens.
    swarm: Option<u64>,
    promise: Promise,
    only: Option<BTreeSet<FaultKind>>,
    never: BTreeSet<FaultKind>,
    plan: BTreeMap<(u64, u64), Fault>,
    scale: Scale,
    quota: Option<u64>,
}

impl Faults {
    /// None. Others may be added.
    pub fn none() -> Faults {
        Faults::default()
    }

    /// By seed (Groce et al.: Swarm Testing, 2012): each kind that a store which keeps all its promises
    /// may show is switched off with probability 1/2, or else happens at a rate between 0.02 % and 2 %
    /// of the operations that it can happen to; those that strike the whole store at a tenth of that.
    pub fn swarm() -> Faults {
        Faults { swarm: Some(20_000), ..Faults::default() }
    }

    /// Exactly these, as a run has written them down.
    pub fn planned(plan: impl IntoIterator<Item = Planned>) -> Faults {
        let plan = plan.into_iter().map(|planned| ((planned.client, planned.number), planned.fault));
        Faults { plan: plan.collect(), ..Faults::default() }
    }

    /// How often, in millionths, the most frequent kinds of a [`swarm`](Faults::swarm) happen: 20,000
    /// unless said otherwise.
    #[must_use]
    pub fn intensity(mut self, millionths: u64) -> Faults {
        self.swarm = self.swarm.map(|_| millionths);
        self
    }

    /// What the store promises: a swarm has no kinds that break it. All promises, unless said otherwise.
    #[must_use]
    pub fn within(mut self, promise: Promise) -> Faults {
        self.promise = promise;
        self
    }

    /// No kinds by chance but these.
    #[must_use]
    pub fn only(mut self, kinds: impl IntoIterator<Item = FaultKind>) -> Faults {
        self.only = Some(kinds.into_iter().collect());
        self
    }

    /// None of these by chance.
    #[must_use]
    pub fn without(mut self, kinds: impl IntoIterator<Item = FaultKind>) -> Faults {
        self.never.extend(kinds);
        self
    }

    /// So often this kind, whatever the swarm and the promises say, of the operations that it can happen
    /// to.
    #[must_use]
    pub fn rate(mut self, kind: FaultKind, rate: Ratio) -> Faults {
        self.rates.insert(kind, rate);
        self
    }

    /// This fault happens to the operation of this client with this number (from 0), whatever else may
    /// happen by chance.
    #[must_use]
    pub fn at(mut self, client: u64, number: u64, fault: Fault) -> Faults {
        self.plan.insert((client, number), fault);
        self
    }

    /// How long faults last.
    #[must_use]
    pub fn scale(mut self, scale: Scale) -> Faults {
        self.scale = scale;
        self
    }

    /// The storage holds so many bytes of data: what would exceed it is refused as `Full`.
    #[must_use]
    pub fn quota(mut self, bytes: u64) -> Faults {
        self.quota = Some(bytes);
        self
    }

    /// The rates that this seed gives each kind that happens by chance.
    pub fn rates(&self, seed: u64) -> BTreeMap<FaultKind, Ratio> {
        let mut rates = self.rates.clone();
        for kind in FaultKind::ALL {
            let allowed = self.promise.is_kept_beside(kind.breaks());
            let Some(most) = self.swarm.filter(|_| allowed && !self.rates.contains_key(&kind)) else {
                continue;
            };
            let draws = Draws::new(seed).domain("swarm").of(kind.number() as u64);
            if draws.at(0) & 1 == 1 {
                let weight = 1 + below(draws.at(1), 100);
                let parts = if kind.is_of_the_whole_store() { 1000 } else { 100 };
                rates.insert(kind, Ratio::new(most.saturating_mul(weight), 1_000_000 * parts));
            }
        }
        rates.retain(|kind, rate| {
            *rate != Ratio::ZERO
                && !self.never.contains(kind)
                && self.only.as_ref().is_none_or(|only| only.contains(kind))
        });
        rates
    }

    /// What decides the fate of every operation under this seed.
    pub(crate) fn decider(&self, seed: u64) -> Decider {
        Decider::new(self.rates(seed), self.plan.clone(), self.scale, self.quota)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swarm_switches_half_of_the_kinds_off_and_differs_between_seeds() {
        let (mut on, mut off, mut seen) = (0, 0, BTreeSet::new());
        for seed in 0..400 {
            let rates = Faults::swarm().rates(seed);
            for kind in FaultKind::ALL.into_iter().filter(|kind| kind.breaks() == Promise::NONE) {
                if rates.contains_key(&kind) { on += 1 } else { off += 1 }
            }
            assert!(rates.keys().all(|kind| kind.breaks() == Promise::NONE), "seed {seed}: {rates:?}");
            seen.insert(rates.keys().copied().collect::<Vec<_>>());
        }
        assert!((on as i64 - off as i64).abs() < 400, "{on} on, {off} off");
        assert!(seen.len() > 200);
        assert_eq!(Faults::swarm().rates(7), Faults::swarm().rates(7));
    }

    #[test]
    fn the_budget_lets_in_what_the_store_does_not_promise() {
        let weak = Faults::swarm().within(Promise::NONE);
        let strong = Faults::swarm().within(Promise::ALL.without(Promise::INTACT));
        let any = |faults: &Faults, kind| (0..50).any(|seed| faults.rates(seed).contains_key(&kind));
        assert!(any(&weak, FaultKind::LostWrite) && any(&weak, FaultKind::Rot));
        assert!(!any(&strong, FaultKind::LostWrite) && any(&strong, FaultKind::Rot));
        // Leaving a kind out changes no other's rate.
        for seed in 0..50 {
            let mut rates = weak.rates(seed);
            rates.remove(&FaultKind::Crash);
            assert_eq!(weak.clone().without([FaultKind::Crash]).rates(seed), rates);
        }
    }

    #[test]
    fn what_is_asked_for_by_name_happens_whatever_the_budget() {
        let faults = Faults::none().rate(FaultKind::LostWrite, Ratio::percent(3));
        assert_eq!(faults.rates(1), BTreeMap::from([(FaultKind::LostWrite, Ratio::percent(3))]));
        assert!(faults.only([FaultKind::Hang]).rates(1).is_empty());
    }

    #[test]
    fn a_plan_survives_being_written_down() {
        let plan: Vec<Planned> = FaultKind::ALL
            .into_iter()
            .enumerate()
            .map(|(n, kind)| Planned {
                client: 3,
                number: n as u64,
                fault: Scale::default().fault(kind, Draws::new(n as u64)),
            })
            .collect();
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Planned>>(&text).unwrap(), plan);
        assert!(text.contains(r#"{"client":3,"number":1,"kind":"error-after"}"#), "{text}");
    }
}
