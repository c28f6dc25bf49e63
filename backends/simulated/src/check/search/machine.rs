//! [`Machine`]: a specification with numbered states and items, as the search needs it.

/// A specification over numbered items, whose states are numbers too: equal numbers, equal states.
pub(in crate::check) trait Machine {
    /// The state at the beginning.
    fn initial(&mut self) -> u32;

    /// The state after this item, if it may happen in `state`.
    fn step(&mut self, state: u32, item: usize) -> Option<u32>;

    /// Whether the item leaves the state as it is, in every state in which it may happen. May err on the side of
    /// no.
    fn only_reads(&self, item: usize) -> bool;

    /// Says that the item is placed or left out for good.
    fn take(&mut self, item: usize) {
        _ = item;
    }

    /// Undoes [`take`](Machine::take).
    fn give_back(&mut self, item: usize) {
        _ = item;
    }

    /// Whether the step from `from` to `to` by this item, which is not yet taken, leaves the rest without a
    /// chance. May err on the side of hope.
    fn is_hopeless(&self, from: u32, to: u32, item: usize) -> bool {
        _ = (from, to, item);
        false
    }

    /// Whether the item may happen in every state and comes to the same in each. May err on the side of no.
    fn is_blind(&self, item: usize) -> bool {
        _ = item;
        false
    }
}
