//! Whoever asks alone reads its own answer: it looks for it again and again before it sleeps. So, if the server
//! is near, neither it nor the driver has to be woken, which costs more than all else. Where that was in vain it
//! is seldom tried.

use std::io;
use std::num::NonZero;
use std::pin::Pin;
use std::sync::{OnceLock, PoisonError, TryLockError};
use std::task::{Context, Poll};
use std::thread::available_parallelism;

use futures::channel::oneshot;
use futures::future::poll_fn;
use redis::{RedisResult, Value};

use super::{Inner, State};

/// How often it lets the other tasks of its executor run in between, and how often it looks each time: for about
/// 150 µs together, and 5 µs each.
const ROUNDS: u32 = 32;
const LOOKS: u32 = 8;
/// How long it pauses between two looks, in turns of an empty loop.
const PAUSE: u32 = 8;

/// As much counts an answer that was not found against those that were, of which no more than `MOST` count.
const IN_VAIN: u32 = 4;
const MOST: u32 = 16;
/// How often it is tried all the same.
const TRY_AGAIN: u32 = 256;

/// Whether it is worth while to look.
#[derive(Debug)]
pub(super) struct Luck {
    left: u32,
    passed: u32,
}

impl Default for Luck {
    fn default() -> Luck {
        Luck { left: IN_VAIN, passed: 0 }
    }
}

impl Luck {
    /// Whether to look for this answer.
    pub(super) fn tries(&mut self) -> bool {
        if self.left > 0 {
            return has_several_cores();
        }
        self.passed = (self.passed + 1) % TRY_AGAIN;
        self.passed == 0 && has_several_cores()
    }

    fn judge(&mut self, found: bool) {
        self.left = if found { (self.left + 1).min(MOST) } else { self.left.saturating_sub(IN_VAIN) };
    }
}

/// On a single one the server cannot answer while its client looks.
fn has_several_cores() -> bool {
    static SEVERAL: OnceLock<bool> = OnceLock::new();
    *SEVERAL.get_or_init(|| available_parallelism().is_ok_and(|cores| cores > NonZero::<usize>::MIN))
}

/// Has the driver watch again, if whoever looks goes away.
struct Looking<'a>(Option<&'a Inner>);

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        if let Some(inner) = self.0 {
            inner.watch(|_| {});
        }
    }
}

impl Inner {
    /// Looks for the answer of the only one who waits: `None` if the driver is to do it.
    pub(super) async fn look(
        &self,
        receiver: &mut oneshot::Receiver<RedisResult<Value>>,
    ) -> Option<RedisResult<Value>> {
        let mut looking = Looking(Some(self));
        let mut rounds = 0;
        let answer = poll_fn(|cx| self.poll_look(cx, receiver, &mut rounds)).await;
        if answer.is_some() {
            // The driver need not watch until somebody asks who is not alone.
            self.state().luck.judge(true);
            looking.0 = None;
        } else if rounds >= ROUNDS {
            looking.0 = None;
            self.watch(|state| state.luck.judge(false));
        }
        answer
    }

    fn poll_look(
        &self,
        cx: &mut Context<'_>,
        receiver: &mut oneshot::Receiver<RedisResult<Value>>,
        rounds: &mut u32,
    ) -> Poll<Option<RedisResult<Value>>> {
        for _ in 0..LOOKS {
            if self.read_now() {
                break;
            }
            (0..PAUSE).for_each(|_| std::hint::spin_loop());
        }
        if let Poll::Ready(Ok(answer)) = Pin::new(receiver).poll(cx) {
            return Poll::Ready(Some(answer));
        }
        *rounds += 1;
        // Others have asked meanwhile, or the connection is lost, or it has been too long.
        if *rounds >= ROUNDS || !self.state().lone {
            return Poll::Ready(None);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads what is there; whether there was anything, or somebody else reads.
    fn read_now(&self) -> bool {
        let mut reading = match self.reading.try_lock() {
            Ok(reading) => reading,
            Err(TryLockError::Poisoned(reading)) => PoisonError::into_inner(reading),
            Err(TryLockError::WouldBlock) => return true,
        };
        let lost = match self.socket.read_now(reading.room()) {
            Ok(read) => reading.add(read, self).err(),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return false;
            }
            Err(error) => Some(error.into()),
        };
        drop(reading);
        if let Some(lost) = lost {
            self.lose(lost);
        }
        true
    }

    /// From now on the driver watches for answers.
    fn watch(&self, and: impl FnOnce(&mut State)) {
        let mut state = self.state();
        state.lone = false;
        and(&mut state);
        let driver = state.driver.take();
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_server_is_far_nobody_looks_but_now_and_then() {
        if !has_several_cores() {
            return;
        }
        let mut luck = Luck::default();
        assert!(luck.tries());
        luck.judge(false);
        let tried = (0..10 * TRY_AGAIN).filter(|_| luck.tries()).count();
        assert_eq!(tried, 10);
        luck.judge(true);
        assert!(luck.tries());
        (0..100).for_each(|_| luck.judge(true));
        // A few answers that are late do not count.
        (0..MOST / IN_VAIN - 1).for_each(|_| luck.judge(false));
        assert!(luck.tries());
        luck.judge(false);
        assert!(!luck.tries());
    }
}
