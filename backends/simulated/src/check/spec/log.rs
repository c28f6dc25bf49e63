//! [`AppendLog`]: a list that only grows.

use larder::Document;

use super::Spec;
use crate::history::{Answer, Call};

/// A log with `append` and `log`; absent at the beginning.
#[derive(Clone, Copy, Debug, Default)]
pub struct AppendLog;

impl Spec for AppendLog {
    type Call = Call;
    type Answer = Answer;
    type State = Option<Vec<Document>>;

    fn initial(&self) -> Self::State {
        None
    }

    fn step(&self, state: &Self::State, call: &Call, answer: Option<&Answer>) -> Option<Self::State> {
        match (call, answer) {
            (Call::Append(_, more), None | Some(Answer::Done)) => {
                Some(Some([state.as_deref().unwrap_or_default(), more].concat()))
            }
            (Call::Log(_), None) => Some(state.clone()),
            (Call::Log(_), Some(Answer::Elements(seen))) => (seen == state).then(|| state.clone()),
            _ => None,
        }
    }

    fn only_reads(&self, call: &Call, _answer: Option<&Answer>) -> bool {
        call.only_reads()
    }
}
