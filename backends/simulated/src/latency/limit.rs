//! [`Limit`]: so many operations a second, as a token bucket in exact integers.

use serde::{Deserialize, Serialize};

use super::class::Class;
use crate::time::Nanos;

/// What happens to an operation over the limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Over {
    /// It waits until a token is there.
    #[default]
    Wait,
    /// It is answered at once: slow down, and come back after so long.
    Throttle,
}

/// A rate limit on some classes of operation, together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// The classes that draw from this bucket.
    pub classes: Vec<Class>,
    /// Tokens that flow in per second. 0 is no limit.
    pub per_second: u64,
    /// Tokens that the bucket holds when full: so many operations may come at once. At least 1.
    pub burst: u64,
    /// What happens when it is empty.
    #[serde(default)]
    pub over: Over,
}

/// A bucket, by the generic cell rate algorithm (ITU-T I.371): it keeps the instant at which it would
/// be full again. Counted in nanoseconds times `per_second`, so that nothing is rounded.
#[derive(Debug)]
pub(super) struct Bucket {
    limit: Limit,
    full_at: u128,
}

const TOKEN: u128 = 1_000_000_000;

impl Bucket {
    pub(super) fn new(limit: Limit) -> Bucket {
        Bucket { limit, full_at: 0 }
    }

    pub(super) fn over(&self) -> Over {
        self.limit.over
    }

    pub(super) fn holds(&self, class: Class) -> bool {
        self.limit.per_second > 0 && self.limit.classes.contains(&class)
    }

    /// When an operation that comes at `now` finds its token: `now` or later.
    pub(super) fn next(&self, now: Nanos) -> Nanos {
        let rate = u128::from(self.limit.per_second);
        let room = u128::from(self.limit.burst.max(1)) * TOKEN;
        let at = (self.full_at + TOKEN).saturating_sub(room);
        // Division of the wide type is slow, and seldom needed.
        if at <= u128::from(now) * rate {
            return now;
        }
        Nanos::try_from(at.div_ceil(rate)).unwrap_or(Nanos::MAX).max(now)
    }

    /// Takes a token for an operation that comes at `now`: when it finds it, as [`next`](Bucket::next).
    pub(super) fn take(&mut self, now: Nanos) -> Nanos {
        let at = self.next(now);
        self.full_at = self.full_at.max(u128::from(now) * u128::from(self.limit.per_second)) + TOKEN;
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(per_second: u64, burst: u64) -> Bucket {
        Bucket::new(Limit { classes: vec![Class::Read], per_second, burst, over: Over::Wait })
    }

    #[test]
    fn a_full_bucket_lets_a_burst_through_and_then_its_rate() {
        let mut bucket = bucket(1000, 3);
        let times: Vec<Nanos> = (0..6).map(|_| bucket.take(1_000_000_000)).collect();
        let after: Vec<Nanos> = times.iter().map(|at| at - 1_000_000_000).collect();
        assert_eq!(after, [0, 0, 0, 1_000_000, 2_000_000, 3_000_000]);
    }

    #[test]
    fn no_window_ever_sees_more_than_burst_and_rate_allow() {
        let mut bucket = bucket(3500, 7);
        let times: Vec<Nanos> = (0..20_000u64).map(|n| bucket.take(n * 100_000)).collect();
        for (first, from) in times.iter().enumerate().step_by(997) {
            let within = times[first..].iter().take_while(|at| **at < from + 1_000_000_000).count();
            assert!(within <= 3500 + 7, "{within} within a second");
        }
        // 20,000 operations at 3,500 a second: nothing is lost to rounding.
        let last = times.last().copied().unwrap_or_default();
        assert!(last.abs_diff((20_000 - 7) * 1_000_000_000 / 3500) <= 1, "{last}");
    }

    #[test]
    fn tokens_do_not_pile_up_beyond_the_burst() {
        let mut bucket = bucket(10, 2);
        assert_eq!(bucket.take(0), 0);
        let late = 3_600_000_000_000;
        assert_eq!([bucket.take(late), bucket.take(late)], [late, late]);
        assert_eq!(bucket.take(late), late + 100_000_000);
    }
}
