//! [`Table`]: the slots of one shard, an open-addressed table that is in the order of the tags.
//!
//! A slot stands at its home or after it, with no empty slot in between, and all slots are in the order
//! of their tags (linear probing, sorted; there is no wrapping, the last ones spill past the end). So a
//! search for what is not there ends early even in a full table, and a checkpoint is written and read in
//! one pass.

use super::location::{Found, Location, Slot};

/// It grows when more than 9 of 10 slots would be taken, and shrinks when fewer than 4 of 10 are.
const FULL: (usize, usize) = (9, 10);
const SPARSE: (usize, usize) = (4, 10);

/// A table no larger than this is not shrunk.
const SMALL: usize = 64;

/// So many slots are added at once for what spills past the end.
const SPILL: usize = 8;

/// The slots of one shard.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// The homes and, past them, what spilled.
    slots: Vec<Slot>,
    /// How many homes there are.
    homes: usize,
    /// How many slots are taken.
    taken: usize,
    /// Where [`Table::push`] goes on.
    next: usize,
}

impl Table {
    /// An empty table with room for `count` slots, three of four of it taken by them.
    pub(super) fn with_room(count: usize) -> Table {
        let homes = if count == 0 { 0 } else { (count + count / 3).max(8) };
        let mut slots = Vec::with_capacity(homes + if homes > SMALL { SPILL } else { 0 });
        slots.resize(homes, Slot::EMPTY);
        Table { slots, homes, taken: 0, next: 0 }
    }

    /// How many slots are taken.
    pub(super) fn len(&self) -> usize {
        self.taken
    }

    /// The bytes that it takes.
    pub(super) fn memory(&self) -> usize {
        self.slots.capacity() * Slot::BYTES
    }

    /// The slots that are taken, in the order of their tags.
    pub(super) fn iter(&self) -> impl Iterator<Item = Slot> + '_ {
        self.slots.iter().copied().filter(|slot| !slot.is_empty())
    }

    /// Every location with this tag.
    #[inline]
    pub(super) fn find(&self, tag: u64) -> Found {
        let mut found = Found::Nothing;
        for slot in self.slots.get(self.home(tag)..).unwrap_or_default() {
            if slot.is_empty() || slot.tag() > tag {
                break;
            }
            if slot.tag() == tag {
                found = found.and(slot.location());
            }
        }
        found
    }

    /// Adds a slot.
    pub(super) fn insert(&mut self, slot: Slot) {
        if (self.taken + 1) * FULL.1 > self.homes * FULL.0 {
            self.rebuild((self.homes + self.homes / 2).max(8));
        }
        let mut at = self.home(slot.tag());
        while self.slots.get(at).is_some_and(|other| !other.is_empty() && other.tag() <= slot.tag()) {
            at += 1;
        }
        let mut free = at;
        while self.slots.get(free).is_some_and(|other| !other.is_empty()) {
            free += 1;
        }
        if free == self.slots.len() {
            self.spill();
        }
        self.slots.copy_within(at..free, at + 1);
        self.slots[at] = slot;
        self.taken += 1;
    }

    /// Puts another location in the place of one; tells whether it was there.
    pub(super) fn replace(&mut self, tag: u64, old: Location, new: Location) -> bool {
        let Some(at) = self.position(tag, old) else { return false };
        self.slots[at] = Slot::new(tag, new);
        true
    }

    /// Removes a location; tells whether it was there.
    pub(super) fn remove(&mut self, tag: u64, old: Location) -> bool {
        let Some(at) = self.position(tag, old) else { return false };
        // Those after it that are not at home move up.
        let mut end = at + 1;
        while self.slots.get(end).is_some_and(|slot| !slot.is_empty() && self.home(slot.tag()) < end) {
            end += 1;
        }
        self.slots.copy_within(at + 1..end, at);
        self.slots[end - 1] = Slot::EMPTY;
        self.taken -= 1;
        if self.homes > SMALL && self.taken * SPARSE.1 < self.homes * SPARSE.0 {
            self.rebuild(self.taken + self.taken / 2);
        }
        true
    }

    /// Adds a slot whose tag is not below those that were pushed before, to a table that was made with
    /// room for it.
    pub(super) fn push(&mut self, slot: Slot) {
        let at = self.home(slot.tag()).max(self.next);
        if at >= self.slots.len() {
            self.spill();
        }
        self.slots[at] = slot;
        self.next = at + 1;
        self.taken += 1;
    }

    /// Where a slot with this tag would best stand.
    #[inline]
    fn home(&self, tag: u64) -> usize {
        // The first 32 of the 48 bits; rounding down keeps the order.
        (((tag >> 16) * self.homes as u64) >> 32) as usize
    }

    fn position(&self, tag: u64, location: Location) -> Option<usize> {
        let home = self.home(tag);
        let slots = self.slots.get(home..)?.iter();
        let mut slots = slots.take_while(|slot| !slot.is_empty() && slot.tag() <= tag);
        slots.position(|slot| slot.tag() == tag && slot.location() == location).map(|at| home + at)
    }

    /// Makes room for one more past the end.
    fn spill(&mut self) {
        if self.slots.len() == self.slots.capacity() {
            self.slots.reserve_exact(SPILL);
        }
        self.slots.push(Slot::EMPTY);
    }

    fn rebuild(&mut self, homes: usize) {
        let mut slots = Vec::with_capacity(homes + if homes > SMALL { SPILL } else { 0 });
        slots.resize(homes, Slot::EMPTY);
        let mut next = Table { slots, homes, taken: 0, next: 0 };
        self.iter().for_each(|slot| next.push(slot));
        *self = next;
    }

    /// Whether every slot stands where it may.
    #[cfg(test)]
    pub(super) fn is_sound(&self) -> bool {
        let tags: Vec<u64> = self.iter().map(Slot::tag).collect();
        let at_home = |(at, slot): (usize, &Slot)| {
            let home = self.home(slot.tag());
            slot.is_empty() || home <= at && self.slots[home..at].iter().all(|slot| !slot.is_empty())
        };
        tags.is_sorted() && tags.len() == self.taken && self.slots.iter().enumerate().all(at_home)
    }
}
