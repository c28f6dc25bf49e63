//! The deadlines of many operations under one timer. Nearly all operations are done long before theirs; so
//! all that begin on one thread share a timer that is due earlier, and only those that outlast it get one of
//! their own.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Either, Shared, select};
use larder::Clock;

/// Fires once, for everybody.
type Tick = Shared<BoxFuture<'static, ()>>;

/// Who watches deadlines.
pub(crate) struct Deadlines {
    clock: Arc<dyn Clock>,
    /// How long the shared timers run.
    step: Duration,
    /// They, and when they are due. Threads that work at the same time seldom meet at one.
    ticks: [Mutex<Option<(Duration, Tick)>>; SHARDS],
}

const SHARDS: usize = 8;

/// A number of this thread's own, counted from 0.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed));
    // At the end of a thread there is none any more.
    NUMBER.try_with(|number| *number).unwrap_or_default()
}

impl Deadlines {
    /// For operations that may take as long as this.
    pub(crate) fn new(clock: Arc<dyn Clock>, usual: Duration) -> Deadlines {
        Deadlines { clock, step: usual / 4, ticks: Default::default() }
    }

    /// What the future gives if it does so within this time, which begins `now`. Its caller has pinned it, which
    /// saves moving it here.
    pub(crate) fn within<T>(
        &self,
        now: Duration,
        time: Duration,
        mut future: Pin<&mut impl Future<Output = T>>,
    ) -> impl Future<Output = Option<T>> {
        async move {
            if time.is_zero() {
                return None;
            }
            // Who joins is woken before its own time.
            if time > self.step
                && let Either::Left((output, _)) = select(future.as_mut(), self.tick(now)).await
            {
                return Some(output);
            }
            let left = (now + time).saturating_sub(self.clock.now());
            match select(future, self.clock.sleep(left)).await {
                Either::Left((output, _)) => Some(output),
                Either::Right(_) => None,
            }
        }
    }

    fn tick(&self, now: Duration) -> Tick {
        let tick = &self.ticks[thread_number() % SHARDS];
        let mut tick = tick.lock().unwrap_or_else(PoisonError::into_inner);
        match &*tick {
            Some((due, tick)) if *due > now && tick.peek().is_none() => tick.clone(),
            _ => {
                let new = self.clock.sleep(self.step).shared();
                *tick = Some((now + self.step, new.clone()));
                new
            }
        }
    }
}

impl fmt::Debug for Deadlines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Deadlines({:?})", self.step)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::future::{join_all, pending, ready};
    use larder::{RealClock, Timestamp};

    use super::*;

    /// The real clock, counting its timers.
    #[derive(Debug, Default)]
    struct Counting(AtomicUsize);

    impl Clock for Counting {
        fn now(&self) -> Duration {
            RealClock.now()
        }
        fn wall(&self) -> Timestamp {
            RealClock.wall()
        }
        fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
            self.0.fetch_add(1, Ordering::Relaxed);
            RealClock.sleep(time)
        }
        fn random(&self) -> u64 {
            RealClock.random()
        }
    }

    #[test]
    fn operations_that_are_quick_share_one_timer() {
        let clock = Arc::new(Counting::default());
        let deadlines = Deadlines::new(Arc::clone(&clock) as Arc<dyn Clock>, Duration::from_secs(3600));
        for n in 0..100 {
            let quick = pin!(ready(n));
            let done = deadlines.within(clock.now(), Duration::from_secs(3600), quick);
            assert_eq!(pollster::block_on(done), Some(n));
        }
        assert_eq!(clock.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn nobody_waits_for_longer_or_shorter_than_its_deadline() {
        let clock: Arc<dyn Clock> = Arc::new(Counting::default());
        let deadlines = Deadlines::new(Arc::clone(&clock), Duration::from_millis(80));
        let waits = (0..8).map(|n| {
            let (deadlines, clock, time) = (&deadlines, &clock, Duration::from_millis(10 + 20 * n));
            async move {
                let begun = clock.now();
                assert!(deadlines.within(begun, time, pin!(pending::<()>())).await.is_none());
                assert!(clock.now() - begun >= time, "{time:?}");
            }
        });
        pollster::block_on(join_all(waits));
        let late = pin!(ready(()));
        assert!(pollster::block_on(deadlines.within(clock.now(), Duration::ZERO, late)).is_none());
    }
}
