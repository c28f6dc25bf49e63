//! The listing: complete, each key once, by prefix, pulled, and undisturbed by what happens
//! meanwhile.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt};
use larder::{Backend, Expect, Key, Removed};

use crate::Harness;
use crate::keys;
use crate::race::while_running;
use crate::states::*;

/// So many keys a listing must manage.
const MANY: usize = 10_000;

fn numbered(count: usize) -> Vec<Key> {
    (0..count).map(|i| Key::from(format!("many/{i:05}"))).collect()
}

/// The listing names what is there: nothing twice, nothing that was removed, nothing else.
pub fn a_listing_names_every_key_once_and_no_other<H: Harness>(harness: &H) {
    let store = open(harness);
    harness.block_on(async {
        assert_eq!(listed(&*store, None).await, []);
        let mut keys = numbered(300);
        fill(&*store, &keys).await;
        // Overwriting adds no key, failing to write neither.
        for key in &keys[..100] {
            put(&*store, key, 2).await;
            store.write(key, state(key, 3, 10), Expect::Absent).await.unwrap();
        }
        assert_eq!(listed(&*store, None).await, keys);
        for key in keys.split_off(200) {
            assert_eq!(store.remove(&key, Expect::Any).await.unwrap(), Removed::Done);
        }
        let nobody = Key::from("nobody");
        store.remove(&nobody, Expect::Any).await.unwrap();
        store.read(&nobody, larder::Part::All).await.unwrap();
        assert_eq!(listed(&*store, None).await, keys);
        for key in keys {
            store.remove(&key, Expect::Any).await.unwrap();
        }
        assert_eq!(listed(&*store, None).await, []);
    });
}

/// A prefix selects the text keys that begin with it, by their text and not by any escaped form.
pub fn a_prefix_selects_the_text_keys_that_begin_with_it<H: Harness>(harness: &H) {
    let store = open(harness);
    harness.block_on(async {
        let keys = keys::all();
        fill(&*store, &keys).await;
        let long = "n".repeat(250);
        let prefixes = [
            "", "a", "A", "ad", "ada", ":ada", "1", "-", ".", "..", "../", "/", "a/", "%", "%2", "%2F", "\0",
            "\n", " ", "é", "e", "\u{202e}", "日", "👩", "*", "[", "\"", "n", &long, "nowhere",
        ];
        for prefix in prefixes {
            let begins = |key: &&Key| key.as_text().is_some_and(|text| text.starts_with(prefix));
            let mut expected: Vec<Key> = keys.iter().filter(begins).cloned().collect();
            expected.sort();
            assert_eq!(listed(&*store, Some(prefix)).await, expected, "with the prefix {prefix:?}");
        }
    });
}

/// A listing is pulled: between two of its keys anything else can be done, and what is there from
/// the first to the last still appears once.
pub fn a_listing_of_ten_thousand_keys_waits_for_its_reader<H: Harness>(harness: &H) {
    let store = open(harness);
    harness.block_on(async {
        let keys = numbered(MANY);
        fill(&*store, &keys).await;
        let idle = store.keys(None);
        let mut listing = store.keys(None);
        let mut counts: BTreeMap<Key, usize> = BTreeMap::new();
        let mut pulled = 0;
        while let Some(key) = listing.try_next().await.unwrap() {
            *counts.entry(key.clone()).or_default() += 1;
            pulled += 1;
            // Now and then use the store, also for the very key that was just named.
            if pulled % 500 == 1 {
                put(&*store, &key, 2).await;
                assert_eq!(now(&*store, &key).await, Some(2));
                // One more, in whatever order before and after the others; some go again.
                for passing in [format!("p/{pulled}"), format!("p/that is longer than the others/{pulled}")] {
                    let passing = Key::from(passing);
                    put(&*store, &passing, 1).await;
                    if pulled % 1500 == 1 {
                        assert_eq!(store.remove(&passing, Expect::Any).await.unwrap(), Removed::Done);
                    }
                }
                assert!(store.keys(Some("many/")).next().await.is_some());
            }
        }
        for key in &keys {
            assert_eq!(counts.remove(key), Some(1), "{key}, which was there all the time");
        }
        let passing = |key: &Key| key.as_text().is_some_and(|text| text.starts_with("p/"));
        assert!(counts.keys().all(passing), "never written: {:?}", counts.keys().find(|key| !passing(key)));
        // One that was made long ago and not polled until now.
        let late: Vec<Key> = idle.try_collect().await.unwrap();
        let kept = late.iter().filter(|key| !passing(key)).count();
        assert_eq!(kept, MANY, "a listing that waited for its first poll names every key once");
    });
}

/// While other keys come and go, those that stay are listed exactly once.
pub fn a_listing_under_change_names_what_stays_exactly_once<H: Harness>(harness: &H) {
    let store = open(harness);
    let stay = numbered(MANY);
    harness.block_on(fill(&*store, &stay));
    let come_and_go = |round: u64| {
        let store = &store;
        let overwritten = &stay[(round as usize * 37) % MANY];
        async move {
            let key = Key::from(format!("p/{}", round % 200));
            put(&**store, &key, round).await;
            put(&**store, overwritten, round).await;
            let previous = Key::from(format!("p/{}", (round + 150) % 200));
            store.remove(&previous, Expect::Any).await.unwrap();
        }
    };
    while_running(harness, come_and_go, |rounds| {
        harness.block_on(async {
            let mut listings = 0;
            while listings < 3 || rounds.fewer_than(100) {
                listings += 1;
                let mut listing = store.keys(None);
                let mut found: BTreeMap<Key, usize> = BTreeMap::new();
                while let Some(key) = listing.try_next().await.unwrap() {
                    *found.entry(key).or_default() += 1;
                }
                for key in &stay {
                    assert_eq!(found.remove(key), Some(1), "{key}, which was there all the time");
                }
                for key in found.keys() {
                    let passing = key.as_text().is_some_and(|text| text.starts_with("p/"));
                    assert!(passing, "{key} was never written");
                }
            }
        });
    });
}

/// Listings that are left at any point leave nothing behind.
pub fn a_listing_may_be_dropped_at_any_point<H: Harness>(harness: &H) {
    let store = open(harness);
    harness.block_on(async {
        let keys = numbered(200);
        fill(&*store, &keys).await;
        for taken in 0..=200 {
            let some: Vec<Key> = store.keys(None).take(taken).try_collect().await.unwrap();
            assert_eq!(some.len(), taken);
        }
        for n in 0..200 {
            for polls in 1..4 {
                drop(
                    crate::race::polled_at_most(polls, async { store.keys(None).skip(n).next().await }).await,
                );
            }
        }
        put(&*store, &keys[0], 9).await;
        assert_eq!(listed(&*store, None).await, keys);
    });
}
