//! [`Decider`]: whether anything happens to an operation, and what.

use std::collections::BTreeMap;

use super::kind::{Fault, FaultKind};
use super::scale::Scale;
use crate::draw::{Draws, Ratio};
use crate::latency::Class;

/// Decides the fate of every operation of a run.
#[derive(Clone, Debug)]
pub(crate) struct Decider {
    rates: Vec<(FaultKind, Ratio)>,
    plan: BTreeMap<(u64, u64), Fault>,
    scale: Scale,
    quota: Option<u64>,
}

impl Decider {
    pub(super) fn new(
        rates: BTreeMap<FaultKind, Ratio>,
        plan: BTreeMap<(u64, u64), Fault>,
        scale: Scale,
        quota: Option<u64>,
    ) -> Decider {
        // In the order of their numbers: the first that happens is the one.
        Decider { rates: rates.into_iter().collect(), plan, scale, quota }
    }

    /// What happens to this operation, whose draws these are. Every kind has a draw of its own, so that
    /// leaving one kind out moves no other.
    pub(crate) fn decide(&self, client: u64, number: u64, class: Class, draws: Draws) -> Option<Fault> {
        if let Some(fault) = self.plan.get(&(client, number)) {
            return Some(*fault).filter(|fault| fault.kind().applies_to(class));
        }
        self.rates.iter().find_map(|(kind, rate)| {
            let draws = draws.of(kind.number() as u64);
            (kind.applies_to(class) && rate.happens(draws.at(0))).then(|| self.scale.fault(*kind, draws))
        })
    }

    /// How often each kind happens by chance.
    pub(crate) fn rates(&self) -> BTreeMap<FaultKind, Ratio> {
        self.rates.iter().copied().collect()
    }

    /// Whether nothing ever happens.
    pub(crate) fn is_quiet(&self) -> bool {
        self.rates.is_empty() && self.plan.is_empty() && self.quota.is_none()
    }

    /// Whether one of these may happen.
    pub(crate) fn may(&self, kinds: &[FaultKind]) -> bool {
        self.rates.iter().any(|(kind, _)| kinds.contains(kind))
            || self.plan.values().any(|fault| kinds.contains(&fault.kind()))
    }

    /// How many bytes of data the storage holds.
    pub(crate) fn quota(&self) -> Option<u64> {
        self.quota
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Faults;

    #[test]
    fn leaving_a_kind_out_moves_no_other() {
        let both = Faults::none()
            .rate(FaultKind::Slow, Ratio::percent(10))
            .rate(FaultKind::Hang, Ratio::percent(10));
        let (both, slow) = (both.decider(1), both.clone().only([FaultKind::Slow]).decider(1));
        let (mut hung, mut slowed) = (0, 0);
        for number in 0..10_000 {
            let draws = Draws::new(1).of(number);
            let (one, other) =
                (both.decide(0, number, Class::Read, draws), slow.decide(0, number, Class::Read, draws));
            match one {
                Some(Fault::Hang { .. }) => hung += 1,
                _ => assert_eq!(one, other),
            }
            slowed += usize::from(other.is_some());
        }
        assert!((800..1200).contains(&hung) && (800..1200).contains(&slowed), "{hung} {slowed}");
    }

    #[test]
    fn a_planned_fault_happens_to_its_operation_alone() {
        let decider = Faults::none().at(2, 5, Fault::LostWrite).decider(1);
        let decide = |client, number, class| decider.decide(client, number, class, Draws::new(0));
        assert_eq!(decide(2, 5, Class::Write), Some(Fault::LostWrite));
        assert_eq!(decide(2, 5, Class::Read), None, "it cannot happen to a read");
        assert_eq!((decide(2, 6, Class::Write), decide(1, 5, Class::Write)), (None, None));
        assert!(decider.may(&[FaultKind::LostWrite]) && !decider.may(&[FaultKind::Rot]));
        assert!(!decider.is_quiet() && Faults::none().decider(1).is_quiet());
    }
}
