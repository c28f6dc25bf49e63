//! Measures; for a quiet machine, with `--release -- --ignored --nocapture index_figures`.

use std::time::Instant;

use larder::io::RealDisk;

use super::*;

#[test]
#[ignore = "measures"]
#[expect(clippy::disallowed_methods, reason = "it measures")]
fn index_figures() {
    const KEYS: u32 = 1_000_000;
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let disk = RealDisk;
    let keys: Vec<Key> =
        (0..KEYS).map(|number| Key::from(format!("users/{:018}", u64::from(number) * 7919))).collect();
    let say = |what: &str, begun: Instant| {
        println!("{what:40} {:8.2} ms", begun.elapsed().as_secs_f64() * 1e3);
    };
    let per_key = |index: &Index| index.memory() as f64 / f64::from(KEYS);

    let index = Index::new(SALT);
    let begun = Instant::now();
    for (number, key) in keys.iter().enumerate() {
        index.set(key.as_cbor(), None, Some(at(1, number as u32)));
    }
    say("adding, one by one", begun);
    println!("{:40} {:8.1} B", "memory per key before a checkpoint", per_key(&index));
    let list = |index: &Index, what: &str, prefix: Option<&str>| {
        let mut times = Vec::new();
        for _ in 0..15 {
            let begun = Instant::now();
            let (mut cursor, mut count) = (Cursor::new(prefix), 0);
            loop {
                let page = index.page(&mut cursor, 1024).unwrap();
                if page.is_empty() {
                    break;
                }
                count += page.len();
            }
            assert_eq!(count, KEYS as usize);
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        println!("{what:40} {:8.2} ms, the median of {}; at best {:.2}", times[7], times.len(), times[0]);
    };
    list(&index, "listing, no checkpoint", None);
    let begun = Instant::now();
    index.checkpoint(&disk, dir, 1, place(1, 16), b"").unwrap();
    say("checkpoint", begun);
    println!("{:40} {:8.1} B", "memory per key after it", per_key(&index));

    for _ in 0..5 {
        let begun = Instant::now();
        let opened = Index::open(&disk, dir, SALT).unwrap().0.unwrap();
        say("opening", begun);
        assert_eq!(opened.index.len(), u64::from(KEYS));
    }
    let opened = Index::open(&disk, dir, SALT).unwrap().0.unwrap().index;
    list(&opened, "listing", None);
    list(&opened, "listing with a prefix", Some("users/"));
    let begun = Instant::now();
    let hash = opened.hash(keys[0].as_cbor());
    opened.find_waiting(hash).unwrap();
    say("finding the first, with its shard", begun);
    let begun = Instant::now();
    for key in &keys {
        opened.find_waiting(opened.hash(key.as_cbor())).unwrap();
    }
    say("finding all, with loading", begun);
    println!("{:40} {:8.1} B", "memory per key, all loaded", per_key(&opened));
    for _ in 0..3 {
        let begun = Instant::now();
        let mut found = 0;
        for number in 0..KEYS as usize {
            let key = &keys[number * 6151 % keys.len()];
            found += opened.find(opened.hash(key.as_cbor())).locations().len();
        }
        say("finding all, in another order", begun);
        assert!(found >= KEYS as usize);
    }
    for number in (0..KEYS).step_by(100) {
        opened.set(keys[number as usize].as_cbor(), Some(at(1, number)), None);
        opened.set(keys[number as usize].as_cbor(), None, Some(at(2, number)));
    }
    opened.set(keys[5].as_cbor(), Some(at(1, 5)), None);
    opened.set(Key::from("users/new").as_cbor(), None, Some(at(2, 5)));
    list(&opened, "listing, one of a hundred replaced", None);
}
