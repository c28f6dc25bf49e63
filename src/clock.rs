//! Time and chance: the only place where the libraries ask the world for either. A simulation puts
//! its own [`Clock`] here, and the same seed is then the same run.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::future::{BoxFuture, FutureExt};

/// A point in time as records store it: whole milliseconds since 1970, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The latest time that can be written as RFC 3339, with its four digits for the year.
    pub const MAX: Timestamp = Timestamp(253_402_300_799_999);

    /// How long it is as RFC 3339 with milliseconds, in bytes.
    pub(crate) const LEN: usize = 24;

    /// So many milliseconds after 1970-01-01T00:00:00Z (at most [`Timestamp::MAX`]).
    pub const fn from_millis(ms: u64) -> Timestamp {
        if ms < Timestamp::MAX.0 { Timestamp(ms) } else { Timestamp::MAX }
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Reads an RFC 3339 time in UTC, such as `2026-11-21T11:28:00.123Z`; finer digits are cut.
    pub fn parse(text: &str) -> Option<Timestamp> {
        humantime::parse_rfc3339(text).ok().map(Timestamp::from)
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Timestamp {
        let ms = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        Timestamp::from_millis(u64::try_from(ms).unwrap_or(u64::MAX))
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(time.0)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 with three digits of milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_millis(SystemTime::from(*self)).fmt(f)
    }
}

/// Time and chance, real or simulated.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Time since some fixed moment; never goes backwards.
    fn now(&self) -> Duration;

    /// The time of day, for `:last-write`. Never goes backwards within a process, whatever the
    /// wall clock does.
    fn wall(&self) -> Timestamp;

    /// Completes after this time. Dropping it leaves nothing behind.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;

    /// A number nobody can foresee (a simulation draws it from its seed): jitter, unique names.
    fn random(&self) -> u64;
}

/// The clock and the random numbers of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealClock;

impl RealClock {
    /// The real clock, ready to share.
    pub fn shared() -> Arc<dyn Clock> {
        Arc::new(RealClock)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the world")]
impl Clock for RealClock {
    fn now(&self) -> Duration {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }

    fn wall(&self) -> Timestamp {
        static LATEST: AtomicU64 = AtomicU64::new(0);
        let read = Timestamp::from(SystemTime::now()).as_millis();
        // Once in a millisecond it is written, which other threads then have to fetch.
        let latest = LATEST.load(Ordering::Relaxed);
        if read <= latest {
            return Timestamp(latest);
        }
        Timestamp(LATEST.fetch_max(read, Ordering::Relaxed).max(read))
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        futures_timer::Delay::new(time).boxed()
    }

    fn random(&self) -> u64 {
        use std::hash::BuildHasher;
        // The standard library seeds every `RandomState` from the system's random numbers.
        static DRAWS: AtomicU64 = AtomicU64::new(0);
        std::hash::RandomState::new().hash_one(DRAWS.fetch_add(1, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_survives_its_text() {
        for ms in [0, 1, 999, 1_000, 1_795_260_480_123, Timestamp::MAX.as_millis()] {
            let time = Timestamp::from_millis(ms);
            assert_eq!(Timestamp::parse(&time.to_string()), Some(time));
            assert_eq!(time.to_string().len(), Timestamp::LEN);
        }
        assert_eq!(Timestamp::from_millis(1_795_260_480_123).to_string(), "2026-11-21T11:28:00.123Z");
        assert_eq!(
            Timestamp::parse("2023-11-14T22:13:20Z").map(Timestamp::as_millis),
            Some(1_700_000_000_000)
        );
        assert_eq!(Timestamp::parse("yesterday"), None);
    }

    #[test]
    fn the_wall_clock_never_goes_backwards() {
        let mut last = Timestamp::default();
        for _ in 0..10_000 {
            let now = RealClock.wall();
            assert!(now >= last);
            last = now;
        }
    }
}
