//! The records: keys of 24 bytes in hashed order, values that do not compress. The same in every run.

use std::str;

use bytes::Bytes;

use crate::rows::data::{self, Numbers};

/// A key: 16 digits of a hash of its number, and 8 of the number, all of them letters and digits, so
/// that it is text for larder and bytes for everybody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RawKey([u8; RawKey::LEN]);

impl RawKey {
    /// The length in bytes.
    pub const LEN: usize = 24;

    /// The key of the record with this number.
    pub fn new(number: u64) -> RawKey {
        let mut key = [0; RawKey::LEN];
        hex(Numbers::new(number).draw(), &mut key[..16]);
        hex(number << 32, &mut key[16..]);
        RawKey(key)
    }

    /// From its bytes.
    pub fn from_bytes(bytes: [u8; RawKey::LEN]) -> RawKey {
        RawKey(bytes)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8; RawKey::LEN] {
        &self.0
    }

    /// Its text.
    pub fn text(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The uppermost digits, as many as there is room for.
fn hex(number: u64, out: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (at, digit) in out.iter_mut().enumerate() {
        *digit = DIGITS[(number >> (60 - 4 * at)) as usize & 15];
    }
}

/// A value.
#[derive(Clone, Debug)]
pub struct Value {
    /// Its bytes.
    pub bytes: Bytes,
    /// The number that it was made of, for stores that store something else.
    pub number: u64,
}

/// All records of one length.
#[derive(Clone, Debug)]
pub struct Records {
    pool: Bytes,
    len: usize,
}

/// The values are pieces of a pool of random bytes that is larger than any window of a compressor.
const POOL: usize = 8 << 20;

impl Records {
    /// Records with values of this length.
    pub fn new(len: usize) -> Records {
        Records { pool: data::bytes(POOL + len, 1).into(), len }
    }

    /// The length of the values.
    pub fn value_len(&self) -> usize {
        self.len
    }

    /// The value with this number. The one that a record has at first has the number of the record.
    pub fn value(&self, number: u64) -> Value {
        let from = Numbers::new(!number).below(POOL);
        Value { bytes: self.pool.slice(from..from + self.len), number }
    }

    /// The record with this number.
    pub fn record(&self, number: u64) -> (RawKey, Value) {
        (RawKey::new(number), self.value(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_text_of_24_bytes_and_differ() {
        let mut keys: Vec<String> = (0..1000).map(|n| RawKey::new(n).text().to_owned()).collect();
        assert!(keys.iter().all(|key| key.len() == 24), "{keys:?}");
        assert!(!keys.is_sorted());
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 1000);
    }

    #[test]
    fn a_value_is_the_same_every_time() {
        let (one, other) = (Records::new(100), Records::new(100));
        assert_eq!(one.value(7).bytes, other.value(7).bytes);
        assert_ne!(one.value(7).bytes, one.value(8).bytes);
        assert_eq!(one.value(7).bytes.len(), one.value_len());
    }
}
