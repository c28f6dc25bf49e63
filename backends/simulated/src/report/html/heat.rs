//! When operations were slow: virtual time against latency, darker where there were more.

use super::super::data::Report;
use super::super::measure::{self, Heat};
use super::super::scale::TimeAxis;
use super::super::svg::{Anchor, Svg};
use super::super::words::count;
use super::frame::{self, Frame, LEFT, RIGHT, TOP, WIDTH};
use super::{Section, figure, legend};

const COLUMNS: usize = 170;
const SHADES: u64 = 8;

pub(super) fn section(report: &Report) -> Option<Section> {
    let axis = measure::axis_over_time(report)?;
    let time = TimeAxis::new(0, measure::end(report), 12);
    let heat = Heat::of(report, axis.bins(), &time, COLUMNS);
    let frame = Frame { axis: &time, height: 330.0 };
    let mut troubles = [false; COLUMNS];
    report.troubles.iter().for_each(|at| troubles[time.column(*at, COLUMNS)] = true);

    let mut svg =
        Svg::new("wide", WIDTH, frame.total(), "Latencies over virtual time, darker where there were more");
    frame.behind(&mut svg, report);
    let bottom = TOP + frame.height;
    let y = |ns: u64| bottom - axis.at(ns) * frame.height;
    for (ns, name) in axis.ticks() {
        svg.line("grid", (LEFT, y(ns)), (WIDTH - RIGHT, y(ns)));
        svg.text("tick", (LEFT - 6.0, y(ns) + 4.0), Anchor::End, &name);
    }
    svg.upward("label", (16.0, TOP + frame.height / 2.0), "latency (logarithmic)");
    let wide = frame.width() / COLUMNS as f64;
    for shade in 1..=SHADES {
        let mut all = Vec::new();
        for (row, cells) in heat.cells.iter().enumerate() {
            let low = if row == 0 { axis.low } else { heat.rows[row - 1] };
            let (top, under) = (y(heat.rows[row]), y(low));
            // Neighbours of one shade are one rectangle.
            let mut column = 0;
            while column < COLUMNS {
                let same = cells[column..].iter().take_while(|n| heat.shade(**n, SHADES) == shade).count();
                if same > 0 {
                    all.push((LEFT + column as f64 * wide, top, same as f64 * wide, under - top));
                }
                column += same.max(1);
            }
        }
        svg.rects(&format!("h{shade}"), all);
    }
    let marks = troubles.iter().enumerate().filter(|(_, trouble)| **trouble);
    svg.rects(
        "trouble",
        marks.map(|(column, _)| (LEFT + column as f64 * wide, bottom - 5.0, wide.max(2.0), 5.0)),
    );
    frame.before(&mut svg, report);

    let shades = heat.most.min(SHADES);
    let most = format!("{} operations in one cell", count(heat.most));
    let mut items = vec![("h1".to_owned(), "1 operation in one cell")];
    if shades > 1 {
        items.push((format!("h{shades}"), most.as_str()));
    }
    if troubles.contains(&true) {
        items.push(("mark-trouble".to_owned(), "called now and met a fault or an error"));
    }
    items.extend(frame::marks(report, &time));
    let caption = "Every operation by when it was called and how long it took. Both the latency and the shades are \
                   logarithmic. A slow period lifts the cloud; a queue that builds up slopes.";
    Some(Section {
        id: "heat",
        title: "Latency over time",
        body: figure(caption, &legend(items), &svg.finish()),
    })
}
