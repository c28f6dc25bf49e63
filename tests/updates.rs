//! Updates of one key within a process: combined, fair, and safe from callers who fail, panic or go
//! away. A backend that counts, and that can be told to hold its writes, shows how many there were.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::join_all;
use larder::{
    Backend, Batch, Capabilities, Error, ErrorKind, Expect, Key, Keys, Larder, Part, Record, Removed, Reply,
    Stored, Write, Written, path,
};
use larder_memory::Memory;

/// Memory whose conditional writes wait until they are let through, as a slow disk would.
#[derive(Clone, Debug, Default)]
struct Held(Arc<State>);

#[derive(Debug, Default)]
struct State {
    memory: Memory,
    reads: AtomicU64,
    writes: AtomicU64,
    /// The writes that wait; `None` lets every write through at once.
    gates: Mutex<Option<Vec<oneshot::Sender<()>>>>,
}

impl Held {
    fn hold(&self) {
        *self.0.gates.lock().unwrap() = Some(Vec::new());
    }

    /// Lets through what waits, and everything from now on.
    fn release(&self) {
        let gates = self.0.gates.lock().unwrap().take().unwrap_or_default();
        gates.into_iter().for_each(|gate| _ = gate.send(()));
    }

    fn writes(&self) -> u64 {
        self.0.writes.load(Ordering::SeqCst)
    }
}

#[deny(clippy::missing_trait_methods)]
impl Backend for Held {
    fn read(&self, key: &Key, part: Part) -> Reply<Option<Stored>> {
        self.0.reads.fetch_add(1, Ordering::SeqCst);
        // Never at once, so that what was written is worth remembering.
        let reply = self.0.memory.read(key, part);
        Reply::future(reply)
    }

    fn write(&self, key: &Key, record: Record, expect: Expect) -> Reply<Written> {
        self.0.writes.fetch_add(1, Ordering::SeqCst);
        let gate = self.0.gates.lock().unwrap().as_mut().map(|gates| {
            let (open, gate) = oneshot::channel();
            gates.push(open);
            gate
        });
        let (memory, key) = (self.0.memory.clone(), key.clone());
        Reply::future(async move {
            if let Some(gate) = gate {
                _ = gate.await;
            }
            memory.write(&key, record, expect).await
        })
    }

    fn remove(&self, key: &Key, expect: Expect) -> Reply<Removed> {
        self.0.memory.remove(key, expect)
    }

    fn keys(&self, prefix: Option<&str>) -> Keys {
        self.0.memory.keys(prefix)
    }

    fn write_batch(&self, writes: Vec<Write>) -> Reply<Batch> {
        self.0.memory.write_batch(writes)
    }

    fn sync(&self) -> Reply<()> {
        self.0.memory.sync()
    }

    fn close(&self) -> Reply<()> {
        self.0.memory.close()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.memory.capabilities()
    }
}

fn add_one(n: Option<u64>) -> u64 {
    n.unwrap_or(0) + 1
}

#[test]
fn what_queues_while_a_write_is_under_way_is_committed_by_one_write() {
    let held = Held::default();
    let larder = Larder::new(held.clone());
    held.hold();
    let mut updates: Vec<_> = (0..100).map(|_| larder.update_in("n", add_one).boxed()).collect();
    let mut cx = Context::from_waker(futures::task::noop_waker_ref());
    assert!(updates.iter_mut().all(|update| update.poll_unpin(&mut cx).is_pending()));
    held.release();
    let mut seen: Vec<u64> =
        pollster::block_on(join_all(updates)).into_iter().map(|result| result.unwrap().1).collect();
    seen.sort_unstable();
    assert_eq!(seen, (1..=100).collect::<Vec<_>>(), "every caller gets its own old and new");
    assert_eq!(held.writes(), 2, "the first, and one for the ninety-nine that queued behind it");
}

#[test]
fn callers_who_were_answered_together_update_together_again() {
    let held = Held::default();
    held.hold();
    let larder = Larder::new(held.clone());
    let tasks = join_all((0..16).map(|_| async {
        for _ in 0..50 {
            larder.update_in("n", add_one).await.unwrap();
        }
    }));
    // Lets through what waits, whenever the tasks have all had their turn.
    let disk = std::future::poll_fn(|cx| -> Poll<()> {
        let gates = held.0.gates.lock().unwrap().replace(Vec::new()).unwrap_or_default();
        gates.into_iter().for_each(|gate| _ = gate.send(()));
        cx.waker().wake_by_ref();
        Poll::Pending
    });
    pollster::block_on(futures::future::select(tasks.boxed(), disk));
    held.release();
    assert_eq!(pollster::block_on(larder.get("n")).unwrap(), Some(16 * 50u64));
    // Were a round begun by the first who comes back, every other round would hold one update.
    assert!(held.writes() <= 55, "{} writes for 50 times 16 updates", held.writes());
}

#[test]
fn the_last_value_written_here_saves_the_next_update_its_read() {
    let held = Held::default();
    let larder = Larder::new(held.clone());
    pollster::block_on(async {
        for _ in 0..10 {
            larder.update_in("n", add_one).await.unwrap();
        }
    });
    assert_eq!(held.0.reads.load(Ordering::SeqCst), 1);
    assert_eq!(held.writes(), 10);
}

#[test]
fn a_remembered_value_is_never_the_ground_for_an_answer() {
    // Another process changes the entry behind this one's back; a closure that refuses what this
    // process remembers must be asked again about what is really there.
    let held = Held::default();
    let (larder, other) = (Larder::new(held.clone()), Larder::new(held.0.memory.clone()));
    pollster::block_on(async {
        larder.update_in("n", add_one).await.unwrap();
        other.assoc("n", &41u64).await.unwrap();
        let result = larder
            .try_update_in("n", |n: Option<u64>| match n {
                Some(41) => Ok(42),
                other => Err(Error::new(ErrorKind::Invalid, format!("saw {other:?}"))),
            })
            .await;
        assert_eq!(result.unwrap(), (Some(41), 42));
    });
}

#[test]
fn a_caller_who_goes_away_passes_its_duty_on() {
    let held = Held::default();
    let larder = Larder::new(held.clone());
    let mut cx = Context::from_waker(futures::task::noop_waker_ref());
    held.hold();
    // The first caller has the round under way; it is dropped before it ends.
    let mut first = larder.update_in("n", add_one).boxed();
    assert!(first.poll_unpin(&mut cx).is_pending());
    let mut second = larder.update_in("n", add_one).boxed();
    assert!(second.poll_unpin(&mut cx).is_pending());
    drop(first);
    held.release();
    // The first had been submitted: it runs to its end all the same.
    assert_eq!(pollster::block_on(second).unwrap(), (Some(1), 2));
}

#[test]
fn a_caller_who_goes_away_before_its_turn_changes_nothing() {
    let held = Held::default();
    let larder = Larder::new(held.clone());
    let mut cx = Context::from_waker(futures::task::noop_waker_ref());
    held.hold();
    let mut updates: Vec<_> = (0..3).map(|_| larder.update_in("n", add_one).boxed()).collect();
    updates.iter_mut().for_each(|update| assert!(update.poll_unpin(&mut cx).is_pending()));
    drop(updates.remove(1));
    held.release();
    let results = pollster::block_on(join_all(updates));
    assert_eq!(results.last().unwrap().as_ref().unwrap().1, 2);
}

#[test]
fn when_all_callers_are_gone_the_key_is_free_again() {
    let held = Held::default();
    let larder = Larder::new(held.clone());
    let mut cx = Context::from_waker(futures::task::noop_waker_ref());
    held.hold();
    let mut update = larder.update_in("n", add_one).boxed();
    assert!(update.poll_unpin(&mut cx).is_pending());
    drop(update);
    held.release();
    // The write was a future of the backend's own, which never ran: nothing happened.
    assert_eq!(pollster::block_on(larder.update_in("n", add_one)).unwrap(), (None, 1));
}

#[test]
fn a_caller_who_is_never_polled_again_holds_up_nobody() {
    let held = Held::default();
    let larder = Larder::new(held.clone());
    let mut cx = Context::from_waker(futures::task::noop_waker_ref());
    held.hold();
    let mut parked = larder.update_in("n", add_one).boxed();
    assert!(parked.poll_unpin(&mut cx).is_pending());
    held.release();
    assert_eq!(pollster::block_on(larder.update_in("n", add_one)).unwrap(), (Some(1), 2));
    assert_eq!(pollster::block_on(parked).unwrap(), (None, 1));
}

#[test]
fn a_closure_that_panics_is_its_callers_own_affair() {
    let larder = Larder::new(Memory::new());
    let bad = larder.update_in("n", |_: Option<u64>| -> u64 { panic!("on purpose") });
    let good = larder.update_in("n", add_one);
    let (bad, good) =
        pollster::block_on(async { futures::join!(std::panic::AssertUnwindSafe(bad).catch_unwind(), good) });
    assert_eq!(*bad.unwrap_err().downcast_ref::<&str>().unwrap(), "on purpose");
    assert_eq!(good.unwrap(), (None, 1));
    assert_eq!(pollster::block_on(larder.update_in("n", add_one)).unwrap(), (Some(1), 2));
}

#[test]
fn one_bad_update_spares_the_others_of_its_round() {
    let held = Held::default();
    let larder = Larder::new(held.clone());
    pollster::block_on(larder.assoc("d", &serde_json::json!({"n": 0, "text": "x"}))).unwrap();
    held.hold();
    let mut round = vec![
        larder.update_in(path!["d", "n"], add_one).boxed(),
        larder.update_in(path!["d", "text", "deeper"], add_one).boxed(),
        larder.update_in(path!["d", "n"], add_one).boxed(),
        larder.update_in(path!["d", "text"], add_one).boxed(),
    ];
    let mut cx = Context::from_waker(futures::task::noop_waker_ref());
    for update in &mut round {
        _ = update.poll_unpin(&mut cx);
    }
    held.release();
    let results = pollster::block_on(join_all(round));
    assert_eq!(results[0].as_ref().unwrap(), &(Some(0), 1));
    assert_eq!(results[1].as_ref().unwrap_err().kind(), ErrorKind::InvalidPath);
    assert_eq!(results[2].as_ref().unwrap(), &(Some(1), 2));
    assert_eq!(results[3].as_ref().unwrap_err().kind(), ErrorKind::Decode);
}

#[test]
fn replacing_and_removing_take_their_turn_among_updates() {
    let held = Held::default();
    let larder = Larder::new(held.clone());
    held.hold();
    let mut first = larder.update_in("n", add_one).boxed();
    let mut replace = larder.assoc("n", &10u64).boxed();
    let mut second = larder.update_in("n", add_one).boxed();
    let mut remove = larder.dissoc("n").boxed();
    let mut third = larder.update_in("n", add_one).boxed();
    let mut cx = Context::from_waker(futures::task::noop_waker_ref());
    assert!(first.poll_unpin(&mut cx).is_pending());
    assert!(replace.poll_unpin(&mut cx).is_pending());
    assert!(second.poll_unpin(&mut cx).is_pending());
    assert!(remove.poll_unpin(&mut cx).is_pending());
    assert!(third.poll_unpin(&mut cx).is_pending());
    held.release();
    pollster::block_on(async {
        let (first, replace, second, remove, third) = futures::join!(first, replace, second, remove, third);
        assert_eq!(first.unwrap(), (None, 1));
        replace.unwrap();
        assert_eq!(second.unwrap(), (Some(10), 11));
        // The removal looks for a log first, so it queues behind the third update or before it.
        assert!(remove.unwrap());
        assert!(matches!(third.unwrap(), (None, 1) | (Some(11), 12)));
    });
}

#[test]
fn a_lost_race_runs_the_closure_again_on_what_won() {
    let held = Held::default();
    let (larder, other) = (Larder::new(held.clone()), Larder::new(held.0.memory.clone()));
    held.hold();
    let mut update = larder.update_in("n", add_one).boxed();
    let mut cx = Context::from_waker(futures::task::noop_waker_ref());
    assert!(matches!(update.poll_unpin(&mut cx), Poll::Pending));
    pollster::block_on(other.assoc("n", &100u64)).unwrap();
    held.release();
    assert_eq!(pollster::block_on(update).unwrap(), (Some(100), 101));
}
