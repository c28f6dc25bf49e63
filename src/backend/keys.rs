//! [`Keys`]: a listing, as a stream that is pulled.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

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
/// let page = |keys: [&str; 2]| Ok(keys.map(Key::from).to_vec());
/// let pages = Keys::from_pages(stream::iter([page(["a", "b"]), page(["c", "d"])]));
/// let single = Keys::new(stream::iter(["a", "b", "c", "d"].map(Key::from).map(Ok)));
/// # pollster::block_on(async {
/// assert_eq!(pages.try_collect::<Vec<_>>().await?, single.try_collect::<Vec<_>>().await?);
/// # Ok::<(), larder::Error>(()) }).unwrap();
/// ```
#[must_use = "a listing does nothing unless it is polled"]
pub struct Keys {
    /// The page at hand, and how many of its keys were taken.
    page: Vec<Key>,
    taken: usize,
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
        Keys { page: Vec::new(), taken: 0, more, hidden: &[], told: None }
    }

    /// The same without the keys whose encoding begins so, and with errors that name this operation
    /// and this backend.
    pub(crate) fn told_of(
        mut self,
        operation: &'static str,
        backend: &'static str,
        hidden: &'static [u8],
    ) -> Keys {
        self.told = Some((operation, backend));
        self.hidden = hidden;
        self
    }

    /// Gets what comes when the page at hand is used up: a key, or `None` if there is another page.
    #[inline(never)]
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Option<Key>>>> {
        let next = match &mut self.more {
            More::Pages(pages) => {
                let page = ready!(pages.as_mut().poll_next(cx));
                page.map(|page| {
                    page.map(|page| {
                        self.page = page;
                        self.taken = 0;
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

/// Whether the key begins so, unless that is empty.
#[inline]
fn is_hidden(key: &Key, hidden: &[u8]) -> bool {
    // The first byte tells nearly all keys apart.
    let bytes = key.as_cbor();
    bytes.first() == hidden.first() && !hidden.is_empty() && bytes.starts_with(hidden)
}

impl Stream for Keys {
    type Item = Result<Key>;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Key>>> {
        loop {
            let this = &mut *self;
            while let Some(key) = this.page.get_mut(this.taken) {
                this.taken += 1;
                if !is_hidden(key, this.hidden) {
                    return Poll::Ready(Some(Ok(key.take())));
                }
            }
            match ready!(self.turn(cx)) {
                Some(Ok(None)) => {}
                Some(Ok(Some(key))) if is_hidden(&key, self.hidden) => {}
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::{FutureExt, stream};

    use super::*;
    use crate::error::ErrorKind;
    use crate::io::Workers;

    fn page(numbers: std::ops::Range<usize>) -> Result<Vec<Key>> {
        Ok(numbers.map(Key::from).collect())
    }

    fn all(keys: Keys) -> Vec<Result<Key>> {
        pollster::block_on(keys.collect())
    }

    /// Pages of ten keys, so many of them; how many were asked for.
    fn fetched(pages: usize) -> (Keys, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let keys = Keys::fetched(0, move |number| {
            count.fetch_add(1, Ordering::Relaxed);
            let next = (number + 1 < pages).then_some(number + 1);
            Reply::ready(Ok((page(number * 10..number * 10 + 10), next)))
        });
        (keys, asked)
    }

    #[test]
    fn one_page_is_fetched_ahead_and_no_more() {
        let (mut keys, asked) = fetched(5);
        let asked = || asked.load(Ordering::Relaxed);
        assert_eq!(asked(), 0);
        for taken in 0..50 {
            let key = keys.next().now_or_never().unwrap().unwrap().unwrap();
            assert_eq!(key, Key::from(taken));
            assert_eq!(asked(), 5.min(taken / 10 + 2), "at key {taken}");
        }
        assert!(keys.next().now_or_never().unwrap().is_none());
        assert!(keys.next().now_or_never().unwrap().is_none(), "the end is no place to panic");
        assert_eq!(asked(), 5);
    }

    #[test]
    fn a_page_that_comes_later_wakes_whoever_waits_for_it() {
        let (responder, reply) = Reply::channel();
        let mut reply = Some(reply);
        let mut keys = Keys::fetched((), move |()| reply.take().unwrap());
        assert!(keys.next().now_or_never().is_none());
        let answered = Workers::new("test", 1).unwrap().run(move || {
            responder.answer(Ok((page(0..3), None)));
            Ok(())
        });
        assert_eq!(all(keys).len(), 3);
        answered.wait().unwrap();
    }

    #[test]
    fn a_page_that_failed_does_not_end_the_listing_and_a_reply_that_failed_does() {
        let failed = || Error::new(ErrorKind::Corrupt, "on purpose");
        let keys = Keys::fetched(0, move |turn| match turn {
            0 | 2 => Reply::ready(Ok((page(turn..turn + 1), Some(turn + 1)))),
            1 => Reply::ready(Ok((Err(failed()), Some(2)))),
            _ => Reply::ready(Err(failed())),
        });
        let found = all(keys);
        let kinds: Vec<bool> = found.iter().map(|item| item.is_ok()).collect();
        assert_eq!(kinds, [true, false, true, false]);
    }

    #[test]
    fn hidden_keys_are_left_out_of_pages_and_of_single_keys() {
        let some = || ["a", "bc", "b", "", "bcd"].map(|text| Key::bytes(text.as_bytes()));
        let hidden = b"\x42bc";
        let pages = Keys::from_pages(stream::iter([Ok(some().to_vec()), Ok(Vec::new()), Ok(vec![])]));
        let single = Keys::new(stream::iter(some().map(Ok)));
        for keys in [pages, single] {
            let shown: Vec<Key> =
                all(keys.told_of("keys", "test", hidden)).into_iter().map(Result::unwrap).collect();
            let expected: Vec<Key> = some().into_iter().filter(|key| *key != Key::bytes(b"bc")).collect();
            assert_eq!(shown, expected);
        }
        let long = Key::from("x".repeat(100));
        let keys = Keys::new(stream::iter([Ok(long.clone()), Ok(Key::null())]));
        assert_eq!(all(keys.told_of("keys", "test", b"\x78\x64xx")).len(), 1);
    }

    #[test]
    fn errors_name_the_operation_and_the_backend() {
        let failed = || Error::new(ErrorKind::Io, "on purpose");
        let pages = Keys::from_pages(stream::iter([Err(failed())]));
        let single = Keys::new(stream::iter([Err(failed())]));
        for keys in [pages, single] {
            let error = all(keys.told_of("listing", "somewhere", &[])).remove(0).unwrap_err().to_string();
            assert!(error.contains("listing") && error.contains("somewhere"), "{error}");
        }
    }
}
