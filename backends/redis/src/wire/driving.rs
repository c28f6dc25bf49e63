//! The driver of a stream: reads answers and hands them out, and writes what is gathered.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::channel::oneshot;
use futures::future::poll_fn;
use redis::{RedisResult, Value};

use super::{Inner, KEPT, ended};
use crate::frame;

/// How much is read at a time, at first.
const ROOM: usize = 64 * 1024;

/// What the driver works with.
pub(super) struct Driving {
    inner: Arc<Inner>,
    /// What was read, up to `filled`, begins with an answer that is not whole.
    buffer: Vec<u8>,
    filled: usize,
    /// The last read has brought all there was.
    drained: bool,
    /// It has let those run that were woken before.
    yielded: bool,
    answers: Vec<Value>,
    answered: Vec<(oneshot::Sender<RedisResult<Value>>, Value)>,
}

impl Driving {
    /// The driver of this stream.
    pub(super) fn new(inner: &Arc<Inner>) -> Driving {
        Driving {
            inner: Arc::clone(inner),
            buffer: vec![0; ROOM],
            filled: 0,
            drained: false,
            yielded: false,
            answers: Vec::new(),
            answered: Vec::new(),
        }
    }

    /// Until the connection is lost.
    pub(super) async fn run(mut self) {
        poll_fn(|cx| self.poll(cx)).await;
    }

    /// Ready when the connection is lost.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // Both sides in turn: a server that waits for us to read reads nothing itself.
            let read = match self.poll_read(cx) {
                Poll::Ready(Ok(())) => true,
                Poll::Ready(Err(error)) => {
                    self.inner.lose(error);
                    return Poll::Ready(());
                }
                Poll::Pending => false,
            };
            match self.poll_write(cx) {
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
        let read = ready!(self.inner.socket.poll_read(cx, &mut self.buffer[self.filled..]))?;
        if read == 0 {
            let closed = io::Error::new(io::ErrorKind::UnexpectedEof, "the server has closed the connection");
            return Poll::Ready(Err(closed.into()));
        }
        self.filled += read;
        self.drained = self.filled < self.buffer.len();
        Poll::Ready(self.understand())
    }

    fn understand(&mut self) -> RedisResult<()> {
        let mut at = 0;
        let understood = loop {
            match frame::next(&self.buffer[at..self.filled]) {
                Ok(Some((value, len))) => {
                    at += len;
                    // What the server says unasked answers nobody.
                    if !matches!(value, Value::Push { .. }) {
                        self.answers.push(value);
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.buffer.copy_within(at..self.filled, 0);
        self.filled -= at;
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.filled * 2, 0);
        } else if self.buffer.len() > KEPT && self.filled <= ROOM {
            self.buffer.truncate(ROOM);
            self.buffer.shrink_to_fit();
        }
        self.answer().and(understood)
    }

    /// Hands out the answers in order.
    fn answer(&mut self) -> RedisResult<()> {
        let mut state = self.inner.state();
        let mut unasked = false;
        for value in self.answers.drain(..) {
            let Some(first) = state.waiting.front_mut() else {
                unasked = true;
                break;
            };
            first.left -= 1;
            let value = match &mut first.gathered {
                None => value,
                Some(gathered) => {
                    gathered.push(value);
                    if first.left > 0 {
                        continue;
                    }
                    Value::Array(std::mem::take(gathered))
                }
            };
            if let Some(waiting) = state.waiting.pop_front() {
                self.answered.push((waiting.sender, value));
            }
        }
        if !self.answered.is_empty() {
            state.crowd = self.answered.len();
        }
        drop(state);
        for (sender, value) in self.answered.drain(..) {
            // Who has gone away needs none.
            _ = sender.send(Ok(value));
        }
        if unasked {
            let what = "the server answered what it was not asked";
            return Err(io::Error::new(io::ErrorKind::InvalidData, what).into());
        }
        Ok(())
    }

    /// Writes what is gathered; ready when more may be there.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<RedisResult<()>> {
        let mut state = self.inner.state();
        if let Some(lost) = &state.lost {
            return Poll::Ready(Err(lost.clone()));
        }
        // Whoever writes right now wakes this task if anything is left.
        if state.writing || !state.has_more() {
            if !state.driver.as_ref().is_some_and(|driver| driver.will_wake(cx.waker())) {
                state.driver = Some(cx.waker().clone());
            }
            return Poll::Pending;
        }
        if !state.rest.is_empty() {
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
