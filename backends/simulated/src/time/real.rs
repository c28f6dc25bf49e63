//! [`RealTimeline`]: events in real time, for running applications. One thread sleeps until the next.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use larder::{Clock, Error, RealClock};

use super::timers::{EventId, Timers};
use super::{Event, Hold, Nanos, Timeline, nanos};

/// Events in real time, run by a thread of its own, one after the other, those of one instant in the
/// order in which they were made. Dropping it ends the thread, and drops what has not run.
///
/// An event that panics is over; the thread goes on.
pub struct RealTimeline {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    start: Duration,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    timers: Timers<Event>,
    over: bool,
}

impl RealTimeline {
    /// A timeline that begins now.
    ///
    /// # Errors
    /// `Io` if the system gives no thread.
    pub fn new() -> larder::Result<RealTimeline> {
        let shared = Arc::new(Shared {
            start: RealClock.now(),
            state: Mutex::new(State { timers: Timers::new(), over: false }),
            changed: Condvar::new(),
        });
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("larder-timeline".to_owned());
        #[expect(clippy::disallowed_methods, reason = "real time needs a thread; no simulation has it")]
        let thread = thread.spawn(move || of_thread.run());
        let thread = thread.map_err(|error| Error::io("cannot start the thread of a timeline", error))?;
        Ok(RealTimeline { shared, thread: Some(thread) })
    }
}

impl Shared {
    fn nanos(&self) -> Nanos {
        nanos(RealClock.now().saturating_sub(self.start))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut due = Vec::new();
        let mut state = self.lock();
        while !state.over {
            let now = self.nanos();
            state = match state.timers.next() {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(next) if next > now => {
                    let time = Duration::from_nanos(next - now);
                    self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
                }
                Some(_) => {
                    state.timers.due(now, &mut due);
                    for id in due.drain(..) {
                        if state.over {
                            break;
                        }
                        let Some(event) = state.timers.remove(id) else { continue };
                        drop(state);
                        _ = catch_unwind(AssertUnwindSafe(event));
                        state = self.lock();
                    }
                    state
                }
            };
        }
        let dropped = state.timers.clear();
        drop(state);
        drop(dropped);
    }
}

impl Timeline for RealTimeline {
    fn nanos(&self) -> Nanos {
        self.shared.nanos()
    }

    fn call_at(&self, at: Nanos, event: Event) -> EventId {
        let mut state = self.shared.lock();
        let first = state.timers.next().is_none_or(|next| at < next);
        let id = state.timers.insert(at, event);
        drop(state);
        if first {
            self.shared.changed.notify_one();
        }
        id
    }

    fn cancel(&self, id: EventId) {
        let removed = self.shared.lock().timers.remove(id);
        drop(removed);
    }

    fn hold(&self) -> Hold {
        Hold::none()
    }
}

impl Drop for RealTimeline {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.shared.changed.notify_one();
        // An event may drop the timeline: its thread cannot wait for itself.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            _ = thread.join();
        }
    }
}

impl fmt::Debug for RealTimeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RealTimeline({} ns)", self.nanos())
    }
}
