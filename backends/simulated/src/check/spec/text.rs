//! [`Text`]: a text that can be replaced and appended to, as the key-value tests of porcupine use it.

use larder::Document;

use super::Spec;
use crate::history::{Answer, Call};

/// A text with `get`, `assoc` and `append`, which adds to its end; empty at the beginning, and what is empty
/// may be read as absent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Text;

impl Spec for Text {
    type Call = Call;
    type Answer = Answer;
    type State = String;

    fn initial(&self) -> String {
        String::new()
    }

    fn step(&self, state: &String, call: &Call, answer: Option<&Answer>) -> Option<String> {
        match (call, answer) {
            (Call::Get(_), None) => Some(state.clone()),
            (Call::Get(_), Some(Answer::Value(seen))) => {
                let seen = seen.as_ref().map_or_else(|| Some(String::new()), text)?;
                (seen == *state).then(|| state.clone())
            }
            (Call::Assoc(_, value), None | Some(Answer::Done)) => text(value),
            (Call::Append(_, more), None | Some(Answer::Done)) => {
                let mut state = state.clone();
                for piece in more {
                    state.push_str(&text(piece)?);
                }
                Some(state)
            }
            _ => None,
        }
    }

    fn only_reads(&self, call: &Call, _answer: Option<&Answer>) -> bool {
        call.only_reads()
    }
}

fn text(document: &Document) -> Option<String> {
    document.decode().ok()
}
