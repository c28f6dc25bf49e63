//! Bytes that mean harm. Nothing panics, nothing recurses without bound, and nothing allocates by a
//! length that the bytes do not bear out.

#![expect(clippy::disallowed_methods, reason = "a test is no simulated run")]

use bytes::Bytes;
use ciborium::Value;
use larder::{Document, Head, Key, Origin, Record, limits};
use proptest::prelude::*;

use crate::values::{deterministic, settings, value};

/// What 256 levels take in a build without optimization: three to four KiB a level to rewrite maps
/// that are keys of maps, one or two for the rest, and the measuring on top. More than 1024 KiB, less
/// than the two MiB that the standard library gives to a thread.
const STACK: usize = 1536 * 1024;
/// What may be allocated at once: so many times the input, and a little that every call may need.
const TIMES: u64 = 64;
const BESIDES: u64 = 64 * 1024;

/// Does everything that takes bytes, with a small stack, and counts what it allocates.
fn attack(bytes: &[u8]) {
    let input = bytes.to_vec();
    let limit = TIMES * input.len() as u64 + BESIDES;
    let work = move || {
        type Attack = fn(&Bytes);
        let attacks: [(&str, Attack); 5] = [
            ("a document", as_document),
            ("a key", as_key),
            ("a record of larder", |bytes| as_record(bytes, Origin::Larder)),
            ("a record of anyone", |bytes| as_record(bytes, Origin::Foreign)),
            ("a head", as_head),
        ];
        let input = Bytes::from(input);
        for (name, attack) in attacks {
            let used = allocation_counter::measure(|| attack(&input));
            let most = used.bytes_max;
            assert!(most <= limit, "{name}: {most} bytes allocated for an input of {}", input.len());
        }
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(work).unwrap();
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

fn as_document(bytes: &Bytes) {
    let document = match Document::from_cbor(bytes.clone()) {
        Ok(document) => document,
        Err(error) => return drop(error.to_string()),
    };
    _ = (document.to_string(), format!("{document:?}"));
    let paths: [&[Key]; 5] =
        [&[], &[0.into()], &["a".into()], &[Key::null(), 0.into()], &[0.into(), 0.into(), "a".into()]];
    for path in paths {
        let found = document.get_in(path).expect("a document that was checked is whole");
        assert!(found.is_none_or(|found| !found.to_string().contains("<malformed>")));
        for value in [&Document::null(), &document] {
            if let Ok(after) = document.assoc_in(path, value) {
                assert_eq!(after.get_in(path).expect("still whole").as_ref(), Some(value));
            }
        }
        document.dissoc_in(path).expect("still whole");
    }
}

fn as_key(bytes: &Bytes) {
    match Key::from_cbor(bytes) {
        Ok(key) => drop((key.to_string(), key.check(), key.as_text().is_some())),
        Err(error) => drop(error.to_string()),
    }
}

fn as_record(bytes: &Bytes, origin: Origin) {
    match Record::decode(bytes.clone(), origin) {
        Ok((head, data)) => {
            _ = (format!("{head:?}"), head.key().map(|key| key.to_string()), head.fingerprint());
            _ = head.meta().map(|meta| Record::encode(&meta, &data, head.form()));
        }
        Err(error) => drop(error.to_string()),
    }
}

fn as_head(bytes: &Bytes) {
    for cut in 0..bytes.len().min(24) {
        _ = Head::length(&bytes[..cut]);
    }
    if let Ok(Some(length)) = Head::length(bytes)
        && length <= bytes.len()
    {
        for origin in [Origin::Larder, Origin::Foreign] {
            _ = Head::parse(bytes.slice(..length), origin).map(|head| head.meta().is_ok());
        }
    }
}

/// One small change to bytes.
#[derive(Clone, Debug)]
enum Damage {
    Flip(prop::sample::Index, u8),
    Put(prop::sample::Index, Vec<u8>),
    Cut(prop::sample::Index),
    Repeat(prop::sample::Index, prop::sample::Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    use prop::sample::Index;
    // Heads that claim much, and those that may not stand where they are put.
    let heads = prop::sample::select(vec![
        vec![0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        vec![0xbb, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        vec![0x5b, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff],
        vec![0x7a, 0x10, 0, 0, 0],
        vec![0x9a, 0, 0x10, 0, 0],
        vec![0xb9, 0xff, 0xff],
        vec![0x9f],
        vec![0xbf],
        vec![0x5f],
        vec![0x7f],
        vec![0xff],
        vec![0xc2],
        vec![0x18, 0],
        vec![0x1c],
        vec![0xf8, 0],
    ]);
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, mask)| Damage::Flip(at, mask)),
        (any::<Index>(), heads).prop_map(|(at, bytes)| Damage::Put(at, bytes)),
        any::<Index>().prop_map(Damage::Cut),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Damage::Repeat(from, to)),
    ]
}

fn damaged(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        let len = bytes.len();
        match damage {
            Damage::Flip(at, mask) if len > 0 => bytes[at.index(len)] ^= mask,
            Damage::Put(at, head) => {
                _ = {
                    let at = at.index(len + 1);
                    bytes.splice(at..at, head.iter().copied())
                }
            }
            Damage::Cut(at) => bytes.truncate(at.index(len + 1)),
            Damage::Repeat(from, to) => {
                let (from, to) = (from.index(len + 1), to.index(len + 1));
                let part = bytes[from.min(to)..from.max(to)].to_vec();
                bytes.splice(from..from, part);
            }
            Damage::Flip(..) => {}
        }
    }
    bytes
}

fn record(value: &Value) -> Vec<u8> {
    let meta = deterministic(&Value::Map(vec![(Value::Text("any".into()), value.clone())]));
    let mut record = vec![1, 3, 0, 0];
    record.extend_from_slice(&(meta.len() as u32).to_be_bytes());
    [record, meta, deterministic(value)].concat()
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn random_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        attack(&bytes);
    }

    #[test]
    fn damaged_documents_do_no_harm(value in value(), damages in prop::collection::vec(damage(), 0..5)) {
        attack(&damaged(deterministic(&value), &damages));
    }

    #[test]
    fn damaged_records_do_no_harm(value in value(), damages in prop::collection::vec(damage(), 0..5)) {
        attack(&damaged(record(&value), &damages));
    }

    #[test]
    fn repeated_heads_do_no_harm(
        head in prop::collection::vec(any::<u8>(), 1..6), times in 1..3000_usize, end in any::<u8>(),
    ) {
        attack(&[head.repeat(times), vec![end; times]].concat());
    }
}

/// Items that nest so deep, each in its own way.
fn deep(levels: usize) -> Vec<Vec<u8>> {
    let wrap = |before: &[u8], leaf: &[u8], after: &[u8]| {
        [before.repeat(levels), leaf.to_vec(), after.repeat(levels)].concat()
    };
    vec![
        wrap(&[0x81], &[0x00], &[]),
        wrap(&[0xa1, 0x00], &[0x00], &[]),
        wrap(&[0xa1], &[0x00], &[0x00]),
        wrap(&[0xc1], &[0x00], &[]),
        // None of these is deterministic, so every level is written anew.
        wrap(&[0x81], &[0x18, 0x00], &[]),
        wrap(&[0xa1], &[0x18, 0x00], &[0x00]),
        wrap(&[0x9f], &[0x00], &[0xff]),
        wrap(&[0xbf, 0x00], &[0x00], &[0xff]),
        wrap(&[0xbf], &[0x5f, 0x41, 0x00, 0xff], &[0x00, 0xff]),
        wrap(&[0xd8, 0x01], &[0x7f, 0xff], &[]),
    ]
}

#[test]
fn the_deepest_documents_are_read_and_deeper_ones_are_refused() {
    for bytes in deep(limits::NESTING) {
        attack(&bytes);
        assert!(Document::from_cbor(bytes).is_ok());
    }
    for levels in [limits::NESTING + 1, 2 * limits::NESTING, 100_000] {
        for bytes in deep(levels) {
            attack(&bytes);
            assert!(Document::from_cbor(bytes).is_err());
        }
    }
}

#[test]
fn wide_items_take_memory_in_proportion() {
    let names = |count: u32| (0..count).flat_map(|n| deterministic(&Value::from(n)));
    let map: Vec<u8> = names(50_000).flat_map(|byte| [byte]).collect();
    for bytes in [
        [&[0x9a, 0, 1, 0, 0][..], &[0xf6; 65_536]].concat(),
        [&[0x9f][..], &[0xf6; 65_536], &[0xff]].concat(),
        [&[0x9f][..], &[0x80; 65_536], &[0xff]].concat(),
        [&[0xbf][..], &map, &[0xff]].concat(),
        [&[0xbf][..], &[0x00; 65_536], &[0xff]].concat(),
        [&[0x5f][..], &[0x41, 0x00].repeat(30_000), &[0xff]].concat(),
        [&[0x7f][..], &[0x60; 60_000], &[0xff]].concat(),
        [&[0x5a, 0, 0, 0xff, 0xff][..], &[1; 0xffff]].concat(),
        [&[0x9f][..], &[0xf9, 0x00, 0x01].repeat(20_000), &[0xff]].concat(),
    ] {
        attack(&bytes);
    }
}

#[test]
fn decoding_the_deepest_documents_needs_no_more_than_two_mebibytes_of_stack() {
    // What the standard library gives to a thread by default. ciborium takes five KiB for each tag.
    let decode = || {
        for bytes in deep(limits::NESTING) {
            _ = Document::from_cbor(bytes).unwrap().decode::<Value>();
        }
    };
    std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(decode).unwrap().join().unwrap();
}
