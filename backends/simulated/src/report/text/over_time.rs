//! Pictures over virtual time: latencies, lanes and counts.

use super::super::data::{Bar, Report};
use super::super::measure::{self, Heat};
use super::super::scale::{TimeAxis, tick_name};
use super::super::window::{Room, Window};
use super::super::words::{count, counted, left, moment, right, short, time, width};
use super::{heading, spark, wrapped};

/// Columns before the plot.
const MARGIN: usize = 12;
const ROOM: Room = Room { bars: 60, bars_in_a_lane: 9, lanes: 12, rows: 3 };
/// Slow periods that are listed.
const PERIODS: usize = 12;

pub(super) fn heat(report: &Report, columns: usize, out: &mut String) {
    const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];
    const ROWS: usize = 16;
    if let Some(axis) = measure::axis_over_time(report) {
        heading("Latency over time", out);
        let bins = axis.bins();
        let step = bins.len().div_ceil(ROWS);
        let rows: Vec<u64> = bins.iter().rev().step_by(step).rev().copied().collect();
        let plot = columns - MARGIN - 2;
        let frame = TimeAxis::new(0, measure::end(report), (plot / 12) as u64);
        let heat = Heat::of(report, rows, &frame, plot);
        for (row, cells) in heat.cells.iter().enumerate().rev() {
            let low = if row == 0 { axis.low } else { heat.rows[row - 1] };
            let shades: String = cells.iter().map(|n| SHADES[heat.shade(*n, 4) as usize]).collect();
            out.push_str(&format!("{} ┤{shades}\n", right(&format!("{} up", tick_name(low)), MARGIN)));
        }
        ticks(&frame, plot, out);
        strips(report, &frame, plot, out);
        let most = counted(heat.most, "operation", "operations");
        out.push_str(&format!("{}░ 1 operation   █ {most} in one cell\n", left("", MARGIN + 2)));
    }
    periods(report, out);
}

/// The axis below a plot.
fn ticks(axis: &TimeAxis, plot: usize, out: &mut String) {
    let mut line: Vec<char> = vec!['─'; plot];
    let mut names = String::new();
    for (at, name) in &axis.ticks {
        let column = axis.column(*at, plot);
        line[column] = '┬';
        if column >= width(&names) + usize::from(!names.is_empty()) && column + width(name) <= plot {
            names = left(&names, column) + name;
        }
    }
    out.push_str(&format!("{} └{}\n", left("", MARGIN), line.into_iter().collect::<String>()));
    out.push_str(&format!("{}{names}  {}\n", left("", MARGIN + 2), axis.unit));
}

/// When the storage was slow and when something crashed, to stand below a plot.
fn strips(report: &Report, axis: &TimeAxis, plot: usize, out: &mut String) {
    let within = |from: u64, to: u64| to >= axis.from && from <= axis.to;
    let mut slow = vec![' '; plot];
    for period in report.periods.iter().filter(|period| within(period.from, period.to)) {
        let from = axis.column(period.from, plot);
        slow[from..=axis.column(period.to, plot).max(from)].fill('▀');
    }
    let mut crashed = vec![' '; plot];
    for crash in report.crashes.iter().filter(|crash| within(crash.at, crash.at)) {
        crashed[axis.column(crash.at, plot)] = '╳';
    }
    for (name, strip) in [("slow", slow), ("crash", crashed)] {
        if strip.iter().any(|c| *c != ' ') {
            out.push_str(&format!("{}  {}\n", right(name, MARGIN), strip.into_iter().collect::<String>()));
        }
    }
}

fn periods(report: &Report, out: &mut String) {
    for period in report.periods.iter().take(PERIODS) {
        let long = time(period.to.saturating_sub(period.from));
        let name = short(&period.name, 40);
        out.push_str(&format!(
            "{}  {name} from {} for {long}\n",
            right("slow:", MARGIN),
            moment(period.from)
        ));
    }
    if let Some(more) = report.periods.len().checked_sub(PERIODS).filter(|more| *more > 0) {
        out.push_str(&format!("{}  and {more} more\n", left("", MARGIN)));
    }
    for crash in report.crashes.iter().take(PERIODS) {
        out.push_str(&format!(
            "{}  {} at {}\n",
            right("crash:", MARGIN),
            short(&crash.what, 60),
            moment(crash.at)
        ));
    }
}

pub(super) fn lanes(report: &Report, columns: usize, out: &mut String) {
    let Some(window) = Window::of(report, ROOM) else { return };
    heading("Clients", out);
    wrapped(&window.says(), columns, "", out);
    let plot = columns - MARGIN - 2;
    let axis = TimeAxis::new(window.from, window.to, (plot / 12) as u64);
    for (client, rows) in &window.lanes {
        for (n, row) in rows.iter().enumerate() {
            let name = if n == 0 { format!("client {client}") } else { String::new() };
            let mut cells = vec![' '; plot];
            row.iter().for_each(|bar| draw(bar, &axis, &mut cells));
            let cells: String = cells.into_iter().collect();
            out.push_str(&format!("{} │{cells}\n", right(&short(&name, MARGIN), MARGIN)));
        }
    }
    ticks(&axis, plot, out);
    strips(report, &axis, plot, out);
    out.push_str(&format!(
        "{}├─●─┤ call, effect, return   ╞══╡ an error or a fault   ├┄┄ never returned\n",
        left("", MARGIN + 2)
    ));
    let troubled = window.lanes.iter().flat_map(|(_, rows)| rows.iter().flatten());
    let mut troubled: Vec<&&Bar> = troubled.filter(|bar| bar.fault.is_some() || bar.failed).collect();
    troubled.sort_by_key(|bar| (bar.invoked, bar.client, bar.number));
    for bar in troubled.iter().take(PERIODS) {
        let fault = bar.fault.as_ref().map(|fault| format!(" [{}]", short(fault, 40))).unwrap_or_default();
        let said = format!(
            "  ✗ {} client {}, operation {}: {}{fault} → {}",
            moment(bar.invoked),
            bar.client,
            bar.number,
            short(&bar.label, 60),
            if bar.returned.is_none() { "never returned".to_owned() } else { short(&bar.outcome, 120) }
        );
        out.push_str(&short(&said, columns));
        out.push('\n');
    }
    if let Some(more) = troubled.len().checked_sub(PERIODS).filter(|more| *more > 0) {
        out.push_str(&format!("    and {} in this time\n", counted(more as u64, "more", "more")));
    }
}

fn draw(bar: &Bar, axis: &TimeAxis, cells: &mut [char]) {
    let from = axis.column(bar.invoked, cells.len());
    let to = axis.column(bar.returned.unwrap_or(axis.to), cells.len()).max(from);
    let (begin, line, end) = match (bar.returned, bar.failed || bar.fault.is_some()) {
        (None, _) => ('├', '┄', '┄'),
        (_, true) => ('╞', '═', '╡'),
        (_, false) => ('├', '─', '┤'),
    };
    cells[from..=to].fill(line);
    cells[from] = begin;
    if to > from {
        cells[to] = end;
    }
    if let Some(effect) = bar.effect.filter(|effect| (axis.from..=axis.to).contains(effect)) {
        cells[axis.column(effect, cells.len())] = '●';
    }
}

pub(super) fn depth(report: &Report, columns: usize, out: &mut String) {
    if report.depths.iter().all(|series| series.points.is_empty()) {
        return;
    }
    heading("Load over time", out);
    let plot = columns - MARGIN - 2;
    let axis = TimeAxis::new(0, measure::end(report), (plot / 12) as u64);
    for series in &report.depths {
        let most: Vec<u64> =
            measure::extremes(&series.points, &axis, plot).into_iter().map(|(_, most)| most).collect();
        let high = most.iter().copied().max().unwrap_or(0);
        out.push_str(&format!("{}\n", short(&series.name, columns)));
        out.push_str(&format!("{} ┤{}\n", right(&format!("0 to {}", count(high)), MARGIN), spark(&most)));
    }
    ticks(&axis, plot, out);
    strips(report, &axis, plot, out);
}
