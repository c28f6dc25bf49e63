//! What has to be decided: a [`Problem`] is a list of items that must be put in an order. One key, several keys
//! that batches join, and any other specification are problems.

mod key;
mod map;
mod sequential;
mod spec;

pub(super) use self::key::KeyProblem;
pub(super) use self::map::MapProblem;
pub(super) use self::sequential::InOwnOrder;
pub(super) use self::spec::SpecProblem;
use super::search::{Found, Item, Machine, NEVER, Timeline, search};

/// An item that is part of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// The number of the item.
    pub(super) item: u32,
    /// Whether it is taken for one that need not have happened, at any time after its invocation.
    pub(super) relaxed: bool,
}

impl Kept {
    pub(super) fn whole(item: u32) -> Kept {
        Kept { item, relaxed: false }
    }
}

/// What is there before the first item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// What the specification says.
    Empty,
    /// Anything.
    Any,
}

/// The means that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tier {
    Witness,
    Zones,
    Search,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Solved {
    /// There is an order.
    Yes(Tier),
    /// There is none. With the item that cannot be placed and items that are enough to see it, where known.
    No { tier: Tier, blocked: Option<u32>, core: Option<Vec<u32>> },
    /// Not within the budget.
    GaveUp,
}

impl Solved {
    pub(super) fn is_no(&self) -> bool {
        matches!(self, Solved::No { .. })
    }
}

/// Items that must be put in an order.
pub(super) trait Problem {
    /// The items, by invocation.
    fn items(&self) -> &[Item];

    /// Whether the item leaves everything as it is.
    fn only_reads(&self, item: u32) -> bool;

    /// The items that may have brought about what this item saw.
    fn suppliers(&self, item: u32) -> Vec<u32>;

    /// Whether [`Start::Any`] can be asked for these items.
    fn can_start_anywhere(&self, kept: &[Kept]) -> bool {
        _ = kept;
        false
    }

    /// Whether there is an order of these items, found within `budget` dead ends.
    fn solve(&mut self, kept: &[Kept], start: Start, budget: u64) -> Solved;

    /// An order of these items and what is there after it, in words. `None` if there is none, or it was not found
    /// within the budget.
    fn order(&mut self, kept: &[Kept], budget: u64) -> Option<(Vec<u32>, String)>;

    /// Whether it makes sense to ask about a beginning of the items in time.
    fn has_beginnings(&self) -> bool {
        true
    }

    /// All items as they are.
    fn all(&self) -> Vec<Kept> {
        (0..self.items().len() as u32).map(Kept::whole).collect()
    }
}

/// The kept items, relaxed where that is asked for.
fn selected(items: &[Item], kept: &[Kept]) -> Vec<Item> {
    let item = |kept: &Kept| match items[kept.item as usize] {
        item if kept.relaxed => Item { optional: true, returned: NEVER, hint: NEVER, ..item },
        item => item,
    };
    kept.iter().map(item).collect()
}

/// An order found by the machine, by the numbers that the items have in `kept`, and the state after it.
fn ordered<M: Machine>(
    timeline: &Timeline,
    machine: &mut M,
    kept: &[Kept],
    budget: u64,
) -> Option<(Vec<u32>, u32)> {
    let Found::Order(order) = search(timeline, machine, budget) else { return None };
    let start = machine.initial();
    let state = order.iter().try_fold(start, |state, item| machine.step(state, *item as usize))?;
    Some((order.iter().filter_map(|at| kept.get(*at as usize)).map(|kept| kept.item).collect(), state))
}
