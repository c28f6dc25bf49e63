//! What the tests of whole stores share: records, reading them back verified, and chance from a seed.

#![allow(dead_code, reason = "each test file uses a part of it")]

use larder::{
    Backend, Batch, Bytes, Data, DataSum, Error, Expect, Key, Kind, Meta, Part, Record, Result, Stored,
    Timestamp, Write,
};
use larder_pack::Pack;
use smol::stream::StreamExt;

pub(crate) fn record(key: &Key, data: impl Into<Bytes>) -> Record {
    let meta = Meta::new(key.clone(), Kind::Binary, Timestamp::from_millis(1_795_260_480_123));
    Record::new(&meta, data.into()).unwrap()
}

pub(crate) fn put(store: &Pack, key: &str, data: impl Into<Bytes>) {
    let key = Key::from(key);
    store.write(&key, record(&key, data), Expect::Any).wait().unwrap();
}

pub(crate) fn remove(store: &Pack, key: &str) {
    store.remove(&key.into(), Expect::Any).wait().unwrap();
}

/// What a batch does with a key: `None` removes it.
pub(crate) fn write(key: &str, data: Option<Vec<u8>>) -> Write {
    let key = Key::from(key);
    Write { record: data.map(|data| record(&key, data)), key, expect: Expect::Any }
}

pub(crate) fn batch(store: &Pack, writes: Vec<Write>) {
    assert!(matches!(store.write_batch(writes).wait().unwrap(), Batch::Done(_)));
}

/// The data under a key, which must be what its checksum vouches for.
pub(crate) fn get(store: &Pack, key: &str) -> Result<Option<Vec<u8>>> {
    store.read(&key.into(), Part::All).wait()?.map(verified).transpose()
}

pub(crate) fn verified(stored: Stored) -> Result<Vec<u8>> {
    let data = match stored.data {
        Data::None => Vec::new(),
        Data::Bytes(bytes) => bytes.to_vec(),
        Data::Stream(mut stream) => smol::block_on(async {
            let mut all = Vec::new();
            while let Some(chunk) = stream.next().await {
                all.extend_from_slice(&chunk?);
            }
            Ok::<_, Error>(all)
        })?,
    };
    stored.head.vouch(&DataSum::of(&data))?;
    Ok(data)
}

/// All text keys that begin so, sorted.
pub(crate) fn keys(store: &Pack, prefix: Option<&str>) -> Result<Vec<String>> {
    let keys: Vec<Result<Key>> = smol::block_on(store.keys(prefix).collect());
    let texts = keys.into_iter().map(|key| key.map(|key| key.as_text().unwrap().to_owned()));
    let mut texts = texts.collect::<Result<Vec<String>>>()?;
    texts.sort();
    Ok(texts)
}

/// Numbers from a seed (splitmix64).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// From `LARDER_SEED`, or this one; printed.
    pub(crate) fn from_env(seed: u64) -> Chance {
        let seed =
            std::env::var("LARDER_SEED").map_or(seed, |seed| seed.parse().expect("LARDER_SEED is a number"));
        println!("LARDER_SEED={seed}");
        Chance(seed)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}
