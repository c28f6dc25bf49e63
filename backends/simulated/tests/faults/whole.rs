//! What strikes the whole store: slowness, pauses, clock steps, crashes.

use crate::*;

#[test]
fn what_is_acknowledged_before_it_is_synced_is_gone_after_a_crash() {
    let crash = |it: &Faulty| {
        it.healthy.crash(Duration::from_secs(1));
        it.sleep(2 * S);
    };
    for before in [None, Some("before")] {
        let it = Faulty::with(Fault::AckBeforeSync);
        if let Some(data) = before {
            it.put(data);
        }
        assert!(it.wait(it.write("unsynced")).is_ok());
        assert_eq!(it.stored().unwrap(), "unsynced");
        crash(&it);
        assert_eq!(it.stored(), before.map(Bytes::from));
    }
    let it = Faulty::with(Fault::AckBeforeSync);
    it.put("x");
    it.wait(it.faulty.remove(&key(), Expect::Any)).unwrap();
    crash(&it);
    assert_eq!(it.stored().unwrap(), "x", "a removal is undone, too");

    let it = Faulty::with(Fault::AckBeforeSync);
    assert!(it.wait(it.write("synced")).is_ok());
    it.wait(it.healthy.sync()).unwrap();
    crash(&it);
    assert_eq!(it.stored().unwrap(), "synced");

    let it = Faulty::with(Fault::AckBeforeSync);
    assert!(it.wait(it.write("unsynced")).is_ok());
    it.put("durable");
    crash(&it);
    assert_eq!(it.stored().unwrap(), "durable", "a later write that is durable stays");

    let twice = Faults::none().at(1, 0, Fault::AckBeforeSync).at(1, 2, Fault::AckBeforeSync);
    let it = Faulty::built(twice, |builder| builder);
    for data in ["unsynced", "durable", "unsynced again"] {
        assert!(it.wait(it.write(data)).is_ok());
    }
    crash(&it);
    assert_eq!(it.stored().unwrap(), "durable", "no further back than to the last durable state");

    let it = Faulty::with(Fault::AckBeforeSync);
    assert!(it.wait(it.write("unsynced")).is_ok());
    pollster::block_on(put(&it.memory, &key(), "of others"));
    crash(&it);
    assert_eq!(it.stored().unwrap(), "of others", "also one that did not come this way");
}

#[test]
fn a_slow_operation_takes_so_many_times_as_long() {
    let it = Faulty::with(Fault::Slow { factor: 20 });
    let written = it.write("x");
    it.sleep(79 * MS);
    assert_eq!(it.stored(), None);
    assert!(it.wait(written).is_ok());
    assert_eq!(it.time.clock.nanos(), 200 * MS);
    assert_eq!(it.count(FaultKind::Slow), [1, 0, 1]);
}

#[test]
fn a_pause_holds_everybody_and_keeps_the_order() {
    let it = Faulty::with(Fault::Pause { time_ns: S });
    let before = it.healthy.write(&key(), record(&key(), "before"), Expect::Any);
    drop(it.faulty.sync());
    let written: Vec<_> =
        (0..20).map(|n| it.healthy.write(&key(), record(&key(), format!("{n}")), Expect::Any)).collect();
    it.sleep(S - 1);
    assert_eq!(it.stored(), None, "the store stands still");
    assert!(it.wait(before).is_ok());
    for write in written {
        assert!(it.wait(write).is_ok());
    }
    assert_eq!(it.stored().unwrap(), "19");
    assert!(it.time.clock.nanos() < S + 10 * MS, "{}", it.time.clock.nanos());
}

#[test]
fn a_clock_step_moves_the_time_of_day_and_nothing_else() {
    let it = Faulty::with(Fault::ClockStep { by_ms: 3_600_000 });
    let before = it.time.clock.wall().as_millis();
    drop(it.faulty.sync());
    assert_eq!(it.time.clock.wall().as_millis(), before + 3_600_000);
    assert_eq!(it.time.clock.nanos(), 0);
    let it = Faulty::with(Fault::ClockStep { by_ms: -3_600_000 });
    drop(it.faulty.sync());
    assert!(it.time.clock.wall().as_millis() < before);
}

#[test]
fn a_crash_leaves_what_was_under_way_undone_or_unheard() {
    for after in [false, true] {
        let it = Faulty::with(Fault::Crash { after, down_ns: S });
        // One has happened before the crash, one would happen after it.
        let early = it.healthy.write(&"early".into(), record(&"early".into(), "x"), Expect::Any);
        it.sleep(MS);
        let strikes = it.write("x");
        it.sleep(MS);
        let late = it.healthy.write(&"late".into(), record(&"late".into(), "x"), Expect::Any);
        for reply in [early, strikes, late] {
            is_ambiguous(&it.wait(reply).unwrap_err(), ErrorKind::Unavailable);
        }
        assert!(!it.healthy.is_up());
        assert_eq!(it.stored().is_some(), after);
        let there = |name: &str| it.memory.read(&name.into(), Part::Head).wait().unwrap().is_some();
        assert_eq!((there("early"), there("late")), (true, false));
        // While it is down, it says so, and nothing happens.
        is_retryable(&it.wait(it.healthy.read(&key(), Part::All)).unwrap_err(), ErrorKind::Unavailable);
        is_retryable(&it.wait(it.write("y")).unwrap_err(), ErrorKind::Unavailable);
        it.sleep(S);
        assert!(it.healthy.is_up() && it.wait(it.write("z")).is_ok());
        assert_eq!(it.count(FaultKind::Crash), [1, 1, 0]);
    }
}
