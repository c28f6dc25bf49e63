//! What a crash may leave of one file's data.
//!
//! A sector is written whole, and shows what it held after some call: so what may be found of it are the
//! states that it went through. Sectors are independent of one another, and of the length, except where
//! a file system writes appended data before the length that covers it.

use std::sync::Arc;

use super::super::content::{Content, Sector};
use super::super::state::File;
use super::CrashModel;

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

impl Case {
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

    /// The variant with this number.
    pub(super) fn get(&self, mut number: u128) -> Content {
        let mut content = self.base.clone();
        for case in &self.cases {
            let count = case.count();
            if number >= count {
                number -= count;
                continue;
            }
            content.set_len(case.len);
            for (index, choices) in &case.sectors {
                let choice = (number % choices.len() as u128) as usize;
                number /= choices.len() as u128;
                content.put(*index, choices[choice].clone());
            }
            break;
        }
        content
    }

    /// The most telling variants, by number: nothing of the data and all of it, for every length.
    pub(super) fn telling(&self) -> Vec<u128> {
        let mut numbers = Vec::new();
        let mut first = 0u128;
        for case in &self.cases {
            let count = case.count();
            numbers.push(first);
            numbers.push(first.saturating_add(count - 1));
            // One sector missing, of those that are spread over the file; the last choice is the newest.
            let mut weight = 1u128;
            let skipped = (case.sectors.len() / 4).max(1);
            for (at, (_, choices)) in case.sectors.iter().enumerate() {
                if at % skipped == 0 || at + 1 == case.sectors.len() {
                    let missing = weight.saturating_mul(choices.len() as u128 - 1);
                    numbers.push(first.saturating_add((count - 1).saturating_sub(missing)));
                }
                weight = weight.saturating_mul(choices.len() as u128);
            }
            first = first.saturating_add(count);
        }
        numbers.sort_unstable();
        numbers.dedup();
        numbers
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
