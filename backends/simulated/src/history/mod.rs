//! What was called, and what came back: histories, and how they are recorded, written and read.
//!
//! A [`History`] is the set of all operations that the users of a store saw, with their places in one total
//! order of invocations and returns. [`Recorder`] and [`Recorded`] make one of any [`larder::Store`]; the
//! room [`check`](crate::check) judges it. It is written as JSON Lines, which [`json`] describes field by
//! field, and as EDN for Jepsen's tools ([`edn`]); Jepsen's own logs can be read ([`jepsen`]).

mod answer;
mod call;
pub mod edn;
mod format;
pub mod jepsen;
pub mod json;
mod operation;
mod recorded;
mod recorder;
mod show;
mod text;

use std::collections::BTreeSet;

pub use self::answer::{Answer, Digest};
pub use self::call::{Call, Update};
pub use self::format::Format;
pub use self::operation::{Operation, Outcome};
pub use self::recorded::Recorded;
pub use self::recorder::{Client, Pending, Recorder};
pub use self::text::Malformed;

/// A time within a run: nanoseconds since it began.
pub type Nanos = u64;

/// All operations of a run, in the order in which they were invoked, and its crashes.
///
/// ```
/// use larder::{Document, Key};
/// use larder_simulated::history::{Answer, Call, History, Operation, Outcome};
/// let write = Operation::new(0, Call::Assoc(Key::from("a"), Document::encode(&1)?), 0);
/// let read = Operation::new(1, Call::Get(Key::from("a")), 2);
/// let history = History::new(vec![
///     write.returning(1, Outcome::Ok(Answer::Done)),
///     read.returning(3, Outcome::Ok(Answer::Value(None))),
/// ]);
/// assert!(!larder_simulated::check::check(&history).is_linearizable());
/// # Ok::<(), larder::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    operations: Vec<Operation>,
    crashes: Vec<u64>,
}

impl History {
    /// The history of these operations, whatever their order here.
    pub fn new(operations: Vec<Operation>) -> History {
        History::with_crashes(operations, Vec::new())
    }

    /// The history of these operations and crashes. A crash is a place in the order of invocations and
    /// returns: what was under way there has happened before it or never.
    pub fn with_crashes(mut operations: Vec<Operation>, mut crashes: Vec<u64>) -> History {
        operations.sort_by_key(|operation| (operation.invoked, operation.client, operation.number));
        crashes.sort_unstable();
        History { operations, crashes }
    }

    /// The operations, by invocation.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The places of the crashes, in order.
    pub fn crashes(&self) -> &[u64] {
        &self.crashes
    }

    /// How many operations there are.
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// The clients that did something, in order.
    pub fn clients(&self) -> Vec<u64> {
        let clients: BTreeSet<u64> = self.operations.iter().map(|operation| operation.client).collect();
        clients.into_iter().collect()
    }

    /// The first crash after this place.
    pub fn crash_after(&self, place: u64) -> Option<u64> {
        let next = self.crashes.partition_point(|crash| *crash <= place);
        self.crashes.get(next).copied()
    }

    /// The same history without these operations, by their index. Leaving out operations that only read
    /// keeps a linearizable history linearizable; leaving out a write need not.
    #[must_use]
    pub fn without(&self, left_out: &BTreeSet<usize>) -> History {
        let kept = self.operations.iter().enumerate().filter(|(at, _)| !left_out.contains(at));
        History { operations: kept.map(|(_, kept)| kept.clone()).collect(), crashes: self.crashes.clone() }
    }
}

impl FromIterator<Operation> for History {
    fn from_iter<I: IntoIterator<Item = Operation>>(operations: I) -> History {
        History::new(operations.into_iter().collect())
    }
}
