//! The witness check: if it is known where each operation took effect, those places are an order, and all that is
//! left is to look whether it is right. Any specification, any concurrency, as long as sorting takes.

use super::search::{Item, Machine};

/// Whether the items, in the order of their effects, are what the machine allows, and each took effect between
/// its invocation and its return. Items that need not have happened and have no effect have not. If it is
/// false nothing is said.
pub(super) fn fits<M: Machine>(machine: &mut M, items: &[Item], effects: &[Option<u64>]) -> bool {
    let mut order: Vec<(u64, u32)> = Vec::with_capacity(items.len());
    for (at, (item, effect)) in (0u32..).zip(items.iter().zip(effects)) {
        match effect {
            Some(effect) if (item.invoked..=item.returned).contains(effect) => order.push((*effect, at)),
            None if item.optional => {}
            _ => return false,
        }
    }
    order.sort_unstable();
    let start = machine.initial();
    order.iter().try_fold(start, |state, (_, item)| machine.step(state, *item as usize)).is_some()
}
