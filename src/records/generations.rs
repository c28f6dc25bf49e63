//! A table of what was kept last, within a limit, in two generations: what is kept goes into the younger one,
//! and when that is full the older one goes. So at least half the limit of what was kept last is there,
//! however much else comes, and nothing is ever searched for what is to go.

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::RandomState;

/// How much one generation may hold.
pub(super) struct Limits {
    pub(super) entries: usize,
    /// In whatever unit the values are weighed.
    pub(super) weight: usize,
}

/// The table.
pub(super) struct Generations<K, V> {
    younger: HashMap<K, V, RandomState>,
    /// What it has of a key that stands in the younger one too does not count.
    older: HashMap<K, V, RandomState>,
    /// Of the younger one.
    weight: usize,
}

impl<K, V> Default for Generations<K, V> {
    fn default() -> Generations<K, V> {
        Generations { younger: HashMap::default(), older: HashMap::default(), weight: 0 }
    }
}

impl<K: Eq + Hash, V> Generations<K, V> {
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.younger.get(key).or_else(|| self.older.get(key))
    }

    pub(super) fn insert(&mut self, key: K, value: V, limits: &Limits, weigh: impl Fn(&V) -> usize) {
        let weight = weigh(&value);
        let full = self.younger.len() >= limits.entries || self.weight + weight > limits.weight;
        if full && !self.younger.contains_key(&key) {
            // With the room that it has.
            std::mem::swap(&mut self.older, &mut self.younger);
            self.younger.clear();
            self.weight = 0;
        }
        self.weight += weight;
        if let Some(before) = self.younger.insert(key, value) {
            self.weight -= weigh(&before);
        }
    }

    pub(super) fn remove(&mut self, key: &K, weigh: impl Fn(&V) -> usize) {
        if let Some(before) = self.younger.remove(key) {
            self.weight -= weigh(&before);
        }
        if !self.older.is_empty() {
            self.older.remove(key);
        }
    }

    /// How many entries there are in both; some may be of the same key.
    pub(super) fn len(&self) -> usize {
        self.younger.len() + self.older.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { entries: 100, weight: 1000 };

    /// Keeps these numbers, each of which weighs as much.
    fn keep(table: &mut Generations<usize, usize>, numbers: std::ops::Range<usize>, weight: usize) {
        for number in numbers {
            table.insert(number, weight, &LIMITS, |weight| *weight);
            assert!(table.len() <= 2 * LIMITS.entries);
            assert!(table.weight <= LIMITS.weight);
            assert_eq!(table.weight, weights(&table.younger));
            assert!(weights(&table.older) <= LIMITS.weight);
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a sum has no order")]
    fn weights(generation: &HashMap<usize, usize, RandomState>) -> usize {
        generation.values().sum()
    }

    fn knows(table: &Generations<usize, usize>, number: usize) -> bool {
        table.get(&number).is_some()
    }

    #[test]
    fn those_kept_last_are_always_known() {
        let mut table = Generations::default();
        for end in 1..=6 * LIMITS.entries + 7 {
            keep(&mut table, end - 1..end, 1);
            assert!(knows(&table, end.saturating_sub(LIMITS.entries)), "the one {} before", LIMITS.entries);
        }
        assert!(!knows(&table, 0));
    }

    #[test]
    fn of_heavy_ones_fewer_are_known() {
        let mut table = Generations::default();
        for end in 1..=67 {
            keep(&mut table, end - 1..end, 90);
            // Eleven of them are a generation.
            assert!(knows(&table, end.saturating_sub(11)));
            assert!(table.len() <= 22);
        }
        assert!(!knows(&table, 0));
    }

    #[test]
    fn one_that_is_kept_again_and_again_stays_known_among_many_others() {
        let mut table = Generations::default();
        keep(&mut table, 0..1, 3);
        for round in 1..10 {
            keep(&mut table, round * LIMITS.entries..(round + 1) * LIMITS.entries - 1, 3);
            assert!(knows(&table, 0), "round {round}");
            keep(&mut table, 0..1, 2 + round);
            assert_eq!(table.get(&0), Some(&(2 + round)), "the last value counts");
        }
    }

    #[test]
    fn what_is_removed_is_not_known_from_an_older_generation() {
        let mut table = Generations::default();
        keep(&mut table, 0..LIMITS.entries, 1);
        // Now they all stand in the older generation; the first is kept again.
        keep(&mut table, LIMITS.entries..LIMITS.entries + 1, 1);
        keep(&mut table, 0..1, 1);
        for number in [0, 1] {
            assert!(knows(&table, number));
            table.remove(&number, |weight| *weight);
            assert!(!knows(&table, number));
        }
        assert_eq!(table.weight, 1);
        assert!(knows(&table, 2));
    }
}
