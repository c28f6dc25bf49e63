//! Time that moves a little whenever it is asked for, and chance from a seed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder::{Clock, Timestamp};
use larder_simulated::draw::Draws;

#[derive(Debug)]
pub(crate) struct TestClock {
    draws: Draws,
    asked: AtomicU64,
}

impl TestClock {
    pub(crate) fn new(seed: u64) -> Arc<TestClock> {
        Arc::new(TestClock { draws: Draws::new(seed).domain("clock"), asked: AtomicU64::new(0) })
    }

    fn ask(&self) -> u64 {
        self.asked.fetch_add(1, Ordering::Relaxed)
    }
}

impl Clock for TestClock {
    fn now(&self) -> Duration {
        Duration::from_millis(self.ask())
    }
    fn wall(&self) -> Timestamp {
        Timestamp::from_millis(1_767_225_600_000 + self.ask())
    }
    fn sleep(&self, _time: Duration) -> futures::future::BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
    fn random(&self) -> u64 {
        self.draws.at(self.ask())
    }
}
