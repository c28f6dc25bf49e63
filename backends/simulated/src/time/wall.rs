//! The time of day in a simulation: a fixed day, plus virtual time, plus what a test makes it go wrong by.

use larder::Timestamp;

use super::Nanos;

/// The time of day at the start of every run: 2026-01-01T00:00:00Z.
pub const EPOCH: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// How far the wall clock is off, and how late it has been told to be.
#[derive(Debug, Default)]
pub(super) struct Wall {
    skew: i64,
    latest: u64,
}

impl Wall {
    pub(super) fn set_skew(&mut self, skew: i64) {
        self.skew = skew;
    }

    pub(super) fn step(&mut self, by: i64) {
        self.skew = self.skew.saturating_add(by);
        self.latest = 0;
    }

    /// In milliseconds; stands still while a skew would turn it back.
    pub(super) fn read(&mut self, now: Nanos) -> Timestamp {
        let since = i128::from(now) + i128::from(self.skew);
        let ms = i128::from(EPOCH.as_millis()) + since.div_euclid(1_000_000);
        self.latest = self.latest.max(u64::try_from(ms.max(0)).unwrap_or(u64::MAX));
        Timestamp::from_millis(self.latest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_clock_stands_still_rather_than_go_back_unless_it_is_stepped() {
        let mut wall = Wall::default();
        let base = EPOCH.as_millis();
        assert_eq!(wall.read(0).to_string(), "2026-01-01T00:00:00.000Z");
        assert_eq!(wall.read(5_000_000_000).as_millis(), base + 5000);
        wall.set_skew(-3_000_000_000);
        assert_eq!(wall.read(6_000_000_000).as_millis(), base + 5000);
        assert_eq!(wall.read(9_000_000_000).as_millis(), base + 6000);
        wall.step(-2_000_000_000);
        assert_eq!(wall.read(9_000_000_000).as_millis(), base + 4000);
        wall.step(i64::MIN);
        assert!(wall.read(0).as_millis() < base);
    }
}
