//! Listing.

mod support;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use larder::{Backend, Expect, Key};
use larder_filesystem::Filesystem;
use smol::stream::StreamExt;
use support::*;

#[test]
fn hostile_keys_stay_within_the_directory_and_come_back() {
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("store");
    let store = open(&dir);
    let texts = [
        "",
        ".",
        "..",
        "../../etc/passwd",
        "/",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "a\0b",
        "a\nb",
        "CON",
        "con",
        "nul.txt",
        "Ada",
        "ada",
        "ADA",
        "%",
        "%2F",
        "#",
        "~",
        "~0123456789abcdef-1",
        " ",
        "a.",
        ".a",
        "-rf",
        "ü",
        "u\u{308}",
        "\u{feff}",
        "larder-store",
    ];
    let mut all: BTreeSet<Key> = texts.into_iter().map(Key::from).collect();
    all.extend([Key::null(), 1.into(), 1.0.into(), true.into(), Key::bytes(b"ada"), Key::identifier("ada")]);
    all.extend(["😀".repeat(16_000), "x".repeat(140), "x".repeat(141), "../".repeat(1000)].map(Key::from));
    all.insert(Key::array([Key::from("a"), Key::map([(1.into(), Key::uuid([7; 16]))])]));
    for key in &all {
        put(&store, key, key.as_cbor().to_vec()).unwrap();
    }
    for key in &all {
        assert_eq!(get(&store, key).unwrap().unwrap(), key.as_cbor());
    }
    assert_eq!(keys(&store), all.iter().cloned().collect::<Vec<_>>());
    assert_eq!(std::fs::read_dir(outer.path()).unwrap().count(), 1);
    for key in &all {
        store.remove(key, Expect::Any).wait().unwrap();
    }
    assert!(files(&dir.join("records")).is_empty());
}

#[test]
fn a_prefix_selects_text_keys_and_opens_no_file_for_readable_ones() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let plan = Arc::clone(&disk.0);
    let store = smol::block_on(Filesystem::options().disk(Arc::new(disk)).open(dir.path())).unwrap();
    let long = format!("users/{}", "x".repeat(300));
    for key in ["users/1", "users/2", "user", "Users/1", &long].map(Key::from).into_iter().chain([42.into()])
    {
        put(&store, key, "x").unwrap();
    }
    let listed = |prefix| {
        let keys = collect(store.keys(Some(prefix)));
        keys.into_iter().map(|key| key.unwrap().as_text().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    *plan.only.lock().unwrap() = Some("open");
    plan.calls.store(0, Ordering::SeqCst);
    assert_eq!(listed("users/"), ["users/1".into(), "users/2".into(), long].into());
    assert_eq!(listed("").len(), 5);
    assert_eq!(listed("nobody").len(), 0);
    assert_eq!(plan.calls(), 3 * 2, "the two hashed names, three times");
}

/// NFS names an open file so that loses its own.
#[test]
fn files_that_lost_their_names_are_passed_over_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(&store, "ada", "x").unwrap();
    let lost = dir.path().join("records/00/.nfs00000000018c2a7500000001");
    std::fs::write(&lost, "still open somewhere").unwrap();
    assert_eq!(keys(&store), ["ada".into()]);
    drop(store);
    assert_eq!(keys(&open(dir.path())), ["ada".into()]);
    assert!(lost.exists());
}

#[test]
fn a_key_that_is_present_throughout_is_listed_exactly_once() {
    let dir = tempfile::tempdir().unwrap();
    let options = Filesystem::options().durability(larder::Durability::Flushed);
    let store = smol::block_on(options.open(dir.path())).unwrap();
    let stay: BTreeSet<Key> = (0..700).map(|i| format!("stay {i}").into()).collect();
    let replies: Vec<_> = stay.iter().map(|key| store.write(key, record(key, "x"), Expect::Any)).collect();
    replies.into_iter().for_each(|reply| _ = reply.wait().unwrap());
    let (stop, hot) = (AtomicBool::new(false), Mutex::new(stay.iter().cycle()));
    thread::scope(|scope| {
        scope.spawn(|| {
            for i in 0.. {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let replaced = hot.lock().unwrap().next().unwrap();
                let come = Key::from(format!("come {}", i % 500));
                let replies = [
                    store.write(replaced, record(replaced, i.to_string()), Expect::Any),
                    store.write(&come, record(&come, "x"), Expect::Any),
                ];
                replies.into_iter().for_each(|reply| _ = reply.wait().unwrap());
                store.remove(&Key::from(format!("come {}", (i + 250) % 500)), Expect::Any).wait().unwrap();
            }
        });
        for _ in 0..8 {
            let mut seen = BTreeSet::new();
            for key in collect(store.keys(None)) {
                let key = key.unwrap();
                assert!(seen.insert(key.clone()), "{key} twice");
            }
            assert!(stay.is_subset(&seen), "{:?}", stay.difference(&seen).next());
        }
        stop.store(true, Ordering::SeqCst);
    });
}

#[test]
fn a_listing_reads_on_only_as_far_as_it_is_pulled_and_may_be_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let plan = Arc::clone(&disk.0);
    let options = Filesystem::options().disk(Arc::new(disk)).durability(larder::Durability::Flushed);
    let store = smol::block_on(options.open(dir.path())).unwrap();
    let replies: Vec<_> = (0..3000)
        .map(|i| {
            let key = Key::from(format!("key {i}"));
            store.write(&key, record(&key, "x"), Expect::Any)
        })
        .collect();
    replies.into_iter().for_each(|reply| _ = reply.wait().unwrap());
    *plan.only.lock().unwrap() = Some("list");
    plan.calls.store(0, Ordering::SeqCst);
    let mut listing = store.keys(None);
    assert_eq!(plan.calls(), 0);
    smol::block_on(listing.next()).unwrap().unwrap();
    assert!((1..200).contains(&plan.calls()), "{}", plan.calls());
    drop(listing);
    assert_eq!(keys(&store).len(), 3000);
}

#[test]
fn a_directory_that_cannot_be_listed_is_an_error_and_the_listing_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let plan = Arc::clone(&disk.0);
    let store = smol::block_on(Filesystem::options().disk(Arc::new(disk)).open(dir.path())).unwrap();
    put(&store, "a", "x").unwrap();
    put(&store, "b", "x").unwrap();
    let listed_without = |failing| {
        *plan.only.lock().unwrap() = Some("list");
        plan.fail_at(failing, std::io::ErrorKind::Other);
        let listed = collect(store.keys(None));
        assert_eq!(listed.iter().filter(|key| key.is_err()).count(), 1);
        listed.iter().filter(|key| key.is_ok()).count()
    };
    assert_eq!(listed_without(1), 0, "without the list of directories");
    // The directories come in order, each listed once; two of them hold a key.
    let directories = std::fs::read_dir(dir.path().join("records")).unwrap().count() as u64;
    let mut listed: Vec<usize> = (0..directories).map(|dir| listed_without(2 + dir)).collect();
    listed.sort_unstable();
    assert_eq!(listed[..3], [1, 1, 2]);
}
