//! [`metered`]: a stream whose bytes are counted, and whose waiting is timed apart from that of who
//! reads it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::stream::{BoxStream, Stream, StreamExt};
use larder::{Clock, Result};

/// What went through a stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Passed {
    /// How long the reader waited for it.
    pub(super) waited: Duration,
    pub(super) bytes: u64,
    /// Whether an item was an error.
    pub(super) failed: bool,
}

struct Metered<T> {
    inner: BoxStream<'static, Result<T>>,
    clock: Arc<dyn Clock>,
    size: fn(&T) -> u64,
    report: Box<dyn FnMut(Passed, bool) + Send>,
    passed: Passed,
    /// Since when the reader waits for the next item.
    since: Option<Duration>,
}

/// The same stream. After every item and at its end, `report` is given what has passed, and whether that
/// was all.
pub(super) fn metered<T: 'static>(
    inner: BoxStream<'static, Result<T>>,
    clock: Arc<dyn Clock>,
    size: fn(&T) -> u64,
    report: impl FnMut(Passed, bool) + Send + 'static,
) -> BoxStream<'static, Result<T>> {
    Metered { inner, clock, size, report: Box::new(report), passed: Passed::default(), since: None }.boxed()
}

impl<T> Unpin for Metered<T> {}

impl<T> Stream for Metered<T> {
    type Item = Result<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        let this = self.get_mut();
        let since = *this.since.get_or_insert_with(|| this.clock.now());
        let Poll::Ready(item) = this.inner.poll_next_unpin(cx) else {
            return Poll::Pending;
        };
        this.since = None;
        this.passed.waited += this.clock.now().saturating_sub(since);
        match &item {
            Some(Ok(item)) => this.passed.bytes += (this.size)(item),
            Some(Err(_)) => this.passed.failed = true,
            None => {}
        }
        (this.report)(this.passed, item.is_none());
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint()
    }
}
