//! Reads and writes in memory, against the bare map that the memory backend is built on.

use std::cell::Cell;

use bytes::Bytes;
use dashmap::DashMap;
use foldhash::fast::RandomState;
use larder::{Backend, Data, Document, Key, Larder, Part, Stored};
use larder_memory::Memory;
use pollster::block_on;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::data;
use crate::harness::{Contest, Effort, Outcomes, looped, repeated};
use crate::peers::bare_map::BareMap;
use crate::report::{Section, Target};
use crate::time::Clock;

/// The name of the baseline.
pub const BARE: &str = "bare sharded map";
const LARDER: &str = "larder";

/// The same entries in every map, and an order in which to visit them.
#[derive(Debug)]
pub struct Maps {
    keys: Vec<String>,
    order: Vec<usize>,
    at: Cell<usize>,
    larder: Larder,
    memory: Memory,
    bare: BareMap<String>,
    bare_keys: BareMap<Key>,
    dash: DashMap<String, Bytes, RandomState>,
}

impl Maps {
    /// So many binaries of this length.
    pub fn of_binaries(count: usize, len: usize) -> larder::Result<Maps> {
        Maps::filled(count, |larder, key, n| {
            let bytes = Bytes::from(data::bytes(len, n));
            block_on(larder.bassoc(key, bytes.clone()))?;
            Ok(bytes)
        })
    }

    /// So many documents.
    pub fn of_documents<T: Serialize>(count: usize, make: impl Fn(u64) -> T) -> larder::Result<Maps> {
        Maps::filled(count, |larder, key, n| {
            let value = make(n);
            block_on(larder.assoc(key, &value))?;
            Ok(Bytes::from(Document::encode(&value)?.as_cbor().to_vec()))
        })
    }

    fn filled(
        count: usize,
        store: impl Fn(&Larder, &str, u64) -> larder::Result<Bytes>,
    ) -> larder::Result<Maps> {
        let memory = Memory::new();
        let maps = Maps {
            keys: data::keys(count),
            order: data::order(count, 1),
            at: Cell::new(0),
            larder: Larder::new(memory.clone()),
            memory,
            bare: BareMap::new(),
            bare_keys: BareMap::new(),
            dash: DashMap::with_hasher(RandomState::default()),
        };
        // Written map by map, so that each has its entries side by side, as in a program of its own.
        let mut values = Vec::with_capacity(count);
        for (n, key) in maps.keys.iter().enumerate() {
            values.push(store(&maps.larder, key, n as u64)?);
        }
        let copy = |bytes: &Bytes| Bytes::from(bytes.to_vec());
        maps.keys.iter().zip(&values).for_each(|(key, value)| maps.bare.insert(key.clone(), copy(value)));
        maps.keys.iter().zip(&values).for_each(|(key, value)| maps.bare_keys.insert(key.into(), copy(value)));
        for (key, value) in maps.keys.iter().zip(&values) {
            maps.dash.insert(key.clone(), copy(value));
        }
        Ok(maps)
    }

    /// The next key in the order.
    #[inline]
    pub fn next(&self) -> &str {
        let at = self.at.get() + 1;
        self.at.set(if at < self.order.len() { at } else { 0 });
        &self.keys[self.order[self.at.get()]]
    }

    /// `Larder::bget` and its bytes.
    #[inline]
    pub async fn larder_bytes(&self) -> Option<Bytes> {
        self.larder.bget(self.next()).await.ok()??.bytes().await.ok()
    }

    /// `Larder::get_document`: the bytes of the document, not decoded.
    #[inline]
    pub async fn larder_document(&self) -> Option<Document> {
        self.larder.get_document(self.next()).await.ok()?
    }

    /// `Larder::get::<T>`.
    #[inline]
    pub async fn larder_value<T: DeserializeOwned>(&self) -> Option<T> {
        self.larder.get(self.next()).await.ok()?
    }

    /// `Backend::read`, without the layers above.
    #[inline]
    pub fn backend_bytes(&self) -> Option<Stored> {
        self.memory.read(&Key::from(self.next()), Part::All).wait().ok()?
    }

    /// A look into the bare map.
    #[inline]
    pub fn bare_bytes(&self) -> Option<Bytes> {
        self.bare.get(self.next())
    }

    /// A look into the bare map whose keys are larder's, which the text is made into.
    #[inline]
    pub fn bare_bytes_by_key(&self) -> Option<Bytes> {
        self.bare_keys.get(&Key::from(self.next()))
    }

    /// A look into the bare map, and what ciborium decodes from there.
    #[inline]
    pub fn bare_value<T: DeserializeOwned>(&self) -> Option<T> {
        ciborium::from_reader(&self.bare.get(self.next())?[..]).ok()
    }

    /// A look into DashMap.
    #[inline]
    pub fn dash_bytes(&self) -> Option<Bytes> {
        self.dash.get(self.next()).map(|entry| entry.value().clone())
    }

    /// `Larder::bassoc` of a copy of these bytes.
    #[inline]
    pub async fn larder_write_bytes(&self, bytes: &[u8]) {
        let written = self.larder.bassoc(self.next(), Bytes::copy_from_slice(bytes)).await;
        debug_assert!(written.is_ok(), "{written:?}");
    }

    /// `Larder::assoc`, which encodes the value.
    #[inline]
    pub async fn larder_write_value<T: Serialize>(&self, value: &T) {
        let written = self.larder.assoc(self.next(), value).await;
        debug_assert!(written.is_ok(), "{written:?}");
    }

    /// The bare map gets a copy of these bytes.
    #[inline]
    pub fn bare_write_bytes(&self, bytes: &[u8]) {
        self.bare.insert(self.next().to_owned(), Bytes::copy_from_slice(bytes));
    }

    /// The bare map gets what ciborium encodes.
    #[inline]
    pub fn bare_write_value<T: Serialize>(&self, value: &T) {
        let mut bytes = Vec::new();
        let encoded = ciborium::into_writer(value, &mut bytes);
        debug_assert!(encoded.is_ok(), "{encoded:?}");
        self.bare.insert(self.next().to_owned(), bytes.into());
    }

    /// DashMap gets a copy of these bytes.
    #[inline]
    pub fn dash_write_bytes(&self, bytes: &[u8]) {
        drop(self.dash.insert(self.next().to_owned(), Bytes::copy_from_slice(bytes)));
    }

    /// Whether every road leads to the same bytes.
    fn agree(&self) -> bool {
        let key = self.next();
        let bare = self.bare.get(key);
        let dash = self.dash.get(key).map(|entry| entry.value().clone());
        let backend = self.memory.read(&Key::from(key), Part::All).wait().ok().flatten();
        let backend = backend.and_then(|stored| match stored.data {
            Data::Bytes(bytes) => Some(bytes),
            _ => None,
        });
        bare.is_some() && bare == dash && bare == backend
    }
}

/// All rows of this theme.
pub fn section(effort: Effort) -> larder::Result<Section> {
    let mut contests = Vec::new();
    let mut targets = Vec::new();
    for (count, heat) in [(1000, "1000 hot keys"), (100_000, "100 000 keys")] {
        let operations = effort.operations(if count > 1000 { 50_000 } else { 100_000 });
        for (len, size) in [(100, "100 B"), (1024, "1 KiB")] {
            let maps = Maps::of_binaries(count, len)?;
            let got = get_bytes(format!("get, {size} of bytes, {heat}"), &maps, operations, effort);
            let what = format!("memory `get` of {size} of bytes through `Larder`, {heat}");
            targets.push(Target::at_most(format!("{what}, to the bare map"), 3.0, got.ratio(LARDER, BARE)));
            contests.push(got);
            let title = format!("assoc, {size} of bytes, {heat}");
            contests.push(put_bytes(title, &maps, len, operations / 2, effort));
        }
    }
    let operations = effort.operations(50_000);
    let maps = Maps::of_documents(1000, data::small)?;
    contests.push(get_documents::<data::Small>(
        "get, 100 B document, 1000 hot keys",
        &maps,
        operations,
        effort,
    ));
    contests.push(put_documents(
        "assoc, 100 B document, 1000 hot keys",
        &maps,
        &data::small(1),
        operations,
        effort,
    ));
    let operations = effort.operations(10_000);
    let maps = Maps::of_documents(1000, data::person)?;
    contests.push(get_documents::<data::Person>(
        "get, 1 KiB document, 1000 hot keys",
        &maps,
        operations,
        effort,
    ));
    contests.push(put_documents(
        "assoc, 1 KiB document, 1000 hot keys",
        &maps,
        &data::person(1),
        operations,
        effort,
    ));
    let method = format!(
        "One thread. Keys are text of {} bytes, visited in a shuffled order; every contender is given the key as \
         `&str`. larder runs under `pollster::block_on`, one for the whole sample, as in a task of a program. The \
         bare map is the one that `larder-memory` is built on: 64 shards, each an `RwLock<HashMap>` with foldhash, \
         values `Bytes`, but its keys are `String`s and are looked up as they come; one row has larder's `Key`s, \
         into which the text is made first, as larder does. Written values are allocated anew for each write.",
        data::keys(1)[0].len()
    );
    Ok(Section { title: "Memory".into(), method, contests, targets, ..Section::default() })
}

fn get_bytes(title: String, maps: &Maps, operations: u64, effort: Effort) -> Outcomes {
    assert!(maps.agree(), "the maps hold different values");
    Contest::new(title, Clock::ThreadCpu)
        .contender(BARE, "", |clock| repeated(clock, operations, || maps.bare_bytes()))
        .contender("the same under larder's `Key`s", "", |clock| {
            repeated(clock, operations, || maps.bare_bytes_by_key())
        })
        .contender("DashMap with foldhash", "", |clock| repeated(clock, operations, || maps.dash_bytes()))
        .contender("larder-memory, `Backend::read`", "", |clock| {
            repeated(clock, operations, || maps.backend_bytes())
        })
        .contender(LARDER, "", |clock| looped(clock, operations, || maps.larder_bytes()))
        .run(effort)
}

fn put_bytes(title: String, maps: &Maps, len: usize, operations: u64, effort: Effort) -> Outcomes {
    let bytes = &data::bytes(len, 7)[..];
    Contest::new(title, Clock::ThreadCpu)
        .contender(BARE, "", |clock| repeated(clock, operations, || maps.bare_write_bytes(bytes)))
        .contender("DashMap with foldhash", "", |clock| {
            repeated(clock, operations, || maps.dash_write_bytes(bytes))
        })
        .contender(LARDER, "", |clock| looped(clock, operations, || maps.larder_write_bytes(bytes)))
        .run(effort)
}

fn get_documents<T: DeserializeOwned>(title: &str, maps: &Maps, operations: u64, effort: Effort) -> Outcomes {
    Contest::new(title, Clock::ThreadCpu)
        .contender(BARE, "", |clock| repeated(clock, operations, || maps.bare_bytes()))
        .contender("larder, `get_document`", "", |clock| looped(clock, operations, || maps.larder_document()))
        .contender("bare sharded map, decoded by ciborium", "", |clock| {
            repeated(clock, operations, || maps.bare_value::<T>())
        })
        .contender("larder, `get::<T>`", "", |clock| looped(clock, operations, || maps.larder_value::<T>()))
        .run(effort)
}

fn put_documents<T: Serialize>(
    title: &str,
    maps: &Maps,
    value: &T,
    operations: u64,
    effort: Effort,
) -> Outcomes {
    Contest::new(title, Clock::ThreadCpu)
        .contender("bare sharded map, encoded by ciborium", "", |clock| {
            repeated(clock, operations, || maps.bare_write_value(value))
        })
        .contender("larder, `assoc`", "", |clock| {
            looped(clock, operations, || maps.larder_write_value(value))
        })
        .run(effort)
}
