//! What is not told: doubled, overtaken, stale, damaged, misdirected and lost operations.

use crate::*;

#[test]
fn a_doubled_blind_write_undoes_what_came_between() {
    let it = Faulty::with(Fault::Duplicate { again_ns: S, answers_second: false });
    assert!(it.wait(it.write("first")).is_ok());
    it.put("between");
    assert_eq!(it.stored().unwrap(), "between");
    it.sleep(S);
    assert_eq!(it.stored().unwrap(), "first", "it came once more");
    assert_eq!(it.count(FaultKind::Duplicate), [1, 0, 1]);
}

#[test]
fn a_doubled_conditional_write_happens_once() {
    let it = Faulty::with(Fault::Duplicate { again_ns: S, answers_second: false });
    let version = it.time.block_on(put(&it.healthy, &key(), "before"));
    let expect = Expect::Version(version);
    let written = it.wait(it.faulty.write(&key(), record(&key(), "first"), expect)).unwrap();
    assert!(matches!(written, Written::Done(_)));
    it.put("between");
    it.sleep(2 * S);
    assert_eq!(it.stored().unwrap(), "between");
}

/// What a client library does that tries again by itself, and is told that the version has changed: it
/// was its own first try that changed it.
#[test]
fn a_conditional_write_that_is_tried_again_unasked_is_answered_unmet_although_it_happened() {
    let it = Faulty::with(Fault::Duplicate { again_ns: S, answers_second: true });
    let written = it.wait(it.faulty.write(&key(), record(&key(), "x"), Expect::Absent)).unwrap();
    assert_eq!(written, Written::Unmet);
    assert_eq!(it.stored().unwrap(), "x");
    assert_eq!(it.time.clock.nanos(), S + 10 * MS);
}

#[test]
fn a_reordered_operation_is_overtaken_by_later_ones_of_its_client() {
    let it = Faulty::with(Fault::Reorder { by_ns: 50 * MS });
    let (first, second) = (it.write("first"), it.write("second"));
    assert!(it.wait(second).is_ok());
    assert_eq!(it.stored().unwrap(), "second");
    assert!(it.wait(first).is_ok());
    assert_eq!((it.stored().unwrap(), it.time.clock.nanos()), (Bytes::from("first"), 60 * MS));
}

#[test]
fn a_stale_read_shows_what_was_there_before() {
    let stale = |number, lag| Faults::none().at(1, number, Fault::StaleRead { lag_ns: lag });
    let it = Faulty::built(stale(0, 15 * MS), |builder| builder);
    it.put("old");
    it.put("new");
    it.time.block_on(async {
        assert_eq!(get(&it.faulty, &key()).await.unwrap(), "old");
        assert_eq!(get(&it.faulty, &key()).await.unwrap(), "new");
    });
    assert_eq!(it.count(FaultKind::StaleRead), [1, 1, 0]);

    let it = Faulty::built(stale(0, 15 * MS), |builder| builder);
    it.put("x");
    assert!(it.wait(it.faulty.read(&key(), Part::Head)).unwrap().is_none(), "it was not there yet");
    let it = Faulty::built(stale(0, S), |builder| builder);
    it.put("x");
    it.sleep(2 * S);
    assert!(it.wait(it.faulty.read(&key(), Part::All)).unwrap().is_some());
    assert_eq!(it.count(FaultKind::StaleRead), [1, 0, 1], "nothing has changed in that time");

    let it = Faulty::built(stale(0, 15 * MS), |builder| builder);
    it.put("x");
    it.wait(it.healthy.remove(&key(), Expect::Any)).unwrap();
    assert!(it.wait(it.faulty.read(&key(), Part::All)).unwrap().is_some(), "it was still there");
}

#[test]
fn a_stale_listing_names_what_is_gone_and_not_what_is_new() {
    let it = Faulty::with(Fault::StaleList { lag_ns: S });
    let names = |listed: Vec<Key>| listed.iter().map(Key::to_string).collect::<Vec<_>>().join(" ");
    it.time.block_on(async {
        for name in ["a/stays", "a/goes", "b/goes"] {
            put(&it.healthy, &name.into(), "x").await;
        }
        it.time.clock.sleep_for(Duration::from_secs(2)).await;
        for name in ["a/goes", "b/goes"] {
            it.healthy.remove(&name.into(), Expect::Any).await.unwrap();
        }
        put(&it.healthy, &"a/new".into(), "x").await;
        let stale: Vec<Key> = it.faulty.keys(Some("a/")).try_collect().await.unwrap();
        assert_eq!(names(stale), r#""a/stays" "a/goes""#);
        let mut fresh: Vec<Key> = it.faulty.keys(None).try_collect().await.unwrap();
        fresh.sort();
        assert_eq!(names(fresh), r#""a/new" "a/stays""#);
    });
    assert_eq!(it.count(FaultKind::StaleList), [1, 1, 0]);
}

#[test]
fn a_torn_write_is_acknowledged_and_stays_damaged_until_it_is_written_again() {
    for draw in 0..40 {
        let it = Faulty::with(Fault::Torn { draw });
        assert!(it.wait(it.write("a few bytes")).is_ok());
        assert!(is_damaged(&it) && is_damaged(&it), "draw {draw}");
        it.put("a few bytes");
        assert!(!is_damaged(&it));
        assert_eq!(it.count(FaultKind::Torn), [1, 0, 1]);
    }
}

#[test]
fn rot_stays_in_its_place_until_the_store_is_healed() {
    for draw in 0..40 {
        let it = Faulty::with(Fault::Rot { draw });
        it.put("a few bytes");
        assert!(!is_damaged(&it));
        drop(it.wait(it.faulty.read(&key(), Part::All)));
        assert!(is_damaged(&it) && is_damaged(&it), "draw {draw}");
        assert_eq!(it.stored().unwrap(), "a few bytes", "what is behind is intact");
        it.healthy.heal();
        assert!(!is_damaged(&it));
        assert_eq!(it.count(FaultKind::Rot), [1, 1, 0]);
    }
}

#[test]
fn a_misdirected_read_brings_a_whole_record_of_another_key() {
    let it = Faulty::with(Fault::Misdirect { draw: 3 });
    it.put("x");
    it.time.block_on(put(&it.healthy, &"bob".into(), "y"));
    let stored = it.wait(it.faulty.read(&key(), Part::All)).unwrap().unwrap();
    assert_eq!(stored.head.key().unwrap(), Key::from("bob"));
    assert!(!stored.verified, "nobody may be kept from finding out");
    assert_eq!(it.count(FaultKind::Misdirect), [1, 1, 0]);
}

#[test]
fn a_lost_write_is_acknowledged_and_never_happens() {
    let it = Faulty::with(Fault::LostWrite);
    it.put("x");
    let Written::Done(version) = it.wait(it.write("lost")).unwrap() else { panic!("it claims to be done") };
    assert_eq!(it.stored().unwrap(), "x");
    let under_it = it.faulty.write(&key(), record(&key(), "y"), Expect::Version(version));
    assert_eq!(it.wait(under_it).unwrap(), Written::Unmet, "no record has this version");
    assert_eq!(it.count(FaultKind::LostWrite), [1, 0, 1], "nobody can see it yet");

    // What is answered is what would have been answered.
    let it = Faulty::with(Fault::LostWrite);
    it.put("x");
    let write = it.faulty.write(&key(), record(&key(), "lost"), Expect::Absent);
    assert_eq!(it.wait(write).unwrap(), Written::Unmet);
    let it = Faulty::with(Fault::LostWrite);
    assert_eq!(it.wait(it.faulty.remove(&key(), Expect::Any)).unwrap(), Removed::Absent);
    let it = Faulty::with(Fault::LostWrite);
    it.put("x");
    assert_eq!(it.wait(it.faulty.remove(&key(), Expect::Any)).unwrap(), Removed::Done);
    assert_eq!(it.stored().unwrap(), "x");
    let it = Faulty::with(Fault::LostWrite);
    let write = Write { key: key(), record: Some(record(&key(), "x")), expect: Expect::Absent };
    assert_eq!(it.wait(it.faulty.write_batch(vec![write])).unwrap(), Batch::Done(vec![false]));
    assert_eq!(it.stored(), None);
}
