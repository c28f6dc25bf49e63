//! Recording, writing and reading histories.

#[path = "history/failing.rs"]
mod failing;

use std::sync::Arc;

use failing::{Failing, Fate};
use futures::{FutureExt, StreamExt, TryStreamExt};
use larder::{ByteRange, Change, Document, Error, Key, Larder, MetaUpdate, Path, Source, path};
use larder_memory::Memory;
use larder_simulated::check::{Verdict, check};
use larder_simulated::history::{
    Answer, Call, Digest, Format, History, Operation, Outcome, Recorder, Update, edn, jepsen, json,
};

fn number(n: i64) -> Document {
    Document::encode(&n).unwrap()
}

fn document(value: serde_json::Value) -> Document {
    Document::encode(&value).unwrap()
}

/// A larder over memory, and its recorder.
fn recorded() -> (Larder, Recorder) {
    let recorder = Recorder::new();
    (recorder.larder(7, &Larder::new(Memory::new())), recorder)
}

fn calls(recorder: &Recorder) -> Vec<(Call, Outcome)> {
    let history = recorder.history();
    history.operations().iter().map(|operation| (operation.call.clone(), operation.outcome.clone())).collect()
}

/// One operation of every kind, with every kind of answer.
fn everything() -> History {
    let (k, path) = (Key::from("k"), path!["k", "a", 0]);
    let odd = Document::from_cbor(vec![0xc1, 0x1a, 0, 0, 0, 9]).unwrap();
    let ok = Outcome::Ok;
    let digest = Digest::of(b"abc");
    let ran = Update::Ran { old: None, new: Some(number(1)) };
    let entries = vec![(Key::from(1), number(1)), (Key::uuid([3; 16]), odd.clone())];
    let calls = [
        (Call::Get(k.clone()), ok(Answer::Value(None))),
        (Call::Get(k.clone()), ok(Answer::Value(Some(Document::null())))),
        (Call::Get(Key::keyword("a/b")), ok(Answer::Value(Some(odd.clone())))),
        (Call::Get(k.clone()), ok(Answer::WrongKind)),
        (Call::Get(k.clone()), Outcome::Failed("no \"connection\"\n".into())),
        (Call::Exists(k.clone()), ok(Answer::Flag(true))),
        (Call::GetMeta(Key::bytes(b"x")), ok(Answer::Flag(false))),
        (Call::Assoc(k.clone(), document(serde_json::json!({"$cbor": "00"}))), ok(Answer::Done)),
        (
            Call::Assoc(k.clone(), document(serde_json::json!([1.5, -1, "ü", null, {"a": []}]))),
            ok(Answer::Done),
        ),
        (Call::AssocIn(path.clone(), number(2)), ok(Answer::InvalidPath)),
        (Call::UpdateIn(path.clone(), ran), ok(Answer::Change { old: None, new: Some(number(1)) })),
        (Call::UpdateIn(path.clone(), Update::NotRun), Outcome::Unknown("gone".into())),
        (Call::UpdateIn(path, Update::Unseen), ok(Answer::Change { old: Some(odd.clone()), new: None })),
        (Call::Dissoc(k.clone()), ok(Answer::Flag(true))),
        (Call::CompareAndSet { key: k.clone(), old: None, new: number(3) }, ok(Answer::Flag(false))),
        (Call::Append(k.clone(), vec![number(1), odd.clone()]), ok(Answer::Done)),
        (Call::Log(k.clone()), ok(Answer::Elements(None))),
        (Call::Log(k.clone()), ok(Answer::Elements(Some(vec![number(1)])))),
        (Call::Log(k.clone()), ok(Answer::Elements(Some(vec![])))),
        (Call::Bget(k.clone(), ByteRange::ALL), ok(Answer::Binary(Some(digest)))),
        (Call::Bget(k.clone(), ByteRange::ALL), ok(Answer::Binary(None))),
        (Call::Bget(k.clone(), ByteRange::new(3..9).unwrap()), ok(Answer::Size(Some(9)))),
        (Call::Bget(k.clone(), ByteRange::new(3..).unwrap()), ok(Answer::Size(None))),
        (Call::Bassoc(k.clone(), Some(digest)), ok(Answer::Done)),
        (Call::Bassoc(k.clone(), None), Outcome::Unknown("half".into())),
        (Call::Keys(None), ok(Answer::Keys { keys: vec![k.clone(), Key::from(1.5)], complete: true })),
        (Call::Keys(Some("us".into())), ok(Answer::Keys { keys: vec![], complete: false })),
        (Call::MultiAssoc { entries, atomic: true }, ok(Answer::Done)),
        (
            Call::MultiDissoc { keys: vec![k, Key::null()], atomic: false },
            ok(Answer::Flags(vec![true, false])),
        ),
    ];
    let operations = calls.into_iter().zip(0u64..).map(|((call, outcome), n)| {
        let mut operation = Operation::new(n % 3, call, 3 * n).returning(3 * n + 2, outcome);
        (operation.number, operation.began, operation.ended) = (n / 3, 1000 * n, Some(1000 * n + 7));
        if n % 2 == 0 { operation.taking_effect(3 * n + 1) } else { operation }
    });
    let open = Operation::new(9, Call::Exists(Key::from("open")), 400);
    History::with_crashes(operations.chain([open]).collect(), vec![300, 17])
}

#[test]
fn every_operation_survives_json_lines() {
    let history = everything();
    let mut text = Vec::new();
    json::write(&history, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(text.lines().count(), history.len() + 3);
    assert_eq!(Format::of(&text), Some(Format::JsonLines));
    assert_eq!(History::parse(&text).unwrap(), history);
    // Without the version, and with empty lines, it is the same.
    let loose: Vec<&str> = text.lines().skip(1).flat_map(|line| [line, ""]).collect();
    assert_eq!(json::read(&loose.join("\n")).unwrap(), history);
}

#[test]
fn a_line_of_json_looks_as_documented() {
    let (larder, recorder) = recorded();
    pollster::block_on(larder.assoc("a", &3)).unwrap();
    let mut text = Vec::new();
    json::write(&recorder.history(), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let (version, line) = text.split_once('\n').unwrap();
    assert_eq!(version, r#"{"larder_history":1}"#);
    let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
    let times = ["began", "ended"].map(|name| line.as_object_mut().unwrap().remove(name).unwrap().as_u64());
    assert!(times[0].unwrap() <= times[1].unwrap());
    let expected = serde_json::json!({
        "client": 7, "number": 0, "call": "assoc", "key": "a", "value": 3,
        "invoked": 0, "returned": 1, "outcome": "ok",
    });
    assert_eq!(line, expected);
}

#[test]
fn malformed_json_lines_are_refused_with_their_line() {
    let good = r#"{"client":0,"call":"get","key":"a","invoked":1,"returned":2,"outcome":"ok","result":[]}"#;
    assert_eq!(json::read(good).unwrap().len(), 1);
    let worse = [
        good.replace("\"get\"", "\"got\""),
        good.replace("\"key\":\"a\",", ""),
        good.replace("\"returned\":2", "\"returned\":0"),
        good.replace(",\"returned\":2", ""),
        good.replace("\"ok\"", "\"fine\""),
        good.replace("[]", "[1,2]"),
        good.replace("[]", "7"),
        good.replace("\"a\"", "{\"$cbor\":\"xy\"}"),
        good.replace("\"client\":0", "\"client\":-1"),
        good.replace('}', ""),
        "[]".to_owned(),
        r#"{"larder_history":2}"#.to_owned(),
        r#"{"crash":"now"}"#.to_owned(),
    ];
    for bad in worse {
        let error = json::read(&format!("{good}\n{bad}\n")).unwrap_err();
        assert_eq!(error.line(), 2, "{bad}: {error}");
        assert!(error.to_string().starts_with("line 2: "), "{error}");
    }
    assert!(History::parse("").is_err());
    assert!(History::parse("once upon a time").is_err());
}

#[test]
fn registers_and_logs_survive_edn() {
    let key = || Key::from("k");
    let ok = Outcome::Ok;
    let calls = [
        (Call::Get(key()), ok(Answer::Value(Some(Document::null())))),
        (Call::Get(Key::from(5)), ok(Answer::Value(None))),
        (Call::Assoc(key(), document(serde_json::json!({"a": [1, -2.5, "\"x\"", true]}))), ok(Answer::Done)),
        (Call::Assoc(key(), number(2)), Outcome::Unknown("timed out".into())),
        (Call::CompareAndSet { key: key(), old: None, new: number(1) }, ok(Answer::Flag(true))),
        (Call::CompareAndSet { key: key(), old: Some(number(1)), new: number(2) }, ok(Answer::Flag(false))),
        (
            Call::CompareAndSet { key: key(), old: Some(number(1)), new: number(2) },
            Outcome::Failed("no".into()),
        ),
        (Call::Dissoc(key()), ok(Answer::Flag(true))),
        (Call::Exists(key()), ok(Answer::Flag(false))),
        (
            Call::UpdateIn(Path::new("k"), Update::Unseen),
            ok(Answer::Change { old: None, new: Some(number(1)) }),
        ),
        (Call::Append(key(), vec![number(1)]), ok(Answer::Done)),
        (Call::Append(key(), vec![number(1), number(2)]), ok(Answer::Done)),
        (Call::Log(key()), ok(Answer::Elements(Some(vec![number(1), number(2)])))),
    ];
    // Places are the numbers of events.
    let operations = calls.into_iter().zip(0u64..);
    let history: History = operations
        .map(|((call, outcome), n)| Operation::new(n, call, 2 * n).returning(2 * n + 1, outcome))
        .collect();
    let mut text = Vec::new();
    edn::write(&history, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(Format::of(&text), Some(Format::Edn));
    let read = History::parse(&text).unwrap();
    for (read, written) in read.operations().iter().zip(history.operations()) {
        assert_eq!(read.call, written.call, "{text}");
        match (&read.outcome, &written.outcome) {
            (Outcome::Ok(read), Outcome::Ok(written)) => assert_eq!(read, written),
            (Outcome::Failed(_), Outcome::Failed(_)) | (Outcome::Unknown(_), Outcome::Unknown(_)) => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(
            (read.client, read.invoked, read.returned),
            (written.client, written.invoked, written.returned)
        );
    }
    assert_eq!(read.len(), history.len());
    // What EDN has no form for is written all the same.
    let mut all = Vec::new();
    edn::write(&everything(), &mut all).unwrap();
    assert!(String::from_utf8(all).unwrap().contains(":f :multi_assoc"));
}

#[test]
fn jepsens_own_shapes_are_read() {
    let independent = "[{:process 0, :type :invoke, :f :read, :value [1 nil]}
        {:process :nemesis, :type :info, :f :start, :value nil}
        {:process 0, :type :ok, :f :read, :value [1 7], :time 12}]";
    let history = History::parse(independent).unwrap();
    let [read] = history.operations() else { panic!("{history:?}") };
    assert_eq!(read.call, Call::Get(Key::from(1)));
    assert_eq!(read.answer(), Some(&Answer::Value(Some(number(7)))));
    assert_eq!(read.ended, Some(12));
    let plain = "{:process 3, :type :invoke, :f :cas, :value [1 2]}\n{:process 3, :type :fail, :f :cas, :value [1 2]}";
    let history = History::parse(plain).unwrap();
    assert_eq!(history.operations()[0].answer(), Some(&Answer::Flag(false)));
    assert_eq!(history.operations()[0].key(), Some(&Key::from("register")));
    for bad in ["{:process 0, :type :invoke}", "{:process 0, :type :odd, :f :read}", "{:process 0"] {
        assert!(edn::read(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_jepsen_log_is_read_with_its_open_ends() {
    let log = "INFO  jepsen.core - starting
INFO  jepsen.util - 0\t:invoke\t:write\t4
INFO  jepsen.util - 1   :invoke :read  nil
INFO  jepsen.util - 2\t:invoke\t:cas\t[4 5]
INFO  jepsen.util - 0\t:info\t:write\t:timed-out
INFO  jepsen.util - 1\t:fail\t:read\t:timed-out
INFO  jepsen.util - 2\t:fail\t:cas\t[4 5]
INFO  jepsen.util - :nemesis\t:info\t:start\tnil
INFO  jepsen.util - 3\t:invoke\t:read\tnil
INFO  jepsen.util - 3\t:ok\t:read\tnil
INFO  jepsen.util - 4\t:invoke\t:write\t1
";
    let history = jepsen::read(log).unwrap();
    let outcomes: Vec<&Outcome> = history.operations().iter().map(|operation| &operation.outcome).collect();
    assert!(matches!(outcomes[0], Outcome::Unknown(why) if why == ":timed-out"));
    assert!(matches!(outcomes[1], Outcome::Failed(_)));
    assert_eq!(outcomes[2], &Outcome::Ok(Answer::Flag(false)));
    assert_eq!(outcomes[3], &Outcome::Ok(Answer::Value(None)));
    assert!(matches!(outcomes[4], Outcome::Unknown(_)));
    assert_eq!(history.operations()[4].returned, None);
    assert!(check(&history).is_linearizable());
    let error = jepsen::read(&log.replace(":cas\t[4 5]", ":swap\t[4 5]")).unwrap_err();
    assert_eq!(error.line(), 4);
}

#[test]
fn the_order_of_invocations_and_returns_is_recorded() {
    let (larder, recorder) = recorded();
    pollster::block_on(async {
        larder.assoc("a", &1).await.unwrap();
        larder.get::<i64>("a").await.unwrap();
        assert!(larder.dissoc("a").await.unwrap());
    });
    let history = recorder.history();
    let places: Vec<_> =
        history.operations().iter().map(|operation| (operation.invoked, operation.returned)).collect();
    assert_eq!(places, [(0, Some(1)), (2, Some(3)), (4, Some(5))]);
    assert_eq!(history.clients(), [7]);
    assert_eq!(history.operations()[2].number, 2);
}

#[test]
fn a_call_that_is_dropped_is_unknown_and_one_under_way_too() {
    let failing = Failing::new(Fate::Hang);
    let recorder = Recorder::new();
    let larder = Larder::over(Arc::new(recorder.record(0, Arc::new(failing))));
    assert!(larder.assoc("a", &1).now_or_never().is_none());
    let open = larder.get::<i64>("a");
    let mut open = std::pin::pin!(open);
    assert!(open.as_mut().now_or_never().is_none());
    let outcomes = calls(&recorder);
    assert_eq!(outcomes.len(), 2);
    assert!(outcomes.iter().all(|(_, outcome)| matches!(outcome, Outcome::Unknown(_))), "{outcomes:?}");
    assert!(recorder.history().operations().iter().all(|operation| operation.returned.is_none()));
}

#[test]
fn an_error_is_unknown_only_if_it_says_so() {
    let outcome = |error: Error, act: fn(Larder)| {
        let recorder = Recorder::new();
        act(Larder::over(Arc::new(recorder.record(0, Arc::new(Failing::new(Fate::Fail(error)))))));
        calls(&recorder).pop().unwrap().1
    };
    let timeout = || Error::new(larder::ErrorKind::TimedOut, "late");
    let write = |larder: Larder| _ = pollster::block_on(larder.assoc("a", &1));
    let read = |larder: Larder| _ = pollster::block_on(larder.get::<i64>("a"));
    assert!(matches!(outcome(timeout(), write), Outcome::Failed(why) if why.contains("late")));
    assert!(matches!(outcome(timeout().ambiguous(), write), Outcome::Unknown(_)));
    assert!(matches!(outcome(timeout().ambiguous(), read), Outcome::Failed(_)));
    let kind = Error::new(larder::ErrorKind::WrongKind, "a binary");
    assert_eq!(outcome(kind, read), Outcome::Ok(Answer::WrongKind));
}

#[test]
fn an_update_records_what_its_function_made_and_a_failing_one_nothing() {
    let (larder, recorder) = recorded();
    pollster::block_on(async {
        larder.update_in("n", |n: Option<i64>| n.unwrap_or(0) + 1).await.unwrap();
        let store = larder.store();
        let path = Path::new("n");
        store.update_in(&path, Box::new(|_| Ok(Change::Keep)), MetaUpdate::new()).await.unwrap();
        store.update_in(&path, Box::new(|_| Ok(Change::Remove)), MetaUpdate::new()).await.unwrap();
        let refuse =
            |_: Option<Document>| Err(Error::new(larder::ErrorKind::WrongKind, "the function says no"));
        store.update_in(&path, Box::new(refuse), MetaUpdate::new()).await.unwrap_err();
        larder.assoc_in(path!["n", "a"], &1).await.unwrap();
        larder.update_in(path!["n", "a", "b"], |n: Option<i64>| n.unwrap_or(0)).await.unwrap_err();
    });
    let updates: Vec<_> = calls(&recorder);
    let ran = |old: Option<i64>, new: Option<i64>| Update::Ran { old: old.map(number), new: new.map(number) };
    let update = |at: usize| match &updates[at].0 {
        Call::UpdateIn(_, update) => update.clone(),
        other => panic!("{other}"),
    };
    assert_eq!(
        [update(0), update(1), update(2)],
        [ran(None, Some(1)), ran(Some(1), Some(1)), ran(Some(1), None)]
    );
    assert!(matches!(&updates[3].1, Outcome::Failed(why) if why.contains("says no")));
    assert_eq!(updates[5].1, Outcome::Ok(Answer::InvalidPath));
    assert_eq!(update(5), Update::NotRun);
    assert!(check(&recorder.history()).is_linearizable());
}

#[test]
fn streams_end_their_operation_at_their_end() {
    let (larder, recorder) = recorded();
    pollster::block_on(async {
        larder.append_all("log", [1, 2, 3]).await.unwrap();
        let mut log = larder.log_documents("log").await.unwrap().unwrap();
        log.next().await.unwrap().unwrap();
        drop(log);
        assert_eq!(larder.log::<i64>("log").await.unwrap().unwrap(), [1, 2, 3]);
        let mut keys = larder.keys();
        larder.assoc("a", &1).await.unwrap();
        assert!(keys.try_next().await.unwrap().is_some());
        drop(keys);
        assert_eq!(larder.keys_with_prefix("lo").try_collect::<Vec<_>>().await.unwrap(), [Key::from("log")]);
        drop(larder.keys());
    });
    let history = recorder.history();
    let [_, part, whole, _, some, prefixed] = history.operations() else { panic!("{history:?}") };
    assert!(part.has_failed());
    assert_eq!(whole.answer(), Some(&Answer::Elements(Some(vec![number(1), number(2), number(3)]))));
    assert!(matches!(some.answer(), Some(Answer::Keys { keys, complete: false }) if keys.len() == 1));
    assert_eq!(prefixed.call, Call::Keys(Some("lo".into())));
    assert!(matches!(prefixed.answer(), Some(Answer::Keys { complete: true, .. })));
    assert!(check(&history).is_linearizable());
}

#[test]
fn a_binary_is_recorded_by_its_digest_however_it_comes_and_goes() {
    let (larder, recorder) = recorded();
    let bytes = vec![5u8; 300_000];
    let chunks =
        |bytes: &[u8]| bytes.chunks(70_000).map(|chunk| Ok(chunk.to_vec().into())).collect::<Vec<_>>();
    pollster::block_on(async {
        larder.bassoc("b", bytes.clone()).await.unwrap();
        assert_eq!(larder.bget("b").await.unwrap().unwrap().bytes().await.unwrap(), bytes);
        larder.bassoc("b", Source::stream(futures::stream::iter(chunks(&bytes)))).await.unwrap();
        let stream = larder.bget("b").await.unwrap().unwrap().into_stream();
        assert_eq!(stream.try_collect::<Vec<_>>().await.unwrap().concat(), bytes);
        let part = larder.bget_range("b", 10..20).await.unwrap().unwrap();
        assert_eq!((part.size(), part.bytes().await.unwrap().len()), (300_000, 10));
        assert!(larder.bget("none").await.unwrap().is_none());
        let broken = [Ok("abc".into()), Err(Error::new(larder::ErrorKind::Io, "the source broke"))];
        larder.bassoc("b", Source::stream(futures::stream::iter(broken))).await.unwrap_err();
    });
    let digest = Digest::of(&bytes);
    let outcomes: Vec<_> = calls(&recorder);
    assert_eq!(outcomes[0].0, Call::Bassoc(Key::from("b"), Some(digest)));
    assert_eq!(outcomes[1].1, Outcome::Ok(Answer::Binary(Some(digest))));
    assert_eq!(outcomes[2].0, Call::Bassoc(Key::from("b"), Some(digest)));
    assert_eq!(outcomes[3].1, Outcome::Ok(Answer::Binary(Some(digest))));
    assert_eq!(outcomes[4].1, Outcome::Ok(Answer::Size(Some(300_000))));
    assert_eq!(outcomes[5].1, Outcome::Ok(Answer::Binary(None)));
    assert_eq!(outcomes[6].0, Call::Bassoc(Key::from("b"), None));
    assert!(matches!(outcomes[6].1, Outcome::Failed(_)));
    assert_eq!(format!("{:032x}", Digest::of(b"abc").hash), "ba7816bf8f01cfea414140de5dae2223");
}

#[test]
fn effects_and_crashes_take_their_place_in_the_order() {
    let (larder, recorder) = recorded();
    pollster::block_on(larder.assoc("a", &1)).unwrap();
    let pending = recorder.client(7).invoke(Call::Get(Key::from("a")));
    recorder.effect(7);
    recorder.effect(8);
    pending.ok(Answer::Value(Some(number(1))));
    recorder.crash();
    pollster::block_on(larder.get::<i64>("a")).unwrap();
    let history = recorder.history();
    let effects: Vec<_> = history.operations().iter().map(|operation| operation.effect).collect();
    assert_eq!(effects, [None, Some(3), None]);
    assert_eq!(history.crashes(), [6]);
    assert_eq!((history.crash_after(2), history.crash_after(6)), (Some(6), None));
    assert!(matches!(check(&history), Verdict::Linearizable));
}
