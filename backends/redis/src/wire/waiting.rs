//! Who waits for which answers.

use std::time::Duration;

use futures::channel::oneshot;
use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};

/// Where an answer goes.
pub(super) type Sender = oneshot::Sender<RedisResult<Value>>;

/// Somebody who has asked.
pub(super) struct Asker {
    /// Until his time is over.
    pub(super) sender: Option<Sender>,
    /// When that is, if he does not see to it himself.
    pub(super) due: Option<Duration>,
}

impl Asker {
    pub(super) fn new(sender: Sender, due: Option<Duration>) -> Asker {
        Asker { sender: Some(sender), due }
    }

    pub(super) fn is_gone(&self) -> bool {
        self.sender.as_ref().is_none_or(oneshot::Sender::is_canceled)
    }
}

/// One whose commands are answered next, or several whose questions were made one command.
pub(super) struct Waiting {
    /// How many answers are still to come.
    left: usize,
    /// Those that are there, if there are to be several.
    gathered: Option<Vec<Value>>,
    who: Who,
}

enum Who {
    One(Asker),
    /// Each has an element of the answer.
    Joined(Vec<Asker>),
}

impl Waiting {
    /// Waits for the answers to so many commands, at least one.
    pub(super) fn new(asker: Asker, commands: usize) -> Waiting {
        let gathered = (commands > 1).then(|| Vec::with_capacity(commands));
        Waiting { left: commands, gathered, who: Who::One(asker) }
    }

    /// These wait for the answer to one command.
    pub(super) fn joined(askers: Vec<Asker>) -> Waiting {
        Waiting { left: 1, gathered: None, who: Who::Joined(askers) }
    }

    pub(super) fn askers(&mut self) -> &mut [Asker] {
        match &mut self.who {
            Who::One(asker) => std::slice::from_mut(asker),
            Who::Joined(askers) => askers,
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        match &self.who {
            Who::One(asker) => asker.is_gone(),
            Who::Joined(askers) => askers.iter().all(Asker::is_gone),
        }
    }

    /// Takes in the answer to one command: all that there is to say, if no more are to come.
    pub(super) fn add(&mut self, value: Value) -> Option<Value> {
        self.left -= 1;
        match &mut self.gathered {
            None => Some(value),
            Some(gathered) => {
                gathered.push(value);
                (self.left == 0).then(|| Value::Array(std::mem::take(gathered)))
            }
        }
    }

    /// Says it to those who still wait. Tells whether those who have joined got what they asked for.
    pub(super) fn answer(self, value: Value, to: &mut Vec<(Sender, RedisResult<Value>)>) -> bool {
        match (self.who, value) {
            (Who::One(asker), value) => to.extend(asker.sender.map(|sender| (sender, Ok(value)))),
            (Who::Joined(askers), Value::Array(values)) if values.len() == askers.len() => {
                let answered = askers.into_iter().zip(values);
                to.extend(answered.filter_map(|(asker, value)| Some((asker.sender?, Ok(value)))));
            }
            // Whatever is the matter, each hears it by itself when it has sent its own script.
            (Who::Joined(askers), _) => {
                to.extend(askers.into_iter().filter_map(|asker| Some((asker.sender?, Err(alone())))));
                return false;
            }
        }
        true
    }

    /// Nobody will be answered.
    pub(super) fn into_senders(self) -> impl Iterator<Item = Sender> {
        let askers = match self.who {
            Who::One(asker) => vec![asker],
            Who::Joined(askers) => askers,
        };
        askers.into_iter().filter_map(|asker| asker.sender)
    }
}

fn alone() -> RedisError {
    let kind = ErrorKind::Server(ServerErrorKind::NoScript);
    RedisError::from((kind, "the script for several was refused: send the one for one"))
}
