//! Answers that are expected soon: who asks alone looks for its answer for a moment before it sleeps. A record that
//! nobody syncs is in its place within some 20 µs, and waking a sleeper takes two or three times as long where
//! processors fall asleep.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use larder::io::{AdaptiveSpin, Looked, look};
use larder::{Reply, Result};

/// How often others of the same executor may run in between.
const ROUNDS: u32 = 4;

/// Who waits for answers, and whether looking for them was worth it.
#[derive(Debug, Default)]
pub(crate) struct Asking {
    waiting: AtomicUsize,
    spin: Mutex<AdaptiveSpin>,
}

impl Asking {
    /// The same answer, looked for by whoever polls the reply if nobody else waits for one.
    pub(crate) fn soon<T: Send + 'static>(self: &Arc<Asking>, reply: Reply<T>) -> Reply<T> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let mut asked = Asked { asking: Arc::clone(self), reply, rounds: None };
        Reply::future(std::future::poll_fn(move |cx| asked.poll(cx)))
    }

    fn is_worthwhile(&self) -> bool {
        self.is_alone() && self.spin.lock().unwrap_or_else(PoisonError::into_inner).is_worthwhile()
    }

    fn is_alone(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) == 1
    }

    fn judge<T>(&self, looked: &Looked<T>) {
        self.spin.lock().unwrap_or_else(PoisonError::into_inner).judge(looked);
    }
}

/// One who waits.
struct Asked<T> {
    asking: Arc<Asking>,
    reply: Reply<T>,
    /// How many rounds of looking are left; `None` before it is decided whether to look.
    rounds: Option<u32>,
}

impl<T> Asked<T> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let looked = match self.rounds {
            None if self.asking.is_worthwhile() => {
                self.rounds = Some(ROUNDS);
                // No longer than that before others of this executor, who may be about to ask too, have run.
                self.now()
            }
            Some(rounds) if rounds > 0 && self.asking.is_alone() => {
                self.rounds = Some(rounds - 1);
                let looked = look(|| self.now());
                if rounds == 1 || !matches!(looked, Looked::Nothing) {
                    self.asking.judge(&looked);
                }
                looked.found()
            }
            _ => {
                self.rounds = Some(0);
                None
            }
        };
        match (looked, self.rounds) {
            (Some(answer), _) => Poll::Ready(answer),
            (None, Some(0)) => Pin::new(&mut self.reply).poll(cx),
            (None, _) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    /// The answer, if it is there.
    fn now(&mut self) -> Option<Result<T>> {
        match Pin::new(&mut self.reply).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        }
    }
}

impl<T> Drop for Asked<T> {
    fn drop(&mut self) {
        self.asking.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use larder::Responder;

    use super::*;

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Woken>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn poll(reply: &mut Reply<u32>, woken: &Arc<Woken>) -> Option<Result<u32>> {
        let waker = Waker::from(Arc::clone(woken));
        match Pin::new(reply).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        }
    }

    fn asked(asking: &Arc<Asking>) -> (Responder<u32>, Reply<u32>) {
        let (responder, reply) = Reply::channel();
        (responder, asking.soon(reply))
    }

    #[test]
    fn an_answer_that_is_there_is_given_at_once() {
        let (asking, woken) = (Arc::default(), Arc::default());
        let (responder, mut reply) = asked(&asking);
        responder.answer(Ok(1));
        assert_eq!(poll(&mut reply, &woken).unwrap().unwrap(), 1);
        assert_eq!(woken.0.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn who_looked_in_vain_sleeps_until_it_is_woken() {
        let (asking, woken): (_, Arc<Woken>) = (Arc::default(), Arc::default());
        let (responder, mut reply) = asked(&asking);
        // As often as it wakes itself, which lets others run; then it is quiet.
        let mut polls = 0;
        loop {
            let before = woken.0.load(Ordering::Relaxed);
            assert!(poll(&mut reply, &woken).is_none());
            polls += 1;
            if woken.0.load(Ordering::Relaxed) == before {
                break;
            }
        }
        assert!(polls <= ROUNDS + 1, "{polls}");
        let before = woken.0.load(Ordering::Relaxed);
        responder.answer(Ok(2));
        assert_eq!(woken.0.load(Ordering::Relaxed), before + 1, "a sleeper is woken");
        assert_eq!(poll(&mut reply, &woken).unwrap().unwrap(), 2);
    }

    #[test]
    fn who_is_not_alone_does_not_look() {
        let (asking, woken): (_, Arc<Woken>) = (Arc::default(), Arc::default());
        let (_one, mut first) = asked(&asking);
        _ = poll(&mut first, &woken);
        let looking = woken.0.load(Ordering::Relaxed);
        let (_other, mut second) = asked(&asking);
        assert!(poll(&mut second, &woken).is_none() && poll(&mut first, &woken).is_none());
        assert_eq!(woken.0.load(Ordering::Relaxed), looking, "neither wakes itself");
        drop((first, second));
        assert_eq!(asking.waiting.load(Ordering::Relaxed), 0, "who goes away waits no more");
    }
}
