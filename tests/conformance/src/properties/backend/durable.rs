//! What outlives the handle: reopening, and two handles on one storage.

use larder::{Backend, Durability, ErrorKind, Expect, Key, Reach, Removed, Written};

use crate::Harness;
use crate::keys;
use crate::race::race;
use crate::states::*;

/// Whether this backend can be tested for what outlives it; that it must be, if it claims to be
/// durable.
fn is_durable<B: Backend>(store: &B) -> bool {
    store.capabilities().durability > Durability::Volatile
}

/// Opens a durable store again after `close`.
pub(super) async fn reopened<H: Harness>(harness: &H, store: &H::Backend) -> H::Backend {
    store.close().await.expect("the store closes");
    let again = harness.reopen().await.expect("a harness of a durable backend implements `reopen`");
    again.expect("the store opens again")
}

/// A durable store that is closed and opened again has everything, byte for byte, and nothing that
/// was removed. Volatile ones claim nothing.
pub fn reopening_keeps_everything<H: Harness>(harness: &H) {
    let store = open(harness);
    if !is_durable(&*store) {
        return;
    }
    harness.block_on(async {
        let keys = keys::all();
        fill(&*store, &keys).await;
        for (n, key) in keys.iter().enumerate() {
            match n % 3 {
                0 => _ = put_len(&*store, key, 2, 1000 * (n % 7)).await,
                1 => _ = store.remove(key, Expect::Any).await.unwrap(),
                _ => {}
            }
        }
        let large = Key::from("large");
        let record = streamed_state(&large, 5, 5 << 20, 1 << 18);
        done(store.write(&large, record, Expect::Absent).await.unwrap());

        let mut store = reopened(harness, &*store).await;
        for _ in 0..2 {
            let mut expected = vec![large.clone()];
            for (n, key) in keys.iter().enumerate() {
                let there = [Some(2), None, Some(1)][n % 3];
                assert_eq!(now(&store, key).await, there, "{key}");
                expected.extend(there.map(|_| key.clone()));
            }
            assert_eq!(now(&store, &large).await, Some(5));
            expected.sort();
            assert_eq!(listed(&store, None).await, expected);
            store = reopened(harness, &store).await;
        }
    });
}

/// What was written before can be changed under its version after reopening, and only under that.
pub fn versions_go_on_after_reopening<H: Harness>(harness: &H) {
    let store = open(harness);
    if !is_durable(&*store) {
        return;
    }
    harness.block_on(async {
        let key = Key::from("ada");
        put(&*store, &key, 1).await;
        put(&*store, &key, 2).await;
        let store = reopened(harness, &*store).await;
        assert_eq!(store.write(&key, state(&key, 3, 10), Expect::Absent).await.unwrap(), Written::Unmet);
        let old = version(&store, &key).await;
        let new = done(store.write(&key, state(&key, 4, 10), Expect::Version(old.clone())).await.unwrap());
        let stale = store.write(&key, state(&key, 5, 10), Expect::Version(old)).await.unwrap();
        assert_eq!(stale, Written::Unmet, "the version of an earlier state");
        assert_eq!(now(&store, &key).await, Some(4));
        assert_eq!(store.remove(&key, Expect::Version(new)).await.unwrap(), Removed::Done);
        let store = reopened(harness, &store).await;
        assert_eq!(now(&store, &key).await, None, "a removal is as durable as a write");
    });
}

/// `sync` is answered, and what was acknowledged before it is there after reopening.
pub fn sync_answers<H: Harness>(harness: &H) {
    let store = open(harness);
    harness.block_on(async {
        store.sync().await.expect("sync of an empty store");
        let key = Key::from("ada");
        put(&*store, &key, 1).await;
        store.sync().await.unwrap();
        store.sync().await.unwrap();
        assert_eq!(now(&*store, &key).await, Some(1));
        if is_durable(&*store) {
            let store = reopened(harness, &*store).await;
            assert_eq!(now(&store, &key).await, Some(1));
        }
    });
}

/// Two handles on one storage, where the backend's reach goes beyond the process: of sixteen writers
/// through both, exactly one wins; or the second handle is refused as `Locked`.
pub fn two_handles_on_one_storage_agree<H: Harness>(harness: &H) {
    let store = open(harness);
    if store.capabilities().reach == Reach::Process {
        return;
    }
    let other = harness.block_on(harness.reopen());
    let other = other.expect("a harness of a backend that reaches beyond the process implements `reopen`");
    let other = match other {
        Ok(other) => other,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
            return;
        }
    };
    let key = &Key::from("contended");
    let mut current = harness.block_on(put(&*store, key, 0));
    for round in 1..=10u64 {
        let answers = race(harness, 16, |i| {
            let (n, expect) = (round * 100 + i as u64, Expect::Version(current.clone()));
            let handle: &H::Backend = if i % 2 == 0 { &store } else { &other };
            async move { (n, handle.write(key, state(key, n, 64), expect).await.unwrap()) }
        });
        let won: Vec<_> = answers.into_iter().filter(|(_, answer)| *answer != Written::Unmet).collect();
        let [(n, Written::Done(new))] = &won[..] else { panic!("{} writers won, not one", won.len()) };
        current = new.clone();
        harness.block_on(async {
            assert_eq!(now(&*store, key).await, Some(*n));
            assert_eq!(now(&other, key).await, Some(*n));
            assert_eq!(version(&other, key).await, current, "both handles give the same version");
        });
    }
    harness.block_on(async {
        assert_eq!(other.remove(key, Expect::Any).await.unwrap(), Removed::Done);
        assert_eq!(now(&*store, key).await, None);
        assert_eq!(listed(&*store, None).await, []);
    });
}
