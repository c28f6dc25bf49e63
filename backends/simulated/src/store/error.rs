//! What the caller of an operation is told to which something happened. Each error says honestly whether
//! the operation may have happened, and that it was simulated.

use std::time::Duration;

use larder::{Error, ErrorKind};

use crate::latency::Class;
use crate::time::Nanos;

/// What a failed operation says instead of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It was turned away; nothing has happened.
    Refused,
    /// It failed, it does not matter how far it had come.
    Broken,
    /// No answer came for so long.
    TimedOut(Nanos),
    /// Too many requests.
    Throttled(Nanos),
    /// No room is left.
    Full,
    /// The store crashed while it was under way.
    Crashed,
    /// The store is down.
    Down,
    /// It hung, and now the connection is gone.
    HungUp,
    /// The store was closed.
    Closed,
}

impl Failure {
    pub(super) fn error(self, class: Class) -> Error {
        if self == Failure::Closed {
            return Error::closed();
        }
        let after = |nanos| format!("{:?}", Duration::from_nanos(nanos));
        let (kind, message, may_have_happened) = match self {
            Failure::Refused => {
                (ErrorKind::Unavailable, "the storage refused the request; try again".into(), false)
            }
            Failure::Broken => (ErrorKind::Unavailable, "the storage failed at the request".into(), true),
            Failure::TimedOut(waited) => {
                (ErrorKind::TimedOut, format!("no answer within {}", after(waited)), true)
            }
            Failure::Throttled(wait) => {
                let message = format!("too many requests; try again after {}", after(wait));
                (ErrorKind::Unavailable, message, false)
            }
            Failure::Full => (ErrorKind::Full, "the storage is full".into(), false),
            Failure::Crashed => {
                (ErrorKind::Unavailable, "the storage crashed before it answered".into(), true)
            }
            Failure::Down => (ErrorKind::Unavailable, "the storage is down; try again later".into(), false),
            Failure::HungUp | Failure::Closed => {
                (ErrorKind::Unavailable, "the connection was lost before an answer came".into(), true)
            }
        };
        let error = Error::new(kind, message).in_backend("simulated");
        // A read that failed may simply be made again.
        let changes = matches!(class, Class::Write | Class::Remove | Class::Batch);
        if may_have_happened && changes { error.ambiguous() } else { error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_may_have_happened_is_not_retryable_and_a_read_is() {
        for failure in [Failure::Broken, Failure::TimedOut(5), Failure::Crashed, Failure::HungUp] {
            let error = failure.error(Class::Write);
            assert!(error.is_ambiguous() && !error.is_retryable(), "{error}");
            let error = failure.error(Class::Read);
            assert!(!error.is_ambiguous() && error.is_retryable(), "{error}");
        }
        for failure in [Failure::Refused, Failure::Throttled(1_500_000_000), Failure::Down] {
            let error = failure.error(Class::Remove);
            assert!(!error.is_ambiguous() && error.is_retryable(), "{error}");
        }
        let full = Failure::Full.error(Class::Write);
        assert!(!full.is_ambiguous() && !full.is_retryable(), "to try again makes no room");
        let line = Failure::Throttled(1_500_000_000).error(Class::Read).to_string();
        assert!(line.contains("after 1.5s"), "{line}");
    }
}
