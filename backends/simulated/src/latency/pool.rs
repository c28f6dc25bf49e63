//! [`Pool`]: servers, or connections, of which an operation holds one from its start to its
//! acknowledgement. Who comes when all are taken waits in line.

use std::collections::VecDeque;

use crate::time::Nanos;

/// When each server that is open will be free, as far as it is promised.
#[derive(Debug)]
pub(super) struct Pool {
    limit: u32,
    idle: Nanos,
    /// Rising.
    free_at: VecDeque<Nanos>,
    open: u32,
}

impl Pool {
    /// At most `limit` servers (0 is unlimited); one that was free for longer than `idle` has closed.
    pub(super) fn new(limit: u32, idle: Nanos) -> Pool {
        Pool { limit, idle, free_at: VecDeque::new(), open: 0 }
    }

    /// Takes a server at `now` or as soon as one is free: when, and whether it is freshly opened. It
    /// must be given back by [`give`](Pool::give) before the next call.
    pub(super) fn take(&mut self, now: Nanos) -> (Nanos, bool) {
        // Those that closed while they were idle.
        while self.free_at.front().is_some_and(|free_at| free_at.saturating_add(self.idle) < now) {
            self.open -= 1;
            self.free_at.pop_front();
        }
        // The one that was used last, so that the others may close.
        if let Some(warm) = self.free_at.partition_point(|free_at| *free_at <= now).checked_sub(1) {
            self.free_at.remove(warm);
            return (now, false);
        }
        if self.limit == 0 || self.open < self.limit {
            self.open += 1;
            return (now, true);
        }
        // All are taken: the first that will be free.
        (self.free_at.pop_front().unwrap_or(now), false)
    }

    /// Gives the server back, free from this instant on.
    pub(super) fn give(&mut self, free_at: Nanos) {
        let place = self.free_at.partition_point(|other| *other <= free_at);
        self.free_at.insert(place, free_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_start_in_the_order_in_which_they_came() {
        let mut pool = Pool::new(2, Nanos::MAX);
        let mut starts = Vec::new();
        for service in [100, 10, 50, 50, 5] {
            let (start, _) = pool.take(0);
            pool.give(start + service);
            starts.push(start);
        }
        assert_eq!(starts, [0, 0, 10, 60, 100]);
    }

    #[test]
    fn a_server_is_cold_at_first_and_after_idling() {
        let mut pool = Pool::new(0, 1000);
        let mut use_at = |now| {
            let (start, cold) = pool.take(now);
            pool.give(start + 10);
            (start, cold)
        };
        assert_eq!(use_at(0), (0, true));
        assert_eq!(use_at(5), (5, true));
        assert_eq!(use_at(20), (20, false));
        assert_eq!(use_at(1020), (1020, false));
        assert_eq!(use_at(2031), (2031, true));
    }

    #[test]
    fn those_that_are_not_needed_close() {
        let mut pool = Pool::new(0, 1000);
        let mut at_once = |now, count: usize| {
            let taken: Vec<(Nanos, bool)> = (0..count).map(|_| pool.take(now)).collect();
            taken.iter().for_each(|_| pool.give(now + 10));
            taken.iter().filter(|(_, cold)| *cold).count()
        };
        assert_eq!(at_once(0, 3), 3);
        // One is enough for a while, so it is always the same.
        assert_eq!((500..3000).step_by(500).map(|now| at_once(now, 1)).sum::<usize>(), 0);
        assert_eq!(at_once(3000, 3), 2);
    }
}
