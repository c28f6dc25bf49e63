//! Something real is in flight: virtual time waits.

use super::clock::VirtualClock;

/// While it lives, virtual time stands still: something real (a thread, a socket) is in flight whose
/// answer must not be overtaken by virtual timeouts. What is due at the current instant still happens.
#[derive(Debug)]
#[must_use = "time goes on as soon as this is dropped"]
pub struct Hold(Option<VirtualClock>);

impl Hold {
    /// Holds nothing: real time waits for nobody.
    pub const fn none() -> Hold {
        Hold(None)
    }

    /// The clock has counted this one.
    pub(super) fn of(clock: VirtualClock) -> Hold {
        Hold(Some(clock))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(clock) = &self.0 {
            clock.release();
        }
    }
}
