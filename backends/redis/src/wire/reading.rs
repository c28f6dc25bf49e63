//! What was read of a stream: answers are taken from it one by one and handed out, in the order of the
//! questions. The driver reads, or whoever asks alone.

use std::io;

use redis::{RedisResult, Value};

use super::waiting::Sender;
use super::{Inner, KEPT};
use crate::frame;

/// How much is read at a time, at first.
const ROOM: usize = 64 * 1024;

/// What was read and not yet understood.
pub(super) struct Reading {
    /// Up to `filled`: begins with an answer that is not whole.
    buffer: Vec<u8>,
    filled: usize,
    answers: Vec<Value>,
    answered: Vec<(Sender, RedisResult<Value>)>,
}

impl Default for Reading {
    fn default() -> Reading {
        Reading { buffer: vec![0; ROOM], filled: 0, answers: Vec::new(), answered: Vec::new() }
    }
}

impl Reading {
    /// Where the next bytes go.
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.buffer[self.filled..]
    }

    /// So many bytes are there now: answers whom they answer. Tells whether they filled the room, so that there
    /// may be more.
    ///
    /// # Errors
    /// The connection is of no more use.
    pub(super) fn add(&mut self, read: usize, inner: &Inner) -> RedisResult<bool> {
        if read == 0 {
            let closed = io::Error::new(io::ErrorKind::UnexpectedEof, "the server has closed the connection");
            return Err(closed.into());
        }
        self.filled += read;
        let full = self.filled == self.buffer.len();
        self.understand(inner).map(|()| full)
    }

    fn understand(&mut self, inner: &Inner) -> RedisResult<()> {
        let mut at = 0;
        let understood = loop {
            match frame::next(&self.buffer[at..self.filled]) {
                Ok(Some((value, len))) => {
                    at += len;
                    // What the server says unasked answers nobody.
                    if !matches!(value, Value::Push { .. }) {
                        self.answers.push(value);
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.buffer.copy_within(at..self.filled, 0);
        self.filled -= at;
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.filled * 2, 0);
        } else if self.buffer.len() > KEPT && self.filled <= ROOM {
            self.buffer.truncate(ROOM);
            self.buffer.shrink_to_fit();
        }
        self.answer(inner).and(understood)
    }

    /// Hands out the answers in order.
    fn answer(&mut self, inner: &Inner) -> RedisResult<()> {
        let mut state = inner.state();
        let mut unasked = false;
        for value in self.answers.drain(..) {
            let Some(first) = state.waiting.front_mut() else {
                unasked = true;
                break;
            };
            let Some(value) = first.add(value) else { continue };
            // Whose time was over has gone.
            if let Some(waiting) = state.waiting.pop_front() {
                let joined = waiting.answer(value, &mut self.answered);
                state.may_join(joined);
            }
        }
        if !self.answered.is_empty() {
            state.crowd = self.answered.len();
        }
        drop(state);
        for (sender, answer) in self.answered.drain(..) {
            // Who has gone away needs none.
            _ = sender.send(answer);
        }
        if unasked {
            let what = "the server answered what it was not asked";
            return Err(io::Error::new(io::ErrorKind::InvalidData, what).into());
        }
        Ok(())
    }
}
