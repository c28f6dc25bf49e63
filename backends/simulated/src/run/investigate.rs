//! What to do about a failure: run it again, cut it down, store it, and say how to see it.

use std::future::Future;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Context, Failure, Outcome, Repro, Setup, Shrinker, once, place};

/// How to look into a failure.
#[derive(Debug)]
pub(super) struct Investigation<'a> {
    pub(super) test: &'a str,
    pub(super) setup: &'a Setup,
    pub(super) tries: u64,
    pub(super) directory: &'a Path,
}

/// The steps of all tries together are at most so many times those of the failure.
const WORK: u64 = 50;

impl Investigation<'_> {
    /// Runs a failure again, cuts it down, stores it, and says how to see it.
    pub(super) fn run<F>(
        &self,
        failure: &Failure,
        body: &(impl Fn(Context) -> F + Sync),
    ) -> (Option<Repro>, String)
    where
        F: Future<Output = super::Result> + 'static,
    {
        let mut text = failure.to_string();
        let say = |text: &mut String, line: &str| *text = format!("{text}\n{line}");
        let recorded = once(failure.seed, &Setup { record: true, ..self.setup.clone() }, body);
        let same = recorded.failure.as_ref().is_some_and(|again| again.cause.is_like(&failure.cause));
        if !same || recorded.digest != failure.digest {
            let hint =
                "it did not happen in the same way again: `run::check_determinism` says where two runs part";
            say(&mut text, hint);
        }
        say(&mut text, "replay it with");
        let seed = failure.seed.to_string();
        say(&mut text, &format!("  {}", place::command(place::SEED, &seed, self.test)));
        if !same {
            return (None, text);
        }
        let mut repro = Repro::of(self.test, &recorded);
        if self.tries > 0 {
            let before = repro.size();
            let (shrunk, tries) = self.cut_down(repro, &recorded, body);
            repro = shrunk;
            let (items, deviations) = repro.size();
            say(
                &mut text,
                &format!(
                    "or cut down, in {tries} tries, from {} items of the plan and {} deviations of the schedule to \
                     {items} and {deviations}, with",
                    before.0, before.1
                ),
            );
        } else {
            say(&mut text, "or, its plan and its schedule alone, with");
        }
        match repro.save(self.directory) {
            Ok(path) => {
                let command = place::command(place::REPRO, &path.display().to_string(), self.test);
                say(&mut text, &format!("  {command}"));
            }
            Err(error) => say(&mut text, &format!("  nothing: {error}")),
        }
        (Some(repro), text)
    }

    fn cut_down<F>(
        &self,
        repro: Repro,
        recorded: &Outcome,
        body: &(impl Fn(Context) -> F + Sync),
    ) -> (Repro, u64)
    where
        F: Future<Output = super::Result> + 'static,
    {
        let (seed, limits) = (repro.seed(), self.setup.limits);
        let (most, steps) = (recorded.digest.steps.saturating_mul(WORK), AtomicU64::new(0));
        let mut shrunk = Shrinker::new(repro).tries(self.tries).run(|candidate| {
            if steps.load(Ordering::Relaxed) > most {
                return false;
            }
            let outcome = once(seed, &candidate.setup(limits), body);
            steps.fetch_add(outcome.digest.steps, Ordering::Relaxed);
            let (Some(now), Some(then)) = (&outcome.failure, &recorded.failure) else { return false };
            now.cause.is_like(&then.cause)
        });
        let last = once(seed, &shrunk.repro.setup(limits), body);
        if let Some(failure) = last.failure {
            (shrunk.repro.message, shrunk.repro.digest) =
                (failure.cause.to_string(), last.digest.to_string());
        }
        (shrunk.repro, shrunk.tries)
    }
}
