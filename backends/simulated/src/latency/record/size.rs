//! [`SizeClass`]: operations of about the same number of bytes.

use std::fmt;

use larder::Result;
use serde::{Deserialize, Serialize};

use crate::latency::text::invalid;

/// Operations of about the same size: up to 1 KiB, and sixteen times as much in each class after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct SizeClass(u8);

const LAST: u8 = 5;

impl SizeClass {
    /// The class of so many bytes.
    pub fn of(bytes: u64) -> SizeClass {
        SizeClass((0..LAST).find(|class| bytes <= 1024 << (4 * class)).unwrap_or(LAST))
    }

    /// The most bytes in it; `None` of the last one, which has no end.
    pub fn most(self) -> Option<u64> {
        (self.0 < LAST).then(|| 1024 << (4 * self.0))
    }
}

impl TryFrom<u8> for SizeClass {
    type Error = larder::Error;

    fn try_from(class: u8) -> Result<SizeClass> {
        if class > LAST {
            return Err(invalid(format!("there is no size class {class}; they are 0 to {LAST}")));
        }
        Ok(SizeClass(class))
    }
}

impl From<SizeClass> for u8 {
    fn from(class: SizeClass) -> u8 {
        class.0
    }
}

impl fmt::Display for SizeClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self.0 {
            0 => "to 1 KiB",
            1 => "to 16 KiB",
            2 => "to 256 KiB",
            3 => "to 4 MiB",
            4 => "to 64 MiB",
            _ => "above 64 MiB",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_is_in_the_class_that_holds_it() {
        for bytes in [0, 1, 1024, 1025, 16 << 10, (16 << 10) + 1, 4 << 20, 64 << 20, (64 << 20) + 1, u64::MAX]
        {
            let class = SizeClass::of(bytes);
            assert!(class.most().is_none_or(|most| bytes <= most), "{bytes} in {class}");
            let below = u8::from(class).checked_sub(1).map(|class| SizeClass::try_from(class).unwrap());
            assert!(below.is_none_or(|below| bytes > below.most().unwrap()), "{bytes} in {class}");
        }
        assert!(SizeClass::try_from(6).is_err());
    }
}
