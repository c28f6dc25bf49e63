//! The meta of an entry: what the store keeps, what the user adds, and time that goes forward.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use larder::{Clock, ErrorKind, Key, Kind, Larder, MetaUpdate, RealClock, Timestamp, path};

use crate::Harness;
use crate::handle::{Shared, document, fails, larder};
use crate::states::open;

fn note(text: &str) -> MetaUpdate {
    MetaUpdate::new().set("note", text).expect("a text can be encoded")
}

async fn note_of(larder: &Larder, key: &str) -> Option<String> {
    larder.get_meta(key).await.unwrap().expect("there is an entry").get("note").unwrap()
}

/// Key, kind, size and checksums are those of what is stored; the revision counts the writes.
pub fn the_meta_tells_what_is_stored<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        for rev in 1..=5u64 {
            larder.assoc("ada", &vec![rev; rev as usize]).await.unwrap();
            let meta = larder.get_meta("ada").await.unwrap().unwrap();
            assert_eq!((meta.key(), meta.kind(), meta.rev()), (&Key::from("ada"), Kind::Document, rev));
            let size = document(&vec![rev; rev as usize]).as_cbor().len() as u64;
            assert_eq!(meta.size(), Some(size));
            assert!(meta.sums().is_some() && meta.user().is_empty());
        }
        larder.assoc_in(path!["ada", 5], &6).await.unwrap();
        larder.update_in(path!["ada", 5], |n: Option<u64>| n.unwrap_or(0)).await.unwrap();
        larder.bassoc("ada", vec![0; 12_345]).await.unwrap();
        let meta = larder.get_meta("ada").await.unwrap().unwrap();
        assert_eq!((meta.kind(), meta.rev(), meta.size()), (Kind::Binary, 8, Some(12_345)));
        larder.dissoc("ada").await.unwrap();
        larder.assoc("ada", &1).await.unwrap();
        assert_eq!(larder.get_meta("ada").await.unwrap().unwrap().rev(), 1, "it begins again");
    });
}

/// What the user put there survives updates of the value; replacing the whole entry starts afresh.
pub fn what_the_user_adds_survives_updates<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        let with = larder.with_meta(note("kept").set(Key::from(7), &[1, 2]).unwrap());
        with.assoc_in(path!["ada", "visits"], &0).await.unwrap();
        larder.update_in(path!["ada", "visits"], |n: Option<u64>| n.unwrap_or(0) + 1).await.unwrap();
        larder.assoc_in(path!["ada", "name"], "Ada").await.unwrap();
        larder.dissoc_in(path!["ada", "name"]).await.unwrap();
        assert_eq!(note_of(&larder, "ada").await.as_deref(), Some("kept"));
        let meta = larder.get_meta("ada").await.unwrap().unwrap();
        assert_eq!(meta.get::<Vec<u64>>(7).unwrap(), Some(vec![1, 2]));
        assert_eq!(meta.user().len(), 2);

        let changed = larder.with_meta(note("changed").remove(7).unwrap());
        changed.update_in(path!["ada", "visits"], |n: Option<u64>| n.unwrap_or(0) + 1).await.unwrap();
        let meta = larder.get_meta("ada").await.unwrap().unwrap();
        assert_eq!(meta.get::<String>("note").unwrap().as_deref(), Some("changed"));
        assert_eq!(meta.user().len(), 1, "an entry can be taken out again");
        assert_eq!(larder.get_in::<u64>(path!["ada", "visits"]).await.unwrap(), Some(2));

        larder.assoc("ada", &1).await.unwrap();
        assert!(larder.get_meta("ada").await.unwrap().unwrap().user().is_empty(), "a new entry, a new meta");
        larder.with_meta(note("binary")).bassoc("photo", "bytes").await.unwrap();
        assert_eq!(note_of(&larder, "photo").await.as_deref(), Some("binary"));
        larder.bassoc("photo", "bytes").await.unwrap();
        assert_eq!(note_of(&larder, "photo").await, None);
    });
}

/// The names of the store's own entries are refused before anything is written.
pub fn the_store_s_own_entries_cannot_be_set<H: Harness>(harness: &H) {
    _ = open(harness);
    for name in ["key", "type", "last-write", "size", "rev", "sum"] {
        fails(MetaUpdate::new().set(Key::keyword(name), &1), ErrorKind::Invalid);
        fails(MetaUpdate::new().remove(Key::keyword(name)), ErrorKind::Invalid);
        MetaUpdate::new().set(name, &1).expect("the text is a name like any other");
    }
}

/// A meta of any size within the limit comes back; one beyond it is refused, and nothing is written.
pub fn a_meta_may_be_as_large_as_the_limit<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        for len in [10, 4_000, 5_000, 70_000, 900_000] {
            let text = "n".repeat(len);
            let with = larder.with_meta(note(&text));
            with.assoc("ada", &len).await.unwrap();
            assert_eq!(note_of(&larder, "ada").await, Some(text));
            assert_eq!(larder.get::<usize>("ada").await.unwrap(), Some(len));
            assert!(larder.exists("ada").await.unwrap());
        }
        let before = larder.get_meta("ada").await.unwrap();
        let beyond = larder.with_meta(note(&"n".repeat(larder::limits::META_BYTES)));
        fails(beyond.assoc("ada", &1).await, ErrorKind::TooLarge);
        fails(beyond.update_in("ada", |n: Option<usize>| n.unwrap_or(0)).await, ErrorKind::TooLarge);
        fails(beyond.bassoc("ada", "bytes").await, ErrorKind::TooLarge);
        assert_eq!(larder.get_meta("ada").await.unwrap(), before);
    });
}

/// A wall clock that is set back by an hour at every look.
#[derive(Debug)]
struct Retreating(AtomicU64);

impl Clock for Retreating {
    fn now(&self) -> Duration {
        RealClock.now()
    }

    fn wall(&self) -> Timestamp {
        const HOUR_MS: u64 = 3_600_000;
        Timestamp::from_millis(self.0.fetch_sub(HOUR_MS, Ordering::Relaxed))
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        RealClock.sleep(time)
    }

    fn random(&self) -> u64 {
        RealClock.random()
    }
}

/// The time of the last write never goes backwards, even if the wall clock does.
pub fn the_time_of_the_last_write_never_goes_backwards<H: Harness>(harness: &H) {
    const START_MS: u64 = 1_795_260_480_123;
    let backend = Shared(open(harness));
    let clocks: [Arc<dyn Clock>; 2] = [RealClock::shared(), Arc::new(Retreating(AtomicU64::new(START_MS)))];
    harness.block_on(async {
        for (clock, key) in clocks.into_iter().zip(["real", "retreating"]) {
            let larder = Larder::with_clock(backend.clone(), clock);
            let mut last = Timestamp::default();
            for round in 0..40 {
                match round % 4 {
                    0 => larder.assoc(key, &[0, 1]).await.unwrap(),
                    1 => {
                        _ = larder
                            .update_in(path![key, 0], |n: Option<u64>| n.unwrap_or(0) + 1)
                            .await
                            .unwrap()
                    }
                    2 => larder.assoc_in(path![key, 1], &round).await.unwrap(),
                    _ => larder.bassoc(key, "bytes").await.unwrap(),
                }
                let written = larder.get_meta(key).await.unwrap().unwrap().last_write();
                assert!(written >= last, "write {round} of {key}: {written} after {last}");
                assert_ne!(written, Timestamp::default());
                last = written;
            }
        }
    });
}
