//! The kinds of histories: for each specification, its calls and what they answer.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use larder::{ByteRange, Document, Key, Path, path};
use larder_simulated::check::{AppendLog, CasRegister, Content, Counter, Entry, EntryMap, Spec, Text};
use larder_simulated::history::{Answer, Call, Digest, Update};

use crate::generate::{Chance, Subject};

const KEY: &str = "k";

fn key() -> Key {
    Key::from(KEY)
}

/// The number as a document. They are made once: there are many histories.
fn number(n: usize) -> Document {
    static NUMBERS: OnceLock<Vec<Document>> = OnceLock::new();
    NUMBERS.get_or_init(|| (0..100usize).map(|n| Document::encode(&n).unwrap()).collect())[n].clone()
}

fn numbers(chance: &mut Chance, most: usize) -> Vec<Document> {
    (0..chance.below(most + 1)).map(|_| number(chance.below(3))).collect()
}

fn maybe(chance: &mut Chance) -> Option<Document> {
    (!chance.one_in(3)).then(|| number(chance.below(3)))
}

/// One key under everything that can be done to it.
pub(crate) fn everything() -> Subject<Entry> {
    fn call(chance: &mut Chance, _: usize) -> Call {
        match chance.below(18) {
            0..3 => Call::Get(key()),
            3 => Call::Exists(key()),
            4 => Call::GetMeta(key()),
            5..7 => Call::Assoc(key(), number(chance.below(3))),
            7 => Call::AssocIn(path![KEY, "a"], number(chance.below(2))),
            8 => Call::AssocIn(path![KEY, 0], number(chance.below(2))),
            9 => Call::UpdateIn(Path::new(KEY), Update::NotRun),
            10 => Call::UpdateIn(path![KEY, "a"], Update::NotRun),
            11 => Call::Dissoc(key()),
            12 => Call::CompareAndSet { key: key(), old: maybe(chance), new: number(chance.below(3)) },
            13 => Call::Append(key(), numbers(chance, 2)),
            14 => Call::Log(key()),
            15 => Call::Bget(key(), ByteRange::ALL),
            16 => Call::Bget(key(), ByteRange::new(..4).unwrap()),
            _ => Call::Bassoc(key(), Some(digest(chance.below(3)))),
        }
    }
    fn state(chance: &mut Chance) -> Content {
        match chance.below(5) {
            0 => Content::Absent,
            1 => Content::Document(number(chance.below(3))),
            2 => Content::Document(Document::encode(&serde_json::json!({"a": chance.below(2)})).unwrap()),
            3 => Content::Binary(digest(chance.below(3))),
            _ => Content::Log(numbers(chance, 3)),
        }
    }
    Subject { name: "everything", spec: Entry, call, answer: entry_answer, state }
}

fn digest(n: usize) -> Digest {
    Digest { size: 10 + (n % 2) as u64, hash: n as u128 }
}

/// What a call answers, written apart from the specification as far as it can be.
fn entry_answer(state: &Content, call: &mut Call) -> Answer {
    let wrong = |document: bool, binary: bool, log: bool| match state {
        Content::Absent => false,
        Content::Document(_) => !document,
        Content::Binary(_) => !binary,
        Content::Log(_) => !log,
    };
    let document = match state {
        Content::Document(document) => Some(document.clone()),
        _ => None,
    };
    match call {
        Call::Get(_) if wrong(true, false, false) => Answer::WrongKind,
        Call::Get(_) => Answer::Value(document),
        Call::Exists(_) | Call::GetMeta(_) | Call::Dissoc(_) => Answer::Flag(*state != Content::Absent),
        Call::AssocIn(..) | Call::UpdateIn(..) if wrong(true, false, false) => Answer::WrongKind,
        Call::AssocIn(path, value) => {
            match document.map(|document| document.assoc_in(path.segments(), value)) {
                Some(Err(_)) => Answer::InvalidPath,
                _ => Answer::Done,
            }
        }
        Call::UpdateIn(path, update) => {
            let old = document.as_ref().and_then(|document| document.get_in(path.segments()).unwrap());
            let count = old.as_ref().and_then(|old| old.decode::<usize>().ok());
            // At two it is taken away.
            let new = if count == Some(2) { None } else { Some(number(count.map_or(0, |count| count + 1))) };
            let blocked =
                document.is_some_and(|document| document.assoc_in(path.segments(), &number(0)).is_err());
            if blocked {
                return Answer::InvalidPath;
            }
            *update = Update::Ran { old: old.clone(), new: new.clone() };
            Answer::Change { old, new }
        }
        Call::CompareAndSet { old, .. } => {
            Answer::Flag(*old == document && (old.is_some() || *state == Content::Absent))
        }
        Call::Append(..) | Call::Log(_) if wrong(false, false, true) => Answer::WrongKind,
        Call::Log(_) => Answer::Elements(match state {
            Content::Log(elements) => Some(elements.clone()),
            _ => None,
        }),
        Call::Bget(..) if wrong(false, true, false) => Answer::WrongKind,
        Call::Bget(_, range) => match (state, *range == ByteRange::ALL) {
            (Content::Binary(digest), true) => Answer::Binary(Some(*digest)),
            (Content::Binary(digest), false) => Answer::Size(Some(digest.size)),
            (_, true) => Answer::Binary(None),
            (_, false) => Answer::Size(None),
        },
        _ => Answer::Done,
    }
}

/// Reads and writes of one document, each value written once: what zones can decide.
pub(crate) fn distinct() -> Subject<Entry> {
    fn call(chance: &mut Chance, n: usize) -> Call {
        if chance.one_in(2) { Call::Get(key()) } else { Call::Assoc(key(), number(n)) }
    }
    fn state(chance: &mut Chance) -> Content {
        let n = chance.below(6);
        if n == 5 { Content::Absent } else { Content::Document(number(n)) }
    }
    Subject { name: "distinct values", spec: Entry, call, answer: entry_answer, state }
}

pub(crate) fn cas_register() -> Subject<CasRegister> {
    fn call(chance: &mut Chance, _: usize) -> Call {
        match chance.below(4) {
            0 => Call::Assoc(key(), number(chance.below(3))),
            1 => Call::CompareAndSet { key: key(), old: maybe(chance), new: number(chance.below(3)) },
            _ => Call::Get(key()),
        }
    }
    fn answer(state: &Option<Document>, call: &mut Call) -> Answer {
        match call {
            Call::Get(_) => Answer::Value(state.clone()),
            Call::CompareAndSet { old, .. } => Answer::Flag(old == state),
            _ => Answer::Done,
        }
    }
    Subject { name: "compare-and-set register", spec: CasRegister, call, answer, state: maybe }
}

pub(crate) fn counter() -> Subject<Counter> {
    fn call(chance: &mut Chance, _: usize) -> Call {
        match chance.below(3) {
            0 => Call::Get(key()),
            _ => Call::UpdateIn(Path::new(KEY), Update::Unseen),
        }
    }
    fn answer(state: &Option<i64>, call: &mut Call) -> Answer {
        let document = |n: i64| Document::encode(&n).unwrap();
        let old = state.map(document);
        match call {
            Call::Get(_) => Answer::Value(old),
            _ => Answer::Change { old, new: Some(document(state.unwrap_or(0) + 1)) },
        }
    }
    fn state(chance: &mut Chance) -> Option<i64> {
        chance.below(5).checked_sub(1).map(|n| n as i64)
    }
    Subject { name: "counter", spec: Counter::default(), call, answer, state }
}

/// A log; `Repeated` elements are few, others are each appended once.
fn log<const REPEATED: bool>(name: &'static str) -> Subject<AppendLog> {
    fn call<const REPEATED: bool>(chance: &mut Chance, n: usize) -> Call {
        if chance.one_in(2) {
            return Call::Log(key());
        }
        let elements = match REPEATED {
            true => numbers(chance, 2),
            false => (0..1 + chance.below(2)).map(|more| number(10 * n + more)).collect(),
        };
        Call::Append(key(), elements)
    }
    fn answer(state: &Option<Vec<Document>>, call: &mut Call) -> Answer {
        match call {
            Call::Log(_) => Answer::Elements(state.clone()),
            _ => Answer::Done,
        }
    }
    fn state<const REPEATED: bool>(chance: &mut Chance) -> Option<Vec<Document>> {
        match chance.below(4) {
            0 => None,
            _ if REPEATED => Some(numbers(chance, 3)),
            most => Some((0..most).map(|_| number(10 * chance.below(4) + chance.below(2))).collect()),
        }
    }
    Subject { name, spec: AppendLog, call: call::<REPEATED>, answer, state: state::<REPEATED> }
}

pub(crate) fn log_of_few() -> Subject<AppendLog> {
    log::<true>("log of few elements")
}

pub(crate) fn log_of_distinct() -> Subject<AppendLog> {
    log::<false>("log of distinct elements")
}

pub(crate) fn text() -> Subject<Text> {
    fn piece(chance: &mut Chance) -> String {
        ["a", "b", "ab", "c"][chance.below(4)].to_owned()
    }
    fn call(chance: &mut Chance, _: usize) -> Call {
        match chance.below(6) {
            0 => Call::Assoc(key(), Document::encode(&piece(chance)).unwrap()),
            1..4 => Call::Append(key(), vec![Document::encode(&piece(chance)).unwrap()]),
            _ => Call::Get(key()),
        }
    }
    fn answer(state: &String, call: &mut Call) -> Answer {
        match call {
            Call::Get(_) => Answer::Value(Some(Document::encode(state).unwrap())),
            _ => Answer::Done,
        }
    }
    fn state(chance: &mut Chance) -> String {
        (0..chance.below(3)).map(|_| piece(chance)).collect()
    }
    Subject { name: "text", spec: Text, call, answer, state }
}

/// Two keys and batches over both.
pub(crate) fn map() -> Subject<EntryMap> {
    const KEYS: [&str; 2] = ["a", "b"];
    fn call(chance: &mut Chance, n: usize) -> Call {
        let key = Key::from(KEYS[chance.below(2)]);
        // Values of which some are written twice.
        let value = number(n - n % 2 * chance.below(2));
        match chance.below(7) {
            0..2 => Call::MultiAssoc {
                entries: KEYS.iter().map(|key| (Key::from(*key), value.clone())).collect(),
                atomic: true,
            },
            2 => Call::MultiDissoc { keys: KEYS.map(Key::from).to_vec(), atomic: true },
            3 => Call::Assoc(key, value),
            4 => Call::Exists(key),
            _ => Call::Get(key),
        }
    }
    fn answer(state: &BTreeMap<Key, Content>, call: &mut Call) -> Answer {
        let present = |key: &Key| state.contains_key(key);
        match call {
            Call::MultiDissoc { keys, .. } => Answer::Flags(keys.iter().map(present).collect()),
            Call::Exists(key) => Answer::Flag(present(key)),
            Call::Get(key) => Answer::Value(match state.get(key) {
                Some(Content::Document(document)) => Some(document.clone()),
                _ => None,
            }),
            _ => Answer::Done,
        }
    }
    fn state(chance: &mut Chance) -> BTreeMap<Key, Content> {
        let mut state = EntryMap.initial();
        for key in KEYS {
            if !chance.one_in(3) {
                state.insert(Key::from(key), Content::Document(number(chance.below(6))));
            }
        }
        state
    }
    Subject { name: "map", spec: EntryMap, call, answer, state }
}
