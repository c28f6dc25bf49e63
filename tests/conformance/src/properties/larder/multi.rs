//! Several entries in one call: together where the backend can, one by one where the caller says so.

use larder::{ErrorKind, Key, Larder, Together, limits};

use crate::Harness;
use crate::handle::{fails, larder};

async fn numbers(larder: &Larder, keys: &[&str]) -> Vec<Option<u64>> {
    larder.multi_get(keys.iter().copied()).await.unwrap()
}

/// `multi_get` answers in the order of the keys, with `None` where nothing is.
pub fn multi_get_answers_in_order<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        assert_eq!(larder.multi_get::<u64, &str>([]).await.unwrap(), []);
        larder.assoc("a", &1).await.unwrap();
        larder.assoc("c", &3).await.unwrap();
        assert_eq!(numbers(&larder, &["c", "b", "a", "c"]).await, [Some(3), None, Some(1), Some(3)]);
        let many: Vec<u64> = (0..200).collect();
        for i in &many {
            larder.assoc(*i, i).await.unwrap();
        }
        let found: Vec<Option<u64>> = larder.multi_get(many.iter().copied()).await.unwrap();
        assert_eq!(found, many.into_iter().map(Some).collect::<Vec<_>>());
    });
}

/// `multi_assoc` and `multi_dissoc` write all or nothing where batches are claimed; elsewhere they are
/// `Unsupported` and write nothing.
pub fn several_entries_are_written_together_or_unsupported<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        larder.assoc("a", &0).await.unwrap();
        larder.append("log", &1).await.unwrap();
        let set = larder.multi_assoc([("a", 1), ("b", 2), ("log", 3)], Together::Atomic).await;
        if !larder.capabilities().batches {
            let error = fails(set, ErrorKind::Unsupported);
            assert!(error.to_string().contains("OneByOne"), "the error says what to do: {error}");
            assert_eq!(numbers(&larder, &["a", "b"]).await, [Some(0), None]);
            fails(larder.multi_dissoc(["a", "b"], Together::Atomic).await, ErrorKind::Unsupported);
            assert_eq!(numbers(&larder, &["a", "b"]).await, [Some(0), None]);
            assert_eq!(larder.log::<u64>("log").await.unwrap(), Some(vec![1]));
            return;
        }
        set.unwrap();
        assert_eq!(numbers(&larder, &["a", "b", "log"]).await, [Some(1), Some(2), Some(3)]);
        assert_eq!(larder.get_meta("a").await.unwrap().unwrap().rev(), 2);
        // One that cannot be written, and none is.
        let too_large = Key::from("x".repeat(limits::KEY_BYTES));
        let entries = [(Key::from("a"), 9), (too_large.clone(), 9), ("z".into(), 9)];
        fails(larder.multi_assoc(entries, Together::Atomic).await, ErrorKind::TooLarge);
        fails(larder.multi_assoc([("a", 9), ("z", 9), ("a", 8)], Together::Atomic).await, ErrorKind::Invalid);
        fails(larder.multi_dissoc([Key::from("a"), too_large], Together::Atomic).await, ErrorKind::TooLarge);
        assert_eq!(numbers(&larder, &["a", "b", "z"]).await, [Some(1), Some(2), None]);
        let removed = larder.multi_dissoc(["b", "nobody", "a"], Together::Atomic).await.unwrap();
        assert_eq!(removed, [true, false, true]);
        assert_eq!(numbers(&larder, &["a", "b", "log"]).await, [None, None, Some(3)]);
        larder.multi_assoc::<&str, u64>([], Together::Atomic).await.unwrap();
        let binaries = [("one", "1"), ("log", "two")];
        larder.multi_bassoc(binaries, Together::Atomic).await.unwrap();
        for (key, bytes) in binaries {
            assert_eq!(larder.bget(key).await.unwrap().unwrap().bytes().await.unwrap(), bytes);
        }
        assert_eq!(larder.get_meta("log").await.unwrap().unwrap().rev(), 3);
        fails(larder.multi_bassoc([("a", "x"), ("a", "y")], Together::Atomic).await, ErrorKind::Invalid);
        assert_eq!(larder.get_meta("a").await.unwrap(), None);
    });
}

/// One by one works on every backend, in the order given.
pub fn several_entries_are_written_one_by_one_everywhere<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        larder.multi_assoc([("a", 1), ("b", 2), ("a", 3)], Together::OneByOne).await.unwrap();
        assert_eq!(numbers(&larder, &["a", "b"]).await, [Some(3), Some(2)]);
        let removed = larder.multi_dissoc(["a", "nobody", "b", "a"], Together::OneByOne).await.unwrap();
        assert_eq!(removed, [true, false, true, false]);
        larder.multi_bassoc([("one", "1"), ("two", "2"), ("one", "3")], Together::OneByOne).await.unwrap();
        assert_eq!(larder.bget("one").await.unwrap().unwrap().bytes().await.unwrap(), "3");
        assert_eq!(numbers(&larder, &["a", "b"]).await, [None, None]);
    });
}
