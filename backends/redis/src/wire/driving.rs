//! The driver of a stream: reads answers and hands them out, and writes what is gathered.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::future::poll_fn;
use redis::RedisResult;

use super::{Inner, ended};

/// What the driver works with.
pub(super) struct Driving {
    inner: Arc<Inner>,
    /// The last read has brought all there was.
    drained: bool,
    /// It has let those run that were woken before.
    yielded: bool,
}

impl Driving {
    /// The driver of this stream.
    pub(super) fn new(inner: &Arc<Inner>) -> Driving {
        Driving { inner: Arc::clone(inner), drained: false, yielded: false }
    }

    /// Until the connection is lost.
    pub(super) async fn run(mut self) {
        poll_fn(|cx| self.poll(cx)).await;
    }

    /// Ready when the connection is lost.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // Whoever asks alone reads the answer; nothing is to wake this task for it.
            let watches = !self.inner.state().lone;
            // Both sides in turn: a server that waits for us to read reads nothing itself.
            let read = match if watches { self.poll_read(cx) } else { Poll::Pending } {
                Poll::Ready(Ok(())) => true,
                Poll::Ready(Err(error)) => {
                    self.inner.lose(error);
                    return Poll::Ready(());
                }
                Poll::Pending => false,
            };
            match self.poll_write(cx, watches) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => {
                    self.inner.lose(error);
                    return Poll::Ready(());
                }
                Poll::Pending if read => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Reads once, and answers whom that answers.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<RedisResult<()>> {
        if self.drained {
            ready!(self.inner.socket.poll_readable(cx))?;
            self.drained = false;
        }
        let mut reading = self.inner.reading();
        let read = ready!(self.inner.socket.poll_read(cx, reading.room()))?;
        self.drained = !reading.add(read, &self.inner)?;
        Poll::Ready(Ok(()))
    }

    /// Writes what is gathered; ready when more may be there, or when it is this task again that has to watch for
    /// answers.
    fn poll_write(&mut self, cx: &mut Context<'_>, watches: bool) -> Poll<RedisResult<()>> {
        let mut state = self.inner.state();
        if let Some(lost) = &state.lost {
            return Poll::Ready(Err(lost.clone()));
        }
        if state.is_over() {
            return Poll::Ready(Err(ended()));
        }
        if !watches {
            if !state.lone {
                return Poll::Ready(Ok(()));
            }
            state.driver = Some(cx.waker().clone());
        }
        // Whoever writes right now wakes this task if anything is left.
        if state.writing || !state.has_more() {
            if !watches {
                self.inner.socket.unwatch();
            }
            if !state.driver.as_ref().is_some_and(|driver| driver.will_wake(cx.waker())) {
                state.driver = Some(cx.waker().clone());
            }
            return Poll::Pending;
        }
        if !state.rest.is_empty() {
            // For the end of all this.
            state.driver = Some(cx.waker().clone());
            drop(state);
            ready!(self.inner.socket.poll_writable(cx))?;
            state = self.inner.state();
        } else if self.inner.socket.is_hasty() && !self.yielded {
            // Those who were woken by the same answers are about to ask: all of that is one write.
            self.yielded = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.yielded = false;
        let (bytes, at) = if state.rest.is_empty() {
            (state.begin(), 0)
        } else {
            state.writing = true;
            (std::mem::take(&mut state.rest), state.at)
        };
        drop(state);
        self.inner.write(bytes, at);
        Poll::Ready(Ok(()))
    }
}

impl Drop for Driving {
    /// Also when a runtime ends and takes the task along.
    fn drop(&mut self) {
        self.inner.lose(ended());
    }
}
