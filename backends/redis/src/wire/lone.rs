//! Whoever asks alone reads its own answer: it looks for it again and again before it sleeps. So, if the server
//! is near, neither it nor the driver has to be woken, which costs more than all else. Between two looks it lets
//! whoever else is ready have the processor: the server, if it is on the same. Where that was in vain it is seldom
//! tried.

use std::io;
use std::pin::Pin;
use std::sync::{PoisonError, TryLockError};
use std::task::{Context, Poll};

use futures::channel::oneshot;
use futures::future::poll_fn;
use larder::io::Looked;
use larder::{Clock, RealClock};
use redis::{RedisResult, Value};

use super::{Inner, State, Wire};

/// How often it lets the other tasks of its executor run in between, and how often it looks each time: for about
/// 150 µs together, and 5 µs each.
const ROUNDS: u32 = 32;
const LOOKS: u32 = 8;

/// Somebody looks for his answer. If he goes away before it is there, the driver watches again.
pub(super) struct Looking(Option<Wire>);

impl Drop for Looking {
    fn drop(&mut self) {
        if let Some(wire) = &self.0 {
            wire.0.inner.watch(|_| {});
        }
    }
}

impl Looking {
    pub(super) fn new(wire: Wire) -> Looking {
        Looking(Some(wire))
    }

    /// Looks for the answer of the only one who waits: `None` if the driver is to do it.
    pub(super) async fn look(
        mut self,
        receiver: &mut oneshot::Receiver<RedisResult<Value>>,
    ) -> Option<RedisResult<Value>> {
        let inner = &*self.0.as_ref()?.0.inner;
        let (mut rounds, begun) = (0, RealClock.now());
        let answer = poll_fn(|cx| inner.poll_look(cx, receiver, &mut rounds)).await;
        if let Some(answer) = answer {
            let looked = Looked::after(RealClock.now().saturating_sub(begun), answer);
            // The driver need not watch until somebody asks who is not alone.
            inner.state().spin.judge(&looked);
            self.0 = None;
            return looked.found();
        }
        if rounds >= ROUNDS {
            inner.watch(|state| state.spin.judge(&Looked::<()>::Nothing));
            self.0 = None;
        }
        None
    }
}

impl Inner {
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
            std::thread::yield_now();
        }
        if let Poll::Ready(answer) = Pin::new(receiver).poll(cx) {
            return Poll::Ready(answer.ok());
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
        let lost = match self.socket.try_read(reading.room()) {
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
    pub(super) fn watch(&self, and: impl FnOnce(&mut State)) {
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
