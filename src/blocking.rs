//! [`Blocking`]: the handle without `async`, for code without a runtime.

use std::ops::RangeBounds;

use futures::{FutureExt, Stream, StreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::key::Key;
use crate::larder::Larder;
use crate::meta::Meta;
use crate::path::Path;
use crate::store::{Source, Together};
use crate::{Bytes, Document};

/// [`Larder`] without `async`: every method blocks its thread until the answer is there. Each does
/// what the method of the same name does there.
///
/// Do not call it from async code: it would hold up the executor.
///
/// ```
/// # use larder::{Larder, path};
/// let larder = Larder::new(larder_memory::Memory::new()).blocking();
/// larder.assoc_in(path!["ada", "born"], &1815)?;
/// assert_eq!(larder.get_in(path!["ada", "born"])?, Some(1815));
/// # Ok::<(), larder::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Blocking(Larder);

/// A stream as an iterator: each step blocks.
type Blocked<T> = Box<dyn Iterator<Item = Result<T>> + Send>;

fn blocked<T>(mut stream: impl Stream<Item = Result<T>> + Send + Unpin + 'static) -> Blocked<T> {
    Box::new(std::iter::from_fn(move || {
        // Most items are there at once; to block costs more than they do.
        let item = stream.next().now_or_never();
        item.unwrap_or_else(|| pollster::block_on(stream.next()))
    }))
}

/// One line per method: its head, and the call it blocks on.
macro_rules! blocking {
    ($($(#[$doc:meta])* fn $name:ident $(<$($generic:ident: {$($bound:tt)*}),*>)? ($($arg:ident: $type:ty),*) -> $result:ty;)*) => {
        impl Blocking {$(
            $(#[$doc])*
            pub fn $name $(<$($generic: $($bound)*),*>)? (&self, $($arg: $type),*) -> $result {
                pollster::block_on(self.0.$name($($arg),*))
            }
        )*}
    };
}

blocking! {
    /// Whether there is an entry.
    fn exists(key: impl Into<Key>) -> Result<bool>;
    /// The meta of the entry.
    fn get_meta(key: impl Into<Key>) -> Result<Option<Meta>>;
    /// The document, decoded.
    fn get<T: {DeserializeOwned}>(key: impl Into<Key>) -> Result<Option<T>>;
    /// The document, decoded, or a default.
    fn get_or<T: {DeserializeOwned}>(key: impl Into<Key>, default: T) -> Result<T>;
    /// The document as it is stored.
    fn get_document(key: impl Into<Key>) -> Result<Option<Document>>;
    /// What stands at the path, decoded.
    fn get_in<T: {DeserializeOwned}>(path: impl Into<Path>) -> Result<Option<T>>;
    /// Replaces the entry.
    fn assoc<T: {Serialize + ?Sized}>(key: impl Into<Key>, value: &T) -> Result<()>;
    /// Sets the value at the path.
    fn assoc_in<T: {Serialize + ?Sized}>(path: impl Into<Path>, value: &T) -> Result<()>;
    /// Changes the value at the path atomically.
    fn update_in<T: {Serialize + DeserializeOwned}, F: {FnMut(Option<T>) -> T + Send + 'static}>(path: impl Into<Path>, update: F) -> Result<(Option<T>, T)>;
    /// Changes the value at the path atomically, by a closure that may fail.
    fn try_update_in<T: {Serialize + DeserializeOwned}, E: {From<Error> + Send + 'static}, F: {FnMut(Option<T>) -> Result<T, E> + Send + 'static}>(path: impl Into<Path>, update: F) -> Result<(Option<T>, T), E>;
    /// Removes the entry.
    fn dissoc(key: impl Into<Key>) -> Result<bool>;
    /// Takes out what stands at the path.
    fn dissoc_in(path: impl Into<Path>) -> Result<bool>;
    /// Replaces the entry by a binary.
    fn bassoc(key: impl Into<Key>, value: impl Into<Source>) -> Result<()>;
    /// The documents of several keys.
    fn multi_get<T: {DeserializeOwned}, K: {Into<Key>}>(keys: impl IntoIterator<Item = K>) -> Result<Vec<Option<T>>>;
    /// Sets several entries.
    fn multi_assoc<K: {Into<Key>}, T: {Serialize}>(entries: impl IntoIterator<Item = (K, T)>, together: Together) -> Result<()>;
    /// Sets several entries to binaries.
    fn multi_bassoc<K: {Into<Key>}, B: {Into<Bytes>}>(entries: impl IntoIterator<Item = (K, B)>, together: Together) -> Result<()>;
    /// Removes several entries.
    fn multi_dissoc<K: {Into<Key>}>(keys: impl IntoIterator<Item = K>, together: Together) -> Result<Vec<bool>>;
    /// Appends an element to a log.
    fn append<T: {Serialize + ?Sized}>(key: impl Into<Key>, element: &T) -> Result<()>;
    /// Appends several elements to a log together.
    fn append_all<T: {Serialize}>(key: impl Into<Key>, elements: impl IntoIterator<Item = T>) -> Result<()>;
    /// All elements of a log.
    fn log<T: {DeserializeOwned}>(key: impl Into<Key>) -> Result<Option<Vec<T>>>;
    /// Folds the elements of a log.
    fn reduce_log<T: {DeserializeOwned}, A: {Send}>(key: impl Into<Key>, initial: A, step: impl FnMut(A, T) -> A + Send) -> Result<A>;
    /// Answers when everything acknowledged before is on stable storage.
    fn sync() -> Result<()>;
    /// Lets go of the storage.
    fn close() -> Result<()>;
}

impl Larder {
    /// The same methods without `async`, for code without a runtime.
    pub fn blocking(&self) -> Blocking {
        Blocking(self.clone())
    }
}

impl Blocking {
    /// The handle with `async`.
    pub fn larder(&self) -> &Larder {
        &self.0
    }

    /// All keys.
    pub fn keys(&self) -> impl Iterator<Item = Result<Key>> + Send + use<> {
        blocked(self.0.keys())
    }

    /// All entries.
    pub fn entries(&self) -> impl Iterator<Item = Result<Meta>> + Send + use<> {
        blocked(self.0.entries())
    }

    /// The binary, in memory.
    pub fn bget(&self, key: impl Into<Key>) -> Result<Option<Bytes>> {
        self.bget_range(key, ..)
    }

    /// A range of the binary, in memory.
    pub fn bget_range(&self, key: impl Into<Key>, range: impl RangeBounds<u64>) -> Result<Option<Bytes>> {
        pollster::block_on(async {
            match self.0.bget_range(key, range).await? {
                Some(binary) => binary.bytes().await.map(Some),
                None => Ok(None),
            }
        })
    }

    /// The binary, chunk after chunk.
    pub fn bget_chunks<K: Into<Key>>(
        &self,
        key: K,
    ) -> Result<Option<impl Iterator<Item = Result<Bytes>> + Send + use<K>>> {
        let binary = pollster::block_on(self.0.bget(key))?;
        Ok(binary.map(|binary| blocked(binary.into_stream())))
    }
}
