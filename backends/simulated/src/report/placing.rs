//! Where the operations of a [`Picture`] stand: in slots, one for each call or return, so that every
//! overlap can be seen whatever the times were.

use std::collections::{BTreeMap, BTreeSet};

use super::data::Picture;
use super::window::stack;
use super::words::{count, counted, short};

/// What the checker did with an operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    /// It is so far down in the order (from 1), and its point is drawn at this many slots.
    Placed { number: usize, at: f64 },
    /// It cannot come next.
    Impossible,
    /// The order ended before it.
    NotReached,
}

/// An operation in the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Placed {
    /// Its index in [`Picture::intervals`].
    pub(super) index: usize,
    /// The slot of its call.
    pub(super) from: usize,
    /// The slot of its return, or the end of the picture if it never returned.
    pub(super) to: usize,
    pub(super) open: bool,
    pub(super) place: Place,
    /// It is one of the few that already cannot be ordered together.
    pub(super) suspect: bool,
}

/// A picture, laid out.
#[derive(Debug)]
pub(super) struct Layout {
    /// How many slots there are.
    pub(super) slots: usize,
    /// By client: rows of operations that do not overlap.
    pub(super) lanes: Vec<(u64, Vec<Vec<Placed>>)>,
    /// How many operations of the key are not shown.
    pub(super) left_out: u64,
}

/// How many operations are shown: those that cannot be placed, the last ones that can, and the first
/// that were not reached.
const SHOWN: [usize; 3] = [12, 28, 12];

impl Layout {
    pub(super) fn of(picture: &Picture) -> Layout {
        let count = picture.intervals.len();
        let before = usize::try_from(picture.before).unwrap_or(0);
        let mut numbers: Vec<Option<usize>> = vec![None; count];
        let mut order: Vec<usize> = Vec::new();
        for index in picture.order.iter().copied() {
            if let Some(number @ None) = numbers.get_mut(index) {
                order.push(index);
                *number = Some(order.len());
            }
        }
        let mut impossible = vec![false; count];
        for index in &picture.unplaced {
            if let Some(flag) = impossible.get_mut(*index) {
                *flag = numbers[*index].is_none();
            }
        }
        let suspects: BTreeSet<usize> = picture.suspects.iter().copied().collect();
        let mut shown: Vec<usize> = (0..count).filter(|index| impossible[*index]).take(SHOWN[0]).collect();
        shown.extend(order.iter().rev().take(SHOWN[1]));
        shown.extend(
            order.iter().rev().skip(SHOWN[1]).filter(|index| suspects.contains(index)).take(SHOWN[0]),
        );
        let mut unreached: Vec<usize> =
            (0..count).filter(|index| !impossible[*index] && numbers[*index].is_none()).collect();
        unreached.sort_by_key(|index| picture.intervals[*index].invoked);
        shown.extend(unreached.into_iter().take(SHOWN[2]));
        shown.sort_by_key(|index| (picture.intervals[*index].invoked, *index));

        let intervals = shown.iter().map(|index| &picture.intervals[*index]);
        let mut positions: Vec<u64> =
            intervals.flat_map(|interval| [Some(interval.invoked), interval.returned]).flatten().collect();
        positions.sort_unstable();
        positions.dedup();
        let slot = |position: u64| positions.partition_point(|at| *at <= position).saturating_sub(1);
        let points = points(picture, &order, slot);

        let mut clients: BTreeMap<u64, Vec<Placed>> = BTreeMap::new();
        for index in &shown {
            let interval = &picture.intervals[*index];
            let place = match (numbers[*index], impossible[*index]) {
                (Some(number), _) => {
                    Place::Placed { number: number.saturating_add(before), at: points[number - 1] }
                }
                (None, true) => Place::Impossible,
                (None, false) => Place::NotReached,
            };
            clients.entry(interval.client).or_default().push(Placed {
                index: *index,
                from: slot(interval.invoked),
                to: interval.returned.map_or(positions.len(), slot),
                open: interval.returned.is_none(),
                place,
                suspect: suspects.contains(index),
            });
        }
        let lanes = clients.into_iter().map(|(client, lane)| {
            (client, stack(&lane, usize::MAX, |placed| (placed.from as u64, placed.to as u64)))
        });
        Layout {
            slots: positions.len(),
            lanes: lanes.collect(),
            left_out: picture.left_out.saturating_add((count - shown.len()) as u64),
        }
    }

    /// All that are shown, those in the order first, as they follow each other.
    pub(super) fn listed(&self) -> Vec<Placed> {
        let mut all: Vec<Placed> =
            self.lanes.iter().flat_map(|(_, rows)| rows.iter().flatten().copied()).collect();
        all.sort_by_key(|placed| match placed.place {
            Place::Placed { number, .. } => (0, number),
            Place::Impossible => (1, placed.from),
            Place::NotReached => (2, placed.from),
        });
        all
    }
}

/// What the picture shows, in sentences.
pub(super) fn explanation(picture: &Picture, layout: &Layout) -> String {
    let rule = short(&picture.rule, 300);
    let all =
        counted(picture.left_out.saturating_add(picture.intervals.len() as u64), "operation", "operations");
    let placed = picture.before.saturating_add(picture.order.len() as u64);
    let mut said = match placed {
        0 => format!("{rule}."),
        placed => format!("{rule}. The longest order that works has {} of {all}.", count(placed)),
    };
    if !picture.state.is_empty() {
        said.push_str(&format!(" What is there then: {}.", short(&picture.state, 200)));
    }
    if layout.left_out > 0 {
        let rest =
            counted(layout.left_out, "operation that matters less is", "operations that matter less are");
        said.push_str(&format!(" {rest} left out."));
    }
    said
}

/// A point for each operation of the order: after its call, not before the point of the one before it,
/// and, if the order is right, before its return.
fn points(picture: &Picture, order: &[usize], slot: impl Fn(u64) -> usize) -> Vec<f64> {
    let mut latest = 0;
    let slots: Vec<usize> = order
        .iter()
        .map(|index| {
            latest = latest.max(picture.intervals[*index].invoked);
            slot(latest)
        })
        .collect();
    let mut points = Vec::with_capacity(slots.len());
    for same in slots.chunk_by(|a, b| a == b) {
        // Between one slot and the next nothing is called and nothing returns.
        let parts = (same.len() + 1) as f64;
        points.extend((1..=same.len()).map(|n| same[0] as f64 + n as f64 / parts));
    }
    points
}

#[cfg(test)]
mod tests {
    use super::super::data::Interval;
    use super::*;

    fn picture(intervals: &[(u64, u64, Option<u64>)], order: &[usize], unplaced: &[usize]) -> Picture {
        let interval = |(client, invoked, returned): &(u64, u64, Option<u64>)| Interval {
            client: *client,
            label: String::new(),
            invoked: *invoked,
            returned: *returned,
        };
        Picture {
            intervals: intervals.iter().map(interval).collect(),
            order: order.to_vec(),
            unplaced: unplaced.to_vec(),
            ..Picture::default()
        }
    }

    #[test]
    fn every_point_lies_within_its_operation_and_they_follow_the_order() {
        let intervals = [(0, 10, Some(40)), (1, 20, Some(50)), (2, 30, Some(31)), (0, 60, None)];
        let layout = Layout::of(&picture(&intervals, &[2, 0, 1, 3], &[]));
        assert_eq!(layout.slots, 7);
        let mut last = -1.0;
        for placed in layout.listed() {
            let Place::Placed { at, .. } = placed.place else { panic!("{placed:?}") };
            assert!(at > placed.from as f64 && at < placed.to as f64 && at > last, "{placed:?}");
            last = at;
        }
    }

    #[test]
    fn what_cannot_be_placed_is_told_from_what_was_not_reached() {
        let layout =
            Layout::of(&picture(&[(0, 0, Some(1)), (0, 2, Some(3)), (0, 4, None)], &[0], &[1, 0, 99]));
        let places: Vec<Place> = layout.listed().iter().map(|placed| placed.place).collect();
        assert_eq!(places[1..], [Place::Impossible, Place::NotReached]);
        assert!(matches!(places[0], Place::Placed { number: 1, .. }));
    }

    #[test]
    fn a_long_history_is_cut_to_its_end() {
        let intervals: Vec<_> = (0..1000u64).map(|n| (0, 2 * n, Some(2 * n + 1))).collect();
        let order: Vec<usize> = (0..900).collect();
        let layout = Layout::of(&picture(&intervals, &order, &[900]));
        let listed = layout.listed();
        assert_eq!((listed.len(), layout.left_out), (28 + 1 + 12, 1000 - 41));
        assert!(listed.iter().any(|placed| matches!(placed.place, Place::Placed { number: 900, .. })));
        assert!(listed.iter().any(|placed| placed.place == Place::Impossible));
    }

    #[test]
    fn the_order_may_begin_before_the_picture() {
        let picture = Picture { before: 100, suspects: vec![0], ..picture(&[(0, 0, Some(1))], &[0], &[]) };
        let placed = Layout::of(&picture).listed()[0];
        assert!(matches!(placed.place, Place::Placed { number: 101, .. }) && placed.suspect, "{placed:?}");
    }

    #[test]
    fn an_empty_picture_is_no_trouble() {
        assert_eq!(Layout::of(&Picture::default()).slots, 0);
    }
}
