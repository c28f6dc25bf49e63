//! [`Places`]: how far along the timeline the search is, and which of the items under way there are placed.

use super::timeline::Timeline;

/// A prefix of the events that has been passed, and the items under way at its end.
///
/// Invariant: every return that was passed is of an item that is placed; the next event, if there is one, is
/// the return of an item that is not (after [`advance`](Places::advance)).
#[derive(Debug)]
pub(super) struct Places {
    at: u32,
    /// A bit per slot: an item is under way there.
    open: Vec<u64>,
    /// A bit per slot: and it is placed. Never set where `open` is not.
    placed: Vec<u64>,
    /// The item that is or was last under way in a slot.
    occupants: Vec<u32>,
}

impl Places {
    pub(super) fn new(timeline: &Timeline) -> Places {
        let words = timeline.words();
        Places { at: 0, open: vec![0; words], placed: vec![0; words], occupants: vec![0; 64 * words] }
    }

    /// The number of the next event.
    pub(super) fn at(&self) -> u32 {
        self.at
    }

    pub(super) fn placed(&self) -> &[u64] {
        &self.placed
    }

    /// The items under way that are not placed, by slot.
    pub(super) fn open(&self) -> impl Iterator<Item = u32> {
        let words = self.open.iter().zip(&self.placed).enumerate();
        words.flat_map(move |(word, (open, placed))| {
            let mut left = open & !placed;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros() as usize;
                left &= left.wrapping_sub(1);
                (bit < 64).then(|| self.occupants[64 * word + bit])
            })
        })
    }

    /// Passes invocations, and returns of placed items.
    pub(super) fn advance(&mut self, timeline: &Timeline) {
        while let Some((item, returns)) = timeline.event(self.at) {
            let (word, bit) = split(timeline.slot(item));
            if returns {
                if self.placed[word] & bit == 0 {
                    return;
                }
                self.open[word] &= !bit;
                self.placed[word] &= !bit;
            } else {
                self.open[word] |= bit;
                self.occupants[timeline.slot(item) as usize] = item;
            }
            self.at += 1;
        }
    }

    /// Undoes the passing of all events from `to` on.
    pub(super) fn go_back(&mut self, timeline: &Timeline, to: u32) {
        while self.at > to {
            self.at -= 1;
            let Some((item, returns)) = timeline.event(self.at) else { return };
            let (word, bit) = split(timeline.slot(item));
            if returns {
                self.open[word] |= bit;
                self.placed[word] |= bit;
                self.occupants[timeline.slot(item) as usize] = item;
            } else {
                self.open[word] &= !bit;
            }
        }
    }

    pub(super) fn place(&mut self, timeline: &Timeline, item: u32) {
        let (word, bit) = split(timeline.slot(item));
        self.placed[word] |= bit;
    }

    pub(super) fn unplace(&mut self, timeline: &Timeline, item: u32) {
        let (word, bit) = split(timeline.slot(item));
        self.placed[word] &= !bit;
    }
}

fn split(slot: u32) -> (usize, u64) {
    (slot as usize / 64, 1 << (slot % 64))
}
