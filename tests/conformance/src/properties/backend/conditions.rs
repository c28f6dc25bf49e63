//! Conditional writes and removals: what they answer, what they leave, and who wins a race.

use larder::{Backend, Expect, Key, Part, Removed, Version, Written};

use crate::Harness;
use crate::race::{race, yield_once};
use crate::states::*;

/// `Absent` writes where nothing is, and nowhere else.
pub fn a_write_that_expects_absence_never_overwrites<H: Harness>(harness: &H) {
    let store = open(harness);
    harness.block_on(async {
        let key = Key::from("ada");
        done(store.write(&key, state(&key, 1, 10), Expect::Absent).await.unwrap());
        assert_eq!(store.write(&key, state(&key, 2, 10), Expect::Absent).await.unwrap(), Written::Unmet);
        assert_eq!(now(&*store, &key).await, Some(1), "a write that answers Unmet writes nothing");
        store.remove(&key, Expect::Any).await.unwrap();
        done(store.write(&key, state(&key, 3, 10), Expect::Absent).await.unwrap());
        assert_eq!(now(&*store, &key).await, Some(3));
    });
}

/// `Version` writes over that state, and over no other.
pub fn a_write_that_expects_a_version_replaces_that_state_alone<H: Harness>(harness: &H) {
    let store = open(harness);
    harness.block_on(async {
        let key = Key::from("ada");
        let first = put(&*store, &key, 1).await;
        let expect = Expect::Version(first.clone());
        let second = done(store.write(&key, state(&key, 2, 50), expect.clone()).await.unwrap());
        assert_eq!(now(&*store, &key).await, Some(2));
        assert_eq!(store.write(&key, state(&key, 3, 50), expect).await.unwrap(), Written::Unmet);
        assert_eq!(now(&*store, &key).await, Some(2), "a write that answers Unmet writes nothing");
        let expect = Expect::Version(second);
        done(store.write(&key, state(&key, 4, 50), expect).await.unwrap());
        assert_eq!(now(&*store, &key).await, Some(4));
    });
}

/// A version names nothing once its record is gone, and nothing of another key.
pub fn a_version_names_no_other_record<H: Harness>(harness: &H) {
    let store = open(harness);
    harness.block_on(async {
        let (ada, bob) = (Key::from("ada"), Key::from("bob"));
        let of_ada = put(&*store, &ada, 1).await;
        put(&*store, &bob, 2).await;
        let expect = Expect::Version(of_ada);
        assert_eq!(store.write(&bob, state(&bob, 3, 10), expect.clone()).await.unwrap(), Written::Unmet);
        assert_eq!(store.remove(&bob, expect.clone()).await.unwrap(), Removed::Unmet);
        assert_eq!(now(&*store, &bob).await, Some(2));
        assert_eq!(store.remove(&ada, expect.clone()).await.unwrap(), Removed::Done);
        assert_eq!(store.write(&ada, state(&ada, 4, 10), expect.clone()).await.unwrap(), Written::Unmet);
        assert_eq!(now(&*store, &ada).await, None, "a version of what is gone creates nothing");
        let strange = Expect::Version(Version::new(&[7; 100]));
        assert_eq!(store.write(&bob, state(&bob, 5, 10), strange).await.unwrap(), Written::Unmet);
        put(&*store, &ada, 6).await;
        assert_eq!(store.write(&ada, state(&ada, 7, 10), expect).await.unwrap(), Written::Unmet);
        assert_eq!(now(&*store, &ada).await, Some(6));
    });
}

/// Every write gives the record a version that it did not have before, by whichever part it is read.
pub fn every_state_has_a_version_of_its_own<H: Harness>(harness: &H) {
    let store = open(harness);
    harness.block_on(async {
        let key = Key::from("ada");
        let mut seen: Vec<Version> = Vec::new();
        for n in 0..20 {
            // Every third time the data stays the same and only the head changes.
            let record = larder::Record::new(&meta_of(&key, n), data_of(n / 3, 40)).unwrap();
            let written = done(store.write(&key, record, Expect::Any).await.unwrap());
            assert!(!seen.contains(&written), "state {n} has the version of an earlier one");
            for part in [Part::All, Part::Head, Part::Range(larder::ByteRange::new(..5).unwrap())] {
                let read = store.read(&key, part).await.unwrap().unwrap().version;
                assert_eq!(read, written, "{part:?} gives the version that the write answered");
            }
            seen.push(written);
        }
    });
}

/// A removal says whether something was there, and removes it only if its expectation holds.
pub fn a_removal_reports_what_it_found<H: Harness>(harness: &H) {
    let store = open(harness);
    harness.block_on(async {
        let key = Key::from("ada");
        let old = put(&*store, &key, 1).await;
        let new = put(&*store, &key, 2).await;
        assert_eq!(store.remove(&key, Expect::Version(old)).await.unwrap(), Removed::Unmet);
        assert_eq!(store.remove(&key, Expect::Absent).await.unwrap(), Removed::Unmet);
        assert_eq!(now(&*store, &key).await, Some(2), "a removal that answers Unmet removes nothing");
        assert_eq!(store.remove(&key, Expect::Version(new.clone())).await.unwrap(), Removed::Done);
        assert_eq!(now(&*store, &key).await, None);
        assert_eq!(store.remove(&key, Expect::Version(new)).await.unwrap(), Removed::Unmet);
        assert_eq!(store.remove(&key, Expect::Any).await.unwrap(), Removed::Absent);
        put(&*store, &key, 3).await;
        assert_eq!(store.remove(&key, Expect::Any).await.unwrap(), Removed::Done);
        assert_eq!(store.remove(&key, Expect::Any).await.unwrap(), Removed::Absent);
        assert_eq!(listed(&*store, None).await, []);
    });
}

/// Sixteen writers race with one version: exactly one wins, and its state is the one stored.
pub fn of_sixteen_writers_with_one_version_exactly_one_wins<H: Harness>(harness: &H) {
    let store = open(harness);
    let key = Key::from("contended");
    let mut version = harness.block_on(put(&*store, &key, 0));
    for round in 1..=20u64 {
        let answers = race(harness, 16, |i| {
            let (n, expect) = (round * 100 + i as u64, Expect::Version(version.clone()));
            let (store, key) = (&store, &key);
            async move { (n, store.write(key, state(key, n, 64), expect).await.unwrap()) }
        });
        version = only_winner(harness, &*store, &key, answers);
    }
}

/// Sixteen writers race to create one record: exactly one does.
pub fn of_sixteen_writers_that_create_exactly_one_does<H: Harness>(harness: &H) {
    let store = open(harness);
    for round in 1..=20u64 {
        let key = &Key::from(format!("new {round}"));
        let answers = race(harness, 16, |i| {
            let (n, store) = (round * 100 + i as u64, &store);
            async move { (n, store.write(key, state(key, n, 64), Expect::Absent).await.unwrap()) }
        });
        only_winner(harness, &*store, key, answers);
    }
}

fn only_winner<H: Harness>(
    harness: &H,
    store: &H::Backend,
    key: &Key,
    answers: Vec<(u64, Written)>,
) -> Version {
    let won: Vec<_> = answers.into_iter().filter(|(_, answer)| *answer != Written::Unmet).collect();
    let [(n, Written::Done(version))] = &won[..] else { panic!("{} writers won, not one", won.len()) };
    assert_eq!(harness.block_on(now(store, key)), Some(*n), "the winner's state is the one stored");
    version.clone()
}

/// Sixteen removals race for one record: one removes it, the others find nothing, or their
/// expectation does not hold.
pub fn of_sixteen_removals_exactly_one_removes<H: Harness>(harness: &H) {
    let store = open(harness);
    let key = &Key::from("contended");
    for round in 0..10 {
        let version = harness.block_on(put(&*store, key, round));
        // In every other round the removals expect a version.
        let (expect, loser) = match round % 2 {
            0 => (Expect::Any, Removed::Absent),
            _ => (Expect::Version(version), Removed::Unmet),
        };
        let mut answers = race(harness, 16, |_| {
            let (store, expect) = (&store, expect.clone());
            async move { store.remove(key, expect).await.unwrap() }
        });
        answers.retain(|answer| *answer != loser);
        assert_eq!(answers, [Removed::Done], "all others answer {loser:?}");
    }
}

/// A counter kept by read and conditional write: every increment that was acknowledged is in it.
pub fn compare_and_set_loses_no_increment<H: Harness>(harness: &H) {
    const EACH: u64 = 10;
    let store = open(harness);
    let key = &Key::from("counter");
    harness.block_on(put(&*store, key, 0));
    race(harness, 16, |_| {
        let store = &store;
        async move {
            for _ in 0..EACH {
                let mut attempts = 0;
                loop {
                    let stored = store.read(key, Part::All).await.unwrap().unwrap();
                    let expect = Expect::Version(stored.version.clone());
                    let next = state_of(key, stored).await + 1;
                    // The others come in between, also where the store answers at once.
                    yield_once().await;
                    if store.write(key, state(key, next, 30), expect).await.unwrap() != Written::Unmet {
                        break;
                    }
                    attempts += 1;
                    assert!(attempts < 10_000, "a conditional write never succeeds");
                }
            }
        }
    });
    assert_eq!(harness.block_on(now(&*store, key)), Some(16 * EACH));
}

/// Writers of different keys do not disturb each other: everything that was acknowledged is there.
pub fn concurrent_writes_of_different_keys_all_arrive<H: Harness>(harness: &H) {
    const EACH: usize = 12;
    let store = open(harness);
    let key = |task: usize, i: usize| Key::from(format!("{task}/{i}"));
    race(harness, 16, |task| {
        let store = &store;
        async move {
            for i in 0..EACH {
                put(&**store, &key(task, i), (task * EACH + i) as u64).await;
            }
        }
    });
    harness.block_on(async {
        for task in 0..16 {
            for i in 0..EACH {
                assert_eq!(now(&*store, &key(task, i)).await, Some((task * EACH + i) as u64));
            }
        }
        assert_eq!(listed(&*store, None).await.len(), 16 * EACH);
    });
}
