//! The clocks: wall time, and the processor time of this thread, which a busy machine disturbs less.
//! Also how much of the machine others used meanwhile.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// What a row is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Time on the wall: for rows that wait, or that use several threads.
    Wall,
    /// Processor time of the calling thread: for rows that compute, on this thread alone.
    ThreadCpu,
}

/// One sample: so many operations took so long.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    operations: u64,
    took: Duration,
}

impl Sample {
    /// Of something that could not be measured: its time is not a number.
    pub const NONE: Sample = Sample { operations: 0, took: Duration::ZERO };

    /// So many operations took so long. Times of no operation do not exist: zero counts as one.
    pub fn new(operations: u64, took: Duration) -> Sample {
        Sample { operations: operations.max(1), took }
    }

    /// Nanoseconds per operation.
    pub fn nanos(&self) -> f64 {
        self.took.as_secs_f64() * 1e9 / self.operations as f64
    }

    /// How long the sample took.
    pub fn took(&self) -> Duration {
        self.took
    }
}

impl Clock {
    /// Times `work`, which performs so many operations. What a contender does outside of it (a fresh
    /// directory, keys to read) is not counted.
    pub fn time<T>(self, operations: u64, work: impl FnOnce() -> T) -> Sample {
        match self {
            Clock::Wall => {
                let start = Instant::now();
                std::hint::black_box(work());
                Sample::new(operations, start.elapsed())
            }
            Clock::ThreadCpu => {
                let start = cpu(ClockId::ThreadCPUTime);
                std::hint::black_box(work());
                Sample::new(operations, cpu(ClockId::ThreadCPUTime).saturating_sub(start))
            }
        }
    }

    /// The words for a table.
    pub fn label(self) -> &'static str {
        match self {
            Clock::Wall => "wall time",
            Clock::ThreadCpu => "CPU time of the thread",
        }
    }
}

fn cpu(id: ClockId) -> Duration {
    let time = clock_gettime(id);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// A moment, to ask later how busy others kept the machine since.
#[derive(Clone, Copy, Debug)]
pub struct Guard {
    at: Instant,
    own: Duration,
    all: Option<Duration>,
}

impl Guard {
    /// Begins now.
    pub fn begin() -> Guard {
        Guard { at: Instant::now(), own: own(), all: busy() }
    }

    /// The share of all processors that others used since: 0 nothing, 1 everything. Unknown, as
    /// where there is no /proc/stat, is 0.
    pub fn others(&self) -> f64 {
        let (Some(before), Some(after)) = (self.all, busy()) else { return 0.0 };
        let own = own().saturating_sub(self.own);
        let others = after.saturating_sub(before).saturating_sub(own).as_secs_f64();
        let processors = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        (others / (self.at.elapsed().as_secs_f64() * processors)).clamp(0.0, 1.0)
    }
}

const TICKS_PER_SECOND: f64 = 100.0;

/// Processes that work for this one and are not done: a server.
static HELPERS: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// A process that works for this one. What it uses is not used by others, as long as the value lives.
#[derive(Debug)]
pub struct Helper(u32);

impl Helper {
    /// The process with this id.
    pub fn of(pid: u32) -> Helper {
        HELPERS.lock().unwrap_or_else(PoisonError::into_inner).push(pid);
        Helper(pid)
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        HELPERS.lock().unwrap_or_else(PoisonError::into_inner).retain(|pid| *pid != self.0);
    }
}

/// The processor time that this process has used, its children that are done, and its helpers.
fn own() -> Duration {
    // Counted from the field after the name, which may hold anything.
    const OWN: [usize; 2] = [11, 12];
    const CHILDREN: [usize; 2] = [13, 14];
    let helpers = HELPERS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let helpers = helpers.iter().filter_map(|pid| used(&pid.to_string(), OWN)).sum::<Duration>();
    cpu(ClockId::ProcessCPUTime) + used("self", CHILDREN).unwrap_or_default() + helpers
}

/// The processor time in these fields of the process's /proc/PID/stat.
fn used(process: &str, fields_of: [usize; 2]) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: f64 = fields_of.iter().filter_map(|field| fields.get(*field)?.parse::<f64>().ok()).sum();
    Some(Duration::from_secs_f64(ticks / TICKS_PER_SECOND))
}

/// The processor time that everything on this machine has used, from /proc/stat.
fn busy() -> Option<Duration> {
    const IDLE: [usize; 2] = [3, 4];
    // Guests are counted in user time already.
    const COUNTED: usize = 8;
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let numbers = stat.lines().next()?.strip_prefix("cpu")?.split_whitespace().take(COUNTED);
    let ticks: f64 = numbers
        .enumerate()
        .filter(|(field, _)| !IDLE.contains(field))
        .filter_map(|(_, number)| number.parse::<f64>().ok())
        .sum();
    Some(Duration::from_secs_f64(ticks / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_per_operation() {
        assert!((Sample::new(4, Duration::from_nanos(100)).nanos() - 25.0).abs() < 1e-9);
        assert!(Sample::new(0, Duration::from_nanos(100)).nanos().is_finite());
        assert!(Sample::NONE.nanos().is_nan());
    }

    #[test]
    fn what_a_helper_uses_is_not_used_by_others() {
        let mut child = std::process::Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let spent = || used(&child.id().to_string(), [11, 12]).unwrap();
        while spent() < Duration::from_millis(50) {
            std::thread::yield_now();
        }
        let before = own();
        let helper = Helper::of(child.id());
        let with = own();
        drop(helper);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(with >= before + Duration::from_millis(50), "{before:?} {with:?}");
    }

    #[test]
    fn the_thread_clock_counts_work_and_no_waiting() {
        let waited = Clock::ThreadCpu.time(1, || std::thread::park_timeout(Duration::from_millis(30)));
        assert!(waited.took() < Duration::from_millis(20), "{waited:?}");
        let worked = Clock::ThreadCpu.time(1, || {
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(30) {}
        });
        assert!(worked.took() > Duration::ZERO);
    }
}
