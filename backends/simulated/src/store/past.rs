//! What was stored before: kept only where faults may need it, for stale reads, for undoing what was not
//! synced when the store crashes, for damage that stays, and for counting what the storage holds.

use std::collections::{BTreeMap, VecDeque};

use larder::{Bytes, Head, Key, Part, Stored, Version};

use super::damage::Damage;
use crate::time::Nanos;

/// So many states of a key are kept.
const STATES: usize = 16;

/// A record as it was stored.
#[derive(Clone, Debug)]
pub(super) struct Old {
    pub(super) head: Head,
    /// `None`: it came or went as a stream, so it was not kept.
    pub(super) data: Option<Bytes>,
    pub(super) version: Version,
}

impl Old {
    /// What a read of this part would have brought.
    pub(super) fn read(&self, part: Part) -> Option<Stored> {
        use larder::Data;
        let data = match (part, &self.data) {
            (Part::Head, _) => Data::None,
            (Part::All, Some(data)) => Data::Bytes(data.clone()),
            (Part::Range(range), Some(data)) => {
                let (start, end) = range.within(data.len() as u64);
                Data::Bytes(data.slice(start as usize..end as usize))
            }
            (_, None) => return None,
        };
        Some(Stored { head: self.head.clone(), data, version: self.version.clone(), verified: false })
    }
}

/// What stood under a key from an instant on.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) from: Nanos,
    pub(super) old: Option<Old>,
}

/// What a crash undoes.
#[derive(Clone, Debug)]
pub(super) struct Unsynced {
    /// The version that was written (`None`: it was removed): if another is there, that one stays.
    pub(super) written: Option<Version>,
    /// What comes back.
    pub(super) before: Option<Old>,
}

#[derive(Debug, Default)]
pub(super) struct Past {
    keys: BTreeMap<Key, VecDeque<State>>,
    unsynced: BTreeMap<Key, Unsynced>,
    damaged: BTreeMap<(Key, Vec<u8>), Damage>,
    /// The sum of the lengths of all data that is stored, as far as it is known.
    stored: u64,
    lost: u64,
}

impl Past {
    /// Notes what stands under a key, if nothing is known of it yet.
    pub(super) fn begin(&mut self, key: &Key, there: Option<Old>) {
        if !self.keys.contains_key(key) {
            self.stored += size(there.as_ref());
            self.keys.insert(key.clone(), VecDeque::from([State { from: 0, old: there }]));
        }
    }

    pub(super) fn is_known(&self, key: &Key) -> bool {
        self.keys.contains_key(key)
    }

    /// The latest state of a key.
    pub(super) fn latest(&self, key: &Key) -> Option<&Old> {
        self.keys.get(key)?.back()?.old.as_ref()
    }

    /// A change of a key: what stands there now. It is durable, unless it is said otherwise afterwards.
    pub(super) fn changed(&mut self, key: &Key, now: Nanos, there: Option<Old>) {
        self.stored = self.stored.saturating_sub(size(self.latest(key))) + size(there.as_ref());
        let states = self.keys.entry(key.clone()).or_default();
        states.push_back(State { from: now, old: there });
        if states.len() > STATES {
            states.pop_front();
        }
    }

    /// What stood under a key at an instant, if something else stands there now.
    pub(super) fn stale(&self, key: &Key, at: Nanos) -> Option<&State> {
        let states = self.keys.get(key)?;
        let after = states.partition_point(|state| state.from <= at);
        if after == states.len() { None } else { states.get(after.checked_sub(1)?) }
    }

    /// The keys that were there at an instant and are no longer, and those that were not and are now.
    pub(super) fn stale_keys(&self, at: Nanos) -> (Vec<Key>, Vec<Key>) {
        let (mut gone, mut new) = (Vec::new(), Vec::new());
        for (key, states) in &self.keys {
            let Some(then) = self.stale(key, at) else { continue };
            let now = states.back().is_some_and(|state| state.old.is_some());
            match (then.old.is_some(), now) {
                (true, false) => gone.push(key.clone()),
                (false, true) => new.push(key.clone()),
                _ => {}
            }
        }
        (gone, new)
    }

    /// Another key under which something stands, chosen by this draw.
    pub(super) fn another(&self, key: &Key, draw: u64) -> Option<Key> {
        let others = || {
            self.keys
                .iter()
                .filter(|(other, states)| {
                    *other != key && states.back().is_some_and(|state| state.old.is_some())
                })
                .map(|(other, _)| other)
        };
        let count = others().count() as u64;
        others().nth(crate::draw::below(draw, count) as usize).cloned()
    }

    /// How many bytes there would be if this key held so many.
    pub(super) fn stored_with(&self, key: &Key, bytes: u64) -> u64 {
        self.stored.saturating_sub(size(self.latest(key))).saturating_add(bytes)
    }

    /// How many bytes there are.
    pub(super) fn stored(&self) -> u64 {
        self.stored
    }

    /// The latest change of this key is not durable: a crash brings back what was there `before`, or what
    /// an earlier change that was not durable either would bring back.
    pub(super) fn not_synced(&mut self, key: &Key, written: Option<Version>, before: Option<Old>) {
        let before = match self.unsynced.remove(key) {
            Some(earlier) => earlier.before,
            None => before,
        };
        self.unsynced.insert(key.clone(), Unsynced { written, before });
    }

    /// The latest change of this key is durable.
    pub(super) fn synced_key(&mut self, key: &Key) {
        self.unsynced.remove(key);
    }

    /// Everything is durable now.
    pub(super) fn synced(&mut self) {
        self.unsynced.clear();
    }

    /// What a crash undoes; nothing afterwards.
    pub(super) fn take_unsynced(&mut self) -> BTreeMap<Key, Unsynced> {
        std::mem::take(&mut self.unsynced)
    }

    /// This state of a key is damaged from now on, unless it is already.
    pub(super) fn damage(&mut self, key: &Key, version: &Version, damage: Damage) {
        self.damaged.entry((key.clone(), version.as_bytes().to_vec())).or_insert(damage);
    }

    pub(super) fn damage_of(&self, key: &Key, version: &Version) -> Option<Damage> {
        if self.damaged.is_empty() {
            return None;
        }
        self.damaged.get(&(key.clone(), version.as_bytes().to_vec())).copied()
    }

    /// The number of a write that is lost.
    pub(super) fn lose(&mut self) -> u64 {
        self.lost += 1;
        self.lost
    }

    /// Everything is as it should be.
    pub(super) fn heal(&mut self) {
        self.damaged.clear();
        self.unsynced.clear();
    }
}

fn size(old: Option<&Old>) -> u64 {
    old.map_or(0, |old| old.head.size().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use larder::{Kind, Meta, Record, Timestamp};

    use super::*;

    fn old(n: u64) -> Option<Old> {
        let meta = Meta::new("ada".into(), Kind::Binary, Timestamp::from_millis(n));
        let data = Bytes::from(vec![0; n as usize]);
        let head = Record::new(&meta, data.clone()).unwrap().head().clone();
        Some(Old { head, data: Some(data), version: n.into() })
    }

    #[test]
    fn a_stale_state_is_the_one_that_stood_there_then() {
        let (mut past, key) = (Past::default(), Key::from("ada"));
        past.begin(&key, None);
        past.changed(&key, 100, old(1));
        past.changed(&key, 200, None);
        past.changed(&key, 300, old(3));
        let version =
            |at| past.stale(&key, at).map(|state| state.old.as_ref().map(|old| old.version.clone()));
        assert_eq!(version(99), Some(None));
        assert_eq!(version(100), Some(Some(1.into())));
        assert_eq!(version(299), Some(None));
        assert_eq!(version(300), None, "it still stands there");
        assert!(past.stale(&"bob".into(), 1).is_none(), "nothing is known of it");
        let stale = |at| past.stale_keys(at);
        assert_eq!(stale(150), (vec![], vec![]));
        assert_eq!(stale(250), (vec![], vec![key.clone()]));
    }

    #[test]
    fn what_the_storage_holds_is_counted() {
        let (mut past, key) = (Past::default(), Key::from("ada"));
        past.begin(&key, old(10));
        assert_eq!(past.stored_with(&"bob".into(), 5), 15);
        past.changed(&key, 1, old(30));
        assert_eq!(past.stored_with(&key, 5), 5);
        past.changed(&key, 2, None);
        assert_eq!(past.stored_with(&"bob".into(), 5), 5);
    }

    #[test]
    fn a_crash_goes_back_to_the_last_durable_state() {
        let (mut past, key) = (Past::default(), Key::from("ada"));
        past.not_synced(&key, Some(2.into()), old(1));
        past.not_synced(&key, Some(3.into()), old(2));
        let undone = past.clone_unsynced();
        assert_eq!(undone[&key].written, Some(3.into()));
        assert_eq!(undone[&key].before.as_ref().unwrap().version, 1.into());
        past.synced();
        assert!(past.take_unsynced().is_empty());
    }

    impl Past {
        fn clone_unsynced(&self) -> BTreeMap<Key, Unsynced> {
            self.unsynced.clone()
        }
    }
}
