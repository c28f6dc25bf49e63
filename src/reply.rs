//! [`Reply`]: the channel that every backend call returns. The call returns at once; value or error
//! arrive through the reply, from an IO thread, from an async client, or at once.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::channel::oneshot;
use futures::future::{BoxFuture, FutureExt};

use crate::error::{Error, ErrorKind, Result};

/// The answer to a backend call, now or later. Await it, or [`wait`](Reply::wait) for it in
/// blocking code.
///
/// Dropping a reply never tears the operation: it either has not started or runs to its end.
///
/// ```
/// use larder::Reply;
/// let (responder, reply) = Reply::channel();
/// std::thread::spawn(move || responder.answer(Ok(42)));
/// assert_eq!(reply.wait().unwrap(), 42);
/// ```
#[must_use = "a reply does nothing unless it is awaited"]
pub struct Reply<T>(State<T>);

enum State<T> {
    Ready(Option<Result<T>>),
    Channel(oneshot::Receiver<Result<T>>),
    Future(BoxFuture<'static, Result<T>>),
}

impl<T> Reply<T> {
    /// The answer is already there: no allocation, no thread.
    pub fn ready(result: Result<T>) -> Reply<T> {
        Reply(State::Ready(Some(result)))
    }

    /// An IO thread will answer through the [`Responder`].
    pub fn channel() -> (Responder<T>, Reply<T>) {
        let (sender, receiver) = oneshot::channel();
        (Responder(sender), Reply(State::Channel(receiver)))
    }

    /// A future will answer. It is polled by whoever awaits the reply.
    pub fn future(future: impl Future<Output = Result<T>> + Send + 'static) -> Reply<T> {
        Reply(State::Future(future.boxed()))
    }

    /// Whether the answer came at once, without any waiting.
    pub fn is_ready(&self) -> bool {
        matches!(self.0, State::Ready(_))
    }

    /// The answer if it is there, or else the reply that is to be waited for.
    #[inline]
    pub fn try_now(self) -> std::result::Result<Result<T>, Reply<T>> {
        match self.0 {
            State::Ready(Some(result)) => Ok(result),
            state => Err(Reply(state)),
        }
    }

    /// Blocks this thread until the answer is there. For code without a runtime; inside one, await.
    pub fn wait(self) -> Result<T> {
        match self.0 {
            State::Ready(result) => result.unwrap_or_else(|| Err(answered_before())),
            state => pollster::block_on(Reply(state)),
        }
    }
}

fn answered_before() -> Error {
    Error::new(ErrorKind::Closed, "the reply was polled after it had answered")
}

impl<T> Unpin for Reply<T> {}

impl<T> Future for Reply<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        match &mut self.0 {
            State::Ready(result) => Poll::Ready(result.take().unwrap_or_else(|| Err(answered_before()))),
            State::Channel(receiver) => receiver.poll_unpin(cx).map(|answer| {
                answer.unwrap_or_else(|_| {
                    Err(Error::new(
                        ErrorKind::Closed,
                        "the IO thread went away before it answered; reopen the store",
                    )
                    .ambiguous())
                })
            }),
            State::Future(future) => future.poll_unpin(cx),
        }
    }
}

impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            State::Ready(_) => "Reply::Ready",
            State::Channel(_) => "Reply::Channel",
            State::Future(_) => "Reply::Future",
        })
    }
}

/// The end of a reply that answers. Dropping it unanswered makes the reply `Closed`.
pub struct Responder<T>(oneshot::Sender<Result<T>>);

impl<T> Responder<T> {
    /// Answers. Nobody may be waiting any more; that is no error.
    pub fn answer(self, result: Result<T>) {
        _ = self.0.send(result);
    }

    /// Whether the caller has gone away, so that work not yet started may be left undone.
    pub fn is_abandoned(&self) -> bool {
        self.0.is_canceled()
    }
}

impl<T> fmt::Debug for Responder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Responder")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_arrives_by_every_road() {
        assert_eq!(Reply::ready(Ok(1)).wait().unwrap(), 1);
        assert_eq!(Reply::future(async { Ok(2) }).wait().unwrap(), 2);
        let (responder, reply) = Reply::channel();
        responder.answer(Ok(3));
        assert_eq!(pollster::block_on(reply).unwrap(), 3);
    }

    #[test]
    fn a_responder_that_is_dropped_closes_the_reply() {
        let (responder, reply) = Reply::<()>::channel();
        drop(responder);
        assert_eq!(reply.wait().unwrap_err().kind(), ErrorKind::Closed);
    }

    #[test]
    fn a_reply_polled_again_is_an_error_and_no_panic() {
        let mut reply = Reply::ready(Ok(()));
        pollster::block_on(async {
            assert!((&mut reply).await.is_ok());
            assert_eq!((&mut reply).await.unwrap_err().kind(), ErrorKind::Closed);
        });
    }
}
