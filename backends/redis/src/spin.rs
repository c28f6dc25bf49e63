//! Whether to look again for an answer that is expected soon, before sleeping until it comes.

use std::num::NonZero;
use std::sync::OnceLock;
use std::thread::available_parallelism;

/// As much counts what was not found against what was, of which no more than `MOST` counts.
const IN_VAIN: u32 = 4;
const MOST: u32 = 16;
/// How often it is tried all the same.
const TRY_AGAIN: u32 = 256;

/// Decides whether to spin for a moment before sleeping, as adaptive mutexes do: waking a thread up takes some 50
/// µs on many machines, and what is expected often comes earlier. Where spinning was in vain it is seldom tried
/// again, and never on a single core, where whoever is waited for could not get on.
#[derive(Clone, Debug)]
pub(crate) struct AdaptiveSpin {
    left: u32,
    passed: u32,
}

impl Default for AdaptiveSpin {
    fn default() -> AdaptiveSpin {
        AdaptiveSpin { left: IN_VAIN, passed: 0 }
    }
}

impl AdaptiveSpin {
    /// Whether to spin this time.
    pub(crate) fn is_worthwhile(&mut self) -> bool {
        if self.left > 0 {
            return has_several_cores();
        }
        self.passed = (self.passed + 1) % TRY_AGAIN;
        self.passed == 0 && has_several_cores()
    }

    /// What became of it.
    pub(crate) fn judge(&mut self, found: bool) {
        self.left = if found { (self.left + 1).min(MOST) } else { self.left.saturating_sub(IN_VAIN) };
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
        spin.judge(false);
        let tried = (0..10 * TRY_AGAIN).filter(|_| spin.is_worthwhile()).count();
        assert_eq!(tried, 10);
        spin.judge(true);
        assert!(spin.is_worthwhile());
        (0..100).for_each(|_| spin.judge(true));
        // A few that were late do not count.
        (0..MOST / IN_VAIN - 1).for_each(|_| spin.judge(false));
        assert!(spin.is_worthwhile());
        spin.judge(false);
        assert!(!spin.is_worthwhile());
    }
}
