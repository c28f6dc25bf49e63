//! Streams that record what they deliver, and end their operation when they end.

use futures::FutureExt;
use futures::stream::{self, BoxStream, StreamExt};
use larder::{Binary, ByteRange, ByteStream, Bytes, Data, Document, Documents, Key, Keys, Result, Source};

use super::{line, read_outcome};
use crate::history::answer::{Answer, Digest, Digester};
use crate::history::call::Call;
use crate::history::operation::Outcome;
use crate::history::recorder::{Client, Pending};

/// What gathers the items of a stream, and ends the operation when the stream ends or is dropped.
struct Gather<T> {
    pending: Option<Pending>,
    items: Vec<T>,
    error: Option<larder::Error>,
    outcome: fn(Vec<T>, End) -> Outcome,
}

/// How a stream ended.
enum End {
    Complete,
    Failed(larder::Error),
    CutOff,
}

impl<T> Gather<T> {
    fn new(pending: Pending, outcome: fn(Vec<T>, End) -> Outcome) -> Gather<T> {
        Gather { pending: Some(pending), items: Vec::new(), error: None, outcome }
    }

    fn finish(&mut self, complete: bool) {
        let Some(pending) = self.pending.take() else { return };
        let end = match self.error.take() {
            Some(error) => End::Failed(error),
            None if complete => End::Complete,
            None => End::CutOff,
        };
        pending.finish((self.outcome)(std::mem::take(&mut self.items), end));
    }
}

impl<T> Drop for Gather<T> {
    fn drop(&mut self) {
        self.finish(false);
    }
}

/// The stream, whose items are gathered as they pass.
fn gathered<T: Clone + Send + 'static>(
    items: BoxStream<'static, Result<T>>,
    gather: Gather<T>,
) -> BoxStream<'static, Result<T>> {
    let state = (items, gather);
    stream::unfold(state, |(mut items, mut gather)| async move {
        let item = items.next().await;
        match &item {
            Some(Ok(item)) => gather.items.push(item.clone()),
            Some(Err(error)) => _ = gather.error.get_or_insert_with(|| error.clone()),
            None => gather.finish(true),
        }
        item.map(|item| (item, (items, gather)))
    })
    .boxed()
}

/// A listing: it begins at the first poll.
pub(super) fn keys(client: &Client, prefix: Option<&str>, keys: Keys) -> Keys {
    fn outcome(keys: Vec<Key>, end: End) -> Outcome {
        Outcome::Ok(Answer::Keys { keys, complete: matches!(end, End::Complete) })
    }
    let (client, prefix) = (client.clone(), prefix.map(str::to_owned));
    let begun = async move {
        let pending = client.invoke(Call::Keys(prefix));
        gathered(keys.boxed(), Gather::new(pending, outcome))
    };
    Keys::new(stream::once(begun).flatten())
}

/// The elements of a log.
pub(super) fn log(pending: Pending, elements: Documents) -> Documents {
    fn outcome(elements: Vec<Document>, end: End) -> Outcome {
        match end {
            End::Complete => Outcome::Ok(Answer::Elements(Some(elements))),
            End::Failed(error) => read_outcome::<()>(&Err(error), |()| Answer::Done),
            End::CutOff => Outcome::Failed("the log was not read to its end".into()),
        }
    }
    gathered(elements, Gather::new(pending, outcome))
}

/// A binary, or a range of one. What is in memory is recorded at once, a stream when it ends.
pub(super) fn binary(
    pending: Pending,
    range: ByteRange,
    result: Result<Option<Binary>>,
) -> Result<Option<Binary>> {
    let whole = range == ByteRange::ALL;
    let binary = match result {
        Ok(Some(binary)) => binary,
        result => {
            let absent = if whole { Answer::Binary(None) } else { Answer::Size(None) };
            pending.finish(read_outcome(&result, |_| absent));
            return result;
        }
    };
    let size = binary.size();
    if !whole {
        pending.ok(Answer::Size(Some(size)));
        return Ok(Some(binary));
    }
    Ok(Some(match at_once(binary.into_stream()) {
        Ok(bytes) => {
            pending.ok(Answer::Binary(Some(Digest::of(&bytes))));
            Binary::new(size, Data::Bytes(bytes))
        }
        Err(chunks) => Binary::new(size, Data::Stream(digest_read(pending, chunks))),
    }))
}

/// The one piece that the stream consists of, if it is in memory; otherwise the stream, as it was.
fn at_once(mut chunks: ByteStream) -> Result<Bytes, ByteStream> {
    if chunks.size_hint() != (1, Some(1)) {
        return Err(chunks);
    }
    match chunks.next().now_or_never() {
        Some(Some(Ok(bytes))) => Ok(bytes),
        Some(first) => Err(stream::iter(first).chain(chunks).boxed()),
        None => Err(chunks),
    }
}

/// The chunks of a binary that is being read.
fn digest_read(pending: Pending, chunks: ByteStream) -> ByteStream {
    let state = (chunks, Some((pending, Digester::default())));
    stream::unfold(state, |(mut chunks, mut reading)| async move {
        let chunk = chunks.next().await;
        reading = match (&chunk, reading) {
            (Some(Ok(chunk)), Some((pending, mut digester))) => {
                digester.add(chunk);
                Some((pending, digester))
            }
            (Some(Err(error)), Some((pending, _))) => {
                pending.finish(Outcome::Failed(line(error)));
                None
            }
            (None, Some((pending, digester))) => {
                pending.ok(Answer::Binary(Some(digester.finish())));
                None
            }
            (_, None) => None,
        };
        chunk.map(|chunk| (chunk, (chunks, reading)))
    })
    .boxed()
}

/// A binary that is being written: the same bytes, whose digest is noted when all were handed over.
pub(super) fn digested(pending: &Pending, value: Source) -> Source {
    let chunks = match at_once(value.into_stream()) {
        Ok(bytes) => {
            pending.bytes(Digest::of(&bytes));
            return Source::from(bytes);
        }
        Err(chunks) => chunks,
    };
    let pending = pending.beside();
    let state = (chunks, Some(Digester::default()));
    Source::stream(stream::unfold((state, pending), |((mut chunks, digester), pending)| async move {
        let mut digester = digester?;
        match chunks.next().await {
            Some(Ok(chunk)) => {
                digester.add(&chunk);
                Some((Ok(chunk), ((chunks, Some(digester)), pending)))
            }
            Some(Err(error)) => Some((Err(error), ((chunks, None), pending))),
            None => {
                pending.bytes(digester.finish());
                None
            }
        }
    }))
}
