//! [`Timeline`]: the invocations and returns of the items in order.

/// A place after all others: never.
pub(in crate::check) const NEVER: u64 = u64::MAX;

/// Something that may have happened between two places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) struct Item {
    /// It has not happened before this place.
    pub(in crate::check) invoked: u64,
    /// It has happened before this place, or not at all.
    pub(in crate::check) returned: u64,
    /// Whether it need not have happened at all.
    pub(in crate::check) optional: bool,
    /// The place where it is tried first: that of its effect or return.
    pub(in crate::check) hint: u64,
}

/// The events of a list of items in order, and a slot for each item such that no two that are under way at the
/// same time share one.
#[derive(Debug)]
pub(in crate::check) struct Timeline {
    items: Vec<Item>,
    /// Item, and whether it is its return: `item << 1 | returns`.
    events: Vec<u32>,
    slots: Vec<u32>,
    ranks: Vec<u32>,
    words: usize,
}

impl Timeline {
    /// The most items that fit.
    pub(in crate::check) const MOST: usize = (u32::MAX >> 2) as usize;

    /// The timeline of at most [`MOST`](Timeline::MOST) items, none of which ends before it begins. Of events at one
    /// place invocations come first: intervals include their ends.
    pub(in crate::check) fn new(items: Vec<Item>) -> Timeline {
        let mut places: Vec<(u64, u32)> = Vec::with_capacity(2 * items.len());
        for (at, item) in (0u32..).zip(&items) {
            debug_assert!(item.invoked <= item.returned);
            places.push((item.invoked, at));
            if item.returned != NEVER {
                places.push((item.returned, RETURN | at));
            }
        }
        places.sort_unstable();
        let events: Vec<u32> =
            places.iter().map(|(_, code)| (code & !RETURN) << 1 | u32::from(code & RETURN != 0)).collect();
        let (mut slots, mut free, mut used) = (vec![0; items.len()], Vec::new(), 0);
        for event in &events {
            let (item, returns) = decode(*event);
            if returns {
                free.push(slots[item as usize]);
            } else {
                slots[item as usize] = free.pop().unwrap_or_else(|| {
                    used += 1;
                    used - 1
                });
            }
        }
        let mut by_hint: Vec<u32> = (0..items.len() as u32).collect();
        by_hint.sort_unstable_by_key(|at| (items[*at as usize].hint, *at));
        let mut ranks = vec![0; items.len()];
        for (rank, at) in (0u32..).zip(by_hint) {
            ranks[at as usize] = rank;
        }
        Timeline { items, events, slots, ranks, words: (used as usize).div_ceil(64) }
    }

    pub(in crate::check) fn items(&self) -> &[Item] {
        &self.items
    }

    pub(super) fn item(&self, item: u32) -> &Item {
        &self.items[item as usize]
    }

    /// How many events there are.
    pub(in crate::check) fn events(&self) -> u32 {
        self.events.len() as u32
    }

    /// The item of an event, and whether the event is its return.
    pub(super) fn event(&self, at: u32) -> Option<(u32, bool)> {
        self.events.get(at as usize).map(|event| decode(*event))
    }

    /// The item of an event.
    pub(in crate::check) fn item_at(&self, at: u32) -> Option<u32> {
        self.event(at).map(|(item, _)| item)
    }

    pub(super) fn slot(&self, item: u32) -> u32 {
        self.slots[item as usize]
    }

    /// The place in the order in which items are tried.
    pub(super) fn rank(&self, item: u32) -> u32 {
        self.ranks[item as usize]
    }

    /// How many words a bit per slot takes.
    pub(super) fn words(&self) -> usize {
        self.words
    }
}

/// Marks returns while places are sorted: after the invocations at the same place.
const RETURN: u32 = 1 << 31;

fn decode(event: u32) -> (u32, bool) {
    (event >> 1, event & 1 == 1)
}
