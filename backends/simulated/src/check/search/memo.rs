//! [`Memo`]: a set of configurations of one length.

/// A set of keys of `width` words each, side by side in one vector; a table of open addresses finds them by
/// their hash, and what is found is compared.
#[derive(Debug)]
pub(in crate::check) struct Memo {
    width: usize,
    keys: Vec<u64>,
    /// One more than the number of the key; 0 for none. The length is a power of two.
    table: Vec<u32>,
}

impl Memo {
    pub(in crate::check) fn new(width: usize) -> Memo {
        Memo { width: width.max(1), keys: Vec::new(), table: Vec::new() }
    }

    /// How many keys there are.
    pub(in crate::check) fn len(&self) -> usize {
        self.keys.len() / self.width
    }

    pub(in crate::check) fn contains(&self, key: &[u64]) -> bool {
        !self.table.is_empty() && self.table[self.place(key)] != 0
    }

    /// Adds a key of `width` words.
    pub(in crate::check) fn insert(&mut self, key: &[u64]) {
        debug_assert_eq!(key.len(), self.width);
        if self.table.len() < 2 * (self.len() + 1) {
            self.grow();
        }
        let place = self.place(key);
        if self.table[place] == 0 {
            self.keys.extend_from_slice(key);
            self.table[place] = self.len() as u32;
        }
    }

    /// Where the key is in the table, or would be. The table has room, so the walk ends.
    fn place(&self, key: &[u64]) -> usize {
        let mask = self.table.len() - 1;
        let mut place = hash(key) as usize & mask;
        loop {
            match self.table[place] {
                0 => return place,
                number if self.key(number) == key => return place,
                _ => place = (place + 1) & mask,
            }
        }
    }

    fn key(&self, number: u32) -> &[u64] {
        let start = (number as usize - 1) * self.width;
        &self.keys[start..start + self.width]
    }

    fn grow(&mut self) {
        self.table = vec![0; (4 * (self.len() + 1)).next_power_of_two().max(64)];
        for number in 1..=self.len() as u32 {
            let place = self.place(self.key(number));
            self.table[place] = number;
        }
    }
}

fn hash(key: &[u64]) -> u64 {
    let mix = |hash: u64, word: &u64| {
        let folded = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        folded ^ (folded >> 29)
    };
    let hash = key.iter().fold(0x2545_f491_4f6c_dd1d, mix).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_inserted_is_found_and_nothing_else() {
        let mut memo = Memo::new(2);
        assert!(!memo.contains(&[0, 0]));
        for n in 0..10_000u64 {
            memo.insert(&[n, n % 7]);
            memo.insert(&[n, n % 7]);
        }
        assert_eq!(memo.len(), 10_000);
        assert!((0..10_000).all(|n| memo.contains(&[n, n % 7]) && !memo.contains(&[n, 7])));
    }
}
