//! larder over its pack, as an application uses it: asynchronous, with raw bytes and with documents.

use std::hint::black_box;
use std::ops::Range;
use std::path::Path;

use ::larder::{Document, Durability, Larder, Together};
use futures::{StreamExt, TryStreamExt, stream};
use larder_pack::Pack;
use serde::Serialize;

use super::{Shape, Store, Use, look, pieces};
use crate::rows::Failure;
use crate::rows::data::{self, Person, Small};
use crate::rows::pack::records::{RawKey, Records, Value};

async fn open(dir: &Path, used: Use) -> Result<Larder, Failure> {
    let durability = match used {
        Use::Loading => Durability::Flushed,
        Use::Serving => Durability::Synced,
    };
    Ok(Larder::new(Pack::options().durability(durability).open(dir.join("larder")).await?))
}

/// The backend that the figures are of.
pub fn backend(dir: &Path) -> Result<&'static str, Failure> {
    pollster::block_on(async {
        let larder = open(dir, Use::Serving).await?;
        let name = larder.capabilities().name;
        larder.close().await?;
        Ok(name)
    })
}

/// How many writes of this size are on their way at a time, where they are not one batch.
fn at_once(len: usize) -> usize {
    const MOST: usize = 1024;
    const MOST_BYTES: usize = 16 << 20;
    MOST.min(MOST_BYTES / len)
}

async fn count_keys(larder: &Larder) -> Result<u64, Failure> {
    let mut keys = larder.keys();
    let mut count = 0;
    while let Some(key) = keys.try_next().await? {
        black_box(key);
        count += 1;
    }
    Ok(count)
}

async fn close(larder: Larder) -> Result<(), Failure> {
    Ok(larder.close().await?)
}

/// `bassoc` and `bget`.
#[derive(Debug)]
pub struct LarderBytes(Larder);

impl LarderBytes {
    async fn write(
        &self,
        writes: impl Iterator<Item = (RawKey, Value)> + Send,
        len: usize,
    ) -> Result<(), Failure> {
        let writes = writes.map(|(key, value)| self.0.bassoc(key.text().to_owned(), value.bytes));
        Ok(stream::iter(writes).buffer_unordered(at_once(len)).try_collect().await?)
    }
}

impl Store for LarderBytes {
    const NAME: &'static str = "larder, bytes";
    const TASKS: bool = true;

    async fn open(dir: &Path, _shape: Shape, used: Use) -> Result<LarderBytes, Failure> {
        Ok(LarderBytes(open(dir, used).await?))
    }

    async fn load(&self, records: &Records, numbers: Range<u64>) -> Result<(), Failure> {
        self.write(numbers.map(|number| records.record(number)), records.value_len()).await?;
        Ok(self.0.sync().await?)
    }

    async fn get(&self, key: RawKey) -> Result<Option<u64>, Failure> {
        let Some(binary) = self.0.bget(key.text()).await? else { return Ok(None) };
        Ok(Some(look(&binary.bytes().await?)))
    }

    async fn put(&self, key: RawKey, value: Value) -> Result<(), Failure> {
        Ok(self.0.bassoc(key.text(), value.bytes).await?)
    }

    async fn put_together(&self, writes: Vec<(RawKey, Value)>) -> Result<(), Failure> {
        let len = writes.first().map_or(1, |(_, value)| value.bytes.len());
        self.write(writes.into_iter(), len).await
    }

    async fn keys(&self) -> Result<u64, Failure> {
        count_keys(&self.0).await
    }

    async fn close(self) -> Result<(), Failure> {
        close(self.0).await
    }
}

/// A document of about the length of the values.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum Sample {
    Small(Small),
    Person(Box<Person>),
    Persons(Vec<Person>),
}

impl Sample {
    fn new(number: u64, len: usize) -> Sample {
        const PERSON: usize = 1000;
        match len {
            ..512 => Sample::Small(data::small(number)),
            512..2048 => Sample::Person(Box::new(data::person(number))),
            _ => Sample::Persons((0..(len / PERSON) as u64).map(|n| data::person(number + n)).collect()),
        }
    }
}

/// So many different documents.
const SAMPLES: u64 = 64;

/// `assoc` of values that serde serializes, and `get_document`.
#[derive(Debug)]
pub struct LarderDocuments {
    larder: Larder,
    samples: Vec<Sample>,
}

impl LarderDocuments {
    fn sample(&self, value: &Value) -> &Sample {
        &self.samples[(value.number % SAMPLES) as usize]
    }

    async fn write(&self, writes: &[(RawKey, Value)], len: usize) -> Result<(), Failure> {
        if self.larder.capabilities().batches {
            let writes = writes.iter().map(|(key, value)| (key.text(), self.sample(value)));
            return Ok(self.larder.multi_assoc(writes, Together::Atomic).await?);
        }
        let writes: Vec<_> = writes
            .iter()
            .map(|(key, value)| self.larder.assoc(key.text().to_owned(), self.sample(value)))
            .collect();
        Ok(stream::iter(writes).buffer_unordered(at_once(len)).try_collect().await?)
    }
}

impl Store for LarderDocuments {
    const NAME: &'static str = "larder, documents";
    const TASKS: bool = true;

    async fn open(dir: &Path, shape: Shape, used: Use) -> Result<LarderDocuments, Failure> {
        let samples = (0..SAMPLES).map(|number| Sample::new(number, shape.len)).collect();
        Ok(LarderDocuments { larder: open(dir, used).await?, samples })
    }

    async fn load(&self, records: &Records, numbers: Range<u64>) -> Result<(), Failure> {
        let len = records.value_len();
        for piece in pieces(numbers, at_once(len) as u64) {
            let writes: Vec<_> = piece.map(|number| records.record(number)).collect();
            self.write(&writes, len).await?;
        }
        Ok(self.larder.sync().await?)
    }

    async fn get(&self, key: RawKey) -> Result<Option<u64>, Failure> {
        Ok(self.larder.get_document(key.text()).await?.map(|document| look(document.as_cbor())))
    }

    async fn put(&self, key: RawKey, value: Value) -> Result<(), Failure> {
        Ok(self.larder.assoc(key.text(), self.sample(&value)).await?)
    }

    async fn put_together(&self, writes: Vec<(RawKey, Value)>) -> Result<(), Failure> {
        let len = writes.first().map_or(1, |(_, value)| value.bytes.len());
        self.write(&writes, len).await
    }

    async fn keys(&self) -> Result<u64, Failure> {
        count_keys(&self.larder).await
    }

    fn expected(&self, value: &Value) -> u64 {
        Document::encode(self.sample(value)).map_or(0, |document| look(document.as_cbor()))
    }

    async fn close(self) -> Result<(), Failure> {
        close(self.larder).await
    }
}
