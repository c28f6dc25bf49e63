//! Holding a profile against a recording.

use std::fmt::{self, Write as _};
use std::time::Duration;

use super::{Recording, SizeClass};
use crate::latency::class::Class;
use crate::latency::histogram::Histogram;
use crate::latency::model::Latency;
use crate::latency::profile::Profile;
use crate::time::Nanos;

/// The quantiles that are compared.
const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

/// A profile beside what was measured. Prints as a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The profile's name.
    pub profile: String,
    /// The recorded backend's name.
    pub backend: String,
    /// One row for every class and size that was recorded.
    pub rows: Vec<Row>,
}

/// One class and size.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The class.
    pub class: Class,
    /// The size.
    pub size: SizeClass,
    /// How many operations were measured.
    pub count: u64,
    /// How many bytes they had on average; the model is that of operations of this size.
    pub mean_bytes: u64,
    /// Quantile, model and measurement in nanoseconds.
    pub quantiles: Vec<(f64, Nanos, Nanos)>,
    /// The Kolmogorov-Smirnov distance: the largest difference between the two distribution functions,
    /// 0 (the same) to 1 (apart), to the resolution of the histogram.
    pub distance: f64,
    /// Both distribution functions, to be drawn.
    pub curve: Vec<Curve>,
}

/// Both distribution functions at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Curve {
    /// The time, in nanoseconds.
    pub time: Nanos,
    /// The share of operations that take no longer by the model.
    pub model: f64,
    /// The share that took no longer.
    pub measured: f64,
}

impl Recording {
    /// What the profile says of every class and size that was recorded, beside what was measured. The
    /// model is that of an operation with nothing in its way ([`Profile::unloaded`]).
    pub fn compare(&self, profile: &Profile) -> Comparison {
        let recorded = self.cells.iter().filter(|(_, cell)| cell.times.count() > 0);
        let row = |((class, size), cell): (&(Class, SizeClass), &super::Cell)| {
            let (model, measured) = (profile.unloaded(*class, cell.mean_bytes()), &cell.times);
            let curve = curve(&model, measured);
            Row {
                class: *class,
                size: *size,
                count: measured.count(),
                mean_bytes: cell.mean_bytes(),
                quantiles: QUANTILES.map(|q| (q, model.quantile(q), measured.quantile(q))).to_vec(),
                distance: curve.iter().map(|at| (at.model - at.measured).abs()).fold(0.0, f64::max),
                curve,
            }
        };
        let rows = recorded.map(row).collect();
        Comparison { profile: profile.name().to_owned(), backend: self.backend.clone(), rows }
    }
}

/// Both functions at the end of every bucket, and just before its beginning where a gap precedes it.
fn curve(model: &Latency, measured: &Histogram) -> Vec<Curve> {
    let (mut below, mut last, mut curve) = (0u64, None, Vec::new());
    let mut at = |time: Nanos, below: u64| {
        let measured = below as f64 / measured.count().max(1) as f64;
        curve.push(Curve { time, model: model.share_within(time), measured });
    };
    for (from, to, count) in measured.buckets() {
        if from > 0 && last != Some(from - 1) {
            at(from - 1, below);
        }
        below += count;
        at(to, below);
        last = Some(to);
    }
    curve
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "model {:?} against recording of {:?}; each cell: model / measured",
            self.profile, self.backend
        )?;
        write!(f, "{:<7} {:<13} {:>8}", "class", "size", "count")?;
        for heading in ["p50", "p90", "p99", "p99.9"] {
            write!(f, " {heading:>17}")?;
        }
        writeln!(f, " distance")?;
        for row in &self.rows {
            write!(f, "{:<7} {:<13} {:>8}", row.class, row.size, row.count)?;
            for (_, model, measured) in &row.quantiles {
                let mut cell = String::new();
                write!(cell, "{} / {}", short(*model), short(*measured))?;
                write!(f, " {cell:>17}")?;
            }
            writeln!(f, " {:>8.3}", row.distance)?;
        }
        Ok(())
    }
}

/// A time with three digits, such as `"1.23ms"`.
fn short(time: Nanos) -> String {
    let digits = match time {
        0..1000 => 0,
        _ => 2usize.saturating_sub(((time.ilog10()) % 3) as usize),
    };
    format!("{:.digits$?}", Duration::from_nanos(time)).replace('µ', "u")
}
