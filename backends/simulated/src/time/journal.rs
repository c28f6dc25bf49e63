//! What happened, in order: a digest of everything, and as much of it in words as somebody asked for.
//! Two runs that made the same choices have the same digest.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;

use super::Nanos;
use super::executor::Task;

/// A digest of everything that happened, in order, up to now.
///
/// What fires and what is noted is folded in as three words: its kind and number, the instant, and the hash
/// of the note. What is polled between two instants is folded apart, as the number of the task and of those
/// that were ready, and folded in as one word when time is next asked to move. A word is folded by
/// `d = (rotate(d, 23) ^ word) * 0x9e3779b97f4a7c15; d ^= d >> 32`. It finds accidents; it does not
/// withstand an adversary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest {
    /// The digest.
    pub value: u64,
    /// How many steps it covers.
    pub steps: u64,
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x} of {} steps", self.value, self.steps)
    }
}

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Nanos,
    /// What.
    pub step: Step,
}

/// What a step of a run may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// An entry of the timeline fired: a sleeper woke or an event ran. Entries are numbered in the
    /// order in which they were made.
    Fired {
        /// The entry.
        entry: u64,
    },
    /// The schedule chose a task.
    Polled {
        /// The task, numbered in the order of spawning.
        task: u64,
        /// Its name.
        name: Cow<'static, str>,
        /// Among how many that were ready.
        ready: u64,
    },
    /// Something that the run wanted remembered.
    Note(String),
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>14.6} ms  ", self.at as f64 / 1e6)?;
        match &self.step {
            Step::Fired { entry } => write!(f, "entry {entry} of the timeline fires"),
            Step::Polled { task, name, ready } => {
                write!(f, "task {task} ({name}) is polled, of {ready} ready")
            }
            Step::Note(text) => f.write_str(text),
        }
    }
}

/// The digest, and the trace.
#[derive(Debug)]
pub(super) struct Journal {
    digest: u64,
    steps: u64,
    /// The latest notes, or all steps.
    trace: VecDeque<Entry>,
    most: usize,
    everything: bool,
}

/// How many notes are kept unless asked otherwise.
const NOTES: usize = 256;

const FIRED: u64 = 1;
const NOTE: u64 = 2;

/// What an executor has polled since the clock was last asked to move: the same folding, apart, so that a
/// poll takes no lock.
#[derive(Debug, Default)]
pub(super) struct Polls {
    digest: u64,
    steps: u64,
}

impl Polls {
    #[inline]
    pub(super) fn add(&mut self, task: u64, ready: u64) {
        self.digest = fold(fold(self.digest, task), ready);
        self.steps += 1;
    }
}

impl Journal {
    pub(super) fn new(seed: u64) -> Journal {
        Journal {
            digest: fold(0x6c61_7264_6572, seed),
            steps: 0,
            trace: VecDeque::new(),
            most: NOTES,
            everything: false,
        }
    }

    /// Keeps the first so many steps of every kind from now on, instead of the latest notes.
    pub(super) fn keep_everything(&mut self, most: usize) {
        (self.everything, self.most) = (true, most);
        self.trace.clear();
    }

    pub(super) fn digest(&self) -> Digest {
        Digest { value: fold(self.digest, self.steps), steps: self.steps }
    }

    pub(super) fn trace(&self) -> Vec<Entry> {
        self.trace.iter().cloned().collect()
    }

    pub(super) fn fired(&mut self, at: Nanos, entry: u64) {
        self.fold(FIRED, entry, at, 0);
        if self.everything {
            self.keep(at, || Step::Fired { entry });
        }
    }

    /// Folds in what was polled since the last time.
    pub(super) fn polled(&mut self, polls: &mut Polls) {
        if polls.steps > 0 {
            self.digest = fold(self.digest, polls.digest);
            self.steps += polls.steps;
            *polls = Polls::default();
        }
    }

    /// Keeps a poll in the trace, if everything is kept.
    pub(super) fn trace_poll(&mut self, at: Nanos, task: &Task, ready: u64) {
        if self.everything {
            self.keep(at, || Step::Polled { task: task.id, name: task.name.clone(), ready });
        }
    }

    pub(super) fn note(&mut self, at: Nanos, bytes: &[u8]) {
        self.fold(NOTE, bytes.len() as u64, at, hash(bytes));
        self.keep(at, || Step::Note(String::from_utf8_lossy(bytes).into_owned()));
    }

    fn keep(&mut self, at: Nanos, step: impl FnOnce() -> Step) {
        if self.trace.len() >= self.most {
            if self.everything {
                return;
            }
            self.trace.pop_front();
        }
        self.trace.push_back(Entry { at, step: step() });
    }

    #[inline]
    fn fold(&mut self, kind: u64, number: u64, at: Nanos, more: u64) {
        self.digest = fold(fold(fold(self.digest, kind << 56 ^ number), at), more);
        self.steps += 1;
    }
}

#[inline]
fn fold(digest: u64, word: u64) -> u64 {
    let mixed = (digest.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 32)
}

/// A digest of bytes: the same folding, of words of eight bytes.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    bytes.chunks(8).fold(bytes.len() as u64, |digest, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        fold(digest, u64::from_le_bytes(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLLED: u64 = 3;

    #[test]
    fn the_digest_tells_order_kind_instant_and_text_apart() {
        let of = |steps: &[(u64, u64, &str)]| {
            let mut journal = Journal::new(1);
            for (kind, at, text) in steps {
                match *kind {
                    FIRED => journal.fired(*at, 5),
                    POLLED => {
                        let mut polls = Polls::default();
                        polls.add(5, *at);
                        journal.polled(&mut polls);
                    }
                    _ => journal.note(*at, text.as_bytes()),
                }
            }
            journal.digest().value
        };
        let all = [
            of(&[]),
            of(&[(FIRED, 1, "")]),
            of(&[(POLLED, 1, "")]),
            of(&[(FIRED, 2, "")]),
            of(&[(FIRED, 1, ""), (FIRED, 2, "")]),
            of(&[(FIRED, 2, ""), (FIRED, 1, "")]),
            of(&[(NOTE, 1, "")]),
            of(&[(NOTE, 1, "a")]),
            of(&[(NOTE, 1, "b")]),
            of(&[(NOTE, 1, "aaaaaaaab")]),
            of(&[(NOTE, 1, "aaaaaaaac")]),
        ];
        let distinct: std::collections::BTreeSet<u64> = all.into_iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn the_trace_keeps_the_latest_notes_or_the_first_steps() {
        let mut journal = Journal::new(1);
        (0..1000u64).for_each(|n| journal.note(n, n.to_string().as_bytes()));
        let trace = journal.trace();
        assert_eq!(trace.len(), NOTES);
        assert_eq!(trace[NOTES - 1], Entry { at: 999, step: Step::Note("999".into()) });
        journal.keep_everything(3);
        (0..1000).for_each(|n| journal.fired(n, n));
        assert_eq!(journal.trace().iter().map(|entry| entry.at).collect::<Vec<_>>(), [0, 1, 2]);
    }
}
