//! A change of one record on its way to the commit thread, and what a group of changes of one key
//! comes to.

use std::sync::Arc;

use bytes::Bytes;
use larder::io::EntryKind;
use larder::{Error, Expect, Head, Key, Removed, Responder, Result, Version, Written};

use crate::failure;
use crate::layout::Place;
use crate::read;
use crate::replaced::Kept;
use crate::shared::Shared;
use crate::temp::Temp;

/// A conditional write or removal.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) key: Key,
    pub(crate) place: Place,
    pub(crate) expect: Expect,
    pub(crate) action: Action,
}

/// What to do, and whom to tell.
#[derive(Debug)]
pub(crate) enum Action {
    Write { head: Head, body: Body, answer: Responder<Written> },
    Remove { answer: Responder<Removed> },
}

/// The data of a write.
#[derive(Debug)]
pub(crate) enum Body {
    Bytes(Bytes),
    /// Head and data are in a temporary file already.
    Temp(Arc<Temp>),
}

/// What becomes of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It happens.
    Done,
    /// There is nothing to remove.
    Absent,
    /// The expectation does not hold.
    Unmet,
}

impl Change {
    /// Answers with an outcome.
    pub(crate) fn succeed(self, outcome: Outcome) {
        match self.action {
            Action::Write { head, body, answer } => {
                // Whoever is told finds no temporary file any more.
                drop(body);
                answer.answer(Ok(match outcome {
                    Outcome::Done => Written::Done(Version::of(&head)),
                    Outcome::Absent | Outcome::Unmet => Written::Unmet,
                }));
            }
            Action::Remove { answer } => answer.answer(Ok(match outcome {
                Outcome::Done => Removed::Done,
                Outcome::Absent => Removed::Absent,
                Outcome::Unmet => Removed::Unmet,
            })),
        }
    }

    /// Answers with an error.
    pub(crate) fn fail(self, error: Error) {
        let error = error.in_backend(failure::NAME).at_key(&self.key);
        match self.action {
            Action::Write { body, answer, .. } => {
                drop(body);
                answer.answer(Err(error));
            }
            Action::Remove { answer } => answer.answer(Err(error)),
        }
    }
}

/// What is known of the record under a key.
#[derive(Debug)]
enum State {
    Absent,
    /// There is one; nobody has asked which.
    Present,
    At(Version),
}

/// The changes of one key that one round takes together, in the order in which they arrived: each is
/// judged by the state that those before it leave, and only the last that happens is carried out.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) place: Place,
    changes: Vec<(Change, Result<Outcome>)>,
    /// The state after the changes so far, as far as anyone has asked.
    state: Option<State>,
    /// Whether there is a file in the place, if anyone has looked.
    is_there: Option<bool>,
    /// That file, if it was opened.
    old: Option<Kept>,
    /// The last change that happens.
    last: Option<usize>,
}

impl Group {
    pub(crate) fn new(place: Place) -> Group {
        Group { place, changes: Vec::new(), state: None, is_there: None, old: None, last: None }
    }

    /// Judges a change and adds it.
    pub(crate) fn push(&mut self, shared: &Shared, change: Change) {
        let outcome = self.judge(shared, &change);
        if matches!(outcome, Ok(Outcome::Done)) {
            self.state = Some(match &change.action {
                Action::Write { head, .. } => State::At(Version::of(head)),
                Action::Remove { .. } => State::Absent,
            });
            self.last = Some(self.changes.len());
        }
        self.changes.push((change, outcome));
    }

    fn judge(&mut self, shared: &Shared, change: &Change) -> Result<Outcome> {
        let removing = matches!(change.action, Action::Remove { .. });
        let met = match &change.expect {
            Expect::Any if !removing => true,
            Expect::Any => return Ok(if self.is_absent(shared)? { Outcome::Absent } else { Outcome::Done }),
            Expect::Absent => {
                let absent = self.is_absent(shared)?;
                if absent && removing {
                    return Ok(Outcome::Absent);
                }
                absent
            }
            Expect::Version(version) => self.version(shared, &change.key)? == Some(version),
        };
        Ok(if met { Outcome::Done } else { Outcome::Unmet })
    }

    fn is_absent(&mut self, shared: &Shared) -> Result<bool> {
        if self.state.is_none() {
            let path = &self.place.path;
            let entry =
                shared.disk.entry(path).map_err(|cause| failure::disk("cannot look at", path, cause))?;
            self.is_there = Some(entry.is_some());
            self.state = Some(match entry {
                None => State::Absent,
                Some(EntryKind::File) => State::Present,
                Some(_) => return Err(failure::corrupt(path, "this is no file; move it away")),
            });
        }
        Ok(matches!(self.state, Some(State::Absent)))
    }

    fn version(&mut self, shared: &Shared, key: &Key) -> Result<Option<&Version>> {
        if matches!(self.state, None | Some(State::Present)) {
            let found = read::head(shared, &self.place.path, Some(key))?;
            self.is_there = Some(found.is_some());
            self.state = Some(match found {
                None => State::Absent,
                Some((head, file)) => {
                    self.old = shared.replaced.keep(file, head.size().unwrap_or_default());
                    State::At(Version::of(&head))
                }
            });
        }
        Ok(match &self.state {
            Some(State::At(version)) => Some(version),
            _ => None,
        })
    }

    /// The change to carry out.
    pub(crate) fn effect(&self) -> Option<&Action> {
        self.last.map(|last| &self.changes[last].0.action)
    }

    /// The file that is in the place, kept open; `None` if there is none, or if it had better not be kept.
    pub(crate) fn old(&mut self, shared: &Shared) -> Option<Kept> {
        match self.is_there {
            Some(false) => None,
            _ => self.old.take().or_else(|| shared.replaced.open(&*shared.disk, &self.place.path)),
        }
    }

    /// Answers all, once the effect is done.
    pub(crate) fn succeed(self) {
        for (change, outcome) in self.changes {
            match outcome {
                Ok(outcome) => change.succeed(outcome),
                Err(error) => change.fail(error),
            }
        }
    }

    /// The effect could not be carried out and nothing has changed: that change fails, and the others,
    /// which were judged as if it happened, are to be judged again.
    pub(crate) fn fail_effect(self, error: Error) -> Vec<Change> {
        let mut again = Vec::new();
        for (at, (change, _)) in self.changes.into_iter().enumerate() {
            if Some(at) == self.last {
                change.fail(error.clone());
            } else {
                again.push(change);
            }
        }
        again
    }

    /// Nobody knows how the effect ended: all fail that it decides.
    pub(crate) fn fail(self, error: &Error) {
        if self.last.is_none() {
            return self.succeed();
        }
        for (change, _) in self.changes {
            change.fail(error.clone());
        }
    }
}
