//! A store on a simulated disk, in segments so small that everything happens soon.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt;
use larder::{
    Backend, Bytes, Data, DataSum, Durability, Error, ErrorKind, Key, Kind, Meta, Part, Record, Result,
    Timestamp,
};
use larder_pack::{Options, Pack};
use larder_simulated::disk::SimDisk;

use super::clock::TestClock;

pub(crate) const STORE: &str = "/srv/store";

/// What a store holds.
pub(crate) type Content = BTreeMap<Key, Bytes>;

fn options(disk: &SimDisk) -> Options {
    let options = Pack::options().inline().segment_bytes(4096).checkpoint_bytes(4096);
    options.disk(Arc::new(disk.clone())).clock(TestClock::new(1))
}

/// Opens the store, or makes it.
pub(crate) fn open(disk: &SimDisk, durability: Durability) -> Result<Pack> {
    smol::block_on(options(disk).durability(durability).open(STORE))
}

pub(crate) fn open_read_only(disk: &SimDisk) -> Result<Pack> {
    smol::block_on(options(disk).open_read_only(STORE))
}

pub(crate) fn record(key: &Key, data: impl Into<Bytes>) -> Record {
    let meta = Meta::new(key.clone(), Kind::Binary, Timestamp::from_millis(1_767_225_600_000));
    Record::new(&meta, data.into()).unwrap()
}

/// The same, in two pieces that come one after the other.
pub(crate) fn streamed(key: &Key, data: &Bytes) -> Record {
    let meta = Meta::new(key.clone(), Kind::Binary, Timestamp::from_millis(1_767_225_600_000));
    let (first, second) = (data.slice(..data.len() / 2), data.slice(data.len() / 2..));
    Record::streamed(&meta, futures::stream::iter([Ok(first), Ok(second)]).boxed()).unwrap()
}

/// The value under a key, verified.
pub(crate) fn get(store: &Pack, key: &Key) -> Result<Option<Bytes>> {
    let Some(stored) = store.read(key, Part::All).wait()? else { return Ok(None) };
    let bytes = match stored.data {
        Data::None => Bytes::new(),
        Data::Bytes(bytes) => bytes,
        Data::Stream(mut stream) => smol::block_on(async {
            let mut all = Vec::new();
            while let Some(chunk) = stream.next().await {
                all.extend_from_slice(&chunk?);
            }
            Ok::<_, Error>(Bytes::from(all))
        })?,
    };
    stored.head.vouch(&DataSum::of(&bytes))?;
    Ok(Some(bytes))
}

/// All that is in a store: the values of these keys, verified, which must be all that are listed, each once.
pub(crate) fn contents<'k>(store: &Pack, keys: impl IntoIterator<Item = &'k Key>) -> Result<Content> {
    let mut found = Content::new();
    for key in keys {
        if let Some(value) = get(store, key)? {
            found.insert(key.clone(), value);
        }
    }
    let listed: Vec<Result<Key>> = smol::block_on(store.keys(None).collect());
    let listed = listed.into_iter().collect::<Result<Vec<Key>>>()?;
    let names: BTreeSet<&Key> = listed.iter().collect();
    if names.len() != listed.len() || !names.into_iter().eq(found.keys()) {
        let message = format!("listed are {listed:?}, and there are {:?}", found.keys().collect::<Vec<_>>());
        return Err(Error::new(ErrorKind::Corrupt, message));
    }
    Ok(found)
}

/// A content as text, shortly.
pub(crate) fn shortly(content: &Content) -> String {
    let value = |(key, value): (&Key, &Bytes)| {
        let begin = String::from_utf8_lossy(&value[..value.len().min(8)]).into_owned();
        format!("{key}={begin}+{}", value.len())
    };
    content.iter().map(value).collect::<Vec<_>>().join(" ")
}
