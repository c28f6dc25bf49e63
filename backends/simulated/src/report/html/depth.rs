//! How much was going on: counts over time, such as the depth of a queue.

use super::super::data::Report;
use super::super::measure;
use super::super::scale::{self, TimeAxis};
use super::super::svg::{Anchor, Svg};
use super::super::words::count;
use super::frame::{self, Frame, LEFT, RIGHT, TOP, WIDTH};
use super::{Section, figure, legend};

const COLUMNS: usize = 340;

pub(super) fn section(report: &Report) -> Option<Section> {
    let most = report.depths.iter().flat_map(|series| &series.points).map(|(_, n)| *n).max()?;
    let time = TimeAxis::new(0, measure::end(report), 12);
    let frame = Frame { axis: &time, height: 180.0 };
    let mut svg =
        Svg::new("wide", WIDTH, frame.total(), "Operations in flight and waiting over virtual time");
    frame.behind(&mut svg, report);
    let ticks = scale::counts(most, 4);
    let high = ticks.last().copied().unwrap_or(1).max(1) as f64;
    let bottom = TOP + frame.height;
    let y = |n: u64| bottom - n as f64 / high * frame.height;
    for tick in &ticks {
        svg.line("grid", (LEFT, y(*tick)), (WIDTH - RIGHT, y(*tick)));
        svg.text("tick", (LEFT - 6.0, y(*tick) + 4.0), Anchor::End, &count(*tick));
    }
    svg.upward("label", (16.0, TOP + frame.height / 2.0), "operations");
    let wide = frame.width() / COLUMNS as f64;
    let mut items: Vec<(String, &str)> = Vec::new();
    for (n, series) in report.depths.iter().enumerate() {
        let columns = measure::extremes(&series.points, &time, COLUMNS);
        let left = |column: usize| LEFT + column as f64 * wide;
        // What it was at most is the line; from there down to the least is the shade.
        let highs = columns
            .iter()
            .enumerate()
            .flat_map(|(at, (_, most))| [(left(at), y(*most)), (left(at + 1), y(*most))]);
        let lows = columns
            .iter()
            .enumerate()
            .rev()
            .flat_map(|(at, (least, _))| [(left(at + 1), y(*least)), (left(at), y(*least))]);
        svg.polyline(&format!("range s{}", n % 4), highs.clone().chain(lows));
        svg.polyline(&format!("depth s{}", n % 4), highs);
        items.push((format!("s{}", n % 4), &series.name));
    }
    frame.before(&mut svg, report);
    items.extend(frame::marks(report, &time));
    let caption = "Lines show the most at a time, shades reach down to the least: what happened in between is \
                   narrower than a pixel.";
    Some(Section {
        id: "depth",
        title: "Load over time",
        body: figure(caption, &legend(items), &svg.finish()),
    })
}
