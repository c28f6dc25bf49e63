//! A future that completes at an instant of any timeline. Dropped, it leaves nothing there.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;

use crate::time::{EventId, Nanos, Timeline};

/// Completes at its instant; at once if that has passed.
pub(super) struct Timer {
    timeline: Arc<dyn Timeline>,
    at: Nanos,
    waiting: Option<(EventId, Arc<Bell>)>,
}

#[derive(Default)]
struct Bell {
    rung: AtomicBool,
    waker: AtomicWaker,
}

impl Timer {
    pub(super) fn at(timeline: &Arc<dyn Timeline>, at: Nanos) -> Timer {
        Timer { timeline: Arc::clone(timeline), at, waiting: None }
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let bell = match &self.waiting {
            Some((_, bell)) => bell,
            None if self.timeline.nanos() >= self.at => return Poll::Ready(()),
            None => {
                let bell = Arc::new(Bell::default());
                let rung = Arc::clone(&bell);
                let ring = Box::new(move || {
                    rung.rung.store(true, Ordering::Release);
                    rung.waker.wake();
                });
                bell.waker.register(cx.waker());
                let id = self.timeline.call_at(self.at, ring);
                &self.waiting.insert((id, bell)).1
            }
        };
        bell.waker.register(cx.waker());
        // After the waker is in its place: a ring in between is not missed.
        if bell.rung.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some((id, _)) = self.waiting.take() {
            self.timeline.cancel(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::time::{Advance, VirtualClock};

    #[test]
    fn a_timer_completes_at_its_instant_and_leaves_nothing_behind() {
        let clock = VirtualClock::new(1);
        let timeline: Arc<dyn Timeline> = Arc::new(clock.clone());
        let mut cx = Context::from_waker(Waker::noop());
        let mut timer = Timer::at(&timeline, 500);
        assert!(Pin::new(&mut timer).poll(&mut cx).is_pending());
        assert_eq!(clock.advance(), Advance::Moved(500));
        assert!(Pin::new(&mut timer).poll(&mut cx).is_ready());
        assert!(Pin::new(&mut Timer::at(&timeline, 500)).poll(&mut cx).is_ready(), "it has passed");

        let mut dropped = Timer::at(&timeline, 900);
        assert!(Pin::new(&mut dropped).poll(&mut cx).is_pending());
        drop(dropped);
        assert_eq!(clock.advance(), Advance::Empty);
    }
}
