//! Virtual time, and real time in the same shape: a timeline of instants at which sleepers wake and
//! events run, an executor whose every choice a seed decides, and drivers for the executors of others.
//!
//! Inside, time is [`Nanos`] since the run's start; [`Duration`] where an application looks. Nothing here
//! reads the system's clock but [`RealTimeline`].

mod clock;
mod drive;
mod driver;
mod executor;
mod hold;
mod journal;
mod limits;
mod real;
mod schedule;
mod sleep;
mod stall;
mod timers;
mod wall;

use std::fmt::Debug;
use std::time::Duration;

pub use clock::{Advance, VirtualClock};
pub use drive::drive;
pub use driver::{ParkDriver, turn};
pub use executor::{JoinHandle, Sim};
pub use hold::Hold;
pub use journal::{Digest, Entry, Step};
pub use limits::{Limit, Limits};
pub use real::RealTimeline;
pub use schedule::{Deviation, Fifo, Pct, Policy, Random, Ready, Replay, Schedule};
pub use sleep::Sleep;
pub use stall::{Stall, Waiting};
pub use timers::EventId;
pub use wall::EPOCH;

/// Nanoseconds since the run's start; enough for 584 years.
pub type Nanos = u64;

/// What happens at an instant.
pub type Event = Box<dyn FnOnce() + Send>;

/// This time in nanoseconds, at most [`Nanos::MAX`].
pub fn nanos(time: Duration) -> Nanos {
    Nanos::try_from(time.as_nanos()).unwrap_or(Nanos::MAX)
}

/// Instants at which events run. Effects of simulated operations are events, not tasks: they need no
/// spawner, so they happen under every executor, and whether or not anybody still waits for them.
pub trait Timeline: Debug + Send + Sync + 'static {
    /// Now.
    fn nanos(&self) -> Nanos;

    /// Runs the event at this instant. An instant that has passed means now, but not inside this call.
    /// Events may call anything here, and lock nothing that the caller of this may hold.
    fn call_at(&self, at: Nanos, event: Event) -> EventId;

    /// Drops an event that has not run yet; otherwise does nothing.
    fn cancel(&self, id: EventId);

    /// While it lives, something real is in flight, and virtual time waits for it. In real time it
    /// means nothing.
    fn hold(&self) -> Hold;
}
