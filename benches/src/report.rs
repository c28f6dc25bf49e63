//! The tables: every contender of every contest, and a line for every target, won or lost.

use std::fmt::Write;

use crate::harness::Outcomes;

/// A number that was promised.
#[derive(Clone, Debug)]
pub struct Target {
    /// What was promised, in words.
    pub what: String,
    /// The bound.
    pub bound: Bound,
    /// What was measured.
    pub measured: f64,
}

/// Which side of the bound is good.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// At most so many times as long.
    AtMost(f64),
    /// At least so many times as fast.
    AtLeast(f64),
}

impl Target {
    /// Something may take at most so many times as long as something else.
    pub fn at_most(what: impl Into<String>, bound: f64, measured: f64) -> Target {
        Target { what: what.into(), bound: Bound::AtMost(bound), measured }
    }

    /// Something is at least so many times as fast as something else.
    pub fn at_least(what: impl Into<String>, bound: f64, measured: f64) -> Target {
        Target { what: what.into(), bound: Bound::AtLeast(bound), measured }
    }

    /// Whether it was met. What could not be measured was not.
    pub fn is_met(&self) -> bool {
        match self.bound {
            Bound::AtMost(bound) => self.measured <= bound,
            Bound::AtLeast(bound) => self.measured >= bound,
        }
    }
}

/// What a number is of that is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// So many times something else.
    Times,
}

/// Measurements that are no times: one row for each contender.
#[derive(Clone, Debug)]
pub struct Amounts {
    /// What was measured.
    pub title: String,
    /// The columns.
    pub columns: Vec<(&'static str, Unit)>,
    /// The contenders, each with a number for each column; NaN where it was not measured.
    pub rows: Vec<(String, Vec<f64>)>,
}

impl Amounts {
    /// The number of this contender in this column; NaN if there is none.
    pub fn of(&self, contender: &str, column: &str) -> f64 {
        let row = self.rows.iter().find(|(name, _)| name == contender);
        let column = self.columns.iter().position(|(name, _)| *name == column);
        row.zip(column).and_then(|((_, row), at)| row.get(at).copied()).unwrap_or(f64::NAN)
    }
}

/// One part of the report: contests, and the targets that they decide.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// How it was measured, in a few sentences.
    pub method: String,
    /// What was measured. The first contender of each is the one that all are compared with.
    pub contests: Vec<Outcomes>,
    /// What was measured that is no time.
    pub amounts: Vec<Amounts>,
    /// What was promised.
    pub targets: Vec<Target>,
}

/// The targets of all sections in one table.
pub fn targets(sections: &[Section]) -> String {
    let mut out = String::from("| target | promised | measured | |\n|---|---|---|---|\n");
    for target in sections.iter().flat_map(|section| &section.targets) {
        let promised = match target.bound {
            Bound::AtMost(bound) => format!("at most {bound} x"),
            Bound::AtLeast(bound) => format!("at least {bound} x"),
        };
        let verdict = if target.is_met() { "met" } else { "**MISSED**" };
        _ = writeln!(
            out,
            "| {} | {promised} | {} x | {verdict} |",
            target.what,
            significant(target.measured)
        );
    }
    out
}

/// A section as Markdown.
pub fn section(section: &Section) -> String {
    let mut out = format!("### {}\n\n{}\n", section.title, section.method.trim());
    for contest in &section.contests {
        let (clock, rounds) = (contest.clock.label(), contest.rounds);
        let others = contest.others * 100.0;
        _ = write!(
            out,
            "\n**{}** ({clock}; {rounds} rounds; others used {others:.0} % of the machine)\n\n",
            contest.title
        );
        let terms = contest.contenders.iter().any(|contender| !contender.terms.is_empty());
        out.push_str("| contender | median | spread | best | ratio |");
        out.push_str(if terms {
            " when it answers |\n|---|---|---|---|---|\n"
        } else {
            "\n|---|---|---|---|\n"
        });
        let base = contest.contenders.first().map_or("", |first| first.name.as_str());
        for contender in &contest.contenders {
            let (name, median) = (&contender.name, duration(contender.median_ns));
            let best = duration(contender.best_ns);
            let spread = match contender.spread * 100.0 {
                spread if spread.is_finite() => format!("± {spread:.0} %"),
                _ => String::new(),
            };
            let ratio = significant(contest.ratio(name, base));
            _ = write!(out, "| {name} | {median} | {spread} | {best} | {ratio} |");
            out.push_str(&if terms { format!(" {} |\n", contender.terms) } else { "\n".into() });
        }
    }
    section.amounts.iter().for_each(|table| out.push_str(&amounts(table)));
    out
}

fn amounts(table: &Amounts) -> String {
    let columns: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
    let rule = "---|".repeat(columns.len());
    let mut out = format!("\n**{}**\n\n| contender | {} |\n|---|{rule}\n", table.title, columns.join(" | "));
    for (name, row) in &table.rows {
        let cells = row.iter().zip(&table.columns).map(|(value, (_, unit))| match unit {
            Unit::Bytes => bytes(*value),
            Unit::Times => format!("{} x", significant(*value)),
        });
        _ = writeln!(out, "| {name} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    out
}

/// Bytes in the unit that reads best.
pub fn bytes(bytes: f64) -> String {
    const KIB: f64 = 1024.0;
    match bytes {
        n if !n.is_finite() => "not measured".into(),
        n if n < KIB => format!("{} B", significant(n)),
        n if n < KIB * KIB => format!("{} KiB", significant(n / KIB)),
        n if n < KIB * KIB * KIB => format!("{} MiB", significant(n / KIB / KIB)),
        n => format!("{} GiB", significant(n / KIB / KIB / KIB)),
    }
}

/// Nanoseconds in the unit that reads best.
pub fn duration(nanos: f64) -> String {
    match nanos {
        n if !n.is_finite() => "not measured".into(),
        n if n < 1e3 => format!("{} ns", significant(n)),
        n if n < 1e6 => format!("{} µs", significant(n / 1e3)),
        n if n < 1e9 => format!("{} ms", significant(n / 1e6)),
        n => format!("{} s", significant(n / 1e9)),
    }
}

/// Three significant digits.
pub fn significant(value: f64) -> String {
    match value.abs() {
        _ if !value.is_finite() => "?".into(),
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_not_met() {
        assert!(Target::at_most("a", 3.0, 3.0).is_met());
        assert!(!Target::at_most("a", 3.0, 3.1).is_met());
        assert!(Target::at_least("a", 10.0, 11.0).is_met());
        assert!(!Target::at_least("a", 10.0, 9.0).is_met());
        assert!(!Target::at_most("a", 3.0, f64::NAN).is_met());
        assert!(!Target::at_least("a", 3.0, f64::NAN).is_met());
    }

    #[test]
    fn numbers_have_three_digits() {
        let shown: Vec<String> = [0.5, 31.25, 1234.0, 2.5e6, 3e9].map(duration).into();
        assert_eq!(shown, ["0.50 ns", "31.2 ns", "1.23 µs", "2.50 ms", "3.00 s"]);
    }
}
