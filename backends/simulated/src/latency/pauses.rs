//! [`Pauses`]: moments in which the service stands still, as in a collection of garbage or while a
//! virtual machine moves.

use serde::{Deserialize, Serialize};

use super::model::Latency;
use super::text::Span;
use crate::draw::{Draws, below};
use crate::time::Nanos;

/// One pause in every period, at a random moment of it. Which and how long depends on the seed and
/// the number of the period alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pauses {
    every: Span,
    length: Latency,
}

impl Pauses {
    /// A pause of such a length in every period of `every` (a millisecond at least). It fills half of
    /// the period at most.
    pub fn new(every: std::time::Duration, length: Latency) -> Pauses {
        Pauses { every: Span::of(every), length }
    }

    fn period(&self) -> Nanos {
        self.every.0.max(1_000_000)
    }

    /// The pause in the period with this number: from, to.
    fn pause(&self, draws: Draws, number: u64) -> (Nanos, Nanos) {
        let (period, draws) = (self.period(), draws.of(number));
        let length = self.length.sample(draws.at(0)).min(period / 2);
        let from = number.saturating_mul(period).saturating_add(below(draws.at(1), period - length));
        (from, from.saturating_add(length))
    }

    /// When `work` that begins at `from` is done: in pauses it stands still.
    pub(super) fn through(&self, draws: Draws, from: Nanos, work: Nanos) -> Nanos {
        let (mut at, mut left, mut number) = (from, work, from / self.period());
        loop {
            let (begin, end) = self.pause(draws, number);
            number += 1;
            if at < begin {
                let step = left.min(begin - at);
                (at, left) = (at + step, left - step);
                if left == 0 {
                    return at;
                }
            }
            if begin == Nanos::MAX {
                return Nanos::MAX;
            }
            at = at.max(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn work_stands_still_in_pauses() {
        let pauses = Pauses::new(Duration::from_millis(100), Latency::constant(Duration::from_millis(20)));
        let draws = Draws::new(3);
        let (begin, end) = pauses.pause(draws, 7);
        assert_eq!(end - begin, 20_000_000);
        assert_eq!(pauses.through(draws, begin - 5, 5), begin);
        assert_eq!(pauses.through(draws, begin - 5, 6), end + 1);
        assert_eq!(pauses.through(draws, begin + 1, 4), end + 4);
        // Ten periods hold 800 ms of work.
        let done = pauses.through(draws, 0, 800_000_000);
        assert!((980_000_000..=1_000_000_000 + 20_000_000).contains(&done), "{done}");
    }
}
