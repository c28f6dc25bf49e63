//! What the executor shares with those who wake its tasks, from whatever thread.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::super::journal::hash;
use super::super::schedule::Deviation;
use super::task::Task;

pub(super) type Runnable = async_task::Runnable<Task>;

thread_local! {
    /// The queue whose run goes on on this thread, by address; and what was woken in it from this thread,
    /// which needs no lock.
    static HERE: Cell<usize> = const { Cell::new(0) };
    static WOKEN: RefCell<Vec<Runnable>> = const { RefCell::new(Vec::new()) };
}

/// What these were before a run, to be put back.
pub(super) struct Before {
    here: usize,
    woken: Vec<Runnable>,
}

/// The tasks that were woken, from outside the run's thread, and all that live.
#[derive(Default)]
pub(super) struct Queue {
    woken: Mutex<Woken>,
    /// Whether some task was woken. Written under the lock.
    any: AtomicBool,
    live: Mutex<Live>,
    record: Mutex<Record>,
}

#[derive(Default)]
struct Woken {
    tasks: Vec<Runnable>,
    /// Woken, once, when a task is: set while the executor's thread sleeps.
    sleeper: Option<Waker>,
}

#[derive(Default)]
struct Live {
    /// By number.
    tasks: BTreeMap<u64, Waker>,
    spawned: u64,
    /// How many tasks of each name there were, by the hash of the name.
    names: BTreeMap<u64, u64>,
    over: bool,
}

#[derive(Default)]
struct Record {
    deviations: Vec<Deviation>,
    most: usize,
}

impl Queue {
    /// The next task, by number and key.
    pub(super) fn name(&self, name: Cow<'static, str>, spawned: &'static Location<'static>) -> Task {
        let mut live = lock(&self.live);
        let id = live.spawned;
        live.spawned += 1;
        let hashed = hash(name.as_bytes());
        let before = live.names.entry(hashed).or_default();
        let key = hash(&[hashed.to_le_bytes(), before.to_le_bytes()].concat());
        *before += 1;
        Task::new(id, key, name, spawned)
    }

    /// What takes the task from the list of those that live, when it is dropped.
    pub(super) fn end_of(self: &Arc<Self>, task: &Task) -> End {
        End { queue: Arc::clone(self), id: task.id }
    }

    /// A run begins on this thread.
    pub(super) fn enter(&self) -> Before {
        lock(&self.live).over = false;
        Before { here: HERE.replace(self.address()), woken: WOKEN.take() }
    }

    /// The run has ended, and its tasks are gone.
    pub(super) fn leave(&self, before: Before) {
        HERE.set(before.here);
        WOKEN.set(before.woken);
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Begins a task. After the end of the run it is dropped instead.
    pub(super) fn start(&self, runnable: Runnable) {
        let mut live = lock(&self.live);
        if live.over {
            drop(live);
            drop(runnable);
            return;
        }
        live.tasks.insert(runnable.metadata().id, runnable.waker());
        drop(live);
        runnable.schedule();
    }

    /// Takes a task that was woken.
    pub(super) fn push(&self, runnable: Runnable) {
        // An error: the thread is ending, and the run is not on it any more.
        if HERE.try_with(Cell::get) == Ok(self.address()) {
            WOKEN.with_borrow_mut(|woken| woken.push(runnable));
            return;
        }
        let mut woken = lock(&self.woken);
        woken.tasks.push(runnable);
        self.any.store(true, Ordering::Release);
        let sleeper = woken.sleeper.take();
        drop(woken);
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }

    /// Moves the tasks that were woken to the end of the others, in order. For the run's thread.
    pub(super) fn drain(&self, ready: &mut VecDeque<Runnable>) {
        if self.any.load(Ordering::Acquire) {
            let mut woken = lock(&self.woken);
            self.any.store(false, Ordering::Release);
            ready.extend(woken.tasks.drain(..));
        }
        WOKEN.with_borrow_mut(|woken| {
            // Mostly there is one, for which draining is slow.
            match woken.len() {
                0 => {}
                1 => ready.extend(woken.pop()),
                _ => ready.extend(woken.drain(..)),
            }
        });
    }

    /// Wakes this one when a task is woken; at once, if one was.
    pub(super) fn sleep(&self, waker: &Waker) {
        let mut woken = lock(&self.woken);
        if woken.tasks.is_empty() {
            woken.sleeper = Some(waker.clone());
        } else {
            drop(woken);
            waker.wake_by_ref();
        }
    }

    /// Wakes every task, so that all that live pass through the queue. For the end of a run.
    pub(super) fn wake_all(&self, over: bool) {
        let mut live = lock(&self.live);
        live.over |= over;
        let wakers: Vec<Waker> = live.tasks.values().cloned().collect();
        drop(live);
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(super) fn record(&self, most: usize) {
        lock(&self.record).most = most;
    }

    pub(super) fn deviations(&self) -> Vec<Deviation> {
        lock(&self.record).deviations.clone()
    }

    pub(super) fn deviated(&self, task: &Task, overtakes: usize) {
        let mut record = lock(&self.record);
        if record.deviations.len() < record.most {
            let overtakes = u32::try_from(overtakes).unwrap_or(u32::MAX);
            record.deviations.push(Deviation { task: task.key, poll: task.polls(), overtakes });
        }
    }
}

/// Lives in the task's future.
pub(super) struct End {
    queue: Arc<Queue>,
    id: u64,
}

impl Drop for End {
    fn drop(&mut self) {
        // Dropped after the lock: it may be the last that holds the task.
        let waker = lock(&self.queue.live).tasks.remove(&self.id);
        drop(waker);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Queue({} tasks)", lock(&self.live).tasks.len())
    }
}
