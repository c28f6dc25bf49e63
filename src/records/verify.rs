//! Checking what a backend delivers: that it is the record of the key that was asked for, and that
//! the data is what the head vouches for.

use bytes::Bytes;
use futures::StreamExt;
use futures::stream;

use crate::backend::{ByteRange, Stored};
use crate::document::Document;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::limits;
use crate::meta::Kind;
use crate::record::{ByteStream, Data, DataSum, Head};
use crate::reply::Reply;
use crate::store::{Binary, collect};

/// Whether the record is the one of this key.
#[inline]
pub(super) fn is_of(stored: &Stored, key: &Key) -> Result<()> {
    // What a backend has verified itself is what it was asked for.
    if stored.verified { Ok(()) } else { is_named(stored, key) }
}

fn is_named(stored: &Stored, key: &Key) -> Result<()> {
    if stored.head.key_bytes() == key.as_cbor() {
        return Ok(());
    }
    // Records of others may hold the key in another encoding.
    let present = stored.head.key()?;
    if present == *key {
        return Ok(());
    }
    let message = format!("the record that is stored here belongs to the key {present}");
    Err(Error::new(ErrorKind::Corrupt, message))
}

/// The document in a record that was read whole.
#[inline]
pub(super) fn document(stored: Stored) -> Reply<Document> {
    match stored.head.kind() {
        Kind::Document => content(stored),
        kind => Reply::ready(Err(super::wrong_kind(kind))),
    }
}

/// The data of a record that was read whole, as a document, whatever its kind.
pub(super) fn content(stored: Stored) -> Reply<Document> {
    let Stored { head, data, verified, .. } = stored;
    if let Some(size) = head.size().filter(|size| *size > limits::DOCUMENT_BYTES) {
        let limit = limits::DOCUMENT_BYTES;
        let message = format!("the document has {size} bytes, the limit is {limit}");
        return Reply::ready(Err(Error::new(ErrorKind::TooLarge, message)));
    }
    let vouched = move |bytes: Bytes| {
        if !verified {
            head.vouch(&DataSum::of(&bytes))?;
        }
        Ok(Document::stored(bytes))
    };
    match data {
        Data::Bytes(bytes) => Reply::ready(vouched(bytes)),
        Data::Stream(stream) => Reply::future(async move { vouched(collect(stream).await?) }),
        Data::None => Reply::ready(Err(super::broken_promise("read no data where all was asked for"))),
    }
}

/// The binary, or the part of one, in a record. A whole binary is compared with its checksum, in one
/// piece at once, as a stream at its end; a range proves its head only.
#[inline(always)]
pub(super) fn binary(stored: Stored, range: ByteRange, key: &Key, backend: &'static str) -> Result<Binary> {
    let Stored { head, data, verified, .. } = stored;
    if head.kind() != Kind::Binary {
        return Err(super::wrong_kind(head.kind()));
    }
    match head.size().filter(|_| verified) {
        Some(size) => Ok(Binary::new(size, data)),
        None => to_verify(head, data, verified, range, key, backend),
    }
}

/// The same of a record that nobody has verified yet, or that does not say how large it is.
fn to_verify(
    head: Head,
    data: Data,
    verified: bool,
    range: ByteRange,
    key: &Key,
    backend: &'static str,
) -> Result<Binary> {
    let whole = range == ByteRange::ALL;
    let size = match (head.size(), &data) {
        (Some(size), _) => size,
        (None, Data::Bytes(bytes)) if whole => bytes.len() as u64,
        (None, _) => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the record does not say how large the binary is",
            ));
        }
    };
    let data = match data {
        data if verified || !whole => data,
        Data::Bytes(bytes) => {
            head.vouch(&DataSum::of(&bytes))?;
            Data::Bytes(bytes)
        }
        Data::Stream(stream) => Data::Stream(vouched(stream, head, key.clone(), backend)),
        Data::None => Data::None,
    };
    Ok(Binary::new(size, data))
}

/// The same stream, with an error at its end if it is not what the head vouches for.
fn vouched(chunks: ByteStream, head: Head, key: Key, backend: &'static str) -> ByteStream {
    let state = (chunks, DataSum::new(), Some((head, key)));
    stream::unfold(state, move |(mut chunks, mut sum, head)| async move {
        let (head, key) = head?;
        match chunks.next().await {
            Some(Ok(chunk)) => {
                sum.update(&chunk);
                Some((Ok(chunk), (chunks, sum, Some((head, key)))))
            }
            Some(Err(error)) => {
                Some((Err(error.during("bget").at_key(&key).in_backend(backend)), (chunks, sum, None)))
            }
            None => {
                let error = head.vouch(&sum).err()?;
                Some((Err(error.during("bget").at_key(&key).in_backend(backend)), (chunks, sum, None)))
            }
        }
    })
    .boxed()
}
