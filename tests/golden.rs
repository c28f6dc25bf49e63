//! Records that others wrote: those made by hand to `docs/format.md`, and konserve's own files. See
//! `tests/data/README.md`.

#[path = "golden/edn.rs"]
mod edn;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use edn::edn;
use larder::{Document, ErrorKind, Form, Head, Key, Kind, Meta, Origin, Record, Timestamp};
use serde::Deserialize;
use sha2::{Digest, Sha256};

fn data(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(folder)
}

fn files(folder: &str) -> Vec<Bytes> {
    let paths = fs::read_dir(data(folder)).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| fs::read(path).unwrap().into()).collect()
}

/// What konserve says is in one of its files.
#[derive(Deserialize)]
struct Said {
    file: String,
    key: String,
    #[serde(rename = "type")]
    kind: String,
    last_write_ms: u64,
    meta: String,
    value: Option<String>,
    length: Option<usize>,
    sha256: Option<String>,
}

fn konserve(store: &str) -> Vec<(Said, Bytes)> {
    let list = fs::read_to_string(data("konserve").join(format!("{store}.json"))).unwrap();
    let list: Vec<Said> = serde_json::from_str(&list).unwrap();
    let bytes = |said: &Said| fs::read(data("konserve").join(store).join(&said.file)).unwrap().into();
    list.into_iter().map(|said| (bytes(&said), said)).map(|(bytes, said)| (said, bytes)).collect()
}

fn records() -> BTreeMap<Key, (Head, Bytes, Bytes)> {
    let read = |whole: Bytes| {
        let (head, data) = Record::decode(whole.clone(), Origin::Larder).unwrap();
        (head.key().unwrap(), (head, data, whole))
    };
    files("records").into_iter().map(read).collect()
}

const WRITTEN: &str = "2026-11-21T11:28:00.123Z";

#[test]
fn the_records_made_by_hand_read_as_their_description_says() {
    let records = records();
    let number: [(Key, u32); 7] = [
        ("".into(), 0),
        ("a".into(), 1),
        ("abc".into(), 3),
        ("hello world".into(), 4),
        (Key::keyword("a"), 6),
        (Key::keyword("a/b"), 9),
        (Key::keyword("b"), 7),
    ];
    for (key, n) in &number {
        let (head, data, _) = &records[key];
        assert_eq!(head.kind(), Kind::Document);
        let expected = serde_json::json!({
            "n": n, "name": "Ada", "tags": ["a", 1.5, null], "nested": {"x": {"y": [1, 2, 3]}},
        });
        let document = Document::from_cbor(data.clone()).unwrap();
        assert_eq!(document.decode::<serde_json::Value>().unwrap(), expected, "{key}");
    }
    let binaries = [Key::from("ab"), Key::from("größe"), Key::keyword("abc")];
    for key in &binaries {
        let (head, data, _) = &records[key];
        assert_eq!((head.kind(), data.len(), head.size()), (Kind::Binary, 5000, Some(5000)), "{key}");
    }
    assert_eq!(records.len(), number.len() + binaries.len());
    for (head, data, _) in records.values() {
        assert_eq!((head.form(), head.rev()), (Form::Short, 1));
        assert_eq!(Some(head.last_write()), Timestamp::parse(WRITTEN));
        assert!(head.sums().is_some() && head.size() == Some(data.len() as u64));
        assert!(head.meta().unwrap().user().is_empty());
    }
}

#[test]
fn larder_writes_the_records_made_by_hand_to_the_byte() {
    for (key, (head, data, whole)) in records() {
        let meta = Meta::new(key.clone(), head.kind(), Timestamp::parse(WRITTEN).unwrap());
        assert_eq!(Record::encode(&meta, &data, Form::Short).unwrap(), whole, "{key}");
        if head.kind() == Kind::Document {
            // Their map is not sorted; what larder encodes is.
            let value: ciborium::Value = ciborium::from_reader(&data[..]).unwrap();
            let document = Document::encode(&value).unwrap();
            assert_eq!(document, Document::from_cbor(data.clone()).unwrap(), "{key}");
            assert_eq!(document.as_cbor().len(), data.len());
        }
    }
}

#[test]
fn every_damage_to_the_records_made_by_hand_is_reported() {
    for (key, (_, _, whole)) in records() {
        // All of the head, and some of the data.
        for bit in (0..whole.len() * 8).filter(|bit| *bit < 8 * 160 || bit % 97 == 0) {
            let mut damaged = whole.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let error = Record::decode(damaged.into(), Origin::Larder).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{key}, bit {bit}: {error}");
        }
    }
}

/// Keys whose values hold what EDN tells apart and plain values do not, or the other way round.
const NOT_COMPARED: &[&str] = &[
    // String references (tags 25 and 256), which larder keeps and does not resolve.
    ":v/deep",
    ":v/repeated-strings",
    // Integers that were written as bignums although they are small.
    "123456789012345678901234567890N",
    ":v/bigints",
    ":v/map-with-every-key",
    // Decimals, dates before the year 0, the smallest double as Java prints it, quoted keywords.
    ":v/bigdecs",
    ":v/dates",
    ":v/doubles",
    ":v/keyword-odd",
    // Single floats, typed arrays, and what konserve wraps in tag 27.
    ":x/char",
    ":x/double-array",
    ":x/float",
    ":x/float-array",
    ":x/int-array",
    ":x/long-array",
    ":x/meta",
    ":x/short-array",
    ":x/sorted-map",
    ":x/sorted-set",
];

#[test]
fn konserves_own_files_read_as_konserve_says() {
    let files = konserve("boring");
    assert_eq!(files.len(), 79);
    let mut skipped = Vec::new();
    for (said, whole) in files {
        let (head, data) =
            Record::decode(whole, Origin::Foreign).unwrap_or_else(|error| panic!("{}: {error}", said.key));
        let meta = head.meta().unwrap();
        let key = &said.key;
        assert_eq!((head.form(), head.size(), head.sums(), head.rev()), (Form::Long, None, None, 0), "{key}");
        assert_eq!(&edn(&head.key().unwrap().decode().unwrap()), key);
        assert_eq!(head.last_write(), Timestamp::from_millis(said.last_write_ms), "{key}");
        assert_eq!(head.kind(), if said.kind == ":binary" { Kind::Binary } else { Kind::Document }, "{key}");
        assert_eq!(whole_meta(&meta, &said), said.meta);
        if let Some(length) = said.length {
            let sum: String = Sha256::digest(&data).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!((data.len(), Some(sum)), (length, said.sha256), "{key}");
        } else if NOT_COMPARED.contains(&key.as_str()) {
            Document::from_cbor(data).unwrap();
            skipped.push(said.key);
        } else {
            let document = Document::from_cbor(data).unwrap();
            assert_eq!(edn(&document.decode().unwrap()), said.value.unwrap(), "{key}: {document}");
        }
    }
    assert_eq!(skipped.len(), NOT_COMPARED.len(), "{skipped:?}");
}

/// The meta as konserve shows it.
fn whole_meta(meta: &Meta, said: &Said) -> String {
    let time = meta.last_write().to_string().replace('Z', "-00:00");
    let mut entries = vec![
        (":key".to_owned(), said.key.clone()),
        (":last-write".to_owned(), format!("#inst \"{time}\"")),
        (":type".to_owned(), said.kind.clone()),
    ];
    for (name, value) in meta.user() {
        entries.push((edn(&name.decode().unwrap()), edn(&value.decode().unwrap())));
    }
    entries.sort();
    let entries: Vec<String> = entries.into_iter().map(|(name, value)| format!("{name} {value}")).collect();
    format!("{{{}}}", entries.join(", "))
}

#[test]
fn konserves_binaries_are_written_again_in_the_long_form_to_the_byte() {
    let mut same = 0;
    for (said, whole) in konserve("boring") {
        let (head, data) = Record::decode(whole.clone(), Origin::Foreign).unwrap();
        let again = Record::encode(&head.meta().unwrap(), &data, Form::Long).unwrap();
        let (read, copy) = Record::decode(again.clone().into(), Origin::Foreign).unwrap();
        assert_eq!(
            (read.key().unwrap(), read.kind(), copy),
            (head.key().unwrap(), head.kind(), data.clone())
        );
        assert_eq!(read.last_write(), head.last_write());
        same += usize::from(again == whole && said.length.is_some());
    }
    assert!(same >= 3, "{same}");
}

#[test]
fn files_in_codecs_that_are_not_there_say_so() {
    for (store, codec) in [("boring-zstd", "compressor 2"), ("fressian", "serializer 1")] {
        let files = konserve(store);
        assert!(files.len() >= 8);
        for (said, whole) in files {
            let error = Record::decode(whole, Origin::Foreign).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{}: {error}", said.key);
            assert!(error.to_string().contains(codec), "{error}");
        }
    }
}

#[test]
fn foreign_files_in_a_larder_store_are_damage() {
    for store in ["boring", "boring-zstd", "fressian"] {
        for (said, whole) in konserve(store) {
            let error = Record::decode(whole, Origin::Larder).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{}: {error}", said.key);
        }
    }
}
