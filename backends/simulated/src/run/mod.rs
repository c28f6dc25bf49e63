//! Runs, by seed: the way in for whoever tests something with a simulation.
//!
//! ```
//! use std::time::Duration;
//! use larder_simulated::run;
//!
//! run::seeds(0..20).limit(Duration::from_secs(3600)).run(|cx| async move {
//!     let clock = cx.clock().clone();
//!     cx.clients(3, move |client| {
//!         let clock = clock.clone();
//!         async move { clock.sleep_for(Duration::from_millis(1 + client.id())).await }
//!     })
//!     .each()
//!     .await;
//!     assert_eq!(cx.clock().nanos(), 3_000_000);
//!     Ok(())
//! });
//! ```
//!
//! A run that panics, fails or stalls is shrunk, stored as a [`Repro`], and reported with the command that
//! replays it. Two environment variables say what [`Seeds::run`] runs instead of its seeds: `LARDER_SIM_SEED`
//! (a number, or a commit's hash) that seed, and `LARDER_SIM_REPRO` (a file) that failure.

mod clients;
mod context;
mod determinism;
mod extensions;
mod failure;
mod investigate;
mod once;
mod outcome;
mod place;
mod plan;
mod pool;
mod repro;
mod runs;
mod seed;
mod seeds;
mod shrink;

pub use clients::{Client, Clients, Ending};
pub use context::{Context, Elapsed};
pub use determinism::{Divergence, check_determinism};
pub use extensions::Extensions;
pub use failure::{Cause, Failure};
pub use once::{Setup, once};
pub use outcome::Outcome;
pub use plan::Plan;
pub use repro::Repro;
pub use runs::Runs;
pub use seed::Seed;
pub use seeds::{Seeds, seeds};
pub use shrink::{Shrinker, Shrunk, shrink, shrink_end, shrink_groups};

/// What a run ends with. Any error becomes a [`Failure`].
pub type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;
