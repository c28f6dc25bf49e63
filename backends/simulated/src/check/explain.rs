//! Explaining why there is no order: the longest one there is, and the few operations that are enough to see
//! that it cannot go on.

use super::problem::{Kept, Problem, Solved, Start};

/// Dead ends that one question of an explanation may cost.
const BUDGET: u64 = 2_000;
/// Dead ends that one question for the longest order may cost.
const PREFIX_BUDGET: u64 = 100_000;
/// How many items all questions for fewer items may have together.
const WORK: usize = 2_000_000;
/// The most items that are worth making fewer one by one.
const MANY: usize = 4_000;

/// Why there is no order.
#[derive(Clone, Debug, Default)]
pub(super) struct Explained {
    /// Items that cannot be ordered; if one of them need not have happened, the others can, as far as that was
    /// found out.
    pub(super) core: Vec<u32>,
    /// Items outside the core that wrote what was seen in it.
    pub(super) context: Vec<u32>,
    /// The longest order; `None` if it was not found.
    pub(super) prefix: Option<Prefix>,
    /// The item that cannot be placed after it.
    pub(super) blocked: Option<u32>,
}

/// The longest order there is, up to the first return at which none goes on.
#[derive(Clone, Debug, Default)]
pub(super) struct Prefix {
    /// The items, in it.
    pub(super) order: Vec<u32>,
    /// What is there after it, in words.
    pub(super) state: String,
    /// The place of the return.
    pub(super) deadline: u64,
}

/// Explains why the items of the problem have no order. `core` and `blocked` are what is known already.
pub(super) fn explain(problem: &mut dyn Problem, blocked: Option<u32>, core: Option<Vec<u32>>) -> Explained {
    let mut explained = Explained { blocked, ..Explained::default() };
    let mut kept = match &core {
        Some(core) => core.iter().copied().map(Kept::whole).collect(),
        None => problem.all(),
    };
    if let Some(first) = first_failure(problem, core.as_deref()) {
        let before: Vec<Kept> =
            first.kept.iter().filter_map(|kept| pending(problem, *kept, first.blocked)).collect();
        explained.prefix = problem.order(&before, PREFIX_BUDGET).map(|(order, state)| {
            let deadline = problem.items()[first.blocked as usize].returned;
            Prefix { order, state, deadline }
        });
        explained.blocked = Some(first.blocked);
        // A known core that comes to an end later than this is another story.
        let same = core.is_some_and(|core| core.contains(&first.blocked));
        if !same {
            kept = first.kept;
        }
    }
    kept = fewer(problem, kept, &mut Work { left: WORK });
    explained.core = kept.into_iter().filter(|kept| !kept.relaxed).map(|kept| kept.item).collect();
    explained.core.sort_by_key(|item| problem.items()[*item as usize].invoked);
    explained.core.dedup();
    explained.context = context(problem, &explained.core);
    explained
}

/// The shortest beginning of a history that has no order.
struct First {
    /// Its items: what had returned by then, and relaxed what had not.
    kept: Vec<Kept>,
    /// The item whose return ends it.
    blocked: u32,
}

/// The item as it is while `blocked` is still under way: nothing, if it only reads.
fn pending(problem: &dyn Problem, kept: Kept, blocked: u32) -> Option<Kept> {
    match kept.item == blocked {
        false => Some(kept),
        true if problem.only_reads(kept.item) => None,
        true => Some(Kept { relaxed: true, ..kept }),
    }
}

/// Finds the first return by which there is no order any more, by halving. A known core must have returned by
/// then, so it is no later.
fn first_failure(problem: &mut dyn Problem, core: Option<&[u32]>) -> Option<First> {
    if !problem.has_beginnings() {
        return None;
    }
    let times = |item: u32| problem.items()[item as usize];
    let mut returns: Vec<u32> =
        (0..problem.items().len() as u32).filter(|item| !times(*item).optional).collect();
    returns.sort_by_key(|item| (times(*item).returned, *item));
    let mut ranks = vec![usize::MAX; problem.items().len()];
    returns.iter().enumerate().for_each(|(rank, item)| ranks[*item as usize] = rank);
    let known = core.and_then(|core| {
        core.iter().map(|item| ranks[*item as usize]).filter(|rank| *rank < usize::MAX).max()
    });
    let (mut low, mut high) = (0, known.unwrap_or(returns.len().checked_sub(1)?));
    // What returned by the rank `high` has no order; whether what returned before `low` has one is known.
    while low < high {
        let middle = low + (high - low) / 2;
        let kept = beginning(problem, &ranks, middle, times_of(problem, &returns, middle));
        match problem.solve(&kept, Start::Empty, PREFIX_BUDGET) {
            Solved::No { .. } => high = middle,
            Solved::Yes(_) => low = middle + 1,
            Solved::GaveUp => return None,
        }
    }
    let kept = beginning(problem, &ranks, high, times_of(problem, &returns, high));
    let blocked = *returns.get(high)?;
    problem.solve(&kept, Start::Empty, PREFIX_BUDGET).is_no().then_some(First { kept, blocked })
}

fn times_of(problem: &dyn Problem, returns: &[u32], rank: usize) -> u64 {
    returns.get(rank).map_or(u64::MAX, |item| problem.items()[*item as usize].returned)
}

/// What had begun by this place: whole what returned by this rank, relaxed what had not returned yet.
fn beginning(problem: &dyn Problem, ranks: &[usize], rank: usize, place: u64) -> Vec<Kept> {
    let begun = (0u32..).zip(problem.items()).filter(|(_, times)| times.invoked <= place);
    let kept = begun.filter_map(|(item, times)| {
        let whole = times.optional || ranks[item as usize] <= rank;
        match whole {
            true => Some(Kept::whole(item)),
            false if problem.only_reads(item) => None,
            false => Some(Kept { item, relaxed: true }),
        }
    });
    kept.collect()
}

struct Work {
    left: usize,
}

impl Work {
    /// Whether a question about so many items may still be asked.
    fn may(&mut self, items: usize) -> bool {
        let may = self.left >= items;
        self.left = self.left.saturating_sub(items.max(1));
        may
    }
}

/// Of items that have no order, as few as possible.
fn fewer(problem: &mut dyn Problem, kept: Vec<Kept>, work: &mut Work) -> Vec<Kept> {
    if let Some(last) = cut(problem, &kept, work) {
        return reduced(problem, last, Start::Any, work);
    }
    let few = kept.len() <= MANY && problem.solve(&kept, Start::Empty, BUDGET).is_no();
    if few { reduced(problem, kept, Start::Empty, work) } else { kept }
}

/// The last of the items, if they have no order whatever was there before them. What was under way where they
/// begin may have happened before that.
fn cut(problem: &mut dyn Problem, kept: &[Kept], work: &mut Work) -> Option<Vec<Kept>> {
    let times = |problem: &dyn Problem, kept: &Kept| problem.items()[kept.item as usize];
    let mut by_return: Vec<Kept> = kept.iter().filter(|kept| !kept.relaxed).copied().collect();
    by_return.sort_by_key(|kept| times(problem, kept).returned);
    let mut count = 4;
    while count < by_return.len() {
        let last = by_return.get(by_return.len() - count..)?;
        let place = last.iter().map(|kept| times(problem, kept).invoked).min()?;
        let later: Vec<Kept> = kept
            .iter()
            .filter_map(|kept| {
                let times = times(problem, kept);
                let under_way = times.invoked < place;
                let gone = times.returned < place || under_way && problem.only_reads(kept.item);
                (!gone).then_some(Kept { relaxed: kept.relaxed || under_way, ..*kept })
            })
            .collect();
        if later.len() >= kept.len() || !work.may(later.len()) || !problem.can_start_anywhere(&later) {
            return None;
        }
        if problem.solve(&later, Start::Any, BUDGET).is_no() {
            return Some(later);
        }
        count *= 2;
    }
    None
}

/// Leaves out items that only read, and relaxes others, piece by piece and then one by one, as long as there is
/// no order.
fn reduced(problem: &mut dyn Problem, mut kept: Vec<Kept>, start: Start, work: &mut Work) -> Vec<Kept> {
    let mut size = kept.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < kept.len() {
            let end = (at + size).min(kept.len());
            let piece = kept.get(at..end).unwrap_or_default();
            if piece.iter().all(|kept| kept.relaxed) {
                at = end;
                continue;
            }
            let mut fewer: Vec<Kept> = kept.get(..at).unwrap_or_default().to_vec();
            let weaker = piece.iter().filter(|kept| !problem.only_reads(kept.item));
            fewer.extend(weaker.map(|kept| Kept { relaxed: true, ..*kept }));
            let left = fewer.len();
            fewer.extend_from_slice(kept.get(end..).unwrap_or_default());
            if !work.may(fewer.len()) {
                return kept;
            }
            if problem.solve(&fewer, start, BUDGET).is_no() {
                (kept, at) = (fewer, left);
            } else {
                at = end;
            }
        }
        size /= 2;
    }
    kept
}

/// Those who wrote what the core saw, and are not in it.
fn context(problem: &dyn Problem, core: &[u32]) -> Vec<u32> {
    const MOST: usize = 5;
    let end = core.iter().map(|item| problem.items()[*item as usize].returned).max().unwrap_or(0);
    let mut context: Vec<u32> = core.iter().flat_map(|item| problem.suppliers(*item)).collect();
    context.sort_unstable();
    context.dedup();
    context.retain(|item| !core.contains(item) && problem.items()[*item as usize].invoked < end);
    // Of many, the last: they are the nearest.
    let many = context.len().saturating_sub(MOST);
    context.split_off(many)
}
