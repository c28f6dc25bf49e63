//! The wire, and a peer that says what it likes.

#![expect(clippy::disallowed_methods, reason = "a test is no simulated run")]

mod joint;
mod time;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake};
use std::thread;

use futures::FutureExt;
use futures::future::join_all;
use larder::RealClock;
use redis::Value;

use super::driving::Driving;
use super::lone::Looking;
use super::*;
use crate::frame;

/// A wire, and its other end.
fn pair() -> (Wire, UnixStream) {
    let (here, there) = UnixStream::pair().unwrap();
    (Wire::over(Arc::new(Socket::Unix(smol::Async::new(here).unwrap())), RealClock::shared()), there)
}

fn echo(text: &[u8]) -> Request {
    let mut request = Request::new("ECHO");
    request.word(text);
    request
}

/// Reads requests of a client.
struct Peer {
    stream: UnixStream,
    unread: Vec<u8>,
}

impl Peer {
    fn new(stream: UnixStream) -> Peer {
        Peer { stream, unread: Vec::new() }
    }

    /// The words of the next one; `None` if there are no more.
    fn next(&mut self) -> Option<Vec<Vec<u8>>> {
        let mut room = vec![0; 100_000];
        loop {
            if let Some((Value::Array(words), len)) = frame::next(&self.unread).unwrap() {
                self.unread.drain(..len);
                let word = |word| if let Value::BulkString(word) = word { word } else { panic!("{word:?}") };
                return Some(words.into_iter().map(word).collect());
            }
            match self.stream.read(&mut room).unwrap() {
                0 => return None,
                read => self.unread.extend_from_slice(&room[..read]),
            }
        }
    }

    fn say(&mut self, answer: &[u8]) {
        self.stream.write_all(answer).unwrap();
    }
}

fn string(text: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", text.len()).as_bytes(), text, b"\r\n"].concat()
}

#[test]
fn answers_come_to_those_who_asked_however_they_are_cut() {
    const ASKED: usize = 60;
    let (wire, there) = pair();
    let server = thread::spawn(move || {
        let mut peer = Peer::new(there);
        let mut answers = Vec::new();
        let mut commands = 0;
        while commands < ASKED + ASKED / 3 {
            let words = peer.next().unwrap();
            commands += 1;
            if commands % 7 == 0 {
                answers.extend_from_slice(b">2\r\n+invalidate\r\n$-1\r\n");
            }
            answers.extend_from_slice(&string(&words[1]));
        }
        let mut rest = &answers[..];
        for size in [1, 2, 3, 5, 8, 13, 21].into_iter().cycle() {
            let (piece, more) = rest.split_at(size.min(rest.len()));
            peer.say(piece);
            rest = more;
            if rest.is_empty() {
                return peer;
            }
        }
        peer
    });
    let asked = (0..ASKED).map(|n| {
        let wire = &wire;
        async move {
            let text = format!("number {n}").into_bytes();
            let expected = Value::BulkString(text.clone());
            if n % 3 > 0 {
                assert_eq!(wire.send(&echo(&text)).await.unwrap(), expected);
                return;
            }
            let mut both = Request::new("ECHO");
            both.word(&text).then("ECHO").word("again");
            let again = Value::BulkString(b"again".to_vec());
            assert_eq!(wire.send(&both).await.unwrap(), Value::Array(vec![expected, again]));
        }
    });
    smol::block_on(join_all(asked));
    drop(server.join().unwrap());
}

#[test]
fn a_failure_in_the_middle_is_that_of_its_request_alone() {
    let (wire, there) = pair();
    let server = thread::spawn(move || {
        let mut peer = Peer::new(there);
        (0..4).for_each(|_| _ = peer.next().unwrap());
        peer.say(b"+OK\r\n-WRONGTYPE it is a list\r\n$1\r\na\r\n$4\r\nnext\r\n");
        peer
    });
    let mut many = Request::new("SET");
    many.word("a").word("a").then("GET").word("list").then("GET").word("a");
    let one = echo(b"next");
    let (many, one) = smol::block_on(async { futures::join!(wire.send(&many), wire.send(&one)) });
    assert_eq!(many.unwrap().extract_error().unwrap_err().code(), Some("WRONGTYPE"));
    assert_eq!(one.unwrap(), Value::BulkString(b"next".to_vec()));
    drop(server.join().unwrap());
}

#[test]
fn who_waits_is_told_when_the_connection_is_lost() {
    for last_words in [&b""[..], b"$10\r\ncut", b"nonsense\r\n", b"$1\r\nb\r\n$1\r\nc\r\n+unasked\r\n"] {
        let (wire, there) = pair();
        let server = thread::spawn(move || {
            let mut peer = Peer::new(there);
            (0..3).for_each(|_| _ = peer.next().unwrap());
            peer.say(b"$1\r\na\r\n");
            peer.say(last_words);
        });
        let texts = [b"a", b"b", b"c"].map(|text| echo(text));
        let answers = smol::block_on(join_all(texts.iter().map(|request| wire.send(request))));
        server.join().unwrap();
        assert_eq!(answers[0].as_ref().unwrap(), &Value::BulkString(b"a".to_vec()));
        // Answers that came before the nonsense count.
        let lost = answers.iter().filter(|answer| answer.is_err()).count();
        assert_eq!(lost, if last_words.ends_with(b"unasked\r\n") { 0 } else { 2 }, "{last_words:?}");
        // What is asked afterwards may be written before the end is seen; it fails all the same.
        for _ in 0..3 {
            let failure = smol::block_on(wire.send(&echo(b"d"))).unwrap_err();
            assert!(
                matches!(crate::failure::sorted(&failure), crate::failure::Trouble::Lost(_)),
                "{failure}"
            );
        }
    }
}

#[test]
fn who_goes_away_leaves_the_others_their_answers() {
    let (wire, there) = pair();
    let mut peer = Peer::new(there);
    let (first, second) = (echo(b"first"), echo(b"second"));
    let mut sent = Box::pin(wire.send(&first));
    assert!(sent.as_mut().now_or_never().is_none());
    drop(sent);
    let server = thread::spawn(move || {
        while let Some(words) = peer.next() {
            peer.say(&string(&words[1]));
        }
    });
    assert_eq!(smol::block_on(wire.send(&second)).unwrap(), Value::BulkString(b"second".to_vec()));
    drop(wire);
    server.join().unwrap();
}

/// Both sides have more to say than the stream takes; neither may wait for the other to read first.
#[test]
fn what_the_stream_does_not_take_at_once_is_written_later_and_in_order() {
    const THREADS: usize = 8;
    const EACH: usize = 40;
    let (wire, there) = pair();
    let server = thread::spawn(move || {
        let mut peer = Peer::new(there);
        for _ in 0..THREADS * EACH {
            let words = peer.next().unwrap();
            peer.say(&string(&words[1]));
        }
        peer
    });
    let ask = |thread: usize| {
        let wire = wire.clone();
        move || {
            for n in 0..EACH {
                // Some are written in one go, most are not.
                let len = if (thread + n).is_multiple_of(3) { 10 } else { 200_000 + 10_000 * n };
                let text: Vec<u8> = (0..len).map(|at| (at * (n + 1) % 251) as u8).collect();
                let answer = smol::block_on(wire.send(&echo(&text))).unwrap();
                assert!(answer == Value::BulkString(text), "{n}");
            }
        }
    };
    let asking: Vec<_> = (0..THREADS).map(|thread| thread::spawn(ask(thread))).collect();
    asking.into_iter().for_each(|asking| asking.join().unwrap());
    drop(server.join().unwrap());
}

#[test]
fn the_stream_is_closed_with_the_last_clone() {
    let (wire, there) = pair();
    let mut peer = Peer::new(there);
    drop(wire.clone());
    assert!(wire.send(&echo(b"a")).now_or_never().is_none());
    assert!(peer.next().is_some());
    drop(wire);
    assert!(peer.next().is_none());
}

#[test]
fn a_runtime_that_takes_the_driver_along_leaves_nobody_waiting() {
    let (here, _there) = UnixStream::pair().unwrap();
    let socket = Arc::new(Socket::Unix(smol::Async::new(here).unwrap()));
    let inner = Arc::new(Inner::over(socket));
    let driving = Driving::new(&inner);
    let (sender, receiver) = oneshot::channel();
    inner.ask(&echo(b"a"), sender, None).unwrap();
    drop(driving);
    assert!(receiver.now_or_never().unwrap().unwrap().unwrap_err().is_io_error());
    assert!(inner.ask(&echo(b"b"), oneshot::channel().0, None).is_err());
}

#[test]
fn whoever_asks_alone_reads_the_answer_without_the_driver() {
    let (here, there) = UnixStream::pair().unwrap();
    let wire = Wire::undriven(Arc::new(Socket::Unix(smol::Async::new(here).unwrap())), RealClock::shared());
    let inner = &wire.0.inner;
    let mut peer = Peer::new(there);
    // Whatever the number of cores of this machine.
    let alone = |text| {
        let (sender, receiver) = oneshot::channel();
        _ = inner.ask(&echo(text), sender, None);
        inner.state().lone = true;
        (Looking::new(wire.clone()), receiver)
    };
    for text in [b"first", b"other"] {
        let (looking, mut receiver) = alone(text);
        let words = peer.next().unwrap();
        peer.say(&string(&words[1]));
        let answer = smol::block_on(looking.look(&mut receiver)).unwrap();
        assert_eq!(answer.unwrap(), Value::BulkString(text.to_vec()));
        assert!(inner.state().lone, "the driver need not watch");
    }
    let (looking, mut receiver) = alone(b"late");
    assert!(smol::block_on(looking.look(&mut receiver)).is_none(), "nobody has answered");
    assert!(!inner.state().lone, "the driver must watch");
    let (looking, _receiver) = alone(b"left");
    drop(looking);
    assert!(!inner.state().lone, "the driver must watch");
    drop(peer);
    let (looking, mut receiver) = alone(b"gone");
    let lost = smol::block_on(looking.look(&mut receiver));
    assert!(lost.is_none_or(|answer| answer.is_err()) && inner.state().lost.is_some());
}

#[test]
fn a_question_that_follows_one_who_looks_is_answered_too() {
    let (wire, there) = pair();
    let mut peer = Peer::new(there);
    let (first, second) = (echo(b"first"), echo(b"second"));
    let mut alone = Box::pin(wire.send(&first));
    assert!(alone.as_mut().now_or_never().is_none());
    // It is not polled for a while, and somebody else asks.
    let server = thread::spawn(move || {
        while let Some(words) = peer.next() {
            peer.say(&string(&words[1]));
        }
    });
    assert_eq!(smol::block_on(wire.send(&second)).unwrap(), Value::BulkString(b"second".to_vec()));
    assert_eq!(smol::block_on(alone).unwrap(), Value::BulkString(b"first".to_vec()));
    drop(wire);
    server.join().unwrap();
}

/// What the server can do while the rest asks.
#[test]
fn half_a_crowd_does_not_wait_for_the_other_half() {
    const CROWD: usize = 8;
    let (here, there) = UnixStream::pair().unwrap();
    let inner = Inner::over(Arc::new(Socket::Unix(smol::Async::new(here).unwrap())));
    inner.state().crowd = CROWD;
    let mut peer = Peer::new(there);
    let written = |peer: &mut Peer| {
        peer.stream.set_nonblocking(true).unwrap();
        let mut room = [0; 1000];
        let read = peer.stream.read(&mut room).unwrap_or_default();
        room[..read].iter().filter(|byte| **byte == b'*').count()
    };
    for asked in 1..=CROWD {
        inner.ask(&echo(b"a"), oneshot::channel().0, None).unwrap();
        let expected = if asked == CROWD / 2 { CROWD / 2 } else { 0 };
        assert_eq!(written(&mut peer), expected, "after {asked}");
    }
    assert_eq!(inner.state().gathered, CROWD / 2, "the driver writes these");
}

/// Counts how often it wakes.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A server that waits to be read reads nothing: the driver, which waits until it can go on writing, must hear that
/// nobody looks for the answer any more.
#[test]
fn the_driver_hears_that_it_must_watch_while_it_cannot_write() {
    let (here, _there) = UnixStream::pair().unwrap();
    let inner = Arc::new(Inner::over(Arc::new(Socket::Unix(smol::Async::new(here).unwrap()))));
    while inner.socket.try_write(&[0; 1 << 16]).is_ok() {}
    inner.state().rest = vec![0];
    inner.state().lone = true;
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let mut driver = Box::pin(Driving::new(&inner).run());
    assert!(driver.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    inner.watch(|_| {});
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
}
