//! [`Entry`]: one key of a store under the nine operations, appends and compare-and-set.

use larder::{ByteRange, Document, ErrorKind, Key};

use super::{Content, Spec};
use crate::history::{Answer, Call, Update};

/// One key of a store, absent at the beginning. It defines what `docs/guarantees.md` promises for one key; the
/// fast representation that histories are checked with is tested against it. Keys in calls are ignored. An
/// update of which nothing is known, and calls on several keys, are possible only with an answer that says it all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entry;

impl Spec for Entry {
    type Call = Call;
    type Answer = Answer;
    type State = Content;

    fn initial(&self) -> Content {
        Content::Absent
    }

    fn step(&self, state: &Content, call: &Call, answer: Option<&Answer>) -> Option<Content> {
        let same = || Some(state.clone());
        let agrees = |right: bool| if right { same() } else { None };
        match (call, answer) {
            (_, Some(Answer::WrongKind)) => agrees(!is_of_kind(state, call)),
            (Call::AssocIn(path, _) | Call::UpdateIn(path, _), Some(Answer::InvalidPath)) => {
                agrees(matches!(state, Content::Document(document) if is_blocked(document, path.segments())))
            }
            (Call::Get(_), Some(Answer::Value(seen))) => agrees(match state {
                Content::Absent => seen.is_none(),
                Content::Document(document) => seen.as_ref() == Some(document),
                _ => false,
            }),
            (Call::Log(_), Some(Answer::Elements(seen))) => agrees(match state {
                Content::Absent => seen.is_none(),
                Content::Log(elements) => seen.as_ref() == Some(elements),
                _ => false,
            }),
            (Call::Bget(_, ByteRange::ALL), Some(Answer::Binary(seen))) => agrees(match state {
                Content::Absent => seen.is_none(),
                Content::Binary(digest) => *seen == Some(*digest),
                _ => false,
            }),
            (Call::Bget(..), Some(Answer::Size(seen))) => agrees(match state {
                Content::Absent => seen.is_none(),
                Content::Binary(digest) => *seen == Some(digest.size),
                _ => false,
            }),
            (Call::Exists(_) | Call::GetMeta(_), Some(Answer::Flag(there))) => {
                agrees(*there == (*state != Content::Absent))
            }
            (Call::Get(_) | Call::Log(_) | Call::Bget(..) | Call::Exists(_) | Call::GetMeta(_), None) => {
                same()
            }
            (Call::Assoc(_, value), Some(Answer::Done) | None) => Some(Content::Document(value.clone())),
            (Call::Bassoc(_, Some(digest)), Some(Answer::Done) | None) => Some(Content::Binary(*digest)),
            (Call::Dissoc(_), None) => Some(Content::Absent),
            (Call::Dissoc(_), Some(Answer::Flag(was))) => {
                (*was == (*state != Content::Absent)).then_some(Content::Absent)
            }
            (Call::CompareAndSet { old, new, .. }, _) => compare_and_set(state, old.as_ref(), new, answer),
            (Call::AssocIn(path, value), Some(Answer::Done) | None) => {
                document(state)?;
                set(state, path.segments(), value)
            }
            (Call::UpdateIn(path, _), Some(Answer::Change { old, new }))
            | (Call::UpdateIn(path, Update::Ran { old, new }), None) => {
                update(state, path.segments(), old.as_ref(), new.as_ref())
            }
            (Call::UpdateIn(_, Update::NotRun), None) => same(),
            (Call::Append(_, more), Some(Answer::Done) | None) => match state {
                Content::Absent => Some(Content::Log(more.clone())),
                Content::Log(elements) => Some(Content::Log([elements.as_slice(), more].concat())),
                _ => None,
            },
            _ => None,
        }
    }

    fn only_reads(&self, call: &Call, answer: Option<&Answer>) -> bool {
        match answer {
            Some(Answer::WrongKind | Answer::InvalidPath | Answer::Flag(false)) => true,
            Some(Answer::Change { old, new }) => old == new,
            _ => call.only_reads(),
        }
    }
}

/// The document that is there, or none; `None` if it is of another kind.
fn document(state: &Content) -> Option<Option<&Document>> {
    match state {
        Content::Absent => Some(None),
        Content::Document(document) => Some(Some(document)),
        Content::Binary(_) | Content::Log(_) => None,
    }
}

/// Whether what is there is of the kind that the call needs. Absence is of every kind.
fn is_of_kind(state: &Content, call: &Call) -> bool {
    match (state, call) {
        (Content::Absent, _) => true,
        (Content::Document(_), Call::Get(_) | Call::AssocIn(..) | Call::UpdateIn(..)) => true,
        (Content::Log(_), Call::Append(..) | Call::Log(_)) => true,
        (Content::Binary(_), Call::Bget(..)) => true,
        (
            _,
            Call::Get(_)
            | Call::AssocIn(..)
            | Call::UpdateIn(..)
            | Call::Append(..)
            | Call::Log(_)
            | Call::Bget(..),
        ) => false,
        _ => true,
    }
}

fn compare_and_set(
    state: &Content,
    old: Option<&Document>,
    new: &Document,
    answer: Option<&Answer>,
) -> Option<Content> {
    let equal = document(state).is_some_and(|present| present == old);
    match answer {
        Some(Answer::Flag(done)) if *done != equal => None,
        Some(Answer::Flag(_)) | None if equal => Some(Content::Document(new.clone())),
        Some(Answer::Flag(_)) | None => Some(state.clone()),
        Some(_) => None,
    }
}

/// Whether nothing can be set at these segments.
fn is_blocked(document: &Document, segments: &[Key]) -> bool {
    let set = document.assoc_in(segments, &Document::null());
    set.is_err_and(|error| error.kind() == ErrorKind::InvalidPath)
}

/// The state with this value at the segments.
fn set(state: &Content, segments: &[Key], value: &Document) -> Option<Content> {
    if segments.is_empty() {
        return Some(Content::Document(value.clone()));
    }
    match state {
        Content::Document(document) => document.assoc_in(segments, value).ok().map(Content::Document),
        _ => {
            // Maps all the way, innermost first.
            let empty = Document::encode(&serde_json::Map::new()).ok()?;
            empty.assoc_in(segments, value).ok().map(Content::Document)
        }
    }
}

/// The state after an update that was given `old` at these segments and made `new` of it.
fn update(
    state: &Content,
    segments: &[Key],
    old: Option<&Document>,
    new: Option<&Document>,
) -> Option<Content> {
    let present = document(state)?;
    let found = match present {
        None => None,
        Some(whole) if segments.is_empty() => Some(whole.clone()),
        Some(whole) if is_blocked(whole, segments) => return None,
        Some(whole) => whole.get_in(segments).ok()?,
    };
    if found.as_ref() != old {
        return None;
    }
    match (new, present) {
        _ if old == new => Some(state.clone()),
        (Some(new), _) => set(state, segments, new),
        (None, Some(whole)) if !segments.is_empty() => match whole.dissoc_in(segments).ok()? {
            Some(left) => Some(Content::Document(left)),
            None => Some(state.clone()),
        },
        (None, _) => Some(Content::Absent),
    }
}
