//! The figures of a run as lines of JSON, one for each figure, for whatever draws or compares them.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::report::{Section, Unit};
use crate::rows::Failure;

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The part of the report.
    pub section: String,
    /// The table.
    pub row: String,
    /// Whose figure it is.
    pub contender: String,
    /// `median` and `best` of times; otherwise the column.
    pub measure: String,
    /// The number, in `unit`.
    pub value: f64,
    /// `ns`, `B`, or `x` of ratios.
    pub unit: String,
}

/// All figures of a section. What was not measured has none.
pub fn figures(section: &Section) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut add = |row: &str, contender: &str, measure: &str, value: f64, unit: &str| {
        if value.is_finite() {
            let (section, row) = (section.title.clone(), row.to_owned());
            let (contender, measure, unit) = (contender.into(), measure.into(), unit.into());
            figures.push(Figure { section, row, contender, measure, value, unit });
        }
    };
    for contest in &section.contests {
        for outcome in &contest.contenders {
            add(&contest.title, &outcome.name, "median", outcome.median_ns, "ns");
            add(&contest.title, &outcome.name, "best", outcome.best_ns, "ns");
        }
    }
    for table in &section.amounts {
        for (name, row) in &table.rows {
            for (value, (column, unit)) in row.iter().zip(&table.columns) {
                let unit = match unit {
                    Unit::Bytes => "B",
                    Unit::Times => "x",
                };
                add(&table.title, name, column, *value, unit);
            }
        }
    }
    figures
}

/// Writes the figures of a section.
pub fn write(path: &Path, section: &Section) -> Result<(), Failure> {
    let mut text = String::new();
    for figure in figures(section) {
        text.push_str(&serde_json::to_string(&figure)?);
        text.push('\n');
    }
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    Ok(fs::write(path, text)?)
}

/// Reads what [`write`] wrote.
pub fn read(path: &Path) -> Result<Vec<Figure>, Failure> {
    fs::read_to_string(path)?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Amounts;

    #[test]
    fn what_was_measured_is_read_as_it_was_written() {
        let table = Amounts {
            title: "disk".into(),
            columns: vec![("all", Unit::Bytes), ("share", Unit::Times)],
            rows: vec![("one".into(), vec![4096.0, 1.5]), ("left out".into(), vec![f64::NAN; 2])],
        };
        let section = Section { title: "t".into(), amounts: vec![table], ..Section::default() };
        let path = tempfile::tempdir().unwrap().path().join("results/t.jsonl");
        write(&path, &section).unwrap();
        let read = read(&path).unwrap();
        assert_eq!(read, figures(&section));
        assert_eq!(read.len(), 2);
    }
}
