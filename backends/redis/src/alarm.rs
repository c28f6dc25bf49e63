//! One timer that rings when something is due, and then asks when to ring again. It needs no task: the clock's
//! own thread runs it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use larder::Clock;

/// The timer.
pub(crate) struct Alarm {
    clock: Arc<dyn Clock>,
    /// What is told the time when it rings, and says when to ring again, if at all.
    ring: Box<dyn Fn(Duration) -> Option<Duration> + Send + Sync>,
    /// When it is to ring next, until it is set to that.
    wanted: Mutex<Option<Duration>>,
    sleep: Mutex<Option<BoxFuture<'static, ()>>>,
    /// Whether it was woken, or set, since it was last looked at.
    woken: AtomicBool,
}

impl Alarm {
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        ring: impl Fn(Duration) -> Option<Duration> + Send + Sync + 'static,
    ) -> Arc<Alarm> {
        Arc::new(Alarm {
            clock,
            ring: Box::new(ring),
            wanted: Mutex::default(),
            sleep: Mutex::default(),
            woken: AtomicBool::new(false),
        })
    }

    /// Rings at this time of the clock, instead of whenever it was to ring next.
    pub(crate) fn set(self: &Arc<Self>, at: Duration) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
        self.look();
    }

    fn look(self: &Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        while self.woken.load(Ordering::SeqCst) {
            let mut sleep = match self.sleep.try_lock() {
                Ok(sleep) => sleep,
                Err(TryLockError::Poisoned(sleep)) => PoisonError::into_inner(sleep),
                // Whoever has it looks again when it is done; which may be this very thread.
                Err(TryLockError::WouldBlock) => return,
            };
            while self.woken.swap(false, Ordering::SeqCst) {
                let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(at) = wanted {
                    *sleep = Some(self.until(at));
                }
                self.poll(&mut sleep);
            }
        }
    }

    fn until(&self, at: Duration) -> BoxFuture<'static, ()> {
        self.clock.sleep(at.saturating_sub(self.clock.now()))
    }

    fn poll(self: &Arc<Self>, sleep: &mut Option<BoxFuture<'static, ()>>) {
        let waker = Waker::from(Arc::clone(self));
        let mut cx = Context::from_waker(&waker);
        while let Some(sleeping) = sleep
            && sleeping.poll_unpin(&mut cx).is_ready()
        {
            *sleep = (self.ring)(self.clock.now()).map(|at| self.until(at));
        }
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.look();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;
    use std::sync::mpsc::{self, Sender};

    use larder::{RealClock, Timestamp};

    use super::*;

    const STEP: Duration = Duration::from_millis(20);

    fn ringing(clock: Arc<dyn Clock>, again: u32) -> (Arc<Alarm>, mpsc::Receiver<Duration>) {
        let (rung, rings) = mpsc::channel();
        let left = Mutex::new(again);
        let ring = move |now| {
            rung.send(now).unwrap();
            let mut left = left.lock().unwrap();
            *left = left.checked_sub(1)?;
            Some(now + STEP)
        };
        (Alarm::new(clock, ring), rings)
    }

    #[test]
    fn it_rings_when_it_is_set_to_and_again_as_often_as_it_is_told() {
        let (alarm, rings) = ringing(RealClock::shared(), 2);
        let begun = RealClock.now();
        // The later of two settings counts.
        alarm.set(begun + Duration::from_secs(3600));
        alarm.set(begun + STEP);
        let times: Vec<Duration> = (0..3).map(|_| rings.recv().unwrap()).collect();
        assert!(times[0] >= begun + STEP, "{times:?}");
        assert!(times[1] >= times[0] + STEP && times[2] >= times[1] + STEP, "{times:?}");
        // It is at rest now, and can be set once more.
        alarm.set(RealClock.now());
        rings.recv().unwrap();
        drop(alarm);
        assert!(rings.recv().is_err(), "nothing holds it");
    }

    /// Whose sleeps are over at once, and which wakes whoever begins one while he does so.
    #[derive(Debug)]
    struct Hasty(Mutex<Vec<Weak<()>>>, Mutex<Sender<()>>);

    impl Clock for Hasty {
        fn now(&self) -> Duration {
            Duration::ZERO
        }
        fn wall(&self) -> Timestamp {
            Timestamp::default()
        }
        fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
            let begun = self.0.lock().unwrap().len();
            let alive = Arc::new(());
            self.0.lock().unwrap().push(Arc::downgrade(&alive));
            self.1.lock().unwrap().send(()).unwrap();
            let mut polls = 0;
            futures::future::poll_fn(move |cx| {
                let _ = &alive;
                polls += 1;
                cx.waker().wake_by_ref();
                if polls > begun { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            })
            .boxed()
        }
        fn random(&self) -> u64 {
            0
        }
    }

    #[test]
    fn a_clock_may_wake_it_while_it_is_asked() {
        let (slept, sleeps) = mpsc::channel();
        let clock = Arc::new(Hasty(Mutex::default(), Mutex::new(slept)));
        let (alarm, rings) = ringing(Arc::clone(&clock) as Arc<dyn Clock>, 3);
        alarm.set(Duration::ZERO);
        assert_eq!(rings.try_iter().count(), 4);
        assert_eq!(sleeps.try_iter().count(), 4);
        assert!(clock.0.lock().unwrap().iter().all(|sleep| sleep.upgrade().is_none()), "no sleep is kept");
    }
}
