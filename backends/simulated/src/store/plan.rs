//! [`Plan`]: the four instants of an operation and its fate, drawn when it is submitted.

use larder::{Backend, Key};

use super::call::later;
use super::client::Client;
use super::error::Failure;
use super::world::World;
use crate::draw::Draws;
use crate::fault::Fault;
use crate::latency::{Class, Regime, RegimeKind};
use crate::time::Nanos;

/// What an operation's draws are for. The numbers are part of what a seed means.
const FAULTS: u64 = 1;
const WEATHER: u64 = 2;

/// What is going to happen to an operation, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) client: u64,
    pub(super) number: u64,
    pub(super) class: Class,
    /// The epoch of the store in which it was submitted: it does not outlive that.
    pub(super) epoch: u64,
    pub(super) fault: Option<Fault>,
    pub(super) fate: Fate,
    pub(super) submitted: Nanos,
    pub(super) start: Nanos,
    pub(super) effect: Nanos,
    /// When the caller is told.
    pub(super) acknowledge: Nanos,
}

/// How an operation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It takes effect, and is answered.
    Answered,
    /// It takes effect, and the caller is told this.
    FailsAfter(Failure),
    /// It never takes effect, and the caller is told this.
    FailsBefore(Failure),
    /// The caller is told this, and then it takes effect.
    FailsFirst(Failure),
    /// The caller is told nothing.
    Hangs { effect: bool },
    /// It takes effect or not, and then the store crashes for so long.
    Crashes { after: bool, down: Nanos },
}

impl Plan {
    /// Draws the plan of the client's next operation, which is of this class, brings so many bytes and
    /// changes these keys.
    pub(super) fn draw<'a, B: Backend>(
        world: &World<B>,
        client: &Client,
        class: Class,
        bytes: u64,
        changes: impl Iterator<Item = &'a Key> + Clone,
    ) -> Plan {
        let (number, draws) = client.begin();
        let now = world.timeline.nanos();
        let epoch = world.server.epoch();
        let fault = world.decide(client.id(), number, class, draws.of(FAULTS));
        let times = world.resource.admit(now, class, bytes, draws);
        let mut plan = Plan {
            client: client.id(),
            number,
            class,
            epoch,
            fault,
            fate: Fate::Answered,
            submitted: now,
            start: times.start.max(now),
            effect: times.effect.max(now),
            acknowledge: times.acknowledge.max(now),
        };
        if let Some(wait) = times.throttled {
            plan.fate = Fate::FailsBefore(Failure::Throttled(wait));
        } else if times.regime != Regime::NORMAL {
            plan.fate = weather(&times.regime, draws.of(WEATHER));
        }
        if let Some(fault) = fault {
            plan.suffer(fault);
        }
        let orderly =
            matches!(plan.fate, Fate::Answered | Fate::FailsAfter(_) | Fate::Hangs { effect: true });
        if world.ordered && orderly && class.is_change() && !matches!(fault, Some(Fault::Reorder { .. })) {
            plan.postpone(client.in_order(changes, now, plan.effect));
        }
        world.effect_at(plan.effect);
        plan
    }

    /// Moves the instants to where the fault puts them.
    fn suffer(&mut self, fault: Fault) {
        match fault {
            Fault::ErrorBefore => self.fate = Fate::FailsBefore(Failure::Refused),
            Fault::ErrorAfter => self.fate = Fate::FailsAfter(Failure::Broken),
            Fault::Timeout { after_ns, late_ns } => {
                self.acknowledge = later(self.submitted, after_ns);
                let failure = Failure::TimedOut(after_ns);
                self.fate = match late_ns {
                    Some(late) => {
                        self.effect = later(self.acknowledge, late.max(1));
                        Fate::FailsFirst(failure)
                    }
                    None => Fate::FailsBefore(failure),
                };
            }
            Fault::LostAck { after_ns } => {
                self.acknowledge = later(self.submitted, after_ns).max(self.effect);
                self.fate = Fate::FailsAfter(Failure::TimedOut(after_ns));
            }
            Fault::Hang { effect } => self.fate = Fate::Hangs { effect },
            Fault::Throttle { retry_after_ns } => {
                self.acknowledge = self.start;
                self.fate = Fate::FailsBefore(Failure::Throttled(retry_after_ns));
            }
            Fault::Full => self.fate = Fate::FailsBefore(Failure::Full),
            Fault::Reorder { by_ns } => self.postpone(later(self.effect, by_ns)),
            Fault::Slow { factor } => {
                let stretched = |at: Nanos| {
                    later(self.submitted, at.saturating_sub(self.submitted).saturating_mul(factor))
                };
                (self.start, self.effect, self.acknowledge) =
                    (stretched(self.start), stretched(self.effect), stretched(self.acknowledge));
            }
            Fault::Crash { after, down_ns } => self.fate = Fate::Crashes { after, down: down_ns },
            // These strike at the effect, or have struck the whole store.
            Fault::Duplicate { .. }
            | Fault::StaleRead { .. }
            | Fault::StaleList { .. }
            | Fault::Torn { .. }
            | Fault::Rot { .. }
            | Fault::Misdirect { .. }
            | Fault::LostWrite
            | Fault::AckBeforeSync
            | Fault::Pause { .. }
            | Fault::ClockStep { .. } => {}
        }
    }

    /// Moves the effect to this later instant, and the acknowledgement with it.
    pub(super) fn postpone(&mut self, effect: Nanos) {
        let by = effect.saturating_sub(self.effect);
        self.effect = later(self.effect, by);
        self.acknowledge = later(self.acknowledge, by);
    }

    /// Whether all of it happens within the call, and nothing out of the ordinary.
    pub(super) fn is_at_once(&self) -> bool {
        self.acknowledge == self.submitted && self.effect == self.submitted && self.is_ordinary()
    }

    /// Whether nothing happens to it that a backend without faults would not do.
    pub(super) fn is_ordinary(&self) -> bool {
        self.fault.is_none() && self.fate == Fate::Answered
    }
}

/// What the slow times and outages of the service do to an operation.
fn weather(regime: &Regime, draws: Draws) -> Fate {
    if regime.kind == RegimeKind::Down {
        return Fate::FailsBefore(Failure::Down);
    }
    match (regime.errors.happens(draws.at(0)), draws.at(1) & 1) {
        (false, _) => Fate::Answered,
        (true, 0) => Fate::FailsBefore(Failure::Refused),
        (true, _) => Fate::FailsAfter(Failure::Broken),
    }
}
