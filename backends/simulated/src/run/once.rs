//! One run.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::plan::Plans;
use super::{Cause, Context, Failure, Outcome, Plan, Seed};
use crate::time::{Deviation, Limits, Policy, Sim, Stall, VirtualClock};

/// How to run.
#[derive(Clone, Default)]
pub struct Setup {
    /// The limits.
    pub limits: Limits,
    /// Makes the schedule of each run; [`Policy::Random`] by default.
    pub schedule: Option<Arc<dyn Fn() -> Policy + Send + Sync>>,
    /// A plan to follow, in place of what the body would generate.
    pub plan: Option<Plan>,
    /// Whether to keep the plan and the schedule, so that the run can be stored and cut down.
    pub record: bool,
    /// How many steps of all kinds to keep in the trace; the latest notes if `None`.
    pub trace: Option<usize>,
}

impl Setup {
    /// The run that has this plan and this schedule.
    pub fn replay(limits: Limits, plan: Plan, deviations: Vec<Deviation>) -> Setup {
        let schedule = move || Policy::Replay(deviations.clone());
        Setup { limits, plan: Some(plan), schedule: Some(Arc::new(schedule)), ..Setup::default() }
    }
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup")
            .field("limits", &self.limits)
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}

/// How many deviations of the schedule are kept.
const DEVIATIONS: usize = 1 << 20;

/// One run of this seed, on a thread of its own: what a library keeps for a thread, such as the state of
/// its random numbers, is new for every run.
pub fn once<F>(seed: Seed, setup: &Setup, body: impl Fn(Context) -> F + Sync) -> Outcome
where
    F: Future<Output = super::Result> + 'static,
{
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name(name(seed));
        match thread.spawn_scoped(scope, || here(seed, setup, &body)).map(|thread| thread.join()) {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => none(seed, Cause::of_panic(&*panic)),
            Err(error) => none(seed, Cause::Error(format!("cannot start a thread for the run: {error}"))),
        }
    })
}

/// The name of the thread: what a panic begins with.
fn name(seed: Seed) -> String {
    let current = std::thread::current();
    let test = current.name().filter(|name| *name != "main").unwrap_or("simulation");
    format!("{test}, seed {seed}")
}

fn here<F>(seed: Seed, setup: &Setup, body: impl Fn(Context) -> F) -> Outcome
where
    F: Future<Output = super::Result> + 'static,
{
    let clock = VirtualClock::with_limits(seed.value(), setup.limits);
    if let Some(steps) = setup.trace {
        clock.trace_everything(steps);
    }
    let sim = Sim::new(clock.clone());
    if setup.record {
        sim.record_schedule(DEVIATIONS);
    }
    let cx = Context::new(seed, sim.clone(), Plans::new(setup.plan.clone(), setup.record));
    let policy = setup.schedule.as_ref().map_or_else(Policy::default, |schedule| schedule());
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let body = cx.clone().body(body(cx.clone()));
        sim.block_on(seed.value(), policy, body)
    }));
    let mut cause = match ended {
        Ok(ended) => cause(&cx, ended),
        Err(panic) => Some(Cause::of_panic(&*panic)),
    };
    let (digest, at, trace) = (clock.digest(), clock.nanos(), clock.trace());
    for end in cx.take_ends() {
        let error = match catch_unwind(AssertUnwindSafe(|| end(&cx))) {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(Cause::Error(error.to_string())),
            Err(panic) => Some(Cause::of_panic(&*panic)),
        };
        cause = cause.or(error).or_else(|| cx.failed().map(Cause::Failed));
    }
    let failure = cause.map(|cause| Failure { seed, at, cause, trace: latest(&trace), digest });
    let plan = cx.plans().noted();
    let extensions = cx.extensions().clone();
    Outcome { seed, digest, time: at, failure, extensions, plan, deviations: sim.deviations(), trace }
}

fn cause(cx: &Context, ended: Result<Option<super::Result>, Stall>) -> Option<Cause> {
    if let Some(message) = cx.failed() {
        return Some(Cause::Failed(message));
    }
    match ended {
        Ok(Some(Ok(())) | None) => None,
        Ok(Some(Err(error))) => Some(Cause::Error(error.to_string())),
        Err(stall) => Some(Cause::Stall(stall)),
    }
}

fn latest(trace: &[crate::time::Entry]) -> Vec<crate::time::Entry> {
    let notes = trace.iter().filter(|entry| matches!(entry.step, crate::time::Step::Note(_)));
    let mut notes: Vec<_> = notes.rev().take(32).cloned().collect();
    notes.reverse();
    notes
}

/// A run that never began.
fn none(seed: Seed, cause: Cause) -> Outcome {
    let clock = VirtualClock::new(seed.value());
    let digest = clock.digest();
    Outcome {
        seed,
        digest,
        time: 0,
        failure: Some(Failure { seed, at: 0, cause, trace: Vec::new(), digest }),
        extensions: super::Extensions::default(),
        plan: Plan::new(),
        deviations: Vec::new(),
        trace: Vec::new(),
    }
}
