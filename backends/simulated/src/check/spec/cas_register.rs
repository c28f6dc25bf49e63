//! [`CasRegister`]: a register with read, write and compare-and-set, as Jepsen's tests use it.

use larder::Document;

use super::Spec;
use crate::history::{Answer, Call};

/// A register with read (`get`), write (`assoc`) and compare-and-set; nil (`None`) at the beginning.
#[derive(Clone, Copy, Debug, Default)]
pub struct CasRegister;

impl Spec for CasRegister {
    type Call = Call;
    type Answer = Answer;
    type State = Option<Document>;

    fn initial(&self) -> Option<Document> {
        None
    }

    fn step(&self, state: &Self::State, call: &Call, answer: Option<&Answer>) -> Option<Self::State> {
        match (call, answer) {
            (Call::Get(_), None) => Some(state.clone()),
            (Call::Get(_), Some(Answer::Value(seen))) => (seen == state).then(|| state.clone()),
            (Call::Assoc(_, value), None | Some(Answer::Done)) => Some(Some(value.clone())),
            (Call::CompareAndSet { old, new, .. }, None) => {
                Some(if old == state { Some(new.clone()) } else { state.clone() })
            }
            (Call::CompareAndSet { old, new, .. }, Some(Answer::Flag(done))) => match (old == state, done) {
                (true, true) => Some(Some(new.clone())),
                (false, false) => Some(state.clone()),
                _ => None,
            },
            _ => None,
        }
    }

    fn only_reads(&self, call: &Call, answer: Option<&Answer>) -> bool {
        call.only_reads() || answer == Some(&Answer::Flag(false))
    }
}
