//! [`Sim`]: an executor of one thread that polls tasks in an order of a seed's choice, and moves virtual
//! time when none of them is ready. It never waits for ever: a run that cannot go on is an error.

mod handle;
mod queue;
mod run;
mod task;

use std::borrow::Cow;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

pub use handle::JoinHandle;
pub(super) use task::Task;

use super::clock::VirtualClock;
use super::schedule::{Deviation, Policy};
use super::stall::Stall;
use queue::Queue;

/// A simulated run: its clock and its tasks. Clones share it.
///
/// ```
/// use std::time::Duration;
/// use larder_simulated::time::Sim;
///
/// let elapsed = Sim::run(7, |sim| async move {
///     let clock = sim.clock().clone();
///     let other = sim.spawn("other", {
///         let clock = clock.clone();
///         async move { clock.sleep_for(Duration::from_secs(3600)).await }
///     });
///     other.await;
///     clock.nanos()
/// });
/// assert_eq!(elapsed, Ok(3_600_000_000_000));
/// ```
#[derive(Clone, Debug)]
pub struct Sim {
    clock: VirtualClock,
    queue: Arc<Queue>,
}

impl Sim {
    /// A run by this clock.
    pub fn new(clock: VirtualClock) -> Sim {
        Sim { clock, queue: Arc::new(Queue::default()) }
    }

    /// Makes a run of this seed, with the policy [`Policy::Random`], and runs the body to its end.
    ///
    /// # Errors
    /// As for [`Sim::block_on`].
    ///
    /// # Panics
    /// If the body or a task does.
    #[track_caller]
    pub fn run<F: Future + 'static>(seed: u64, body: impl FnOnce(Sim) -> F) -> Result<F::Output, Stall> {
        let sim = Sim::new(VirtualClock::new(seed));
        let future = body(sim.clone());
        sim.block_on(seed, Policy::Random, future)
    }

    /// The clock.
    pub fn clock(&self) -> &VirtualClock {
        &self.clock
    }

    /// Starts a task. It is named where a stall is reported; dropping the handle lets it go on, and it
    /// ends with the run at the latest.
    #[track_caller]
    pub fn spawn<T: Send + 'static>(
        &self,
        name: impl Into<Cow<'static, str>>,
        future: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.spawn_at(name.into(), Location::caller(), future)
    }

    pub(crate) fn spawn_at<T: Send + 'static>(
        &self,
        name: Cow<'static, str>,
        spawned: &'static Location<'static>,
        future: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let task = self.queue.name(name, spawned);
        let queue = Arc::clone(&self.queue);
        let end = self.queue.end_of(&task);
        let (runnable, handle) = async_task::Builder::new().metadata(task).spawn(
            move |_| async move {
                let _end = end;
                future.await
            },
            move |runnable| queue.push(runnable),
        );
        self.queue.start(runnable);
        JoinHandle::new(handle)
    }

    /// Runs the future to its end, with everything that is spawned meanwhile; then drops what is left:
    /// tasks, sleepers and events. What is spawned between the end
    /// of a run and the beginning of the next is dropped at once. Not to be called by what it runs.
    ///
    /// # Errors
    /// A [`Stall`] if the run can never end, or goes beyond the [`Limits`](super::Limits) of its clock.
    ///
    /// # Panics
    /// If the future or a task does.
    #[track_caller]
    pub fn block_on<F: Future + 'static>(
        &self,
        seed: u64,
        policy: Policy,
        future: F,
    ) -> Result<F::Output, Stall> {
        run::block_on(self, policy.start(seed), Location::caller(), future)
    }

    /// From now on, remembers where the schedule deviates from FIFO, the first so many times.
    pub fn record_schedule(&self, most: usize) {
        self.queue.record(most);
    }

    /// The deviations from FIFO up to now, if they were recorded.
    pub fn deviations(&self) -> Vec<Deviation> {
        self.queue.deviations()
    }
}
