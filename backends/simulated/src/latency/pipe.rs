//! [`Pipe`]: bandwidth that several transfers share.
//!
//! First come, first served, by rate: a transfer gets its own stream's rate, or what those before it
//! leave, at every moment. So the sum never exceeds the pipe, a large transfer whose stream is narrower
//! than the pipe keeps nobody waiting, and admitting a transfer changes none that came before.

use std::collections::VecDeque;

use crate::time::Nanos;

const SECOND: u128 = 1_000_000_000;

/// Bytes per second, and how many of them are promised from which instant on. Instants rise; the last
/// promise is 0, and so is what was before the first.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    rate: u64,
    promised: VecDeque<(Nanos, u64)>,
}

impl Pipe {
    /// A pipe of so many bytes per second; 0 is unlimited.
    pub(super) fn new(rate: u64) -> Pipe {
        Pipe { rate, promised: VecDeque::new() }
    }

    /// Forgets what lies before `now`: no transfer will begin there any more.
    pub(super) fn forget(&mut self, now: Nanos) {
        // What holds at `now` is kept.
        while self.promised.get(1).is_some_and(|(at, _)| *at <= now) {
            self.promised.pop_front();
        }
        if self.promised.front().is_some_and(|(at, rate)| *at <= now && *rate == 0) {
            self.promised.pop_front();
        }
    }

    /// When `bytes` that begin at `from`, over a stream of `stream` bytes per second (0 is unlimited),
    /// are through.
    pub(super) fn transfer(&mut self, from: Nanos, bytes: u64, stream: u64) -> Nanos {
        let mut left = u128::from(bytes) * SECOND;
        if left == 0 || (self.rate == 0 && stream == 0) {
            return from;
        }
        if self.rate == 0 {
            return after(from, left, stream);
        }
        let stream = if stream == 0 { self.rate } else { stream.min(self.rate) };
        // `next` is the first promise after `at`.
        let (mut at, mut next) = (from, self.promised.partition_point(|(at, _)| *at <= from));
        loop {
            let taken = next.checked_sub(1).map_or(0, |before| self.promised[before].1);
            let free = stream.min(self.rate.saturating_sub(taken));
            let end = if free == 0 { Nanos::MAX } else { after(at, left, free) };
            match self.promised.get(next).map(|(next, _)| *next) {
                Some(change) if change < end => {
                    next += self.promise(next, at, change, free);
                    left -= u128::from(free) * u128::from(change - at);
                    (at, next) = (change, next + 1);
                }
                // Past the last instant the pipe is free, so this ends.
                _ => {
                    self.promise(next, at, end, free);
                    return end;
                }
            }
        }
    }

    /// Promises `rate` more between two instants that no other lies between; `next` is the first after
    /// `from`. Returns how many instants were put in before it.
    fn promise(&mut self, next: usize, from: Nanos, to: Nanos, rate: u64) -> usize {
        if rate == 0 || from >= to {
            return 0;
        }
        let before = next.checked_sub(1).map(|before| self.promised[before]);
        let taken = before.map_or(0, |(_, taken)| taken);
        if self.promised.get(next).is_none_or(|(at, _)| *at > to) {
            self.promised.insert(next, (to, taken));
        }
        if before.is_some_and(|(at, _)| at == from) {
            self.promised[next - 1].1 += rate;
            return 0;
        }
        self.promised.insert(next, (from, taken + rate));
        1
    }
}

/// When so many bytes times nanoseconds per second are through at this rate: rounded up.
fn after(from: Nanos, left: u128, rate: u64) -> Nanos {
    // Division of the wider type is slow.
    let time = match u64::try_from(left) {
        Ok(left) => left.div_ceil(rate),
        Err(_) => Nanos::try_from(left.div_ceil(u128::from(rate))).unwrap_or(Nanos::MAX),
    };
    from.saturating_add(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEGABYTE: u64 = 1_000_000;
    const MS: Nanos = 1_000_000;

    #[test]
    fn a_lone_transfer_takes_its_streams_time() {
        assert_eq!(Pipe::new(100 * MEGABYTE).transfer(5, MEGABYTE, 10 * MEGABYTE), 5 + 100 * MS);
        assert_eq!(Pipe::new(5 * MEGABYTE).transfer(5, MEGABYTE, 10 * MEGABYTE), 5 + 200 * MS);
        assert_eq!(Pipe::new(0).transfer(5, MEGABYTE, 10 * MEGABYTE), 5 + 100 * MS);
        assert_eq!(Pipe::new(0).transfer(5, MEGABYTE, 0), 5);
        assert_eq!(Pipe::new(1).transfer(5, 0, 0), 5);
    }

    #[test]
    fn those_who_come_later_get_what_is_left() {
        let mut pipe = Pipe::new(10 * MEGABYTE);
        assert_eq!(pipe.transfer(0, MEGABYTE, 8 * MEGABYTE), 125 * MS);
        // 2 MB/s until 125 ms, which is 0.25 MB, and then 8.
        assert_eq!(pipe.transfer(0, MEGABYTE, 8 * MEGABYTE), 125 * MS + 93_750_000);
        assert_eq!(pipe.transfer(0, 1000, 8 * MEGABYTE), 125 * MS + 500_000);
    }

    #[test]
    fn a_small_transfer_does_not_wait_for_a_large_one() {
        let mut pipe = Pipe::new(1000 * MEGABYTE);
        pipe.transfer(0, 1000 * MEGABYTE, 100 * MEGABYTE);
        assert_eq!(pipe.transfer(MS, 1000, 100 * MEGABYTE), MS + 10_000);
    }

    #[test]
    fn forgetting_the_past_changes_nothing_in_the_future() {
        let (mut one, mut other) = (Pipe::new(10 * MEGABYTE), Pipe::new(10 * MEGABYTE));
        for step in 0..2000u64 {
            let now = step * MS;
            other.forget(now);
            let bytes = 1000 + step * 7919 % 20_000;
            let from = now + step * 31 % 5 * MS;
            assert_eq!(one.transfer(from, bytes, 4 * MEGABYTE), other.transfer(from, bytes, 4 * MEGABYTE));
        }
        assert!(other.promised.len() < one.promised.len() / 4, "{}", other.promised.len());
    }
}
