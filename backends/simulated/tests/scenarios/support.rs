//! A store behind latency and faults, with clients that each have a handle of their own, as processes
//! have, and a record of what they saw.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use larder::{Backend, Larder, Records};
use larder_filesystem::Filesystem;
use larder_memory::Memory;
use larder_pack::Pack;
use larder_simulated::check::{self, Verdict};
use larder_simulated::disk::SimDisk;
use larder_simulated::draw::{Draws, below};
use larder_simulated::fault::Faults;
use larder_simulated::history::Recorder;
use larder_simulated::latency::Profile;
use larder_simulated::store::Simulated;
use larder_simulated::time::{Sim, VirtualClock};

/// What the store stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    Memory,
    Files,
    Pack,
}

impl On {
    pub(crate) const ALL: [On; 3] = [On::Memory, On::Files, On::Pack];

    pub(crate) fn backend(self, clock: &VirtualClock, seed: u64) -> Arc<dyn Backend> {
        match self {
            On::Memory => Arc::new(Memory::new()),
            On::Files => Arc::new(files(&SimDisk::new(seed), clock)),
            On::Pack => Arc::new(pack(&SimDisk::new(seed), clock)),
        }
    }
}

/// The pack on this disk, in segments so small that it is compacted during a run.
pub(crate) fn pack(disk: &SimDisk, clock: &VirtualClock) -> Pack {
    let options = Pack::options().inline().disk(Arc::new(disk.process())).clock(Arc::new(clock.clone()));
    pollster::block_on(options.segment_bytes(16 << 10).checkpoint_bytes(16 << 10).open("/store")).unwrap()
}

/// A handle of the store of files on this disk.
pub(crate) fn files(disk: &SimDisk, clock: &VirtualClock) -> Filesystem {
    let options =
        Filesystem::options().inline().disk(Arc::new(disk.process())).clock(Arc::new(clock.clone()));
    pollster::block_on(options.open("/store")).unwrap()
}

/// A run.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) seed: u64,
    pub(crate) sim: Sim,
    pub(crate) store: Simulated<Arc<dyn Backend>>,
    pub(crate) recorder: Recorder,
}

impl Scene {
    /// The store as this client uses it. Clients share nothing but the storage.
    pub(crate) fn client(&self, id: u64) -> Larder {
        let clock = Arc::new(self.sim.clock().clone());
        let records = Records::with_clock(self.store.client(id), clock);
        Larder::over(Arc::new(self.recorder.record(id, Arc::new(records))))
    }

    pub(crate) fn draws(&self, purpose: &str) -> Dice {
        Dice { draws: Draws::new(self.seed).domain(purpose), next: 0 }
    }

    /// Runs `count` clients side by side, each in a task of its own, to their ends. What hangs is let go
    /// after an hour of virtual time.
    pub(crate) async fn clients<F>(&self, count: u64, client: impl Fn(Larder, Dice, u64) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let tasks: Vec<_> = (0..count)
            .map(|id| {
                let dice = Dice { draws: Draws::new(self.seed).domain("client").of(id), next: 0 };
                self.sim.spawn(format!("client {id}"), client(self.client(id), dice, id))
            })
            .collect();
        let (clock, store) = (self.sim.clock().clone(), self.store.clone());
        let healer = self.sim.spawn("healer", async move {
            clock.sleep_for(Duration::from_secs(3600)).await;
            store.heal();
        });
        for task in tasks {
            task.await;
        }
        drop(healer);
        self.store.heal();
    }

    /// Fails unless what was seen is linearizable.
    pub(crate) fn assert_linearizable(&self, of: &str) {
        match check::check(&self.recorder.history()) {
            Verdict::Linearizable => {}
            verdict => panic!("{of}, seed {}: {verdict}", self.seed),
        }
    }
}

/// Numbers by chance, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Dice {
    draws: Draws,
    next: u64,
}

impl Dice {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next += 1;
        below(self.draws.at(self.next), bound)
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// One run of this seed.
pub(crate) fn play<F, T>(
    seed: u64,
    on: On,
    profile: Profile,
    faults: Faults,
    body: impl FnOnce(Scene) -> F,
) -> T
where
    F: Future<Output = T> + 'static,
    T: 'static,
{
    let ended = Sim::run(seed, |sim| {
        let clock = sim.clock().clone();
        let recorder = Recorder::with_clock(Arc::new(clock.clone()));
        let store = Simulated::builder(on.backend(&clock, seed), Arc::new(clock.clone()), seed)
            .profile(profile)
            .faults(faults)
            .clock(&clock)
            .build();
        body(Scene { seed, sim, store, recorder })
    });
    ended.unwrap_or_else(|stall| panic!("seed {seed}: {stall}"))
}

pub(crate) fn profile(name: &str) -> Profile {
    Profile::named(name).unwrap()
}
