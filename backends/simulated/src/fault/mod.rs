//! What can go wrong with a store, and when: the kinds of fault, how often each happens, which of them
//! a store that keeps its promises is to survive, and the list of those that did happen.
//!
//! A fault belongs to one operation, named by its client and its number. So the faults of a run are a
//! list ([`Planned`]) that can be written down, read back and shortened, and leaving out one operation
//! changes the fate of no other. [`Simulated`](crate::store::Simulated) carries them out.
//!
//! ```
//! use larder_simulated::draw::Ratio;
//! use larder_simulated::fault::{Fault, FaultKind, Faults, Promise};
//!
//! // By chance: one write in a hundred is done, and its caller never hears of it.
//! let now_and_then = Faults::none().rate(FaultKind::LostAck, Ratio::percent(1));
//! // Every seed switches some kinds off and draws weights for the rest, within what is promised.
//! let swarm = Faults::swarm().within(Promise::ALL);
//! // This one, exactly.
//! let one = Faults::none().at(0, 17, Fault::ErrorAfter);
//! # drop((now_and_then, swarm, one));
//! ```

mod count;
mod decide;
mod faults;
mod kind;
mod promise;
mod scale;
mod text;

pub(crate) use self::count::Counters;
pub use self::count::{Count, Counts};
pub(crate) use self::decide::Decider;
pub use self::faults::{Faults, Planned};
pub use self::kind::{Fault, FaultKind};
pub use self::promise::Promise;
pub use self::scale::Scale;
