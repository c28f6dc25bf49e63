//! Delta debugging of a stored failure: its lists, by client, by key and by item, and its schedule.

use serde_json::Value;

use super::super::Repro;
use super::{shrink, shrink_end, shrink_groups};
use crate::time::Deviation;

/// Cuts a failure down, within a number of tries.
#[derive(Clone, Debug)]
pub struct Shrinker {
    repro: Repro,
    tries: u64,
}

/// What is left of a failure.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// It.
    pub repro: Repro,
    /// How many runs it took.
    pub tries: u64,
}

impl Shrinker {
    /// Of this failure, with at most 1000 tries.
    pub fn new(repro: Repro) -> Shrinker {
        Shrinker { repro, tries: 1000 }
    }

    /// With at most so many.
    #[must_use]
    pub fn tries(mut self, tries: u64) -> Shrinker {
        self.tries = tries;
        self
    }

    /// Leaves out what can be left out, in passes until none helps: what comes after the failure, whole
    /// clients, whole keys, single items, of every list of the plan; then deviations of the schedule, all
    /// of them if possible. Faults are a list like any other.
    ///
    /// `still_fails` runs it, and says whether it fails in the same way. It is never asked about the whole.
    pub fn run(self, mut still_fails: impl FnMut(&Repro) -> bool) -> Shrunk {
        let (mut left, mut tries) = (self.repro, 0);
        let mut attempt = |candidate: &Repro| {
            tries += 1;
            tries <= self.tries && still_fails(candidate)
        };
        loop {
            let before = left.size();
            for name in left.plan.keys().cloned().collect::<Vec<_>>() {
                cut_list(&mut left, &name, &mut attempt);
            }
            cut_schedule(&mut left, &mut attempt);
            if left.size() == before {
                break;
            }
        }
        Shrunk { repro: left, tries: tries.min(self.tries) }
    }
}

/// Cuts a list down for as long as the function says that it still fails.
type Pass = fn(Vec<Value>, &mut dyn FnMut(&[Value]) -> bool) -> Vec<Value>;

fn cut_list(left: &mut Repro, name: &str, attempt: &mut impl FnMut(&Repro) -> bool) {
    let passes: [Pass; 4] = [
        |items, fails| shrink_end(items, fails),
        |items, fails| shrink_groups(items, |item| field(item, "client"), fails),
        |items, fails| shrink_groups(items, |item| field(item, "key"), fails),
        |items, fails| shrink(items, fails),
    ];
    for pass in passes {
        let items = left.plan.get(name).cloned().unwrap_or_default();
        let base = left.clone();
        let kept = pass(items, &mut |items| {
            let mut candidate = base.clone();
            candidate.plan.insert(name.to_owned(), items.to_vec());
            attempt(&candidate)
        });
        left.plan.insert(name.to_owned(), kept);
    }
}

/// What an item is grouped by; items without it are one group.
fn field(item: &Value, name: &str) -> String {
    item.get(name).map(Value::to_string).unwrap_or_default()
}

fn cut_schedule(left: &mut Repro, attempt: &mut impl FnMut(&Repro) -> bool) {
    let base = left.clone();
    let deviations = std::mem::take(&mut left.deviations);
    left.deviations = shrink(deviations, |deviations: &[Deviation]| {
        attempt(&Repro { deviations: deviations.to_vec(), ..base.clone() })
    });
}
