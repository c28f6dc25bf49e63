//! The bytes of a file, sector by sector: what a medium writes whole or not at all. Sectors are shared
//! between the states of a file, so that keeping a state for every call costs little.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The bytes of one sector; `None` is a hole, which reads as zeros.
pub(super) type Sector = Option<Arc<[u8]>>;

/// The bytes of a file. Invariant: there is a slot for every sector below `len` and none above, and
/// what a sector holds beyond `len` is zero.
#[derive(Clone, Debug)]
pub(super) struct Content {
    len: u64,
    sector: usize,
    sectors: Arc<Vec<Sector>>,
}

/// One change of a file that the medium makes whole or not at all, in the order of the calls.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// The sector that changed, and all that it holds from then on.
    pub(super) sector: Option<(usize, Sector)>,
    /// The length of the file from then on.
    pub(super) len: u64,
}

impl Content {
    pub(super) fn new(sector: usize) -> Content {
        Content { len: 0, sector: sector.max(1), sectors: Arc::default() }
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The bytes of a sector.
    pub(super) fn sector_len(&self) -> u64 {
        self.sector as u64
    }

    /// How many sectors there are, holes included.
    pub(super) fn sectors(&self) -> usize {
        self.sectors.len()
    }

    /// How many bytes of the medium it takes: a hole takes none.
    pub(super) fn used(&self) -> u64 {
        (self.sectors.iter().flatten().count() * self.sector) as u64
    }

    pub(super) fn get(&self, index: usize) -> Sector {
        self.sectors.get(index).cloned().flatten()
    }

    /// Puts a sector in its place, if the file is as long.
    pub(super) fn put(&mut self, index: usize, sector: Sector) {
        if let Some(slot) = Arc::make_mut(&mut self.sectors).get_mut(index) {
            *slot = sector;
        }
        self.clear_tail();
    }

    /// Cuts the file, or extends it with a hole.
    pub(super) fn set_len(&mut self, len: u64) {
        let count = len.div_ceil(self.sector as u64) as usize;
        self.len = len;
        if self.sectors.len() != count {
            Arc::make_mut(&mut self.sectors).resize(count, None);
        }
        self.clear_tail();
    }

    /// Keeps the invariant: zeros beyond the end.
    fn clear_tail(&mut self) {
        let within = (self.len % self.sector as u64) as usize;
        let Some(Some(last)) = self.sectors.last() else { return };
        if within == 0 || last[within..].iter().all(|byte| *byte == 0) {
            return;
        }
        let mut cut = last.to_vec();
        cut[within..].fill(0);
        if let Some(slot) = Arc::make_mut(&mut self.sectors).last_mut() {
            *slot = Some(cut.into());
        }
    }

    /// Reads at an offset: fewer bytes only at the end.
    pub(super) fn read(&self, buffer: &mut [u8], offset: u64) -> usize {
        let length = (self.len.saturating_sub(offset)).min(buffer.len() as u64) as usize;
        let mut filled = 0;
        while filled < length {
            let at = offset + filled as u64;
            let (index, within) = ((at / self.sector as u64) as usize, (at % self.sector as u64) as usize);
            let count = (self.sector - within).min(length - filled);
            let target = &mut buffer[filled..filled + count];
            match self.sectors.get(index) {
                Some(Some(sector)) => target.copy_from_slice(&sector[within..within + count]),
                _ => target.fill(0),
            }
            filled += count;
        }
        length
    }

    /// All bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.len as usize];
        self.read(&mut bytes, 0);
        bytes
    }

    /// Writes at an offset. Returns the steps by which the medium follows.
    pub(super) fn write(&mut self, bytes: &[u8], offset: u64) -> Vec<Step> {
        let mut steps = Vec::with_capacity(bytes.len() / self.sector + 2);
        let mut done = 0;
        while done < bytes.len() {
            let at = offset + done as u64;
            let (index, within) = ((at / self.sector as u64) as usize, (at % self.sector as u64) as usize);
            let count = (self.sector - within).min(bytes.len() - done);
            let mut sector = match self.sectors.get(index) {
                Some(Some(sector)) => sector.to_vec(),
                _ => vec![0; self.sector],
            };
            sector[within..within + count].copy_from_slice(&bytes[done..done + count]);
            done += count;
            let len = self.len.max(offset + done as u64);
            let count = len.div_ceil(self.sector as u64) as usize;
            let sector: Sector = Some(sector.into());
            let sectors = Arc::make_mut(&mut self.sectors);
            if sectors.len() < count {
                sectors.resize(count, None);
            }
            sectors[index] = sector.clone();
            self.len = len;
            steps.push(Step { sector: Some((index, sector)), len });
        }
        steps
    }

    /// Cuts or extends. Returns the steps by which the medium follows.
    pub(super) fn resize(&mut self, len: u64) -> Vec<Step> {
        let before = Arc::clone(&self.sectors);
        self.set_len(len);
        let mut steps = vec![Step { sector: None, len }];
        let kept = self.sectors.len();
        if kept > 0 && before.get(kept - 1).is_some_and(|old| !same(old, &self.sectors[kept - 1])) {
            steps.push(Step { sector: Some((kept - 1, self.get(kept - 1))), len });
        }
        let cut = before.iter().enumerate().skip(kept).filter(|(_, old)| old.is_some());
        steps.extend(cut.map(|(index, _)| Step { sector: Some((index, None)), len }));
        steps
    }

    /// What the medium holds once it has followed this step.
    pub(super) fn follow(&mut self, step: &Step) {
        self.set_len(step.len);
        if let Some((index, sector)) = &step.sector {
            self.put(*index, sector.clone());
        }
    }

    pub(super) fn is_same(&self, other: &Content) -> bool {
        self.len == other.len
            && self.sectors.iter().zip(other.sectors.iter()).all(|(one, other)| same(one, other))
    }

    pub(super) fn hash(&self, hasher: &mut impl Hasher) {
        self.len.hash(hasher);
        let mut left = self.len as usize;
        let zeros = vec![0; self.sector];
        for sector in self.sectors.iter() {
            let length = left.min(self.sector);
            hasher.write(&sector.as_deref().unwrap_or(&zeros)[..length]);
            left -= length;
        }
    }
}

fn same(one: &Sector, other: &Sector) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other) || one == other,
        (None, None) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::{Draws, below};

    #[test]
    fn the_steps_lead_the_medium_to_what_was_written() {
        for seed in 0..200 {
            let draws = Draws::new(seed).domain("content");
            let (mut live, mut medium) = (Content::new(8), Content::new(8));
            let mut model: Vec<u8> = Vec::new();
            for n in 0..20 {
                let draws = draws.of(n);
                let (offset, length) = (below(draws.at(0), 40), below(draws.at(1), 30) as usize);
                let steps = if below(draws.at(2), 3) == 0 {
                    model.resize(offset as usize, 0);
                    live.resize(offset)
                } else {
                    let bytes: Vec<u8> = (0..length).map(|i| draws.at(3 + i as u64) as u8).collect();
                    let end = offset as usize + length;
                    if length > 0 {
                        model.resize(model.len().max(end), 0);
                        model[offset as usize..end].copy_from_slice(&bytes);
                    }
                    live.write(&bytes, offset)
                };
                steps.iter().for_each(|step| medium.follow(step));
                assert_eq!(live.bytes(), model, "seed {seed}, call {n}");
                assert_eq!(medium.bytes(), model, "seed {seed}, call {n}");
            }
        }
    }
}
