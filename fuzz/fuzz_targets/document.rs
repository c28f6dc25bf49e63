//! Any bytes as a document, a path and a value: nothing panics, splicing keeps the encoding
//! deterministic, and where plain values say enough it does what the model does.
//!
//! The input: a byte with the number of segments; the segments; a length and so many bytes of
//! value; the document. A segment below 0x80 picks a child of what the path has reached, one past
//! the last included; others are followed by the encoding of a key, whose length they tell.

#![no_main]

mod model;

use ciborium::Value;
use larder::{Document, ErrorKind, Key};
use libfuzzer_sys::fuzz_target;

const DEEPEST: usize = 12;

fuzz_target!(|input: &[u8]| {
    let mut input = Input(input);
    let count = usize::from(input.byte()) % (DEEPEST + 1);
    let steps: Vec<Step<'_>> = (0..count).map(|_| input.step()).collect();
    let length = usize::from(input.byte());
    let value = Document::from_cbor(input.take(length).to_vec()).unwrap_or_else(|_| Document::null());
    let Ok(document) = Document::from_cbor(input.0.to_vec()) else {
        return drop(Key::from_cbor(input.0).map_err(|error| error.to_string()));
    };
    shown(&document);
    let segments = walked(&document, &steps);
    spliced(&document, &segments, &value);
    compared(&document, &segments, &value);
});

struct Input<'a>(&'a [u8]);

enum Step<'a> {
    Child(usize),
    Named(&'a [u8]),
}

impl<'a> Input<'a> {
    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn step(&mut self) -> Step<'a> {
        match self.byte() {
            child @ 0..0x80 => Step::Child(child.into()),
            named => Step::Named(self.take(usize::from(named & 0x7f))),
        }
    }
}

/// The keys that the steps stand for in this document.
fn walked(document: &Document, steps: &[Step<'_>]) -> Vec<Key> {
    let mut segments = Vec::new();
    for step in steps {
        let segment = match step {
            Step::Named(bytes) => Key::from_cbor(bytes).unwrap_or_else(|_| Key::bytes(bytes)),
            Step::Child(child) => match reached(document, &segments) {
                Some(Value::Map(pairs)) if !pairs.is_empty() => {
                    Key::encode(&pairs[child % pairs.len()].0).unwrap_or_else(|_| Key::null())
                }
                Some(Value::Array(items)) => Key::from(child % (items.len() + 1)),
                _ => Key::from(*child),
            },
        };
        segments.push(segment);
    }
    segments
}

fn reached(document: &Document, segments: &[Key]) -> Option<Value> {
    document.get_in(segments).expect("the document is whole")?.decode().ok()
}

fn shown(document: &Document) {
    let text = document.to_string();
    assert!(!text.ends_with("<malformed>"), "{text}");
    _ = document.decode::<Value>().map_err(|error| error.to_string());
    _ = document.decode::<String>();
    _ = document.decode::<Vec<f32>>();
    _ = document.decode::<(u8, Option<i128>)>();
    _ = document.decode::<std::collections::BTreeMap<String, Document>>();
    let again = Document::from_cbor(document.as_cbor().clone()).expect("an encoding of our own");
    assert_eq!(again, *document);
}

/// What must hold for every document, whatever is in it.
fn spliced(document: &Document, segments: &[Key], value: &Document) {
    let before = document.get_in(segments).expect("the document is whole");
    match document.assoc_in(segments, value) {
        Ok(after) => {
            assert_eq!(Document::from_cbor(after.as_cbor().clone()).expect("still a document"), after);
            assert_eq!(after.get_in(segments).expect("still whole").as_ref(), Some(value));
        }
        Err(error) => {
            let kind = error.kind();
            assert!(matches!(kind, ErrorKind::InvalidPath | ErrorKind::TooLarge), "{error}");
            assert!(before.is_none() || kind == ErrorKind::TooLarge, "{error}");
        }
    }
    if let Some(before) = &before {
        assert_eq!(document.assoc_in(segments, before).expect("as it was"), *document);
    }
    let without = document.dissoc_in(segments).expect("the document is whole");
    assert_eq!(without.is_some(), before.is_some() && !segments.is_empty());
    if let Some(without) = without {
        assert_eq!(Document::from_cbor(without.as_cbor().clone()).expect("still a document"), without);
    }
}

/// The value as a document; `None` if it is none (a key twice, nested too deeply).
fn encoded(value: &Value) -> Option<Document> {
    Document::encode(value).ok()
}

fn compared(document: &Document, segments: &[Key], value: &Document) {
    // Plain values do not tell `undefined` from `null`, nor a small bignum from an integer.
    let plain = |document: &Document| {
        document.decode::<Value>().ok().filter(|value| encoded(value).as_ref() == Some(document))
    };
    let sayable =
        |key: &Key| Document::from_cbor(key.as_cbor().to_vec()).is_ok_and(|key| plain(&key).is_some());
    let (Some(model), Some(new)) = (plain(document), plain(value)) else { return };
    if !segments.iter().all(sayable) {
        return;
    }
    let found = document.get_in(segments).expect("the document is whole");
    assert_eq!(found, model::get(&model, segments).and_then(encoded));
    let expected = model::assoc(model.clone(), segments, &new);
    match document.assoc_in(segments, value) {
        Ok(after) => assert_eq!(Some(after), expected.ok().and_then(|value| encoded(&value))),
        Err(error) if error.kind() == ErrorKind::InvalidPath => assert_eq!(expected, Err(model::NoWay)),
        Err(error) => assert!(expected.is_ok_and(|value| model::nesting(&value) > 256), "{error}"),
    }
    let without = document.dissoc_in(segments).expect("the document is whole");
    assert_eq!(without, model::dissoc(model, segments).and_then(|value| encoded(&value)));
}
