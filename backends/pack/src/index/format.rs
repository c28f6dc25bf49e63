//! The bytes of a checkpoint: header, directory, blocks of keys; and its name.

use byteorder::{BigEndian as Be, ByteOrder};
use crc32fast::Hasher;

use super::SHARDS;
use crate::place::Place;

/// What a checkpoint begins with: a byte that is no text, "LPX", the version of the format.
const MAGIC: [u8; 8] = [0xf5, b'L', b'P', b'X', 0, 0, 0, 1];

/// The header without what the owner adds, and its checksum.
pub(super) const FIXED: usize = 40;

/// What the owner adds has no more bytes.
pub(super) const EXTRA_BYTES: usize = 16 << 20;

/// A shard in the directory.
const ENTRY: usize = 24;

/// The directory: the shards, and a checksum.
pub(super) const DIRECTORY: usize = SHARDS * ENTRY + 4;

/// The head of a block of keys: length and number of the keys, checksum.
pub(super) const BLOCK_HEAD: usize = 12;

/// A block ends with the key that makes it this long.
pub(super) const BLOCK_BYTES: usize = 64 << 10;

/// No block is longer.
pub(super) const BLOCK_MOST: usize = BLOCK_BYTES + larder::limits::KEY_BYTES + 3;

/// What a checkpoint is, apart from the shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The store's salt.
    pub(super) salt: u64,
    /// Which checkpoint this is.
    pub(super) number: u64,
    /// It holds all of the log before this.
    pub(super) position: Place,
    /// What the owner added.
    pub(super) extra: Vec<u8>,
}

/// The beginning of a header tells how long it is: `FIXED`, so many bytes more, 4 of checksum.
pub(super) fn extra_len(fixed: &[u8; FIXED]) -> Option<usize> {
    let len = Be::read_u32(&fixed[36..]) as usize;
    (fixed[..8] == MAGIC && len <= EXTRA_BYTES).then_some(len)
}

/// The salt in the beginning of a header, not verified.
pub(super) fn salt(fixed: &[u8; FIXED]) -> Option<u64> {
    (fixed[..8] == MAGIC).then(|| Be::read_u64(&fixed[8..]))
}

impl Header {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; FIXED];
        bytes[..8].copy_from_slice(&MAGIC);
        Be::write_u64(&mut bytes[8..], self.salt);
        Be::write_u64(&mut bytes[16..], self.number);
        Be::write_u64(&mut bytes[24..], self.position.offset);
        Be::write_u32(&mut bytes[32..], self.position.segment);
        Be::write_u32(&mut bytes[36..], self.extra.len() as u32);
        bytes.extend_from_slice(&self.extra);
        let sum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&sum.to_be_bytes());
        bytes
    }

    /// The header that is these bytes, if its checksum is right.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Header> {
        let (content, sum) = bytes.split_last_chunk::<4>()?;
        let (fixed, extra) = content.split_first_chunk::<FIXED>()?;
        let whole = extra_len(fixed)? == extra.len() && crc32fast::hash(content) == u32::from_be_bytes(*sum);
        whole.then(|| Header {
            salt: Be::read_u64(&fixed[8..]),
            number: Be::read_u64(&fixed[16..]),
            position: Place { offset: Be::read_u64(&fixed[24..]), segment: Be::read_u32(&fixed[32..]) },
            extra: extra.to_vec(),
        })
    }
}

/// Where a shard stands in the file: its slots, then its blocks of keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Section {
    /// Where it begins. Not written: the sections follow each other.
    pub(super) at: u64,
    /// How many slots and keys it has.
    pub(super) count: u64,
    /// The bytes of the blocks.
    pub(super) keys_len: u64,
    /// The checksum of the slots.
    pub(super) slots_sum: u32,
}

impl Section {
    /// Where the blocks begin; `None` if the numbers make no sense.
    pub(super) fn keys_at(&self) -> Option<u64> {
        self.at.checked_add(self.count.checked_mul(super::location::Slot::BYTES as u64)?)
    }

    /// Where the section ends.
    pub(super) fn end(&self) -> Option<u64> {
        self.keys_at()?.checked_add(self.keys_len)
    }
}

/// The directory of a file with this header.
pub(super) fn directory(sections: &[Section], header: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; SHARDS * ENTRY];
    for (section, bytes) in sections.iter().zip(bytes.chunks_exact_mut(ENTRY)) {
        Be::write_u64(bytes, section.count);
        Be::write_u64(&mut bytes[8..], section.keys_len);
        Be::write_u32(&mut bytes[16..], section.slots_sum);
    }
    let sum = directory_sum(&bytes, header);
    bytes.extend_from_slice(&sum.to_be_bytes());
    bytes
}

/// The sections that a directory names, if it is whole and they fill the file from the header, which is
/// `header`, to the directory, which begins at `at`.
pub(super) fn sections(directory: &[u8], header: &[u8], at: u64) -> Option<Vec<Section>> {
    let (content, sum) = directory.split_last_chunk::<4>()?;
    if content.len() != SHARDS * ENTRY || directory_sum(content, header) != u32::from_be_bytes(*sum) {
        return None;
    }
    let mut end = header.len() as u64;
    let mut sections = Vec::with_capacity(SHARDS);
    for bytes in content.chunks_exact(ENTRY) {
        let section = Section {
            at: end,
            count: Be::read_u64(bytes),
            keys_len: Be::read_u64(&bytes[8..]),
            slots_sum: Be::read_u32(&bytes[16..]),
        };
        end = section.end().filter(|end| *end <= at && bytes[20..] == [0; 4])?;
        sections.push(section);
    }
    (end == at).then_some(sections)
}

fn directory_sum(content: &[u8], header: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(header);
    hasher.update(content);
    hasher.finalize()
}

/// Begins the checksum of what stands at an offset of a checkpoint: what belongs to another file or
/// place is not taken for it.
pub(super) fn sum_at(salt: u64, number: u64, at: u64) -> Hasher {
    let mut hasher = Hasher::new();
    let mut bytes = [0; 24];
    Be::write_u64(&mut bytes, salt);
    Be::write_u64(&mut bytes[8..], number);
    Be::write_u64(&mut bytes[16..], at);
    hasher.update(&bytes);
    hasher
}

/// The head of a block with these keys; `sum` is [`sum_at`] of where it begins.
pub(super) fn block_head(keys: &[u8], count: u32, sum: Hasher) -> [u8; BLOCK_HEAD] {
    let mut head = [0; BLOCK_HEAD];
    Be::write_u32(&mut head, keys.len() as u32);
    Be::write_u32(&mut head[4..], count);
    let sum = block_sum(&head, keys, sum);
    Be::write_u32(&mut head[8..], sum);
    head
}

/// The length of a block's keys and their number, not verified.
pub(super) fn block_size(head: &[u8; BLOCK_HEAD]) -> (usize, u64) {
    (Be::read_u32(head) as usize, u64::from(Be::read_u32(&head[4..])))
}

/// Whether a block is whole.
pub(super) fn is_block(head: &[u8; BLOCK_HEAD], keys: &[u8], sum: Hasher) -> bool {
    block_sum(head, keys, sum) == Be::read_u32(&head[8..])
}

fn block_sum(head: &[u8; BLOCK_HEAD], keys: &[u8], mut sum: Hasher) -> u32 {
    sum.update(&head[..8]);
    sum.update(keys);
    sum.finalize()
}

/// The name of a checkpoint.
pub(crate) fn name(number: u64) -> String {
    format!("{number:08x}.index")
}

/// Its name while it is written.
pub(super) fn unfinished_name(number: u64) -> String {
    format!("{number:08x}.index.tmp")
}

/// The number of the checkpoint with this name.
pub(super) fn number(file_name: &str) -> Option<u64> {
    let number = u64::from_str_radix(file_name.strip_suffix(".index")?, 16).ok()?;
    (name(number) == file_name).then_some(number)
}

/// Whether this is the name of a checkpoint that is being written, or was.
pub(super) fn is_unfinished(file_name: &str) -> bool {
    file_name.strip_suffix(".tmp").is_some_and(|name| number(name).is_some())
}
