//! [`Factor`]: how many times longer something takes, without floating point.

use serde::{Deserialize, Serialize};

use super::table::LONGEST;
use crate::time::Nanos;

/// How many times longer (or shorter) something takes, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Factor(u32);

impl Factor {
    /// As long as before.
    pub const ONE: Factor = Factor(100);

    /// So many percent of the time: 150 is half as much again.
    pub const fn percent(percent: u32) -> Factor {
        Factor(percent)
    }

    /// So many times as long.
    pub const fn times(times: u32) -> Factor {
        Factor(times.saturating_mul(100))
    }

    /// The factor in percent.
    pub const fn as_percent(self) -> u32 {
        self.0
    }

    /// The time multiplied, a year at most.
    pub const fn of(self, time: Nanos) -> Nanos {
        if self.0 == 100 {
            return time;
        }
        if let Some(product) = time.checked_mul(self.0 as u64) {
            let product = product / 100;
            return if product > LONGEST { LONGEST } else { product };
        }
        let product = time as u128 * self.0 as u128 / 100;
        if product > LONGEST as u128 { LONGEST } else { product as Nanos }
    }

    /// A rate that is so many times lower.
    pub(super) const fn divide(self, rate: u64) -> u64 {
        let (percent, rate) = (if self.0 == 0 { 1 } else { self.0 }, rate as u128 * 100);
        let quotient = rate / percent as u128;
        if quotient > u64::MAX as u128 { u64::MAX } else { quotient as u64 }
    }
}

impl Default for Factor {
    fn default() -> Factor {
        Factor::ONE
    }
}
