//! The threads that do the work, fed by flume channels. One job is one whole operation (open, write,
//! sync, rename), not one system call. A simulation runs the same jobs in place, without threads.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use super::{AdaptiveSpin, look};
use crate::error::{Error, Result};
use crate::reply::Reply;

type Job = Box<dyn FnOnce() + Send>;

/// A bounded set of IO threads. A job that panics closes its own reply and leaves the thread alive.
pub struct Workers(Pool<Job>);

impl Workers {
    /// So many threads (at least one), named for people who look at thread lists.
    ///
    /// # Errors
    /// `Io` if the system gives no thread.
    pub fn new(name: &str, threads: usize) -> Result<Workers> {
        let (sender, jobs) = flume::unbounded::<Job>();
        let mut handles = Vec::new();
        for _ in 0..threads.max(1) {
            let jobs = jobs.clone();
            handles.push(spawn(name, move || {
                while let Ok(job) = jobs.recv() {
                    _ = catch_unwind(AssertUnwindSafe(job));
                }
            })?);
        }
        Ok(Workers(Pool::new(sender, handles)))
    }

    /// No threads: every job runs where it is submitted, before the call returns.
    pub fn inline() -> Workers {
        Workers(Pool::inline(|job: Job| _ = catch_unwind(AssertUnwindSafe(job))))
    }

    /// Submits a job. Its reply may be dropped; the job then still runs to its end.
    pub fn run<T: Send + 'static>(&self, job: impl FnOnce() -> Result<T> + Send + 'static) -> Reply<T> {
        let (responder, reply) = Reply::channel();
        match self.0.send(Box::new(move || responder.answer(job()))) {
            Ok(()) => reply,
            Err(_) => Reply::ready(Err(Error::closed())),
        }
    }

    /// Takes no more jobs, finishes those that were submitted, and ends the threads. Blocks.
    pub fn close(&self) {
        self.0.close();
    }
}

/// One thread that takes all that has queued at once, so that what arrives together is done
/// together: one sync for many writes, without timers.
pub struct Drain<T>(Pool<T>);

impl<T: Send + 'static> Drain<T> {
    /// A thread that calls `handle` with everything that has queued, never with nothing, and with no
    /// more than `most` at a time.
    ///
    /// # Errors
    /// `Io` if the system gives no thread.
    pub fn new(name: &str, most: usize, mut handle: impl FnMut(Vec<T>) + Send + 'static) -> Result<Drain<T>> {
        let (sender, queue) = flume::unbounded::<T>();
        let thread = spawn(name, move || {
            let mut sleep = Sleep::default();
            while let Ok(first) = sleep.until_something_queues(&queue) {
                let mut batch = vec![first];
                batch.extend(queue.try_iter().take(most.saturating_sub(1)));
                sleep.was_alone = batch.len() == 1;
                _ = catch_unwind(AssertUnwindSafe(|| handle(batch)));
            }
        })?;
        Ok(Drain(Pool::new(sender, vec![thread])))
    }

    /// No thread: every item is handled where it is sent.
    pub fn inline(mut handle: impl FnMut(Vec<T>) + Send + 'static) -> Drain<T> {
        Drain(Pool::inline(move |item| _ = catch_unwind(AssertUnwindSafe(|| handle(vec![item])))))
    }

    /// Queues an item; hands it back if the thread is gone or was closed.
    pub fn send(&self, item: T) -> Result<(), T> {
        self.0.send(item)
    }

    /// Takes no more, finishes what has queued, and ends the thread. Blocks.
    pub fn close(&self) {
        self.0.close();
    }
}

/// How the thread of a [`Drain`] waits. Whoever asks alone is likely to ask again as soon as it has its answer, and
/// then the thread looks for that before it sleeps: waking it up takes longer than many a job. After a crowd it
/// sleeps at once: while it wakes up, the crowd gathers.
#[derive(Default)]
struct Sleep {
    spin: AdaptiveSpin,
    was_alone: bool,
}

impl Sleep {
    fn until_something_queues<T>(&mut self, queue: &flume::Receiver<T>) -> Result<T, flume::RecvError> {
        if self.was_alone && queue.is_empty() && self.spin.is_worthwhile() {
            let looked = look(|| queue.try_recv().ok());
            self.spin.judge(&looked);
            if let Some(found) = looked.found() {
                return Ok(found);
            }
        }
        queue.recv()
    }
}

/// Threads behind a channel, or none.
struct Pool<T> {
    queue: RwLock<Option<Queue<T>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

enum Queue<T> {
    Threads(flume::Sender<T>),
    Inline(Mutex<Box<dyn FnMut(T) + Send>>),
}

impl<T> Pool<T> {
    fn new(sender: flume::Sender<T>, threads: Vec<JoinHandle<()>>) -> Pool<T> {
        Pool { queue: RwLock::new(Some(Queue::Threads(sender))), threads: Mutex::new(threads) }
    }

    fn inline(handle: impl FnMut(T) + Send + 'static) -> Pool<T> {
        let handle: Box<dyn FnMut(T) + Send> = Box::new(handle);
        Pool { queue: RwLock::new(Some(Queue::Inline(Mutex::new(handle)))), threads: Mutex::default() }
    }

    fn send(&self, item: T) -> Result<(), T> {
        match &*self.queue.read().unwrap_or_else(PoisonError::into_inner) {
            None => Err(item),
            Some(Queue::Threads(sender)) => sender.send(item).map_err(flume::SendError::into_inner),
            Some(Queue::Inline(handle)) => {
                (handle.lock().unwrap_or_else(PoisonError::into_inner))(item);
                Ok(())
            }
        }
    }

    fn close(&self) {
        // The threads end when the last sender is gone and the queue is empty.
        self.queue.write().unwrap_or_else(PoisonError::into_inner).take();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let own = std::thread::current().id();
        for thread in threads.into_iter().filter(|thread| thread.thread().id() != own) {
            _ = thread.join();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "these are the threads that everybody else uses")]
fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.spawn(body).map_err(|error| Error::io("cannot start an IO thread", error))
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Workers")
    }
}

impl<T> fmt::Debug for Drain<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Drain")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_job_that_panics_closes_its_reply_and_spares_the_thread() {
        for workers in [Workers::new("test", 1).unwrap(), Workers::inline()] {
            let reply = workers.run(|| -> Result<()> { panic!("on purpose") });
            assert_eq!(reply.wait().unwrap_err().kind(), ErrorKind::Closed);
            assert_eq!(workers.run(|| Ok(1)).wait().unwrap(), 1);
        }
    }

    #[test]
    fn closing_finishes_what_was_submitted_and_refuses_more() {
        let workers = Workers::new("test", 2).unwrap();
        let replies: Vec<_> = (0..100).map(|i| workers.run(move || Ok(i))).collect();
        workers.close();
        assert!(replies.into_iter().enumerate().all(|(i, reply)| reply.wait().unwrap() == i));
        assert_eq!(workers.run(|| Ok(())).wait().unwrap_err().kind(), ErrorKind::Closed);
    }

    #[test]
    fn a_drain_takes_together_what_has_queued() {
        let (started, start) = flume::bounded(0);
        let (sizes, seen) = flume::unbounded();
        let drain = Drain::new("test", 64, move |batch: Vec<u32>| {
            if batch == [0] {
                started.send(()).unwrap();
                started.send(()).unwrap();
            }
            sizes.send(batch.len()).unwrap();
        })
        .unwrap();
        drain.send(0).unwrap();
        start.recv().unwrap();
        (1..=100).for_each(|i| drain.send(i).unwrap());
        start.recv().unwrap();
        drain.close();
        assert_eq!(seen.drain().collect::<Vec<_>>(), [1, 64, 36]);
        assert_eq!(drain.send(7), Err(7));
    }

    #[test]
    fn who_waits_after_a_lone_item_gets_the_next_and_learns_of_the_end() {
        for was_alone in [true, false] {
            let (sender, queue) = flume::unbounded();
            let mut sleep = Sleep { was_alone, ..Sleep::default() };
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    for i in 0..1000 {
                        sender.send(i).unwrap();
                    }
                });
                for i in 0..1000 {
                    assert_eq!(sleep.until_something_queues(&queue), Ok(i));
                }
            });
            assert!(sleep.until_something_queues(&queue).is_err());
        }
    }
}
