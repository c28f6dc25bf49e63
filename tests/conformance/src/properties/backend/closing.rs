//! A closed backend answers `Closed` to everything, at once and without a panic.

use std::sync::Arc;

use futures::StreamExt;
use larder::{Backend, ErrorKind, Expect, Key, Part, Result, Write, Written};

use crate::Harness;
use crate::race::race;
use crate::states::*;

#[track_caller]
fn is_closed<T>(operation: &str, answer: Result<T>) {
    match answer {
        Ok(_) => panic!("{operation} of a closed store succeeded"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Closed, "{operation} of a closed store: {error}"),
    }
}

/// After `close` every call answers `Closed`; closing again is no error.
pub fn a_closed_store_answers_closed<H: Harness>(harness: &H) {
    let store = open(harness);
    harness.block_on(async {
        let key = Key::from("ada");
        put(&*store, &key, 1).await;
        store.close().await.unwrap();
        for part in [Part::All, Part::Head, Part::Range(larder::ByteRange::ALL)] {
            is_closed("a read", store.read(&key, part).await);
        }
        is_closed("a read of an absent key", store.read(&"nobody".into(), Part::All).await);
        is_closed("a write", store.write(&key, state(&key, 2, 10), Expect::Any).await);
        is_closed("a streamed write", store.write(&key, streamed_state(&key, 2, 10, 5), Expect::Any).await);
        is_closed(
            "a write that expects absence",
            store.write(&key, state(&key, 2, 10), Expect::Absent).await,
        );
        is_closed("a removal", store.remove(&key, Expect::Any).await);
        is_closed("sync", store.sync().await);
        for prefix in [None, Some("a")] {
            let first = store.keys(prefix).next().await;
            is_closed("a listing", first.expect("a listing of a closed store says so, and is not empty"));
        }
        let write = Write { key: key.clone(), record: Some(state(&key, 2, 10)), expect: Expect::Any };
        let error = store.write_batch(vec![write]).await.expect_err("the store is closed");
        let unsupported = !store.capabilities().batches && error.kind() == ErrorKind::Unsupported;
        assert!(unsupported || error.kind() == ErrorKind::Closed, "a batch of a closed store: {error}");
        store.close().await.expect("closing twice is no error");
        assert!(!store.capabilities().name.is_empty());
    });
}

/// Listings and streams that had begun end, with what they have or with an error: they do not hang.
pub fn what_had_begun_when_the_store_closed_comes_to_an_end<H: Harness>(harness: &H) {
    let store = open(harness);
    harness.block_on(async {
        let key = Key::from("ada");
        let keys: Vec<Key> = (0..500).map(|i| Key::from(i as u64)).collect();
        fill(&*store, &keys).await;
        put_len(&*store, &key, 1, 2 << 20).await;
        let mut listing = store.keys(None);
        listing.next().await.expect("there are keys").unwrap();
        let stored = store.read(&key, Part::All).await.unwrap().unwrap();
        store.close().await.unwrap();
        let rest: Vec<_> = listing.collect().await;
        assert!(rest.len() <= keys.len() + 1, "a listing goes on and on");
        for key in rest.into_iter().filter_map(Result::err) {
            assert_eq!(key.kind(), ErrorKind::Closed, "{key}");
        }
        if let Ok(bytes) = bytes_of(stored.data).await {
            assert_eq!(bytes, data_of(1, 2 << 20), "a stream that ends well has all bytes");
        }
    });
}

/// Closing while others write: each write happened and was acknowledged, or was refused as `Closed`.
pub fn closing_among_writers_hangs_nobody<H: Harness>(harness: &H) {
    let store = open(harness);
    race(harness, 16, |task| {
        let store = Arc::clone(&store);
        async move {
            for n in 0..20 {
                if task == 0 && n == 10 {
                    store.close().await.unwrap();
                }
                let key = Key::from(task as u64);
                match store.write(&key, state(&key, n, 100), Expect::Any).await {
                    Ok(written) => assert_ne!(written, Written::Unmet),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Closed, "{error}"),
                }
            }
        }
    });
    harness.block_on(async {
        is_closed("a read", store.read(&0u64.into(), Part::All).await);
        store.close().await.unwrap();
    });
}
