//! Whether a history is linearizable: whether there is an order of its operations, each at some moment between its
//! invocation and its return, that explains everything that was seen.
//!
//! [`check`] decides for a store as larder promises it; [`Checker`] for other models and weaker promises;
//! [`check_spec`] for anything that has a [`Spec`]. A history is split by key and each key decided by the cheapest
//! means that can: by the places where operations took effect, if those are known; by zones, if values are distinct;
//! by searching otherwise. The search has a budget, and where it runs out the verdict is
//! [`Unknown`](Verdict::Unknown), never yes.
//!
//! ```
//! use larder_simulated::{check::check, history::History};
//! let log = "INFO  jepsen.util - 0\t:invoke\t:write\t1\nINFO  jepsen.util - 0\t:ok\t:write\t1
//! INFO  jepsen.util - 0\t:invoke\t:read\tnil\nINFO  jepsen.util - 0\t:ok\t:read\t2\n";
//! let verdict = check(&History::parse(log)?);
//! assert!(verdict.to_string().starts_with("not linearizable\n"), "{verdict}");
//! # Ok::<(), larder_simulated::history::Malformed>(())
//! ```
//!
//! # What it assumes
//!
//! Nothing was there at the beginning; of a store that was not empty, begin the history with the writes that made it
//! so. An operation of unknown outcome may have happened at any time since its invocation, but not after a
//! crash that follows it: with crashes this is durable linearizability in its strict form (acknowledged
//! operations survive, unacknowledged ones happened before the crash or never; Aguilera and Frølund: Strict
//! linearizability and the power of aborting, 2003; Izraelevitz, Mendes, Scott: Linearizability of persistent
//! memory objects, 2016).

mod checker;
mod entries;
mod explain;
mod judge;
mod listing;
mod model;
mod observed;
mod problem;
mod search;
mod sessions;
mod spec;
mod split;
mod verdict;
mod witness;
mod zones;

pub use self::checker::{Checker, Consistency, Decided};
pub use self::model::Model;
pub use self::observed::{Observed, SpecVerdict, check_spec};
pub use self::spec::{AppendLog, CasRegister, Content, Counter, Entry, EntryMap, Spec, Text};
pub use self::verdict::{Offender, Rule, Undecided, Verdict, Violation};

use crate::history::History;

/// Whether a history is linearizable, by what larder promises.
pub fn check(history: &History) -> Verdict {
    Checker::new().check(history)
}
