//! Limits: refused before anything is written, by every operation.

use larder::{Document, ErrorKind, Key, MetaUpdate, Path, limits, path};

use crate::Harness;
use crate::handle::{fails, larder};
use crate::states::listed;

/// Keys and paths beyond their limits are `TooLarge` everywhere, and nothing is written.
pub fn what_is_too_large_is_refused_everywhere<H: Harness>(harness: &H) {
    let (larder, backend) = larder(harness);
    harness.block_on(async {
        let long = Key::from("x".repeat(limits::KEY_BYTES));
        let mut deep = Key::null();
        for _ in 0..=limits::NESTING {
            deep = Key::array([deep]);
        }
        for key in [long, deep] {
            let kind = ErrorKind::TooLarge;
            fails(larder.exists(&key).await, kind);
            fails(larder.get_meta(&key).await, kind);
            fails(larder.get::<u64>(&key).await, kind);
            fails(larder.get_in::<u64>(path![&key, 1]).await, kind);
            fails(larder.assoc(&key, &1).await, kind);
            fails(larder.assoc_in(path![&key, 1], &1).await, kind);
            fails(larder.assoc_in(path!["ada", &key], &1).await, kind);
            fails(larder.update_in(&key, |n: Option<u64>| n.unwrap_or(0)).await, kind);
            fails(larder.dissoc(&key).await, kind);
            fails(larder.bget(&key).await, kind);
            fails(larder.bassoc(&key, "bytes").await, kind);
            fails(larder.append(&key, &1).await, kind);
            fails(larder.log::<u64>(&key).await, kind);
        }
        let far = (0..=limits::PATH_DEPTH).fold(Path::new("ada"), |path, step| path.join(step));
        fails(larder.assoc_in(far.clone(), &1).await, ErrorKind::TooLarge);
        fails(larder.update_in(far.clone(), |n: Option<u64>| n.unwrap_or(0)).await, ErrorKind::TooLarge);
        fails(larder.get_in::<u64>(far).await, ErrorKind::TooLarge);
        assert_eq!(listed(&backend, None).await, []);
        let mut deepest = vec![0x81; limits::NESTING - 1];
        deepest.push(0);
        let deepest = Document::from_cbor(deepest).expect("nested within the limit");
        let within = Path::new("ada").join("one").join("two").join("three");
        let answer = larder.store().assoc_in(&within, deepest, MetaUpdate::new()).await;
        fails(answer, ErrorKind::TooLarge);
        assert!(!larder.exists("ada").await.unwrap(), "a value that nests too deep in its place");
    });
}

/// Paths as deep as they may be work.
pub fn a_path_may_be_as_deep_as_the_limit<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        let far = (0..limits::PATH_DEPTH).fold(Path::new("ada"), |path, step| path.join(step));
        larder.assoc_in(far.clone(), "deep down").await.unwrap();
        assert_eq!(larder.get_in::<String>(far.clone()).await.unwrap().as_deref(), Some("deep down"));
        assert!(larder.dissoc_in(far.clone()).await.unwrap());
        assert_eq!(larder.get_in::<String>(far).await.unwrap(), None);
    });
}

/// The keys under which the store keeps the elements of logs are its own.
pub fn the_store_s_own_keys_are_refused<H: Harness>(harness: &H) {
    let (larder, backend) = larder(harness);
    harness.block_on(async {
        larder.append("log", &1).await.unwrap();
        let keys = listed(&backend, None).await;
        let own: Vec<&Key> = keys.iter().filter(|key| **key != Key::from("log")).collect();
        assert!(!own.is_empty());
        for key in own {
            fails(larder.get_document(key).await, ErrorKind::Invalid);
            fails(larder.assoc(key, &1).await, ErrorKind::Invalid);
            fails(larder.dissoc(key).await, ErrorKind::Invalid);
        }
        assert_eq!(larder.log::<u64>("log").await.unwrap(), Some(vec![1]));
    });
}
