//! The same events in real time.

use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use larder_simulated::time::{RealTimeline, Timeline, drive};

#[test]
fn events_run_in_their_order_and_not_too_early() {
    let timeline = Arc::new(RealTimeline::new().unwrap());
    let (sender, ran) = channel();
    let start = timeline.nanos();
    for n in [3u64, 1, 2, 0, 1] {
        let (sender, inner, at) = (sender.clone(), Arc::clone(&timeline), start + n * 2_000_000);
        timeline.call_at(at, Box::new(move || sender.send((n, inner.nanos() >= at)).unwrap()));
    }
    let ran: Vec<(u64, bool)> = (0..5).map(|_| ran.recv().unwrap()).collect();
    assert_eq!(ran, [(0, true), (1, true), (1, true), (2, true), (3, true)]);
}

#[test]
fn a_cancelled_event_does_not_run() {
    let timeline = RealTimeline::new().unwrap();
    let (sender, ran) = channel();
    // The thread is busy until both are made and one is cancelled.
    let (go, wait) = sync_channel::<()>(0);
    timeline.call_at(0, Box::new(move || wait.recv().unwrap()));
    let [first, second] = [1, 2].map(|n| {
        let sender = sender.clone();
        timeline.call_at(0, Box::new(move || sender.send(n).unwrap()))
    });
    timeline.cancel(first);
    go.send(()).unwrap();
    assert_eq!(ran.recv(), Ok(2));
    timeline.cancel(second);
    drop(sender);
    assert!(ran.recv().is_err());
}

#[test]
fn dropping_it_ends_its_thread_and_drops_what_has_not_run() {
    let timeline = RealTimeline::new().unwrap();
    let (sender, ran) = channel::<()>();
    timeline.call_at(u64::MAX, Box::new(move || sender.send(()).unwrap()));
    drop(timeline);
    // The thread has been joined, so the event, which held the sender, is gone.
    assert!(ran.try_recv().is_err_and(|error| error == std::sync::mpsc::TryRecvError::Disconnected));
}

#[test]
fn an_event_may_drop_the_timeline_and_may_panic() {
    let timeline = Arc::new(Mutex::new(Some(RealTimeline::new().unwrap())));
    let (sender, ran) = channel();
    let inner = Arc::clone(&timeline);
    let with = |event: Box<dyn FnOnce() + Send>| {
        timeline.lock().unwrap().as_ref().unwrap().call_at(0, event);
    };
    with(Box::new(|| panic!("on purpose")));
    with(Box::new(move || {
        drop(inner.lock().unwrap().take());
        sender.send(()).unwrap();
    }));
    assert_eq!(ran.recv(), Ok(()));
    assert!(timeline.lock().unwrap().is_none());
}

#[test]
fn a_future_is_driven_by_real_time_too() {
    let timeline: Arc<dyn Timeline> = Arc::new(RealTimeline::new().unwrap());
    let (sender, done) = channel();
    let (go, wait) = futures::channel::oneshot::channel::<u64>();
    drive(&timeline, async move { sender.send(wait.await.unwrap()).unwrap() }.boxed());
    assert!(done.try_recv().is_err());
    // A hold means nothing here.
    let _hold = timeline.hold();
    std::thread::spawn(move || go.send(7).unwrap()).join().unwrap();
    assert_eq!(done.recv(), Ok(7));
}
