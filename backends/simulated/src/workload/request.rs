//! [`Request`]: one operation that a client asks for.

use std::fmt;

use futures::{TryStreamExt, stream};
use larder::{Bytes, Key, Larder, Result, Source};

/// One operation. Documents, counters and binaries have keys of their own (`doc/7`, `count/7`, `bin/7`),
/// so none meets a value of the wrong kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Request {
    /// Reads a document.
    Get(u64),
    /// Asks whether there is one.
    Exists(u64),
    /// Replaces a document by one of about so many bytes, which nobody else writes.
    Assoc {
        /// The number of the key.
        key: u64,
        /// The size in bytes.
        size: u64,
    },
    /// Removes a document.
    Dissoc(u64),
    /// Reads a counter.
    Count(u64),
    /// Adds one to a counter.
    Add(u64),
    /// Reads a binary.
    Bget(u64),
    /// Replaces a binary by one of so many bytes (at least 16), which nobody else writes.
    Bassoc {
        /// The number of the key.
        key: u64,
        /// The size in bytes.
        size: u64,
    },
    /// Lists the keys of the counters.
    Keys,
}

impl Request {
    /// The name of the operation it comes to, such as `"update_in"`.
    pub const fn name(self) -> &'static str {
        match self {
            Request::Get(_) | Request::Count(_) => "get",
            Request::Exists(_) => "exists",
            Request::Assoc { .. } => "assoc",
            Request::Dissoc(_) => "dissoc",
            Request::Add(_) => "update_in",
            Request::Bget(_) => "bget",
            Request::Bassoc { .. } => "bassoc",
            Request::Keys => "keys",
        }
    }

    /// The key it is about; `None` for a listing.
    pub fn key(self) -> Option<Key> {
        let (room, number) = match self {
            Request::Get(key) | Request::Exists(key) | Request::Assoc { key, .. } | Request::Dissoc(key) => {
                ("doc", key)
            }
            Request::Count(key) | Request::Add(key) => ("count", key),
            Request::Bget(key) | Request::Bassoc { key, .. } => ("bin", key),
            Request::Keys => return None,
        };
        Some(Key::from(format!("{room}/{number}")))
    }

    /// Whether it can change nothing.
    pub const fn only_reads(self) -> bool {
        matches!(
            self,
            Request::Get(_) | Request::Exists(_) | Request::Count(_) | Request::Bget(_) | Request::Keys
        )
    }

    /// The request that reads what this one writes; a reading one is its own.
    #[must_use]
    pub const fn reading(self) -> Request {
        match self {
            Request::Assoc { key, .. } | Request::Dissoc(key) => Request::Get(key),
            Request::Add(key) => Request::Count(key),
            Request::Bassoc { key, .. } => Request::Bget(key),
            reading => reading,
        }
    }

    /// Does it. What it writes carries the stamp, so that every write is told from every other.
    ///
    /// # Errors
    /// Those of the operation.
    pub async fn perform(self, larder: &Larder, stamp: Stamp) -> Result<()> {
        let Some(key) = self.key() else {
            let keys = larder.keys_with_prefix("count/");
            return keys.try_for_each(|_| async { Ok(()) }).await;
        };
        match self {
            // Not decoded: a client measures the store, not serde.
            Request::Get(_) | Request::Count(_) => larder.get_document(key).await.map(drop),
            Request::Exists(_) => larder.exists(key).await.map(drop),
            Request::Assoc { size, .. } => larder.assoc(key, &stamp.document(size)).await,
            Request::Dissoc(_) => larder.dissoc(key).await.map(drop),
            Request::Add(_) => larder.update_in(key, |n: Option<u64>| n.unwrap_or(0) + 1).await.map(drop),
            Request::Bget(_) => match larder.bget(key).await? {
                Some(binary) => binary.into_stream().try_for_each(|_| async { Ok(()) }).await,
                None => Ok(()),
            },
            Request::Bassoc { size, .. } => larder.bassoc(key, stamp.binary(size)).await,
            Request::Keys => Ok(()),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key() {
            Some(key) => write!(f, "{} {key}", self.name()),
            None => f.write_str(self.name()),
        }
    }
}

/// Who writes, and with which of its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// The client.
    pub client: u64,
    /// The number of the step.
    pub number: u64,
}

/// What fills binaries: shared, so that a large one costs no memory here.
static FILLING: [u8; CHUNK] = [0x5a; CHUNK];
const CHUNK: usize = 64 * 1024;

impl Stamp {
    /// A document of about so many bytes.
    fn document(self, size: u64) -> (u64, u64, String) {
        // Client, number and the heads of array and text take about ten bytes.
        let filling = usize::try_from(size.saturating_sub(10)).unwrap_or(usize::MAX).min(1 << 20);
        (self.client, self.number, "x".repeat(filling))
    }

    /// A binary of so many bytes, 16 at least. A large one comes in chunks.
    fn binary(self, size: u64) -> Source {
        let mut first = Vec::with_capacity(16);
        first.extend_from_slice(&self.client.to_be_bytes());
        first.extend_from_slice(&self.number.to_be_bytes());
        let filling = size.saturating_sub(first.len() as u64);
        if filling <= CHUNK as u64 {
            first.resize(first.len() + filling as usize, FILLING[0]);
            return Source::from(first);
        }
        let chunks = stream::unfold((Some(first), filling), |(first, left)| async move {
            if let Some(first) = first {
                return Some((Ok(Bytes::from(first)), (None, left)));
            }
            let next = left.min(CHUNK as u64);
            let chunk = Bytes::from_static(&FILLING[..next as usize]);
            (next > 0).then(|| (Ok(chunk), (None, left - next)))
        });
        Source::stream(chunks)
    }
}

#[cfg(test)]
mod tests {
    use larder_memory::Memory;

    use super::*;

    const STAMP: Stamp = Stamp { client: 3, number: 9 };

    #[test]
    fn every_request_does_what_its_name_says() {
        let larder = Larder::new(Memory::new());
        let perform = |request: Request| pollster::block_on(request.perform(&larder, STAMP)).unwrap();
        let there = |key: &str| pollster::block_on(larder.exists(key)).unwrap();
        for reading in
            [Request::Get(1), Request::Exists(1), Request::Bget(1), Request::Count(1), Request::Keys]
        {
            assert!(reading.only_reads() && reading.reading() == reading);
            perform(reading);
        }
        perform(Request::Assoc { key: 1, size: 100 });
        perform(Request::Add(1));
        perform(Request::Add(1));
        perform(Request::Bassoc { key: 1, size: 20 });
        assert!(there("doc/1") && there("bin/1"));
        assert_eq!(pollster::block_on(larder.get::<u64>("count/1")).unwrap(), Some(2));
        perform(Request::Bget(1));
        perform(Request::Dissoc(1));
        assert!(!there("doc/1"));
        assert_eq!(Request::Add(7).to_string(), "update_in \"count/7\"");
    }

    #[test]
    fn a_value_has_its_size_and_its_stamp() {
        let larder = Larder::new(Memory::new());
        for size in [0, 16, 1000, 300_000] {
            pollster::block_on(Request::Bassoc { key: 1, size }.perform(&larder, STAMP)).unwrap();
            let binary = pollster::block_on(larder.bget("bin/1")).unwrap().unwrap();
            let bytes = pollster::block_on(binary.bytes()).unwrap();
            assert_eq!(bytes.len() as u64, size.max(16));
            assert_eq!(bytes[..16], [0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 9]);
            pollster::block_on(Request::Assoc { key: 1, size }.perform(&larder, STAMP)).unwrap();
            let document = pollster::block_on(larder.get_document("doc/1")).unwrap().unwrap();
            assert!(
                (document.as_cbor().len() as u64).abs_diff(size.max(10)) <= 8,
                "{}",
                document.as_cbor().len()
            );
        }
    }
}
