//! When operations happen, whether somebody waits for them or not, and what the log tells of it.

use crate::*;

#[test]
fn an_operation_takes_effect_and_is_answered_each_at_its_instant() {
    let time = Virtual::new(1);
    let (store, memory) = over_memory(&time, hundred());
    time.block_on(async {
        let mut written = store.write(&key(), record(&key(), "x"), Expect::Any);
        assert!(!is_there(&memory) && (&mut written).now_or_never().is_none());
        time.clock.sleep_until(30 * US - 1).await;
        assert!(!is_there(&memory), "not before its instant");
        time.clock.sleep_until(30 * US + 1).await;
        assert!(is_there(&memory) && (&mut written).now_or_never().is_none(), "it has happened unheard");
        written.await.unwrap();
        assert_eq!(time.clock.nanos(), 100 * US);
        assert_eq!(get(&store, &key()).await.unwrap(), "x");
        assert_eq!(time.clock.nanos(), 200 * US);
    });
}

#[test]
fn without_latency_the_answer_is_there_at_once_and_nothing_is_on_the_timeline() {
    let time = Virtual::new(1);
    let (store, _) = over_memory(&time, Profile::none());
    assert!(store.write(&key(), record(&key(), "x"), Expect::Any).is_ready());
    assert!(store.read(&key(), Part::All).is_ready());
    assert!(store.remove(&key(), Expect::Any).is_ready());
    assert!(store.sync().is_ready() && store.close().is_ready());
    assert_eq!((time.clock.waiting(), time.clock.fired()), (0, 0));
}

#[test]
fn a_write_whose_caller_has_gone_happens_unless_it_is_to_be_aborted() {
    for (on_cancel, happens) in [(OnCancel::Detach, true), (OnCancel::Abort, false)] {
        let time = Virtual::new(1);
        let (memory, log) = (Memory::new(), Log::new());
        let store = Simulated::builder(memory.clone(), time.timeline(), 1);
        let store = store.profile(hundred()).on_cancel(on_cancel).log(&log).build();
        drop(store.write(&key(), record(&key(), "x"), Expect::Any));
        time.settle();
        assert_eq!(is_there(&memory), happens, "{on_cancel:?}");
        let [life] = &log.lives()[..] else { panic!("one operation") };
        assert_eq!(life.effect.is_some(), happens);
        assert_eq!(life.outcome == Outcome::Abandoned, !happens);
        // One that has taken effect is beyond aborting.
        let read = store.write(&key(), record(&key(), "y"), Expect::Any);
        time.block_on(time.clock.sleep_for(Duration::from_micros(50)));
        drop(read);
        time.settle();
        assert!(is_there(&memory));
    }
}

#[test]
fn closing_waits_for_what_was_submitted_before() {
    let time = Virtual::new(1);
    let (store, _) = over_memory(&time, uneven());
    time.block_on(async {
        let writes: Vec<_> = (0..50u64)
            .map(|n| store.client(n).write(&Key::from(n), record(&Key::from(n), "x"), Expect::Any))
            .collect();
        let closed = store.close();
        let late = store.read(&key(), Part::All);
        for write in writes {
            assert!(matches!(write.await, Ok(Written::Done(_))));
        }
        closed.await.unwrap();
        drop(late);
        assert_eq!(store.read(&key(), Part::All).await.unwrap_err().kind(), ErrorKind::Closed);
    });
}

#[test]
fn simulated_stores_can_be_stacked() {
    let time = Virtual::new(1);
    let (far, _) = over_memory(&time, hundred());
    let near = Simulated::builder(far, time.timeline(), 2).profile(hundred()).build();
    time.block_on(async {
        put(&near, &key(), "x").await;
        // 30 us to the inner, 100 us there; of the 70 us back nothing is missing any more.
        assert_eq!(time.clock.nanos(), 130 * US);
        assert_eq!(get(&near, &key()).await.unwrap(), "x");
    });
}

#[test]
fn the_log_tells_what_became_of_every_operation() {
    let time = Virtual::new(1);
    let log = Log::new();
    let store = Simulated::builder(Memory::new(), time.timeline(), 1).named("shop").profile(hundred());
    let store = store.log(&log).build();
    time.block_on(async {
        let store = store.client(7);
        put(&store, &key(), "four").await;
        get(&store, &key()).await;
        store.write(&key(), record(&key(), "x"), Expect::Absent).await.unwrap();
        store.remove(&key(), Expect::Any).await.unwrap();
        store.read(&key(), Part::Head).await.unwrap();
        store.sync().await.unwrap();
        store.keys(Some("a")).try_collect::<Vec<_>>().await.unwrap();
    });
    let lives = log.take();
    assert!(log.is_empty());
    let told: Vec<_> =
        lives.iter().map(|life| (life.class, life.outcome, life.bytes_in, life.bytes_out)).collect();
    assert_eq!(
        told,
        [
            (Class::Write, Outcome::Done, 4, 0),
            (Class::Read, Outcome::Done, 0, 4),
            (Class::Write, Outcome::Unmet, 1, 0),
            (Class::Remove, Outcome::Done, 0, 0),
            (Class::Head, Outcome::Absent, 0, 0),
            (Class::Sync, Outcome::Done, 0, 0),
            (Class::List, Outcome::Done, 0, 0),
        ]
    );
    for (number, life) in lives.iter().enumerate() {
        let at = number as u64 * 100 * US;
        assert_eq!((life.client, life.number, &*life.store), (7, number as u64, "shop"));
        assert_eq!((life.submitted, life.started), (at, at));
        assert_eq!((life.effect, life.acknowledged), (Some(at + 30 * US), Some(at + 100 * US)));
        assert_eq!((life.order, life.fault), (Some(number as u64), None));
    }
    assert_eq!(lives[1].key, Some(key()));
    assert_eq!(lives[6].key, Some(Key::from("a")));
}
