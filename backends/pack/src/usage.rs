//! How much of each segment is alive.

use std::collections::BTreeMap;

use byteorder::{BigEndian, ByteOrder};

/// Bytes of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bytes {
    /// All, with the segment's header.
    pub(crate) total: u64,
    /// Those of frames that the index names.
    pub(crate) live: u64,
    /// Those of removals.
    pub(crate) removals: u64,
}

/// What the segments hold. Removals count as dead: they go when nothing is left that they hide.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usage(BTreeMap<u32, Bytes>);

impl Usage {
    /// What a segment takes in the encoding.
    const ENTRY: usize = 28;

    pub(crate) fn of(&mut self, segment: u32) -> &mut Bytes {
        self.0.entry(segment).or_default()
    }

    pub(crate) fn get(&self, segment: u32) -> Bytes {
        self.0.get(&segment).copied().unwrap_or_default()
    }

    /// Counts live bytes as dead.
    pub(crate) fn bury(&mut self, segment: u32, len: u64) {
        let bytes = self.of(segment);
        bytes.live = bytes.live.saturating_sub(len);
    }

    pub(crate) fn remove(&mut self, segment: u32) {
        self.0.remove(&segment);
    }

    /// Forgets all segments but these.
    pub(crate) fn retain(&mut self, segments: &[u32]) {
        self.0.retain(|id, _| segments.contains(id));
    }

    pub(crate) fn oldest(&self) -> Option<u32> {
        self.0.keys().next().copied()
    }

    pub(crate) fn segments(&self) -> Vec<u32> {
        self.0.keys().copied().collect()
    }

    /// The sum over all segments.
    pub(crate) fn sum(&self) -> Bytes {
        self.0.values().fold(Bytes::default(), |sum, one| Bytes {
            total: sum.total + one.total,
            live: sum.live + one.live,
            removals: sum.removals + one.removals,
        })
    }

    /// The segment below `newest` of which the greatest part is dead, the oldest of equal ones.
    pub(crate) fn worst(&self, newest: u32, spoiled: &[u32]) -> Option<u32> {
        let sealed =
            self.0.iter().filter(|(id, bytes)| **id != newest && bytes.total > 0 && !spoiled.contains(id));
        let dead = |bytes: &Bytes| u128::from(bytes.total.saturating_sub(bytes.live));
        let worse = |(_, a): &(&u32, &Bytes), (_, b): &(&u32, &Bytes)| {
            // Compares dead/total without a fraction; later ones must be strictly worse.
            (dead(b) * u128::from(a.total)).cmp(&(dead(a) * u128::from(b.total)))
        };
        sealed.min_by(worse).map(|(id, _)| *id)
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.0.len() as u32).to_be_bytes());
        for (id, bytes) in &self.0 {
            out.extend_from_slice(&id.to_be_bytes());
            [bytes.total, bytes.live, bytes.removals]
                .iter()
                .for_each(|n| out.extend_from_slice(&n.to_be_bytes()));
        }
    }

    /// Reads what [`Usage::encode`] wrote; returns the rest too.
    pub(crate) fn decode(bytes: &[u8]) -> Option<(Usage, &[u8])> {
        let (count, rest) = bytes.split_first_chunk::<4>()?;
        let len = (u32::from_be_bytes(*count) as usize).checked_mul(Usage::ENTRY)?;
        let (entries, rest) = rest.split_at_checked(len)?;
        let entry = |entry: &[u8]| {
            let number = |at| BigEndian::read_u64(&entry[at..]);
            (BigEndian::read_u32(entry), Bytes { total: number(4), live: number(12), removals: number(20) })
        };
        Some((Usage(entries.chunks_exact(Usage::ENTRY).map(entry).collect()), rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(of: &[(u32, u64, u64)]) -> Usage {
        Usage(
            of.iter()
                .map(|(id, total, live)| (*id, Bytes { total: *total, live: *live, removals: 1 }))
                .collect(),
        )
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let usage = usage(&[(1, 100, 20), (7, 5, 5)]);
        let mut bytes = Vec::new();
        usage.encode(&mut bytes);
        bytes.extend_from_slice(b"rest");
        let (decoded, rest) = Usage::decode(&bytes).unwrap();
        assert_eq!((decoded.0, rest), (usage.0, &b"rest"[..]));
        for cut in 0..bytes.len() - 4 {
            assert!(Usage::decode(&bytes[..cut]).is_none());
        }
    }

    #[test]
    fn the_worst_has_the_greatest_dead_part_and_is_not_the_newest() {
        let usage = usage(&[(1, 100, 50), (2, 1000, 400), (3, 10, 4), (4, 100, 0)]);
        assert_eq!(usage.worst(4, &[]), Some(2));
        assert_eq!(usage.worst(4, &[2]), Some(3));
        assert_eq!(usage.worst(9, &[]), Some(4));
    }
}
