//! Questions of the same kind that are asked while others wait, made one: to begin a script takes the server about as
//! long as what it does for one write.

use super::waiting::{Asker, Waiting};
use crate::scripts::Script;

/// No more than that become one command, since a server does nothing else meanwhile.
const MOST: usize = 64;
const MOST_BYTES: usize = 32 * 1024;

/// Calls of [`Script::Swap`] that nobody has begun to write.
#[derive(Default)]
pub(super) struct Joint {
    /// The keys, as they go over the wire.
    keys: Vec<u8>,
    /// The other words.
    rest: Vec<u8>,
    askers: Vec<Asker>,
}

impl Joint {
    pub(super) fn len(&self) -> usize {
        self.askers.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.askers.is_empty()
    }

    /// Whether nobody waits for it any more.
    pub(super) fn is_gone(&self) -> bool {
        self.askers.iter().all(Asker::is_gone)
    }

    pub(super) fn is_full(&self) -> bool {
        self.askers.len() >= MOST || self.rest.len() >= MOST_BYTES
    }

    pub(super) fn push(&mut self, [key, rest]: [&[u8]; 2], asker: Asker) {
        self.keys.extend_from_slice(key);
        self.rest.extend_from_slice(rest);
        self.askers.push(asker);
    }

    pub(super) fn askers(&mut self) -> &mut [Asker] {
        &mut self.askers
    }

    /// Puts all of them behind what is to be written: as they came if it is one, else as one command. Who waits for
    /// its answer; `None` if there are none.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Option<Waiting> {
        let count = self.askers.len();
        let (script, waiting) = match count {
            0 => return None,
            1 => (Script::Swap, Waiting::new(self.askers.remove(0), 1)),
            _ => (Script::Swaps, Waiting::joined(std::mem::take(&mut self.askers))),
        };
        script.begin(count, 2 * count, out);
        out.append(&mut self.keys);
        out.append(&mut self.rest);
        Some(waiting)
    }
}
