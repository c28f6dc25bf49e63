//! Measuring a real backend: [`Recorder`] takes the times, [`Recording`] keeps them and can be written
//! out, fitted to a profile, and compared with one.

mod compare;
mod fit;
mod metered;
mod recorder;
mod size;

use std::collections::BTreeMap;

use larder::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

pub use self::compare::{Comparison, Curve, Row};
pub use self::recorder::{Recorder, Tape};
pub use self::size::SizeClass;
use super::class::Class;
use super::histogram::Histogram;
use super::text::invalid;
use crate::time::Nanos;

const FORMAT: &str = "larder recording 1";

/// How long operations took, by class and size.
///
/// As text it is JSON: `format`, `backend`, `date`, and `cells`, each with `class`, `size` (the number
/// of its [`SizeClass`]), `bytes` (their sum), `errors`, and `times`: pairs of bucket and count, where
/// bucket `b` holds the times from `m << e` to `((m + 1) << e) - 1` nanoseconds, with
/// `e = max(b / 128, 1) - 1` and `m = b - 128 e`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    backend: String,
    date: String,
    cells: BTreeMap<(Class, SizeClass), Cell>,
}

/// The operations of one class and size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    times: Histogram,
    bytes: u64,
    errors: u64,
}

impl Cell {
    fn mean_bytes(&self) -> u64 {
        self.bytes / self.times.count().max(1)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    format: String,
    backend: String,
    date: String,
    cells: Vec<TextCell>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TextCell {
    class: Class,
    size: SizeClass,
    bytes: u64,
    errors: u64,
    times: Histogram,
}

impl Recording {
    /// An empty one, of this backend, on this day (`YYYY-MM-DD`).
    pub fn new(backend: &str, date: &str) -> Recording {
        Recording { backend: backend.to_owned(), date: date.to_owned(), cells: BTreeMap::new() }
    }

    /// Notes an operation of so many bytes that took so long and succeeded.
    pub fn note(&mut self, class: Class, bytes: u64, time: Nanos) {
        let cell = self.cells.entry((class, SizeClass::of(bytes))).or_default();
        cell.times.record(time);
        cell.bytes = cell.bytes.saturating_add(bytes);
    }

    /// Notes an operation that failed for a reason of the storage, not of the caller.
    pub fn note_error(&mut self, class: Class, bytes: u64) {
        self.cells.entry((class, SizeClass::of(bytes))).or_default().errors += 1;
    }

    /// Takes in another recording of the same backend.
    pub fn merge(&mut self, other: &Recording) {
        for (key, cell) in &other.cells {
            let mine = self.cells.entry(*key).or_default();
            mine.times.merge(&cell.times);
            mine.bytes = mine.bytes.saturating_add(cell.bytes);
            mine.errors = mine.errors.saturating_add(cell.errors);
        }
    }

    /// The backend's name.
    pub fn backend(&self) -> &str {
        &self.backend
    }

    /// When it was made, as `YYYY-MM-DD`.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// How many operations succeeded, and how many failed.
    pub fn counts(&self) -> (u64, u64) {
        self.cells.values().fold((0u64, 0u64), |(done, failed), cell| {
            (done.saturating_add(cell.times.count()), failed.saturating_add(cell.errors))
        })
    }

    /// The times of each class and size that occurred.
    pub fn histograms(&self) -> impl Iterator<Item = (Class, SizeClass, &Histogram)> {
        self.cells.iter().map(|((class, size), cell)| (*class, *size, &cell.times))
    }

    /// The recording as text; [`parse`](Recording::parse) reads it back.
    pub fn to_text(&self) -> String {
        let cell = |((class, size), cell): (&(Class, SizeClass), &Cell)| TextCell {
            class: *class,
            size: *size,
            bytes: cell.bytes,
            errors: cell.errors,
            times: cell.times.clone(),
        };
        let text = Text {
            format: FORMAT.to_owned(),
            backend: self.backend.clone(),
            date: self.date.clone(),
            cells: self.cells.iter().map(cell).collect(),
        };
        // Nothing in it can fail to be written.
        let mut text = serde_json::to_string(&text).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads a recording from its text.
    ///
    /// # Errors
    /// `Invalid` if it is damaged or no recording.
    pub fn parse(text: &str) -> Result<Recording> {
        let text: Text = serde_json::from_str(text).map_err(|why| {
            Error::new(ErrorKind::Invalid, "the recording cannot be read; record again").with_source(why)
        })?;
        if text.format != FORMAT {
            return Err(invalid(format!("the format is {:?}; this version reads {FORMAT:?}", text.format)));
        }
        let mut recording = Recording::new(&text.backend, &text.date);
        for TextCell { class, size, bytes, errors, times } in text.cells {
            let cell = Cell { times, bytes, errors };
            if recording.cells.insert((class, size), cell).is_some() {
                return Err(invalid(format!("{class}, {size} stands twice in the recording; record again")));
            }
        }
        Ok(recording)
    }
}
