//! larder over its pack, as an application uses it: asynchronous, with raw bytes and with documents.

use std::hint::black_box;
use std::ops::Range;
use std::path::Path;

use ::larder::{Document, Durability, Key, Larder, Together};
use futures::{StreamExt, TryStreamExt, stream};
use larder_pack::Pack;
use serde::Serialize;

use super::{Shape, Store, Use, look, pieces};
use crate::rows::Failure;
use crate::rows::data::{self, Person, Small};
use crate::rows::pack::records::{RawKey, Records, Value};

async fn open(dir: &Path, used: Use, mapped: bool) -> Result<Larder, Failure> {
    let durability = match used {
        Use::Loading => Durability::Flushed,
        Use::Serving => Durability::Synced,
    };
    Ok(Larder::new(
        Pack::options().durability(durability).mapped_reads(mapped).open(dir.join("larder")).await?,
    ))
}

/// The backend that the figures are of.
pub fn backend(dir: &Path) -> Result<&'static str, Failure> {
    pollster::block_on(async {
        let larder = open(dir, Use::Serving, false).await?;
        let name = larder.capabilities().name;
        larder.close().await?;
        Ok(name)
    })
}

/// So many batches are on their way at a time: one is made while another is written.
const AHEAD: usize = 3;

/// How many writes of this size are one batch.
fn at_once(len: usize) -> usize {
    const MOST: usize = 8192;
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

/// `bassoc` and `bget`; the option `mapped_reads` is on or off.
#[derive(Debug)]
pub struct LarderBytes<const MAPPED: bool>(Larder);

impl<const MAPPED: bool> LarderBytes<MAPPED> {
    async fn write(&self, writes: impl Iterator<Item = (RawKey, Value)>) -> Result<(), Failure> {
        let writes: Vec<_> = writes.map(|(key, value)| (key.text().into(), value.bytes)).collect();
        Ok(self.0.multi_bassoc::<Key, _>(writes, Together::Atomic).await?)
    }
}

impl<const MAPPED: bool> Store for LarderBytes<MAPPED> {
    const NAME: &'static str = if MAPPED { "larder, bytes, mapped reads" } else { "larder, bytes" };
    const TASKS: bool = true;

    async fn open(dir: &Path, _shape: Shape, used: Use) -> Result<LarderBytes<MAPPED>, Failure> {
        Ok(LarderBytes(open(dir, used, MAPPED).await?))
    }

    async fn load(&self, records: &Records, numbers: Range<u64>) -> Result<(), Failure> {
        let piece = |numbers: Range<u64>| self.write(numbers.map(|number| records.record(number)));
        let pieces = pieces(numbers, at_once(records.value_len()) as u64);
        stream::iter(pieces).map(piece).buffered(AHEAD).try_collect::<()>().await?;
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
        self.write(writes.into_iter()).await
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

    async fn write(&self, writes: Vec<(RawKey, Value)>) -> Result<(), Failure> {
        let writes: Vec<_> =
            writes.iter().map(|(key, value)| (key.text().into(), self.sample(value))).collect();
        Ok(self.larder.multi_assoc::<Key, _>(writes, Together::Atomic).await?)
    }
}

impl Store for LarderDocuments {
    const NAME: &'static str = "larder, documents";
    const TASKS: bool = true;

    async fn open(dir: &Path, shape: Shape, used: Use) -> Result<LarderDocuments, Failure> {
        let samples = (0..SAMPLES).map(|number| Sample::new(number, shape.len)).collect();
        Ok(LarderDocuments { larder: open(dir, used, false).await?, samples })
    }

    async fn load(&self, records: &Records, numbers: Range<u64>) -> Result<(), Failure> {
        let piece = |numbers: Range<u64>| self.write(numbers.map(|number| records.record(number)).collect());
        let pieces = pieces(numbers, at_once(records.value_len()) as u64);
        stream::iter(pieces).map(piece).buffered(AHEAD).try_collect::<()>().await?;
        Ok(self.larder.sync().await?)
    }

    async fn get(&self, key: RawKey) -> Result<Option<u64>, Failure> {
        Ok(self.larder.get_document(key.text()).await?.map(|document| look(document.as_cbor())))
    }

    async fn put(&self, key: RawKey, value: Value) -> Result<(), Failure> {
        Ok(self.larder.assoc(key.text(), self.sample(&value)).await?)
    }

    async fn put_together(&self, writes: Vec<(RawKey, Value)>) -> Result<(), Failure> {
        self.write(writes).await
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
