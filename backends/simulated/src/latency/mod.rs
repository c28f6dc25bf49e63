//! How long things take. Pure: every answer is a function of the state, the time that is given and a
//! draw; nothing here waits, reads a clock or starts a thread.
//!
//! - [`Latency`]: one distribution of times, built from the quantiles that people know.
//! - [`Profile`]: a storage service: latencies per [`Class`] of operation, bandwidth, servers, rate
//!   limits, slow periods. Some are shipped, by name; all are text.
//! - [`Resource`]: such a service at work, shared by those who load it: [`Resource::admit`] says when an
//!   operation starts, takes effect and is acknowledged.
//! - [`Recorder`]: measures a real backend; [`Recording::fit`] makes a profile of what it saw, and
//!   [`Recording::compare`] holds a profile against it.

mod class;
mod factor;
mod histogram;
mod limit;
mod load;
mod model;
mod normal;
mod pauses;
mod pipe;
mod pool;
mod profile;
mod record;
mod regime;
mod resource;
mod table;
mod text;
mod weather;

pub use class::Class;
pub use factor::Factor;
pub use histogram::Histogram;
pub use limit::{Limit, Over};
pub use load::{Load, Totals};
pub use model::Latency;
pub use pauses::Pauses;
pub use profile::{Cold, Documented, Legs, Profile, Rates, Service};
pub use record::{Comparison, Curve, Recorder, Recording, Row, SizeClass, Tape};
pub use regime::{BrownOut, Phase, Regime, RegimeKind, Regimes};
pub use resource::{Resource, Times};
pub use weather::{Band, Weather};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks; what a thread that panicked left behind is still sound, since every change is made whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
