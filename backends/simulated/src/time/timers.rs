//! What waits for an instant: a slab of entries and a heap that knows where each of them stands, so
//! that an entry which is removed is gone at once, wherever it stood.

use super::Nanos;

/// Names an entry on a timeline. Never names another entry later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventId {
    slot: u32,
    order: u64,
}

impl EventId {
    /// The number of the entry: how many were made on this timeline before it.
    pub fn order(self) -> u64 {
        self.order
    }
}

/// Entries by instant; those of one instant in the order in which they were made.
#[derive(Debug)]
pub(super) struct Timers<T> {
    /// A heap with four children per node: half as deep as a binary one, and the four lie together.
    heap: Vec<Node>,
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    made: u64,
}

/// Sixteen bytes, so that four of them fill a cache line: the order of the entry stands in its slot, and
/// is looked up only to compare entries of one instant.
#[derive(Clone, Copy, Debug)]
struct Node {
    at: Nanos,
    slot: u32,
}

#[derive(Debug)]
struct Slot<T> {
    order: u64,
    /// Where in the heap the entry stands; [`DUE`] if it was taken from there and waits to be fired.
    place: u32,
    /// `None` in a free slot.
    value: Option<T>,
}

const DUE: u32 = u32::MAX;
const CHILDREN: usize = 4;

impl<T> Timers<T> {
    pub(super) const fn new() -> Timers<T> {
        Timers { heap: Vec::new(), slots: Vec::new(), free: Vec::new(), made: 0 }
    }

    /// How many entries there are, those that are due included.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// The next instant with an entry.
    pub(super) fn next(&self) -> Option<Nanos> {
        self.heap.first().map(|node| node.at)
    }

    pub(super) fn insert(&mut self, at: Nanos, value: T) -> EventId {
        let order = self.made;
        self.made += 1;
        let entry = Slot { order, place: DUE, value: Some(value) };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = entry;
                slot
            }
            None => {
                self.slots.push(entry);
                (self.slots.len() - 1) as u32
            }
        };
        let node = Node { at, slot };
        self.heap.push(node);
        self.rise(self.heap.len() - 1, node);
        EventId { slot, order }
    }

    pub(super) fn get_mut(&mut self, id: EventId) -> Option<&mut T> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        if slot.order == id.order { slot.value.as_mut() } else { None }
    }

    /// Takes the entry away, whether it waits or is due.
    pub(super) fn remove(&mut self, id: EventId) -> Option<T> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        if slot.order != id.order {
            return None;
        }
        let value = slot.value.take()?;
        let place = slot.place;
        self.free.push(id.slot);
        if place != DUE {
            self.pull(place as usize);
        }
        Some(value)
    }

    /// Takes what waits for `now` or earlier, if it is one entry.
    pub(super) fn only_one_due(&mut self, now: Nanos) -> Option<(EventId, T)> {
        let first = *self.heap.first().filter(|first| first.at <= now)?;
        let end = (1 + CHILDREN).min(self.heap.len());
        if self.heap[1..end].iter().any(|second| second.at <= now) {
            return None;
        }
        let slot = &mut self.slots[first.slot as usize];
        let (id, value) = (EventId { slot: first.slot, order: slot.order }, slot.value.take()?);
        self.free.push(first.slot);
        self.pull(0);
        Some((id, value))
    }

    /// Makes everything due that waits for `now` or earlier, in the order in which it was made.
    pub(super) fn due(&mut self, now: Nanos, due: &mut Vec<EventId>) {
        while let Some(first) = self.heap.first().copied().filter(|first| first.at <= now) {
            let slot = &mut self.slots[first.slot as usize];
            slot.place = DUE;
            due.push(EventId { slot: first.slot, order: slot.order });
            self.pull(0);
        }
    }

    /// Takes everything away.
    pub(super) fn clear(&mut self) -> Vec<T> {
        self.heap.clear();
        self.free.clear();
        std::mem::take(&mut self.slots).into_iter().filter_map(|slot| slot.value).collect()
    }

    /// Takes the node at this place out of the heap.
    fn pull(&mut self, place: usize) {
        let Some(last) = self.heap.pop() else { return };
        if place == self.heap.len() {
            return;
        }
        let risen = place > 0 && self.before(last, self.heap[(place - 1) / CHILDREN]);
        if risen { self.rise(place, last) } else { self.sink(place, last) }
    }

    #[inline]
    fn before(&self, one: Node, other: Node) -> bool {
        one.at < other.at || one.at == other.at && self.made_before(one, other)
    }

    #[cold]
    fn made_before(&self, one: Node, other: Node) -> bool {
        self.slots[one.slot as usize].order < self.slots[other.slot as usize].order
    }

    fn rise(&mut self, mut place: usize, node: Node) {
        while place > 0 {
            let parent = (place - 1) / CHILDREN;
            if self.before(self.heap[parent], node) {
                break;
            }
            self.put(place, self.heap[parent]);
            place = parent;
        }
        self.put(place, node);
    }

    fn sink(&mut self, mut place: usize, node: Node) {
        loop {
            let first = place * CHILDREN + 1;
            let Some(children) = self.heap.get(first..(first + CHILDREN).min(self.heap.len())) else { break };
            let Some((mut least, mut child)) = children.first().map(|child| (0, *child)) else { break };
            for (n, other) in children.iter().enumerate().skip(1) {
                if self.before(*other, child) {
                    (least, child) = (n, *other);
                }
            }
            if self.before(node, child) {
                break;
            }
            self.put(place, child);
            place = first + least;
        }
        self.put(place, node);
    }

    #[inline]
    fn put(&mut self, place: usize, node: Node) {
        self.heap[place] = node;
        self.slots[node.slot as usize].place = place as u32;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::draw::{Draws, below};

    #[test]
    fn it_does_what_a_sorted_map_does() {
        for seed in 0..20 {
            let draws = Draws::new(seed);
            let (mut timers, mut model) = (Timers::new(), BTreeMap::new());
            let mut ids = Vec::new();
            for n in 0..2000 {
                let draw = draws.of(n);
                if below(draw.at(0), 3) < 2 || ids.is_empty() {
                    let at = below(draw.at(1), 500);
                    let id = timers.insert(at, n);
                    model.insert((at, id.order()), n);
                    ids.push((at, id));
                } else {
                    let (at, id) = ids.swap_remove(below(draw.at(2), ids.len() as u64) as usize);
                    assert_eq!(timers.remove(id), model.remove(&(at, id.order())), "seed {seed}");
                    assert_eq!(timers.remove(id), None, "removed twice, seed {seed}");
                }
                assert_eq!(timers.len(), model.len());
                assert_eq!(timers.next(), model.keys().next().map(|(at, _)| *at));
            }
            while let Some(now) = timers.next() {
                let mut due = Vec::new();
                timers.due(now, &mut due);
                for id in due {
                    let ((at, order), value) = model.pop_first().unwrap();
                    assert_eq!((at, order), (now, id.order()), "seed {seed}");
                    assert_eq!(timers.remove(id), Some(value));
                }
            }
            assert!(model.is_empty() && timers.len() == 0);
        }
    }

    #[test]
    fn an_id_never_names_the_next_user_of_its_slot() {
        let mut timers = Timers::new();
        let first = timers.insert(1, "first");
        assert_eq!(timers.remove(first), Some("first"));
        let second = timers.insert(2, "second");
        assert_eq!((timers.remove(first), timers.get_mut(first)), (None, None));
        assert_eq!(timers.remove(second), Some("second"));
    }
}
