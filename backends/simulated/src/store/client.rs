//! A client of a simulated store: it numbers its operations, and keeps what it changes under one key in
//! the order of its calls.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use larder::Key;

use crate::draw::Draws;
use crate::time::Nanos;

/// From so many keys on, those whose changes have taken effect are forgotten.
const REMEMBERED: usize = 64;

pub(super) struct Client {
    id: u64,
    next: AtomicU64,
    draws: Draws,
    order: Mutex<Order>,
}

/// When the latest change under a key takes effect. Only looked up, never listed.
#[derive(Default)]
struct Order {
    effects: HashMap<Key, Nanos>,
    /// From so many entries on, those of the past are dropped.
    sweep_at: usize,
}

impl Client {
    pub(super) fn new(id: u64, draws: Draws) -> Client {
        let order = Order { effects: HashMap::new(), sweep_at: REMEMBERED };
        Client { id, next: AtomicU64::new(0), draws, order: Mutex::new(order) }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn number(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    pub(super) fn skip_to(&self, number: u64) {
        self.next.fetch_max(number, Ordering::Relaxed);
    }

    /// The number of the next operation, and its draws.
    pub(super) fn begin(&self) -> (u64, Draws) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number, self.draws.of(number))
    }

    /// The instant at which a change under these keys takes effect: the one that was drawn, or just after
    /// those that were submitted before it.
    pub(super) fn in_order<'a>(
        &self,
        keys: impl Iterator<Item = &'a Key> + Clone,
        now: Nanos,
        drawn: Nanos,
    ) -> Nanos {
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        let after = keys.clone().filter_map(|key| order.effects.get(key)).max();
        let effect = after.map_or(drawn, |after| drawn.max(after.saturating_add(1)));
        if effect > now {
            if order.effects.len() >= order.sweep_at {
                order.effects.retain(|_, at| *at >= now);
                order.sweep_at = (order.effects.len() * 2).max(REMEMBERED);
            }
            for key in keys {
                match order.effects.get_mut(key) {
                    Some(at) => *at = effect,
                    None => _ = order.effects.insert(key.clone(), effect),
                }
            }
        }
        effect
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_one_key_keep_their_order_and_others_do_not_care() {
        let client = Client::new(0, Draws::new(1));
        let (a, b) = (Key::from("a"), Key::from("b"));
        let at = |keys: &[&Key], drawn| client.in_order(keys.iter().copied(), 10, drawn);
        assert_eq!(at(&[&a], 100), 100);
        assert_eq!(at(&[&a], 50), 101, "it was submitted later");
        assert_eq!(at(&[&b], 50), 50);
        assert_eq!(at(&[&a, &b], 60), 102, "after both");
        assert_eq!(at(&[&b], 60), 103);
        assert_eq!(client.in_order([&b].into_iter(), 200, 200), 200);
    }

    #[test]
    fn what_has_taken_effect_is_forgotten() {
        let client = Client::new(0, Draws::new(1));
        for n in 0..10_000u64 {
            client.in_order([&Key::from(n)].into_iter(), n, n + 5);
        }
        assert!(client.order.lock().unwrap().effects.len() <= 2 * REMEMBERED);
    }

    #[test]
    fn numbers_go_on_from_where_they_were_set() {
        let client = Client::new(0, Draws::new(1));
        assert_eq!(client.begin().0, 0);
        client.skip_to(100);
        client.skip_to(50);
        let (number, draws) = client.begin();
        assert_eq!((number, draws), (100, Draws::new(1).of(100)));
        assert_eq!(client.number(), 101);
    }
}
