//! Replacing and removing whole entries without looking at the value that is there: only at the head, whose
//! revision and time the new one continues; and over a network not even at that, if a guess is right.

use bytes::Bytes;

use super::glance::{Guess, Seen};
use super::{Records, broken_promise};
use crate::backend::{Backend, Expect, Part, Removed, Version, Written};
use crate::clock::Timestamp;
use crate::error::{ErrorKind, Result};
use crate::key::Key;
use crate::limits;
use crate::meta::{Kind, Meta, MetaUpdate};
use crate::record::{Data, Head, Record};
use crate::store::Source;

/// What a new meta continues: zeros where nothing was.
#[derive(Default)]
pub(super) struct Before {
    rev: u64,
    last_write: Timestamp,
}

impl From<Option<&Head>> for Before {
    fn from(head: Option<&Head>) -> Before {
        head.map_or_else(Before::default, |head| Before { rev: head.rev(), last_write: head.last_write() })
    }
}

impl From<&Guess> for Before {
    fn from(guess: &Guess) -> Before {
        match guess {
            Guess::Same(glance) => Before { rev: glance.rev, last_write: glance.last_write },
            Guess::Absent => Before::default(),
        }
    }
}

impl<B: Backend> Records<B> {
    /// The head that a blind write is about to replace. A damaged one is as good as none: the write
    /// replaces it.
    pub(super) async fn replaced(&self, key: &Key) -> Result<Option<Head>> {
        match self.read(key, Part::Head).await {
            Ok(stored) => Ok(stored.map(|stored| stored.head)),
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The meta of an entry that replaces another, or nothing.
    pub(super) fn fresh_meta(
        &self,
        key: &Key,
        kind: Kind,
        before: impl Into<Before>,
        update: &MetaUpdate,
    ) -> Meta {
        let Before { rev, last_write } = before.into();
        let mut meta = Meta::new(key.clone(), kind, self.stamp(last_write));
        meta.rev = rev.saturating_add(1);
        meta.apply(update);
        meta
    }

    /// Replaces the whole entry without looking at its value; answers with the new revision.
    pub(super) async fn replace(
        &self,
        key: &Key,
        kind: Kind,
        source: Source,
        update: &MetaUpdate,
    ) -> Result<u64> {
        if let (Some(seen), Data::Bytes(bytes)) = (&self.0.seen, &source.0)
            && bytes.len() <= limits::GUESSED_BYTES
            && let Some(rev) = self.replace_on_a_guess(seen, key, kind, bytes, update).await?
        {
            return Ok(rev);
        }
        let before = self.replaced(key).await?;
        let meta = self.fresh_meta(key, kind, before.as_ref(), update);
        let record = match source.0 {
            Data::Bytes(bytes) => Record::new(&meta, bytes)?,
            Data::None => Record::new(&meta, Default::default())?,
            Data::Stream(stream) => Record::streamed(&meta, stream)?,
        };
        let log = self.log_of(before.as_ref()).await?;
        self.0.remembered.forget(key);
        match self.0.backend.write(key, record, Expect::Any).await? {
            Written::Done(version) => self.seen(key, Some((&version, &meta))),
            Written::Unmet => return Err(broken_promise("refused an unconditional write")),
        }
        if let Some(log) = log {
            self.discard_log(&log).await;
        }
        Ok(meta.rev)
    }

    /// Replaces the whole entry in one trip, if it is what is guessed: `None` if it is not. What is
    /// guessed is never a log, so there are no chunks to be discarded.
    async fn replace_on_a_guess(
        &self,
        seen: &Seen,
        key: &Key,
        kind: Kind,
        bytes: &Bytes,
        update: &MetaUpdate,
    ) -> Result<Option<u64>> {
        let Some(guess) = seen.guess(key) else { return Ok(None) };
        let meta = self.fresh_meta(key, kind, &guess, update);
        let record = Record::new(&meta, bytes.clone())?;
        self.0.remembered.forget(key);
        let written = self.0.backend.write(key, record, guess.expect()).await?;
        seen.judge(key, &guess, written != Written::Unmet);
        match written {
            Written::Done(version) => {
                self.seen(key, Some((&version, &meta)));
                Ok(Some(meta.rev))
            }
            Written::Unmet => Ok(None),
        }
    }

    /// Takes note of what was just written, or that nothing is known.
    pub(super) fn seen(&self, key: &Key, state: Option<(&Version, &Meta)>) {
        match (&self.0.seen, state) {
            (Some(seen), Some((version, meta))) => seen.keep(key, version, meta),
            (Some(seen), None) => seen.forget(key),
            (None, _) => {}
        }
    }

    /// Removes the entry in one trip, if it is as it was last seen: `false` if it is not.
    pub(super) async fn remove_on_a_guess(&self, key: &Key) -> Result<bool> {
        let Some(seen) = &self.0.seen else { return Ok(false) };
        let Some(guess @ Guess::Same(_)) = seen.guess(key) else { return Ok(false) };
        self.0.remembered.forget(key);
        // Either way it is no longer what was seen.
        seen.forget(key);
        Ok(self.0.backend.remove(key, guess.expect()).await? == Removed::Done)
    }
}
