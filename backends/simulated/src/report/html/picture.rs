//! Why a history has no order: the operations on one key, the longest order that explains what they
//! returned, and those that cannot come next.

use super::super::data::{Picture, Report};
use super::super::placing::{Layout, Place, Placed, explanation};
use super::super::svg::{Anchor, Svg, escape};
use super::super::words::{counted, short};
use super::{Section, figure, legend};

const LEFT: f64 = 84.0;
const TOP: f64 = 12.0;
const ROW: f64 = 34.0;
const GAP: f64 = 10.0;
/// More keys than these would bury the rest of the page.
const PICTURES: usize = 5;

pub(super) fn section(report: &Report) -> Option<Section> {
    if report.pictures.is_empty() {
        return None;
    }
    let mut body: String = report.pictures.iter().take(PICTURES).map(one).collect();
    if let Some(more) = report.pictures.len().checked_sub(PICTURES).filter(|more| *more > 0) {
        let keys = counted(more as u64, "more key has", "more keys have");
        body.push_str(&format!("<p>{keys} no order either.</p>\n"));
    }
    Some(Section { id: "violation", title: "No order explains what was returned", body })
}

fn one(picture: &Picture) -> String {
    let layout = Layout::of(picture);
    let slot = (1020.0 / layout.slots.max(1) as f64).clamp(26.0, 90.0);
    let rows: usize = layout.lanes.iter().map(|(_, rows)| rows.len()).sum();
    let height = TOP + rows as f64 * ROW + layout.lanes.len() as f64 * GAP + 28.0;
    let width = LEFT + layout.slots as f64 * slot + 16.0;
    let key = short(&picture.key, 80);
    let mut svg =
        Svg::new("natural", width, height, &format!("Operations on {key} by the order of calls and returns"));
    let mut top = TOP;
    let (mut points, mut labels) = (Vec::new(), Vec::new());
    for (client, rows) in &layout.lanes {
        let middle = top + rows.len() as f64 * ROW / 2.0;
        svg.text("tick", (LEFT - 8.0, middle + 4.0), Anchor::End, &format!("client {client}"));
        for row in rows {
            for placed in row {
                labels.push(interval(&mut svg, picture, placed, top, slot));
                if let Place::Placed { number, at } = placed.place {
                    points.push((number, LEFT + at * slot, top + 24.0));
                }
            }
            top += ROW;
        }
        svg.line("grid", (LEFT, top + GAP / 2.0), (width - 16.0, top + GAP / 2.0));
        top += GAP;
    }
    points.sort_by_key(|(number, ..)| *number);
    svg.polyline("order", points.iter().map(|(_, x, y)| (*x, *y)));
    for (number, x, y) in &points {
        svg.circle("order", (*x, *y), 3.5, Some(&format!("number {number} in the order")));
    }
    for (at, label) in &labels {
        svg.text("inside in-place", *at, Anchor::Start, label);
    }
    svg.text(
        "label",
        (LEFT, top + 14.0),
        Anchor::Start,
        "calls and returns in their order, evenly spaced (not to the scale of time) →",
    );

    let marks = [
        ("mark-order", "the longest order that works", !picture.order.is_empty()),
        ("place impossible", "cannot come next", !picture.unplaced.is_empty()),
        ("mark-bad", "these few already cannot be ordered together", !picture.suspects.is_empty()),
        (
            "place unreached",
            "not reached",
            layout.listed().iter().any(|placed| placed.place == Place::NotReached),
        ),
    ];
    let marks = marks.into_iter().filter(|mark| mark.2).map(|(class, name, _)| (class.to_owned(), name));
    let said = escape(&explanation(picture, &layout));
    let caption = format!("Key <code>{}</code>: {said}", escape(&key));
    figure(&caption, &legend(marks), &svg.finish()) + &steps(picture, &layout)
}

/// Draws the bar; answers with what is to be written in it, and where.
fn interval(svg: &mut Svg, picture: &Picture, placed: &Placed, top: f64, slot: f64) -> ((f64, f64), String) {
    let interval = &picture.intervals[placed.index];
    let (class, said) = match placed.place {
        Place::Placed { number, .. } => ("placed", format!("number {number} in the order")),
        Place::Impossible => ("impossible", "cannot come next".to_owned()),
        Place::NotReached => ("unreached", "the order ended before it".to_owned()),
    };
    let open = if placed.open { " open" } else { "" };
    let suspect = if placed.suspect { " bad" } else { "" };
    let mut title = format!("client {}: {}\n{said}", interval.client, short(&interval.label, 300));
    if placed.open {
        title.push_str("\nits outcome is not known");
    }
    if placed.suspect {
        title.push_str("\none of the few that already cannot be ordered together");
    }
    let from = LEFT + placed.from as f64 * slot;
    let width = (placed.to - placed.from) as f64 * slot - 2.0;
    svg.rect(&format!("place {class}{open}{suspect}"), (from, top + 1.0), (width, ROW - 3.0), Some(&title));
    let label = match placed.place {
        Place::Placed { number, .. } => format!("{number} {}", interval.label),
        _ => interval.label.clone(),
    };
    let room = ((width - 6.0) / 6.4).max(0.0) as usize;
    ((from + 5.0, top + 14.0), short(&label, room))
}

/// The order as a table, for those who would rather read.
fn steps(picture: &Picture, layout: &Layout) -> String {
    let mut out = String::from(
        "<div class=\"scroll\"><table class=\"words\">\n<thead><tr><th>order</th><th>client</th><th>operation and what it returned</th></tr></thead>\n<tbody>\n",
    );
    for placed in layout.listed() {
        let interval = &picture.intervals[placed.index];
        let (class, number) = match placed.place {
            Place::Placed { number, .. } => (if placed.suspect { "bad" } else { "" }, number.to_string()),
            Place::Impossible => ("bad", "cannot come next".to_owned()),
            Place::NotReached => ("none", "not reached".to_owned()),
        };
        let open = if placed.open { " (outcome not known)" } else { "" };
        let label = escape(&short(&interval.label, 160));
        out.push_str(&format!(
            "<tr class=\"{class}\"><td>{number}</td><td>{}</td><td>{label}{open}</td></tr>\n",
            interval.client
        ));
    }
    out.push_str("</tbody></table></div>\n");
    out
}
