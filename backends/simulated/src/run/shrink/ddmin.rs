//! Delta debugging of a list.

use std::collections::BTreeSet;

/// The items without which it no longer fails: none of those that are left can be left out alone. Tries
/// to leave out all, then halves, quarters and so on.
///
/// ```
/// use larder_simulated::run::shrink;
/// let left = shrink((0..1000).collect(), |items| items.contains(&17) && items.contains(&400));
/// assert_eq!(left, [17, 400]);
/// ```
pub fn shrink<T: Clone>(mut items: Vec<T>, mut still_fails: impl FnMut(&[T]) -> bool) -> Vec<T> {
    if items.is_empty() || still_fails(&[]) {
        return Vec::new();
    }
    let mut parts = 2;
    while items.len() > 1 {
        let size = items.len().div_ceil(parts);
        // One part alone, then all but one; of two parts these are the same.
        let alone = items.chunks(size).find(|part| still_fails(part)).map(<[T]>::to_vec);
        if let Some(part) = alone {
            (items, parts) = (part, 2);
            continue;
        }
        let rest = (parts > 2).then(|| leave_one_out(&items, size, &mut still_fails)).flatten();
        if let Some(rest) = rest {
            (items, parts) = (rest, (parts - 1).max(2));
        } else if size == 1 {
            break;
        } else {
            parts = (parts * 2).min(items.len());
        }
    }
    items
}

fn leave_one_out<T: Clone>(
    items: &[T],
    size: usize,
    mut still_fails: impl FnMut(&[T]) -> bool,
) -> Option<Vec<T>> {
    (0..items.len()).step_by(size).find_map(|start| {
        let end = (start + size).min(items.len());
        let rest = [&items[..start], &items[end..]].concat();
        still_fails(&rest).then_some(rest)
    })
}

/// The shortest beginning that still fails, found by halving; all of it if the halving was misled.
pub fn shrink_end<T: Clone>(mut items: Vec<T>, mut still_fails: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let (mut passes, mut fails) = (0, items.len());
    while passes + 1 < fails {
        let middle = passes + (fails - passes) / 2;
        if still_fails(&items[..middle]) {
            fails = middle;
        } else {
            passes = middle;
        }
    }
    items.truncate(fails);
    items
}

/// The same as [`shrink`], but what belongs together, such as all operations of a client, stays or goes
/// together.
pub fn shrink_groups<T: Clone, G: Ord + Clone>(
    items: Vec<T>,
    group: impl Fn(&T) -> G,
    mut still_fails: impl FnMut(&[T]) -> bool,
) -> Vec<T> {
    let groups: BTreeSet<G> = items.iter().map(&group).collect();
    let of = |left: &[G]| -> Vec<T> {
        let left: BTreeSet<&G> = left.iter().collect();
        items.iter().filter(|item| left.contains(&group(item))).cloned().collect()
    };
    of(&shrink(groups.into_iter().collect(), |left| still_fails(&of(left))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::{Draws, below};

    #[test]
    fn what_is_left_fails_and_nothing_of_it_can_be_left_out() {
        for seed in 0..200 {
            let draws = Draws::new(seed);
            let needed: BTreeSet<u64> =
                (0..=below(draws.at(0), 6)).map(|n| below(draws.of(1).at(n), 300)).collect();
            let fails = |items: &[u64]| needed.iter().all(|item| items.contains(item));
            let mut tries = 0;
            let left = shrink((0..300).collect(), |items| {
                tries += 1;
                fails(items)
            });
            assert_eq!(left, needed.into_iter().collect::<Vec<_>>(), "seed {seed}");
            assert!(tries < 1000, "{tries} tries, seed {seed}");
        }
    }

    #[test]
    fn what_fails_without_anything_shrinks_to_nothing() {
        assert!(shrink(vec![1, 2, 3], |_| true).is_empty());
        assert!(shrink(Vec::<u8>::new(), |_| panic!("there is nothing to try")).is_empty());
    }

    #[test]
    fn failures_that_come_and_go_with_the_number_of_items_still_end() {
        // An even number of items fails.
        let left = shrink((0..64).collect(), |items| !items.is_empty() && items.len() % 2 == 0);
        assert_eq!(left.len(), 2);
    }

    #[test]
    fn an_end_is_cut_off_after_what_fails() {
        assert_eq!(shrink_end((0..1000).collect(), |items| items.contains(&37)), (0..38).collect::<Vec<_>>());
        assert_eq!(shrink_end(vec![1, 2, 3], |_| false), [1, 2, 3]);
        assert_eq!(shrink_end(vec![5], |_| true), [5]);
    }

    #[test]
    fn groups_go_together() {
        let left = shrink_groups(
            (0..100).collect(),
            |item| item % 10,
            |items| items.contains(&13) && items.contains(&57),
        );
        assert!(left.iter().all(|item| [3, 7].contains(&(item % 10))) && left.len() == 20);
    }
}
