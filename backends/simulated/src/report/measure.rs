//! What is drawn and printed, measured from the data: quantiles and distributions.

use super::data::{Latencies, Model, Nanos, Report, Sample};
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
    let all: Vec<&Latencies> = report.latencies.iter().chain(&report.storage).collect();
    let observed = extent(&all);
    let modelled = report.models.iter().flat_map(|model| &model.quantiles);
    let shortest = modelled.clone().filter(|(q, _)| *q >= 0.01).map(|(_, ns)| *ns).min();
    let longest = modelled.map(|(_, ns)| *ns).max();
    let (low, high) = match (observed, shortest.or(longest).zip(longest)) {
        (Some((low, high)), Some((shortest, longest))) => (low.min(shortest), high.max(longest)),
        (observed, modelled) => observed.or(modelled)?,
    };
    Some(LogAxis::around(low, high))
}

/// An axis for what is shown over time; `None` if there is nothing.
pub(super) fn axis_over_time(report: &Report) -> Option<LogAxis> {
    let all: Vec<&Latencies> = over_time(report).iter().collect();
    extent(&all).map(|(low, high)| LogAxis::around(low, high))
}

/// From where to where the latencies of these classes reach. The shortest hundredth of each class may lie
/// below, and is drawn at the edge: a few calls that fail at once would otherwise fill half of the picture
/// with nothing.
fn extent(classes: &[&Latencies]) -> Option<(Nanos, Nanos)> {
    let mut reach: Option<(Nanos, Nanos)> = None;
    for class in classes {
        let mut times: Vec<Nanos> = class.samples.iter().map(|sample| sample.took).collect();
        let Some(high) = times.iter().copied().max() else { continue };
        let hundredth = times.len() / 100;
        let (_, low, _) = times.select_nth_unstable(hundredth);
        reach = Some(reach.map_or((*low, high), |(lowest, highest)| (lowest.min(*low), highest.max(high))));
    }
    reach
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
    fn an_axis_is_not_stretched_by_a_few_that_failed_at_once() {
        let class = |took: Vec<Nanos>| Latencies {
            samples: took.into_iter().map(|took| Sample { at: 0, took }).collect(),
            ..Latencies::default()
        };
        let mut took = vec![1_000_000; 990];
        took.extend([0; 9]);
        let report = Report { latencies: vec![class(took), class(vec![200_000])], ..Report::default() };
        let axis = latency_axis(&report).unwrap();
        assert_eq!((axis.low, axis.high), (100_000, 5_000_000));
        assert_eq!(axis_over_time(&report).unwrap().low, 100_000);
        let few = Report { latencies: vec![class(vec![0, 1_000_000])], ..Report::default() };
        assert_eq!(latency_axis(&few).unwrap().low, 1);
        assert!(latency_axis(&Report::default()).is_none());
    }

    #[test]
    fn every_sample_is_in_the_cell_of_its_time_and_latency() {
        let sample = |at, took| Sample { at, took };
        let samples = vec![sample(0, 0), sample(0, 9), sample(60, 10), sample(99, 99), sample(100, 5000)];
        let class = Latencies { class: String::new(), samples };
        let report = Report { latencies: vec![class], ..Report::default() };
        let heat = Heat::of(&report, vec![10, 100], &TimeAxis::new(0, 100, 4), 2);
        assert_eq!(heat.cells, [vec![2, 0], vec![0, 3]]);
        assert_eq!(heat.most, 3);
    }

    #[test]
    fn shades_are_by_the_logarithm() {
        let heat = Heat { rows: vec![1], cells: vec![vec![]], most: 1000 };
        assert_eq!([0, 1, 10, 32, 1000].map(|n| heat.shade(n, 4)), [0, 1, 2, 3, 4]);
        let heat = Heat { most: 3, ..heat };
        assert_eq!([0, 1, 2, 3].map(|n| heat.shade(n, 4)), [0, 1, 2, 3]);
    }
}
