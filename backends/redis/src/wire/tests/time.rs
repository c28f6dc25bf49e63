//! Who has no time left, and connections that were given up while somebody waits.

use super::*;

#[test]
fn whoever_has_no_time_left_goes_and_the_others_get_their_own_answers() {
    const SOON: Duration = Duration::from_millis(20);
    const LATE: Duration = Duration::from_secs(3600);
    let (wire, there) = pair();
    let mut peer = Peer::new(there);
    let clock = RealClock;
    let ask = |text: &[u8], time| wire.ask(&echo(text), Some(clock.now() + time)).answer();
    let begun = clock.now();
    let (first, second, third) = (ask(b"first", LATE), ask(b"second", SOON), ask(b"third", 2 * SOON));
    let (second, third) = smol::block_on(async { futures::join!(second, third) });
    assert!(second.is_none() && third.is_none());
    assert!(clock.now() - begun >= 2 * SOON);
    let fourth = ask(b"fourth", LATE);
    let server = thread::spawn(move || {
        for _ in 0..4 {
            let words = peer.next().unwrap();
            peer.say(&string(&words[1]));
        }
        peer
    });
    let (first, fourth) = smol::block_on(async { futures::join!(first, fourth) });
    assert_eq!(first.unwrap().unwrap(), Value::BulkString(b"first".to_vec()));
    assert_eq!(fourth.unwrap().unwrap(), Value::BulkString(b"fourth".to_vec()));
    drop(server.join().unwrap());
}

/// Its time is over though no runtime drives the stream.
#[test]
fn nobody_waits_for_longer_because_the_driver_does_not_run() {
    let (here, _there) = UnixStream::pair().unwrap();
    let wire = Wire::undriven(Arc::new(Socket::Unix(smol::Async::new(here).unwrap())), RealClock::shared());
    let due = RealClock.now() + Duration::from_millis(20);
    assert!(pollster::block_on(wire.ask(&echo(b"a"), Some(due)).answer()).is_none());
}

#[test]
fn whoever_still_waits_when_the_connection_is_given_up_gets_his_answer() {
    let (wire, there) = pair();
    let mut peer = Peer::new(there);
    let due = RealClock.now() + Duration::from_secs(3600);
    let first = wire.ask(&echo(b"first"), Some(due)).answer();
    let second = wire.ask(&echo(b"second"), Some(due)).answer();
    drop(wire);
    let server = thread::spawn(move || {
        for _ in 0..2 {
            let words = peer.next().unwrap();
            peer.say(&string(&words[1]));
        }
        peer
    });
    let (first, second) = smol::block_on(async { futures::join!(first, second) });
    assert_eq!(first.unwrap().unwrap(), Value::BulkString(b"first".to_vec()));
    assert_eq!(second.unwrap().unwrap(), Value::BulkString(b"second".to_vec()));
    assert!(server.join().unwrap().next().is_none(), "and then the stream is closed");
}

#[test]
fn the_driver_of_a_connection_that_was_given_up_ends_when_nobody_waits() {
    let (here, there) = UnixStream::pair().unwrap();
    let wire = Wire::undriven(Arc::new(Socket::Unix(smol::Async::new(here).unwrap())), RealClock::shared());
    let inner = Arc::clone(&wire.0.inner);
    let mut driver = Box::pin(Driving::new(&inner).run());
    let (sender, mut receiver) = oneshot::channel();
    inner.ask(&echo(b"a"), sender, None).unwrap();
    inner.state().lone = false;
    drop(wire);
    assert!(driver.as_mut().now_or_never().is_none(), "somebody waits");
    let mut peer = Peer::new(there);
    peer.next().unwrap();
    peer.say(&string(b"a"));
    smol::block_on(driver);
    assert_eq!(receiver.try_recv().unwrap().unwrap().unwrap(), Value::BulkString(b"a".to_vec()));
}

#[test]
fn a_connection_that_was_given_up_ends_when_the_last_who_waits_has_no_time_left() {
    let (wire, there) = pair();
    let mut peer = Peer::new(there);
    let asked = wire.ask(&echo(b"a"), Some(RealClock.now() + Duration::from_millis(20)));
    drop(wire);
    assert!(smol::block_on(asked.answer()).is_none());
    assert!(peer.next().is_some());
    assert!(peer.next().is_none());
}
