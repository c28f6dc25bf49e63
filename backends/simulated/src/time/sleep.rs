//! [`Sleep`]: a future that completes at an instant, and takes itself away when it is dropped.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::clock::{VirtualClock, Waiter};
use super::{EventId, Nanos};

/// Completes at an instant. One whose instant has passed lets everybody else run first, so that a loop
/// over sleeps of no time is seen as the livelock it is. Dropped, it leaves nothing on the timeline.
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep {
    clock: VirtualClock,
    at: Nanos,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    New,
    Waiting(EventId),
    Done,
}

impl Sleep {
    pub(super) fn new(clock: VirtualClock, at: Nanos) -> Sleep {
        Sleep { clock, at, state: State::New }
    }

    /// The instant.
    pub fn at(&self) -> Nanos {
        self.at
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.state {
            State::New => {
                let id = self.clock.insert(self.at, Waiter::Sleeper(cx.waker().clone()));
                self.state = State::Waiting(id);
                Poll::Pending
            }
            State::Waiting(id) if self.clock.renew(id, cx.waker()) => Poll::Pending,
            State::Waiting(_) | State::Done => {
                self.state = State::Done;
                Poll::Ready(())
            }
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let State::Waiting(id) = self.state {
            self.clock.remove(id);
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sleep(until {} ns)", self.at)
    }
}
