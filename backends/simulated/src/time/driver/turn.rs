//! Executors that can be stepped: `futures`' `LocalPool`, smol's `LocalExecutor`.

use std::time::Duration;

use super::super::clock::{Advance, VirtualClock};
use super::super::stall::Stall;

/// Lets an executor run until it has nothing left to poll, moves time, and so on until `work` says that
/// what was waited for is done. The executor decides the order of tasks; the clock's seed decides the
/// order within one instant.
///
/// With `futures`:
///
/// ```
/// # use std::cell::Cell; use std::rc::Rc; use std::time::Duration;
/// # use futures::executor::LocalPool; use futures::task::LocalSpawnExt;
/// # use larder_simulated::time::{VirtualClock, turn};
/// let (clock, mut pool) = (VirtualClock::new(1), LocalPool::new());
/// let done = Rc::new(Cell::new(false));
/// pool.spawner().spawn_local({
///     let (clock, done) = (clock.clone(), Rc::clone(&done));
///     async move {
///         clock.sleep_for(Duration::from_secs(3600)).await;
///         done.set(true);
///     }
/// }).unwrap();
/// turn(&clock, || { pool.run_until_stalled(); done.get() }).unwrap();
/// ```
///
/// With smol's, where `while executor.try_tick() {}` is the step:
///
/// ```
/// # use std::time::Duration;
/// # use larder_simulated::time::{VirtualClock, turn};
/// let (clock, executor) = (VirtualClock::new(1), smol::LocalExecutor::new());
/// let task = executor.spawn({
///     let clock = clock.clone();
///     async move { clock.sleep_for(Duration::from_secs(3600)).await }
/// });
/// turn(&clock, || { while executor.try_tick() {} task.is_finished() }).unwrap();
/// ```
///
/// # Errors
/// A [`Stall`], without names: what waits, this knows nothing of. A task that wakes itself for ever
/// never lets `work` return, which this cannot notice; [`Sim`](super::super::Sim) can.
pub fn turn(clock: &VirtualClock, mut work: impl FnMut() -> bool) -> Result<(), Stall> {
    let (limits, mut instant, mut turns) = (clock.limits(), 0, 0);
    loop {
        if work() {
            return Ok(());
        }
        match clock.advance() {
            Advance::Moved(now) => {
                (instant, turns) = if now == instant { (instant, turns + 1) } else { (now, 1) };
                if turns > limits.instant {
                    return Err(Stall::livelock(now, Vec::new()));
                }
            }
            // The end of the hold may need a task that some thread will wake: who it wakes is known only
            // to the executor, so look again soon.
            Advance::Held => std::thread::park_timeout(Duration::from_micros(100)),
            Advance::Empty => return Err(Stall::Deadlock { at: clock.nanos(), tasks: Vec::new() }),
            Advance::Limited(limit) => return Err(Stall::limited(limit, clock.nanos(), Vec::new())),
        }
    }
}
