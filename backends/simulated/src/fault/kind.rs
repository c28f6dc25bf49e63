//! The kinds of fault, and one fault of a kind with all that it needs to happen the same way again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::promise::Promise;
use crate::latency::Class;
use crate::time::Nanos;

/// What can go wrong with an operation.
///
/// The numbers are part of what a seed means: a kind keeps its number for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FaultKind {
    /// It fails, and nothing has happened.
    ErrorBefore = 0,
    /// It happens, and fails all the same.
    ErrorAfter = 1,
    /// The caller is told that it took too long; it happens later, or never.
    Timeout = 2,
    /// It happens in time, but the answer is lost: the caller is told that it took too long.
    LostAck = 3,
    /// No answer ever comes.
    Hang = 4,
    /// It is refused, with the request to come back later.
    Throttle = 5,
    /// It happens twice.
    Duplicate = 6,
    /// It is held back, so that later operations overtake it.
    Reorder = 7,
    /// It reads a state of some time ago.
    StaleRead = 8,
    /// It lists the keys of some time ago.
    StaleList = 9,
    /// What it writes is cut off or has a hole, for as long as it is there.
    Torn = 10,
    /// What it reads has a flipped bit, and keeps it until it is written again.
    Rot = 11,
    /// It reads the record of another key.
    Misdirect = 12,
    /// It is acknowledged and never happens.
    LostWrite = 13,
    /// It is acknowledged before it is durable: a crash before the next `sync` undoes it.
    AckBeforeSync = 14,
    /// The storage is full.
    Full = 15,
    /// It takes many times as long.
    Slow = 16,
    /// The whole store stands still for a while, from this operation on.
    Pause = 17,
    /// The wall clock jumps when it begins.
    ClockStep = 18,
    /// The store crashes just before it happens, or just after, and comes back later.
    Crash = 19,
}

impl FaultKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [FaultKind; 20] = {
        use FaultKind::*;
        [
            ErrorBefore,
            ErrorAfter,
            Timeout,
            LostAck,
            Hang,
            Throttle,
            Duplicate,
            Reorder,
            StaleRead,
            StaleList,
            Torn,
            Rot,
            Misdirect,
            LostWrite,
            AckBeforeSync,
            Full,
            Slow,
            Pause,
            ClockStep,
            Crash,
        ]
    };

    /// The number of the kind.
    pub const fn number(self) -> usize {
        self as usize
    }

    /// The name, such as `"lost-ack"`.
    pub const fn name(self) -> &'static str {
        match self {
            FaultKind::ErrorBefore => "error-before",
            FaultKind::ErrorAfter => "error-after",
            FaultKind::Timeout => "timeout",
            FaultKind::LostAck => "lost-ack",
            FaultKind::Hang => "hang",
            FaultKind::Throttle => "throttle",
            FaultKind::Duplicate => "duplicate",
            FaultKind::Reorder => "reorder",
            FaultKind::StaleRead => "stale-read",
            FaultKind::StaleList => "stale-list",
            FaultKind::Torn => "torn",
            FaultKind::Rot => "rot",
            FaultKind::Misdirect => "misdirect",
            FaultKind::LostWrite => "lost-write",
            FaultKind::AckBeforeSync => "ack-before-sync",
            FaultKind::Full => "full",
            FaultKind::Slow => "slow",
            FaultKind::Pause => "pause",
            FaultKind::ClockStep => "clock-step",
            FaultKind::Crash => "crash",
        }
    }

    /// Whether it can happen to an operation of this class.
    pub const fn applies_to(self, class: Class) -> bool {
        let reads = matches!(class, Class::Read | Class::Head);
        let changes = matches!(class, Class::Write | Class::Remove | Class::Batch);
        match self {
            FaultKind::StaleRead | FaultKind::Misdirect | FaultKind::Rot => reads,
            FaultKind::StaleList => matches!(class, Class::List),
            FaultKind::Torn => matches!(class, Class::Write),
            FaultKind::Duplicate | FaultKind::LostWrite | FaultKind::AckBeforeSync => changes,
            FaultKind::Full => matches!(class, Class::Write | Class::Batch),
            FaultKind::ErrorAfter | FaultKind::LostAck | FaultKind::Reorder => !matches!(class, Class::List),
            _ => true,
        }
    }

    /// What a store breaks in which it happens. Nothing, if the failure is honest: then every run that
    /// goes wrong by it is a bug of whoever uses the store.
    pub const fn breaks(self) -> Promise {
        match self {
            FaultKind::Duplicate | FaultKind::StaleRead | FaultKind::StaleList => Promise::LINEARIZABLE,
            FaultKind::LostWrite => Promise::LINEARIZABLE.and(Promise::DURABLE),
            FaultKind::AckBeforeSync => Promise::DURABLE,
            FaultKind::Torn | FaultKind::Rot | FaultKind::Misdirect => Promise::INTACT,
            _ => Promise::NONE,
        }
    }

    /// Whether it strikes the whole store, not one operation.
    pub const fn is_of_the_whole_store(self) -> bool {
        matches!(self, FaultKind::Pause | FaultKind::ClockStep | FaultKind::Crash)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for FaultKind {
    type Err = String;

    fn from_str(name: &str) -> Result<FaultKind, String> {
        FaultKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            let known: Vec<&str> = FaultKind::ALL.iter().map(|kind| kind.name()).collect();
            format!("{name:?} is no fault; there are {}", known.join(", "))
        })
    }
}

/// One fault. It holds all that is to be known to make it happen again; times are in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Fault {
    /// See [`FaultKind::ErrorBefore`].
    ErrorBefore,
    /// See [`FaultKind::ErrorAfter`].
    ErrorAfter,
    /// See [`FaultKind::Timeout`].
    Timeout {
        /// The caller is told so long after the submission.
        after_ns: Nanos,
        /// The effect comes so long after that; `None`: never.
        late_ns: Option<Nanos>,
    },
    /// See [`FaultKind::LostAck`].
    LostAck {
        /// The caller is told so long after the submission (and never before the effect).
        after_ns: Nanos,
    },
    /// See [`FaultKind::Hang`].
    Hang {
        /// Whether it happens nevertheless.
        effect: bool,
    },
    /// See [`FaultKind::Throttle`].
    Throttle {
        /// When the caller is asked to come back.
        retry_after_ns: Nanos,
    },
    /// See [`FaultKind::Duplicate`].
    Duplicate {
        /// The second effect comes so long after the first.
        again_ns: Nanos,
        /// Whether the caller hears the answer to the second, as from a client library that tries again
        /// by itself; else that to the first, as if the network had doubled the message.
        answers_second: bool,
    },
    /// See [`FaultKind::Reorder`].
    Reorder {
        /// Held back for so long.
        by_ns: Nanos,
    },
    /// See [`FaultKind::StaleRead`].
    StaleRead {
        /// The age of the state that is read.
        lag_ns: Nanos,
    },
    /// See [`FaultKind::StaleList`].
    StaleList {
        /// The age of the state that is listed.
        lag_ns: Nanos,
    },
    /// See [`FaultKind::Torn`].
    Torn {
        /// Decides how, together with what is written.
        draw: u64,
    },
    /// See [`FaultKind::Rot`].
    Rot {
        /// Decides where, together with what is stored.
        draw: u64,
    },
    /// See [`FaultKind::Misdirect`].
    Misdirect {
        /// Decides which other key.
        draw: u64,
    },
    /// See [`FaultKind::LostWrite`].
    LostWrite,
    /// See [`FaultKind::AckBeforeSync`].
    AckBeforeSync,
    /// See [`FaultKind::Full`].
    Full,
    /// See [`FaultKind::Slow`].
    Slow {
        /// So many times as long.
        factor: u64,
    },
    /// See [`FaultKind::Pause`].
    Pause {
        /// For so long.
        time_ns: Nanos,
    },
    /// See [`FaultKind::ClockStep`].
    ClockStep {
        /// By so many milliseconds; back if negative.
        by_ms: i64,
    },
    /// See [`FaultKind::Crash`].
    Crash {
        /// Whether the operation that it strikes has happened.
        after: bool,
        /// The store is away for so long.
        down_ns: Nanos,
    },
}

impl Fault {
    /// What kind it is.
    pub const fn kind(&self) -> FaultKind {
        match self {
            Fault::ErrorBefore => FaultKind::ErrorBefore,
            Fault::ErrorAfter => FaultKind::ErrorAfter,
            Fault::Timeout { .. } => FaultKind::Timeout,
            Fault::LostAck { .. } => FaultKind::LostAck,
            Fault::Hang { .. } => FaultKind::Hang,
            Fault::Throttle { .. } => FaultKind::Throttle,
            Fault::Duplicate { .. } => FaultKind::Duplicate,
            Fault::Reorder { .. } => FaultKind::Reorder,
            Fault::StaleRead { .. } => FaultKind::StaleRead,
            Fault::StaleList { .. } => FaultKind::StaleList,
            Fault::Torn { .. } => FaultKind::Torn,
            Fault::Rot { .. } => FaultKind::Rot,
            Fault::Misdirect { .. } => FaultKind::Misdirect,
            Fault::LostWrite => FaultKind::LostWrite,
            Fault::AckBeforeSync => FaultKind::AckBeforeSync,
            Fault::Full => FaultKind::Full,
            Fault::Slow { .. } => FaultKind::Slow,
            Fault::Pause { .. } => FaultKind::Pause,
            Fault::ClockStep { .. } => FaultKind::ClockStep,
            Fault::Crash { .. } => FaultKind::Crash,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_number_and_its_name() {
        for (number, kind) in FaultKind::ALL.into_iter().enumerate() {
            assert_eq!(kind.number(), number);
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
        assert!("lost-acks".parse::<FaultKind>().unwrap_err().contains("lost-ack"));
    }

    #[test]
    fn every_kind_can_happen_to_something() {
        let classes =
            [Class::Read, Class::Head, Class::Write, Class::Remove, Class::List, Class::Batch, Class::Sync];
        for kind in FaultKind::ALL {
            assert!(classes.iter().any(|class| kind.applies_to(*class)), "{kind}");
        }
        assert!(!FaultKind::LostWrite.applies_to(Class::Read));
        assert!(!FaultKind::StaleRead.applies_to(Class::Write));
    }
}
