//! What a store promises, and so which faults may happen in it: the budget of a run. A run that goes
//! wrong by a fault within the budget shows a bug; faults beyond it exist to test checkers.

use std::fmt;

/// A set of promises of a store.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Promise(u8);

impl Promise {
    /// Nothing at all.
    pub const NONE: Promise = Promise(0);
    /// Every operation seems to happen at one instant between its call and its answer; one that failed
    /// without saying that nothing happened may happen at any time after its call, or never.
    pub const LINEARIZABLE: Promise = Promise(1);
    /// What was acknowledged survives a crash.
    pub const DURABLE: Promise = Promise(2);
    /// What is stored can be read again. Without this promise a read may fail as `Corrupt`; it is never
    /// answered with wrong bytes.
    pub const INTACT: Promise = Promise(4);
    /// All of them.
    pub const ALL: Promise = Promise(7);

    /// These and those.
    #[must_use]
    pub const fn and(self, other: Promise) -> Promise {
        Promise(self.0 | other.0)
    }

    /// These without those.
    #[must_use]
    pub const fn without(self, other: Promise) -> Promise {
        Promise(self.0 & !other.0)
    }

    /// Whether a store that promises this keeps it while it breaks `broken`.
    pub const fn is_kept_beside(self, broken: Promise) -> bool {
        self.0 & broken.0 == 0
    }
}

impl Default for Promise {
    fn default() -> Promise {
        Promise::ALL
    }
}

impl fmt::Debug for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Promise::LINEARIZABLE, "linearizable"),
            (Promise::DURABLE, "durable"),
            (Promise::INTACT, "intact"),
        ];
        f.write_str("Promise")?;
        f.debug_set()
            .entries(names.iter().filter(|(one, _)| self.0 & one.0 != 0).map(|(_, name)| name))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FaultKind;

    #[test]
    fn a_linearizable_store_survives_honest_failures_only() {
        let survives = |kind: FaultKind| Promise::LINEARIZABLE.is_kept_beside(kind.breaks());
        assert!(survives(FaultKind::ErrorAfter) && survives(FaultKind::Crash) && survives(FaultKind::Rot));
        assert!(survives(FaultKind::AckBeforeSync), "it shows after a crash only");
        assert!(!survives(FaultKind::LostWrite) && !survives(FaultKind::StaleRead));
        assert!(!Promise::ALL.is_kept_beside(FaultKind::Rot.breaks()));
        assert!(Promise::ALL.without(Promise::INTACT).is_kept_beside(FaultKind::Rot.breaks()));
        assert!(FaultKind::ALL.iter().all(|kind| Promise::NONE.is_kept_beside(kind.breaks())));
        assert_eq!(
            format!("{:?}", Promise::ALL.without(Promise::DURABLE)),
            r#"Promise{"linearizable", "intact"}"#
        );
    }
}
