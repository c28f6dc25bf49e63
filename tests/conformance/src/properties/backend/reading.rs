//! What is written is read back: whole, by its head, by range, under every key.

use bytes::Bytes;
use larder::{Backend, ByteRange, Data, Expect, Key, Kind, Meta, Part, Record, Removed, limits};

use crate::Harness;
use crate::states::*;
use crate::{keys, random::Random};

/// A key that was never written is absent, by every call and without an error.
pub fn a_key_that_was_never_written_is_absent<H: Harness>(harness: &H) {
    let store = open(harness);
    harness.block_on(async {
        let key = Key::from("nobody");
        for part in [Part::All, Part::Head, Part::Range(ByteRange::ALL)] {
            assert!(store.read(&key, part).await.unwrap().is_none(), "{part:?}");
        }
        assert_eq!(store.remove(&key, Expect::Any).await.unwrap(), Removed::Absent);
        assert_eq!(listed(&*store, None).await, []);
    });
}

/// Head and data come back byte for byte, with the version that the write answered.
pub fn a_record_is_read_back_byte_for_byte<H: Harness>(harness: &H) {
    let store = open(harness);
    harness.block_on(async {
        let key = Key::from("ada");
        for kind in [Kind::Document, Kind::Binary, Kind::AppendLog] {
            let meta = Meta::new(key.clone(), kind, larder::Timestamp::from_millis(1));
            let record = Record::new(&meta, Bytes::from_static(b"\x83\x01\x02\x03")).unwrap();
            let head = record.head().clone();
            let version = done(store.write(&key, record, Expect::Any).await.unwrap());
            let stored = store.read(&key, Part::All).await.unwrap().unwrap();
            assert_eq!(stored.head.as_bytes(), head.as_bytes());
            assert_eq!(stored.head.kind(), kind);
            assert_eq!(stored.version, version, "a read gives the version that the write answered");
            assert_eq!(bytes_of(stored.data).await.unwrap(), &b"\x83\x01\x02\x03"[..]);
        }
    });
}

/// A read of the head gives the head of the present state, and no data.
pub fn a_head_is_read_without_its_data<H: Harness>(harness: &H) {
    let store = open(harness);
    harness.block_on(async {
        let key = Key::from("ada");
        for (n, len) in [(1, 0), (2, 10), (3, 3 << 20), (4, 1)] {
            let version = put_len(&*store, &key, n, len).await;
            let stored = store.read(&key, Part::Head).await.unwrap().unwrap();
            assert_eq!(state_of_head(&key, &stored.head), n, "the head is that of the last write");
            assert_eq!(stored.head.size(), Some(len as u64));
            assert_eq!(stored.version, version);
            assert!(matches!(stored.data, Data::None), "a head comes alone, not with {:?}", stored.data);
        }
    });
}

/// Data of every length around the sizes at which something might change: none, one byte, a block,
/// a chunk, and a byte more or less.
pub fn data_of_every_length_comes_back<H: Harness>(harness: &H) {
    let store = open(harness);
    harness.block_on(async {
        let key = Key::from("ada");
        let mut n = 0;
        for size in [1, 64, 512, 4096, 16 << 10, 64 << 10, limits::CHUNK_BYTES, 1 << 20] {
            for len in [size - 1, size, size + 1] {
                n += 1;
                put_len(&*store, &key, n, len).await;
                let stored = store.read(&key, Part::All).await.unwrap().unwrap();
                assert_eq!(stored.head.size(), Some(len as u64));
                assert_eq!(state_of(&key, stored).await, n, "{len} bytes");
            }
        }
    });
}

/// A range gives exactly the bytes of the range; what lies past the end is left out.
pub fn a_range_gives_exactly_its_bytes<H: Harness>(harness: &H) {
    let (store, mut random) = (open(harness), Random::seeded());
    harness.block_on(async {
        let key = Key::from("ada");
        for (n, len) in [(1, 0u64), (2, 1), (3, 1000), (4, 600_000)] {
            put_len(&*store, &key, n, len as usize).await;
            let whole = data_of(n, len as usize);
            let mut ranges =
                vec![(0, 0), (0, 1), (0, len), (0, len + 1), (0, u64::MAX), (len, u64::MAX), (1, 1)];
            ranges.extend([(len, len), (len / 2, len), (len.saturating_sub(1), len), (len + 10, len + 20)]);
            ranges.extend([(u64::MAX, u64::MAX), (len.saturating_sub(1), u64::MAX), (1, len.max(1))]);
            ranges.extend((0..30).map(|_| {
                let start = random.below(len as usize + 2) as u64;
                (start, start + random.below(len as usize + 2) as u64)
            }));
            for (start, end) in ranges {
                let asked = ByteRange::new(start..end).unwrap();
                let (from, to) = asked.within(len);
                let (head, bytes) = range(&*store, &key, asked).await;
                assert_eq!(head, n);
                let expected = whole.slice(from as usize..to as usize);
                assert!(bytes == expected, "{start}..{end} of {len} bytes gave other bytes, {}", bytes.len());
            }
        }
    });
}

/// Every shape of key, and every text that means something to a file system, a shell or a terminal,
/// names an entry of its own: written, read, listed and removed like any other.
pub fn every_key_names_an_entry_of_its_own<H: Harness>(harness: &H) {
    let store = open(harness);
    harness.block_on(async {
        let mut keys = keys::all();
        for (n, key) in keys.iter().enumerate() {
            let written = store.write(key, state(key, n as u64, 20), Expect::Absent).await;
            let written = written.unwrap_or_else(|error| panic!("{key} cannot be written: {error}"));
            assert_ne!(written, larder::Written::Unmet, "{key} was taken for another key");
        }
        for (n, key) in keys.iter().enumerate() {
            assert_eq!(now(&*store, key).await, Some(n as u64), "{key}");
        }
        // Removing every other one leaves the rest, however alike.
        let mut odd = false;
        let mut removed = Vec::new();
        keys.retain(|key| {
            odd = !odd;
            if !odd {
                removed.push(key.clone());
            }
            odd
        });
        for key in &removed {
            assert_eq!(store.remove(key, Expect::Any).await.unwrap(), Removed::Done, "{key}");
        }
        for key in &removed {
            assert_eq!(now(&*store, key).await, None, "{key}");
        }
        for (half, key) in keys.iter().enumerate() {
            assert_eq!(now(&*store, key).await, Some(2 * half as u64), "{key}");
        }
        keys.sort();
        assert_eq!(listed(&*store, None).await, keys);
    });
}
