//! What clients do: streams of operations, drawn from a seed, run against a [`Larder`](larder::Larder) by
//! any [`Clock`](larder::Clock).
//!
//! A [`Workload`] says which operations, on which keys, how large and how often. The step with a number of
//! a client is a function of the seed, the client and the number, so leaving one out changes no other. A
//! [`Session`] is one client that performs its steps: one after the other (closed loop), or at their times
//! whatever became of those before (open loop; what is late is measured from when it should have begun, so
//! a slow store cannot hide by slowing down who measures it).
//!
//! ```
//! use std::sync::Arc;
//! use larder::{Larder, RealClock};
//! use larder_simulated::draw::Draws;
//! use larder_simulated::workload::{Session, Until, Workload};
//! # async fn example() -> larder::Result<()> {
//! let larder = Larder::new(larder_memory::Memory::new());
//! let session = Session::new(Workload::named("mixed")?, Draws::new(7), 0, RealClock::shared());
//! let done = session.run(&larder, Until::Operations(100)).await;
//! assert_eq!(done.len(), 100);
//! assert!(done.iter().all(|each| each.failure.is_none()));
//! # Ok(())
//! # }
//! # pollster::block_on(example()).unwrap();
//! ```

mod effects;
mod keys;
mod named;
mod outcome;
mod pace;
mod request;
mod session;
mod simulation;
mod sizes;

pub(crate) use self::effects::with_effects;
pub use self::keys::Keys;
pub use self::named::Workload;
pub use self::pace::Pace;
pub use self::request::{Request, Stamp};
pub use self::session::{Done, Failure, Session, Until};
pub use self::simulation::{Finished, Simulation};
pub use self::sizes::Sizes;
