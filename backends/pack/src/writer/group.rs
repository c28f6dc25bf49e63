//! A group of changes: judged one after the other, written together, answered together.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use larder::io::Halt;
use larder::{Batch, Error, Expect, Key, Removed, Responder, Result, Version, Written};

use super::Writer;
use crate::change::{Action, Body, Change, Entry, Job};
use crate::failure;
use crate::frame::{self, BlobRef, Header, Kind};
use crate::index::{self, Location};
use crate::lookup::{How, look_up};
use crate::place::Place;

/// How much of a frame is read to see whose it is.
const FIRST: usize = 512;

/// What stands under a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Current {
    pub(super) location: Location,
    /// The frame's length, in bytes.
    pub(super) len: u64,
    seq: u64,
    pub(super) blob: Option<u64>,
}

impl Current {
    /// Where a frame was appended.
    pub(super) fn new(place: Place, header: &Header, blob: Option<BlobRef>) -> Result<Current> {
        let len = header.frame_len();
        let location = Location::new(place.segment, place.offset, len)?;
        Ok(Current { location, len, seq: header.seq, blob: blob.map(|blob| blob.id) })
    }
}

/// A key that the group changes.
#[derive(Debug)]
struct Touched {
    key: Key,
    hash: u64,
    /// What stands there as readers see it, and what will.
    before: Option<Current>,
    now: Option<Current>,
}

/// The changes of a group.
#[derive(Debug, Default)]
pub(super) struct Group {
    touched: Vec<Touched>,
    known: HashMap<Key, usize, RandomState>,
    answers: Vec<Answer>,
    /// Blobs that frames of this group name.
    blobs: Vec<crate::blob::Blob>,
    /// Blobs that were named within this group only.
    superseded: Vec<u64>,
    /// Bytes of appended frames, and those of removals among them.
    appended: u64,
    removals: u64,
}

/// What is told once the group is durable.
#[derive(Debug)]
enum Answer {
    Written(Responder<Written>, Written),
    Removed(Responder<Removed>, Removed),
    Batch(Responder<Batch>, Batch),
}

impl Answer {
    fn give(self) {
        match self {
            Answer::Written(answer, written) => answer.answer(Ok(written)),
            Answer::Removed(answer, removed) => answer.answer(Ok(removed)),
            Answer::Batch(answer, batch) => answer.answer(Ok(batch)),
        }
    }

    fn fail(self, error: Error) {
        match self {
            Answer::Written(answer, _) => answer.answer(Err(error)),
            Answer::Removed(answer, _) => answer.answer(Err(error)),
            Answer::Batch(answer, _) => answer.answer(Err(error)),
        }
    }
}

impl Writer {
    /// Judges a change by what the changes before it will have left, and appends its frames.
    pub(super) fn judge(&mut self, group: &mut Group, job: Job) {
        if let Err(error) = self.shared.check_sound() {
            return job.fail(error);
        }
        match job {
            Job::Change(Change { key, expect, action }) => match action {
                Action::Write { entry, answer } => match self.write(group, &key, &expect, entry) {
                    Ok(written) => group.answers.push(Answer::Written(answer, written)),
                    Err(error) => answer.answer(Err(error.in_backend(failure::NAME).at_key(&key))),
                },
                Action::Remove { answer } => match self.remove(group, &key, &expect) {
                    Ok(removed) => group.answers.push(Answer::Removed(answer, removed)),
                    Err(error) => answer.answer(Err(error.in_backend(failure::NAME).at_key(&key))),
                },
            },
            Job::Batch(changes, answer) => match self.batch(group, changes) {
                Ok(batch) => group.answers.push(Answer::Batch(answer, batch)),
                Err(error) => answer.answer(Err(error)),
            },
            other => other.fail(failure::closed()),
        }
    }

    fn write(&mut self, group: &mut Group, key: &Key, expect: &Expect, entry: Entry) -> Result<Written> {
        let at = self.touch(group, key)?;
        if !is_met(expect, group.touched[at].now) {
            return Ok(Written::Unmet);
        }
        let seq = self.append_record(group, at, entry, frame::Batch::Alone)?;
        Ok(Written::Done(Version::from(seq)))
    }

    fn remove(&mut self, group: &mut Group, key: &Key, expect: &Expect) -> Result<Removed> {
        let at = self.touch(group, key)?;
        if !is_met(expect, group.touched[at].now) {
            return Ok(Removed::Unmet);
        }
        if group.touched[at].now.is_none() {
            return Ok(Removed::Absent);
        }
        self.append_removal(group, at, frame::Batch::Alone)?;
        Ok(Removed::Done)
    }

    fn batch(&mut self, group: &mut Group, changes: Vec<(Key, Expect, Option<Entry>)>) -> Result<Batch> {
        let touched = changes.iter().map(|(key, ..)| self.touch(group, key)).collect::<Result<Vec<_>>>()?;
        let mut met = changes.iter().zip(&touched);
        if !met.all(|((_, expect, _), at)| is_met(expect, group.touched[*at].now)) {
            return Ok(Batch::Unmet);
        }
        let existed: Vec<bool> = touched.iter().map(|at| group.touched[*at].now.is_some()).collect();
        // A batch stands in one piece, and is flushed as one; what fails within it fails the whole group.
        let frames = changes
            .iter()
            .zip(&existed)
            .filter(|((.., entry), existed)| entry.is_some() || **existed)
            .count();
        let mut left = frames;
        for (((_, _, entry), at), existed) in changes.into_iter().zip(touched).zip(&existed) {
            if entry.is_none() && !existed {
                continue;
            }
            left -= 1;
            let part = match (frames, left) {
                (1, _) => frame::Batch::Alone,
                (_, 0) => frame::Batch::Last,
                _ => frame::Batch::Member,
            };
            let appended = match entry {
                Some(entry) => self.append_record(group, at, entry, part).map(drop),
                None => self.append_removal(group, at, part),
            };
            if let Err(error) = appended {
                self.abandon(std::mem::take(group), &error);
                return Err(error);
            }
        }
        Ok(Batch::Done(existed))
    }

    /// The place of a key among those that the group touches.
    fn touch(&mut self, group: &mut Group, key: &Key) -> Result<usize> {
        if let Some(at) = group.known.get(key) {
            return Ok(*at);
        }
        let before = self.current(key.as_cbor())?;
        let hash = self.shared.index.hash(key.as_cbor());
        group.touched.push(Touched { key: key.clone(), hash, before, now: before });
        group.known.insert(key.clone(), group.touched.len() - 1);
        Ok(group.touched.len() - 1)
    }

    /// What stands under a key, as readers see it.
    pub(super) fn current(&self, key: &[u8]) -> Result<Option<Current>> {
        let Some(mut found) = look_up(&self.shared, key, How::Waiting, FIRST).map_err(Halt::into_error)?
        else {
            return Ok(None);
        };
        let blob = if found.header.kind == Kind::Blob {
            found.fill(found.header.payload_len(), How::Waiting).map_err(Halt::into_error)?;
            found.payload().get(found.header.head_len as usize..).and_then(BlobRef::decode)
        } else {
            None
        };
        Ok(Some(Current {
            location: found.location,
            len: found.header.frame_len(),
            seq: found.header.seq,
            blob: blob.map(|blob| blob.id),
        }))
    }

    fn append_record(
        &mut self,
        group: &mut Group,
        at: usize,
        entry: Entry,
        part: frame::Batch,
    ) -> Result<u64> {
        let log = self.log.as_mut().ok_or_else(failure::closed)?;
        let Entry { head, body } = entry;
        let seq = log.next_seq();
        let mut buffer = std::mem::take(&mut self.buffer);
        let (key, at_rest) = head.bytes(&group.touched[at].key, &mut buffer);
        let blob = body.blob();
        let reference = blob.map(BlobRef::encode);
        let (header, data) = match (&body, blob, &reference) {
            (Body::Bytes(data), ..) => (Header::record(seq, key, at_rest, data, part)?, &data[..]),
            (Body::Blob(_), Some(blob), Some(bytes)) => {
                (Header::blob(seq, key, at_rest, blob, part)?, &bytes[..])
            }
            (Body::Blob(_), ..) => return Err(failure::closed()),
        };
        let place = log.append(header, at_rest, data)?;
        self.buffer = buffer;
        let now = Current::new(place, &header, blob)?;
        log.new_seq();
        group.appended += header.frame_len();
        if let Body::Blob(blob) = body {
            group.blobs.push(blob);
        }
        group.replace(at, Some(now));
        Ok(seq)
    }

    fn append_removal(&mut self, group: &mut Group, at: usize, part: frame::Batch) -> Result<()> {
        let log = self.log.as_mut().ok_or_else(failure::closed)?;
        let key = group.touched[at].key.as_cbor();
        let header = Header::removal(log.next_seq(), key, part)?;
        log.append(header, &[], key)?;
        log.new_seq();
        group.appended += header.frame_len();
        group.removals += header.frame_len();
        group.replace(at, None);
        Ok(())
    }

    /// Writes the group, and tells readers and callers.
    pub(super) fn commit(&mut self, group: Group) {
        if group.appended > 0
            && let Err(error) = self.publish(&group)
        {
            return self.abandon(group, &error);
        }
        let Group { answers, blobs, .. } = group;
        for mut blob in blobs {
            if !self.shared.is_synced() {
                self.shared.sync_blob_later(blob.name().id);
            }
            blob.keep();
        }
        answers.into_iter().for_each(Answer::give);
    }

    fn publish(&mut self, group: &Group) -> Result<()> {
        let log = self.log.as_mut().ok_or_else(failure::closed)?;
        log.flush()?;
        if self.shared.is_synced() {
            log.fsync().map_err(Error::ambiguous)?;
        }
        let end = log.end();
        let changed = group
            .touched
            .iter()
            .filter(|touched| touched.before.map(|one| one.location) != touched.now.map(|one| one.location));
        let changes: Vec<index::Change<'_>> = changed
            .clone()
            .map(|touched| index::Change {
                hash: touched.hash,
                key: touched.key.as_cbor(),
                old: touched.before.map(|one| one.location),
                new: touched.now.map(|one| one.location),
            })
            .collect();
        self.shared.index.apply(&changes).map_err(|error| {
            // The log has it, and the index does not: only opening the store again can tell.
            self.shared.poison();
            error.ambiguous()
        })?;
        for touched in changed {
            if let Some(before) = touched.before {
                self.usage.bury(before.location.segment(), before.len);
            }
            if let Some(now) = touched.now {
                self.usage.of(now.location.segment()).live += now.len;
            }
        }
        let used = self.usage.of(end.segment);
        used.total = end.offset;
        used.removals += group.removals;
        self.appended += group.appended;
        self.record(false);
        let gone = group.touched.iter().filter_map(|touched| {
            touched
                .before
                .and_then(|before| before.blob)
                .filter(|blob| touched.now.and_then(|now| now.blob) != Some(*blob))
        });
        for blob in gone.chain(group.superseded.iter().copied()).collect::<Vec<_>>() {
            self.shared.doom(blob);
        }
        if self.shared.is_synced() {
            self.shared.reap();
        }
        Ok(())
    }

    /// Takes back a group that could not be written.
    fn abandon(&mut self, group: Group, error: &Error) {
        if let Some(log) = &mut self.log {
            log.take_back();
        }
        let Group { answers, mut blobs, .. } = group;
        if error.is_ambiguous() {
            // A frame that names them may be on the medium; opening the store will tell.
            blobs.iter_mut().for_each(crate::blob::Blob::keep);
        }
        answers.into_iter().for_each(|answer| answer.fail(error.clone()));
    }
}

impl Group {
    fn replace(&mut self, at: usize, now: Option<Current>) {
        let touched = &mut self.touched[at];
        let named_before = touched.before.and_then(|before| before.blob);
        if let Some(blob) = touched.now.and_then(|now| now.blob).filter(|blob| named_before != Some(*blob)) {
            self.superseded.push(blob);
        }
        touched.now = now;
    }
}

fn is_met(expect: &Expect, current: Option<Current>) -> bool {
    match (expect, current) {
        (Expect::Any, _) => true,
        (Expect::Absent, current) => current.is_none(),
        (Expect::Version(version), Some(current)) => *version == Version::from(current.seq),
        (Expect::Version(_), None) => false,
    }
}
