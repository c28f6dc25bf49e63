//! Who did what: a lane for each client, a bar for each operation.

use super::super::data::{Bar, Report};
use super::super::measure;
use super::super::scale::TimeAxis;
use super::super::svg::{Anchor, Svg, escape};
use super::super::window::{Room, Window};
use super::super::words::{clean, moment, short, time, width};
use super::frame::{self, Frame, LEFT, RIGHT, TOP, WIDTH};
use super::{Section, colour, figure, legend};

const ROOM: Room = Room { bars: 480, bars_in_a_lane: 36, lanes: 24, rows: 8 };
const ROW: f64 = 17.0;
const GAP: f64 = 7.0;

pub(super) fn section(report: &Report) -> Option<Section> {
    let window = Window::of(report, ROOM)?;
    let classes = measure::classes(report);
    let axis = TimeAxis::new(window.from, window.to, 12);
    let height = window.lanes.iter().map(|(_, rows)| rows.len() as f64 * ROW + GAP).sum::<f64>() + GAP;
    let frame = Frame { axis: &axis, height };
    let mut svg = Svg::new("wide", WIDTH, frame.total(), "Operations of each client over virtual time");
    frame.behind(&mut svg, report);
    let mut top = TOP + GAP;
    for (client, rows) in &window.lanes {
        let middle = top + rows.len() as f64 * ROW / 2.0;
        svg.text("tick", (LEFT - 8.0, middle + 4.0), Anchor::End, &format!("client {client}"));
        for row in rows {
            for bar in row {
                draw(&mut svg, frame, bar, &colour(&classes, &bar.class), top);
            }
            top += ROW;
        }
        svg.line("grid", (LEFT, top + GAP / 2.0), (WIDTH - RIGHT, top + GAP / 2.0));
        top += GAP;
    }
    frame.before(&mut svg, report);

    let shown = || window.lanes.iter().flat_map(|(_, rows)| rows.iter().flatten());
    let mut items: Vec<(String, &str)> = Vec::new();
    for class in &classes {
        if shown().any(|bar| bar.class == *class) {
            items.push((colour(&classes, class), class));
        }
    }
    let marks: [(&str, &str, bool); 4] = [
        ("mark-effect", "takes effect", shown().any(|bar| bar.effect.is_some())),
        (
            "mark-bad",
            "met a fault or returned an error",
            shown().any(|bar| bar.failed || bar.fault.is_some()),
        ),
        ("mark-open", "never returned", shown().any(|bar| bar.returned.is_none())),
        ("mark-late", "takes effect after it returned", shown().any(|bar| is_late(bar))),
    ];
    items.extend(marks.into_iter().filter(|mark| mark.2).map(|(class, name, _)| (class.to_owned(), name)));
    items.extend(frame::marks(report, &axis));
    let caption = format!(
        "A bar for each operation, from call to return. {} Point at a bar, or tap it, for its story.",
        escape(&window.says())
    );
    Some(Section { id: "clients", title: "Clients", body: figure(&caption, &legend(items), &svg.finish()) })
}

fn is_late(bar: &Bar) -> bool {
    matches!((bar.effect, bar.returned), (Some(effect), Some(returned)) if effect > returned)
}

fn draw(svg: &mut Svg, frame: Frame<'_>, bar: &Bar, colour: &str, top: f64) {
    let bad = if bar.failed || bar.fault.is_some() { " bad" } else { "" };
    let open = if bar.returned.is_none() { " open" } else { "" };
    let from = frame.x(bar.invoked);
    let to = frame.x(bar.returned.unwrap_or(frame.axis.to)).max(from + 2.0);
    svg.rect(
        &format!("bar {colour}{bad}{open}"),
        (from, top + 1.0),
        (to - from, ROW - 3.0),
        Some(&story(bar)),
    );
    if let Some(effect) = bar.effect.filter(|effect| (frame.axis.from..=frame.axis.to).contains(effect)) {
        let x = frame.x(effect);
        let middle = top + ROW / 2.0 - 0.5;
        if is_late(bar) {
            svg.line("late", (to, middle), (x, middle));
            svg.circle("late", (x, middle), 3.0, Some(&story(bar)));
        } else {
            svg.line("effect", (x, top), (x, top + ROW - 1.0));
        }
    }
    // Half a word tells nothing; the story has all of it.
    let room = ((to - from - 8.0) / 6.4) as usize;
    if room >= 8.min(width(&bar.label)) && room > 0 {
        let class = format!("inside {colour}");
        svg.text(&class, (from + 4.0, top + ROW - 5.0), Anchor::Start, &short(&bar.label, room));
    }
}

/// All that is known of an operation, line by line.
fn story(bar: &Bar) -> String {
    let mut said = format!("client {}, operation {}: {}", bar.client, bar.number, short(&bar.label, 200));
    if !bar.key.is_empty() {
        said.push_str(&format!("\nkey {}", short(&bar.key, 200)));
    }
    said.push_str(&format!("\ncalled at {}", moment(bar.invoked)));
    match bar.effect {
        Some(at) => said.push_str(&format!("\ntook effect at {}", moment(at))),
        None => said.push_str("\ntook no effect that is known"),
    }
    match bar.returned {
        Some(at) => {
            said.push_str(&format!(
                "\nreturned at {} after {}",
                moment(at),
                time(at.saturating_sub(bar.invoked))
            ));
        }
        None => said.push_str("\nnever returned"),
    }
    if !bar.outcome.is_empty() {
        said.push_str(&format!("\noutcome: {}", short(&bar.outcome, 300)));
    }
    if let Some(fault) = &bar.fault {
        said.push_str(&format!("\nfault injected: {}", clean(fault)));
    }
    said
}
