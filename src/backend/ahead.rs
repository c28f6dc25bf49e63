//! [`Ahead`]: pages that are fetched one ahead of their reader.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::stream::Stream;

use crate::error::Result;
use crate::key::Key;
use crate::reply::Reply;

/// A page, or why it failed; and where the listing goes on, unless that was the last.
pub(super) type Turned<S> = (Result<Vec<Key>>, Option<S>);

/// The pages of a listing. While the reader is busy with one, the next is fetched; no more than that,
/// and none before the first poll.
pub(super) struct Ahead<S, F> {
    turn: F,
    next: Next<S>,
}

enum Next<S> {
    /// Not begun.
    At(S),
    /// On its way.
    Coming(Reply<Turned<S>>),
    End,
}

impl<S, F> Ahead<S, F> {
    pub(super) fn new(start: S, turn: F) -> Ahead<S, F> {
        Ahead { turn, next: Next::At(start) }
    }
}

// Nothing in here is pinned where it stands.
impl<S, F> Unpin for Ahead<S, F> {}

impl<S, F: FnMut(S) -> Reply<Turned<S>>> Stream for Ahead<S, F> {
    type Item = Result<Vec<Key>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<Key>>>> {
        let this = self.get_mut();
        let mut coming = match std::mem::replace(&mut this.next, Next::End) {
            Next::At(start) => (this.turn)(start),
            Next::Coming(reply) => reply,
            Next::End => return Poll::Ready(None),
        };
        let Poll::Ready(turned) = Pin::new(&mut coming).poll(cx) else {
            this.next = Next::Coming(coming);
            return Poll::Pending;
        };
        Poll::Ready(Some(turned.and_then(|(page, next)| {
            if let Some(next) = next {
                this.next = Next::Coming((this.turn)(next));
            }
            page
        })))
    }
}
