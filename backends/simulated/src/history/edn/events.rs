//! From events, as Jepsen has them, to operations: an invocation and what the same process says next.

use std::collections::BTreeMap;

use crate::history::History;
use crate::history::call::Call;
use crate::history::operation::{Operation, Outcome};

/// What an event is.
pub(in crate::history) enum Kind {
    /// A process begins this call.
    Invoke(Call),
    /// A process is told what came of its call; the call itself may have become clearer.
    Complete(Box<dyn FnOnce(&mut Call) -> Outcome>),
}

/// One event of one process.
pub(in crate::history) struct Event {
    pub(in crate::history) process: u64,
    pub(in crate::history) kind: Kind,
    /// Nanoseconds, if it is known.
    pub(in crate::history) time: Option<u64>,
}

/// The history of these events, in their order. A process that begins a call while another of its calls is
/// open has never heard of that again.
pub(in crate::history) fn assemble(events: Vec<Event>) -> History {
    let mut operations: Vec<Operation> = Vec::new();
    let mut open: BTreeMap<u64, usize> = BTreeMap::new();
    let mut numbers: BTreeMap<u64, u64> = BTreeMap::new();
    for (place, event) in (0u64..).zip(events) {
        let time = event.time.unwrap_or(place);
        match event.kind {
            Kind::Invoke(call) => {
                let mut operation = Operation::new(event.process, call, place);
                let number = numbers.entry(event.process).or_insert(0);
                (operation.number, operation.began) = (*number, time);
                *number += 1;
                open.insert(event.process, operations.len());
                operations.push(operation);
            }
            Kind::Complete(complete) => {
                let invoked = open.remove(&event.process);
                if let Some(operation) = invoked.and_then(|at| operations.get_mut(at)) {
                    operation.outcome = complete(&mut operation.call);
                    (operation.returned, operation.ended) = (Some(place), Some(time));
                }
            }
        }
    }
    History::new(operations)
}
