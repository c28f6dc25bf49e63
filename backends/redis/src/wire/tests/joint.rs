//! Writes that gather and become one script.

use super::*;
use crate::scripts::{Load, Script};

/// A conditional write of this key, as it may be joined with others.
fn swap(key: &str) -> Request {
    let mut request = Script::Swap.call(Load::Known, 1);
    let at = request.size();
    let rest = request.word(key).size();
    request.word("stamp").word(&format!("record of {key}")[..]);
    request.joining(at, rest)
}

/// A wire that nobody drives, somebody who waits for an answer on it, and three who have joined.
fn joined() -> (Arc<Inner>, Peer, Vec<oneshot::Receiver<RedisResult<Value>>>) {
    let (here, there) = UnixStream::pair().unwrap();
    let inner = Arc::new(Inner::over(Arc::new(Socket::Unix(smol::Async::new(here).unwrap()))));
    let ask = |request: &Request| {
        let (sender, receiver) = oneshot::channel();
        inner.ask(request, sender, None).unwrap();
        receiver
    };
    let first = ask(&swap("first"));
    let mut receivers: Vec<_> = ["a", "b", "c"].map(|key| ask(&swap(key))).into();
    receivers.insert(0, first);
    (inner, Peer::new(there), receivers)
}

#[test]
fn writes_that_gather_become_one_script_and_each_has_its_own_answer() {
    let (inner, mut peer, receivers) = joined();
    let words = peer.next().unwrap();
    assert!(words.len() == 6 && words[3] == b"first", "who is alone calls the script for one");
    smol::spawn(Driving::new(&inner).run()).detach();
    let words: Vec<String> =
        peer.next().unwrap().into_iter().map(|word| String::from_utf8(word).unwrap()).collect();
    let args = ["stamp", "record of a", "stamp", "record of b", "stamp", "record of c"];
    assert_eq!(
        (&words[2..6], &words[6..]),
        (&["3", "a", "b", "c"].map(String::from)[..], &args.map(String::from)[..])
    );
    peer.say(b":1\r\n*3\r\n:1\r\n-OOM no room\r\n$0\r\n\r\n");
    let answers: Vec<Value> =
        smol::block_on(join_all(receivers)).into_iter().map(|answer| answer.unwrap().unwrap()).collect();
    let [first, a, b, c] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!((first, a, c), (&Value::Int(1), &Value::Int(1), &Value::BulkString(Vec::new())));
    assert_eq!(b.clone().extract_error().unwrap_err().code(), Some("OOM"));
}

/// One of them may be forbidden what the others may.
#[test]
fn where_the_script_for_several_is_refused_each_is_told_to_send_its_own() {
    for refusal in
        [&b"-NOPERM this user has no permissions to access one of the keys\r\n"[..], b"*1\r\n:1\r\n"]
    {
        let (inner, mut peer, mut receivers) = joined();
        smol::spawn(Driving::new(&inner).run()).detach();
        (0..2).for_each(|_| _ = peer.next().unwrap());
        peer.say(b":1\r\n");
        peer.say(refusal);
        assert_eq!(smol::block_on(receivers.remove(0)).unwrap().unwrap(), Value::Int(1));
        for answer in smol::block_on(join_all(receivers)) {
            let why = answer.unwrap().unwrap_err();
            assert!(matches!(crate::failure::sorted(&why), crate::failure::Trouble::NoScript), "{why}");
        }
        // And for a while they do not join.
        let mut state = inner.state();
        let alone = (0..10_000).take_while(|_| !state.joins()).count();
        assert!((500..2000).contains(&alone), "{alone}");
    }
}

#[test]
fn who_has_joined_is_told_of_the_end_and_of_its_time() {
    let (inner, _peer, mut receivers) = joined();
    let (sender, mut hurried) = oneshot::channel();
    let due = Duration::from_secs(1);
    inner.ask(&swap("d"), sender, Some(due)).unwrap();
    assert_eq!(inner.expire(Duration::ZERO), Some(due));
    assert_eq!(inner.expire(due), None);
    assert!(hurried.try_recv().is_err(), "its time is over");
    assert!(receivers.iter_mut().all(|receiver| receiver.try_recv().unwrap().is_none()), "theirs is not");
    inner.lose(ended());
    assert!(receivers.iter_mut().all(|receiver| receiver.try_recv().unwrap().unwrap().is_err()));
}

#[test]
fn no_more_than_a_few_dozen_become_one_script() {
    let (here, there) = UnixStream::pair().unwrap();
    let inner = Inner::over(Arc::new(Socket::Unix(smol::Async::new(here).unwrap())));
    let count = 200;
    let _receivers: Vec<_> = (0..count)
        .map(|n| {
            let (sender, receiver) = oneshot::channel();
            inner.ask(&swap(&n.to_string()), sender, None).unwrap();
            receiver
        })
        .collect();
    let bytes = inner.state().begin();
    inner.write(bytes, 0);
    let mut peer = Peer::new(there);
    let mut seen = 0;
    while seen < count {
        let words = peer.next().unwrap();
        let keys: usize = std::str::from_utf8(&words[2]).unwrap().parse().unwrap();
        assert!(keys <= 64 && words.len() == 3 + 3 * keys, "{keys}");
        seen += keys;
    }
    assert_eq!((seen, inner.state().waiting.len()), (count, 1 + 199usize.div_ceil(64)));
}
