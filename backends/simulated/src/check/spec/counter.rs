//! [`Counter`]: a number to which every `update_in` adds the same.

use larder::Document;

use super::Spec;
use crate::history::{Answer, Call};

/// A counter, absent at the beginning, which counts as 0: every `update_in` adds `step` to it, also one of
/// which only that is known; `get` reads it.
#[derive(Clone, Copy, Debug)]
pub struct Counter {
    /// What an update adds.
    pub step: i64,
}

impl Default for Counter {
    fn default() -> Counter {
        Counter { step: 1 }
    }
}

impl Spec for Counter {
    type Call = Call;
    type Answer = Answer;
    /// `None` before the first update.
    type State = Option<i64>;

    fn initial(&self) -> Option<i64> {
        None
    }

    fn step(&self, state: &Option<i64>, call: &Call, answer: Option<&Answer>) -> Option<Option<i64>> {
        let after = Some(state.unwrap_or(0).wrapping_add(self.step));
        match (call, answer) {
            (Call::Get(_), None) => Some(*state),
            (Call::Get(_), Some(Answer::Value(seen))) => (number(seen)? == *state).then_some(*state),
            (Call::UpdateIn(..), None) => Some(after),
            (Call::UpdateIn(..), Some(Answer::Change { old, new })) => {
                (number(old)? == *state && number(new)? == after).then_some(after)
            }
            _ => None,
        }
    }

    fn only_reads(&self, call: &Call, _answer: Option<&Answer>) -> bool {
        call.only_reads()
    }
}

/// The number in a document; the outer `None` if it is something else.
fn number(document: &Option<Document>) -> Option<Option<i64>> {
    match document {
        None => Some(None),
        Some(document) => document.decode().ok().map(Some),
    }
}
