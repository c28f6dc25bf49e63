//! [`Records`]: a [`Store`] over any [`Backend`]. Turns documents, binaries and logs into records, keeps
//! the meta, and makes every operation atomic by conditional writes.
//!
//! `combine` queues the updates of one key, `update` commits a queue with one write, `append_log`
//! keeps logs, `batch` writes several entries together, `replace` writes without looking at the value that was there,
//! `remember` saves the next update its read and `glance` the next blind write its look, as long as their `odds` are
//! good; `generations` are their tables, whose `shards` keep different keys apart; `verify` checks what is read.

mod append_log;
mod batch;
mod combine;
mod generations;
mod glance;
mod odds;
mod remember;
mod replace;
mod shards;
mod update;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use self::append_log::Logs;
use self::combine::Combiner;
use self::glance::Seen;
use self::remember::Remembered;
use self::update::{Request, Todo};
use crate::backend::{Backend, ByteRange, Capabilities, Expect, Keys, Part, Removed, Stored};
use crate::clock::{Clock, RealClock, Timestamp};
use crate::document::Document;
use crate::error::{Error, ErrorKind, Result};
use crate::hooks::{Hooks, Operation, WriteEvent};
use crate::key::Key;
use crate::limits;
use crate::meta::{Kind, Meta, MetaUpdate};
use crate::path::Path;
use crate::reply::Reply;
use crate::store::{Binary, Change, Documents, Extras, Source, Store, Together, UpdateFn};

/// A store over a backend. Cloning shares it.
#[derive(Debug)]
pub struct Records<B: Backend>(Arc<Inner<B>>);

#[derive(Debug)]
struct Inner<B> {
    backend: B,
    clock: Arc<dyn Clock>,
    name: &'static str,
    hooks: Hooks,
    updates: Combiner<Request>,
    remembered: Remembered,
    /// Only where every call is a trip over a network.
    seen: Option<Seen>,
    logs: Logs,
}

impl<B: Backend> Clone for Records<B> {
    fn clone(&self) -> Records<B> {
        Records(Arc::clone(&self.0))
    }
}

impl<B: Backend> Records<B> {
    /// A store over this backend, with the real clock.
    pub fn new(backend: B) -> Records<B> {
        Records::with_clock(backend, RealClock::shared())
    }

    /// A store over this backend that takes time and chance from `clock`.
    pub fn with_clock(backend: B, clock: Arc<dyn Clock>) -> Records<B> {
        let Capabilities { name, remote, .. } = backend.capabilities();
        Records(Arc::new(Inner {
            backend,
            clock,
            name,
            hooks: Hooks::new(),
            updates: Combiner::new(),
            remembered: Remembered::default(),
            seen: remote.then(Seen::default),
            logs: Logs::default(),
        }))
    }

    /// The backend.
    pub fn backend(&self) -> &B {
        &self.0.backend
    }

    /// Adds to an error what this layer knows.
    fn explain(&self, operation: &'static str, key: &Key) -> impl FnOnce(Error) -> Error {
        let name = self.0.name;
        move |error| error.during(operation).at_key(key).in_backend(name)
    }

    /// Reads a record and delivers what `make` makes of it: at once if the backend answers at once,
    /// which is why this is no async function. What is inlined here is what a read from memory costs: each call
    /// on the way would move the record once more.
    #[inline(always)]
    fn deliver<T, F>(&self, operation: &'static str, key: &Key, part: Part, make: F) -> Reply<Option<T>>
    where
        T: Send + 'static,
        F: FnOnce(Stored, &Key, &'static str) -> Reply<T> + Send + 'static,
    {
        if let Err(error) = check_key(key) {
            return Reply::ready(Err(self.explain(operation, key)(error)));
        }
        match self.0.backend.read(key, part).try_now() {
            Ok(read) => delivered(read, operation, key, self.0.name, make),
            Err(later) => {
                let (key, name) = (key.clone(), self.0.name);
                Reply::future(async move { delivered(later.await, operation, &key, name, make).await })
            }
        }
    }

    /// Reads a part of the record and makes sure that it is the one of this key.
    async fn read(&self, key: &Key, part: Part) -> Result<Option<Stored>> {
        let stored = self.0.backend.read(key, part).await?;
        match stored {
            Some(stored) => verify::is_of(&stored, key).map(|()| Some(stored)),
            None => Ok(None),
        }
    }

    /// The time of a write: now, and never before the write that it follows.
    fn stamp(&self, before: Timestamp) -> Timestamp {
        self.0.clock.wall().max(before)
    }

    /// Queues a change of one key and waits until it is committed.
    async fn change(&self, key: &Key, todo: Todo, update: MetaUpdate) -> Result<update::Outcome> {
        let (request, answer) = Request::new(todo, update);
        let this = self.clone();
        let round_key = key.clone();
        let make = move |batch| {
            let (this, key) = (this.clone(), round_key.clone());
            async move { this.commit(&key, batch).await }
        };
        self.0.updates.join(key, request, answer, limits::COMBINED_UPDATES, make).await
    }

    /// Waits a little, and longer after every lost race, by chance, so that the same writers do not
    /// meet again.
    async fn back_off(&self, attempt: u32) {
        const SHORTEST_US: u64 = 200;
        const LONGEST_US: u64 = 50_000;
        if attempt > 1 {
            let most = (SHORTEST_US << attempt.min(16)).min(LONGEST_US);
            self.0.clock.sleep(Duration::from_micros(self.0.clock.random() % most)).await;
        }
    }

    fn tell(
        &self,
        operation: Operation,
        path: impl FnOnce() -> Path,
        value: Option<Document>,
        rev: Option<u64>,
    ) {
        self.0.hooks.tell(|| WriteEvent::new(operation, path(), value, rev));
    }
}

/// What `make` makes of the record that was read.
#[inline(always)]
fn delivered<T: Send + 'static>(
    read: Result<Option<Stored>>,
    operation: &'static str,
    key: &Key,
    name: &'static str,
    make: impl FnOnce(Stored, &Key, &'static str) -> Reply<T>,
) -> Reply<Option<T>> {
    let explain = move |error: Error, key: &Key| error.during(operation).at_key(key).in_backend(name);
    let stored = match read {
        Ok(Some(stored)) => stored,
        Ok(None) => return Reply::ready(Ok(None)),
        Err(error) => return Reply::ready(Err(explain(error, key))),
    };
    if let Err(error) = verify::is_of(&stored, key) {
        return Reply::ready(Err(explain(error, key)));
    }
    match make(stored, key, name).try_now() {
        Ok(Ok(made)) => Reply::ready(Ok(Some(made))),
        Ok(Err(error)) => Reply::ready(Err(explain(error, key))),
        Err(later) => {
            let key = key.clone();
            Reply::future(async move { later.await.map(Some).map_err(|error| explain(error, &key)) })
        }
    }
}

fn broken_promise(what: &str) -> Error {
    Error::new(ErrorKind::Io, format!("the backend {what}; this is a bug in it"))
}

fn wrong_kind(kind: Kind) -> Error {
    let (what, call) = match kind {
        Kind::Document => ("a document", "get or update_in"),
        Kind::Binary => ("a binary", "bget"),
        Kind::AppendLog => ("an append log", "log or reduce_log"),
    };
    Error::new(ErrorKind::WrongKind, format!("the entry is {what}: use {call}, or replace it"))
}

/// Checks a key that a caller gave: its limits, and that it is not one of the store's own.
#[inline]
fn check_key(key: &Key) -> Result<()> {
    // Short text, which most keys are, is within the limits and none of the store's own.
    const SHORT_TEXT: std::ops::RangeInclusive<u8> = 0x60..=0x77;
    match key.as_cbor().first() {
        Some(first) if SHORT_TEXT.contains(first) => Ok(()),
        _ => check_other_key(key),
    }
}

fn check_other_key(key: &Key) -> Result<()> {
    key.check()?;
    if append_log::is_chunk(key) {
        let message = "keys that begin with :larder/log belong to the store";
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    Ok(())
}

#[async_trait]
impl<B: Backend> Store for Records<B> {
    async fn exists(&self, key: &Key) -> Result<bool> {
        let explain = self.explain("exists", key);
        let exists = async {
            check_key(key)?;
            Ok(self.read(key, Part::Head).await?.is_some())
        };
        exists.await.map_err(explain)
    }

    async fn get_meta(&self, key: &Key) -> Result<Option<Meta>> {
        let get_meta = async {
            check_key(key)?;
            let Some(stored) = self.read(key, Part::Head).await? else { return Ok(None) };
            let meta = stored.head.meta()?;
            match meta.kind {
                Kind::AppendLog => self.meta_of_log(key, meta).await,
                _ => Ok(Some(meta)),
            }
        };
        get_meta.await.map_err(self.explain("get_meta", key))
    }

    async fn get(&self, key: &Key) -> Result<Option<Document>> {
        self.get_reply(key).await
    }

    async fn assoc_in(&self, path: &Path, value: Document, meta: MetaUpdate) -> Result<()> {
        let key = path.key();
        let assoc = async {
            path.check()?;
            check_key(key)?;
            if !path.segments().is_empty() {
                let new = value.clone();
                let update: UpdateFn = Box::new(move |_| Ok(Change::Set(new.clone())));
                let done = self.change(key, Todo::Update(path.segments().into(), update), meta).await?;
                self.tell(Operation::AssocIn, || path.clone(), Some(value), done.rev);
                return Ok(());
            }
            let rev = if self.0.updates.is_busy(key) {
                let replace = self.change(key, Todo::Replace(value.clone()), meta.clone()).await;
                match replace {
                    Ok(done) => done.rev,
                    // What stands there can neither be read nor updated, but it can be replaced.
                    Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::WrongKind) => {
                        Some(self.replace(key, Kind::Document, value.as_cbor().clone().into(), &meta).await?)
                    }
                    Err(error) => return Err(error),
                }
            } else {
                Some(self.replace(key, Kind::Document, value.as_cbor().clone().into(), &meta).await?)
            };
            self.tell(Operation::Assoc, || path.clone(), Some(value), rev);
            Ok(())
        };
        assoc.await.map_err(self.explain("assoc_in", key))
    }

    async fn update_in(
        &self,
        path: &Path,
        update: UpdateFn,
        meta: MetaUpdate,
    ) -> Result<(Option<Document>, Option<Document>)> {
        let key = path.key();
        let update_in = async {
            path.check()?;
            check_key(key)?;
            let done = self.change(key, Todo::Update(path.segments().into(), update), meta).await?;
            if done.changed {
                self.tell(Operation::UpdateIn, || path.clone(), done.new.clone(), done.rev);
            }
            Ok((done.old, done.new))
        };
        update_in.await.map_err(self.explain("update_in", key))
    }

    async fn dissoc(&self, key: &Key) -> Result<bool> {
        let dissoc = async {
            check_key(key)?;
            if !self.0.updates.is_busy(key) && self.remove_on_a_guess(key).await? {
                self.tell(Operation::Dissoc, || Path::new(key), None, None);
                return Ok(true);
            }
            let before = self.replaced(key).await?;
            let log = self.log_of(before.as_ref()).await?;
            let removed = if self.0.updates.is_busy(key) && log.is_none() {
                self.change(key, Todo::Remove, MetaUpdate::new()).await?.changed
            } else {
                self.0.remembered.forget(key);
                match self.0.backend.remove(key, Expect::Any).await? {
                    Removed::Done => true,
                    Removed::Absent => false,
                    Removed::Unmet => return Err(broken_promise("refused an unconditional removal")),
                }
            };
            if let Some(log) = log {
                self.discard_log(&log).await;
            }
            if removed {
                self.tell(Operation::Dissoc, || Path::new(key), None, None);
            }
            Ok(removed)
        };
        dissoc.await.map_err(self.explain("dissoc", key))
    }

    fn keys(&self, prefix: Option<&str>) -> Keys {
        self.0.backend.keys(prefix).told_of("keys", self.0.name, append_log::CHUNK)
    }

    async fn bget(&self, key: &Key, range: ByteRange) -> Result<Option<Binary>> {
        self.bget_reply(key, range).await
    }

    async fn bassoc(&self, key: &Key, value: Source, meta: MetaUpdate) -> Result<()> {
        let bassoc = async {
            check_key(key)?;
            let rev = self.replace(key, Kind::Binary, value, &meta).await?;
            self.tell(Operation::Bassoc, || Path::new(key), None, Some(rev));
            Ok(())
        };
        bassoc.await.map_err(self.explain("bassoc", key))
    }
}

#[async_trait]
impl<B: Backend> Extras for Records<B> {
    #[inline]
    fn get_reply(&self, key: &Key) -> Reply<Option<Document>> {
        self.deliver("get", key, Part::All, |stored, _, _| verify::document(stored))
    }

    #[inline]
    fn bget_reply(&self, key: &Key, range: ByteRange) -> Reply<Option<Binary>> {
        let part = if range == ByteRange::ALL { Part::All } else { Part::Range(range) };
        self.deliver("bget", key, part, move |stored, key, name| {
            Reply::ready(verify::binary(stored, range, key, name))
        })
    }

    async fn multi_assoc(&self, entries: Vec<(Key, Document, MetaUpdate)>, together: Together) -> Result<()> {
        if together == Together::OneByOne {
            for (key, document, meta) in entries {
                self.assoc_in(&key.into(), document, meta).await?;
            }
            return Ok(());
        }
        let tell = |value| (Operation::Assoc, Some(value));
        let multi = self.set_together(Kind::Document, entries, Document::as_cbor, tell).await;
        multi.map_err(|error| error.during("multi_assoc").in_backend(self.0.name))
    }

    async fn multi_bassoc(&self, entries: Vec<(Key, Bytes, MetaUpdate)>, together: Together) -> Result<()> {
        if together == Together::OneByOne {
            for (key, bytes, meta) in entries {
                self.bassoc(&key, bytes.into(), meta).await?;
            }
            return Ok(());
        }
        let tell = |_| (Operation::Bassoc, None);
        let multi = self.set_together(Kind::Binary, entries, |bytes| bytes, tell).await;
        multi.map_err(|error| error.during("multi_bassoc").in_backend(self.0.name))
    }

    async fn multi_dissoc(&self, keys: &[Key], together: Together) -> Result<Vec<bool>> {
        if together == Together::OneByOne {
            let mut existed = Vec::with_capacity(keys.len());
            for key in keys {
                existed.push(self.dissoc(key).await?);
            }
            return Ok(existed);
        }
        let multi = self.dissoc_together(keys).await;
        multi.map_err(|error| error.during("multi_dissoc").in_backend(self.0.name))
    }

    async fn append(&self, key: &Key, elements: Vec<Document>, meta: MetaUpdate) -> Result<()> {
        let append = async {
            check_key(key)?;
            self.append_to_log(key, elements.clone(), meta).await?;
            for element in elements {
                self.tell(Operation::Append, || Path::new(key), Some(element), None);
            }
            Ok(())
        };
        append.await.map_err(self.explain("append", key))
    }

    async fn log(&self, key: &Key) -> Result<Option<Documents>> {
        let log = async {
            check_key(key)?;
            self.read_log(key).await
        };
        log.await.map_err(self.explain("log", key))
    }

    fn hooks(&self) -> &Hooks {
        &self.0.hooks
    }

    async fn sync(&self) -> Result<()> {
        self.0.backend.sync().await.map_err(|error| error.during("sync").in_backend(self.0.name))
    }

    async fn close(&self) -> Result<()> {
        self.0.backend.close().await.map_err(|error| error.during("close").in_backend(self.0.name))
    }

    fn capabilities(&self) -> Capabilities {
        self.0.backend.capabilities()
    }
}
