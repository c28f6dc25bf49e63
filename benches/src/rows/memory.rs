//! Reads and writes in memory, against the bare map that the memory backend is built on.

use bytes::Bytes;
use dashmap::DashMap;
use foldhash::fast::RandomState;
use larder::{Backend, Document, Key, Larder, Part};
use larder_memory::Memory;
use pollster::block_on;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::data;
use crate::harness::{Contest, Effort, Outcomes};
use crate::peers::bare_map::BareMap;
use crate::report::{Section, Target};
use crate::time::{Clock, Sample};

/// The name of the baseline.
pub const BARE: &str = "bare sharded map";
const LARDER: &str = "larder";

/// The same entries in every map, and an order in which to visit them.
#[derive(Debug)]
pub struct Maps {
    keys: Vec<String>,
    order: Vec<usize>,
    at: usize,
    larder: Larder,
    memory: Memory,
    bare: BareMap,
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
            at: 0,
            larder: Larder::new(memory.clone()),
            memory,
            bare: BareMap::new(),
            dash: DashMap::with_hasher(RandomState::default()),
        };
        // Written map by map, so that each has its entries side by side, as in a program of its own.
        let mut values = Vec::with_capacity(count);
        for (n, key) in maps.keys.iter().enumerate() {
            values.push(store(&maps.larder, key, n as u64)?);
        }
        let copy = |bytes: &Bytes| Bytes::from(bytes.to_vec());
        maps.keys.iter().zip(&values).for_each(|(key, value)| maps.bare.insert(key, copy(value)));
        for (key, value) in maps.keys.iter().zip(&values) {
            maps.dash.insert(key.clone(), copy(value));
        }
        Ok(maps)
    }

    /// The next key in the order.
    #[inline]
    fn next(&mut self) -> &str {
        self.at = if self.at + 1 < self.order.len() { self.at + 1 } else { 0 };
        &self.keys[self.order[self.at]]
    }

    /// One `bget` and its bytes.
    pub async fn larder_bytes(&mut self) -> Option<Bytes> {
        let larder = self.larder.clone_for_reading();
        larder.bget(self.next()).await.ok()??.bytes().await.ok()
    }
}

trait CloneForReading {}
