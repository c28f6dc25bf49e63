//! Whether to look again for an answer that is expected soon, before sleeping until it comes.

use std::num::NonZero;
use std::sync::OnceLock;
use std::thread::{available_parallelism, yield_now};
use std::time::Duration;

use crate::clock::{Clock, RealClock};

/// As much counts what was not found against what was, of which no more than `MOST` counts.
const IN_VAIN: u32 = 4;
const MOST: u32 = 16;
/// It is tried all the same once in so many times; where that costs a time slice, ever more seldom.
const TRY_AGAIN: u32 = 256;
const MOST_SELDOM: u32 = 64 * TRY_AGAIN;
/// How long [`look`] looks.
const LOOKS_US: u64 = 100;
/// What takes longer is not worth it: somebody else had the core meanwhile.
const LATE_US: u64 = 500;

/// Decides whether to spin for a moment before sleeping, as adaptive mutexes do: waking a thread up takes some 50
/// µs on many machines, and what is expected often comes earlier. Where spinning was in vain it is seldom tried
/// again, and never on a single core, where whoever is waited for could not get on.
#[derive(Clone, Debug)]
pub struct AdaptiveSpin {
    left: u32,
    passed: u32,
    /// It is tried after so many times that it was not.
    every: u32,
}

impl Default for AdaptiveSpin {
    fn default() -> AdaptiveSpin {
        AdaptiveSpin { left: IN_VAIN, passed: 0, every: TRY_AGAIN }
    }
}

impl AdaptiveSpin {
    /// Whether to spin this time.
    pub fn is_worthwhile(&mut self) -> bool {
        if self.left > 0 {
            return has_several_cores();
        }
        self.passed = (self.passed + 1) % self.every;
        self.passed == 0 && has_several_cores()
    }

    fn count(&mut self, found: bool) {
        self.left = if found { (self.left + 1).min(MOST) } else { self.left.saturating_sub(IN_VAIN) };
    }

    /// What became of it.
    pub fn judge<T>(&mut self, looked: &Looked<T>) {
        match looked {
            Looked::Found(_) => self.every = TRY_AGAIN,
            // To lose the core costs a time slice: while that goes on it is tried ever more seldom.
            Looked::Late(_) if self.left == 0 => self.every = (self.every * 2).min(MOST_SELDOM),
            Looked::Late(_) | Looked::Nothing => {}
        }
        self.count(matches!(looked, Looked::Found(_)));
    }
}

/// What came of a [`look`].
#[derive(Debug)]
pub enum Looked<T> {
    /// It was found.
    Found(T),
    /// It was found, but to sleep until it came would have been as well: others wanted the core, and had it.
    Late(T),
    /// It is not there yet.
    Nothing,
}

impl<T> Looked<T> {
    /// It was found after so long.
    pub fn after(took: Duration, found: T) -> Looked<T> {
        if took < Duration::from_micros(LATE_US) { Looked::Found(found) } else { Looked::Late(found) }
    }

    /// What was found.
    pub fn found(self) -> Option<T> {
        match self {
            Looked::Found(found) | Looked::Late(found) => Some(found),
            Looked::Nothing => None,
        }
    }
}

/// Looks for something for a moment. In between it offers its core to others, among whom may be whoever is to
/// bring it: two threads that hand work to each other often end up on one core. Where nothing waits, as in
/// simulations, nobody looks, so the time is the real one.
pub fn look<T>(find: impl FnMut() -> Option<T>) -> Looked<T> {
    look_by(|| RealClock.now(), find)
}

fn look_by<T>(mut now: impl FnMut() -> Duration, mut find: impl FnMut() -> Option<T>) -> Looked<T> {
    let begun = now();
    loop {
        let found = find();
        let took = now().saturating_sub(begun);
        match found {
            Some(found) => return Looked::after(took, found),
            None if took >= Duration::from_micros(LOOKS_US) => return Looked::Nothing,
            None => yield_now(),
        }
    }
}

fn has_several_cores() -> bool {
    static SEVERAL: OnceLock<bool> = OnceLock::new();
    *SEVERAL.get_or_init(|| available_parallelism().is_ok_and(|cores| cores > NonZero::<usize>::MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_is_in_vain_it_is_seldom_tried() {
        if !has_several_cores() {
            assert!(!AdaptiveSpin::default().is_worthwhile());
            return;
        }
        let mut spin = AdaptiveSpin::default();
        assert!(spin.is_worthwhile());
        spin.judge(&Looked::<()>::Nothing);
        let tried = (0..10 * TRY_AGAIN).filter(|_| spin.is_worthwhile()).count();
        assert_eq!(tried, 10);
        spin.judge(&Looked::Found(()));
        assert!(spin.is_worthwhile());
        (0..100).for_each(|_| spin.judge(&Looked::Found(())));
        // A few that were late do not count.
        (0..MOST / IN_VAIN - 1).for_each(|_| spin.judge(&Looked::<()>::Nothing));
        assert!(spin.is_worthwhile());
        spin.judge(&Looked::<()>::Nothing);
        assert!(!spin.is_worthwhile());
    }

    #[test]
    fn where_looking_costs_a_time_slice_it_is_tried_ever_more_seldom() {
        if !has_several_cores() {
            return;
        }
        let mut spin = AdaptiveSpin::default();
        spin.judge(&Looked::Late(()));
        let mut until_tried = || {
            let passed = (1..).find(|_| spin.is_worthwhile()).unwrap();
            spin.judge(&Looked::Late(()));
            passed
        };
        assert_eq!([until_tried(), until_tried(), until_tried()], [TRY_AGAIN, 2 * TRY_AGAIN, 4 * TRY_AGAIN]);
        assert_eq!((0..100).map(|_| until_tried()).max(), Some(MOST_SELDOM));
        spin.judge(&Looked::Found(()));
        spin.judge(&Looked::<()>::Nothing);
        assert_eq!((1..).find(|_| spin.is_worthwhile()), Some(TRY_AGAIN), "once found it begins anew");
    }

    #[test]
    fn what_comes_while_one_looks_is_found_and_what_does_not_is_given_up() {
        // How long each look takes, which of them finds something, and how many there are.
        let looked = |step_us: u64, finds: u64| {
            let (mut time, mut looks) = (0, 0);
            let now = || {
                time += step_us;
                Duration::from_micros(time)
            };
            let looked = look_by(now, || {
                looks += 1;
                (looks == finds).then_some(looks)
            });
            (looked, looks)
        };
        assert!(matches!(looked(1, 3), (Looked::Found(3), 3)));
        assert!(matches!(looked(1, LOOKS_US), (Looked::Found(LOOKS_US), LOOKS_US)));
        assert!(matches!(looked(1, LOOKS_US + 1), (Looked::Nothing, LOOKS_US)));
        assert!(matches!(looked(LATE_US - 1, 1), (Looked::Found(1), 1)));
        assert!(matches!(looked(LATE_US, 1), (Looked::Late(1), 1)));
        assert_eq!(look(|| Some(7)).found(), Some(7));
        assert!(look(|| None::<()>).found().is_none());
    }
}
