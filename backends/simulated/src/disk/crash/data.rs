//! What a crash may leave of one file's data.
//!
//! A sector is written whole, and shows what it held after some call: so what may be found of it are the
//! states that it went through. Sectors are independent of one another, and of the length, except where
//! a file system writes appended data before the length that covers it.

use std::sync::Arc;

use super::super::content::{Content, Sector};
use super::super::state::File;
use super::CrashModel;
use crate::draw::{Draws, below};

/// What may be found of a file: for each length, the sectors that are not certain.
#[derive(Debug)]
pub(super) struct Variants {
    /// What the medium has for certain.
    base: Content,
    cases: Vec<Case>,
    /// There are more lengths than these.
    thinned: bool,
}

/// So many lengths of one file are looked at: of more, the first, the last and some between.
const LENGTHS: usize = 24;

/// One length, with what may stand in each sector that the file's last calls changed.
#[derive(Debug)]
struct Case {
    len: u64,
    sectors: Vec<(usize, Vec<Sector>)>,
}

/// Which case, and which choice for each of its sectors.
pub(super) type Variant = Vec<usize>;

impl Case {
    /// A variant of this case, which is the one `at`: `pick` chooses among so many for each sector.
    fn variant(&self, at: usize, mut pick: impl FnMut(usize, usize) -> usize) -> Variant {
        let picks = self.sectors.iter().enumerate().map(|(sector, (_, choices))| pick(sector, choices.len()));
        std::iter::once(at).chain(picks).collect()
    }

    fn count(&self) -> u128 {
        self.sectors.iter().fold(1, |count, (_, choices)| count.saturating_mul(choices.len() as u128))
    }
}

impl Variants {
    pub(super) fn new(file: &File, model: CrashModel) -> Variants {
        let base = file.durable.clone();
        let mut lens = vec![base.len()];
        if model != CrashModel::AllLost {
            for step in &file.steps {
                if !lens.contains(&step.len) {
                    lens.push(step.len);
                }
            }
        }
        let thinned = lens.len() > LENGTHS;
        if thinned {
            let last = lens.len() - 1;
            lens = (0..LENGTHS).map(|at| lens[at * last / (LENGTHS - 1)]).collect();
        }
        let unwritten = garbage(file.live.sector_len() as usize);
        let mut cases = Vec::new();
        for len in lens {
            match model {
                CrashModel::AllLost | CrashModel::Killed => {
                    cases.push(Case { len, sectors: Vec::new() });
                }
                CrashModel::Adversarial => cases.push(Case { len, sectors: any(file, len, &unwritten) }),
                CrashModel::Ordered => {
                    let mut at: Vec<usize> =
                        (1..=file.steps.len()).filter(|made| file.steps[made - 1].len == len).collect();
                    if len == base.len() {
                        at.insert(0, 0);
                    }
                    // The earliest leaves the most open: the data of later steps may be there too.
                    let made = at.first().copied().unwrap_or(0);
                    cases.push(Case { len, sectors: ordered(file, len, made) });
                }
            }
        }
        Variants { base, cases, thinned }
    }

    /// Whether these are not all that there are.
    pub(super) fn is_thinned(&self) -> bool {
        self.thinned
    }

    /// How many there are; the same content may be counted more than once.
    pub(super) fn count(&self) -> u128 {
        self.cases.iter().fold(0, |count, case| count.saturating_add(case.count()))
    }

    /// The variant with this number, below the count.
    pub(super) fn numbered(&self, mut number: u128) -> Variant {
        for (at, case) in self.cases.iter().enumerate() {
            let count = case.count();
            if number >= count {
                number -= count;
                continue;
            }
            return case.variant(at, |_, choices| {
                let choice = (number % choices as u128) as usize;
                number /= choices as u128;
                choice
            });
        }
        Variant::new()
    }

    /// The most telling variants: for every length, beginning with the last, all of the data, none of it,
    /// and some with one sector missing.
    pub(super) fn telling(&self) -> Vec<Variant> {
        let mut variants = Vec::new();
        for (at, case) in self.cases.iter().enumerate().rev() {
            variants.push(case.variant(at, |_, choices| choices - 1));
            variants.push(case.variant(at, |_, _| 0));
            let apart = case.sectors.len().div_ceil(4).max(1);
            let missing = (0..case.sectors.len()).step_by(apart).chain(case.sectors.len().checked_sub(1));
            variants.extend(missing.map(|missing| {
                case.variant(at, |sector, choices| if sector == missing { 0 } else { choices - 1 })
            }));
        }
        variants
    }

    /// A variant by chance.
    pub(super) fn by_chance(&self, draws: Draws) -> Variant {
        let at = below(draws.at(0), self.cases.len() as u64) as usize;
        match self.cases.get(at) {
            Some(case) => case
                .variant(at, |sector, choices| below(draws.at(1 + sector as u64), choices as u64) as usize),
            None => Variant::new(),
        }
    }

    /// What a variant is.
    pub(super) fn content(&self, variant: &Variant) -> Content {
        let mut content = self.base.clone();
        let mut picks = variant.iter();
        let Some(case) = picks.next().and_then(|at| self.cases.get(*at)) else { return content };
        content.set_len(case.len);
        for ((index, choices), pick) in case.sectors.iter().zip(picks) {
            content.put(*index, choices[*pick].clone());
        }
        content
    }
}

/// Whether the medium had a place for this sector before.
fn allocated(file: &File, index: usize) -> bool {
    index < file.durable.sectors()
}

/// The states of each changed sector within the length, each with the number of steps made before it.
fn histories(file: &File, len: u64) -> Vec<(usize, Vec<(usize, Sector)>)> {
    let sectors = len.div_ceil(file.live.sector_len());
    let mut found: std::collections::BTreeMap<usize, Vec<(usize, Sector)>> = Default::default();
    for (made, step) in file.steps.iter().enumerate() {
        if let Some((index, sector)) = &step.sector
            && (*index as u64) < sectors
        {
            found.entry(*index).or_default().push((made + 1, sector.clone()));
        }
    }
    found.into_iter().collect()
}

/// Any of its states for every sector; what was never there before may also be what the medium
/// happened to hold.
fn any(file: &File, len: u64, unwritten: &Arc<[u8]>) -> Vec<(usize, Vec<Sector>)> {
    let choices = |(index, history): (usize, Vec<(usize, Sector)>)| {
        let mut choices = vec![file.durable.get(index)];
        if !allocated(file, index) {
            choices.push(Some(Arc::clone(unwritten)));
        }
        choices.extend(history.into_iter().map(|(_, sector)| sector));
        (index, distinct(choices))
    };
    histories(file, len).into_iter().map(choices).collect()
}

/// The same, but what lies beyond the old end is at least as new as the length.
fn ordered(file: &File, len: u64, made: usize) -> Vec<(usize, Vec<Sector>)> {
    let choices = |(index, history): (usize, Vec<(usize, Sector)>)| {
        let mut choices = vec![file.durable.get(index)];
        if allocated(file, index) {
            choices.extend(history.into_iter().map(|(_, sector)| sector));
        } else {
            for (at, sector) in history {
                if at <= made {
                    choices.clear();
                }
                choices.push(sector);
            }
        }
        (index, distinct(choices))
    };
    histories(file, len).into_iter().map(choices).collect()
}

fn distinct(choices: Vec<Sector>) -> Vec<Sector> {
    let mut kept: Vec<Sector> = Vec::with_capacity(choices.len());
    for choice in choices {
        if !kept.contains(&choice) {
            kept.push(choice);
        }
    }
    kept
}

/// What a sector holds that was never written: nobody knows. Not zeros.
fn garbage(length: usize) -> Arc<[u8]> {
    (0..length).map(|at| 0x80 | at.wrapping_mul(31) as u8).collect()
}
