//! The zone check: reads and writes of one register, each value written once, in the time that sorting takes.
//!
//! P. Gibbons and E. Korach: Testing Shared Memories, 1997. The operations on one value, its write and its
//! reads, are a cluster. From the first return in a cluster to its last invocation, if that is later, the
//! register must hold the value: a forward zone. Otherwise all of the cluster can happen at one moment between
//! the last invocation and the first return: a backward zone. There is an order if and only if every value that was
//! read was written, no read ended before its write began, no two forward zones overlap, and no backward zone
//! lies inside a forward one.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::entries::Atom;
use super::search::Item;

/// A cluster: its write, if it has one, the item that returned first, and the one that was invoked last.
#[derive(Clone, Copy)]
struct Cluster {
    write: Option<u32>,
    /// One more than the place of the first return; 0 for what was there at the start.
    first_return: u64,
    first: Option<u32>,
    last_invoked: u64,
    last: Option<u32>,
    reads: bool,
}

impl Cluster {
    const EMPTY: Cluster = Cluster {
        write: None,
        first_return: u64::MAX,
        first: None,
        last_invoked: 0,
        last: None,
        reads: false,
    };

    fn add(&mut self, at: u32, item: &Item) {
        let (invoked, returned) = (item.invoked.saturating_add(1), item.returned.saturating_add(1));
        if returned < self.first_return {
            (self.first_return, self.first) = (returned, Some(at));
        }
        if invoked > self.last_invoked {
            (self.last_invoked, self.last) = (invoked, Some(at));
        }
    }

    fn is_forward(&self) -> bool {
        self.first_return < self.last_invoked
    }

    fn low(&self) -> u64 {
        self.first_return.min(self.last_invoked)
    }

    fn high(&self) -> u64 {
        self.first_return.max(self.last_invoked)
    }

    /// The items that make the zone what it is.
    fn items(&self) -> impl Iterator<Item = u32> {
        [self.write, self.first, self.last].into_iter().flatten()
    }
}

/// Whether there is an order; if not, items that are enough to see it. `None` if these are not reads and writes of
/// values that were each written once. `start` is what is there at the beginning.
pub(super) fn zones(atoms: &[Atom], items: &[Item], start: u32) -> Option<Result<(), Vec<u32>>> {
    let mut clusters: HashMap<u32, Cluster, FixedState> = HashMap::default();
    clusters.insert(start, Cluster { first_return: 0, ..Cluster::EMPTY });
    for ((at, atom), item) in (0u32..).zip(atoms).zip(items) {
        match atom {
            Atom::Write(value) => {
                let cluster = clusters.entry(*value).or_insert(Cluster::EMPTY);
                if *value == start || cluster.write.replace(at).is_some() {
                    return None;
                }
                cluster.add(at, item);
            }
            Atom::Read(value) => {
                let cluster = clusters.entry(*value).or_insert(Cluster::EMPTY);
                cluster.reads = true;
                cluster.add(at, item);
            }
            _ => return None,
        }
    }
    let reads = || {
        (0u32..).zip(atoms).zip(items).filter_map(|((at, atom), item)| match atom {
            Atom::Read(value) => Some((at, *value, item)),
            _ => None,
        })
    };
    for (at, value, item) in reads() {
        match clusters.get(&value).and_then(|cluster| cluster.write) {
            Some(write) if item.returned < items[write as usize].invoked => {
                return Some(Err(vec![write, at]));
            }
            None if value != start => return Some(Err(vec![at])),
            _ => {}
        }
    }
    // What need not have happened and was not seen is left out.
    let counts = |cluster: &Cluster| {
        cluster.reads || cluster.write.is_some_and(|write| !items[write as usize].optional)
    };
    #[expect(clippy::disallowed_methods, reason = "sorted at once, and hashed without a seed")]
    let mut zones: Vec<Cluster> = clusters.into_values().filter(counts).collect();
    zones.sort_unstable_by_key(|zone| (zone.low(), zone.high(), zone.last));
    Some(match conflict(&zones) {
        None => Ok(()),
        Some((one, other)) => {
            let mut core: Vec<u32> = one.items().chain(other.items()).collect();
            core.sort_unstable_by_key(|at| (items[*at as usize].returned, *at));
            core.dedup();
            Err(core)
        }
    })
}

/// Two zones, of these in the order of their beginnings, that cannot both be.
fn conflict(zones: &[Cluster]) -> Option<(Cluster, Cluster)> {
    let mut forward: Vec<&Cluster> = Vec::new();
    for zone in zones.iter().filter(|zone| zone.is_forward()) {
        if let Some(before) = forward.last()
            && zone.low() < before.high()
        {
            return Some((**before, *zone));
        }
        forward.push(zone);
    }
    zones.iter().filter(|zone| !zone.is_forward()).find_map(|zone| {
        // The forward zones do not overlap, so only the last that begins before can reach so far.
        let begun = forward.partition_point(|around| around.low() <= zone.low());
        let around = forward.get(begun.checked_sub(1)?)?;
        (zone.high() < around.high()).then_some((**around, *zone))
    })
}
