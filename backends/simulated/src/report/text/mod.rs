//! The report for a terminal: the same sections as the page, in block characters.

mod over_time;
mod picture;

use super::data::{Conclusion, Report, Table};
use super::measure::{self, Distribution, FRACTIONS, Sorted};
use super::scale::LogAxis;
use super::words::{clean, count, left, right, short, time, width};

pub(super) fn print(report: &Report, columns: usize) -> String {
    let mut out = head(report, columns);
    picture::section(report, columns, &mut out);
    faults(report, columns, &mut out);
    let callers = measure::distributions(&report.latencies, &[]);
    latency("What callers waited for", report, &callers, columns, &mut out);
    over_time::heat(report, columns, &mut out);
    over_time::lanes(report, columns, &mut out);
    let storage = measure::distributions(&report.storage, &report.models);
    latency("What the storage took", report, &storage, columns, &mut out);
    over_time::depth(report, columns, &mut out);
    for each in &report.tables {
        table(each, columns, &mut out);
    }
    // No line ends in spaces, whatever its last column was.
    let lines: Vec<&str> = out.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

fn head(report: &Report, columns: usize) -> String {
    let title = short(&report.title, columns);
    let mut out = format!("{title}\n{}\n", "═".repeat(width(&title)));
    let (word, sentence) = match &report.conclusion {
        Conclusion::Unchecked => ("Not checked.", ""),
        Conclusion::Kept(sentence) => ("Promises kept.", sentence.as_str()),
        Conclusion::Broken(sentence) => ("A PROMISE WAS BROKEN.", sentence.as_str()),
        Conclusion::Unknown(sentence) => ("Unknown.", sentence.as_str()),
    };
    wrapped(&format!("{word} {}", short(sentence, 2000)), columns, "", &mut out);
    let mut facts: Vec<String> = Vec::new();
    if let Some(seed) = report.seed {
        facts.push(format!("seed {seed}"));
    }
    facts.extend(
        report.facts.iter().map(|fact| format!("{} {}", short(&fact.name, 60), short(&fact.value, 400))),
    );
    facts.push(format!("virtual time {}", time(measure::end(report))));
    facts.push(format!("crashes {}", count(report.crashes.len() as u64)));
    wrapped(&facts.join(", "), columns, "", &mut out);
    if !report.command.is_empty() {
        // Whole and on one line, to be copied.
        out.push_str(&format!("Again: {}\n", clean(&report.command)));
    }
    out
}

/// Words in lines of so many columns, each after `indent`.
fn wrapped(text: &str, columns: usize, indent: &str, out: &mut String) {
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let wide = width(word);
        if used > 0 && used + 1 + wide > columns {
            out.push('\n');
            used = 0;
        }
        match used {
            0 => {
                out.push_str(indent);
                used = width(indent);
            }
            _ => {
                out.push(' ');
                used += 1;
            }
        }
        out.push_str(word);
        used += wide;
    }
    out.push('\n');
}

fn heading(title: &str, out: &mut String) {
    out.push_str(&format!("\n{title}\n{}\n", "─".repeat(width(title))));
}

fn faults(report: &Report, columns: usize, out: &mut String) {
    heading("Faults", out);
    if report.faults.iter().all(|fault| fault.injected == 0) {
        let none = "No fault was injected. This run tells nothing about how faults are survived.";
        wrapped(none, columns, "", out);
    }
    if report.faults.is_empty() {
        return;
    }
    let row = |kind: &str, cells: [String; 3]| {
        format!("{}{}\n", left(&short(kind, 34), 36), cells.map(|cell| right(&cell, 12)).concat())
    };
    out.push_str(&row("kind", ["injected", "seen", "survived"].map(str::to_owned)));
    for fault in &report.faults {
        out.push_str(&row(&fault.kind, [fault.injected, fault.seen, fault.survived].map(count)));
    }
}

fn latency(title: &str, report: &Report, all: &[Distribution<'_>], columns: usize, out: &mut String) {
    let Some(axis) = measure::latency_axis(report).filter(|_| !all.is_empty()) else { return };
    heading(title, out);
    let said = |ns: Option<u64>| right(&ns.map_or_else(|| "–".to_owned(), time), 12);
    let names = FRACTIONS.map(|(name, ..)| right(name, 12)).concat();
    out.push_str(&format!("{}{}{names}{}\n", left("", 21), right("operations", 11), right("max", 12)));
    for Distribution { class, sorted, model } in all {
        let name = short(class, 11);
        if sorted.len() > 0 {
            let cells = FRACTIONS.map(|(_, part, whole)| said(sorted.quantile(part, whole))).concat();
            let n = right(&count(sorted.len() as u64), 11);
            out.push_str(&format!("{}observed {n}{cells}{}\n", left(&name, 12), said(sorted.max())));
        }
        if !model.is_empty() {
            let at = |q| said(measure::model_quantile(model, q));
            let cells = FRACTIONS.map(|(_, part, whole)| at(part as f64 / whole as f64)).concat();
            out.push_str(&format!("{}model    {}{cells}{}\n", left(&name, 12), left("", 11), at(1.0)));
        }
        if sorted.len() > 0 {
            histogram(sorted, axis, columns - 12, out);
        }
    }
}

/// How many took how long: a bar for each part of the logarithmic axis.
fn histogram(sorted: &Sorted, axis: LogAxis, columns: usize, out: &mut String) {
    let mut bars = vec![0u64; columns];
    for ns in sorted.all() {
        bars[((axis.at(*ns) * columns as f64) as usize).min(columns - 1)] += 1;
    }
    out.push_str(&format!("{}{}\n", left("", 12), spark(&bars)));
    let (low, high) = (time(axis.low), time(axis.high));
    let between = columns.saturating_sub(width(&low) + width(&high));
    out.push_str(&format!("{}{low}{}{high}\n", left("", 12), " ".repeat(between)));
}

/// Eighths of a line; what is more than nothing is at least one.
fn spark(values: &[u64]) -> String {
    const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    let eighth = |n: &u64| (u128::from(*n) * 8).div_ceil(u128::from(most)) as usize;
    values.iter().map(|n| EIGHTHS[eighth(n).min(8)]).collect()
}

fn table(table: &Table, columns: usize, out: &mut String) {
    heading(&short(&table.title, columns), out);
    if !table.note.is_empty() {
        wrapped(&short(&table.note, 1000), columns, "", out);
    }
    let rows: Vec<Vec<String>> = [&table.columns]
        .into_iter()
        .chain(&table.rows)
        .map(|row| row.iter().map(|cell| short(cell, 40)).collect())
        .collect();
    let wide =
        |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| width(cell)).max().unwrap_or(0);
    let widths: Vec<usize> = (0..table.columns.len()).map(wide).collect();
    for row in &rows {
        for (at, (cell, wide)) in row.iter().zip(&widths).enumerate() {
            out.push_str(&if at == 0 { left(cell, *wide) } else { right(cell, wide + 2) });
        }
        out.push('\n');
    }
}
