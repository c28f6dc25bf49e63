//! A chart of the embedded stores as SVG: a panel for each question, a bar for each store, all bars
//! shorter the better. It brings its colours and fonts along, and is readable on light and dark pages.

use std::fmt::Write;

use crate::report::{bytes, duration};
use crate::results::Figure;
use crate::rows::pack::{LARDER, PEERS, titles};

const WIDTH: f64 = 860.0;
const COLUMNS: usize = 2;
const MARGIN: f64 = 24.0;
const PANEL_TOP: f64 = 30.0;
const LINE: f64 = 19.0;
const BAR: f64 = 12.0;
/// Where bars begin in a panel, and the room for the number behind the longest.
const NAMES: f64 = 122.0;
const NUMBERS: f64 = 66.0;
const PANEL: f64 = (WIDTH - MARGIN * (COLUMNS as f64 + 1.0)) / COLUMNS as f64;
const HEAD: f64 = 66.0;

/// A row of the report: how its title begins, what the panel is called, and the measure that counts.
const PANELS: [(&str, &str, &str); 8] = [
    (titles::WRITES_BY_64, "durable write, 64 tasks at a time", "median"),
    (titles::WRITES, "durable write, one at a time", "median"),
    (titles::READS, "random read, warm", "median"),
    (titles::READS_WHILE_WRITING, "random read beside a writer", "median"),
    (titles::LOAD, "bulk load, per record", "median"),
    (titles::KEYS, "listing of all keys", "median"),
    (titles::REOPEN, "reopening after closing", "median"),
    (titles::MEMORY, "memory of its own, per record", titles::OWN_PER_RECORD),
];

struct Bar<'a> {
    name: &'a str,
    value: f64,
    text: String,
}

/// The chart of the first shape among the figures; `None` if there is nothing to draw.
pub fn draw(figures: &[Figure]) -> Option<String> {
    // The rows of the first shape come first.
    let label =
        figures.iter().find_map(|figure| figure.row.strip_prefix(titles::LOAD)?.split(", ").nth(1))?;
    let panels: Vec<(&str, Vec<Bar<'_>>)> = PANELS
        .iter()
        .map(|(row, name, measure)| (*name, bars(figures, row, label, measure)))
        .filter(|(_, bars)| !bars.is_empty())
        .collect();
    let lines = panels.iter().map(|(_, bars)| bars.len()).max()? as f64;
    let panel_height = PANEL_TOP + lines * LINE + MARGIN / 2.0;
    let height = HEAD + panels.len().div_ceil(COLUMNS) as f64 * panel_height + MARGIN;
    let mut svg = begin(height, label);
    for (at, (name, bars)) in panels.iter().enumerate() {
        let x = MARGIN + (at % COLUMNS) as f64 * (PANEL + MARGIN);
        let y = HEAD + (at / COLUMNS) as f64 * panel_height;
        panel(&mut svg, x, y, name, bars);
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

fn bars<'a>(figures: &'a [Figure], row: &str, label: &str, measure: &str) -> Vec<Bar<'a>> {
    let title = format!("{row}, {label}");
    let is_wanted = |figure: &&Figure| {
        let rest = figure.row.strip_prefix(&title);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(',')) && figure.measure == measure
    };
    let bar = |figure: &'a Figure| Bar {
        name: &figure.contender,
        value: figure.value,
        text: if figure.unit == "B" { bytes(figure.value) } else { duration(figure.value) },
    };
    figures.iter().filter(is_wanted).map(bar).collect()
}

/// Of larder, of a peer, or of the bare log.
fn class(name: &str) -> &'static str {
    match name {
        LARDER => "larder",
        name if name.starts_with("larder") => "larder2",
        name if PEERS.iter().any(|peer| name.starts_with(peer)) => "peer",
        _ => "bare",
    }
}

fn begin(height: f64, label: &str) -> String {
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0}" width="{WIDTH}" height="{height:.0}" role="img" aria-label="larder and embedded stores, {label}">
<style>
text {{ font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }}
.title {{ font-size: 16px; font-weight: 600; }}
.panel {{ font-size: 13px; font-weight: 600; }}
.quiet {{ fill: #59636e; }}
.page {{ fill: #ffffff; stroke: #d1d9e0; }}
.larder {{ fill: #c2410c; }} .larder2 {{ fill: #ea9a6b; }} .peer {{ fill: #6b8fb8; }} .bare {{ fill: #a8b0b8; }}
@media (prefers-color-scheme: dark) {{
text {{ fill: #e6edf3; }}
.quiet {{ fill: #9198a1; }}
.page {{ fill: #0d1117; stroke: #3d444d; }}
.larder {{ fill: #f97316; }} .larder2 {{ fill: #a85a2a; }} .peer {{ fill: #5b83b0; }} .bare {{ fill: #656c76; }}
}}
</style>
<rect class="page" x="0.5" y="0.5" width="{w:.0}" height="{h:.0}" rx="8"/>
<text class="title" x="{MARGIN}" y="30">larder and embedded stores, {label}</text>
<text class="quiet" x="{MARGIN}" y="49">Time or memory, a scale for each panel: shorter is better. Medians; the bare log is a limit, not a store.</text>
"#,
        w = WIDTH - 1.0,
        h = height - 1.0,
    )
}

fn panel(svg: &mut String, x: f64, y: f64, name: &str, bars: &[Bar<'_>]) {
    let longest = bars.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
    _ = writeln!(svg, r#"<text class="panel" x="{x:.1}" y="{:.1}">{}</text>"#, y + 16.0, escaped(name));
    for (at, bar) in bars.iter().enumerate() {
        let top = y + PANEL_TOP + at as f64 * LINE - 4.0;
        let base = top + BAR - 2.0;
        let width = (bar.value / longest * (PANEL - NAMES - NUMBERS)).max(1.0);
        let (name, text, left) = (escaped(bar.name), escaped(&bar.text), x + NAMES);
        _ = writeln!(
            svg,
            r#"<text x="{:.1}" y="{base:.1}" text-anchor="end">{name}</text><rect class="{}" x="{left:.1}" y="{top:.1}" width="{width:.1}" height="{BAR}" rx="2"/><text class="quiet" x="{:.1}" y="{base:.1}">{text}</text>"#,
            left - 8.0,
            class(bar.name),
            left + width + 6.0,
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(row: &str, contender: &str, value: f64) -> Figure {
        let (row, contender) = (row.into(), contender.into());
        let (section, measure, unit) = ("s".into(), "median".into(), "ns".into());
        Figure { section, row, contender, measure, value, unit }
    }

    #[test]
    fn one_shape_is_drawn_and_one_task_is_not_sixteen() {
        let figures = [
            figure("Bulk load, 1 M records of 100 B, time per record", LARDER, 700.0),
            figure("Bulk load, 1 M records of 100 B, time per record", "redb", 4700.0),
            figure("Durable writes by 1 task, 1 M records of 100 B, time per write", LARDER, 1.0),
            figure("Durable writes by 16 tasks, 1 M records of 100 B, time per write", LARDER, 1.0),
            figure("Bulk load, 1 M records of 100 KiB, time per record", "a < b", 1.0),
        ];
        let svg = draw(&figures).unwrap();
        assert_eq!(svg.matches("<rect class=\"larder\"").count(), 2, "{svg}");
        assert_eq!(svg.matches("<rect class=\"peer\"").count(), 1);
        assert!(svg.contains("4.70 µs") && !svg.contains("a &lt; b"));
        assert!(draw(&[]).is_none());
    }
}
