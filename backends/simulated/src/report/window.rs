//! Which operations the lanes show, when there are more than anyone could see.

use std::collections::{BTreeMap, BTreeSet};

use super::data::{Bar, Nanos, Report};
use super::measure::end;
use super::words::{count, counted, moment};

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
        Some(Window { from, to: to.max(from.saturating_add(1)), why: Some(why), ..run }.fill(&chosen, room))
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

#[cfg(test)]
mod tests {
    use super::*;

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
