//! Records that say which state they are, so that a mixture of two states shows.

use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use larder::{
    Backend, ByteRange, ByteStream, Data, DataSum, Expect, Head, Key, Kind, Meta, Part, Record, Result,
    Stored, Timestamp, Version, Written,
};

use crate::Harness;
use crate::random::Random;

/// Opens the store of this harness.
pub(crate) fn open<H: Harness>(harness: &H) -> Arc<H::Backend> {
    Arc::new(harness.block_on(harness.open()).expect("an empty store opens"))
}

/// The meta of state `n`: its time of writing is `n`.
pub(crate) fn meta_of(key: &Key, n: u64) -> Meta {
    Meta::new(key.clone(), Kind::Binary, Timestamp::from_millis(n))
}

/// The data of state `n`: different in every eight bytes from that of every other state, and from
/// that of the same state with another length.
pub(crate) fn data_of(n: u64, len: usize) -> Bytes {
    Random::from_seed(n.rotate_left(32) ^ len as u64).bytes(len).into()
}

/// State `n` of the record of this key, with `len` bytes of data.
pub(crate) fn state(key: &Key, n: u64, len: usize) -> Record {
    Record::new(&meta_of(key, n), data_of(n, len)).expect("a small meta is within the limits")
}

/// The same, with its data as a stream of chunks of this size.
pub(crate) fn streamed_state(key: &Key, n: u64, len: usize, chunk: usize) -> Record {
    let data = data_of(n, len);
    let starts = (0..len).step_by(chunk);
    let chunks = starts.map(move |start| Ok(data.slice(start..len.min(start + chunk))));
    stream_record(key, n, futures::stream::iter(chunks.collect::<Vec<_>>()))
}

/// State `n`, with whatever data this stream gives.
pub(crate) fn stream_record(
    key: &Key,
    n: u64,
    stream: impl Stream<Item = Result<Bytes>> + Send + 'static,
) -> Record {
    Record::streamed(&meta_of(key, n), stream.boxed()).expect("a small meta is within the limits")
}

/// The state that was read, which must be one state throughout: key, meta, length and all bytes.
pub(crate) async fn state_of(key: &Key, stored: Stored) -> u64 {
    let n = state_of_head(key, &stored.head);
    let data = bytes_of(stored.data).await.expect("the data can be read");
    stored.head.vouch(&DataSum::of(&data)).expect("the head vouches for the data");
    assert_eq!(data, data_of(n, data.len()), "the data belongs to the state that the head names");
    n
}

/// The state that a head names.
pub(crate) fn state_of_head(key: &Key, head: &Head) -> u64 {
    assert_eq!(head.key_bytes(), key.as_cbor(), "the record belongs to the key that was asked for");
    head.last_write().as_millis()
}

/// All bytes of a data part.
pub(crate) async fn bytes_of(data: Data) -> Result<Bytes> {
    match data {
        Data::None => Ok(Bytes::new()),
        Data::Bytes(bytes) => Ok(bytes),
        Data::Stream(stream) => collect(stream).await,
    }
}

async fn collect(stream: ByteStream) -> Result<Bytes> {
    stream
        .try_fold(Vec::new(), |mut all, chunk| async move {
            all.extend_from_slice(&chunk);
            Ok(all)
        })
        .await
        .map(Bytes::from)
}

/// Which state is stored, read whole; `None` if nothing is.
pub(crate) async fn now<B: Backend>(store: &B, key: &Key) -> Option<u64> {
    match store.read(key, Part::All).await.expect("the record can be read") {
        Some(stored) => Some(state_of(key, stored).await),
        None => None,
    }
}

/// The version that is stored, by a read of the head.
pub(crate) async fn version<B: Backend>(store: &B, key: &Key) -> Version {
    store.read(key, Part::Head).await.expect("the head can be read").expect("there is a record").version
}

/// The bytes of a range, and the state that its head names.
pub(crate) async fn range<B: Backend>(store: &B, key: &Key, range: ByteRange) -> (u64, Bytes) {
    let stored = store.read(key, Part::Range(range)).await.expect("the range can be read");
    let stored = stored.expect("there is a record");
    (state_of_head(key, &stored.head), bytes_of(stored.data).await.expect("the range can be read"))
}

/// Stores state `n`, whatever was there.
pub(crate) async fn put<B: Backend>(store: &B, key: &Key, n: u64) -> Version {
    put_len(store, key, n, 100).await
}

/// Stores state `n` with so much data.
pub(crate) async fn put_len<B: Backend>(store: &B, key: &Key, n: u64, len: usize) -> Version {
    done(store.write(key, state(key, n, len), Expect::Any).await.expect("the record can be written"))
}

/// The version of a write that must have happened.
#[track_caller]
pub(crate) fn done(written: Written) -> Version {
    match written {
        Written::Done(version) => version,
        Written::Unmet => panic!("the expectation of this write held, and it answered Unmet"),
    }
}

/// All keys of a listing, sorted. An error in it fails, and so does a key that comes twice.
pub(crate) async fn listed<B: Backend>(store: &B, prefix: Option<&str>) -> Vec<Key> {
    let mut keys: Vec<Key> = store.keys(prefix).try_collect().await.expect("the keys can be listed");
    keys.sort();
    if let Some(twice) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
        panic!("the listing names {} twice", twice[0]);
    }
    keys
}

/// Stores many small records, some of them at a time.
pub(crate) async fn fill<B: Backend>(store: &B, keys: &[Key]) {
    const AT_ONCE: usize = 256;
    futures::stream::iter(keys)
        .for_each_concurrent(AT_ONCE, |key| async move { _ = put(store, key, 1).await })
        .await;
}
