//! The frame of the drawings over time: the axis, the slow periods behind, the crashes before.

use super::super::data::Report;
use super::super::scale::TimeAxis;
use super::super::svg::{Anchor, Svg};
use super::super::words::{moment, short, time};

/// How wide the drawings over time are.
pub(super) const WIDTH: f64 = 1120.0;
pub(super) const LEFT: f64 = 84.0;
pub(super) const RIGHT: f64 = 16.0;
/// Room above the plot for the names of slow periods and crashes.
pub(super) const TOP: f64 = 34.0;
/// Room below for the axis.
pub(super) const BOTTOM: f64 = 42.0;

/// A plot over time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) axis: &'a TimeAxis,
    /// Its height, without the rooms above and below.
    pub(super) height: f64,
}

impl Frame<'_> {
    pub(super) fn width(self) -> f64 {
        WIDTH - LEFT - RIGHT
    }

    pub(super) fn x(self, at: u64) -> f64 {
        LEFT + self.axis.at(at) * self.width()
    }

    /// The height of the whole drawing.
    pub(super) fn total(self) -> f64 {
        TOP + self.height + BOTTOM
    }

    /// What stands behind the data: slow periods, grid, axis.
    pub(super) fn behind(self, svg: &mut Svg, report: &Report) {
        let bottom = TOP + self.height;
        let names = periods(report);
        let mut free = 0.0;
        for period in &report.periods {
            if period.to < self.axis.from || period.from > self.axis.to {
                continue;
            }
            let (from, to) = (self.x(period.from), self.x(period.to));
            let kind = names.iter().position(|name| *name == period.name).unwrap_or(0) % 4;
            let title = format!(
                "{}\nfrom {} to {} ({})",
                short(&period.name, 200),
                moment(period.from),
                moment(period.to),
                time(period.to.saturating_sub(period.from))
            );
            let wide = (to - from).max(1.5);
            svg.rect(&format!("band b{kind}"), (from, TOP), (wide, self.height), Some(&title));
            svg.rect(&format!("strip b{kind}"), (from, TOP - 5.0), (wide, 5.0), Some(&title));
            let name = short(&period.name, 40);
            let width = 6.6 * super::super::words::width(&name) as f64;
            if from >= free && from + width <= WIDTH {
                svg.text("small", (from, TOP - 9.0), Anchor::Start, &name);
                free = from + width + 8.0;
            }
        }
        for (at, name) in &self.axis.ticks {
            let x = self.x(*at);
            svg.line("grid", (x, TOP), (x, bottom));
            svg.text("tick", (x, bottom + 16.0), Anchor::Middle, name);
        }
        svg.line("axis", (LEFT, bottom), (WIDTH - RIGHT, bottom));
        let unit = format!("virtual time ({})", self.axis.unit);
        svg.text("label", (LEFT + self.width() / 2.0, bottom + 35.0), Anchor::Middle, &unit);
    }

    /// What stands before the data: crashes.
    pub(super) fn before(self, svg: &mut Svg, report: &Report) {
        let mut free = 0.0;
        for crash in &report.crashes {
            if crash.at < self.axis.from || crash.at > self.axis.to {
                continue;
            }
            let x = self.x(crash.at);
            svg.line("crash", (x, TOP - 18.0), (x, TOP + self.height));
            let name = short(&format!("crash: {}", crash.what), 40);
            let width = 6.6 * super::super::words::width(&name) as f64;
            let title = format!("crash of {} at {}", short(&crash.what, 200), moment(crash.at));
            svg.circle("crash", (x, TOP - 18.0), 3.5, Some(&title));
            // To the left of the line at the right end.
            if x >= free {
                let flip = x + width + 8.0 > WIDTH;
                let (at, anchor) = if flip { (x - 6.0, Anchor::End) } else { (x + 6.0, Anchor::Start) };
                svg.text("small crash", (at, TOP - 21.0), anchor, &name);
                free = if flip { WIDTH } else { x + width + 14.0 };
            }
        }
    }
}

/// The names of the periods, each once, in the order of their appearance.
pub(super) fn periods(report: &Report) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for period in &report.periods {
        if !names.contains(&period.name.as_str()) {
            names.push(&period.name);
        }
    }
    names
}

/// Legend items for what stands in a frame with this axis.
pub(super) fn marks<'a>(report: &'a Report, axis: &TimeAxis) -> Vec<(String, &'a str)> {
    let seen = |from: u64, to: u64| to >= axis.from && from <= axis.to;
    let shown = |name: &str| report.periods.iter().any(|each| each.name == name && seen(each.from, each.to));
    let names = periods(report).into_iter().take(4).enumerate().filter(|(_, name)| shown(name));
    let mut marks: Vec<(String, &str)> = names.map(|(n, name)| (format!("strip b{n}"), name)).collect();
    if report.crashes.iter().any(|crash| seen(crash.at, crash.at)) {
        marks.push(("mark-crash".to_owned(), "crash"));
    }
    marks
}
