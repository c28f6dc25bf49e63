//! What is drawn and printed, measured from the data: quantiles, distributions, and which operations
//! fit into the picture.

use std::collections::{BTreeMap, BTreeSet};

use super::data::{Bar, Latencies, Model, Nanos, Report, Sample};
use super::scale::{LogAxis, TimeAxis, log10};

/// The fractions that people ask for, by name.
pub(super) const FRACTIONS: [(&str, u64, u64); 4] =
    [("p50", 50, 100), ("p90", 90, 100), ("p99", 99, 100), ("p99.9", 999, 1000)];

/// The latencies of a class in ascending order.
#[derive(Clone, Debug)]
pub(super) struct Sorted(Vec<Nanos>);

impl Sorted {
    pub(super) fn of(samples: &[Sample]) -> Sorted {
        let mut sorted: Vec<Nanos> = samples.iter().map(|sample| sample.took).collect();
        sorted.sort_unstable();
        Sorted(sorted)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn all(&self) -> &[Nanos] {
        &self.0
    }

    pub(super) fn max(&self) -> Option<Nanos> {
        self.0.last().copied()
    }

    /// The smallest latency that at least `part` in `whole` do not exceed (nearest rank). `None` if there
    /// are too few to tell it from the largest.
    pub(super) fn quantile(&self, part: u64, whole: u64) -> Option<Nanos> {
        let n = self.0.len() as u64;
        if n.saturating_mul(whole - part) < whole {
            return None;
        }
        let rank = (u128::from(n) * u128::from(part)).div_ceil(u128::from(whole));
        self.0.get((rank as usize).saturating_sub(1)).copied()
    }
}

/// The quantile of a model, straight between the ones it has; `None` if it has none.
pub(super) fn model_quantile(quantiles: &[(f64, Nanos)], q: f64) -> Option<Nanos> {
    let above = quantiles.iter().position(|(at, _)| *at >= q);
    match above {
        None => quantiles.last().map(|(_, ns)| *ns),
        Some(0) => quantiles.first().map(|(_, ns)| *ns),
        Some(i) => {
            let ((from, low), (to, high)) = (quantiles[i - 1], quantiles[i]);
            let share = if to > from { (q - from) / (to - from) } else { 1.0 };
            Some(low + (high.saturating_sub(low) as f64 * share) as Nanos)
        }
    }
}

/// The observations of a class, and what the model says about it.
#[derive(Debug)]
pub(super) struct Distribution<'a> {
    pub(super) class: &'a str,
    pub(super) sorted: Sorted,
    pub(super) model: &'a [(f64, Nanos)],
}

/// A distribution for each class that has any.
pub(super) fn distributions<'a>(observed: &'a [Latencies], models: &'a [Model]) -> Vec<Distribution<'a>> {
    let mut classes: Vec<&str> = Vec::new();
    let named = observed.iter().map(|class| &class.class).chain(models.iter().map(|model| &model.class));
    for class in named {
        if !classes.contains(&class.as_str()) {
            classes.push(class);
        }
    }
    let found = classes.into_iter().map(|class| {
        let observed = observed.iter().find(|known| known.class == class);
        let model = models.iter().find(|known| known.class == class);
        Distribution {
            class,
            sorted: Sorted::of(observed.map_or(&[][..], |known| &known.samples)),
            model: model.map_or(&[][..], |known| &known.quantiles),
        }
    });
    found.filter(|found| found.sorted.len() > 0 || !found.model.is_empty()).collect()
}

/// An axis for all latencies and models; `None` if there are none.
pub(super) fn latency_axis(report: &Report) -> Option<LogAxis> {
    let observed = report.latencies.iter().chain(&report.storage);
    let observed = observed.flat_map(|class| class.samples.iter().map(|sample| sample.took));
    let modelled = report.models.iter().flat_map(|model| model.quantiles.iter().map(|(_, ns)| *ns));
    let (mut low, mut high, mut any) = (Nanos::MAX, 0, false);
    for ns in observed.chain(modelled) {
        (low, high, any) = (low.min(ns), high.max(ns), true);
    }
    any.then(|| LogAxis::around(low, high))
}

/// What is shown over time: how long callers waited, or the storage took if that is all there is.
pub(super) fn over_time(report: &Report) -> &[Latencies] {
    if report.latencies.iter().all(|class| class.samples.is_empty()) {
        &report.storage
    } else {
        &report.latencies
    }
}

/// The end of the run: as long as it says, and nothing seen lies beyond.
pub(super) fn end(report: &Report) -> Nanos {
    let bars = report.bars.iter().map(|bar| bar.returned.or(bar.effect).unwrap_or(bar.invoked));
    let samples = report.latencies.iter().chain(&report.storage).flat_map(|class| class.samples.iter());
    let samples = samples.map(|sample| sample.at.saturating_add(sample.took));
    let crashes = report.crashes.iter().map(|crash| crash.at);
    bars.chain(samples).chain(crashes).chain([report.lasted]).max().unwrap_or(0)
}

/// How many operations were answered after so long, by time.
#[derive(Clone, Debug)]
pub(super) struct Heat {
    /// The upper ends of the rows, in ascending order.
    pub(super) rows: Vec<Nanos>,
    /// `cells[row][column]`.
    pub(super) cells: Vec<Vec<u64>>,
    pub(super) most: u64,
}

impl Heat {
    /// Counts in rows that end (exclusively) at `rows`; what lies beyond is in the last.
    pub(super) fn of(report: &Report, rows: Vec<Nanos>, time: &TimeAxis, columns: usize) -> Heat {
        let mut cells = vec![vec![0u64; columns]; rows.len()];
        for sample in over_time(report).iter().flat_map(|class| &class.samples) {
            let row = rows.partition_point(|end| *end <= sample.took);
            let row = row.min(rows.len().saturating_sub(1));
            if let Some(cell) =
                cells.get_mut(row).and_then(|row| row.get_mut(time.column(sample.at, columns)))
            {
                *cell += 1;
            }
        }
        let most = cells.iter().flatten().copied().max().unwrap_or(0);
        Heat { rows, cells, most }
    }

    /// The shade of a count among `shades`: 0 for none, 1 for few, by its logarithm.
    pub(super) fn shade(&self, count: u64, shades: u64) -> u64 {
        match count {
            0 => 0,
            _ if self.most <= shades => count,
            _ => {
                let share = log10(count as f64) / log10(self.most as f64);
                1 + ((share * (shades - 1) as f64 + 0.5) as u64).min(shades - 1)
            }
        }
    }
}

/// The least and the most of a count in each of `columns` parts of the time.
pub(super) fn extremes(points: &[(Nanos, u64)], time: &TimeAxis, columns: usize) -> Vec<(u64, u64)> {
    let mut found: Vec<Option<(u64, u64)>> = vec![None; columns];
    let mut value = 0;
    let mut filled = 0;
    for (at, next) in points {
        let column = time.column(*at, columns);
        for place in found.iter_mut().take(column + 1).skip(filled) {
            place.get_or_insert((value, value));
        }
        filled = filled.max(column);
        value = *next;
        if let Some(Some((low, high))) = found.get_mut(column) {
            (*low, *high) = ((*low).min(value), (*high).max(value));
        }
    }
    found.into_iter().map(|extremes| extremes.unwrap_or((value, value))).collect()
}

/// The operations that the lanes show.
#[derive(Debug)]
pub(super) struct Window<'a> {
    pub(super) from: Nanos,
    pub(super) to: Nanos,
    /// By client in ascending order: rows of bars that do not overlap.
    pub(super) lanes: Vec<(u64, Vec<Vec<&'a Bar>>)>,
    pub(super) shown: u64,
    pub(super) total: u64,
    /// Clients with operations in this time that have no lane.
    pub(super) clients_left_out: u64,
    /// Why this part of the run, if it is a part.
    pub(super) why: Option<&'static str>,
}

/// How much the lanes show at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) bars: usize,
    /// On average.
    pub(super) bars_in_a_lane: usize,
    pub(super) lanes: usize,
    pub(super) rows: usize,
}

impl<'a> Window<'a> {
    /// Chooses what to show; `None` if there is nothing.
    pub(super) fn of(report: &'a Report, room: Room) -> Option<Window<'a>> {
        let mut bars: Vec<&Bar> = report.bars.iter().collect();
        bars.sort_by_key(|bar| (bar.invoked, bar.client, bar.number));
        let total = (bars.len() as u64).saturating_add(report.bars_left_out);
        let (first, last) = (bars.first()?.invoked, bars.last()?.invoked);
        let run = Window {
            from: first.min(report.lasted),
            to: end(report),
            lanes: Vec::new(),
            shown: 0,
            total,
            clients_left_out: 0,
            why: None,
        };
        let clients = bars.iter().map(|bar| bar.client).collect::<BTreeSet<u64>>().len();
        let most = room.bars.min(room.bars_in_a_lane.saturating_mul(clients));
        if bars.len() <= most && report.bars_left_out == 0 {
            return Some(run.fill(&bars, room));
        }
        let fault = bars.iter().find(|bar| bar.fault.is_some() || bar.failed).map(|bar| bar.invoked);
        let (centre, why) = match (report.focus, fault) {
            (Some(focus), _) => (focus, "the time around the violation"),
            (None, Some(fault)) => (fault, "the time around the first fault"),
            (None, None) => (first, "the beginning"),
        };
        let at = bars.partition_point(|bar| bar.invoked < centre);
        // Some come before it, and some room is left for those that run for long.
        let size = (most * 3 / 4).max(1);
        let begin = at.saturating_sub(size * 2 / 3).min(bars.len().saturating_sub(size));
        let part = &bars[begin..(begin + size).min(bars.len())];
        let from = part.first()?.invoked;
        let to = match part.len() + begin < bars.len() {
            true => part.last()?.invoked,
            false => last.max(end(report)),
        };
        let mut chosen: Vec<&Bar> =
            bars[..begin].iter().rev().copied().filter(|bar| runs_at(bar, from)).take(most - size).collect();
        chosen.reverse();
        chosen.extend_from_slice(part);
        Some(Window { from, to: to.max(from + 1), why: Some(why), ..run }.fill(&chosen, room))
    }

    fn fill(mut self, bars: &[&'a Bar], room: Room) -> Window<'a> {
        let mut clients: BTreeMap<u64, (bool, Vec<&'a Bar>)> = BTreeMap::new();
        for bar in bars {
            let (troubled, lane) = clients.entry(bar.client).or_default();
            *troubled |= bar.failed || bar.fault.is_some();
            lane.push(bar);
        }
        // Whoever has trouble is shown first; lanes stand in the order of the clients.
        let mut chosen: Vec<(bool, u64)> =
            clients.iter().map(|(id, (troubled, _))| (!troubled, *id)).collect();
        chosen.sort_unstable();
        self.clients_left_out = chosen.len().saturating_sub(room.lanes) as u64;
        chosen.truncate(room.lanes);
        chosen.sort_unstable_by_key(|(_, id)| *id);
        for (_, id) in chosen {
            let Some((_, lane)) = clients.remove(&id) else { continue };
            let rows = stack(&lane, room.rows, |bar| (bar.invoked, until(bar)));
            self.shown += rows.iter().map(|row| row.len() as u64).sum::<u64>();
            self.lanes.push((id, rows));
        }
        self
    }

    /// One sentence about what is shown and what is not.
    pub(super) fn says(&self) -> String {
        use super::words::{count, counted, moment};
        let operations = counted(self.total, "operation", "operations");
        let mut said = match self.why {
            None if self.shown == self.total => format!("All {operations}."),
            None => format!("{} of {operations}.", count(self.shown)),
            Some(why) => format!(
                "{} of {operations}: {why}, from {} to {}.",
                count(self.shown),
                moment(self.from),
                moment(self.to)
            ),
        };
        if self.clients_left_out > 0 {
            let clients = counted(self.clients_left_out, "client", "clients");
            said.push_str(&format!(" {clients} with operations in this time left out."));
        }
        said
    }
}

fn until(bar: &Bar) -> Nanos {
    bar.returned.unwrap_or(Nanos::MAX)
}

fn runs_at(bar: &Bar, at: Nanos) -> bool {
    bar.invoked <= at && until(bar) > at
}

/// Puts each (they come in the order of their beginnings) into the first row where it overlaps
/// nothing; what finds no place in `most` rows is left out.
pub(super) fn stack<T: Copy>(items: &[T], most: usize, span: impl Fn(T) -> (u64, u64)) -> Vec<Vec<T>> {
    let mut rows: Vec<(u64, Vec<T>)> = Vec::new();
    for item in items {
        let (from, to) = span(*item);
        match rows.iter().position(|(end, _)| *end <= from) {
            Some(row) => {
                rows[row].0 = to;
                rows[row].1.push(*item);
            }
            None if rows.len() < most => rows.push((to, vec![*item])),
            None => {}
        }
    }
    rows.into_iter().map(|(_, row)| row).collect()
}

/// The classes of operations in the order in which they are shown, which gives them their colours.
pub(super) fn classes(report: &Report) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    let latencies = report.latencies.iter().map(|class| class.class.as_str());
    let mut bars: Vec<&str> = report.bars.iter().map(|bar| bar.class.as_str()).collect();
    bars.sort_unstable();
    bars.dedup();
    for class in latencies.chain(bars) {
        if !found.contains(&class) {
            found.push(class);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_nearest_rank_and_none_of_too_few() {
        let sorted = Sorted((1..=1000).collect());
        let said = FRACTIONS.map(|(_, part, whole)| sorted.quantile(part, whole));
        assert_eq!(said, [Some(500), Some(900), Some(990), Some(999)]);
        let few = Sorted((1..=99).collect());
        assert_eq!((few.quantile(90, 100), few.quantile(99, 100), few.max()), (Some(90), None, Some(99)));
        assert_eq!(Sorted(Vec::new()).quantile(50, 100), None);
    }

    #[test]
    fn a_model_is_straight_between_its_quantiles() {
        let model = [(0.5, 100), (0.9, 200)];
        assert_eq!(
            [0.1, 0.5, 0.7, 0.9, 0.99].map(|q| model_quantile(&model, q).unwrap()),
            [100, 100, 149, 200, 200]
        );
        assert_eq!(model_quantile(&[], 0.5), None);
    }

    #[test]
    fn a_count_has_its_least_and_most_in_each_part_and_stays_until_it_changes() {
        let time = TimeAxis::new(0, 100, 4);
        let points = [(10, 3), (12, 1), (60, 7), (60, 5)];
        assert_eq!(extremes(&points, &time, 4), [(0, 3), (1, 1), (1, 7), (5, 5)]);
        assert_eq!(extremes(&[], &time, 2), [(0, 0), (0, 0)]);
    }

    #[test]
    fn shades_are_by_the_logarithm() {
        let heat = Heat { rows: vec![1], cells: vec![vec![]], most: 1000 };
        assert_eq!([0, 1, 10, 32, 1000].map(|n| heat.shade(n, 4)), [0, 1, 2, 3, 4]);
        let heat = Heat { most: 3, ..heat };
        assert_eq!([0, 1, 2, 3].map(|n| heat.shade(n, 4)), [0, 1, 2, 3]);
    }

    fn bar(client: u64, invoked: u64, returned: Option<u64>) -> Bar {
        Bar { client, number: invoked, invoked, returned, ..Bar::default() }
    }

    const ROOM: Room = Room { bars: 40, bars_in_a_lane: 40, lanes: 2, rows: 2 };

    #[test]
    fn all_is_shown_if_it_fits() {
        let report =
            Report { bars: vec![bar(1, 5, Some(9)), bar(0, 6, None)], lasted: 20, ..Report::default() };
        let window = Window::of(&report, ROOM).unwrap();
        assert_eq!((window.from, window.to, window.shown, window.why), (5, 20, 2, None));
        assert_eq!(window.lanes.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(window.says(), "All 2 operations.");
        assert!(Window::of(&Report::default(), ROOM).is_none());
    }

    #[test]
    fn a_part_is_shown_around_what_matters_and_what_is_left_out_is_said() {
        let mut bars: Vec<Bar> = (0..1000).map(|n| bar(n % 2, n * 10, Some(n * 10 + 15))).collect();
        bars[700].failed = true;
        bars.push(bar(0, 1, None));
        let mut report = Report { bars, ..Report::default() };
        let window = Window::of(&report, ROOM).unwrap();
        assert!((window.from..window.to).contains(&7000), "{window:?}");
        let hangs = |window: &Window| window.lanes[0].1.iter().flatten().any(|bar| bar.returned.is_none());
        assert!(hangs(&window), "an operation that still runs is shown");
        assert!(
            window.says().contains("of 1,001 operations: the time around the first fault"),
            "{}",
            window.says()
        );
        report.focus = Some(2000);
        let window = Window::of(&report, ROOM).unwrap();
        assert!((window.from..window.to).contains(&2000) && window.shown <= 40);
        assert!(window.says().contains("around the violation"));
    }

    #[test]
    fn clients_in_trouble_get_the_lanes() {
        let mut bars: Vec<Bar> = (0..5).map(|n| bar(n, n, Some(n + 1))).collect();
        bars[4].fault = Some("hang".to_owned());
        let report = Report { bars, ..Report::default() };
        let window = Window::of(&report, ROOM).unwrap();
        assert_eq!(window.lanes.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [0, 4]);
        assert_eq!(window.says(), "2 of 5 operations. 3 clients with operations in this time left out.");
    }

    #[test]
    fn what_overlaps_stands_in_rows() {
        let rows = stack(&[(0, 5), (1, 3), (2, 9), (3, 4), (5, 6)], 2, |span| span);
        assert_eq!(rows, [vec![(0, 5), (5, 6)], vec![(1, 3), (3, 4)]]);
    }
}
