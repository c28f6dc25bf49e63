//! Damaged records. The same state of the same key is damaged in the same way whenever it is read, so
//! that trying again does not help. What a backend would find out is an error here too (its head does not
//! fit its checksum); the rest is for whoever compares the data with it.

use bytes::Bytes;
use futures::StreamExt;
use larder::{Data, Error, ErrorKind, Head, Origin, Part, Result, Stored};

use crate::draw::{Draws, below};

/// A piece of the medium that is written whole or not at all.
const SECTOR: u64 = 512;

/// How a record is damaged. The place follows from the draw and from what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    /// A bit is flipped.
    Rot { draw: u64 },
    /// It is cut off, or has a hole of zeros.
    Torn { draw: u64 },
}

/// Where the bytes of a record, head and data, are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Flipped { at: u64, bit: u32 },
    Cut { at: u64 },
    Zeros { from: u64, to: u64 },
}

impl Damage {
    /// What a read of this part brings, which is there undamaged.
    pub(super) fn read(self, stored: Stored, part: Part) -> Result<Stored> {
        let Stored { head, data, version, .. } = stored;
        let head_len = head.as_bytes().len() as u64;
        let wrong = self.place(&head);
        let mut bytes = head.as_bytes().to_vec();
        wrong.spoil(&mut bytes, 0);
        let head = if bytes == *head.as_bytes() { head } else { parse(bytes)? };
        let offset = head_len
            + match (part, head.size()) {
                (Part::Range(range), Some(size)) => range.within(size).0,
                _ => 0,
            };
        let data = match data {
            Data::None => Data::None,
            Data::Bytes(bytes) => Data::Bytes(wrong.spoiled(bytes, offset)),
            Data::Stream(stream) => {
                let mut offset = offset;
                let spoiled = stream.map(move |chunk| {
                    let chunk = chunk?;
                    let at = offset;
                    offset += chunk.len() as u64;
                    Ok(wrong.spoiled(chunk, at))
                });
                Data::Stream(spoiled.boxed())
            }
        };
        Ok(Stored { head, data, version, verified: false })
    }

    /// Where the damage is: within the record, always in the same place for the same contents.
    fn place(self, head: &Head) -> Wrong {
        let len = head.as_bytes().len() as u64 + head.size().unwrap_or(0);
        let draws = |draw| {
            head.fingerprint().chunks(8).fold(Draws::new(draw), |draws, half| {
                draws.of(half.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
            })
        };
        match self {
            Damage::Rot { draw } => {
                let draws = draws(draw);
                Wrong::Flipped { at: below(draws.at(0), len), bit: below(draws.at(1), 8) as u32 }
            }
            Damage::Torn { draw } => {
                let draws = draws(draw);
                let sector = below(draws.at(1), len.div_ceil(SECTOR)) * SECTOR;
                match draws.at(0) & 1 {
                    0 => Wrong::Cut { at: below(draws.at(1), len) },
                    _ => Wrong::Zeros { from: sector, to: (sector + SECTOR).min(len) },
                }
            }
        }
    }
}

impl Wrong {
    /// Spoils the bytes that begin at this offset of the record.
    fn spoil(self, bytes: &mut Vec<u8>, offset: u64) {
        let end = offset + bytes.len() as u64;
        match self {
            Wrong::Flipped { at, bit } if (offset..end).contains(&at) => {
                bytes[(at - offset) as usize] ^= 1 << bit;
            }
            Wrong::Cut { at } if at < end => bytes.truncate(at.saturating_sub(offset) as usize),
            Wrong::Zeros { from, to } if from < end && to > offset => {
                let (from, to) = (from.max(offset) - offset, to.min(end) - offset);
                bytes[from as usize..to as usize].fill(0);
            }
            _ => {}
        }
    }

    fn spoiled(self, bytes: Bytes, offset: u64) -> Bytes {
        let end = offset + bytes.len() as u64;
        let touched = match self {
            Wrong::Flipped { at, .. } => (offset..end).contains(&at),
            Wrong::Cut { at } => at < end,
            Wrong::Zeros { from, to } => from < end && to > offset,
        };
        if !touched {
            return bytes;
        }
        let mut bytes = Vec::from(bytes);
        self.spoil(&mut bytes, offset);
        bytes.into()
    }
}

/// Reads a head as every backend does.
fn parse(bytes: Vec<u8>) -> Result<Head> {
    let length = Head::length(&bytes)?;
    if length.is_none_or(|length| length != bytes.len()) {
        return Err(Error::new(ErrorKind::Corrupt, "the record is cut off within its head"));
    }
    Head::parse(bytes.into(), Origin::Larder)
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;
    use larder::{DataSum, Kind, Meta, Record, Timestamp, Version};

    use super::*;

    fn stored(len: usize) -> Stored {
        let meta = Meta::new("ada".into(), Kind::Binary, Timestamp::from_millis(1));
        let data = Bytes::from(vec![7; len]);
        let (head, _) = Record::new(&meta, data.clone()).unwrap().into_parts();
        Stored { head, data: Data::Bytes(data), version: Version::from(1), verified: true }
    }

    /// What is wrong with a record that was read whole, if it can be seen.
    fn seen(read: Result<Stored>) -> Option<ErrorKind> {
        match read {
            Err(error) => Some(error.kind()),
            Ok(stored) => {
                assert!(!stored.verified, "whoever reads it must compare it with its checksums");
                let Data::Bytes(data) = stored.data else { panic!("the data is in one piece") };
                stored.head.vouch(&DataSum::of(&data)).err().map(|error| error.kind())
            }
        }
    }

    #[test]
    fn every_damage_can_be_seen() {
        for len in [0, 1, 100, 5_000] {
            for draw in 0..300 {
                for damage in [Damage::Rot { draw }, Damage::Torn { draw }] {
                    let found = seen(damage.read(stored(len), Part::All));
                    assert_eq!(found, Some(ErrorKind::Corrupt), "{damage:?} of {len} bytes");
                }
            }
        }
    }

    #[test]
    fn the_same_state_is_damaged_in_the_same_way_by_whatever_road_it_is_read() {
        let whole = |stored: Stored| match stored.data {
            Data::Bytes(bytes) => bytes,
            Data::Stream(stream) => {
                let chunks: Vec<Bytes> = pollster::block_on(stream.try_collect()).unwrap();
                chunks.concat().into()
            }
            Data::None => panic!("the data was asked for"),
        };
        for draw in 0..200 {
            for damage in [Damage::Rot { draw }, Damage::Torn { draw }] {
                let Ok(once) = damage.read(stored(5_000), Part::All) else { continue };
                let once = whole(once);
                let again = whole(damage.read(stored(5_000), Part::All).unwrap());
                assert_eq!(once, again);
                let range = larder::ByteRange::new(1_000..3_000).unwrap();
                let Stored { head, version, .. } = stored(5_000);
                let data = Data::Bytes(Bytes::from(vec![7; 2_000]));
                let part = Stored { head: head.clone(), data, version: version.clone(), verified: true };
                let ranged = whole(damage.read(part, Part::Range(range)).unwrap());
                assert_eq!(ranged, once.slice(once.len().min(1_000)..once.len().min(3_000)), "{damage:?}");
                let chunks = vec![7; 5_000]
                    .chunks(77)
                    .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
                    .collect::<Vec<_>>();
                let data = Data::Stream(futures::stream::iter(chunks).boxed());
                let streamed = Stored { head, data, version, verified: true };
                assert_eq!(whole(damage.read(streamed, Part::All).unwrap()), once, "{damage:?}");
            }
        }
    }

    #[test]
    fn another_state_is_damaged_in_another_place() {
        let place = |len| Damage::Rot { draw: 5 }.place(&stored(len).head);
        assert_ne!(place(5_000), place(5_001));
    }
}
