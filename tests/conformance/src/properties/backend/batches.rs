//! Batches: all or nothing where they are claimed, `Unsupported` where they are not.

use larder::{Backend, Batch, ErrorKind, Expect, Key, Record, Write};

use crate::Harness;
use crate::race::race;
use crate::states::*;

fn set(key: &Key, n: u64, expect: Expect) -> Write {
    Write { key: key.clone(), record: Some(state(key, n, 40)), expect }
}

fn unset(key: &Key, expect: Expect) -> Write {
    Write { key: key.clone(), record: None, expect }
}

/// A batch does all that it names and tells for each key whether something was there; or it is not
/// claimed, answers `Unsupported`, and writes nothing.
pub fn a_batch_does_everything_or_is_unsupported<H: Harness>(harness: &H) {
    let store = open(harness);
    harness.block_on(async {
        let [a, b, c, d] = ["a", "b", "c", "d"].map(Key::from);
        let of_b = put(&*store, &b, 1).await;
        put(&*store, &c, 1).await;
        let writes = vec![
            set(&a, 2, Expect::Absent),
            set(&b, 2, Expect::Version(of_b)),
            unset(&c, Expect::Any),
            unset(&d, Expect::Any),
        ];
        let answer = store.write_batch(writes).await;
        if !store.capabilities().batches {
            let error = answer.expect_err("batches are not claimed");
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert_eq!((now(&*store, &a).await, now(&*store, &b).await), (None, Some(1)));
            assert_eq!(now(&*store, &c).await, Some(1));
            return;
        }
        assert_eq!(answer.unwrap(), Batch::Done(vec![false, true, true, false]));
        assert_eq!((now(&*store, &a).await, now(&*store, &b).await), (Some(2), Some(2)));
        assert_eq!((now(&*store, &c).await, now(&*store, &d).await), (None, None));
        assert_eq!(listed(&*store, None).await, [a, b]);
        assert_eq!(store.write_batch(Vec::new()).await.unwrap(), Batch::Done(Vec::new()));
    });
}

/// One expectation that does not hold, wherever it stands, and nothing of the batch is done.
pub fn a_batch_with_one_unmet_expectation_changes_nothing<H: Harness>(harness: &H) {
    let store = open(harness);
    if !store.capabilities().batches {
        return refuses_batches(harness, &*store);
    }
    harness.block_on(async {
        let keys: Vec<Key> = (0..8).map(|i| Key::from(format!("key {i}"))).collect();
        let mut versions = Vec::new();
        for key in &keys {
            versions.push(put(&*store, key, 1).await);
        }
        let stale = put(&*store, &keys[0], 1).await;
        versions[0] = put(&*store, &keys[0], 2).await;
        for wrong in 0..keys.len() {
            for expect in [Expect::Absent, Expect::Version(stale.clone())] {
                let writes = keys.iter().zip(&versions).enumerate().map(|(i, (key, version))| {
                    let expect = if i == wrong { expect.clone() } else { Expect::Version(version.clone()) };
                    if i % 3 == 1 { unset(key, expect) } else { set(key, 7, expect) }
                });
                assert_eq!(store.write_batch(writes.collect()).await.unwrap(), Batch::Unmet);
                for (i, key) in keys.iter().enumerate() {
                    let before = if i == 0 { 2 } else { 1 };
                    assert_eq!(now(&*store, key).await, Some(before), "{key}, write {wrong} was unmet");
                }
            }
        }
    });
}

/// A batch that names a key twice, or brings a stream, is refused as a whole.
pub fn a_batch_that_makes_no_sense_is_refused_as_a_whole<H: Harness>(harness: &H) {
    let store = open(harness);
    if !store.capabilities().batches {
        return refuses_batches(harness, &*store);
    }
    harness.block_on(async {
        let [a, b] = ["a", "b"].map(Key::from);
        let twice = vec![set(&a, 1, Expect::Any), set(&b, 1, Expect::Any), set(&a, 2, Expect::Any)];
        let error = store.write_batch(twice).await.expect_err("a key stands in the batch twice");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        let stream: Record = streamed_state(&b, 1, 100, 10);
        let writes = vec![
            set(&a, 1, Expect::Any),
            Write { key: b.clone(), record: Some(stream), expect: Expect::Any },
        ];
        let error = store.write_batch(writes).await.expect_err("a stream stands in the batch");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert_eq!(listed(&*store, None).await, []);
    });
}

/// Sixteen batches race for the same two keys: one wins both.
pub fn of_sixteen_batches_for_two_keys_one_wins_both<H: Harness>(harness: &H) {
    let store = open(harness);
    if !store.capabilities().batches {
        return refuses_batches(harness, &*store);
    }
    let [a, b] = &["a", "b"].map(Key::from);
    for round in 1..=20u64 {
        let versions = harness.block_on(async { (put(&*store, a, 0).await, put(&*store, b, 0).await) });
        let answers = race(harness, 16, |i| {
            let n = round * 100 + i as u64;
            let store = &store;
            let mut writes = vec![
                set(a, n, Expect::Version(versions.0.clone())),
                set(b, n, Expect::Version(versions.1.clone())),
            ];
            if i % 2 == 0 {
                // The order in which a batch names its keys must not make two of them wait in a circle.
                writes.reverse();
            }
            async move { (n, store.write_batch(writes).await.unwrap()) }
        });
        let won: Vec<_> = answers.into_iter().filter(|(_, answer)| *answer != Batch::Unmet).collect();
        let [(n, Batch::Done(_))] = won[..] else { panic!("{} batches won, not one", won.len()) };
        let both = harness.block_on(async { (now(&*store, a).await, now(&*store, b).await) });
        assert_eq!(both, (Some(n), Some(n)), "the winner wrote both keys");
    }
}

/// What is left to show of a backend that claims no batches: it goes on refusing them.
fn refuses_batches<H: Harness>(harness: &H, store: &H::Backend) {
    harness.block_on(async {
        let a = Key::from("a");
        let error = store.write_batch(vec![set(&a, 1, Expect::Any)]).await.expect_err("not claimed");
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert_eq!(now(store, &a).await, None);
    });
}
