//! [`Weather`]: which regime holds when. It depends on the seed and on what is scheduled, never on the
//! traffic, and several resources may share it, so that they are slow together.

use std::sync::{Arc, Mutex};

use super::factor::Factor;
use super::lock;
use super::model::Latency;
use super::regime::{Regime, RegimeKind, Regimes};
use crate::draw::{Draws, Ratio, below};
use crate::time::Nanos;

/// The regimes of one or several resources. Clones share it.
#[derive(Clone, Debug)]
pub struct Weather(Arc<Mutex<State>>);

/// A time in which one regime holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    /// When it begins.
    pub from: Nanos,
    /// When it ends: at this instant it no longer holds.
    pub to: Nanos,
    /// The regime.
    pub regime: Regime,
}

#[derive(Debug)]
struct State {
    chain: Chain,
    /// What was scheduled; the later entry holds.
    scheduled: Vec<Band>,
    /// From here on the chain is normal.
    healed: Nanos,
}

/// The chain, as far as it has been looked at. Spell `n` is decided by draw `n` alone and what came
/// before it, so looking does not change it.
#[derive(Debug)]
struct Chain {
    draws: Draws,
    phases: Vec<Spell>,
    /// When each spell begins, and its phase. Rising.
    spells: Vec<(Nanos, usize)>,
    /// When the last of them ends.
    known_until: Nanos,
}

/// A phase: its regime, how long it lasts, and which phases may follow, by weight.
#[derive(Debug)]
struct Spell {
    regime: Regime,
    dwell: Latency,
    next: Vec<(usize, u32)>,
}

impl Chain {
    fn new(regimes: &Regimes, draws: Draws) -> Chain {
        let phases = regimes.phases();
        let place =
            |kind: RegimeKind| phases.iter().position(|phase| phase.regime().kind == kind).unwrap_or(0);
        let phase = |phase: &super::regime::Phase| {
            let next = phase.next().map(|(kind, weight)| (place(kind), weight)).collect();
            Spell { regime: phase.regime(), dwell: Latency::exponential(phase.mean()), next }
        };
        Chain { draws, phases: phases.iter().map(phase).collect(), spells: Vec::new(), known_until: 0 }
    }

    /// The regime at `at`, and when it ends.
    fn at(&mut self, at: Nanos) -> (Regime, Nanos) {
        if self.phases.is_empty() {
            return (Regime::NORMAL, Nanos::MAX);
        }
        while self.known_until <= at && self.known_until < Nanos::MAX {
            let number = self.spells.len() as u64;
            let phase = self.spells.last().map_or(0, |(_, last)| self.follow(*last, number));
            let dwell = self.phases[phase].dwell.sample(self.draws.of(number).at(0));
            self.spells.push((self.known_until, phase));
            self.known_until = self.known_until.saturating_add(dwell.max(1));
        }
        let after = self.spells.partition_point(|(from, _)| *from <= at);
        let end = self.spells.get(after).map_or(self.known_until, |(from, _)| *from);
        (self.phases[self.spells[after.saturating_sub(1)].1].regime, end)
    }

    fn follow(&self, phase: usize, number: u64) -> usize {
        let next = &self.phases[phase].next;
        let total = next.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let mut draw = below(self.draws.of(number).at(1), total);
        for (phase, weight) in next {
            match draw.checked_sub(u64::from(*weight)) {
                Some(rest) => draw = rest,
                None => return *phase,
            }
        }
        phase
    }
}

impl Weather {
    /// The weather of these regimes, for these draws.
    pub fn new(regimes: &Regimes, draws: Draws) -> Weather {
        let chain = Chain::new(regimes, draws.domain("weather"));
        Weather(Arc::new(Mutex::new(State { chain, scheduled: Vec::new(), healed: Nanos::MAX })))
    }

    /// The regime at this instant.
    pub fn at(&self, at: Nanos) -> Regime {
        lock(&self.0).at(at).0
    }

    /// This regime holds in this time, whatever else would. What is scheduled later comes first.
    pub fn schedule(&self, band: Band) {
        lock(&self.0).scheduled.push(band);
    }

    /// A brown-out in this time: everything takes `factor` times as long, and so many fail.
    pub fn brown_out(&self, from: Nanos, to: Nanos, factor: Factor, errors: Ratio) {
        self.schedule(Band { from, to, regime: Regime { kind: RegimeKind::BrownOut, factor, errors } });
    }

    /// An outage in this time: everything fails.
    pub fn outage(&self, from: Nanos, to: Nanos) {
        self.schedule(Band { from, to, regime: Regime::DOWN });
    }

    /// From this instant on all is normal, whatever was scheduled. What is scheduled afterwards holds.
    pub fn heal(&self, now: Nanos) {
        let mut state = lock(&self.0);
        state.healed = state.healed.min(now);
        state.scheduled.iter_mut().for_each(|band| band.to = band.to.min(now));
    }

    /// The bands from the start to `until`, one after the other without gap.
    pub fn bands(&self, until: Nanos) -> Vec<Band> {
        let (mut state, mut bands, mut from) = (lock(&self.0), Vec::<Band>::new(), 0);
        while from < until {
            let (regime, to) = state.at(from);
            let to = to.min(until);
            match bands.last_mut() {
                Some(last) if last.regime == regime => last.to = to,
                _ => bands.push(Band { from, to, regime }),
            }
            from = to;
        }
        bands
    }
}

impl State {
    /// The regime at `at`, and an instant up to which it holds.
    fn at(&mut self, at: Nanos) -> (Regime, Nanos) {
        let begins = self.scheduled.iter().map(|band| band.from).filter(|from| *from > at).min();
        let next = begins.unwrap_or(Nanos::MAX);
        if let Some(band) = self.scheduled.iter().rev().find(|band| band.from <= at && at < band.to) {
            return (band.regime, band.to.min(next));
        }
        if at >= self.healed {
            return (Regime::NORMAL, next);
        }
        let (regime, end) = self.chain.at(at);
        (regime, end.min(next).min(self.healed))
    }
}
