//! The violation: lanes by calls and returns, and the order as a list.

use super::super::data::{Picture, Report};
use super::super::placing::{Layout, Place, Placed, explanation};
use super::super::words::{counted, left, right, short};
use super::{heading, wrapped};

/// Keys that are shown.
const PICTURES: usize = 3;
const MARGIN: usize = 12;

pub(super) fn section(report: &Report, columns: usize, out: &mut String) {
    if report.pictures.is_empty() {
        return;
    }
    heading("No order explains what was returned", out);
    for picture in report.pictures.iter().take(PICTURES) {
        one(picture, columns, out);
    }
    if let Some(more) = report.pictures.len().checked_sub(PICTURES).filter(|more| *more > 0) {
        let keys = counted(more as u64, "more key has", "more keys have");
        out.push_str(&format!("{keys} no order either.\n"));
    }
}

fn one(picture: &Picture, columns: usize, out: &mut String) {
    let layout = Layout::of(picture);
    let said = format!("Key {}: {}", short(&picture.key, 80), explanation(picture, &layout));
    wrapped(&said, columns, "", out);
    // Two columns to a slot, if they fit.
    let plot = columns - MARGIN - 2;
    let wide = (plot / layout.slots.max(1)).clamp(1, 6);
    for (client, rows) in &layout.lanes {
        for (n, row) in rows.iter().enumerate() {
            let name = if n == 0 { format!("client {client}") } else { String::new() };
            let mut cells = vec![' '; layout.slots * wide + 1];
            row.iter().for_each(|placed| draw(placed, wide, &mut cells));
            let cells: String = cells.into_iter().take(plot).collect();
            out.push_str(&format!("{} │{cells}\n", right(&short(&name, MARGIN), MARGIN)));
        }
    }
    for placed in layout.listed() {
        let interval = &picture.intervals[placed.index];
        let (number, mark) = match placed.place {
            Place::Placed { number, .. } => (number.to_string(), if placed.suspect { "←" } else { "" }),
            Place::Impossible => ("✗".to_owned(), "← cannot come next"),
            Place::NotReached => ("·".to_owned(), ""),
        };
        let open = if placed.open { " (outcome not known)" } else { "" };
        let label = format!("client {}: {}{open}", interval.client, short(&interval.label, 100));
        let room = columns - 30;
        out.push_str(&format!("{} {} {mark}\n", right(&number, 6), left(&short(&label, room), room)));
    }
    if !picture.suspects.is_empty() {
        out.push_str("     ← together these cannot be ordered\n");
    }
    out.push_str("     ✗ cannot come next   · not reached\n\n");
}

fn draw(placed: &Placed, wide: usize, cells: &mut [char]) {
    let last = cells.len() - 1;
    let (from, to) = ((placed.from * wide).min(last), (placed.to * wide).min(last));
    let (begin, line, end) = match placed.place {
        Place::Placed { .. } => ('├', '─', '┤'),
        Place::Impossible => ('╞', '═', '╡'),
        Place::NotReached => ('┆', '┄', '┆'),
    };
    cells[from..=to].fill(line);
    cells[from] = begin;
    if !placed.open && to > from {
        cells[to] = end;
    }
    match placed.place {
        Place::Placed { number, at } => {
            let digits = number.to_string();
            let middle = (((at * wide as f64) as usize).max(from)).min(to);
            // The number if it fits between the ends, a point otherwise.
            if middle > from && middle + digits.len() <= to {
                cells[middle..].iter_mut().zip(digits.chars()).for_each(|(cell, digit)| *cell = digit);
            } else {
                cells[middle] = '●';
            }
        }
        Place::Impossible => cells[(from + to) / 2] = '✗',
        Place::NotReached => {}
    }
}
