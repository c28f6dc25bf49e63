//! Concurrency without a runtime: tasks joined in one `block_on`, in several threads at once.

use std::future::Future;
use std::pin::pin;
use std::sync::Barrier;
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

/// Runs `work` in a thread of its own for as long as `other` takes, and gives what `other` gives.
/// `work` is called again and again with the number of the round, twice at the least.
pub(crate) fn while_running<H, T, F>(
    harness: &H,
    work: impl Fn(u64) -> F + Sync,
    other: impl FnOnce() -> T,
) -> T
where
    H: Harness,
    F: Future<Output = ()>,
{
    use std::sync::atomic::{AtomicBool, Ordering};
    let (done, start) = (&AtomicBool::new(false), &Barrier::new(2));
    // Also when `other` panics: the scope would wait for the thread for ever.
    struct Finish<'a>(&'a AtomicBool);
    impl Drop for Finish<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            start.wait();
            harness.block_on(async {
                let mut round = 0;
                while round < 2 || !done.load(Ordering::Relaxed) {
                    work(round).await;
                    round += 1;
                }
            });
        });
        let finish = Finish(done);
        start.wait();
        let result = other();
        drop(finish);
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
