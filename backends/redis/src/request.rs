//! What is sent to a server, and what comes back.

use redis::{Cmd, Pipeline, Value};

/// Whether a command changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Read,
    /// It may be sent again: the script tells whether it was carried out before.
    Write,
}

/// What is sent. All of its keys are in one slot.
pub(crate) enum Request {
    One(Cmd),
    Many(Pipeline),
}

impl Request {
    /// The commands, in order.
    pub(crate) fn commands(&self) -> Vec<&Cmd> {
        match self {
            Request::One(cmd) => vec![cmd],
            Request::Many(pipeline) => pipeline.cmd_iter().collect(),
        }
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) value: Value,
    /// Whether it was sent before, and that answer lost.
    pub(crate) repeated: bool,
    /// On which connection it came.
    pub(crate) epoch: u64,
}
