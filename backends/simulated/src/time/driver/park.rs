//! Executors that say when they would sleep: tokio's current-thread runtime.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use super::super::clock::{Advance, VirtualClock};
use super::super::stall::Stall;

/// Moves time whenever a runtime of one thread is about to sleep.
///
/// ```
/// # use std::time::Duration;
/// # use larder_simulated::time::{ParkDriver, VirtualClock};
/// let clock = VirtualClock::new(1);
/// let driver = ParkDriver::new(&clock);
/// let runtime = tokio::runtime::Builder::new_current_thread().on_thread_park(driver.hook()).build().unwrap();
/// let slept = runtime.block_on(driver.run({
///     let clock = clock.clone();
///     async move { clock.sleep_for(Duration::from_secs(3600)).await }
/// }));
/// assert_eq!((slept, clock.nanos()), (Ok(()), 3_600_000_000_000));
/// ```
///
/// tokio from 1.51.4 or 1.52.4 on, which look for what the hook has woken. Do not mix it with
/// `tokio::time::pause`: neither would know the other's next instant. `tokio::select!` begins at a
/// branch of tokio's own choice, so write `biased;`.
#[derive(Clone)]
pub struct ParkDriver(Arc<Shared>);

struct Shared {
    clock: VirtualClock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The future that runs, woken at every instant: an instant may run events only and wake nobody, and
    /// the runtime would then sleep for ever.
    running: Option<Waker>,
    stalled: Option<Stall>,
}

impl ParkDriver {
    /// Moves this clock.
    pub fn new(clock: &VirtualClock) -> ParkDriver {
        ParkDriver(Arc::new(Shared { clock: clock.clone(), state: Mutex::default() }))
    }

    /// What the runtime is to call when it would sleep: `Builder::on_thread_park(driver.hook())`.
    pub fn hook(&self) -> impl Fn() + Send + Sync + 'static {
        let shared = Arc::clone(&self.0);
        move || shared.park()
    }

    /// The future, with an end to runs that would never end. Give it to the runtime's `block_on`.
    ///
    /// # Errors
    /// A [`Stall`], without names: what waits, this knows nothing of.
    pub async fn run<F: Future>(&self, future: F) -> Result<F::Output, Stall> {
        let mut future = pin!(future);
        poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            let mut state = self.0.lock();
            if let Some(stall) = state.stalled.take() {
                return Poll::Ready(Err(stall));
            }
            let before = state.running.replace(cx.waker().clone());
            drop(state);
            drop(before);
            Poll::Pending
        })
        .await
    }
}

impl Shared {
    fn park(&self) {
        let stalled = match self.clock.advance() {
            Advance::Moved(_) => None,
            Advance::Held => {
                // The runtime sleeps, in real time, until somebody wakes it: the end of the hold does.
                let running = self.lock().running.clone();
                let Some(running) = running else { return };
                if !self.clock.watch(&running) {
                    running.wake();
                }
                return;
            }
            Advance::Empty => Some(Stall::Deadlock { at: self.clock.nanos(), tasks: Vec::new() }),
            Advance::Limited(limit) => Some(Stall::limited(limit, self.clock.nanos(), Vec::new())),
        };
        let mut state = self.lock();
        state.stalled = stalled;
        let running = state.running.take();
        drop(state);
        if let Some(running) = running {
            running.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ParkDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParkDriver({:?})", self.0.clock)
    }
}
