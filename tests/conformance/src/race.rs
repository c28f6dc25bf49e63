//! Concurrency without a runtime: tasks joined in one `block_on`, in several threads at once.

use std::future::Future;
use std::pin::pin;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;

use futures::future::join_all;

use crate::Harness;

/// So many threads run the tasks of a race, each the same number of them.
const THREADS: usize = 4;

/// Runs `tasks` tasks (a multiple of four) at once: four threads begin together, and each runs its
/// share joined in one `block_on`. So tasks meet both within a thread and across threads.
pub(crate) fn race<H, T, F>(harness: &H, tasks: usize, task: impl Fn(usize) -> F + Sync) -> Vec<T>
where
    H: Harness,
    T: Send,
    F: Future<Output = T>,
{
    assert_eq!(tasks % THREADS, 0, "every thread has the same share");
    let (share, start, task) = (tasks / THREADS, &Barrier::new(THREADS), &task);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn(move || {
                    start.wait();
                    harness.block_on(join_all((0..share).map(|i| task(thread * share + i))))
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| join(thread.join())).collect()
    })
}

/// How often the work beside a test has been done.
pub(crate) struct Rounds {
    count: AtomicU64,
    /// The test is over, or the work has failed.
    over: AtomicBool,
}

impl Rounds {
    /// Whether the work has been done less often, and goes on: what a test waits for, so that enough
    /// happens beside it whatever the speed of either.
    pub(crate) fn fewer_than(&self, count: u64) -> bool {
        std::thread::yield_now();
        !self.over.load(Ordering::Relaxed) && self.count.load(Ordering::Relaxed) < count
    }
}

/// Ends the rounds when it is dropped, also by a panic: or each side would wait for the other.
struct Ends<'a>(&'a Rounds);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

/// Runs `work` in a thread of its own, round after round, for as long as `test` takes.
pub(crate) fn while_running<H, T, F>(
    harness: &H,
    work: impl Fn(u64) -> F + Sync,
    test: impl FnOnce(&Rounds) -> T,
) -> T
where
    H: Harness,
    F: Future<Output = ()>,
{
    let rounds = &Rounds { count: AtomicU64::new(0), over: AtomicBool::new(false) };
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let _ends = Ends(rounds);
            harness.block_on(async {
                while !rounds.over.load(Ordering::Relaxed) {
                    work(rounds.count.load(Ordering::Relaxed)).await;
                    rounds.count.fetch_add(1, Ordering::Relaxed);
                }
            });
        });
        let ends = Ends(rounds);
        let result = test(rounds);
        drop(ends);
        join(worker.join());
        result
    })
}

/// The result of a thread, or its panic.
fn join<T>(result: std::thread::Result<T>) -> T {
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Polls a future so many times at the most, then drops it. `None` if it was not finished by then.
pub(crate) async fn polled_at_most<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Waits for one poll, having asked for the next.
pub(crate) async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|cx| match std::mem::replace(&mut yielded, true) {
        true => Poll::Ready(()),
        false => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}
