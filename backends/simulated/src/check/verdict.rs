//! [`Verdict`]: what a check says.

use std::fmt;

use larder::Key;

use crate::history::Operation;

/// Whether a history is linearizable.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// There is an order of the operations that explains everything that was seen.
    Linearizable,
    /// There is none.
    NotLinearizable(Box<Violation>),
    /// It was not found out: never to be taken for a yes.
    Unknown(Undecided),
}

impl Verdict {
    /// Whether there is an order.
    pub fn is_linearizable(&self) -> bool {
        matches!(self, Verdict::Linearizable)
    }

    /// Whether there is none.
    pub fn is_violation(&self) -> bool {
        matches!(self, Verdict::NotLinearizable(_))
    }

    /// What is wrong, if something is.
    pub fn violation(&self) -> Option<&Violation> {
        match self {
            Verdict::NotLinearizable(violation) => Some(violation),
            Verdict::Linearizable | Verdict::Unknown(_) => None,
        }
    }
}

impl fmt::Display for Verdict {
    /// One line, and for a violation the lines that explain it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Linearizable => f.write_str("linearizable"),
            Verdict::NotLinearizable(violation) => write!(f, "not linearizable\n{violation}"),
            Verdict::Unknown(undecided) => write!(f, "unknown: {undecided}"),
        }
    }
}

/// Why a history is not linearizable, with what a picture of it needs.
///
/// Operations are named by their index in [`History::operations`](crate::history::History::operations).
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// The rule that was broken.
    pub rule: Rule,
    /// The key, or the keys that batches join.
    pub keys: Vec<Key>,
    /// The operations that cannot be ordered, as few as were found to be enough, by invocation.
    pub offending: Vec<Offender>,
    /// Operations that wrote what an offending one saw, where those are not offending themselves.
    pub context: Vec<Offender>,
    /// The operation that cannot be placed after the longest order.
    pub blocked: Option<usize>,
    /// The longest order there is of the operations on these keys, up to the first moment at which none goes
    /// on; empty if it was not found.
    pub prefix: Vec<usize>,
    /// What is there after it, in words; empty if it was not found.
    pub state: String,
    /// Operations that are under way where the longest order ends and are not in it, the blocked one among
    /// them.
    pub open: Vec<usize>,
}

/// An operation that is part of a violation.
#[derive(Clone, Debug, PartialEq)]
pub struct Offender {
    /// Its index in the history.
    pub index: usize,
    /// The operation.
    pub operation: Operation,
}

/// The rules that a history can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// There is an order that keeps to real time.
    Linearizable,
    /// There is an order that keeps each client's own.
    Sequential,
    /// A client sees its own writes, or later ones.
    ReadYourWrites,
    /// A client never goes back to what was there before what it has seen.
    MonotonicReads,
    /// A key that is there during a whole listing is listed exactly once.
    ListedOnce,
    /// A key that is absent during a whole listing is not listed.
    NotListed,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rule::Linearizable => "no order of these operations explains what they saw",
            Rule::Sequential => "no order that keeps each client's own explains what these operations saw",
            Rule::ReadYourWrites => "a client saw what was there before its own write",
            Rule::MonotonicReads => "a client saw what was there before what it had already seen",
            Rule::ListedOnce => "a key that was there during the whole listing is not listed exactly once",
            Rule::NotListed => "a key that was absent during the whole listing is listed",
        })
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 12;
        let keys: Vec<String> = self.keys.iter().take(4).map(Key::to_string).collect();
        write!(f, "  {}", keys.join(", "))?;
        if self.keys.len() > keys.len() {
            write!(f, " and {} more", self.keys.len() - keys.len())?;
        }
        write!(f, ": {}", self.rule)?;
        let mut shown: Vec<&Offender> = self.offending.iter().collect();
        let many = shown.len().saturating_sub(SHOWN);
        if many > 0 {
            write!(f, "\n    .. {many} more ..")?;
        }
        // The last ones are nearest to where it went wrong.
        shown.drain(..many);
        shown.iter().try_for_each(|offender| write!(f, "\n    {}", offender.operation))?;
        for offender in &self.context {
            write!(f, "\n    given: {}", offender.operation)?;
        }
        if !self.prefix.is_empty() || !self.state.is_empty() {
            let n = self.prefix.len();
            write!(f, "\n  {n} {} before can be ordered", if n == 1 { "operation" } else { "operations" })?;
            if !self.state.is_empty() {
                write!(f, " and leave {}", self.state)?;
            }
            let blocked = self.blocked.and_then(|blocked| {
                self.offending.iter().chain(&self.context).find(|offender| offender.index == blocked)
            });
            if let Some(blocked) = blocked {
                write!(f, "; after them there is no place for {}", blocked.operation)?;
            }
        }
        Ok(())
    }
}

/// Why it was not found out whether a history is linearizable.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Undecided {
    /// The search was given up after so many dead ends.
    Budget {
        /// The key whose operations are so many at a time.
        keys: Vec<Key>,
        /// How many dead ends were allowed.
        budget: u64,
    },
    /// There are updates of which nobody knows what they did.
    Opaque {
        /// Their key.
        keys: Vec<Key>,
    },
    /// There are operations that the model knows nothing of.
    Foreign {
        /// The first of them.
        operation: String,
    },
    /// There are more operations than can be checked at a time.
    TooMany,
}

impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = |keys: &[Key]| keys.first().map(Key::to_string).unwrap_or_default();
        match self {
            Undecided::Budget { keys, budget } => {
                let key = first(keys);
                write!(
                    f,
                    "too many operations on {key} at a time; the search was given up after {budget} dead ends"
                )
            }
            Undecided::Opaque { keys } => {
                write!(
                    f,
                    "updates of {} ended without an answer, and what they did is not recorded",
                    first(keys)
                )
            }
            Undecided::Foreign { operation } => write!(f, "the model knows no such operation: {operation}"),
            Undecided::TooMany => f.write_str("too many operations"),
        }
    }
}
