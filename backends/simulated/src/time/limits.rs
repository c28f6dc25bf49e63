//! How far a run may go before it is called a livelock instead of waited for.

use std::fmt;

use super::Nanos;

/// The limits of a run. They end runs that would never end; none is meant to be met by a sound one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many events may fire, and how many times tasks may be polled, at one instant.
    pub instant: u64,
    /// The latest instant.
    pub time: Nanos,
    /// How many events may fire in all.
    pub events: u64,
}

impl Default for Limits {
    /// A million events or polls at one instant, ten years, a thousand million events.
    fn default() -> Limits {
        Limits { instant: 1_000_000, time: 10 * 365 * 86_400 * 1_000_000_000, events: 1_000_000_000 }
    }
}

/// A limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::instant`].
    Instant,
    /// [`Limits::time`].
    Time,
    /// [`Limits::events`].
    Events,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Limit::Instant => "too much happened at one instant",
            Limit::Time => "the limit of virtual time is reached",
            Limit::Events => "the limit of events is reached",
        })
    }
}
