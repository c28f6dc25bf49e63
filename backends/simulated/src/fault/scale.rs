//! How long faults last: the upper ends of the ranges from which their times are drawn.

use std::time::Duration;

use super::kind::{Fault, FaultKind};
use crate::draw::{Draws, below};
use crate::time::nanos;

/// How long faults last. Each time is drawn evenly, from a tenth of what stands here up to that (the
/// timeout excepted, which is the same for all).
///
/// ```
/// use std::time::Duration;
/// use larder_simulated::fault::{Faults, Scale};
/// // What redis-rs waits by default.
/// let faults = Faults::swarm().scale(Scale { timeout: Duration::from_millis(500), ..Scale::default() });
/// # drop(faults);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scale {
    /// How long a caller of this store waits for an answer: 5 s.
    pub timeout: Duration,
    /// How much later the effect of an operation comes that timed out: at most 10 s.
    pub late: Duration,
    /// How long a refused caller is asked to wait: at most 1 s.
    pub retry_after: Duration,
    /// The second effect of a doubled operation: at most 500 ms after the first.
    pub again: Duration,
    /// For how long an operation is held back: at most 100 ms.
    pub reorder: Duration,
    /// The age of stale reads and listings: at most 2 s.
    pub lag: Duration,
    /// For how long the whole store stands still: at most 1 s.
    pub pause: Duration,
    /// By how much the wall clock jumps, forwards or backwards: at most 1 h.
    pub clock_step: Duration,
    /// How long the store is away after a crash: at most 2 s.
    pub down: Duration,
    /// How many times as long a slow operation takes: at most 50 times, at least twice.
    pub slow: u64,
}

impl Default for Scale {
    fn default() -> Scale {
        Scale {
            timeout: Duration::from_secs(5),
            late: Duration::from_secs(10),
            retry_after: Duration::from_secs(1),
            again: Duration::from_millis(500),
            reorder: Duration::from_millis(100),
            lag: Duration::from_secs(2),
            pause: Duration::from_secs(1),
            clock_step: Duration::from_secs(3600),
            down: Duration::from_secs(2),
            slow: 50,
        }
    }
}

impl Scale {
    /// A fault of this kind.
    pub(super) fn fault(&self, kind: FaultKind, draws: Draws) -> Fault {
        let time = |most: Duration| {
            let most = nanos(most);
            most / 10 + below(draws.at(1), most - most / 10 + 1)
        };
        let coin = draws.at(2) & 1 == 1;
        match kind {
            FaultKind::ErrorBefore => Fault::ErrorBefore,
            FaultKind::ErrorAfter => Fault::ErrorAfter,
            FaultKind::Timeout => {
                Fault::Timeout { after_ns: nanos(self.timeout), late_ns: coin.then(|| time(self.late)) }
            }
            FaultKind::LostAck => Fault::LostAck { after_ns: nanos(self.timeout) },
            FaultKind::Hang => Fault::Hang { effect: coin },
            FaultKind::Throttle => Fault::Throttle { retry_after_ns: time(self.retry_after) },
            FaultKind::Duplicate => Fault::Duplicate { again_ns: time(self.again), answers_second: coin },
            FaultKind::Reorder => Fault::Reorder { by_ns: time(self.reorder) },
            FaultKind::StaleRead => Fault::StaleRead { lag_ns: time(self.lag) },
            FaultKind::StaleList => Fault::StaleList { lag_ns: time(self.lag) },
            FaultKind::Torn => Fault::Torn { draw: draws.at(3) },
            FaultKind::Rot => Fault::Rot { draw: draws.at(3) },
            FaultKind::Misdirect => Fault::Misdirect { draw: draws.at(3) },
            FaultKind::LostWrite => Fault::LostWrite,
            FaultKind::AckBeforeSync => Fault::AckBeforeSync,
            FaultKind::Full => Fault::Full,
            FaultKind::Slow => Fault::Slow { factor: 2 + below(draws.at(1), self.slow.saturating_sub(1)) },
            FaultKind::Pause => Fault::Pause { time_ns: time(self.pause) },
            FaultKind::ClockStep => {
                let by_ms = i64::try_from(time(self.clock_step) / 1_000_000).unwrap_or(i64::MAX);
                Fault::ClockStep { by_ms: if coin { by_ms } else { -by_ms } }
            }
            FaultKind::Crash => Fault::Crash { after: coin, down_ns: time(self.down) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_of_the_kind_that_was_asked_for_and_last_as_long_as_allowed() {
        let scale = Scale::default();
        for n in 0..500 {
            let draws = Draws::new(n);
            for kind in FaultKind::ALL {
                assert_eq!(scale.fault(kind, draws).kind(), kind);
            }
            let Fault::StaleRead { lag_ns } = scale.fault(FaultKind::StaleRead, draws) else { panic!() };
            assert!((200_000_000..=2_000_000_000).contains(&lag_ns), "{lag_ns}");
            let Fault::Slow { factor } = scale.fault(FaultKind::Slow, draws) else { panic!() };
            assert!((2..=50).contains(&factor), "{factor}");
        }
    }

    #[test]
    fn both_sides_of_every_coin_come_up() {
        let faults: Vec<Fault> = (0..100)
            .flat_map(|n| [FaultKind::Timeout, FaultKind::Hang, FaultKind::Crash].map(|kind| (n, kind)))
            .map(|(n, kind)| Scale::default().fault(kind, Draws::new(n)))
            .collect();
        assert!(faults.iter().any(|fault| matches!(fault, Fault::Timeout { late_ns: None, .. })));
        assert!(faults.iter().any(|fault| matches!(fault, Fault::Timeout { late_ns: Some(_), .. })));
        assert!(
            faults.contains(&Fault::Hang { effect: true }) && faults.contains(&Fault::Hang { effect: false })
        );
        assert!(faults.iter().any(|fault| matches!(fault, Fault::Crash { after: true, .. })));
    }
}
