//! [`Larder`]: the handle an application holds. Typed by serde, cheap to clone, the same over every
//! backend.

use std::future::Future;
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::backend::{Backend, ByteRange, Capabilities, Keys};
use crate::clock::Clock;
use crate::document::Document;
use crate::error::{Error, Result};
use crate::hooks::{HookId, WriteEvent};
use crate::key::Key;
use crate::meta::{Meta, MetaUpdate};
use crate::path::Path;
use crate::records::Records;
use crate::store::{Binary, Change, Documents, Extras, Source, Together};

/// A persistent map of documents and binaries.
///
/// Keys are anything that becomes a [`Key`], paths anything that becomes a [`Path`], values anything
/// that serde can serialize. Absence is `None`, never an error. Every future may be dropped at any
/// point: the operation has then happened completely or not at all.
///
/// ```
/// # use larder::{Larder, path};
/// # async fn example() -> larder::Result<()> {
/// let larder = Larder::new(larder_memory::Memory::new());
/// larder.assoc("ada", &serde_json::json!({"emails": ["ada@example.org"]})).await?;
/// let email: Option<String> = larder.get_in(path!["ada", "emails", 0]).await?;
/// let (before, after) = larder.update_in(path!["ada", "visits"], |n: Option<u64>| n.unwrap_or(0) + 1).await?;
/// assert_eq!((email.as_deref(), before, after), (Some("ada@example.org"), None, 1));
/// # Ok(())
/// # }
/// # pollster::block_on(example()).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Larder {
    store: Arc<dyn Extras>,
    meta: MetaUpdate,
}

/// The answer of a reply. If it is there, nothing is held across an await, so the future stays small.
macro_rules! answer {
    ($reply:expr) => {
        match $reply.try_now() {
            Ok(answer) => answer,
            Err(later) => later.await,
        }
    };
}

/// A stream of keys with their meta.
pub type Entries = BoxStream<'static, Result<Meta>>;

impl Larder {
    /// A larder over this backend.
    pub fn new(backend: impl Backend) -> Larder {
        Larder::over(Arc::new(Records::new(backend)))
    }

    /// A larder over this backend that takes time and chance from `clock`.
    pub fn with_clock(backend: impl Backend, clock: Arc<dyn Clock>) -> Larder {
        Larder::over(Arc::new(Records::with_clock(backend, clock)))
    }

    /// A larder over a store.
    pub fn over(store: Arc<dyn Extras>) -> Larder {
        Larder { store, meta: MetaUpdate::new() }
    }

    /// The store beneath.
    pub fn store(&self) -> &Arc<dyn Extras> {
        &self.store
    }

    /// The same larder, whose writes also put this into the meta of the entries they write.
    ///
    /// ```
    /// # use larder::{Larder, MetaUpdate};
    /// # async fn example(larder: Larder) -> larder::Result<()> {
    /// larder.with_meta(MetaUpdate::new().set("owner", "ada")?).assoc("note", "buy milk").await?;
    /// let owner: Option<String> = larder.get_meta("note").await?.unwrap().get("owner")?;
    /// assert_eq!(owner.as_deref(), Some("ada"));
    /// # Ok(())
    /// # }
    /// # pollster::block_on(example(Larder::new(larder_memory::Memory::new()))).unwrap();
    /// ```
    #[must_use]
    pub fn with_meta(&self, meta: MetaUpdate) -> Larder {
        Larder { store: Arc::clone(&self.store), meta }
    }

    /// Whether there is an entry.
    pub async fn exists(&self, key: impl Into<Key>) -> Result<bool> {
        self.store.exists(&key.into()).await
    }

    /// The meta of the entry; its data is not read.
    pub async fn get_meta(&self, key: impl Into<Key>) -> Result<Option<Meta>> {
        self.store.get_meta(&key.into()).await
    }

    /// The document, decoded.
    ///
    /// # Errors
    /// `Decode` if it does not fit the type, `WrongKind` if a binary is stored there.
    pub async fn get<T: DeserializeOwned>(&self, key: impl Into<Key>) -> Result<Option<T>> {
        let key = key.into();
        match answer!(self.store.get_reply(&key))? {
            Some(document) => decoded(&document, "get", &key).map(Some),
            None => Ok(None),
        }
    }

    /// The document, decoded, or `default` if there is none.
    ///
    /// # Errors
    /// As [`get`](Larder::get).
    pub async fn get_or<T: DeserializeOwned>(&self, key: impl Into<Key>, default: T) -> Result<T> {
        Ok(self.get(key).await?.unwrap_or(default))
    }

    /// The document as it is stored.
    ///
    /// # Errors
    /// `WrongKind` if a binary is stored there.
    pub async fn get_document(&self, key: impl Into<Key>) -> Result<Option<Document>> {
        // The key is not held across the await: it need not move.
        answer!(self.store.get_reply(&key.into()))
    }

    /// What stands at the path, decoded; the rest of the document is not. A missing step, or one into
    /// a scalar, is `None`.
    ///
    /// # Errors
    /// As [`get`](Larder::get).
    pub async fn get_in<T: DeserializeOwned>(&self, path: impl Into<Path>) -> Result<Option<T>> {
        let path = path.into();
        path.check()?;
        let Some(document) = answer!(self.store.get_reply(path.key()))? else { return Ok(None) };
        let part =
            document.get_in(path.segments()).map_err(|error| error.during("get_in").at_key(path.key()))?;
        part.map(|part| decoded(&part, "get_in", path.key())).transpose()
    }

    /// Replaces the entry, whatever it was.
    pub async fn assoc<T: Serialize + ?Sized>(&self, key: impl Into<Key>, value: &T) -> Result<()> {
        self.assoc_in(Path::new(key), value).await
    }

    /// Sets the value at the path. Missing maps on the way are made; an index just past the end of
    /// an array appends to it.
    ///
    /// # Errors
    /// `InvalidPath` past the end of an array or through a scalar; nothing is written then.
    pub async fn assoc_in<T: Serialize + ?Sized>(&self, path: impl Into<Path>, value: &T) -> Result<()> {
        let path = path.into();
        let value = Document::encode(value).map_err(|error| error.during("assoc_in").at_key(path.key()))?;
        self.store.assoc_in(&path, value, self.meta.clone()).await
    }

    /// Changes the value at the path atomically: `update` gets what is there, and returns what shall
    /// be there. Answers with both.
    ///
    /// Updates of one key queue fairly and share their writes. `update` may run more than once; its
    /// last run is the one that is stored.
    ///
    /// # Errors
    /// `Conflict` if other processes kept winning; otherwise as [`assoc_in`](Larder::assoc_in) and
    /// [`get`](Larder::get).
    pub async fn update_in<T, F>(&self, path: impl Into<Path>, mut update: F) -> Result<(Option<T>, T)>
    where
        T: Serialize + DeserializeOwned,
        F: FnMut(Option<T>) -> T + Send + 'static,
    {
        self.try_update_in(path, move |old| Ok::<T, Error>(update(old))).await
    }

    /// [`update_in`](Larder::update_in) with a closure that may fail: nothing is written then, and
    /// its error comes back.
    pub async fn try_update_in<T, E, F>(
        &self,
        path: impl Into<Path>,
        mut update: F,
    ) -> Result<(Option<T>, T), E>
    where
        T: Serialize + DeserializeOwned,
        E: From<Error> + Send + 'static,
        F: FnMut(Option<T>) -> Result<T, E> + Send + 'static,
    {
        let path = path.into();
        // The closure's own error cannot pass through the store, so it waits here. The last run is
        // the one that counts.
        let failure = Arc::new(Mutex::new(None));
        let failed = Arc::clone(&failure);
        let update = move |old: Option<Document>| {
            let old = old.map(|old| old.decode()).transpose()?;
            let result = update(old);
            let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
            *failed = None;
            match result {
                Ok(new) => Ok(Change::Set(Document::encode(&new)?)),
                Err(error) => {
                    *failed = Some(error);
                    Ok(Change::Keep)
                }
            }
        };
        let (old, new) = self.store.update_in(&path, Box::new(update), self.meta.clone()).await?;
        if let Some(error) = failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(error);
        }
        let new = new.unwrap_or_else(Document::null);
        let old = old.map(|old| decoded(&old, "update_in", path.key())).transpose()?;
        Ok((old, decoded(&new, "update_in", path.key())?))
    }

    /// Removes the entry; tells whether it was there.
    pub async fn dissoc(&self, key: impl Into<Key>) -> Result<bool> {
        self.store.dissoc(&key.into()).await
    }

    /// Takes what stands at the path out of its map or array; tells whether it was there. A path of
    /// a key alone removes the entry.
    pub async fn dissoc_in(&self, path: impl Into<Path>) -> Result<bool> {
        let path = path.into();
        if path.segments().is_empty() {
            return self.store.dissoc(path.key()).await;
        }
        let remove = |old: Option<Document>| Ok(if old.is_some() { Change::Remove } else { Change::Keep });
        match self.store.update_in(&path, Box::new(remove), self.meta.clone()).await {
            Ok((old, _)) => Ok(old.is_some()),
            // Nothing can stand behind a scalar or past the end of an array.
            Err(error) if error.kind() == crate::ErrorKind::InvalidPath => Ok(false),
            Err(error) => Err(error.during("dissoc_in")),
        }
    }

    /// All keys, in no particular order. Each key that is there during the whole listing appears
    /// exactly once. The stream goes on after an error.
    pub fn keys(&self) -> Keys {
        self.store.keys(None)
    }

    /// The text keys that begin with `prefix`.
    pub fn keys_with_prefix(&self, prefix: &str) -> Keys {
        self.store.keys(Some(prefix))
    }

    /// All entries: their meta, which names the key. Entries that go meanwhile are left out.
    pub fn entries(&self) -> Entries {
        const AT_ONCE: usize = 16;
        let store = Arc::clone(&self.store);
        self.keys()
            .map(move |key| {
                let store = Arc::clone(&store);
                async move { store.get_meta(&key?).await }
            })
            .buffered(AT_ONCE)
            .try_filter_map(|meta| std::future::ready(Ok(meta)))
            .boxed()
    }

    /// The binary. A document is `WrongKind`.
    ///
    /// ```
    /// # use larder::Larder;
    /// # async fn example(larder: Larder) -> larder::Result<()> {
    /// larder.bassoc("photo.png", vec![1, 2, 3]).await?;
    /// let photo = larder.bget("photo.png").await?.unwrap();
    /// assert_eq!(photo.size(), 3);
    /// assert_eq!(photo.bytes().await?, vec![1, 2, 3]);
    /// # Ok(())
    /// # }
    /// # pollster::block_on(example(Larder::new(larder_memory::Memory::new()))).unwrap();
    /// ```
    pub async fn bget(&self, key: impl Into<Key>) -> Result<Option<Binary>> {
        answer!(self.store.bget_reply(&key.into(), ByteRange::ALL))
    }

    /// A range of the binary, such as `..4096`. Only that range is read, so only the meta is
    /// compared with its checksum.
    pub async fn bget_range(
        &self,
        key: impl Into<Key>,
        range: impl std::ops::RangeBounds<u64>,
    ) -> Result<Option<Binary>> {
        let key = key.into();
        let range = ByteRange::new(range).map_err(|error| error.during("bget").at_key(&key))?;
        answer!(self.store.bget_reply(&key, range))
    }

    /// Replaces the entry by a binary: bytes, or a [`Source`] of them, in constant memory where the
    /// backend streams. It is visible only when it is complete.
    pub async fn bassoc(&self, key: impl Into<Key>, value: impl Into<Source>) -> Result<()> {
        self.store.bassoc(&key.into(), value.into(), self.meta.clone()).await
    }

    /// The documents of several keys, decoded, in their order. Each is a consistent state of its own;
    /// together they need not be of one moment.
    pub async fn multi_get<T, K>(&self, keys: impl IntoIterator<Item = K>) -> Result<Vec<Option<T>>>
    where
        T: DeserializeOwned,
        K: Into<Key>,
    {
        const AT_ONCE: usize = 64;
        let gets: Vec<_> = keys.into_iter().map(|key| self.get(key.into())).collect();
        stream::iter(gets).buffered(AT_ONCE).try_collect().await
    }

    /// Sets several whole entries, all or nothing.
    ///
    /// # Errors
    /// `Unsupported` where the backend cannot, unless `together` is [`Together::OneByOne`].
    pub async fn multi_assoc<K, T>(
        &self,
        entries: impl IntoIterator<Item = (K, T)>,
        together: Together,
    ) -> Result<()>
    where
        K: Into<Key>,
        T: Serialize,
    {
        let mut encoded = Vec::new();
        for (key, value) in entries {
            let key = key.into();
            let value = Document::encode(&value).map_err(|error| error.during("multi_assoc").at_key(&key))?;
            encoded.push((key, value, self.meta.clone()));
        }
        self.store.multi_assoc(encoded, together).await
    }

    /// Sets several whole entries to binaries, all or nothing: also the fastest way to fill a store.
    ///
    /// # Errors
    /// As [`multi_assoc`](Larder::multi_assoc).
    ///
    /// ```
    /// # use larder::{Larder, Together};
    /// # async fn example(larder: Larder) -> larder::Result<()> {
    /// larder.multi_bassoc([("one.png", vec![1]), ("two.png", vec![2, 2])], Together::Atomic).await?;
    /// assert_eq!(larder.bget("two.png").await?.unwrap().size(), 2);
    /// # Ok(())
    /// # }
    /// # pollster::block_on(example(Larder::new(larder_memory::Memory::new()))).unwrap();
    /// ```
    pub async fn multi_bassoc<K, B>(
        &self,
        entries: impl IntoIterator<Item = (K, B)>,
        together: Together,
    ) -> Result<()>
    where
        K: Into<Key>,
        B: Into<Bytes>,
    {
        let entries = entries.into_iter();
        let entries = entries.map(|(key, value)| (key.into(), value.into(), self.meta.clone())).collect();
        self.store.multi_bassoc(entries, together).await
    }

    /// Removes several entries, all or nothing; tells for each whether it was there.
    ///
    /// # Errors
    /// As [`multi_assoc`](Larder::multi_assoc).
    pub async fn multi_dissoc<K: Into<Key>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        together: Together,
    ) -> Result<Vec<bool>> {
        let keys: Vec<Key> = keys.into_iter().map(Into::into).collect();
        self.store.multi_dissoc(&keys, together).await
    }

    /// Appends an element to the log under this key, which is made if there is none. What was appended
    /// before is not rewritten. Several appends at a time share their writes.
    pub async fn append<T: Serialize + ?Sized>(&self, key: impl Into<Key>, element: &T) -> Result<()> {
        let key = key.into();
        let element = Document::encode(element).map_err(|error| error.during("append").at_key(&key))?;
        self.store.append(&key, vec![element], self.meta.clone()).await
    }

    /// Appends several elements to the log together: a reader sees all of them or none.
    pub async fn append_all<T: Serialize>(
        &self,
        key: impl Into<Key>,
        elements: impl IntoIterator<Item = T>,
    ) -> Result<()> {
        let key = key.into();
        let elements: Result<Vec<Document>> =
            elements.into_iter().map(|element| Document::encode(&element)).collect();
        let elements = elements.map_err(|error| error.during("append").at_key(&key))?;
        self.store.append(&key, elements, self.meta.clone()).await
    }

    /// All elements of the log, decoded, in the order in which they were appended; `None` without a
    /// log.
    pub async fn log<T: DeserializeOwned>(&self, key: impl Into<Key>) -> Result<Option<Vec<T>>> {
        let key = key.into();
        let Some(elements) = self.store.log(&key).await? else { return Ok(None) };
        elements.map(|element| decoded(&element?, "log", &key)).try_collect().await.map(Some)
    }

    /// The elements of the log as a stream, as they are stored.
    pub async fn log_documents(&self, key: impl Into<Key>) -> Result<Option<Documents>> {
        self.store.log(&key.into()).await
    }

    /// Folds the elements of the log, without holding them all; `initial` without a log.
    pub async fn reduce_log<T, A>(
        &self,
        key: impl Into<Key>,
        initial: A,
        mut step: impl FnMut(A, T) -> A + Send,
    ) -> Result<A>
    where
        T: DeserializeOwned,
        A: Send,
    {
        let key = key.into();
        let mut result = initial;
        if let Some(mut elements) = self.store.log(&key).await? {
            while let Some(element) = elements.try_next().await? {
                result = step(result, decoded(&element, "reduce_log", &key)?);
            }
        }
        Ok(result)
    }

    /// Calls `hook` after every write through this store that succeeded, in the task that wrote.
    pub fn add_hook(&self, hook: impl Fn(&WriteEvent) + Send + Sync + 'static) -> HookId {
        self.store.hooks().add(hook)
    }

    /// Removes a hook; tells whether it was there.
    pub fn remove_hook(&self, id: HookId) -> bool {
        self.store.hooks().remove(id)
    }

    /// Answers when everything acknowledged before is on stable storage.
    pub async fn sync(&self) -> Result<()> {
        self.store.sync().await
    }

    /// Finishes what was begun, and lets go of the storage. Everything afterwards is `Closed`.
    pub async fn close(&self) -> Result<()> {
        self.store.close().await
    }

    /// What the backend can do.
    pub fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }
}

fn decoded<T: DeserializeOwned>(document: &Document, operation: &'static str, key: &Key) -> Result<T> {
    document.decode().map_err(|error| error.during(operation).at_key(key))
}

/// Futures of the handle can be spawned on any executor.
#[expect(dead_code, reason = "checked by the compiler, never called")]
fn futures_are_send(larder: &Larder) {
    fn is_send(_: impl Future + Send) {}
    is_send(larder.get::<u64>("key"));
    is_send(larder.update_in("key", |n: Option<u64>| n.unwrap_or(0)));
    is_send(larder.bassoc("key", Vec::new()));
    is_send(larder.reduce_log("key", 0, |sum: u64, n: u64| sum + n));
}
