//! [`Load`]: how many operations waited and how many were served, over time, in bounded memory.

use crate::time::Nanos;

/// The load within one interval of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// When the interval begins.
    pub from: Nanos,
    /// When it ends.
    pub to: Nanos,
    /// Operations that came in it.
    pub arrivals: u64,
    /// How many waited to be started, on average over the interval.
    pub queued: f64,
    /// How many were started and not yet acknowledged, on average over the interval.
    pub in_flight: f64,
}

/// What a resource has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Operations that were admitted.
    pub admitted: u64,
    /// Operations that a rate limit turned away.
    pub throttled: u64,
    /// How long the admitted ones waited to be started, together.
    pub waited_ns: u128,
    /// How long they took from their start to their acknowledgement, together.
    pub served_ns: u128,
    /// The most that waited at once when an operation came.
    pub most_queued: u64,
    /// The most that were started and not yet acknowledged when an operation came.
    pub most_in_flight: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    arrivals: u64,
    queued_ns: u128,
    in_flight_ns: u128,
}

const CELLS: usize = 512;

/// Sums per interval. When time outgrows them, two intervals become one.
#[derive(Debug)]
pub(super) struct Series {
    width: Nanos,
    cells: Vec<Cell>,
}

impl Series {
    pub(super) fn new() -> Series {
        Series { width: 1_000_000, cells: Vec::new() }
    }

    pub(super) fn add(&mut self, submitted: Nanos, start: Nanos, end: Nanos) {
        while end / self.width >= CELLS as u64 {
            self.width *= 2;
            let joined = self.cells.chunks(2).map(|two| {
                two.iter().fold(Cell::default(), |sum, cell| Cell {
                    arrivals: sum.arrivals + cell.arrivals,
                    queued_ns: sum.queued_ns + cell.queued_ns,
                    in_flight_ns: sum.in_flight_ns + cell.in_flight_ns,
                })
            });
            self.cells = joined.collect();
        }
        let last = (end / self.width) as usize;
        if self.cells.len() <= last {
            self.cells.resize(last + 1, Cell::default());
        }
        self.cells[(submitted / self.width) as usize].arrivals += 1;
        self.spread(submitted, start, |cell| &mut cell.queued_ns);
        self.spread(start, end, |cell| &mut cell.in_flight_ns);
    }

    fn spread(&mut self, from: Nanos, to: Nanos, sum: impl Fn(&mut Cell) -> &mut u128) {
        let mut at = from;
        while at < to {
            let cell = at / self.width;
            let end = (cell + 1).saturating_mul(self.width).min(to);
            *sum(&mut self.cells[cell as usize]) += u128::from(end - at);
            at = end;
        }
    }

    pub(super) fn loads(&self) -> Vec<Load> {
        let load = |(index, cell): (usize, &Cell)| Load {
            from: index as u64 * self.width,
            to: (index as u64 + 1).saturating_mul(self.width),
            arrivals: cell.arrivals,
            queued: cell.queued_ns as f64 / self.width as f64,
            in_flight: cell.in_flight_ns as f64 / self.width as f64,
        };
        self.cells.iter().enumerate().map(load).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_when_intervals_are_joined() {
        let mut series = Series::new();
        let mut areas = (0u128, 0u128);
        for n in 0..5_000u64 {
            let (submitted, start, end) =
                (n * 1_000_003, n * 1_000_003 + n * 77, n * 1_000_003 + n * 977 + 5);
            series.add(submitted, start, end);
            areas.0 += u128::from(start - submitted);
            areas.1 += u128::from(end - start);
        }
        assert!(series.cells.len() <= CELLS && series.cells.len() > CELLS / 4, "{}", series.cells.len());
        assert_eq!(series.cells.iter().map(|cell| cell.arrivals).sum::<u64>(), 5_000);
        assert_eq!(series.cells.iter().map(|cell| cell.queued_ns).sum::<u128>(), areas.0);
        assert_eq!(series.cells.iter().map(|cell| cell.in_flight_ns).sum::<u128>(), areas.1);
    }
}
