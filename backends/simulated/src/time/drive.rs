//! A future without an executor: the timeline polls it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures::future::BoxFuture;

use super::Timeline;

/// Polls the future at once, and from then on as an event "now" whenever it is woken. For what must go
/// on whether or not anybody waits for it, under any executor.
///
/// A future that waits for a thread or a socket in virtual time keeps a [`Hold`](super::Hold) until it
/// has its answer, or virtual time will not wait for it.
pub fn drive(timeline: &Arc<dyn Timeline>, future: BoxFuture<'static, ()>) {
    let driven = Driven {
        timeline: Arc::clone(timeline),
        future: Mutex::new(Some(future)),
        queued: AtomicBool::new(true),
    };
    Arc::new(driven).poll();
}

struct Driven {
    timeline: Arc<dyn Timeline>,
    /// `None` once it is done.
    future: Mutex<Option<BoxFuture<'static, ()>>>,
    /// Whether an event is on its way that polls it.
    queued: AtomicBool,
}

impl Driven {
    fn poll(self: Arc<Self>) {
        // Before the poll: a wake during it must lead to another.
        self.queued.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&self));
        let mut slot = self.future.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(future) = slot.as_mut() else { return };
        if let Poll::Ready(()) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            let done = slot.take();
            drop(slot);
            drop(done);
        }
    }
}

impl Wake for Driven {
    fn wake(self: Arc<Self>) {
        if !self.queued.swap(true, Ordering::SeqCst) {
            let timeline = Arc::clone(&self.timeline);
            timeline.call_at(timeline.nanos(), Box::new(move || self.poll()));
        }
    }
}
