//! [`Keys`]: a listing, as a stream that is pulled.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::vec;

use futures::stream::{BoxStream, Stream, StreamExt};

use super::ahead::Ahead;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::reply::Reply;

/// A stream of keys, pulled by whoever reads it: nothing happens before the first poll, and a listing
/// that nobody reads on costs no more than the page that it may have fetched ahead. After an error (a
/// record whose key cannot be read) it goes on.
///
/// A backend makes it from pages or from single keys:
///
/// ```
/// use futures::stream::{self, TryStreamExt};
/// use larder::{Key, Keys};
/// let page = |keys: [&str; 2]| Ok(keys.map(Key::from).into());
/// let pages = Keys::from_pages(stream::iter([page(["a", "b"]), page(["c", "d"])]));
/// let single = Keys::new(stream::iter(["a", "b", "c", "d"].map(Key::from).map(Ok)));
/// # pollster::block_on(async {
/// assert_eq!(pages.try_collect::<Vec<_>>().await?, single.try_collect::<Vec<_>>().await?);
/// # larder::Result::Ok(()) }).unwrap();
/// ```
#[must_use = "a listing does nothing unless it is polled"]
pub struct Keys {
    /// What is left of the page at hand.
    page: vec::IntoIter<Key>,
    more: More,
    /// Keys whose encoding begins so are left out; if it is empty, none.
    hidden: &'static [u8],
    /// What errors say of the store: operation and backend.
    told: Option<(&'static str, &'static str)>,
}

/// Where what comes after the page at hand comes from.
enum More {
    Pages(BoxStream<'static, Result<Vec<Key>>>),
    Single(BoxStream<'static, Result<Key>>),
    End,
}

impl Keys {
    /// A listing of single keys.
    pub fn new(keys: impl Stream<Item = Result<Key>> + Send + 'static) -> Keys {
        Keys::of(More::Single(keys.boxed()))
    }

    /// A listing of keys that come together, which costs least for each. A page may be empty. The
    /// stream is not polled for the next page before this one is used up.
    pub fn from_pages(pages: impl Stream<Item = Result<Vec<Key>>> + Send + 'static) -> Keys {
        Keys::of(More::Pages(pages.boxed()))
    }

    /// A listing whose pages are fetched by calls that take a while, such as jobs of IO threads: while the
    /// reader is busy with one page the next is fetched, and no more. `turn` fetches the page that begins
    /// at a state, and says where to go on, unless it was the last one. A page that failed does not
    /// end the listing; a reply that failed does. Nothing is fetched before the first poll.
    pub fn fetched<S: Send + 'static>(
        start: S,
        turn: impl FnMut(S) -> Reply<(Result<Vec<Key>>, Option<S>)> + Send + 'static,
    ) -> Keys {
        Keys::from_pages(Ahead::new(start, turn))
    }

    fn of(more: More) -> Keys {
        Keys { page: Vec::new().into_iter(), more, hidden: &[], told: None }
    }

    /// The same without the keys whose encoding begins so, and with errors that name this operation
    /// and this backend.
    pub(crate) fn as_of(
        mut self,
        operation: &'static str,
        backend: &'static str,
        hidden: &'static [u8],
    ) -> Keys {
        self.told = Some((operation, backend));
        self.hidden = hidden;
        self
    }

    #[inline]
    fn is_hidden(&self, key: &Key) -> bool {
        // The first byte tells nearly all keys apart.
        let bytes = key.as_cbor();
        bytes.first() == self.hidden.first() && !self.hidden.is_empty() && bytes.starts_with(self.hidden)
    }

    /// Gets what comes when the page at hand is used up: a key, or `None` if there is another page.
    #[inline(never)]
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Option<Key>>>> {
        let next = match &mut self.more {
            More::Pages(pages) => {
                let page = ready!(pages.as_mut().poll_next(cx));
                page.map(|page| {
                    page.map(|page| {
                        self.page = page.into_iter();
                        None
                    })
                })
            }
            More::Single(keys) => ready!(keys.as_mut().poll_next(cx)).map(|key| key.map(Some)),
            More::End => None,
        };
        if next.is_none() {
            self.more = More::End;
        }
        Poll::Ready(next.map(|next| next.map_err(|error| self.tell(error))))
    }

    fn tell(&self, error: Error) -> Error {
        match self.told {
            Some((operation, backend)) => error.during(operation).in_backend(backend),
            None => error,
        }
    }
}

impl Stream for Keys {
    type Item = Result<Key>;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Key>>> {
        loop {
            while let Some(key) = self.page.next() {
                if !self.is_hidden(&key) {
                    return Poll::Ready(Some(Ok(key)));
                }
            }
            match ready!(self.turn(cx)) {
                Some(Ok(None)) => {}
                Some(Ok(Some(key))) if self.is_hidden(&key) => {}
                Some(Ok(Some(key))) => return Poll::Ready(Some(Ok(key))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl From<BoxStream<'static, Result<Key>>> for Keys {
    fn from(keys: BoxStream<'static, Result<Key>>) -> Keys {
        Keys::of(More::Single(keys))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}
