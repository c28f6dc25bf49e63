//! The loop: poll what is ready, and when nothing is, move time.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::Thread;

use super::super::clock::{Advance, VirtualClock};
use super::super::journal::Polls;
use super::super::schedule::{Ready, Schedule};
use super::super::stall::{Stall, Waiting};
use super::Sim;
use super::queue::{Before, Queue, Runnable};

/// Runs the future to its end on this thread.
pub(super) fn block_on<F: Future + 'static>(
    sim: &Sim,
    schedule: Box<dyn Schedule>,
    caller: &'static Location<'static>,
    future: F,
) -> Result<F::Output, Stall> {
    let task = sim.queue.name("main".into(), caller);
    let end = sim.queue.end_of(&task);
    let output = Rc::new(RefCell::new(None));
    let (runnable, handle) = async_task::Builder::new().metadata(task).spawn_local(
        {
            let output = Rc::clone(&output);
            move |_| async move {
                let _end = end;
                *output.borrow_mut() = Some(future.await);
            }
        },
        {
            let queue = Arc::clone(&sim.queue);
            move |runnable| queue.push(runnable)
        },
    );
    // Dropped in this order: the tasks, then the handle.
    let _handle = handle.fallible();
    let (ready, polls, before) = (VecDeque::new(), Polls::default(), Some(sim.queue.enter()));
    let mut run = Run { clock: &sim.clock, queue: &sim.queue, schedule, ready, polls, before };
    sim.queue.start(runnable);
    run.until(|| output.borrow().is_some())?;
    drop(run);
    // The run ends only when it is there.
    let output = output.borrow_mut().take();
    output.ok_or_else(|| Stall::Deadlock { at: sim.clock.nanos(), tasks: Vec::new() })
}

struct Run<'a> {
    clock: &'a VirtualClock,
    queue: &'a Arc<Queue>,
    schedule: Box<dyn Schedule>,
    ready: VecDeque<Runnable>,
    polls: Polls,
    before: Option<Before>,
}

impl Run<'_> {
    fn until(&mut self, done: impl Fn() -> bool) -> Result<(), Stall> {
        let most = self.clock.limits().instant;
        let (mut instant, mut polls) = (0, 0);
        loop {
            self.queue.drain(&mut self.ready);
            if self.ready.is_empty() {
                if done() {
                    return Ok(());
                }
                self.pass_time()?;
                continue;
            }
            let now = self.clock.nanos();
            (instant, polls) = if now == instant { (instant, polls + 1) } else { (now, 1) };
            if polls > most {
                return Err(Stall::livelock(now, self.tasks()));
            }
            self.poll_one();
            if done() {
                return Ok(());
            }
        }
    }

    fn poll_one(&mut self) {
        let count = self.ready.len();
        let place = if count > 1 { self.schedule.pick(&Ready(&self.ready)).min(count - 1) } else { 0 };
        let Some(runnable) = self.ready.remove(place) else { return };
        let task = runnable.metadata();
        if place > 0 {
            self.queue.deviated(task, place);
        }
        task.polled(self.clock.nanos());
        self.polls.add(task.id, count as u64);
        self.clock.trace_poll(task, count as u64);
        runnable.run();
    }

    /// Nothing is ready.
    fn pass_time(&mut self) -> Result<(), Stall> {
        match self.clock.advance_after(&mut self.polls) {
            Advance::Moved(_) => Ok(()),
            Advance::Held => {
                self.wait_for_the_world();
                Ok(())
            }
            Advance::Empty => {
                let at = self.clock.nanos();
                // A thread may have woken a task since the queue was looked at.
                self.queue.drain(&mut self.ready);
                if self.ready.is_empty() { Err(Stall::Deadlock { at, tasks: self.tasks() }) } else { Ok(()) }
            }
            Advance::Limited(limit) => Err(Stall::limited(limit, self.clock.nanos(), self.tasks())),
        }
    }

    /// Sleeps, in real time, until a task is woken or the hold ends.
    fn wait_for_the_world(&mut self) {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        self.queue.sleep(&waker);
        if self.clock.watch(&waker) {
            std::thread::park();
        }
    }

    /// Takes all tasks that live out of their places, and says what is known of them.
    fn tasks(&mut self) -> Vec<Waiting> {
        self.queue.wake_all(false);
        self.queue.drain(&mut self.ready);
        let mut tasks: Vec<Waiting> =
            self.ready.iter().map(|runnable| runnable.metadata().waiting()).collect();
        tasks.sort_by_key(|task| task.id);
        tasks
    }
}

impl Drop for Run<'_> {
    /// Also when a task has panicked. Dropping a task may wake others, and spawn some.
    fn drop(&mut self) {
        self.clock.polled(&mut self.polls);
        self.queue.wake_all(true);
        self.queue.drain(&mut self.ready);
        while !self.ready.is_empty() {
            self.ready.drain(..).for_each(drop);
            self.queue.drain(&mut self.ready);
        }
        self.clock.clear();
        if let Some(before) = self.before.take() {
            self.queue.leave(before);
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
