//! Any bytes as a record: what is read is read alike again, and nothing panics.

#![no_main]

use bytes::Bytes;
use larder::{Document, Form, Head, Kind, Origin, Record};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&choice, record)) = input.split_first() else { return };
    let mut record = record.to_vec();
    if choice & 1 == 1 {
        // No input would ever get past the checksums by itself.
        seal(&mut record);
    }
    let record = Bytes::from(record);
    lengths(&record);
    for origin in [Origin::Larder, Origin::Foreign] {
        read(&record, origin);
    }
});

/// Whatever part of a head has arrived, its length is unknown, or what the whole head says.
fn lengths(record: &Bytes) {
    let whole = Head::length(record);
    for cut in 0..record.len().min(24) {
        if let Ok(Some(length)) = Head::length(&record[..cut]) {
            assert_eq!(whole.as_ref().ok(), Some(&Some(length)));
        }
    }
    if let Ok(Some(length)) = whole
        && length <= record.len()
    {
        let head = Head::parse(record.slice(..length), Origin::Foreign);
        _ = head.map(|head| format!("{head:?}")).map_err(|error| error.to_string());
    }
}

fn read(record: &Bytes, origin: Origin) {
    let (head, data) = match Record::decode(record.clone(), origin) {
        Ok(read) => read,
        Err(error) => return drop(error.to_string()),
    };
    head.key().map_or_else(|error| error.to_string(), |key| key.to_string());
    _ = head.fingerprint();
    if head.form() == Form::Short && origin == Origin::Larder {
        assert!(head.sums().is_some() && head.size() == Some(data.len() as u64));
    }
    let Ok(meta) = head.meta() else { return };
    // Without checksums the data of a document ends where its first item does.
    let one_item = head.kind() == Kind::Binary || Document::from_cbor(data.clone()).is_ok();
    let sealed = head.sums().is_some() && head.size().is_some();
    for form in [Form::Short, Form::Long, Form::Plain] {
        if !(one_item || (sealed && form == Form::Short)) {
            continue;
        }
        let once = Record::encode(&meta, &data, form).expect("what was read can be written");
        let (head, same) = Record::decode(once.clone().into(), Origin::Foreign).expect("and read again");
        assert_eq!(head.form(), form);
        assert_eq!(same, data);
        let again = head.meta().expect("with its meta");
        assert_eq!(again.user(), meta.user());
        assert_eq!((again.key(), again.kind()), (meta.key(), meta.kind()));
        assert_eq!(again.last_write(), meta.last_write());
        assert_eq!(Record::encode(&again, &same, form).expect("alike").len(), once.len());
    }
}

/// Fills in the size and the checksums, wherever they stand.
fn seal(record: &mut [u8]) {
    let Some(length) = record.get(4..8).map(|four| u32::from_be_bytes(four.try_into().unwrap()) as usize)
    else {
        return;
    };
    let Some(end) = length.checked_add(8).filter(|end| *end <= record.len()) else { return };
    let (head, data) = record.split_at_mut(end);
    if let Some(at) = place(head, b"\xd8\x27\x65:size\x1b") {
        head[at..at + 8].copy_from_slice(&(data.len() as u64).to_be_bytes());
    }
    if let Some(at) = place(head, b"\xd8\x27\x64:sum\x48") {
        head[at..at + 4].fill(0);
        head[at + 4..at + 8].copy_from_slice(&crc32fast::hash(data).to_be_bytes());
        let sum = crc32fast::hash(head);
        head[at..at + 4].copy_from_slice(&sum.to_be_bytes());
    }
}

/// Where the eight bytes after this name begin.
fn place(head: &[u8], name: &[u8]) -> Option<usize> {
    let at = head.windows(name.len()).position(|window| window == name)? + name.len();
    (at + 8 <= head.len()).then_some(at)
}
