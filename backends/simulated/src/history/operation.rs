//! [`Operation`]: one call, with its place in the order of all invocations and returns.

use std::borrow::Cow;

use super::Nanos;
use super::answer::Answer;
use super::call::Call;

/// One call, and what came of it.
///
/// `invoked`, `returned` and `effect` are places in one total order that all clients share: the recorder
/// draws them from a single counter, before the call is made and after its answer is there. Times are for
/// pictures; nothing is decided by them.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Who called.
    pub client: u64,
    /// The how-manieth call of this client, from 0.
    pub number: u64,
    /// What was asked.
    pub call: Call,
    /// What came of it.
    pub outcome: Outcome,
    /// The place of the invocation.
    pub invoked: u64,
    /// The place of the return; `None` if it never came back.
    pub returned: Option<u64>,
    /// The place where it took effect, if the one who recorded it knows. A hint: it is never trusted
    /// without a check.
    pub effect: Option<u64>,
    /// When it was invoked, in nanoseconds since the run began.
    pub began: Nanos,
    /// When it came back, in nanoseconds since the run began.
    pub ended: Option<Nanos>,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It happened, and this is what the caller saw.
    Ok(Answer),
    /// It failed, and has not happened. Why.
    Failed(Cow<'static, str>),
    /// It may have happened, or may yet happen. Why that is not known.
    Unknown(Cow<'static, str>),
}

impl Operation {
    /// An operation that was invoked and of which nothing more is known yet.
    pub fn new(client: u64, call: Call, invoked: u64) -> Operation {
        Operation {
            client,
            number: 0,
            call,
            outcome: Outcome::Unknown(Cow::Borrowed("it never came back")),
            invoked,
            returned: None,
            effect: None,
            began: invoked,
            ended: None,
        }
    }

    /// The same operation, come back here with this outcome.
    #[must_use]
    pub fn returning(mut self, returned: u64, outcome: Outcome) -> Operation {
        (self.returned, self.ended) = (Some(returned), Some(returned));
        self.outcome = outcome;
        self
    }

    /// The same operation, known to have taken effect here.
    #[must_use]
    pub fn taking_effect(mut self, effect: u64) -> Operation {
        self.effect = Some(effect);
        self
    }

    /// The one key that it is about; `None` for listings and for several keys.
    pub fn key(&self) -> Option<&larder::Key> {
        self.call.key()
    }

    /// What it came back with, if it is known to have happened.
    pub fn answer(&self) -> Option<&Answer> {
        match &self.outcome {
            Outcome::Ok(answer) => Some(answer),
            Outcome::Failed(_) | Outcome::Unknown(_) => None,
        }
    }

    /// Whether it is known not to have happened.
    pub fn has_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(_))
    }

    /// Whether it may or may not have happened.
    pub fn is_unknown(&self) -> bool {
        matches!(self.outcome, Outcome::Unknown(_))
    }

    /// Whether it was under way at some moment at which `other` was, as far as is known.
    pub fn overlaps(&self, other: &Operation) -> bool {
        let before = |one: &Operation, two: &Operation| {
            !one.is_unknown() && one.returned.is_some_and(|returned| returned < two.invoked)
        };
        !before(self, other) && !before(other, self)
    }
}
