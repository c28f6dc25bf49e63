//! One round of updates: reads a record once, applies every request to the value that the one before
//! it left, and commits the last value with one conditional write. If another process won, all run
//! again.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::channel::oneshot;

use super::combine::Answer;
use super::{Records, broken_promise, verify, wrong_kind};
use crate::backend::{Backend, Expect, Part, Removed, Version, Written};
use crate::document::Document;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::limits;
use crate::meta::{Kind, Meta, MetaUpdate};
use crate::record::{Head, Record};
use crate::store::{Change, UpdateFn};

/// What a caller wants done.
pub(super) enum Todo {
    /// Change what stands at this path.
    Update(Vec<Key>, UpdateFn),
    /// Replace the whole.
    Replace(Document),
    /// Remove the whole.
    Remove,
}

/// What a caller wants done, and where to tell the outcome.
pub(super) struct Request {
    todo: Todo,
    meta: MetaUpdate,
    answer: oneshot::Sender<Answer<Outcome>>,
}

/// What became of a request: the values at its path before and after it.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) old: Option<Document>,
    pub(super) new: Option<Document>,
    pub(super) changed: bool,
    /// The revision after it, if an entry is there.
    pub(super) rev: Option<u64>,
}

impl Request {
    pub(super) fn new(todo: Todo, meta: MetaUpdate) -> (Request, oneshot::Receiver<Answer<Outcome>>) {
        let (answer, receiver) = oneshot::channel();
        (Request { todo, meta, answer }, receiver)
    }
}

/// A state of an entry, and the condition that holds as long as it is the present one.
#[derive(Clone, Debug)]
pub(super) struct Base {
    /// In a box, so that the future of a round is small: it is allocated and moved.
    entry: Option<Box<Entry>>,
    version: Option<Version>,
}

#[derive(Clone, Debug)]
struct Entry {
    meta: Meta,
    /// `None` if it is no document.
    document: Option<Document>,
}

impl Base {
    fn expect(&self) -> Expect {
        self.version.clone().map_or(Expect::Absent, Expect::Version)
    }

    /// Its version and meta, if something is there.
    fn state(&self) -> Option<(&Version, &Meta)> {
        Some((self.version.as_ref()?, &self.entry.as_ref()?.meta))
    }

    /// About how much memory it takes, in bytes.
    pub(super) fn weight(&self) -> usize {
        const SELF: usize = size_of::<Base>() + size_of::<Entry>() + 2 * size_of::<Key>();
        let Some(entry) = &self.entry else { return SELF };
        let user: usize = entry
            .meta
            .user
            .iter()
            .map(|(key, document)| key.as_cbor().len() + document.as_cbor().len())
            .sum();
        let document = entry.document.as_ref().map_or(0, |document| document.as_cbor().len());
        SELF + entry.meta.key.as_cbor().len() + user + document
    }
}

impl<B: Backend> Records<B> {
    /// Performs a round and answers all of its requests.
    pub(super) async fn commit(&self, key: &Key, mut batch: Vec<Request>) {
        batch.retain(|request| !request.answer.is_canceled());
        if batch.is_empty() {
            return;
        }
        let mut base = self.0.remembered.guess(key);
        let mut attempt = 0;
        loop {
            attempt += 1;
            // A remembered state may only ever lead to a conditional write, never to an answer.
            let guessed = base.is_some();
            let (start, waited) = match base.take() {
                Some(guess) => (guess, true),
                None => match self.present(key).await {
                    Ok(read) => read,
                    Err(error) => return refuse(batch, &error),
                },
            };
            let mut state = start.entry.clone();
            let results: Vec<_> =
                batch.iter_mut().map(|request| self.apply(key, &mut state, request)).collect();
            let changed = results.iter().any(|result| matches!(result, Ok(Ok(outcome)) if outcome.changed));
            if !changed {
                match guessed {
                    true => continue,
                    false => return answer(batch, results),
                }
            }
            self.0.remembered.forget(key);
            let committed = self.write(key, start.expect(), state).await;
            if guessed && let Ok(written) = &committed {
                self.0.remembered.judge(written.is_some());
            }
            match committed {
                Ok(Some(written)) => {
                    self.seen(key, written.state());
                    if waited {
                        self.0.remembered.keep(key, written);
                    }
                    return answer(batch, results);
                }
                Ok(None) if attempt >= limits::WRITE_ATTEMPTS => {
                    let message = format!("other writers changed the entry {attempt} times in between");
                    return refuse(batch, &Error::new(ErrorKind::Conflict, message));
                }
                Ok(None) => self.back_off(attempt).await,
                Err(error) => return refuse(batch, &error),
            }
        }
    }

    /// The present state, and whether reading it took waiting.
    async fn present(&self, key: &Key) -> Result<(Base, bool)> {
        let reply = self.0.backend.read(key, Part::All);
        let waited = !reply.is_ready();
        let Some(stored) = reply.await? else {
            return Ok((Base { entry: None, version: None }, waited));
        };
        verify::is_of(&stored, key)?;
        let version = Some(stored.version.clone());
        let meta = stored.head.meta()?;
        let document = match meta.kind {
            Kind::Document => Some(verify::document(stored).await?),
            _ => None,
        };
        Ok((Base { entry: Some(Box::new(Entry { meta, document })), version }, waited))
    }

    /// Stores the state if the expectation holds: `None` if it does not.
    async fn write(&self, key: &Key, expect: Expect, state: Option<Box<Entry>>) -> Result<Option<Base>> {
        let Some(mut entry) = state else {
            if expect == Expect::Absent {
                // Made and removed again within one round: still absent, if nobody else came.
                return match self.0.backend.read(key, Part::Head).await? {
                    None => Ok(Some(Base { entry: None, version: None })),
                    Some(_) => Ok(None),
                };
            }
            return match self.0.backend.remove(key, expect).await? {
                Removed::Done => Ok(Some(Base { entry: None, version: None })),
                Removed::Absent | Removed::Unmet => Ok(None),
            };
        };
        let Some(document) = &entry.document else {
            return Err(broken_promise("changed the kind of an entry"));
        };
        let record = Record::new(&entry.meta, document.as_cbor().clone())?;
        entry.meta.size = record.head().size();
        entry.meta.sums = record.head().sums();
        match self.0.backend.write(key, record, expect).await? {
            Written::Done(version) => Ok(Some(Base { entry: Some(entry), version: Some(version) })),
            Written::Unmet => Ok(None),
        }
    }

    /// Applies one request to the state. A request that fails leaves it as it was.
    fn apply(&self, key: &Key, state: &mut Option<Box<Entry>>, request: &mut Request) -> Answer<Outcome> {
        let next = catch_unwind(AssertUnwindSafe(|| next(state.as_deref(), &mut request.todo)))?;
        Ok(next.and_then(|next| {
            let (old, new) = (next.old, next.new);
            let replaced = match next.document {
                Next::Same => {
                    let rev = state.as_ref().map(|entry| entry.meta.rev);
                    return Ok(Outcome { old, new, changed: false, rev });
                }
                Next::Gone => None,
                Next::Is(document) => Some(Box::new(self.entry(key, state.as_deref(), document, request)?)),
            };
            let rev = replaced.as_ref().map(|entry| entry.meta.rev);
            *state = replaced;
            Ok(Outcome { old, new, changed: true, rev })
        }))
    }

    /// The entry with this document: with the meta it had, or, if it is replaced whole, a fresh one.
    fn entry(
        &self,
        key: &Key,
        before: Option<&Entry>,
        document: Document,
        request: &Request,
    ) -> Result<Entry> {
        let stamp = self.stamp(before.map_or_else(Default::default, |entry| entry.meta.last_write));
        let mut meta = Meta::new(key.clone(), Kind::Document, stamp);
        if let Some(before) = before {
            meta.rev = before.meta.rev.saturating_add(1);
            if !matches!(request.todo, Todo::Replace(_)) {
                meta.user = before.meta.user.clone();
            }
        }
        if !request.meta.is_empty() {
            meta.apply(&request.meta);
            // So that a meta that is too large fails its own request, not the round.
            Head::new(&meta)?;
        }
        Ok(Entry { meta, document: Some(document) })
    }
}

/// What a request makes of a state.
struct Step {
    old: Option<Document>,
    new: Option<Document>,
    document: Next,
}

enum Next {
    Same,
    Gone,
    Is(Document),
}

fn next(state: Option<&Entry>, todo: &mut Todo) -> Result<Step> {
    let (segments, update) = match todo {
        Todo::Replace(document) => {
            let document = document.clone();
            return Ok(Step { old: None, new: Some(document.clone()), document: Next::Is(document) });
        }
        Todo::Remove => {
            let document = if state.is_some() { Next::Gone } else { Next::Same };
            return Ok(Step { old: None, new: None, document });
        }
        Todo::Update(segments, update) => (segments, update),
    };
    let document = match state {
        None => None,
        Some(Entry { document: Some(document), .. }) => Some(document),
        Some(entry) => return Err(wrong_kind(entry.meta.kind)),
    };
    let spot = document.map(|document| document.spot(segments)).transpose()?;
    let old = spot.as_ref().and_then(|spot| spot.get());
    match update(old.clone())? {
        Change::Keep => Ok(Step { new: old.clone(), old, document: Next::Same }),
        Change::Set(value) => {
            let whole = match &spot {
                Some(spot) => spot.set(&value)?,
                None => Document::nested(segments, &value)?,
            };
            Ok(Step { old, new: Some(value), document: Next::Is(whole) })
        }
        Change::Remove => {
            let left = match document {
                None => Next::Same,
                Some(_) if segments.is_empty() => Next::Gone,
                Some(document) => document.dissoc_in(segments)?.map_or(Next::Same, Next::Is),
            };
            Ok(Step { old, new: None, document: left })
        }
    }
}

fn answer(batch: Vec<Request>, results: Vec<Answer<Outcome>>) {
    for (request, result) in batch.into_iter().zip(results) {
        _ = request.answer.send(result);
    }
}

/// Nothing was committed: every request of the round is told why.
fn refuse(batch: Vec<Request>, error: &Error) {
    for request in batch {
        _ = request.answer.send(Ok(Err(error.clone())));
    }
}
