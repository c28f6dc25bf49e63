//! [`Table`]: a distribution of times as its quantiles, with integers alone between a draw and a time.
//!
//! The 513 quantiles stand at fixed probabilities, closer together towards both ends: every halving of
//! the distance to the end is cut into sixteen equal pieces, 10 halvings (to 1/1024) at the lower end and
//! 22 (to 1/4,194,304) at the upper one. All of them are exact in binary, so a draw finds its piece by
//! counting leading zeros. Within a piece the quantile function is taken to be straight.

use std::sync::Arc;

use crate::time::Nanos;

/// How many pieces a table has.
pub(super) const PIECES: usize = 512;
const LOWER: u32 = 10;
const UPPER: u32 = 22;
const EACH: u32 = 16;
/// The bits of a draw that say where in a piece it lies.
const WITHIN: u32 = u64::BITS - EACH.trailing_zeros();
const _: () = assert!((LOWER + UPPER) * EACH == PIECES as u32);

/// No time is longer: a year. It keeps sums of times from overflowing.
pub(super) const LONGEST: Nanos = 365 * 24 * 3600 * 1_000_000_000;

/// 513 times that never fall: the quantiles at [`probability`].
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Table(Arc<[Nanos; PIECES + 1]>);

/// The probability at which entry `index` stands. It and its complement are exact.
pub(super) fn probability(index: usize) -> f64 {
    let distance = |steps: u32, halvings: u32| {
        let (octave, part) = (steps / EACH, f64::from(steps % EACH) / f64::from(EACH));
        let unit = |exponent: u32| 1.0 / (1u64 << exponent) as f64;
        if octave == 0 { part * unit(halvings) } else { (1.0 + part) * unit(halvings + 1 - octave) }
    };
    let (index, lower) = (index.min(PIECES) as u32, LOWER * EACH);
    if index <= lower { distance(index, LOWER) } else { 1.0 - distance(PIECES as u32 - index, UPPER) }
}

impl Table {
    /// The table of a quantile function. What falls is lifted, and nothing is longer than [`LONGEST`].
    pub(super) fn build(mut quantile: impl FnMut(f64) -> f64) -> Table {
        let mut least = 0;
        Table(Arc::new(std::array::from_fn(|index| {
            // A cast saturates, and makes 0 of what is no number.
            let value = (quantile(probability(index)) + 0.5) as Nanos;
            least = value.min(LONGEST).max(least);
            least
        })))
    }

    /// The same table with every time changed by a function that never falls.
    pub(super) fn map(&self, change: impl Fn(Nanos) -> Nanos) -> Table {
        Table(Arc::new(self.0.map(|value| change(value).min(LONGEST))))
    }

    /// Always the same time.
    pub(super) fn constant(time: Nanos) -> Table {
        Table(Arc::new([time.min(LONGEST); PIECES + 1]))
    }

    /// These times, if they are 513, never fall, and none is longer than [`LONGEST`].
    pub(super) fn of(times: &[Nanos]) -> Option<Table> {
        let times: [Nanos; PIECES + 1] = times.try_into().ok()?;
        (times.is_sorted() && times[PIECES] <= LONGEST).then(|| Table(Arc::new(times)))
    }

    /// The times.
    pub(super) fn values(&self) -> &[Nanos; PIECES + 1] {
        &self.0
    }

    /// The time for a draw: the quantile at `draw / 2^64`.
    pub(super) fn sample(&self, draw: u64) -> Nanos {
        // The distance from the nearer end, below 2^63.
        let upper = draw >> 63 == 1;
        let (distance, halvings) = if upper { (!draw, UPPER) } else { (draw, LOWER) };
        // Which halving, and the bits behind its leading one: four for the piece, the rest within it.
        let halving = (distance.leading_zeros() - 1).min(halvings - 1);
        let bits = distance << (halving + 2).min(halvings);
        let steps = ((halvings - 1 - halving) * EACH + (bits >> WITHIN) as u32) as usize;
        let (from, to) = if upper {
            (self.0[PIECES - steps], self.0[PIECES - steps - 1])
        } else {
            (self.0[steps], self.0[steps + 1])
        };
        let within = u128::from(bits & ((1 << WITHIN) - 1));
        let way = (u128::from(from.abs_diff(to)) * within) >> WITHIN;
        if upper { from - way as Nanos } else { from + way as Nanos }
    }

    /// The time that a share `q` (0 to 1) stays below.
    pub(super) fn quantile(&self, q: f64) -> Nanos {
        const SCALE: f64 = 18_446_744_073_709_551_616.0;
        if q < 0.5 {
            self.sample((q * SCALE) as u64)
        } else if q > 0.5 {
            self.sample(!(((1.0 - q) * SCALE) as u64))
        } else {
            self.0[(LOWER * EACH) as usize]
        }
    }

    /// The share of times that are `time` or shorter.
    pub(super) fn at_most(&self, time: Nanos) -> f64 {
        match self.0.partition_point(|value| *value <= time) {
            0 => 0.0,
            after if after > PIECES => 1.0,
            after => self.between(after - 1, time),
        }
    }

    /// The share of times that are shorter than `time`.
    pub(super) fn below(&self, time: Nanos) -> f64 {
        match self.0.partition_point(|value| *value < time) {
            0 => 0.0,
            after if after > PIECES => 1.0,
            after => self.between(after - 1, time),
        }
    }

    fn between(&self, piece: usize, time: Nanos) -> f64 {
        let (from, to) = (self.0[piece], self.0[piece + 1]);
        let (low, high) = (probability(piece), probability(piece + 1));
        low + (high - low) * ((time - from) as f64 / (to - from) as f64)
    }

    /// The mean, in nanoseconds.
    pub(super) fn mean(&self) -> f64 {
        let piece = |index: usize| {
            let width = probability(index + 1) - probability(index);
            width * (self.0[index] as f64 + self.0[index + 1] as f64) / 2.0
        };
        (0..PIECES).map(piece).sum()
    }
}

/// The table of a mixture. Its distribution function is straight between the entries of its parts, so
/// it can be turned round exactly. The weights sum to 1.
pub(super) fn mixture(parts: &[(f64, Table)]) -> Table {
    let mut times: Vec<Nanos> = parts.iter().flat_map(|(_, table)| *table.values()).collect();
    times.sort_unstable();
    times.dedup();
    let share = |of: &dyn Fn(&Table) -> f64| parts.iter().map(|(weight, table)| weight * of(table)).sum();
    let shares: Vec<(f64, f64)> = times
        .iter()
        .map(|time| {
            (share(&|table: &Table| table.below(*time)), share(&|table: &Table| table.at_most(*time)))
        })
        .collect();
    let mut at = 0;
    Table::build(|q| {
        while at + 1 < times.len() && shares[at].1 < q {
            at += 1;
        }
        let ((below, _), time) = (shares[at], times[at] as f64);
        if at == 0 || q >= below {
            return time;
        }
        let (before, earlier) = (shares[at - 1].1, times[at - 1] as f64);
        earlier + (time - earlier) * ((q - before) / (below - before))
    })
}

/// The table of the sum of two independent times. Each is taken as atoms, one in the middle of a piece.
pub(super) fn sum(one: &Table, other: &Table) -> Table {
    let atom = |table: &Table, index: usize| {
        let (from, to) = (table.values()[index], table.values()[index + 1]);
        (from + (to - from) / 2, probability(index + 1) - probability(index))
    };
    let atoms =
        |table: &Table| -> Vec<(Nanos, f64)> { (0..PIECES).map(|index| atom(table, index)).collect() };
    let others = atoms(other);
    let add = |(time, weight): (Nanos, f64)| others.iter().map(move |(more, w)| (time + more, weight * w));
    let mut sums: Vec<(Nanos, f64)> = atoms(one).into_iter().flat_map(add).collect();
    sums.sort_unstable_by_key(|(time, _)| *time);
    let (mut at, mut share) = (0, sums[0].1);
    Table::build(|q| {
        while at + 1 < sums.len() && share < q {
            at += 1;
            share += sums[at].1;
        }
        sums[at].0 as f64
    })
}
