//! Where the operations of a history took effect, from the log of the store that was simulated beneath
//! them: the check then need not search for an order.

use std::collections::BTreeMap;

use crate::history::{History, Operation};
use crate::store::Life;
use crate::time::Nanos;

/// So many places are made of one, to make room for effects between two events.
const ROOM: u64 = 1 << 20;

/// The same history, in which operations have the place of their last effect, where it is known.
///
/// The log knows times and the order of effects; a history knows places in one order, which rises with
/// time. An effect is put after all calls and returns of earlier times. Of what happens at one time that may
/// be wrong, and does not matter: a place of an effect is a hint.
pub(crate) fn with_effects(history: &History, lives: &[Life]) -> History {
    let mut clients: BTreeMap<u64, Vec<&Life>> = BTreeMap::new();
    lives.iter().for_each(|life| clients.entry(life.client).or_default().push(life));
    clients.values_mut().for_each(|calls| calls.sort_by_key(|life| (life.submitted, life.number)));

    let mut events: Vec<(Nanos, u64)> = Vec::with_capacity(history.len() * 2);
    for operation in history.operations() {
        events.push((operation.began, operation.invoked));
        events.extend(operation.ended.zip(operation.returned));
    }
    events.sort_unstable();

    let mut effects: Vec<(Nanos, u64, usize)> = Vec::new();
    for (at, operation) in history.operations().iter().enumerate() {
        let calls = clients.get(&operation.client).map_or(&[][..], Vec::as_slice);
        effects.extend(last_effect(operation, calls).map(|(time, order)| (time, order, at)));
    }
    effects.sort_unstable();

    let mut operations = history.operations().to_vec();
    for operation in &mut operations {
        operation.invoked *= ROOM;
        operation.returned = operation.returned.map(|returned| returned * ROOM);
        operation.effect = None;
    }
    let mut last = 0;
    for (time, _, at) in effects {
        let before = events.partition_point(|(event, _)| *event < time);
        let place = before.checked_sub(1).and_then(|at| events.get(at)).map_or(0, |(_, place)| place * ROOM);
        let operation = &mut operations[at];
        last = (last + 1).max(place + 1).max(operation.invoked + 1);
        let returned = operation.returned.unwrap_or(u64::MAX);
        operation.effect = (last < returned).then_some(last);
    }
    History::with_crashes(operations, history.crashes().iter().map(|crash| crash * ROOM).collect())
}

/// When the last call that the operation made of the storage took effect, and its place among all effects.
fn last_effect(operation: &Operation, calls: &[&Life]) -> Option<(Nanos, u64)> {
    let from = calls.partition_point(|life| life.submitted < operation.began);
    let ended = operation.ended.unwrap_or(Nanos::MAX);
    let calls = calls.get(from..)?.iter().take_while(|life| life.submitted <= ended);
    let own = calls.filter(|life| operation.key().is_none() || life.key.as_ref() == operation.key());
    own.filter_map(|life| life.effect.zip(life.order)).filter(|(time, _)| *time <= ended).max()
}
