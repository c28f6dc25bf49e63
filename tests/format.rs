//! `docs/format.md` says what the code does: every vector on the page is read as it says there, and
//! where larder writes that form, it writes the same bytes.

use std::collections::BTreeMap;

use bytes::Bytes;
use larder::{DataSum, Form, Head, Key, Kind, Meta, MetaUpdate, Origin, Record, Timestamp, limits};

const PAGE: &str = include_str!("../docs/format.md");

/// A vector of the page: its bytes, and what it says of them.
#[derive(Default)]
struct Vector {
    bytes: Vec<u8>,
    facts: BTreeMap<&'static str, &'static str>,
    user: BTreeMap<String, String>,
}

impl Vector {
    fn fact(&self, name: &str) -> &str {
        self.facts.get(name).unwrap_or_else(|| panic!("the vector says nothing of {name}"))
    }

    fn origin(&self) -> Origin {
        match self.fact("origin") {
            "larder" => Origin::Larder,
            "anyone" => Origin::Foreign,
            other => panic!("an origin that there is not: {other}"),
        }
    }

    fn form(&self) -> Form {
        match self.fact("form") {
            "short" => Form::Short,
            "long" => Form::Long,
            "plain" => Form::Plain,
            other => panic!("a form that there is not: {other}"),
        }
    }
}

/// The fenced blocks whose first line begins with this word, by name.
fn blocks(word: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let start = format!("```{word} ");
    PAGE.match_indices(&start.clone())
        .map(move |(at, _)| {
            let rest = &PAGE[at + start.len()..];
            let (name, rest) = rest.split_once('\n').unwrap();
            (name, rest.split_once("\n```").unwrap().0)
        })
        .collect::<Vec<_>>()
        .into_iter()
}

fn vectors() -> BTreeMap<&'static str, Vector> {
    let mut vectors = BTreeMap::<_, Vector>::new();
    for (name, lines) in blocks("vector") {
        let fields = lines.lines().map(|line| line.split(';').next().unwrap());
        let bytes = fields.flat_map(str::split_whitespace).map(|pair| u8::from_str_radix(pair, 16).unwrap());
        let vector = Vector { bytes: bytes.collect(), ..Vector::default() };
        assert!(vectors.insert(name, vector).is_none(), "two vectors are named {name}");
    }
    for (name, lines) in blocks("reads") {
        let vector = vectors.get_mut(name).unwrap();
        for line in lines.lines() {
            let (fact, value) = line.split_once(": ").unwrap();
            if fact == "user" {
                let entry = parse(value);
                vector.user.insert(entry.0, entry.1);
            } else {
                assert!(vector.facts.insert(fact, value).is_none(), "{name} says {fact} twice");
            }
        }
    }
    vectors
}

/// Splits `39(":ttl"): 3600` after the name.
fn parse(entry: &str) -> (String, String) {
    let at = entry
        .match_indices(": ")
        .map(|(at, _)| at)
        .find(|at| entry[..*at].matches('"').count().is_multiple_of(2));
    let (name, value) = entry.split_at(at.unwrap());
    (name.to_owned(), value[2..].to_owned())
}

fn each(mut check: impl FnMut(&str, &Vector)) -> usize {
    let vectors = vectors();
    let whole = vectors.iter().filter(|(_, vector)| !vector.facts.contains_key("refused"));
    whole.map(|(name, vector)| check(name, vector)).count()
}

fn decode(vector: &Vector) -> (Head, Bytes) {
    Record::decode(vector.bytes.clone().into(), vector.origin()).unwrap()
}

#[test]
fn the_page_has_the_vectors_that_it_promises() {
    let vectors = vectors();
    for name in [
        "document",
        "binary",
        "append-log",
        "user-meta",
        "unknown-meta",
        "streamed-unsealed",
        "streamed-sealed",
        "long-document",
        "long-binary",
        "plain-document",
        "plain-binary",
        "flipped-data",
        "flipped-meta",
        "truncated-data",
        "truncated-meta",
        "missing-sum",
        "unknown-codec",
    ] {
        assert!(vectors.contains_key(name), "{name}");
    }
    assert!(vectors.values().all(|vector| !vector.bytes.is_empty() && !vector.facts.is_empty()));
}

#[test]
fn every_vector_is_read_as_the_page_says() {
    let count = each(|name, vector| {
        let (head, data) = decode(vector);
        let meta = head.meta().unwrap();
        let said = |fact| vector.fact(fact).to_owned();
        assert_eq!(head.form(), vector.form(), "{name}");
        assert_eq!(head.kind().to_string(), said("kind"), "{name}");
        assert_eq!(head.key().unwrap().to_string(), said("key"), "{name}");
        assert_eq!(head.last_write().to_string(), said("last-write"), "{name}");
        assert_eq!(head.rev().to_string(), said("rev"), "{name}");
        let size = head.size().map_or("none".to_owned(), |size| size.to_string());
        assert_eq!(size, said("size"), "{name}");
        assert_eq!((meta.key(), meta.kind()), (&head.key().unwrap(), head.kind()));
        assert_eq!((meta.size(), meta.rev(), meta.sums()), (head.size(), head.rev(), head.sums()));
        let user = meta.user().iter().map(|(name, value)| (name.to_string(), value.to_string()));
        assert_eq!(user.collect::<BTreeMap<_, _>>(), vector.user, "{name}");
        let shown = match head.kind() {
            Kind::Binary => Key::bytes(&data).to_string(),
            _ => larder::Document::from_cbor(data).unwrap().to_string(),
        };
        assert_eq!(shown, said("data"), "{name}");
    });
    assert_eq!(count, 11);
}

#[test]
fn what_larder_writes_is_the_same_to_the_byte() {
    let mut written = 0;
    each(|name, vector| {
        let (head, data) = decode(vector);
        let bytes = Record::encode(&head.meta().unwrap(), &data, vector.form()).unwrap();
        assert_eq!(bytes == vector.bytes, vector.fact("written by larder") == "yes", "{name}");
        written += usize::from(bytes == vector.bytes);
    });
    assert_eq!(written, 10);
}

#[test]
fn a_record_made_afresh_is_the_same_to_the_byte() {
    let mut made = 0;
    each(|name, vector| {
        if vector.form() != Form::Short || !vector.user.is_empty() {
            return;
        }
        let (head, data) = decode(vector);
        let meta = Meta::new(head.key().unwrap(), head.kind(), head.last_write());
        let record = Record::new(&meta, data.clone()).unwrap();
        assert_eq!([record.head().as_bytes(), &data[..]].concat(), vector.bytes, "{name}");
        assert_eq!(record.head(), &head);
        made += 1;
    });
    assert_eq!(made, 4);
}

#[test]
fn a_streamed_head_is_sealed_without_changing_its_length() {
    let vectors = vectors();
    let (before, after) = (&vectors["streamed-unsealed"], &vectors["streamed-sealed"]);
    let (sealed, data) = decode(after);
    let open = Head::new(&Meta::new(sealed.key().unwrap(), sealed.kind(), sealed.last_write())).unwrap();
    assert_eq!(open.as_bytes()[..], before.bytes);
    let mut sum = DataSum::new();
    data.chunks(2).for_each(|chunk| sum.update(chunk));
    assert_eq!([open.seal(&sum).as_bytes(), &data[..]].concat(), after.bytes);
    assert_eq!(open.as_bytes().len(), sealed.as_bytes().len());
}

#[test]
fn what_the_page_refuses_is_refused_for_the_reason_it_gives() {
    let mut refused = 0;
    for (name, vector) in vectors() {
        let Some(kind) = vector.facts.get("refused") else { continue };
        let error = Record::decode(vector.bytes.clone().into(), vector.origin()).unwrap_err();
        assert_eq!(format!("{:?}", error.kind()), **kind, "{name}: {error}");
        assert!(error.to_string().contains(vector.fact("because")), "{name}: {error}");
        refused += 1;
    }
    assert!(refused >= 10);
}

#[test]
fn twenty_bytes_tell_the_length_of_a_head_and_fewer_never_mislead() {
    each(|name, vector| {
        let whole = decode(vector).0.as_bytes().len();
        for cut in 0..=vector.bytes.len() {
            let told = Head::length(&vector.bytes[..cut]).unwrap();
            assert!(told.is_none_or(|length| length == whole), "{name} at {cut}");
            assert!(cut < 20 || told.is_some(), "{name} at {cut}");
        }
    });
}

#[test]
fn every_cut_and_every_flipped_bit_of_a_larder_record_is_refused() {
    each(|name, vector| {
        if vector.origin() != Origin::Larder {
            return;
        }
        for cut in 0..vector.bytes.len() {
            let cut = Bytes::copy_from_slice(&vector.bytes[..cut]);
            assert!(Record::decode(cut, Origin::Larder).is_err(), "{name}");
        }
        for bit in 0..vector.bytes.len() * 8 {
            let mut damaged = vector.bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let error = Record::decode(damaged.into(), Origin::Larder).unwrap_err();
            assert_eq!(error.kind(), larder::ErrorKind::Corrupt, "{name}, bit {bit}: {error}");
        }
    });
}

#[test]
fn the_limits_on_the_page_are_those_of_the_code() {
    let row = |what: &str| {
        let line = PAGE.lines().find(|line| line.starts_with(&format!("| {what}"))).unwrap();
        line.split('|').nth(2).unwrap().trim().to_owned()
    };
    assert_eq!(row("a key, encoded"), format!("{} KiB", limits::KEY_BYTES >> 10));
    assert_eq!(row("a meta, encoded"), format!("{} MiB", limits::META_BYTES >> 20));
    assert_eq!(row("a document, encoded"), format!("{} GiB", limits::DOCUMENT_BYTES >> 30));
    assert_eq!(row("segments of a path"), limits::PATH_DEPTH.to_string());
    assert_eq!(row("nesting of arrays"), limits::NESTING.to_string());
}

#[test]
fn the_names_that_the_store_writes_are_those_on_the_page() {
    for line in PAGE.lines().filter(|line| line.starts_with("| `:")) {
        let name = line.split('`').nth(1).unwrap().trim_start_matches(':');
        assert!(MetaUpdate::new().set(Key::keyword(name), &1).is_err(), "{name}");
    }
    assert_eq!(PAGE.lines().filter(|line| line.starts_with("| `:")).count(), 6);
    assert!(MetaUpdate::new().set(Key::keyword("ttl"), &1).is_ok());
}

#[test]
fn other_encodings_of_a_meta_are_read_too() {
    let time = |item: &[u8]| {
        let mut meta = b"\xbf\xd8\x27\x64:key\x7f\x61a\x61b\xff\xd8\x27\x6b:last-write".to_vec();
        meta.extend_from_slice(item);
        meta.push(0xff);
        let record = [&(meta.len() as u64).to_be_bytes()[..], &meta, b"\x01"].concat();
        let (head, _) = Record::decode(record.into(), Origin::Foreign).unwrap();
        assert_eq!(head.key().unwrap(), Key::from("ab"));
        assert_eq!(head.meta().unwrap().last_write(), head.last_write());
        head.last_write()
    };
    assert_eq!(time(b"\xc0\x74\x32023-11-14T22:13:20Z").as_millis(), 1_700_000_000_000);
    assert_eq!(time(b"\xc1\x1a\x65\x53\xf1\x00").as_millis(), 1_700_000_000_000);
    assert_eq!(time(b"\xc1\xfb\x41\xd9\x54\xfc\x40\x20\x00\x00").as_millis(), 1_700_000_000_500);
    assert_eq!(time(b"\x61x"), Timestamp::default());
}

#[test]
fn a_compact_head_is_at_rest_as_the_page_says() {
    let (name, lines) = blocks("compact").next().unwrap();
    let hex = |line: &str| -> Vec<u8> {
        line.split(';')
            .next()
            .unwrap()
            .split_whitespace()
            .map(|pair| u8::from_str_radix(pair, 16).unwrap())
            .collect()
    };
    let bytes: Vec<u8> = lines.lines().flat_map(hex).collect();
    let mut meta = Meta::new(Key::from(name), Kind::Binary, Timestamp::from_millis(1_795_260_480_123));
    let record = Record::new(&meta, Bytes::from_static(b"data")).unwrap();
    let (compact, key) = bytes.split_at(larder::COMPACT_HEAD_BYTES);
    assert_eq!(format!("{:02x?}", record.head().compact().unwrap()), format!("{compact:02x?}"));
    assert_eq!(key, meta.key().as_cbor());
    assert_eq!(Head::from_compact(compact, meta.key(), 4).unwrap(), *record.head());
    meta = record.head().meta().unwrap();
    assert_eq!((meta.rev(), meta.size(), meta.last_write().as_millis()), (1, Some(4), 1_795_260_480_123));
}
