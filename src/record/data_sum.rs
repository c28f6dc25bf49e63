//! [`DataSum`]: what a head says of its data.

/// Length and checksum of a data part, added up while it goes by.
#[derive(Clone, Debug, Default)]
pub struct DataSum {
    hasher: crc32fast::Hasher,
    len: u64,
}

impl DataSum {
    /// Of nothing yet.
    pub fn new() -> DataSum {
        DataSum::default()
    }

    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> DataSum {
        let mut sum = DataSum::new();
        sum.update(bytes);
        sum
    }

    /// Takes more bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
    }

    /// How many bytes went by.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether none did.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Their CRC-32 (IEEE).
    pub fn crc(&self) -> u32 {
        self.hasher.clone().finalize()
    }
}
