//! Append-only logs. A log is a head record, of kind `:append-log`, whose document names the log by a
//! random id, and chunks: documents under the keys `[:larder/log, id, 0]`, `[:larder/log, id, 1]`, ..,
//! each an array of the elements that were appended together.
//!
//! Invariant: the chunks of a log have no gaps. Whoever appends writes the first chunk that is
//! absent, on the condition that it still is; creating it is the moment of the append, and nothing
//! that stands is ever rewritten. A writer who finds the chunk taken goes on to the next.
//!
//! A log is made by its first chunk, under a new id that nobody knows yet, and then its head. A log
//! that is removed or replaced loses its head first. So a writer looks at the head after it
//! wrote its chunk: if that names another log, or none, the elements are appended anew.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use futures::channel::oneshot;
use futures::stream::{self, StreamExt};

use super::combine::{Answer, Combiner};
use super::{Records, verify, wrong_kind};
use crate::backend::{Backend, Expect, Part, Written};
use crate::cbor;
use crate::document::Document;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::limits;
use crate::meta::{Kind, Meta, MetaUpdate};
use crate::record::{Head, Record};
use crate::store::Documents;

/// The beginning of every chunk's key: an array of three, and the identifier `:larder/log`.
pub(super) const CHUNK: &[u8] = b"\x83\xd8\x27\x6b:larder/log";

/// Whether the key belongs to the store itself.
pub(super) fn is_chunk(key: &Key) -> bool {
    key.as_cbor().starts_with(CHUNK)
}

/// Names one log; a log that is made anew under the same key has another.
pub(super) type LogId = [u8; 16];

fn chunk_key(id: &LogId, n: u64) -> Key {
    Key::array([Key::keyword("larder/log"), Key::bytes(id), Key::from(n)])
}

/// Elements on their way into a log.
struct Append {
    elements: Vec<Document>,
    answer: oneshot::Sender<Answer<()>>,
}

impl Append {
    fn bytes(&self) -> usize {
        self.elements.iter().map(|element| element.as_cbor().len()).sum()
    }
}

/// The logs that are being appended to.
/// Of so many logs at the most.
const KNOWN_ENDS: usize = 256;

pub(super) struct Logs {
    appends: Combiner<Append>,
    /// For some logs, a chunk number that was free when last seen. A guess, never beyond the end.
    ends: Mutex<HashMap<LogId, u64>>,
}

impl Default for Logs {
    fn default() -> Logs {
        Logs { appends: Combiner::new(), ends: Mutex::default() }
    }
}

impl Logs {
    fn end(&self, id: &LogId) -> Option<u64> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied()
    }

    fn set_end(&self, id: &LogId, end: u64) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        if ends.len() >= KNOWN_ENDS && !ends.contains_key(id) {
            ends.clear();
        }
        ends.insert(*id, end);
    }
}

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Logs")
    }
}

impl<B: Backend> Records<B> {
    pub(super) async fn append_to_log(
        &self,
        key: &Key,
        elements: Vec<Document>,
        meta: MetaUpdate,
    ) -> Result<()> {
        let (answer, receiver) = oneshot::channel();
        let this = self.clone();
        let round_key = key.clone();
        let make = move |batch: Vec<Append>| {
            let (this, key) = (this.clone(), round_key.clone());
            async move {
                let mut waiting = batch.into_iter().filter(|append| !append.answer.is_canceled()).peekable();
                while let Some(first) = waiting.next() {
                    // Together they are one chunk, but a chunk must not outgrow a document.
                    let mut bytes = first.bytes();
                    let mut together = vec![first];
                    while let Some(next) =
                        waiting.next_if(|next| bytes + next.bytes() <= limits::COMBINED_BYTES)
                    {
                        bytes += next.bytes();
                        together.push(next);
                    }
                    let elements =
                        together.iter().flat_map(|append| append.elements.iter().cloned()).collect();
                    let result = this.append_all(&key, elements).await;
                    together.into_iter().for_each(|append| _ = append.answer.send(Ok(result.clone())));
                }
            }
        };
        let request = Append { elements, answer };
        self.0.logs.appends.join(key, request, receiver, limits::COMBINED_UPDATES, make).await?;
        if meta.is_empty() { Ok(()) } else { self.mark_log(key, &meta).await.map_err(Error::ambiguous) }
    }

    /// Puts into the meta of the log what its user wants there. The head is rewritten, the log is not.
    async fn mark_log(&self, key: &Key, update: &MetaUpdate) -> Result<()> {
        for attempt in 1..=limits::WRITE_ATTEMPTS {
            let Some(stored) = self.read(key, Part::All).await? else { return Ok(()) };
            let (before, version) = (stored.head.meta()?, stored.version.clone());
            let mut meta = before.clone();
            meta.apply(update);
            if before.kind != Kind::AppendLog || meta == before {
                return Ok(());
            }
            let name = verify::content(stored).await?;
            let record = Record::new(&meta, name.as_cbor().clone())?;
            match self.0.backend.write(key, record, Expect::Version(version)).await? {
                Written::Done(_) => return Ok(()),
                Written::Unmet => self.back_off(attempt).await,
            }
        }
        Err(Error::new(ErrorKind::Conflict, "other writers kept changing the head of the log"))
    }

    async fn append_all(&self, key: &Key, elements: Vec<Document>) -> Result<()> {
        let mut chunk = Vec::new();
        cbor::put_head(&mut chunk, cbor::ARRAY, elements.len() as u64);
        elements.iter().for_each(|element| chunk.extend_from_slice(element.as_cbor()));
        let chunk = Document::from_cbor(chunk)?;
        for attempt in 1..=limits::WRITE_ATTEMPTS {
            let Some(id) = self.head_of_log(key).await? else {
                if self.begin_log(key, &chunk).await? {
                    return Ok(());
                }
                continue;
            };
            let at = self.add_chunk(&id, &chunk).await?;
            // From here on the elements may be in the log, whatever goes wrong.
            if self.head_of_log(key).await.map_err(Error::ambiguous)?.is_some_and(|present| present == id) {
                return Ok(());
            }
            // The log went while the chunk was written. The chunk is out of reach; take it away.
            self.0.backend.remove(&chunk_key(&id, at), Expect::Any).await?;
            self.back_off(attempt).await;
        }
        Err(Error::new(ErrorKind::Conflict, "the log was removed again and again while it was appended to"))
    }

    /// Writes the first absent chunk of the log; answers with its number.
    async fn add_chunk(&self, id: &LogId, chunk: &Document) -> Result<u64> {
        let mut at = match self.0.logs.end(id) {
            Some(end) => end,
            None => self.find_end(id, 0).await?,
        };
        loop {
            let key = chunk_key(id, at);
            let meta = self.fresh_meta(&key, Kind::Document, None, &MetaUpdate::new());
            let record = Record::new(&meta, chunk.as_cbor().clone())?;
            match self.0.backend.write(&key, record, Expect::Absent).await? {
                Written::Done(_) => {
                    self.0.logs.set_end(id, at + 1);
                    return Ok(at);
                }
                Written::Unmet => at = self.find_end(id, at + 1).await?,
            }
        }
    }

    /// The number of the first absent chunk, which is not before `from`: in steps that double, then
    /// by halves. Exact because there are no gaps.
    async fn find_end(&self, id: &LogId, from: u64) -> Result<u64> {
        let (mut low, mut step) = (from, 1);
        while self.has_chunk(id, low + step - 1).await? {
            low += step;
            step *= 2;
        }
        let mut high = low + step - 1;
        while low < high {
            let middle = low + (high - low) / 2;
            if self.has_chunk(id, middle).await? { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    async fn has_chunk(&self, id: &LogId, n: u64) -> Result<bool> {
        Ok(self.0.backend.read(&chunk_key(id, n), Part::Head).await?.is_some())
    }

    /// Makes a log that holds this chunk, if nothing is there yet; tells whether it did. The chunk comes
    /// first, so that the log appears with its first elements or not at all.
    async fn begin_log(&self, key: &Key, chunk: &Document) -> Result<bool> {
        let (one, two) = (self.0.clock.random(), self.0.clock.random());
        let id: LogId = (u128::from(one) << 64 | u128::from(two)).to_be_bytes();
        let at = self.add_chunk(&id, chunk).await?;
        let meta = self.fresh_meta(key, Kind::AppendLog, None, &MetaUpdate::new());
        let name = Document::encode(&ciborium::Value::Bytes(id.to_vec()))?;
        let record = Record::new(&meta, name.as_cbor().clone())?;
        match self.0.backend.write(key, record, Expect::Absent).await? {
            Written::Done(_) => Ok(true),
            Written::Unmet => {
                self.0.backend.remove(&chunk_key(&id, at), Expect::Any).await?;
                Ok(false)
            }
        }
    }

    /// The id of the log that is there now.
    async fn head_of_log(&self, key: &Key) -> Result<Option<LogId>> {
        let Some(stored) = self.read(key, Part::All).await? else { return Ok(None) };
        match stored.head.kind() {
            Kind::AppendLog => {}
            kind => return Err(wrong_kind(kind)),
        }
        let value: ciborium::Value = verify::content(stored).await?.decode()?;
        let id = value.as_bytes().and_then(|bytes| LogId::try_from(bytes.as_slice()).ok());
        id.map(Some).ok_or_else(|| Error::new(ErrorKind::Corrupt, "the head of the log names no log"))
    }

    /// The log whose head this is, if it is one: to be discarded when the head was replaced.
    pub(super) async fn log_of(&self, head: Option<&Head>) -> Result<Option<LogId>> {
        match head {
            Some(head) if head.kind() == Kind::AppendLog => match self.head_of_log(&head.key()?).await {
                Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::WrongKind) => Ok(None),
                found => found,
            },
            _ => Ok(None),
        }
    }

    /// Removes the chunks of a log whose head is gone. The log is out of reach already, so a failure
    /// here leaves garbage but loses nothing, and is no failure of the operation.
    pub(super) async fn discard_log(&self, id: &LogId) {
        let mut n = 0;
        while let Ok(crate::backend::Removed::Done) =
            self.0.backend.remove(&chunk_key(id, n), Expect::Any).await
        {
            n += 1;
        }
    }

    pub(super) async fn read_log(&self, key: &Key) -> Result<Option<Documents>> {
        let Some(id) = self.head_of_log(key).await? else { return Ok(None) };
        let (this, key) = (self.clone(), key.clone());
        let chunks = stream::unfold(Some(0), move |n| {
            let (this, key) = (this.clone(), key.clone());
            async move {
                let n = n?;
                match this.read_chunk(&key, &id, n).await {
                    Ok(Some(elements)) => Some((elements.into_iter().map(Ok).collect(), Some(n + 1))),
                    Ok(None) => None,
                    Err(error) => Some((vec![Err(this.explain("log", &key)(error))], None)),
                }
            }
        });
        Ok(Some(chunks.flat_map(stream::iter).boxed()))
    }

    async fn read_chunk(&self, key: &Key, id: &LogId, n: u64) -> Result<Option<Vec<Document>>> {
        if let Some(stored) = self.read(&chunk_key(id, n), Part::All).await? {
            let elements = verify::document(stored).await?.elements()?;
            return Ok(Some(elements));
        }
        // The end; or the log was removed meanwhile, and what is missing here was part of it.
        match self.head_of_log(key).await {
            Ok(Some(present)) if present == *id => Ok(None),
            Err(error) if error.kind() != ErrorKind::WrongKind => Err(error),
            _ => Err(Error::new(ErrorKind::Conflict, "the log was removed while it was read")),
        }
    }

    /// The meta of a log: its last write is the last append, and every chunk counts as a revision.
    pub(super) async fn meta_of_log(&self, key: &Key, mut meta: Meta) -> Result<Option<Meta>> {
        let Some(id) = self.head_of_log(key).await? else { return Ok(None) };
        let end = self.find_end(&id, self.0.logs.end(&id).unwrap_or(0)).await?;
        if let Some(last) = end.checked_sub(1)
            && let Some(stored) = self.read(&chunk_key(&id, last), Part::Head).await?
        {
            meta.last_write = meta.last_write.max(stored.head.last_write());
        }
        meta.rev = meta.rev.saturating_add(end);
        Ok(Some(meta))
    }
}
