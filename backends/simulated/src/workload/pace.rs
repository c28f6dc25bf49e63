//! [`Pace`]: when a client begins its next operation.

use std::time::Duration;

use crate::draw::below;
use crate::time::{Nanos, nanos};

/// When a client begins its next operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// So long after the one before was answered, on average (uniform between nothing and twice that). A slow
    /// store is asked less often.
    Closed {
        /// How long it thinks.
        think: Duration,
    },
    /// One in every such time, at a random moment of it, whatever became of those before: the load
    /// stays, however slow the store is.
    Open {
        /// The time for one operation.
        every: Duration,
    },
}

impl Pace {
    /// When the operation with this number should begin, for an open loop, since the client began.
    pub(super) fn intended(self, number: u64, draw: u64) -> Option<Nanos> {
        match self {
            Pace::Closed { .. } => None,
            Pace::Open { every } => {
                let every = nanos(every).max(1);
                Some(every.saturating_mul(number).saturating_add(below(draw, every)))
            }
        }
    }

    /// How long the client thinks before an operation, in a closed loop.
    pub(super) fn think(self, draw: u64) -> Duration {
        match self {
            Pace::Closed { think } => Duration::from_nanos(below(draw, nanos(think).saturating_mul(2))),
            Pace::Open { .. } => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Draws;

    #[test]
    fn an_open_loop_keeps_its_rate_and_its_order() {
        let (pace, draws) = (Pace::Open { every: Duration::from_millis(10) }, Draws::new(1).domain("pace"));
        let times: Vec<Nanos> = (0..1000).map(|n| pace.intended(n, draws.at(n)).unwrap()).collect();
        assert!(times.is_sorted());
        assert!(times.iter().enumerate().all(|(n, at)| at / 10_000_000 == n as u64));
        assert_eq!(pace.think(u64::MAX), Duration::ZERO);
    }

    #[test]
    fn a_closed_loop_thinks_so_long_on_average() {
        let (pace, draws) = (Pace::Closed { think: Duration::from_millis(10) }, Draws::new(1).domain("pace"));
        let sum: Duration = (0..10_000).map(|n| pace.think(draws.at(n))).sum();
        assert!(sum.abs_diff(Duration::from_secs(100)) < Duration::from_secs(2), "{sum:?}");
        assert_eq!(pace.intended(7, 0), None);
    }
}
