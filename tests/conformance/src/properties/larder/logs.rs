//! Append logs: every element once, in order, and never rewritten.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use larder::{Backend, Key, Kind, Larder, MetaUpdate, Timestamp, Version};

use crate::Harness;
use crate::handle::{Shared, larder};
use crate::race::{race, while_running};
use crate::states::{listed, version};

/// What was appended comes back in order, as a whole, as a stream and folded.
pub fn a_log_gives_back_what_was_appended_in_order<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        assert_eq!(larder.reduce_log("log", 7, |sum: u64, n: u64| sum + n).await.unwrap(), 7);
        for n in 0..100u64 {
            larder.append("log", &n).await.unwrap();
        }
        assert_eq!(larder.log::<u64>("log").await.unwrap(), Some((0..100).collect()));
        let documents: Vec<larder::Document> =
            larder.log_documents("log").await.unwrap().unwrap().try_collect().await.unwrap();
        assert_eq!(documents.len(), 100);
        assert_eq!(larder.reduce_log("log", 7, |sum: u64, n: u64| sum + n).await.unwrap(), 7 + 4950);
        let meta = larder.get_meta("log").await.unwrap().unwrap();
        assert_eq!((meta.kind(), meta.key()), (Kind::AppendLog, &Key::from("log")));
        assert!(meta.last_write() > Timestamp::default());
        larder.append("null", &()).await.unwrap();
        assert_eq!(
            larder.log::<Option<u64>>("null").await.unwrap(),
            Some(vec![None]),
            "a null is an element"
        );
    });
}

/// Appending rewrites nothing that was appended before.
pub fn appending_rewrites_nothing<H: Harness>(harness: &H) {
    let (larder, backend) = larder(harness);
    harness.block_on(async {
        for n in 0..20u64 {
            larder.append("log", &n).await.unwrap();
            let versions = versions(&backend).await;
            larder.append("log", &n).await.unwrap();
            let after = self::versions(&backend).await;
            assert!(after.len() > versions.len(), "an element is a record of its own");
            let head = Key::from("log");
            for (key, version) in versions.iter().filter(|(key, _)| **key != head) {
                assert_eq!(after.get(key), Some(version), "{key} was rewritten");
            }
        }
    });
}

async fn versions<B: Backend>(backend: &Shared<B>) -> BTreeMap<Key, Version> {
    let mut versions = BTreeMap::new();
    for key in listed(backend, None).await {
        let version = version(backend, &key).await;
        versions.insert(key, version);
    }
    versions
}

/// Sixteen tasks append through two handles: every element is there once, those of one task in their
/// order.
pub fn concurrent_appends_are_all_there<H: Harness>(harness: &H) {
    const EACH: usize = 10;
    let (first, backend) = larder(harness);
    let handles = [first, Larder::new(backend)];
    race(harness, 16, |task| {
        let larder = &handles[task % 2];
        async move {
            for i in 0..EACH {
                larder.append("log", &(task, i)).await.unwrap();
            }
        }
    });
    let log = harness.block_on(handles[0].log::<(usize, usize)>("log")).unwrap().unwrap();
    assert_eq!(log.len(), 16 * EACH);
    for task in 0..16 {
        let of_task: Vec<usize> =
            log.iter().filter(|element| element.0 == task).map(|element| element.1).collect();
        assert_eq!(of_task, (0..EACH).collect::<Vec<_>>(), "the elements of task {task}");
    }
}

/// Whoever reads while others append sees a beginning of the log, never a gap, never less than before.
pub fn a_reader_sees_a_beginning_of_the_log<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(larder.append("log", &0u64)).unwrap();
    let append = |round: u64| {
        let larder = &larder;
        async move {
            larder.append("log", &(round + 1)).await.unwrap();
        }
    };
    while_running(harness, append, |appends| {
        harness.block_on(async {
            let mut last = 0;
            while appends.fewer_than(100) {
                let log = larder.log::<u64>("log").await.unwrap().unwrap();
                assert_eq!(log, (0..log.len() as u64).collect::<Vec<_>>());
                assert!(log.len() >= last);
                last = log.len();
            }
        });
    });
}

/// A log that is removed is gone, with all its elements; a new one begins empty.
pub fn a_removed_log_leaves_nothing_behind<H: Harness>(harness: &H) {
    let (larder, backend) = larder(harness);
    harness.block_on(async {
        for round in 0..3u64 {
            for n in 0..5 {
                larder.append("log", &(round * 10 + n)).await.unwrap();
            }
            let expected: Vec<u64> = (0..5).map(|n| round * 10 + n).collect();
            assert_eq!(larder.log::<u64>("log").await.unwrap(), Some(expected));
            assert!(larder.dissoc("log").await.unwrap());
            assert!(!larder.dissoc("log").await.unwrap());
            assert_eq!(larder.log::<u64>("log").await.unwrap(), None);
            assert_eq!(listed(&backend, None).await, []);
        }
        larder.append("log", &1).await.unwrap();
        larder.with_meta(MetaUpdate::new()).assoc("log", &2).await.unwrap();
        assert_eq!(listed(&backend, None).await, [Key::from("log")], "a log that is replaced is gone, too");
    });
}
