//! [`Recorded`]: a store that records what its user sees of it.

mod extras;
mod store;
mod streams;

use std::borrow::Cow;
use std::sync::Arc;

use larder::{Error, ErrorKind, Result};

use super::answer::Answer;
use super::operation::Outcome;
use super::recorder::Client;

/// A store, as one client of a [`Recorder`](super::Recorder) uses it. Every call is recorded with what the
/// caller was told; nothing else is changed.
///
/// A stream ends its operation when it is read to its end, so the operation lasts as long as the stream. One that
/// is dropped before says nothing about what it did not deliver.
#[derive(Debug)]
pub struct Recorded<S: ?Sized> {
    client: Client,
    store: Arc<S>,
}

impl<S: ?Sized> Recorded<S> {
    pub(super) fn new(client: Client, store: Arc<S>) -> Recorded<S> {
        Recorded { client, store }
    }

    /// The store beneath.
    pub fn inner(&self) -> &S {
        &self.store
    }

    /// The number of the client.
    pub fn client(&self) -> u64 {
        self.client.id()
    }
}

/// The outcome of a call that only reads: an error of it changed nothing.
fn read_outcome<T>(result: &Result<T>, answer: impl FnOnce(&T) -> Answer) -> Outcome {
    match result {
        Ok(value) => Outcome::Ok(answer(value)),
        Err(error) => refused(error).unwrap_or_else(|| Outcome::Failed(line(error))),
    }
}

/// The outcome of a call that writes. Its error says itself whether it may have happened all the same.
fn write_outcome<T>(result: &Result<T>, answer: impl FnOnce(&T) -> Answer) -> Outcome {
    match result {
        Err(error) if error.is_ambiguous() => Outcome::Unknown(line(error)),
        _ => read_outcome(result, answer),
    }
}

/// What the error says about the state, if it does: that is an observation like any other.
fn refused(error: &Error) -> Option<Outcome> {
    match error.kind() {
        ErrorKind::WrongKind => Some(Outcome::Ok(Answer::WrongKind)),
        ErrorKind::InvalidPath => Some(Outcome::Ok(Answer::InvalidPath)),
        _ => None,
    }
}

fn line(error: &Error) -> Cow<'static, str> {
    Cow::Owned(error.to_string())
}
