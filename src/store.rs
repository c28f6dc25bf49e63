//! The traits of a store: [`Store`], the nine operations in terms of keys, paths and documents, and
//! [`Extras`], what a store may offer besides. [`Records`](crate::Records) implements both over any
//! backend; a database that speaks documents natively may implement them itself.

use std::fmt;
use std::future::{Future, ready};

use async_trait::async_trait;
use bytes::Bytes;

use futures::future::Either;
use futures::io::{AsyncRead, AsyncReadExt};
use futures::stream::{self, StreamExt, TryStreamExt};

use crate::backend::{ByteRange, Capabilities, Keys};
use crate::document::Document;
use crate::error::{Error, Result};
use crate::hooks::Hooks;
use crate::key::Key;
use crate::limits;
use crate::meta::{Meta, MetaUpdate};
use crate::path::Path;
use crate::record::{ByteStream, Data};
use crate::reply::Reply;

/// Computes the new value at a path from the one that is there (`None`: nothing is).
///
/// It may run more than once; its last run is the one that counts. An error is handed to the caller
/// and nothing is written.
pub type UpdateFn = Box<dyn FnMut(Option<Document>) -> Result<Change> + Send>;

/// What an update wants done at its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Put this there.
    Set(Document),
    /// Take away what is there: the item, or the whole entry if the path is a key alone.
    Remove,
    /// Leave it as it is.
    Keep,
}

/// The nine operations; `docs/guarantees.md` tells what each promises.
///
/// Every operation on one key is linearizable as far as [`Capabilities::reach`] goes. Futures may be
/// dropped at any point: the operation has then happened completely or not at all.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Whether there is an entry. Reads no data part.
    async fn exists(&self, key: &Key) -> Result<bool>;

    /// The meta of the entry. Reads no data part.
    async fn get_meta(&self, key: &Key) -> Result<Option<Meta>>;

    /// The whole document, as one consistent state.
    ///
    /// # Errors
    /// `WrongKind` if a binary or a log is stored there.
    async fn get(&self, key: &Key) -> Result<Option<Document>>;

    /// Sets the value at the path. A path of a key alone replaces the entry, whatever it was;
    /// deeper, missing maps on the way are made, and an index just past the end appends.
    ///
    /// # Errors
    /// `InvalidPath` past the end of an array or through a scalar; nothing is written.
    async fn assoc_in(&self, path: &Path, value: Document, meta: MetaUpdate) -> Result<()>;

    /// Changes the value at the path atomically; answers with what was there and what is there now.
    async fn update_in(
        &self,
        path: &Path,
        update: UpdateFn,
        meta: MetaUpdate,
    ) -> Result<(Option<Document>, Option<Document>)>;

    /// Removes the entry; tells whether it was there.
    async fn dissoc(&self, key: &Key) -> Result<bool>;

    /// All keys, or the text keys that begin with this text.
    fn keys(&self, prefix: Option<&str>) -> Keys;

    /// A range of a binary, of one state, also while it is replaced.
    ///
    /// # Errors
    /// `WrongKind` if a document is stored there.
    async fn bget(&self, key: &Key, range: ByteRange) -> Result<Option<Binary>>;

    /// Replaces the entry by a binary, which is visible only when it is complete.
    async fn bassoc(&self, key: &Key, value: Source, meta: MetaUpdate) -> Result<()>;
}

/// How the writes of a `multi_` operation belong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Together {
    /// All or nothing, or `Unsupported` where the backend cannot.
    #[default]
    Atomic,
    /// One after the other. A failure leaves what was written before it.
    OneByOne,
}

/// What a store offers beside the nine operations.
#[async_trait]
pub trait Extras: Store {
    /// [`Store::get`] as a reply, which costs neither a box nor a poll if the answer is there at once.
    fn get_reply(&self, key: &Key) -> Reply<Option<Document>>;

    /// [`Store::bget`] as a reply.
    fn bget_reply(&self, key: &Key, range: ByteRange) -> Reply<Option<Binary>>;

    /// Sets several whole entries.
    async fn multi_assoc(&self, entries: Vec<(Key, Document, MetaUpdate)>, together: Together) -> Result<()>;

    /// Sets several whole entries to binaries.
    async fn multi_bassoc(&self, entries: Vec<(Key, Bytes, MetaUpdate)>, together: Together) -> Result<()>;

    /// Removes several entries; tells for each whether it was there.
    async fn multi_dissoc(&self, keys: &[Key], together: Together) -> Result<Vec<bool>>;

    /// Appends elements to a log, together, and makes the log if there is none. What was appended
    /// before is not rewritten.
    ///
    /// # Errors
    /// `WrongKind` if something else is stored under the key.
    async fn append(&self, key: &Key, elements: Vec<Document>, meta: MetaUpdate) -> Result<()>;

    /// The elements of a log in the order in which they were appended; `None` without a log. Those
    /// appended after the call may or may not appear.
    async fn log(&self, key: &Key) -> Result<Option<Documents>>;

    /// The write hooks.
    fn hooks(&self) -> &Hooks;

    /// Answers when everything acknowledged before is on stable storage.
    async fn sync(&self) -> Result<()>;

    /// Finishes what was begun, and lets go of the storage.
    async fn close(&self) -> Result<()>;

    /// What the backend can do.
    fn capabilities(&self) -> Capabilities;
}

/// A stream of documents.
pub type Documents = stream::BoxStream<'static, Result<Document>>;

/// Where the bytes of a binary come from: bytes, a reader or a stream of chunks.
///
/// ```
/// use larder::{Bytes, Source};
/// let small = Source::from("a few bytes".as_bytes());
/// let reader = Source::reader(futures::io::Cursor::new(vec![0u8; 1 << 20]));
/// let chunks = Source::stream(futures::stream::iter([Ok(Bytes::from("a chunk"))]));
/// # drop((small, reader, chunks));
/// ```
#[derive(Debug)]
pub struct Source(pub(crate) Data);

impl Source {
    /// A stream of chunks. An error in it ends the write, and nothing is stored.
    pub fn stream(chunks: impl futures::Stream<Item = Result<Bytes>> + Send + 'static) -> Source {
        Source(Data::Stream(chunks.boxed()))
    }

    /// A reader. It is read in the task that writes, so it may belong to any runtime.
    pub fn reader(reader: impl AsyncRead + Send + Unpin + 'static) -> Source {
        Source::stream(stream::try_unfold(reader, |mut reader| async move {
            let mut chunk = vec![0; limits::CHUNK_BYTES];
            let mut filled = 0;
            while filled < chunk.len() {
                match reader.read(&mut chunk[filled..]).await {
                    Ok(0) => break,
                    Ok(read) => filled += read,
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(Error::io("the source of the binary cannot be read", error)),
                }
            }
            chunk.truncate(filled);
            Ok((filled > 0).then(|| (Bytes::from(chunk), reader)))
        }))
    }

    /// The bytes, chunk after chunk.
    pub fn into_stream(self) -> ByteStream {
        match self.0 {
            Data::None => stream::empty().boxed(),
            Data::Bytes(bytes) => stream::iter([Ok(bytes)]).boxed(),
            Data::Stream(stream) => stream,
        }
    }
}

impl<B: Into<Bytes>> From<B> for Source {
    fn from(bytes: B) -> Source {
        Source(Data::Bytes(bytes.into()))
    }
}

/// A binary, or the part of one that was asked for.
#[derive(Debug)]
pub struct Binary {
    size: u64,
    data: Data,
}

impl Binary {
    /// A binary of which `size` bytes are stored and `data` was asked for.
    #[inline]
    pub fn new(size: u64, data: Data) -> Binary {
        Binary { size, data }
    }

    /// The length of the whole binary in bytes, also if only a range was asked for.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// All of the bytes that were asked for, in memory.
    #[inline]
    pub fn bytes(self) -> impl Future<Output = Result<Bytes>> + Send {
        match self.data {
            Data::None => Either::Left(ready(Ok(Bytes::new()))),
            Data::Bytes(bytes) => Either::Left(ready(Ok(bytes))),
            Data::Stream(stream) => Either::Right(collect(stream)),
        }
    }

    /// Chunk after chunk, in constant memory. A stream of a whole binary verifies the checksum and
    /// ends with `Corrupt` if it does not fit.
    pub fn into_stream(self) -> ByteStream {
        Source(self.data).into_stream()
    }

    /// The same as a reader.
    pub fn into_reader(self) -> impl AsyncRead + Send + Unpin + 'static {
        self.into_stream().map_err(std::io::Error::other).into_async_read()
    }
}

/// All chunks of a stream as one piece.
pub(crate) async fn collect(mut stream: ByteStream) -> Result<Bytes> {
    let Some(first) = stream.try_next().await? else {
        return Ok(Bytes::new());
    };
    let Some(second) = stream.try_next().await? else {
        return Ok(first);
    };
    let mut all = [first, second].concat();
    while let Some(chunk) = stream.try_next().await? {
        all.extend_from_slice(&chunk);
    }
    Ok(all.into())
}
