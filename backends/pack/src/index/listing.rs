//! Listing: shard after shard, each as it was when it was begun.

use larder::io::Halt;
use larder::{Error, Key, Result};

use super::shard::{Enough, ShardKeys};
use super::{Index, SHARDS, read};

/// Keys of so many bytes are kept in place.
const SHORT: usize = 39;

/// So many keys are looked at without waiting, at the most: the caller's thread has other things to do.
const LOOKS: usize = 4096;

/// Where a listing stands. It keeps the keys of the shard that it is in that came since the checkpoint,
/// and that checkpoint's file.
#[derive(Debug)]
pub(crate) struct Cursor {
    prefix: Option<String>,
    /// The next shard.
    shard: usize,
    /// The shard that is being listed.
    keys: Option<ShardKeys>,
    buffer: Vec<u8>,
    /// What went wrong after the keys of the last page.
    failed: Option<Error>,
}

impl Cursor {
    /// The beginning of all keys, or of the text keys that begin with `prefix`.
    pub(crate) fn new(prefix: Option<&str>) -> Cursor {
        let prefix = prefix.map(str::to_owned);
        Cursor { prefix, shard: 0, keys: None, buffer: Vec::new(), failed: None }
    }

    /// Whether it stands at the end: no page comes any more.
    pub(crate) fn is_done(&self) -> bool {
        self.shard == SHARDS && self.keys.is_none() && self.failed.is_none()
    }
}

impl Index {
    /// The next keys, `most` of them (at least one) unless these are the last; none at the end. A key
    /// that is present from the first page to the last appears exactly once. The order is the same as long
    /// as nothing changes. Waits for the medium.
    ///
    /// # Errors
    /// `Corrupt` if keys of the checkpoint are damaged, and those of the disk. The next page goes on
    /// after what could not be read.
    pub(crate) fn page(&self, cursor: &mut Cursor, most: usize) -> Result<Vec<Key>> {
        self.keys_from(cursor, most, true).map_err(Halt::into_error)
    }

    /// The same without waiting for the medium, and in a short time: `None` where it would have to be waited
    /// for. A page may be empty before the end if few of the keys begin with the prefix.
    ///
    /// # Errors
    /// As [`page`](Index::page).
    pub(crate) fn page_cached(&self, cursor: &mut Cursor, most: usize) -> Result<Option<Vec<Key>>> {
        match self.keys_from(cursor, most, false) {
            Ok(page) => Ok(Some(page)),
            Err(Halt::Waits) => Ok(None),
            Err(Halt::Failed(error)) => Err(error),
        }
    }

    fn keys_from(&self, cursor: &mut Cursor, most: usize, waits: bool) -> Result<Vec<Key>, Halt> {
        if let Some(error) = cursor.failed.take() {
            return Err(error.into());
        }
        let most = most.max(1);
        let mut looks = if waits { usize::MAX } else { LOOKS };
        let mut page = Vec::with_capacity(most.min(usize::try_from(self.len()).unwrap_or(most)));
        loop {
            let keys = match &mut cursor.keys {
                Some(keys) => keys,
                None if cursor.shard == SHARDS => return Ok(page),
                None => {
                    let keys = self.keys_of(cursor.shard, std::mem::take(&mut cursor.buffer));
                    cursor.shard += 1;
                    cursor.keys.insert(keys)
                }
            };
            keys.waits(waits);
            let prefix = cursor.prefix.as_deref();
            let took = keys.each(|bytes| {
                looks -= 1;
                if let Some(prefix) = prefix
                    && !text(bytes).is_some_and(|text| text.starts_with(prefix.as_bytes()))
                {
                    return Ok(Enough(looks == 0));
                }
                // These are bytes that a key gave, in memory or under a checksum.
                // Two calls, so that a short key is made where it is to stand and not moved there.
                match bytes.len() {
                    ..=SHORT => page.push(Key::from_stored(bytes)),
                    _ => page.push(long(bytes)),
                }
                Ok(Enough(page.len() == most || looks == 0))
            });
            match took {
                Ok(true) => return Ok(page),
                Ok(false) => cursor.buffer = cursor.keys.take().map_or_else(Vec::new, ShardKeys::into_buffer),
                Err(error) if page.is_empty() => return Err(error),
                Err(Halt::Waits) => return Ok(page),
                Err(Halt::Failed(error)) => {
                    cursor.failed = Some(error);
                    return Ok(page);
                }
            }
        }
    }

    /// The keys of a shard at this moment.
    pub(super) fn keys_of(&self, number: usize, buffer: Vec<u8>) -> ShardKeys {
        let (checkpoint, recent) = {
            let shard = read(&self.shards[number]);
            (shard.checkpoint.clone(), shard.recent.clone())
        };
        ShardKeys::new(number, checkpoint, recent, buffer)
    }
}

#[cold]
fn long(bytes: &[u8]) -> Key {
    Key::from_stored(bytes)
}

/// The text of a key that is text in deterministic encoding.
#[inline]
fn text(key: &[u8]) -> Option<&[u8]> {
    match key {
        [first @ 0x60..=0x77, text @ ..] if usize::from(first - 0x60) == text.len() => Some(text),
        [0x78, len, text @ ..] if *len >= 24 && usize::from(*len) == text.len() => Some(text),
        [0x79, one, two, text @ ..]
            if *one > 0 && (usize::from(*one) << 8 | usize::from(*two)) == text.len() =>
        {
            Some(text)
        }
        _ => None,
    }
}
