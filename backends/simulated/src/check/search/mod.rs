//! The search for an order: Wing and Gong's, with Lowe's memory of configurations that lead nowhere.
//!
//! Depth first, it chooses an operation that may come next (it was invoked before the first return of an
//! operation that is not yet placed, and the specification allows it), goes on from there, and goes back when
//! it is stuck. (J. Wing, C. Gong: Testing and Verifying Concurrent Objects, 1993; G. Lowe: Testing for
//! Linearizability, 2017.) What is done otherwise than there:
//!
//! - A configuration is told by the first return that cannot be passed yet, which of the operations that are
//!   under way there are placed, and the state. Everything earlier is placed and nothing later is, so the
//!   size of a configuration is that of the concurrency, not of the history, and after a moment of quiet
//!   only the state is left: the history is split there of itself.
//! - Only configurations that led nowhere are remembered. A history in which the first guess is always right
//!   takes no memory.
//! - An operation that only reads and may come next is placed at once: any order in which it comes later is as
//!   good with it here.
//! - What may come next is tried in the order of effects, where they are known, else of returns.
//! - An operation whose outcome is unknown need not be placed. It is placed only before one that depends on the
//!   state: an overwritten effect that nobody saw is as good as none.
//! - The machine may say that a step is hopeless, because the state that it leaves is still needed.

mod machine;
mod memo;
mod places;
mod spec_machine;
mod timeline;

pub(super) use self::machine::Machine;
pub(super) use self::memo::Memo;
use self::places::Places;
pub(super) use self::spec_machine::SpecMachine;
pub(super) use self::timeline::{Item, NEVER, Timeline};

/// What a search found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// An order: the items that happened, in it.
    Order(Vec<u32>),
    /// There is none. The item is the one that the last of the orders tried did not get past; others may do better
    /// for a while, where a machine knows beforehand that it is in vain.
    Nothing(u32),
    /// Nobody knows: the budget was used up.
    GaveUp,
}

/// Searches for an order of the items in which the machine allows each of them. Gives up after `budget` dead
/// ends.
pub(super) fn search<M: Machine>(timeline: &Timeline, machine: &mut M, budget: u64) -> Found {
    Search::new(timeline, machine).run(budget)
}

/// One placing, with what it takes to undo it.
#[derive(Clone, Copy)]
struct Step {
    item: u32,
    /// The state before.
    state: u32,
    /// The next event before.
    at: u32,
    /// Whether the item was left out for good instead of placed.
    skipped: bool,
}

/// A configuration at which there was a choice.
struct Node {
    /// The length of the trail before the choice that led here.
    trail: u32,
    /// The rank after that of the last item tried.
    next: u32,
    /// Whether leaving out the optional item at the front was tried.
    skipped: bool,
    /// Whether the step that led here placed an optional item.
    idle: bool,
}

struct Search<'a, M> {
    timeline: &'a Timeline,
    machine: &'a mut M,
    places: Places,
    state: u32,
    trail: Vec<Step>,
    nodes: Vec<Node>,
    failed: Memo,
    key: Vec<u64>,
    /// The furthest event at which all was stuck.
    furthest: u32,
}

impl<'a, M: Machine> Search<'a, M> {
    fn new(timeline: &'a Timeline, machine: &'a mut M) -> Search<'a, M> {
        let state = machine.initial();
        Search {
            timeline,
            machine,
            places: Places::new(timeline),
            state,
            trail: Vec::new(),
            nodes: Vec::new(),
            failed: Memo::new(timeline.words() + 2),
            key: Vec::new(),
            furthest: 0,
        }
    }

    fn run(&mut self, budget: u64) -> Found {
        self.places.advance(self.timeline);
        self.place_what_reads();
        self.nodes.push(Node { trail: 0, next: 0, skipped: false, idle: false });
        while let Some(node) = self.nodes.last() {
            if self.is_done() {
                return Found::Order(self.order());
            }
            let (next, skipped, idle) = (node.next, node.skipped, node.idle);
            match self.candidate(next, idle) {
                Some((rank, item, state)) => {
                    self.tried(rank + 1, false);
                    self.enter(item, state, false);
                }
                None if !skipped && self.front_is_optional() => {
                    self.tried(next, true);
                    if let Some(front) = self.timeline.item_at(self.places.at()) {
                        self.enter(front, self.state, true);
                    }
                }
                None => {
                    self.furthest = self.furthest.max(self.places.at());
                    if self.failed.len() as u64 >= budget {
                        return Found::GaveUp;
                    }
                    self.configuration(idle);
                    self.failed.insert(&self.key);
                    self.leave();
                }
            }
        }
        Found::Nothing(self.timeline.item_at(self.furthest).unwrap_or(0))
    }

    fn is_done(&self) -> bool {
        self.places.at() >= self.timeline.events()
    }

    fn tried(&mut self, next: u32, skipped: bool) {
        if let Some(node) = self.nodes.last_mut() {
            node.next = next;
            node.skipped |= skipped;
        }
    }

    /// Places an item, or leaves it out, and goes on from there, unless that is known to lead nowhere.
    fn enter(&mut self, item: u32, state: u32, skipped: bool) {
        let trail = self.trail.len();
        let mut idle = !skipped && self.timeline.item(item).optional;
        self.place(item, state, skipped);
        // What reads now needed the optional item, or would have been placed before it.
        idle &= !self.place_what_reads();
        self.configuration(idle);
        if self.failed.contains(&self.key) {
            self.undo_to(trail);
        } else {
            self.nodes.push(Node { trail: trail as u32, next: 0, skipped: false, idle });
        }
    }

    fn leave(&mut self) {
        if let Some(node) = self.nodes.pop() {
            self.undo_to(node.trail as usize);
        }
    }

    fn place(&mut self, item: u32, state: u32, skipped: bool) {
        self.trail.push(Step { item, state: self.state, at: self.places.at(), skipped });
        self.places.place(self.timeline, item);
        self.machine.take(item as usize);
        self.state = state;
        self.places.advance(self.timeline);
    }

    fn undo_to(&mut self, trail: usize) {
        while self.trail.len() > trail {
            let Some(step) = self.trail.pop() else { break };
            self.places.go_back(self.timeline, step.at);
            self.places.unplace(self.timeline, step.item);
            self.machine.give_back(step.item as usize);
            self.state = step.state;
        }
    }

    /// Places every item that must happen, may come next and only reads; tells whether there was one.
    fn place_what_reads(&mut self) -> bool {
        let mut any = false;
        while !self.is_done() {
            let state = self.state;
            let (timeline, machine) = (self.timeline, &mut *self.machine);
            let found = self.places.open().find(|item| {
                !timeline.item(*item).optional
                    && machine.only_reads(*item as usize)
                    && machine.step(state, *item as usize) == Some(state)
            });
            let Some(item) = found else { break };
            self.place(item, state, false);
            any = true;
        }
        any
    }

    /// Of the items that may come next the one of least rank, not below `from`, with the state after it.
    fn candidate(&mut self, from: u32, idle: bool) -> Option<(u32, u32, u32)> {
        let mut best: Option<(u32, u32, u32)> = None;
        for item in self.places.open() {
            let rank = self.timeline.rank(item);
            if rank < from || best.is_some_and(|(best, ..)| best < rank) {
                continue;
            }
            if idle && self.machine.is_blind(item as usize) {
                continue;
            }
            let Some(state) = self.machine.step(self.state, item as usize) else { continue };
            let useless = state == self.state && self.timeline.item(item).optional;
            if !useless && !self.machine.is_hopeless(self.state, state, item as usize) {
                best = Some((rank, item, state));
            }
        }
        best
    }

    fn front_is_optional(&self) -> bool {
        self.timeline.item_at(self.places.at()).is_some_and(|front| self.timeline.item(front).optional)
    }

    /// Writes down the configuration: the next event, the state, and which of the open items are placed.
    fn configuration(&mut self, idle: bool) {
        self.key.clear();
        self.key.push(u64::from(self.places.at()) << 32 | u64::from(self.state));
        self.key.push(u64::from(idle));
        self.key.extend_from_slice(self.places.placed());
    }

    fn order(&self) -> Vec<u32> {
        self.trail.iter().filter(|step| !step.skipped).map(|step| step.item).collect()
    }
}
