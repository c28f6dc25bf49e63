//! [`EntryMap`]: several keys, of which some operations change more than one at once.

use std::collections::BTreeMap;

use larder::Key;

use super::{Content, Entry, Spec};
use crate::history::{Answer, Call};

/// Several keys, all absent at the beginning: each an [`Entry`], and batches that change several at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct EntryMap;

impl EntryMap {
    fn one(state: &mut BTreeMap<Key, Content>, call: &Call, answer: Option<&Answer>) -> Option<()> {
        let key = call.key()?;
        let present = state.get(key).unwrap_or(&Content::Absent);
        match Entry.step(present, call, answer)? {
            Content::Absent => _ = state.remove(key),
            content => _ = state.insert(key.clone(), content),
        }
        Some(())
    }
}

impl Spec for EntryMap {
    type Call = Call;
    type Answer = Answer;
    /// What is there, by key. Absent keys are not in it.
    type State = BTreeMap<Key, Content>;

    fn initial(&self) -> Self::State {
        BTreeMap::new()
    }

    fn step(&self, state: &Self::State, call: &Call, answer: Option<&Answer>) -> Option<Self::State> {
        let mut state = state.clone();
        match call {
            Call::MultiAssoc { entries, .. } => {
                for (key, value) in entries {
                    Self::one(&mut state, &Call::Assoc(key.clone(), value.clone()), answer)?;
                }
            }
            Call::MultiDissoc { keys, .. } => {
                let existed = match answer {
                    Some(Answer::Flags(existed)) if existed.len() == keys.len() => Some(existed),
                    Some(_) => return None,
                    None => None,
                };
                for (at, key) in keys.iter().enumerate() {
                    let answer = existed.and_then(|existed| existed.get(at)).map(|was| Answer::Flag(*was));
                    Self::one(&mut state, &Call::Dissoc(key.clone()), answer.as_ref())?;
                }
            }
            call => Self::one(&mut state, call, answer)?,
        }
        Some(state)
    }

    fn only_reads(&self, call: &Call, answer: Option<&Answer>) -> bool {
        match answer {
            Some(Answer::Flags(existed)) => !existed.contains(&true),
            _ => Entry.only_reads(call, answer),
        }
    }
}
