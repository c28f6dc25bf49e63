//! What the writer is asked to do.

use larder::{Batch, Bytes, Error, Expect, Head, Key, Removed, Responder, Written};

use crate::blob::Blob;
use crate::frame::BlobRef;
use crate::head::AtRest;
use crate::place::Place;
use crate::usage::Usage;

/// What the writer does.
#[derive(Debug)]
pub(crate) enum Job {
    Change(Change),
    /// All of these, or none.
    Batch(Vec<(Key, Expect, Option<Entry>)>, Responder<Batch>),
    /// Answer when everything before is on stable storage.
    Sync(Responder<()>),
    /// Reclaim what dead bytes there are.
    Compact(Responder<()>),
    /// Tell how much of the log is alive, and where it ends.
    Usage(Responder<(Usage, Place)>),
    /// Go on with what is done in the background.
    Step,
    /// Finish, and let go.
    Close(Responder<()>),
}

impl Job {
    /// Answers that it was not done.
    pub(crate) fn fail(self, error: Error) {
        match self {
            Job::Change(Change { action: Action::Write { answer, .. }, .. }) => answer.answer(Err(error)),
            Job::Change(Change { action: Action::Remove { answer }, .. }) => answer.answer(Err(error)),
            Job::Batch(_, answer) => answer.answer(Err(error)),
            Job::Sync(answer) | Job::Compact(answer) | Job::Close(answer) => answer.answer(Err(error)),
            Job::Usage(answer) => answer.answer(Err(error)),
            Job::Step => {}
        }
    }
}

/// A conditional change of one key.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) key: Key,
    pub(crate) expect: Expect,
    pub(crate) action: Action,
}

#[derive(Debug)]
pub(crate) enum Action {
    Write { entry: Entry, answer: Responder<Written> },
    Remove { answer: Responder<Removed> },
}

/// A record to be written.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) head: AtRest,
    pub(crate) body: Body,
}

impl Entry {
    /// Made by the caller, so that the writer need not free what the caller allocated: two threads that share an
    /// allocator's arena wait for each other.
    pub(crate) fn new(head: Head, body: Body) -> Entry {
        let head = match body {
            Body::Bytes(_) => AtRest::of(head),
            // The frame does not know how long the data is.
            Body::Blob(_) => AtRest::Full(head),
        };
        Entry { head, body }
    }
}

/// Where the data of a record is.
#[derive(Debug)]
pub(crate) enum Body {
    Bytes(Bytes),
    Blob(Blob),
}

impl Body {
    pub(crate) fn blob(&self) -> Option<BlobRef> {
        match self {
            Body::Bytes(_) => None,
            Body::Blob(blob) => Some(blob.name()),
        }
    }
}
