//! [`Location`]: where a frame stands. [`Found`]: the locations of one hash.

use larder::{ErrorKind, Result};

use super::failure;

/// Frames begin at multiples of this, and are as long; in bytes.
pub(crate) const UNIT: u64 = 16;

/// Lengths of so many units and more are not kept.
const UNKNOWN: u16 = u16::MAX;

/// Where a frame stands. Two are equal if they are the same place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Location {
    segment: u32,
    /// The offset, in units.
    unit: u32,
    /// The length, in units: never 0.
    units: u16,
}

impl Location {
    /// The frame of `len` bytes at `offset` (a multiple of 16, below 64 GiB) of a segment.
    ///
    /// # Errors
    /// `Invalid` if the offset is another.
    pub(crate) fn new(segment: u32, offset: u64, len: u64) -> Result<Location> {
        let unit = u32::try_from(offset / UNIT).ok().filter(|_| offset.is_multiple_of(UNIT));
        let Some(unit) = unit else {
            let message = format!("no frame can begin at {offset} of segment {segment}");
            return Err(failure::error(ErrorKind::Invalid, message));
        };
        let units = u16::try_from(len.div_ceil(UNIT)).unwrap_or(UNKNOWN).max(1);
        Ok(Location { segment, unit, units })
    }

    /// The segment's id.
    pub(crate) fn segment(self) -> u32 {
        self.segment
    }

    /// Bytes from the beginning of the segment's file.
    pub(crate) fn offset(self) -> u64 {
        u64::from(self.unit) * UNIT
    }

    /// The frame's length in bytes, rounded up to a multiple of 16; `None` if it has 1 MiB - 16 or more.
    pub(crate) fn known_len(self) -> Option<u64> {
        (self.units != UNKNOWN).then(|| u64::from(self.units) * UNIT)
    }
}

impl PartialEq for Location {
    fn eq(&self, other: &Location) -> bool {
        (self.segment, self.unit) == (other.segment, other.unit)
    }
}

impl Eq for Location {}

/// A location with the part of the hash that is not the number of the shard: 16 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slot {
    /// 48 bits of tag, 16 of the length in units: 0 if the slot is empty.
    head: u64,
    /// 32 bits of segment, 32 of the offset in units.
    place: u64,
}

const _: () = assert!(size_of::<Slot>() == Slot::BYTES);

impl Slot {
    /// What a slot takes, in memory and in a checkpoint.
    pub(super) const BYTES: usize = 16;

    /// Nothing.
    pub(super) const EMPTY: Slot = Slot { head: 0, place: 0 };

    /// `tag` has 48 bits.
    pub(super) fn new(tag: u64, location: Location) -> Slot {
        Slot {
            head: tag << 16 | u64::from(location.units),
            place: u64::from(location.segment) << 32 | u64::from(location.unit),
        }
    }

    #[inline]
    pub(super) fn is_empty(self) -> bool {
        self.head & 0xffff == 0
    }

    #[inline]
    pub(super) fn tag(self) -> u64 {
        self.head >> 16
    }

    pub(super) fn location(self) -> Location {
        Location {
            segment: (self.place >> 32) as u32,
            unit: self.place as u32,
            units: (self.head & 0xffff) as u16,
        }
    }

    /// As in a checkpoint: tag (48 bits), length (16), segment (32), offset (32).
    pub(super) fn to_bytes(self) -> [u8; Slot::BYTES] {
        (u128::from(self.head) << 64 | u128::from(self.place)).to_be_bytes()
    }

    pub(super) fn from_bytes(bytes: [u8; Slot::BYTES]) -> Slot {
        let both = u128::from_be_bytes(bytes);
        Slot { head: (both >> 64) as u64, place: both as u64 }
    }
}

/// The locations that have one hash: of the key that was asked for and, rarely, of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The checkpoint must be read to know: ask `find_waiting`.
    NotLoaded,
    /// No key has this hash.
    Nothing,
    /// One.
    One([Location; 1]),
    /// Two.
    Two([Location; 2]),
    /// More.
    More(Vec<Location>),
}

impl Found {
    /// The locations; none if they are not loaded.
    pub(crate) fn locations(&self) -> &[Location] {
        match self {
            Found::NotLoaded | Found::Nothing => &[],
            Found::One(one) => one,
            Found::Two(two) => two,
            Found::More(more) => more,
        }
    }

    /// Adds one.
    pub(super) fn and(self, next: Location) -> Found {
        match self {
            Found::NotLoaded | Found::Nothing => Found::One([next]),
            Found::One([one]) => Found::Two([one, next]),
            Found::Two([one, two]) => Found::More(vec![one, two, next]),
            Found::More(mut more) => {
                more.push(next);
                Found::More(more)
            }
        }
    }
}
