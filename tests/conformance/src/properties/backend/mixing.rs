//! A reader sees one whole state, whatever part it reads and whatever is written meanwhile.

use futures::TryStreamExt;
use larder::{Backend, ByteRange, Data, DataSum, Expect, Key, Part};

use crate::Harness;
use crate::race::while_running;
use crate::states::*;

/// Reads during replacement never mix two states: not head and data, not the beginning and the
/// end of the data, not a record and the version of another.
pub fn reads_during_replacement_never_mix_states<H: Harness>(harness: &H) {
    const REPLACEMENTS: u64 = 60;
    let store = open(harness);
    let key = &Key::from("ada");
    // Lengths on both sides of what a backend might treat differently; the state tells the length.
    let len = |n: u64| [100, 70_000, 0, 5_000, 300_000][(n % 5) as usize];
    harness.block_on(put_len(&*store, key, 0, len(0)));
    let replace = |round: u64| {
        let store = &store;
        async move { _ = put_len(&**store, key, round + 1, len(round + 1)).await }
    };
    while_running(harness, replace, |replacements| {
        harness.block_on(async {
            let (mut last, mut i) = (0, 0);
            let mut versions = std::collections::BTreeMap::new();
            while replacements.fewer_than(REPLACEMENTS) {
                i += 1;
                let part = match i % 3 {
                    0 => Part::All,
                    1 => Part::Head,
                    _ => Part::Range(ByteRange::new(8..200_000).unwrap()),
                };
                let stored = store.read(key, part).await.unwrap().expect("it is replaced, never removed");
                let (n, version) = (state_of_head(key, &stored.head), stored.version.clone());
                assert_eq!(stored.head.size(), Some(len(n) as u64), "state {n}");
                let whole = data_of(n, len(n));
                match part {
                    Part::All => _ = state_of(key, stored).await,
                    Part::Head => assert!(matches!(stored.data, Data::None)),
                    Part::Range(range) => {
                        let (start, end) = range.within(whole.len() as u64);
                        let bytes = bytes_of(stored.data).await.unwrap();
                        assert!(bytes == whole.slice(start as usize..end as usize), "a range of state {n}");
                    }
                }
                assert!(n >= last, "a later read saw the earlier state {n}, after {last}");
                last = n;
                let first = versions.entry(version.as_bytes().to_vec()).or_insert(n);
                assert_eq!(*first, n, "two states have the version {version:?}");
            }
        });
    });
}

/// A record that is replaced or removed while it is being read is read to its end as it was.
pub fn a_read_that_has_begun_gives_its_state_to_the_end<H: Harness>(harness: &H) {
    const LEN: usize = 5 << 20;
    let store = open(harness);
    harness.block_on(async {
        let key = Key::from("ada");
        for change in ["replaced", "removed", "replaced by less"] {
            put_len(&*store, &key, 1, LEN).await;
            let part = Part::Range(ByteRange::new(1000..LEN as u64 - 1000).unwrap());
            let (whole, ranged) =
                (store.read(&key, Part::All).await.unwrap().unwrap(), store.read(&key, part).await);
            let ranged = ranged.unwrap().unwrap();
            let change_it = async || match change {
                "replaced" => _ = put_len(&*store, &key, 2, LEN + 77).await,
                "removed" => _ = store.remove(&key, Expect::Any).await.unwrap(),
                _ => _ = put_len(&*store, &key, 3, 10).await,
            };
            // The first chunk before the change, the rest after it.
            let mut bytes = Vec::new();
            match whole.data {
                Data::Stream(mut stream) => {
                    bytes.extend_from_slice(&stream.try_next().await.unwrap().expect("a first chunk"));
                    change_it().await;
                    while let Some(chunk) = stream.try_next().await.unwrap() {
                        bytes.extend_from_slice(&chunk);
                    }
                }
                data => {
                    change_it().await;
                    bytes.extend_from_slice(&bytes_of(data).await.unwrap());
                }
            }
            whole.head.vouch(&DataSum::of(&bytes)).unwrap();
            let expected = data_of(1, LEN);
            assert!(bytes == expected, "read to its end while {change}");
            let bytes = bytes_of(ranged.data).await.unwrap();
            assert!(bytes == expected.slice(1000..LEN - 1000), "a range read to its end while {change}");
        }
    });
}

/// What was acknowledged is what the next read sees, from whichever thread.
pub fn an_acknowledged_write_is_what_everyone_reads_next<H: Harness>(harness: &H) {
    let store = open(harness);
    let key = &Key::from("ada");
    for n in 0..100 {
        harness.block_on(put(&*store, key, n));
        let seen = std::thread::scope(|scope| {
            let reader = scope.spawn(|| harness.block_on(now(&*store, key)));
            reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        assert_eq!(seen, Some(n));
    }
}
