//! Failures that are told: errors, timeouts, hanging, throttling, a storage that is full.

use crate::*;

#[test]
fn an_error_before_the_effect_leaves_nothing_and_may_be_tried_again() {
    let it = Faulty::with(Fault::ErrorBefore);
    let error = it.wait(it.write("x")).unwrap_err();
    is_retryable(&error, ErrorKind::Unavailable);
    it.time.settle();
    assert_eq!((it.stored(), it.time.clock.nanos()), (None, 10 * MS));
    assert!(it.wait(it.write("x")).is_ok(), "only one operation was to fail");
    assert_eq!(it.count(FaultKind::ErrorBefore), [1, 1, 0]);
    let [first, _] = &it.log.lives()[..] else { panic!("two operations") };
    let failed = Outcome::Failed { kind: ErrorKind::Unavailable, ambiguous: false };
    assert_eq!((first.outcome, first.effect, first.fault), (failed, None, Some(Fault::ErrorBefore)));
}

#[test]
fn an_error_after_the_effect_is_ambiguous_for_a_change_and_not_for_a_read() {
    let it = Faulty::with(Fault::ErrorAfter);
    is_ambiguous(&it.wait(it.write("x")).unwrap_err(), ErrorKind::Unavailable);
    assert_eq!(it.stored().unwrap(), "x");
    assert_eq!(it.time.clock.nanos(), 10 * MS);

    let it = Faulty::with(Fault::ErrorAfter);
    is_retryable(&it.wait(it.faulty.read(&key(), Part::All)).unwrap_err(), ErrorKind::Unavailable);

    let it = Faulty::with(Fault::ErrorAfter);
    it.put("x");
    is_ambiguous(&it.wait(it.faulty.remove(&key(), Expect::Any)).unwrap_err(), ErrorKind::Unavailable);
    assert_eq!(it.stored(), None);
}

#[test]
fn after_a_timeout_the_effect_comes_late_or_never() {
    let it = Faulty::with(Fault::Timeout { after_ns: S, late_ns: Some(2 * S) });
    let error = it.wait(it.write("ghost")).unwrap_err();
    is_ambiguous(&error, ErrorKind::TimedOut);
    assert!(error.to_string().contains("within 1s"), "{error}");
    assert_eq!((it.stored(), it.time.clock.nanos()), (None, S));
    let life = || it.log.lives()[0].clone();
    let failed = Outcome::Failed { kind: ErrorKind::TimedOut, ambiguous: true };
    assert_eq!((life().effect, life().acknowledged, life().outcome), (None, Some(S), failed));
    it.sleep(2 * S);
    assert_eq!(it.stored().unwrap(), "ghost");
    assert_eq!((life().effect, life().acknowledged, life().outcome), (Some(3 * S), Some(S), failed));
    assert_eq!(it.log.len(), 1);

    let it = Faulty::with(Fault::Timeout { after_ns: S, late_ns: None });
    is_ambiguous(&it.wait(it.write("x")).unwrap_err(), ErrorKind::TimedOut);
    it.time.settle();
    assert_eq!(it.stored(), None);
    assert_eq!(it.count(FaultKind::Timeout), [1, 1, 0]);
}

#[test]
fn a_lost_acknowledgement_is_a_timeout_of_something_that_happened_in_time() {
    let it = Faulty::with(Fault::LostAck { after_ns: S });
    let written = it.write("x");
    it.sleep(5 * MS);
    assert_eq!(it.stored().unwrap(), "x");
    is_ambiguous(&it.wait(written).unwrap_err(), ErrorKind::TimedOut);
    assert_eq!(it.time.clock.nanos(), S);
}

#[test]
fn what_hangs_is_never_answered_until_the_connection_is_lost() {
    for effect in [true, false] {
        let it = Faulty::with(Fault::Hang { effect });
        let mut written = it.write("x");
        it.sleep(1_000_000 * S);
        assert!((&mut written).now_or_never().is_none());
        assert_eq!(it.stored().is_some(), effect);
        assert_eq!(it.log.lives()[0].outcome, Outcome::Hung);
        it.healthy.heal();
        is_ambiguous(&it.wait(written).unwrap_err(), ErrorKind::Unavailable);
        let [life] = &it.log.lives()[..] else { panic!("one operation, written down once") };
        assert_eq!(life.acknowledged, Some(1_000_000 * S));
        assert_eq!(it.count(FaultKind::Hang), [1, 1, 0]);
    }
}

#[test]
fn closing_ends_what_hangs_and_dropping_the_store_leaves_nobody_waiting() {
    let it = Faulty::with(Fault::Hang { effect: false });
    let written = it.write("x");
    it.wait(it.healthy.close()).unwrap();
    is_ambiguous(&it.wait(written).unwrap_err(), ErrorKind::Unavailable);

    let Faulty { time, healthy, faulty, .. } = Faulty::with(Fault::Hang { effect: false });
    let written = faulty.write(&key(), record(&key(), "x"), Expect::Any);
    time.settle();
    drop((healthy, faulty));
    assert_eq!(time.block_on(written).unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn a_throttled_operation_is_told_when_to_come_back() {
    let it = Faulty::with(Fault::Throttle { retry_after_ns: 1_500 * MS });
    let error = it.wait(it.write("x")).unwrap_err();
    is_retryable(&error, ErrorKind::Unavailable);
    assert!(error.to_string().contains("try again after 1.5s"), "{error}");
    assert_eq!(it.stored(), None);
    // A rate limit of the profile says the same.
    let busy = Profile::named("s3-standard").unwrap();
    let it = Faulty::built(Faults::none(), |builder| builder.profile(busy));
    let errors: Vec<Error> = it.time.block_on(async {
        let reads: Vec<_> = (0..20_000).map(|_| it.healthy.read(&key(), Part::Head)).collect();
        futures::future::join_all(reads).await.into_iter().filter_map(Result::err).collect()
    });
    assert!(!errors.is_empty());
    for error in errors {
        is_retryable(&error, ErrorKind::Unavailable);
        assert!(error.to_string().contains("try again after"), "{error}");
    }
}

#[test]
fn a_full_storage_refuses_a_write_and_keeps_what_was_there() {
    let it = Faulty::with(Fault::Full);
    it.put("x");
    let error = it.wait(it.write("y")).unwrap_err();
    assert_eq!((error.kind(), error.is_retryable(), error.is_ambiguous()), (ErrorKind::Full, false, false));
    assert_eq!(it.stored().unwrap(), "x");
}

#[test]
fn a_quota_is_kept_and_removing_makes_room() {
    let it = Faulty::built(Faults::none().quota(10), |builder| builder);
    let write = |name: &'static str, len: usize| {
        let key = Key::from(name);
        let record = record(&key, vec![0; len]);
        it.wait(it.healthy.write(&key, record, Expect::Any)).map_err(|error| error.kind())
    };
    assert!(write("a", 6).is_ok() && write("b", 4).is_ok());
    assert_eq!(write("c", 1), Err(ErrorKind::Full));
    assert!(write("a", 5).is_ok(), "it takes the place of the old one");
    assert!(write("c", 1).is_ok());
    assert_eq!(write("a", 6), Err(ErrorKind::Full));
    it.wait(it.healthy.remove(&"b".into(), Expect::Any)).unwrap();
    assert!(write("a", 9).is_ok());
    // A stream is refused on its way.
    let meta = larder::Meta::new("s".into(), larder::Kind::Binary, larder::Timestamp::from_millis(1));
    let chunks = futures::stream::repeat_with(|| Ok(Bytes::from("x"))).boxed();
    let endless = larder::Record::streamed(&meta, chunks).unwrap();
    let error = it.wait(it.healthy.write(&"s".into(), endless, Expect::Any)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    it.healthy.heal();
    assert!(write("d", 1_000).is_ok());
}

#[test]
fn listings_fail_honestly_and_end_there() {
    for (fault, kind) in [
        (Fault::ErrorBefore, ErrorKind::Unavailable),
        (Fault::Throttle { retry_after_ns: S }, ErrorKind::Unavailable),
        (Fault::Timeout { after_ns: S, late_ns: None }, ErrorKind::TimedOut),
        (Fault::Crash { after: false, down_ns: S }, ErrorKind::Unavailable),
    ] {
        let it = Faulty::with(fault);
        it.put("x");
        let listed: Vec<Result<Key>> = it.time.block_on(it.faulty.keys(None).collect());
        let [Err(error)] = &listed[..] else { panic!("{fault:?}: {listed:?}") };
        is_retryable(error, kind);
    }
}

#[test]
fn streamed_writes_suffer_like_others() {
    let streamed = |it: &Faulty| {
        let meta = larder::Meta::new(key(), larder::Kind::Binary, larder::Timestamp::from_millis(1));
        let chunks = futures::stream::iter([Ok(Bytes::from("in two ")), Ok(Bytes::from("chunks"))]);
        let record = larder::Record::streamed(&meta, chunks.boxed()).unwrap();
        it.wait(it.faulty.write(&key(), record, Expect::Any))
    };
    for (fault, kind, ambiguous, happened) in [
        (Fault::ErrorBefore, ErrorKind::Unavailable, false, false),
        (Fault::Throttle { retry_after_ns: S }, ErrorKind::Unavailable, false, false),
        (Fault::Full, ErrorKind::Full, false, false),
        (Fault::ErrorAfter, ErrorKind::Unavailable, true, true),
        (Fault::LostAck { after_ns: S }, ErrorKind::TimedOut, true, true),
        (Fault::Timeout { after_ns: S, late_ns: None }, ErrorKind::TimedOut, true, false),
        (Fault::Crash { after: false, down_ns: S }, ErrorKind::Unavailable, true, false),
        (Fault::Crash { after: true, down_ns: S }, ErrorKind::Unavailable, true, true),
    ] {
        let it = Faulty::with(fault);
        let error = streamed(&it).unwrap_err();
        assert_eq!((error.kind(), error.is_ambiguous()), (kind, ambiguous), "{fault:?}: {error}");
        assert_eq!(it.stored().is_some(), happened, "{fault:?}");
        assert_eq!(it.healthy.counts().total(), Count { injected: 1, seen: 1, survived: 0 }, "{fault:?}");
    }
    let it = Faulty::with(Fault::LostWrite);
    assert!(matches!(streamed(&it), Ok(Written::Done(_))));
    assert_eq!(it.stored(), None);
    let it = Faulty::with(Fault::Torn { draw: 1 });
    assert!(matches!(streamed(&it), Ok(Written::Done(_))));
    assert!(is_damaged(&it));
}
