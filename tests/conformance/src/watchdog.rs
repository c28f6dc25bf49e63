//! A property that hangs must fail, and say which it is.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use crate::Harness;

/// Longer than any property takes on any machine that is worth testing on.
const LIMIT: Duration = Duration::from_secs(600);

/// Checks a property. One that hangs cannot be stopped, so that ends the process.
#[doc(hidden)]
pub fn __check<H: Harness>(name: &'static str, harness: &H, property: fn(&H)) {
    let (running, ended) = channel::<()>();
    std::thread::spawn(move || {
        if ended.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
            eprintln!("{name} has not come to an end within {} s: it hangs", LIMIT.as_secs());
            std::process::abort();
        }
    });
    property(harness);
    // Dropped here or by a panic: either way the watch is over.
    drop(running);
}
