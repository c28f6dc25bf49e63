//! Many runs, by seed.

use std::env;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::investigate::Investigation;
use super::pool::Pool;
use super::{Context, Repro, Runs, Seed, Setup, place};
use crate::time::{Limits, Policy, nanos};

/// Runs of these seeds.
#[track_caller]
pub fn seeds(seeds: impl IntoIterator<Item = u64>) -> Seeds {
    let caller = Location::caller();
    Seeds {
        seeds: seeds.into_iter().map(Seed::from).collect(),
        setup: Setup::default(),
        threads: 1,
        keep_going: false,
        keep: false,
        tries: 300,
        directory: place::directory(),
        test: place::test_name(caller),
        after: Vec::new(),
    }
}

/// Runs that have not begun. See [`seeds`].
#[must_use = "say `.run(..)`"]
pub struct Seeds {
    seeds: Vec<Seed>,
    setup: Setup,
    threads: usize,
    keep_going: bool,
    keep: bool,
    tries: u64,
    directory: PathBuf,
    test: String,
    after: Vec<After>,
}

type After = Box<dyn FnOnce(&Runs)>;

impl Seeds {
    /// This seed too.
    pub fn and(mut self, seed: Seed) -> Seeds {
        self.seeds.push(seed);
        self
    }

    /// How much virtual time a run may take: beyond, it has failed. Ten years by default.
    pub fn limit(mut self, time: Duration) -> Seeds {
        self.setup.limits.time = nanos(time);
        self
    }

    /// All limits.
    pub fn limits(mut self, limits: Limits) -> Seeds {
        self.setup.limits = limits;
        self
    }

    /// Runs so many seeds at a time, each on a thread of its own. The outcomes are the same.
    pub fn threads(mut self, threads: usize) -> Seeds {
        self.threads = threads.max(1);
        self
    }

    /// How tasks are scheduled; by chance if not said.
    pub fn schedule(mut self, policy: impl Fn() -> Policy + Send + Sync + 'static) -> Seeds {
        self.setup.schedule = Some(Arc::new(policy));
        self
    }

    /// Runs all seeds, also after one has failed.
    pub fn keep_going(mut self) -> Seeds {
        self.keep_going = true;
        self
    }

    /// Keeps [`Outcome::extensions`](super::Outcome::extensions) of all runs, not only of those that failed.
    pub fn keep_extensions(mut self) -> Seeds {
        self.keep = true;
        self
    }

    /// How many runs may be spent on cutting down a failure; 300 by default, 0 for none. Only plans
    /// ([`Context::plan`]) and schedules can be cut down.
    pub fn shrink(mut self, tries: u64) -> Seeds {
        self.tries = tries;
        self
    }

    /// Where failures are stored: `target/sim` by default.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Seeds {
        self.directory = directory.into();
        self
    }

    /// Calls this with all outcomes when they are there, before [`run`](Seeds::run) panics: for reports.
    pub fn after(mut self, after: impl FnOnce(&Runs) + 'static) -> Seeds {
        self.after.push(Box::new(after));
        self
    }

    /// Runs the body for every seed, up to the first that fails, on one fresh thread each.
    ///
    /// # Panics
    /// If a run fails, with the failure and the command that replays it. [`try_run`](Seeds::try_run) does
    /// not.
    #[track_caller]
    pub fn run<F>(self, body: impl Fn(Context) -> F + Sync) -> Runs
    where
        F: Future<Output = super::Result> + 'static,
    {
        let runs = self.try_run(body);
        if let Some(report) = runs.report() {
            panic!("{report}");
        }
        runs
    }

    /// The same, for whoever looks at the failures.
    pub fn try_run<F>(mut self, body: impl Fn(Context) -> F + Sync) -> Runs
    where
        F: Future<Output = super::Result> + 'static,
    {
        let after = std::mem::take(&mut self.after);
        let runs = match self.heed_environment() {
            Ok(()) => self.all(&body),
            Err(error) => Runs::none(error.to_string()),
        };
        after.into_iter().for_each(|after| after(&runs));
        runs
    }

    fn all<F>(&self, body: &(impl Fn(Context) -> F + Sync)) -> Runs
    where
        F: Future<Output = super::Result> + 'static,
    {
        let pool = Pool { threads: self.threads, keep_going: self.keep_going, keep: self.keep };
        let outcomes = pool.run(&self.seeds, &self.setup, body);
        let Some(failure) = outcomes.iter().find_map(|outcome| outcome.failure.as_ref()) else {
            return Runs::passed(outcomes);
        };
        let investigation = Investigation {
            test: &self.test,
            setup: &self.setup,
            tries: self.tries,
            directory: &self.directory,
        };
        let (repro, report) = investigation.run(failure, body);
        Runs::failed(outcomes, repro, report)
    }

    /// What the environment says to run instead.
    fn heed_environment(&mut self) -> larder::Result<()> {
        if let Ok(path) = env::var(place::REPRO) {
            let repro = Repro::load(Path::new(&path))?;
            self.seeds = vec![repro.seed()];
            self.setup = repro.setup(self.setup.limits);
            self.tries = 0;
        } else if let Ok(seed) = env::var(place::SEED) {
            self.seeds = vec![seed.parse()?];
        }
        Ok(())
    }
}

impl fmt::Debug for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seeds({} of {})", self.seeds.len(), self.test)
    }
}
