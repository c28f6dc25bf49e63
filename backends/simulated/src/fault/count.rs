//! How many faults there were, and what became of them: a run in which nothing went wrong must not look
//! like one in which everything was survived.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use super::kind::FaultKind;

const KINDS: usize = FaultKind::ALL.len();

/// The faults of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Count {
    /// So many happened.
    pub injected: u64,
    /// Of these, so many showed: the caller got an error, no answer, or something else than is stored.
    pub seen: u64,
    /// Of these, so many did not show: the caller got the answer that it would have got without them. What
    /// they have left in the storage may still show to others later.
    pub survived: u64,
}

/// How many faults of each kind there were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts([Count; KINDS]);

impl Counts {
    /// The faults of this kind.
    pub fn of(&self, kind: FaultKind) -> Count {
        self.0[kind.number()]
    }

    /// Every kind of which there were any.
    pub fn iter(&self) -> impl Iterator<Item = (FaultKind, Count)> {
        FaultKind::ALL.into_iter().zip(self.0).filter(|(_, count)| count.injected > 0)
    }

    /// All kinds together.
    pub fn total(&self) -> Count {
        self.0.iter().fold(Count::default(), |sum, count| Count {
            injected: sum.injected + count.injected,
            seen: sum.seen + count.seen,
            survived: sum.survived + count.survived,
        })
    }
}

impl fmt::Display for Counts {
    /// A table, one line a kind.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<16} {:>9} {:>9} {:>9}", "fault", "injected", "seen", "survived")?;
        for (kind, count) in self.iter() {
            writeln!(f, "{kind:<16} {:>9} {:>9} {:>9}", count.injected, count.seen, count.survived)?;
        }
        Ok(())
    }
}

/// The counters behind [`Counts`].
#[derive(Debug)]
pub(crate) struct Counters([[AtomicU64; 3]; KINDS]);

impl Counters {
    pub(crate) fn new() -> Counters {
        Counters(std::array::from_fn(|_| Default::default()))
    }

    pub(crate) fn injected(&self, kind: FaultKind) {
        self.0[kind.number()][0].fetch_add(1, Ordering::Relaxed);
    }

    /// Whether it showed.
    pub(crate) fn ended(&self, kind: FaultKind, seen: bool) {
        self.0[kind.number()][if seen { 1 } else { 2 }].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts(std::array::from_fn(|kind| {
            let [injected, seen, survived] = &self.0[kind];
            Count {
                injected: injected.load(Ordering::Relaxed),
                seen: seen.load(Ordering::Relaxed),
                survived: survived.load(Ordering::Relaxed),
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_that_ended_was_seen_or_survived() {
        let counters = Counters::new();
        for n in 0..5 {
            counters.injected(FaultKind::LostAck);
            counters.ended(FaultKind::LostAck, n < 2);
        }
        counters.injected(FaultKind::Hang);
        let counts = counters.counts();
        assert_eq!(counts.of(FaultKind::LostAck), Count { injected: 5, seen: 2, survived: 3 });
        assert_eq!(counts.total(), Count { injected: 6, seen: 2, survived: 3 });
        let table = counts.to_string();
        assert!(table.contains("lost-ack                 5         2         3"), "{table}");
        assert_eq!(table.lines().count(), 3);
    }
}
