//! [`Simulation`]: clients with a workload on a simulated store, from the first operation to the check.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use larder::{Backend, Clock, ErrorKind, Larder, Records};

use super::effects::with_effects;
use super::named::Workload;
use super::request::{Request, Stamp};
use super::session::{Done, Failure, Session, Until};
use crate::draw::Draws;
use crate::fault::{Counts, Faults};
use crate::history::{History, Recorder};
use crate::latency::{Profile, Resource};
use crate::store::{Life, Log, Simulated};
use crate::time::{Nanos, Policy, Sim, Stall, VirtualClock};

/// So many numbers lie between the first calls of two steps of a client, so that leaving a step out, or
/// a step that tries again more often, changes the fate of no other.
const STRIDE: u64 = 256;

/// What is to be simulated.
///
/// ```
/// use larder_memory::Memory;
/// use larder_simulated::fault::Faults;
/// use larder_simulated::latency::Profile;
/// use larder_simulated::workload::{Simulation, Until, Workload};
///
/// let simulation = Simulation {
///     profile: Profile::named("s3-standard")?,
///     faults: Faults::swarm(),
///     clients: 4,
///     until: Until::Operations(400),
///     ..Simulation::new(Workload::named("mixed")?, 7)
/// };
/// let finished = simulation.run(Memory::new());
/// assert_eq!(finished.done.len(), 400);
/// assert!(finished.stall.is_none());
/// # Ok::<(), larder::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Simulation {
    /// How long the storage takes.
    pub profile: Profile,
    /// What clients do.
    pub workload: Workload,
    /// What goes wrong with the storage.
    pub faults: Faults,
    /// Decides everything else.
    pub seed: u64,
    /// How many clients there are. Each has a handle of its own, as if it were a process of its own.
    pub clients: u64,
    /// When they stop. Operations are those of all clients together.
    pub until: Until,
    /// After so long without an answer a client gives an operation up.
    pub patience: Duration,
}

/// A simulation that has run.
#[derive(Debug)]
pub struct Finished {
    /// What clients did, by client and number.
    pub done: Vec<Done>,
    /// What they saw. The reads at the end, when all faults are over, are those of the client after the last;
    /// what was there from the start was written by the one after that.
    pub history: History,
    /// What the storage was called for.
    pub lives: Vec<Life>,
    /// The faults.
    pub counts: Counts,
    /// The storage.
    pub resource: Resource,
    /// How long it took, in virtual time.
    pub lasted: Nanos,
    /// Identifies the course of events: the same seed has the same digest.
    pub digest: String,
    /// Reads that failed although all faults were over.
    pub unhealed: Vec<Done>,
    /// Why it did not come to its end.
    pub stall: Option<Stall>,
}

impl Simulation {
    /// Ten clients, ten thousand operations, no latency and no faults.
    pub fn new(workload: Workload, seed: u64) -> Simulation {
        Simulation {
            profile: Profile::none(),
            workload,
            faults: Faults::none(),
            seed,
            clients: 10,
            until: Until::Operations(10_000),
            patience: Duration::from_secs(60),
        }
    }

    /// Runs it on this backend, in virtual time. Everything is decided by the seed, so the same simulation
    /// is the same run, provided that the backend answers at once.
    ///
    /// When the clients are done, all faults are ended, and every key that they wrote is read once more: what
    /// was lost shows then, and a store that does not recover, too.
    pub fn run(self, backend: impl Backend) -> Finished {
        let clock = VirtualClock::new(self.seed);
        let sim = Sim::new(clock.clone());
        let backend = Arc::new(backend);
        let recorder = Recorder::with_clock(Arc::new(clock.clone()));
        let log = Log::new();
        let draws = Draws::new(self.seed).domain("simulation");
        let resource = Resource::new(self.profile.clone(), draws.domain("resource"));
        let store = Simulated::builder(Arc::clone(&backend), Arc::new(clock.clone()), self.seed)
            .named("store")
            .resource(resource.clone())
            .faults(self.faults.clone())
            .clock(&clock)
            .log(&log)
            .build();
        let seed = self.seed;
        let run =
            Run { simulation: self, clock: clock.clone(), sim: sim.clone(), backend, recorder, store, draws };
        let (recorder, store) = (run.recorder.clone(), run.store.clone());
        let ended = sim.block_on(seed, Policy::Random, run.body());
        let lasted = clock.nanos();
        let lives = log.take();
        let (outcome, stall) = match ended {
            Ok(outcome) => (outcome, None),
            Err(stall) => ((Vec::new(), Vec::new()), Some(stall)),
        };
        Finished {
            done: outcome.0,
            history: with_effects(&recorder.history(), &lives),
            lives,
            counts: store.counts(),
            resource,
            lasted,
            digest: clock.digest().to_string(),
            unhealed: outcome.1,
            stall,
        }
    }
}

/// What runs.
struct Run<B> {
    simulation: Simulation,
    clock: VirtualClock,
    sim: Sim,
    backend: Arc<B>,
    recorder: Recorder,
    store: Simulated<Arc<B>>,
    draws: Draws,
}

impl<B: Backend> Run<B> {
    async fn body(self) -> (Vec<Done>, Vec<Done>) {
        let Simulation { workload, clients, until, patience, .. } = &self.simulation;
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let filler = self.larder(clients + 1, Arc::clone(&self.backend));
        for (number, request) in workload.filling().enumerate() {
            // Straight to the backend behind, which nothing can befall.
            _ = request.perform(&filler, Stamp { client: clients + 1, number: number as u64 }).await;
        }
        let tasks: Vec<_> = (0..*clients)
            .map(|id| {
                let store = self.store.client(id);
                let larder = self.larder(id, store.clone());
                let session = Session::new(workload.clone(), self.draws, id, Arc::clone(&clock))
                    .patience(*patience)
                    .before(move |number| store.skip_to(number * STRIDE));
                let until = share(*until, id, *clients);
                self.sim.spawn(format!("client {id}"), async move { session.run(&larder, until).await })
            })
            .collect();
        let mut done = Vec::new();
        for task in tasks {
            done.extend(task.await);
        }
        self.store.heal();
        let unhealed = self.read_all(&done, *patience).await;
        (done, unhealed)
    }

    /// Reads every key that was written; answers with the reads that failed.
    async fn read_all(&self, done: &[Done], patience: Duration) -> Vec<Done> {
        let id = self.simulation.clients;
        let larder = self.larder(id, self.store.client(id));
        let written = done.iter().filter(|each| !each.request.only_reads());
        let keys: BTreeSet<(Option<larder::Key>, Request)> =
            written.map(|each| (each.key(), each.request.reading())).collect();
        let mut failed = Vec::new();
        for (number, (_, request)) in keys.into_iter().enumerate() {
            let session =
                Session::new(self.simulation.workload.clone(), self.draws, id, Arc::new(self.clock.clone()))
                    .patience(patience);
            let read = session.perform(&larder, number as u64, request).await;
            failed.extend(read.failure.is_some().then_some(read));
        }
        failed
    }

    fn larder(&self, client: u64, backend: impl Backend) -> Larder {
        let records = Records::with_clock(backend, Arc::new(self.clock.clone()));
        Larder::over(Arc::new(self.recorder.record(client, Arc::new(records))))
    }
}

/// What one of so many clients does of the whole.
fn share(until: Until, id: u64, clients: u64) -> Until {
    match until {
        Until::Operations(all) => Until::Operations(all / clients + u64::from(id < all % clients)),
        time => time,
    }
}

impl Finished {
    /// Operations that failed as `Corrupt`: what was stored came back damaged.
    pub fn damaged(&self) -> impl Iterator<Item = &Done> {
        let corrupt = |done: &&Done| matches!(&done.failure, Some(Failure::Error(ErrorKind::Corrupt, _)));
        self.done.iter().chain(&self.unhealed).filter(corrupt)
    }
}
